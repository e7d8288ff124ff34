//! Partitions come and go: nothing is lost, nothing is committed before it was processed, nothing outlives its assignment.

use karafka_core::config::GroupConfig;

use crate::common::*;

mod churn;
mod loss;
mod revocation;

/// The mock waits out most of the session timeout whenever a member joins or leaves.
fn group(kafka: &Kafka, topic: &str) -> GroupConfig {
    let mut config = topic_config(topic);
    config.max_messages = 20;
    let mut group = kafka.group(vec![config]);
    if kafka.mock.is_some() {
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
    }
    group
}
