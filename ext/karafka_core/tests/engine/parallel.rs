//! One partition, several leases out.

use karafka_core::config::{ParallelConfig, Spread, TopicConfig};

use crate::common::*;

mod drains;
mod ends;
mod order;
mod restoring;
mod seeking;
mod selection;

fn parallel(topic: &str, by: Spread, limit: usize, max_messages: usize) -> TopicConfig {
    TopicConfig {
        parallel: Some(ParallelConfig { by, limit }),
        max_messages,
        pause_timeout_ms: 5,
        ..topic_config(topic)
    }
}

/// The key is the number modulo `keys`; 0 is sent without one.
fn fill_keyed(kafka: &Kafka, topic: &str, partitions: u64, keys: u64, numbers: std::ops::Range<u64>) {
    let sender = kafka.producer();
    for number in numbers {
        let key = number / partitions % keys;
        sender.send(&Message {
            partition: (number % partitions) as i32,
            key: (key > 0).then(|| key.to_string().into_bytes()),
            payload: Some(number.to_string().into_bytes()),
            ..Message::to(topic)
        });
    }
    sender.flush();
}
