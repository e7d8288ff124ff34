//! A filter looks at thousands of messages in one drain. Who has a message of that partition does not wait for it: a consumer that
//! marks one holds the lock of its whole interpreter.

use std::time::{Duration, Instant};

use karafka_core::config::SelectionConfig;
use karafka_core::config::{Spread, TopicConfig};
use karafka_core::filter::{Filter, FilterConfig, Parts, WantedConfig};

use super::parallel;
use crate::common::*;

/// As many as one drain looks at.
const LEFT_OUT: usize = 10_000;

/// What a message costs in the bound for what is fetched ahead, at least.
const COUNTED_BYTES: usize = 500;

fn purchases() -> Filter {
    let purchase = WantedConfig {
        text: Some("purchase".to_owned()),
        ..WantedConfig::default()
    };
    let config = FilterConfig {
        json: vec![(vec!["type".to_owned()], vec![purchase])],
        ..FilterConfig::default()
    };
    Filter::try_from(config).expect("valid")
}

/// About 400 bytes, the field that is asked for behind all others.
fn document(kind: &str) -> Vec<u8> {
    let others: String = (0..18).map(|n| format!(r#""field{n}":[{n},"text"],"#)).collect();
    format!(r#"{{{others}"type":"{kind}"}}"#).into_bytes()
}

fn send(kafka: &Kafka, topic: &str, kind: &str, count: usize) {
    let (sender, payload) = (kafka.producer(), document(kind));
    for _ in 0..count {
        sender.send(&Message {
            payload: Some(payload.clone()),
            ..Message::to(topic)
        });
    }
    sender.flush();
}

fn looking_at_all(only: &Filter) -> Duration {
    let payload = document("view");
    let parts = Parts {
        payload: Some(&payload),
        ..Parts::default()
    };
    let started = Instant::now();
    assert!((0..LEFT_OUT).all(|_| !only.matches(&parts)));
    started.elapsed()
}

#[test]
fn who_has_a_message_does_not_wait_for_the_drain_of_another_worker() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let only = purchases();
        let config = TopicConfig {
            selection: SelectionConfig {
                only: Some(only.clone()),
                ..SelectionConfig::default()
            },
            ..parallel(&topic, Spread::None, 2, 1)
        };
        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config])]));
        send(&kafka, &topic, "purchase", 1);
        let lease = harness.take();
        send(&kafka, &topic, "view", LEFT_OUT);
        send(&kafka, &topic, "purchase", 1);
        let fetched = || harness.engine.state().map_or(0, |state| state.fetched_bytes);
        wait_until("everything is fetched", || fetched() > LEFT_OUT * COUNTED_BYTES);
        let drain = looking_at_all(&only);
        let (mut longest, mut calls) = (Duration::ZERO, 0);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| harness.take());
            while !other.is_finished() {
                let started = Instant::now();
                lease.mark(0);
                lease.seek_offset();
                lease.unmarked_index();
                longest = longest.max(started.elapsed());
                calls += 1;
            }
            other.join().expect("no panic").ack();
        });
        eprintln!("looking at {LEFT_OUT} messages takes {drain:?}; the longest of {calls} calls meanwhile {longest:?}");
        assert!(longest < drain / 2, "{longest:?} of {drain:?}");
        lease.ack();
    });
}
