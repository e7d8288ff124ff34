//! What becomes of a lease that is out when its partition is given up.

use std::time::{Duration, Instant};

use karafka_core::config::GroupConfig;
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};
use karafka_core::partition::Position;

use super::group;
use crate::common::*;
use crate::{on_both, real_kafka};

/// Starts a member that keeps its first lease, and a second member that makes the first lose partitions.
fn revocation(kafka: &Kafka, grace_ms: u64) -> (String, GroupConfig, Harness, Lease, Harness) {
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    let group = with(group(kafka, &topic), &[("auto.commit.interval.ms", "600000")]);
    let mut config = engine_config(vec![group.clone()]);
    config.revocation_grace_ms = grace_ms;
    let first = Harness::without_workers(config.clone());
    let lease = first.take();
    let second = Harness::start(config, 1, |lease| {
        // Takes part, but commits nothing.
        lease.release();
    });
    (topic, group, first, lease, second)
}

on_both! {
    fn a_lease_settled_within_the_grace_is_committed(kafka) {
        let (topic, group, first, lease, _second) = revocation(kafka, 20_000);
        wait_until("the revocation began", || first.assigned() == 0);
        assert!(!first.log.has_event(is_revoked), "it waits for the lease");
        let next = lease.messages().last_offset().unwrap() + 1;
        assert!(lease.ack(), "still ours");
        wait_until("the revocation", || first.log.has_event(is_revoked));
        // The mock refuses every commit during a rebalance, Kafka does not.
        if kafka.mock.is_none() {
            assert_eq!(kafka.committed(&group.id, &topic, lease.partition().number), Some(next));
        }
        assert!(!lease.mark(next + 5));
    }

    fn a_synchronous_commit_during_the_grace_works(kafka) {
        let (topic, group, first, lease, _second) = revocation(kafka, 20_000);
        wait_until("the revocation began", || first.assigned() == 0);
        assert!(lease.mark(3));
        let committed = lease.commit_sync().unwrap();
        if kafka.mock.is_none() {
            assert!(committed);
            assert_eq!(kafka.committed(&group.id, &topic, lease.partition().number), Some(4));
        }
        lease.release();
        wait_until("the revocation", || first.log.has_event(is_revoked));
    }

    fn a_lease_settled_after_the_grace_is_told_that_it_is_too_late(kafka) {
        let (topic, group, first, lease, _second) = revocation(kafka, 100);
        wait_until("the revocation", || first.log.has_event(is_revoked));
        let (old, number) = (lease.partition().id, lease.partition().number);
        let first = first.with_workers(2, ack);
        assert!(!lease.mark(3));
        assert!(!lease.commit_sync().unwrap());
        assert!(!lease.seek(Position::Earliest, true));
        assert!(!lease.pause(None, None));
        assert!(!lease.resume());
        let revoked = |log: &Log| log.of(Kind::Revoked).iter().filter(|seen| seen.id == old).count();
        stays("no `revoked` while the lease is out", Duration::from_millis(200), || revoked(&first.log) == 0);
        assert!(!lease.ack());
        wait_until("`revoked`", || revoked(&first.log) == 1);
        assert_eq!(kafka.committed(&group.id, &topic, number), None);
        let log = first.stop().1;
        assert_eq!(revoked(&log), 1, "once");
        assert_eq!(log.of(Kind::Shutdown).iter().filter(|seen| seen.id == old).count(), 0);
    }
}

#[test]
fn the_grace_is_at_most_half_of_max_poll_interval_ms() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    let group = with(group(&kafka, &topic), &[("max.poll.interval.ms", "4000")]);
    let mut config = engine_config(vec![group]);
    config.revocation_grace_ms = 600_000;
    let first = Harness::without_workers(config.clone());
    let lease = first.take();
    let _second = Harness::start(config, 1, ack);
    wait_until("the revocation began", || first.assigned() == 0);
    let started = Instant::now();
    wait_until("the revocation", || first.log.has_event(is_revoked));
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    assert!(!lease.ack());
    first.with_workers(1, ack).stop();
}

