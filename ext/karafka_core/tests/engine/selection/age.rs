//! Messages that are too young wait, those that are too old are skipped.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use karafka_core::config::TopicConfig;
use karafka_core::eligibility::SelectionConfig;
use karafka_core::lease::Kind;

use super::{config, wait_for_commit};
use crate::common::*;
use crate::on_both;

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Sends numbers with their ages in milliseconds.
fn send_aged(kafka: &Kafka, topic: &str, ages_ms: &[i64]) {
    let (sender, now_ms) = (kafka.producer(), now_ms());
    for (number, age_ms) in ages_ms.iter().enumerate() {
        sender.send(&Message {
            payload: Some(number.to_string().into_bytes()),
            timestamp_ms: now_ms - age_ms,
            ..Message::to(topic)
        });
    }
    sender.flush();
}

fn delayed(by_ms: u64) -> SelectionConfig {
    SelectionConfig {
        delay_by_ms: by_ms,
        ..SelectionConfig::default()
    }
}

fn expiring(after_ms: u64) -> SelectionConfig {
    SelectionConfig {
        expire_after_ms: Some(after_ms),
        ..SelectionConfig::default()
    }
}

on_both! {
    fn a_delayed_message_waits_until_it_is_old_enough(kafka) {
        let topic = kafka.topic(1);
        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config(&topic, delayed(2_500))])]));
        harness.wait_for_assignment(1);
        let sent = Instant::now();
        send_aged(kafka, &topic, &[5_000, 300, 0]);
        let mut seen = 0;
        while seen < 3 {
            let lease = harness.take();
            if seen == 0 && sent.elapsed() < Duration::from_secs(2) {
                assert_eq!(lease.messages().len(), 1, "only the first is old enough");
            }
            for index in 0..lease.messages().len() {
                let age_ms = now_ms() - lease.messages().timestamp_ms(index).unwrap();
                assert!(age_ms >= 2_500, "{age_ms}");
                seen += 1;
            }
            lease.ack();
        }
    }

    fn expired_messages_are_skipped_and_their_offsets_committed(kafka) {
        let topic = kafka.topic(1);
        send_aged(kafka, &topic, &[9_000_000; 30]);
        let group = kafka.group(vec![config(&topic, expiring(3_600_000))]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        wait_for_commit(kafka, &id, &topic, 30);
        assert_eq!(harness.log.messages(), 0);
        kafka.fill(&topic, 1, 30..31);
        harness.wait_for_messages(1);
        wait_for_commit(kafka, &id, &topic, 31);
    }
}

#[test]
fn a_delayed_partition_costs_no_processor_time_while_it_waits() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..400);
    let group = kafka.group(vec![config(&topic, delayed(600_000))]);
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_assignment(4);
    stays("nothing comes", Duration::from_millis(500), || {
        harness.log.messages() == 0
    });
}

#[test]
fn nothing_skipped_behind_an_unmarked_message_is_committed() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let old = 9_000_000;
        send_aged(&kafka, &topic, &[old, old, 0, 0, old, old]);
        let topic_config = TopicConfig {
            max_messages: 6,
            max_wait_time_ms: 1_000,
            ..config(&topic, expiring(3_600_000))
        };
        let group = kafka.group(vec![topic_config]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let lease = harness.take();
        assert_eq!(lease.messages().first_offset(), Some(2));
        wait_for_commit(&kafka, &id, &topic, 2);
        lease.mark(2);
        lease.release();
        assert!(harness.take_within(Duration::from_millis(300)).is_none());
        wait_for_commit(&kafka, &id, &topic, 3);
        assert!(lease.mark(3));
        wait_for_commit(&kafka, &id, &topic, 6);
    });
}

#[test]
fn a_retry_that_has_expired_meanwhile_is_skipped_and_the_next_message_begins_anew() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let mut topic_config = config(&topic, expiring(3_000));
        topic_config.max_messages = 1;
        topic_config.pause_timeout_ms = 900;
        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config])]));
        harness.wait_for_assignment(1);
        send_aged(&kafka, &topic, &[0]);
        let mut lease = harness.take();
        while lease.nack().is_some() {
            send_aged(&kafka, &topic, &[-60_000]);
            lease = harness.take();
            if lease.messages().first_offset() != Some(0) {
                break;
            }
        }
        assert_eq!(lease.attempt(), 1);
        lease.ack();
    });
}

#[test]
fn the_end_of_a_partition_comes_after_its_delayed_messages() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    send_aged(&kafka, &topic, &[0, 0]);
    let mut topic_config = config(&topic, delayed(1_000));
    topic_config.eofed = true;
    let mut group = kafka.group(vec![topic_config]);
    group.kafka.insert("enable.partition.eof".into(), "true".into());
    let harness = Harness::without_workers(engine_config(vec![group]));
    let mut kinds = Vec::new();
    while kinds.last() != Some(&Kind::Eofed) {
        let lease = harness.take();
        kinds.push(lease.kind());
        lease.ack();
    }
    assert_eq!(
        kinds.iter().filter(|kind| **kind == Kind::Consume).count(),
        kinds.len() - 1
    );
    assert!(kinds.len() > 1, "{kinds:?}");
}

#[test]
fn a_stop_does_not_wait_for_delayed_messages() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let group = kafka.group(vec![config(&topic, delayed(600_000))]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_assignment(1);
        let (took, log) = harness.stop();
        assert_eq!(log.messages(), 0);
        assert_eq!(kafka.committed(&id, &topic, 0), None);
        took
    });
}
