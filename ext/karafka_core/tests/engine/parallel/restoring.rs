//! What was finished beyond the committed offset does not come again, and what a commit says of it is believed only where
//! the log can still have it.

use std::time::Duration;

use karafka_core::config::{GroupConfig, ParallelConfig, Spread, TopicConfig};
use karafka_core::lease::Lease;

use super::{fill_keyed, parallel};
use crate::common::*;
use crate::{on_both, real_kafka};

/// Offset 0 is not finished, 1 to 9 are.
const ONE_TO_NINE: &str = "krs1:AAEJ:";
/// TOPIC_AUTHORIZATION_FAILED: not tried again.
const REFUSED: i32 = 29;

/// A group that has committed offset 0 of a topic with `count` messages, and that those after the first one are finished.
fn committed_beyond(kafka: &Kafka, count: u64) -> GroupConfig {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..count);
    let group = kafka.group(vec![TopicConfig {
        parallel: Some(ParallelConfig {
            by: Spread::None,
            limit: 4,
        }),
        ..topic_config(&topic)
    }]);
    kafka.commit(&group.id, &topic, 0, ONE_TO_NINE);
    group
}

/// What comes, until nothing comes any more.
fn delivered(group: GroupConfig) -> Vec<i64> {
    let harness = Harness::start(engine_config(vec![group]), 4, ack);
    wait_until("the first message", || harness.log.messages() > 0);
    wait_until_still("no more messages", || harness.log.messages());
    let mut offsets = harness.log.offsets(0);
    offsets.sort_unstable();
    harness.stop();
    offsets
}

on_both! {
    fn what_was_finished_beyond_the_commit_does_not_come_again(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 100, 0..100);
        let group = kafka.group(vec![parallel(&topic, Spread::Key, 20, 1)]);
        let first = Harness::without_workers(engine_config(vec![group.clone()]));
        let leases: Vec<Lease> = (0..20).map(|_| first.take()).collect();
        let mut finished = Vec::new();
        for lease in leases.iter().filter(|lease| lease.messages().first_offset().unwrap() % 3 == 1) {
            finished.extend(offsets(lease));
            assert!(lease.store_metadata("mine") && lease.mark(lease.messages().first_offset().unwrap()));
        }
        assert!(leases[0].commit_sync().unwrap());
        assert_eq!(kafka.committed(&group.id, &topic, 0), Some(0));
        assert_eq!(leases[0].committed_metadata().unwrap().as_deref(), Some("mine"));
        // As if it was killed: nothing more is committed.
        first.engine.force_stop();
        drop(leases);
        drop(first);
        let second = Harness::without_workers(engine_config(vec![group]));
        let mut seen: Vec<i64> = Vec::new();
        while seen.len() < 100 - finished.len() {
            let lease = second.take();
            seen.extend(offsets(&lease));
            lease.ack();
        }
        seen.sort_unstable();
        let expected: Vec<i64> = (0..100).filter(|offset| !finished.contains(offset)).collect();
        assert_eq!(seen, expected);
        drop(second.with_workers(2, |lease| { lease.release(); }).stop());
    }

    fn what_is_finished_is_believed_up_to_the_end_of_the_log(kafka) {
        assert_eq!(delivered(committed_beyond(kafka, 12)), [0, 10, 11]);
        assert_eq!(delivered(committed_beyond(kafka, 10)), [0]);
    }

    fn of_a_log_that_was_cut_off_everything_comes_again(kafka) {
        // Up to which offset it was cut off nobody knows: 1 to 5 may be other messages than those that were processed.
        assert_eq!(delivered(committed_beyond(kafka, 6)), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn where_nobody_says_how_long_the_log_is_everything_comes_again() {
    let kafka = Kafka::mock(1);
    let group = committed_beyond(&kafka, 12);
    // More than are asked for: the first and the last offset.
    kafka.refuse("list_offsets", &[REFUSED; 8]);
    assert_eq!(delivered(group), (0..12).collect::<Vec<i64>>());
}

#[test]
fn a_commit_tells_the_epoch_of_the_leader_on_real_kafka() {
    let kafka = real_kafka!("a_commit_tells_the_epoch_of_the_leader_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![topic_config(&topic)]);
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    wait_within(LONG, "the commit", || kafka.committed(&id, &topic, 0) == Some(10));
    harness.stop();
    assert_eq!(kafka.committed_epoch(&id, &topic, 0), 0);
    // Who takes over checks it with the broker, and goes on.
    kafka.fill(&topic, 1, 10..12);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.kafka.insert("group.id".into(), id);
    let again = Harness::start(engine_config(vec![group]), 1, ack);
    again.wait_for_messages(2);
    stays("nothing else comes", Duration::from_millis(200), || {
        again.log.messages() == 2
    });
}
