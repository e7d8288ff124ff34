//! What a member that is thrown out keeps of its assignment: nothing.

use std::collections::HashSet;
use std::time::Duration;

use karafka_core::event::Event;
use karafka_core::lease::Kind;

use super::group;
use crate::common::*;

/// UNKNOWN_MEMBER_ID: the broker has thrown this member out.
const THROWN_OUT: i32 = 25;

fn throw_out(kafka: &Kafka) {
    kafka.refuse("heartbeat", &[THROWN_OUT]);
}

#[test]
fn a_lost_assignment_waits_for_nobody_and_commits_nothing() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let group = with(group(&kafka, &topic), &[("auto.commit.interval.ms", "600000")]);
        let mut config = engine_config(vec![group.clone()]);
        config.revocation_grace_ms = 600_000;
        let harness = Harness::without_workers(config);
        let lease = harness.take();
        assert!(lease.mark(3));
        throw_out(&kafka);
        wait_until("the loss", || {
            harness
                .log
                .has_event(|event| matches!(event, Event::Revoked { lost: true, .. }))
        });
        assert!(!lease.mark(5));
        assert!(!lease.ack());
        assert_eq!(kafka.committed(&group.id, &topic, 0), None);
        let mut again = harness.take();
        if again.kind() == Kind::Revoked {
            again.ack();
            again = harness.take();
        }
        assert_eq!(
            (again.messages().first_offset(), again.kind()),
            (Some(0), Kind::Consume)
        );
        again.ack();
    });
}

#[test]
fn pauses_and_attempts_die_with_the_assignment() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let harness = Harness::without_workers(engine_config(vec![group(&kafka, &topic)]));
        let lease = harness.take();
        lease.nack();
        let lease = harness.take();
        assert_eq!(lease.attempt(), 2);
        lease.pause(None, None);
        lease.nack();
        assert!(harness.take_within(Duration::from_millis(600)).is_none(), "paused");
        throw_out(&kafka);
        let harness = harness.with_workers(1, ack);
        wait_until("it comes again, from the start", || {
            harness
                .log
                .of(Kind::Consume)
                .iter()
                .any(|seen| seen.attempt == 1 && seen.worker == 0 && seen.offsets[0] == 0)
        });
    });
}

#[test]
fn no_pause_timer_or_waiting_batch_survives_its_assignment() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let mut group = group(&kafka, &topic);
        group.topics[0].max_wait_time_ms = 400;
        let harness = Harness::start(engine_config(vec![group]), 2, ack);
        harness.wait_for_assignment(1);
        for round in 0..3 {
            kafka.fill(&topic, 1, round..round + 1);
            throw_out(&kafka);
            let gone = round as usize + 1;
            wait_until("thrown out", || harness.log.count_events(is_revoked) >= gone);
            wait_until("back", || harness.log.count_events(is_assigned) > gone);
        }
        wait_until("all is delivered", || {
            let payloads: HashSet<String> = harness.log.payloads().into_iter().collect();
            payloads.len() == 3
        });
    });
}

/// A partition that is lost while a worker has something of it, and comes back to the same process.
#[test]
fn a_partition_that_comes_back_waits_for_its_old_lease_and_its_revoked() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let harness = Harness::without_workers(engine_config(vec![group(&kafka, &topic)]));
        let old = harness.take();
        throw_out(&kafka);
        wait_until("lost", || harness.log.has_event(is_revoked));
        harness.wait_for_assignment(1);
        let state = harness.engine.state().unwrap();
        assert_eq!(state.leases.len(), 1, "the old one is still out: {state:?}");
        assert!(
            harness.take_within(Duration::from_millis(1_000)).is_none(),
            "two leases of one partition"
        );
        assert!(!old.ack());
        let revoked = harness.take();
        assert_eq!(
            (revoked.kind(), revoked.partition().id),
            (Kind::Revoked, old.partition().id)
        );
        assert!(
            harness.take_within(Duration::from_millis(300)).is_none(),
            "not before `revoked` has returned"
        );
        revoked.ack();
        let new = harness.take();
        assert_eq!((new.kind(), new.messages().first_offset()), (Kind::Consume, Some(0)));
        assert_ne!(new.partition().id, old.partition().id);
        assert!(new.ack());
    });
}
