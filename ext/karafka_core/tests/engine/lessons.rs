//! What others learned the hard way about offsets, pauses and ends, where no other file of these tests is about it.

use std::time::Duration;

use karafka_core::lease::Kind;

use crate::common::*;
use crate::{on_both, real_kafka};

#[test]
fn a_pause_of_no_time_does_not_spin_and_one_of_ages_can_be_resumed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let lease = harness.take();
    assert!(lease.pause(None, Some(Duration::ZERO)));
    lease.ack();
    let before = thread_cpu_time();
    assert!(
        harness.take_within(Duration::from_millis(1_000)).is_none(),
        "nothing is there"
    );
    let spent = thread_cpu_time() - before;
    assert!(spent < Duration::from_millis(200), "{spent:?}");
    kafka.fill(&topic, 1, 1..2);
    let lease = harness.take();
    assert!(lease.pause(None, Some(Duration::from_secs(u64::MAX / 2))));
    lease.ack();
    kafka.fill(&topic, 1, 2..3);
    assert!(harness.take_within(Duration::from_millis(300)).is_none(), "paused");
    let waiting = harness.engine.state().unwrap().waiting;
    assert_eq!(
        (&*waiting[0].topic, waiting[0].partition, waiting.len()),
        (&*topic, 0, 1)
    );
    assert!(lease.resume());
    assert!(harness.engine.state().unwrap().waiting.is_empty());
    assert_eq!(harness.take().messages().first_offset(), Some(2));
}

#[test]
fn a_lower_mark_moves_no_offset_back() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![whole_batches(&topic, 10)]);
    let harness = Harness::without_workers(engine_config(vec![group.clone()]));
    let lease = harness.take();
    assert!(lease.mark(7));
    assert!(lease.commit_sync().unwrap());
    assert!(lease.mark(2), "ours, so true, but without effect");
    assert!(lease.commit_sync().unwrap());
    lease.release();
    assert_eq!(kafka.committed(&group.id, &topic, 0), Some(8));
    harness.with_workers(1, ack).stop();
    assert_eq!(kafka.committed(&group.id, &topic, 0), Some(8));
}

on_both! {
    fn a_stop_right_after_the_start_ends(kafka) {
        let topic = kafka.topic(2);
        let mut dice = Dice::new();
        for strategy in ["range", "cooperative-sticky"] {
            for _ in 0..3 {
                let mut group = kafka.group(vec![topic_config(&topic)]);
                group.kafka.insert("partition.assignment.strategy".into(), strategy.into());
                let harness = Harness::start(engine_config(vec![group]), 1, ack);
                std::thread::park_timeout(Duration::from_millis(dice.below(200)));
                let (took, _) = harness.stop();
                assert!(took < LONG / 2, "{strategy}: {took:?}");
            }
        }
    }
}

#[test]
fn a_stop_right_after_the_start_ends_with_kip_848_on_real_kafka() {
    let kafka = real_kafka!("a_stop_right_after_the_start_ends_with_kip_848_on_real_kafka");
    let topic = kafka.topic(2);
    let mut dice = Dice::new();
    for _ in 0..3 {
        let group = with(kafka.group(vec![topic_config(&topic)]), &KIP_848);
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        std::thread::park_timeout(Duration::from_millis(dice.below(200)));
        let (took, _) = harness.stop();
        assert!(took < LONG / 2, "{took:?}");
    }
}

/// Pauses, attempts, read-ahead and farewells belong to one assignment: nothing of them is left after many.
#[test]
fn nothing_grows_with_rebalances() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(3);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
        let harness = Harness::start(engine_config(vec![group]), 2, |lease| {
            lease.pause(None, Some(Duration::from_secs(3_600)));
            lease.ack();
        });
        harness.wait_for_assignment(3);
        for round in 1..4usize {
            kafka.fill(&topic, 3, 0..3);
            wait_until("each partition is paused", || {
                harness.log.count(Kind::Consume) >= 3 * round
            });
            // UNKNOWN_MEMBER_ID: thrown out.
            kafka.refuse("heartbeat", &[25]);
            wait_until("lost", || harness.log.count_events(is_revoked) >= round);
            harness.wait_for_assignment(3);
        }
        let (took, _) = harness.stop();
        took
    });
}
