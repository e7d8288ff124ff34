//! A rate limit over all partitions.

use std::time::{Duration, Instant};

use karafka_core::eligibility::SelectionConfig;
use karafka_core::filter::throttle::ThrottleConfig;

use super::config;
use crate::common::*;

#[test]
fn a_throttle_is_shared_by_all_partitions_and_can_be_changed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..4_000);
    let throttled = SelectionConfig {
        throttles: vec![0],
        ..SelectionConfig::default()
    };
    let mut engine = engine_config(vec![kafka.group(vec![config(&topic, throttled)])]);
    engine.throttles = vec![ThrottleConfig {
        limit: 50,
        interval_ms: 500,
    }];
    let harness = Harness::start(engine, 3, ack);
    harness.wait_for_messages(1);
    let started = Instant::now();
    harness.wait_for_messages(300);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(2_300), "{took:?}");
    harness.engine.set_throttle(
        0,
        ThrottleConfig {
            limit: 5_000,
            interval_ms: 500,
        },
    );
    harness.wait_for_messages(4_000);
}
