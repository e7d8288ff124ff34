//! Messages that wait, and messages that are skipped.

use karafka_core::config::TopicConfig;
use karafka_core::eligibility::SelectionConfig;

use crate::common::*;

mod age;
mod filter;
mod throttle;

fn config(topic: &str, selection: SelectionConfig) -> TopicConfig {
    TopicConfig {
        selection,
        ..topic_config(topic)
    }
}

fn wait_for_commit(kafka: &Kafka, group: &str, topic: &str, offset: i64) {
    wait_until("the commit", || kafka.committed(group, topic, 0) == Some(offset));
}
