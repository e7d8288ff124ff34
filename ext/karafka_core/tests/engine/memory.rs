//! What is fetched ahead is bounded for the process, and nothing starves or comes twice for it.

use std::time::{Duration, Instant};

use karafka_core::config::{GroupConfig, TopicConfig};

use crate::common::*;
use crate::on_both;

const PARTITIONS: i32 = 12;
const LIMIT: usize = 4 * 1024 * 1024;

fn filled(kafka: &Kafka) -> (String, GroupConfig) {
    let topic = kafka.topic(PARTITIONS);
    let sender = kafka.producer();
    for number in 0..200i64 * i64::from(PARTITIONS) {
        let mut payload = number.to_string().into_bytes();
        payload.resize(10_000, b' ');
        let partition = (number % i64::from(PARTITIONS)) as i32;
        sender.send(&Message {
            partition,
            payload: Some(payload),
            ..Message::to(&topic)
        });
        // In many pieces: one is fetched as a whole, whatever the limit of a fetch is.
        if number % 120 == 0 {
            sender.flush();
        }
    }
    sender.flush();
    let mut group = kafka.group(vec![TopicConfig {
        max_messages: 10,
        ..topic_config(&topic)
    }]);
    group.kafka.insert("fetch.max.bytes".into(), "1000000".into());
    group.kafka.insert("fetch.message.max.bytes".into(), "200000".into());
    (topic, group)
}

on_both! {
    fn what_is_fetched_ahead_stays_about_the_limit_and_everything_arrives_once_in_order(kafka) {
        let (_topic, group) = filled(kafka);
        let mut config = engine_config(vec![group]);
        config.max_queued_bytes = Some(LIMIT);
        let harness = Harness::without_workers(config);
        // 24 MB are there. One batch tells the engine how large messages are.
        let lease = harness.take();
        lease.ack();
        let fetched = || harness.engine.state().unwrap().fetched_bytes;
        wait_until("it fetches ahead", || fetched() > LIMIT / 4);
        // At first all come at once, and answers that were under way when the limit was reached still come in. Then it has to
        // stay bounded for so long that paused partitions change places.
        let (mut most, mut bounded) = (0, Instant::now());
        wait_until("it stays bounded", || {
            most = most.max(fetched());
            if most >= LIMIT * 2 {
                (most, bounded) = (0, Instant::now());
            }
            bounded.elapsed() > Duration::from_secs(4)
        });
        eprintln!("most fetched ahead: {most} of {LIMIT}");
        let harness = harness.with_workers(2, |lease| {
            std::thread::park_timeout(Duration::from_millis(1));
            lease.ack();
        });
        harness.wait_for_messages(200 * PARTITIONS as usize);
        let (_, log) = harness.stop();
        for partition in 0..PARTITIONS {
            assert_eq!(log.offsets(partition), (0..200).collect::<Vec<i64>>(), "partition {partition}");
        }
    }
}