// With the default of Kafka's other clients all members would wait in each round; here only what moves does.
#[test]
fn what_stays_is_committed_and_the_thread_gives_signs_of_life_while_a_lease_is_waited_for_on_real_kafka() {
    let kafka = real_kafka!(
        "what_stays_is_committed_and_the_thread_gives_signs_of_life_while_a_lease_is_waited_for_on_real_kafka"
    );
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    let group = with(
        group(&kafka, &topic),
        &[
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("auto.commit.interval.ms", "100"),
        ],
    );
    let mut config = engine_config(vec![group.clone()]);
    config.revocation_grace_ms = 600_000;
    let first = Harness::without_workers(config.clone());
    let leases = [first.take(), first.take()];
    let second = Harness::start(config, 1, ack);
    wait_until("the revocation began", || first.assigned() == 1);
    let goes_away = |number: i32| {
        let of = |event: &Event| matches!(event, Event::Revoking { partitions, .. } if partitions[0].1 == number);
        first.log.has_event(of)
    };
    wait_until("it is said", || goes_away(0) || goes_away(1));
    let (goes, stays) = match goes_away(leases[0].partition().number) {
        true => (&leases[0], &leases[1]),
        false => (&leases[1], &leases[0]),
    };
    assert!(stays.ack());
    let number = stays.partition().number;
    wait_until("the commit", || kafka.committed(&group.id, &topic, number).is_some());
    let signs = || first.log.count_events(|event| matches!(event, Event::Polled { .. }));
    let before = signs();
    wait_until("signs of life", || signs() >= before + 2);
    assert!(!first.log.has_event(is_revoked), "it waits for the lease");
    assert!(goes.ack());
    second.wait_for_assignment(1);
    first.with_workers(2, ack).stop();
    second.stop();
}

#[test]
fn a_stop_says_which_partitions_go() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
    harness.wait_for_assignment(2);
    let (_, log) = harness.stop();
    let gone = |event: &Event| matches!(event, Event::Revoked { partitions, lost: false, .. } if partitions.len() == 2);
    assert_eq!(log.count_events(gone), 1);
}

// The newcomer's heartbeats are so far apart that none of them tells it when the other one has given something up.
#[test]
fn a_new_member_does_not_wait_for_a_heartbeat_to_get_what_others_gave_up_on_real_kafka() {
    let kafka = real_kafka!("a_new_member_does_not_wait_for_a_heartbeat_to_get_what_others_gave_up_on_real_kafka");
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    let group = with(
        group(&kafka, &topic),
        &[("partition.assignment.strategy", "cooperative-sticky")],
    );
    let mut config = engine_config(vec![group.clone()]);
    config.revocation_grace_ms = 600_000;
    let first = Harness::without_workers(config);
    let leases = [first.take(), first.take()];
    let rarely = [("heartbeat.interval.ms", "250000"), ("session.timeout.ms", "300000")];
    let second = Harness::start(engine_config(vec![with(group, &rarely)]), 1, ack);
    wait_until("the first round", || {
        second.log.has_event(|event| matches!(event, Event::Assigned { .. }))
    });
    wait_until("the revocation began", || first.assigned() == 1);
    leases.into_iter().for_each(ack);
    second.wait_for_assignment(1);
}

#[test]
fn what_was_marked_before_the_grace_ran_out_is_committed_on_real_kafka() {
    let kafka = real_kafka!("what_was_marked_before_the_grace_ran_out_is_committed_on_real_kafka");
    let (topic, group, first, lease, _second) = revocation(&kafka, 100);
    assert!(lease.mark(4));
    wait_until("the revocation", || first.log.has_event(is_revoked));
    assert_eq!(kafka.committed(&group.id, &topic, lease.partition().number), Some(5));
    assert!(!lease.ack());
}
