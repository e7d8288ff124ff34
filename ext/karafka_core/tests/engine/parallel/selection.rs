//! What holds when messages are handed out holds for lanes too: age and rate, also of what waited and of what failed.

use std::time::{Duration, Instant};

use karafka_core::config::{GroupConfig, ParallelConfig, Spread, TopicConfig};
use karafka_core::eligibility::SelectionConfig;
use karafka_core::filter::throttle::ThrottleConfig;
use karafka_core::lease::{Kind, Wait};

use crate::common::*;

fn parallel(topic: &str, limit: usize, selection: SelectionConfig) -> TopicConfig {
    TopicConfig {
        parallel: Some(ParallelConfig {
            by: Spread::None,
            limit,
        }),
        max_messages: 1,
        pause_timeout_ms: 50,
        pause_max_timeout_ms: 50,
        selection,
        ..topic_config(topic)
    }
}

fn expiring(kafka: &Kafka, topic: &str, after_ms: u64, limit: usize) -> GroupConfig {
    let selection = SelectionConfig {
        expire_after_ms: Some(after_ms),
        ..SelectionConfig::default()
    };
    kafka.group(vec![parallel(topic, limit, selection)])
}

#[test]
fn a_failed_message_of_a_lane_that_has_expired_meanwhile_is_skipped() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let group = expiring(&kafka, &topic, 2_500, 2);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        harness.wait_for_assignment(1);
        kafka.fill(&topic, 1, 0..1);
        let lease = harness.take();
        lease.retry(Wait::For(Duration::from_millis(3_000)), false);
        let again = harness.take_within(Duration::from_millis(4_000));
        assert!(again.is_none(), "it is older than it may be");
        wait_until("the commit", || kafka.committed(&id, &topic, 0) == Some(1));
    });
}

#[test]
fn a_message_that_expires_while_it_waits_for_a_lane_is_skipped() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let group = expiring(&kafka, &topic, 2_500, 1);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        harness.wait_for_assignment(1);
        kafka.fill(&topic, 1, 0..2);
        let lease = harness.take();
        // Long enough for the other one to become too old.
        assert!(harness.take_within(Duration::from_millis(3_000)).is_none());
        lease.ack();
        assert!(
            harness.take_within(Duration::from_millis(300)).is_none(),
            "it is older than it may be"
        );
        wait_until("the commit", || kafka.committed(&id, &topic, 0) == Some(2));
    });
}

#[test]
fn no_interval_has_more_than_the_limit_though_messages_waited_or_failed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..60);
    let selection = SelectionConfig {
        throttles: vec![0],
        ..SelectionConfig::default()
    };
    let mut config = engine_config(vec![kafka.group(vec![parallel(&topic, 2, selection)])]);
    config.throttles = vec![ThrottleConfig {
        limit: 5,
        interval_ms: 400,
    }];
    let harness = Harness::without_workers(config);
    let (first, second) = (harness.take(), harness.take());
    // Both lanes are busy, for some intervals.
    assert!(harness.take_within(Duration::from_millis(1_500)).is_none());
    let since = Instant::now();
    first.nack();
    second.nack();
    for number in 1..=20 {
        let lease = harness.take();
        assert_eq!(lease.kind(), Kind::Consume);
        // Now and then one fails.
        if number % 4 == 0 {
            lease.nack();
        } else {
            lease.ack();
        }
    }
    // 5 at once, and 5 more after each of 3 intervals, which may be a twentieth shorter.
    let took = since.elapsed();
    assert!(took > Duration::from_millis(1_140), "20 messages in {took:?}");
}
