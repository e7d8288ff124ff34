//! Partitions come and go: nothing is lost, nothing is committed before it was processed, nothing outlives its assignment.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::config::GroupConfig;
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};
use karafka_core::partition::Position;
use parking_lot::Mutex;

use crate::common::*;
use crate::{on_both, real_kafka};

/// UNKNOWN_MEMBER_ID: the broker has thrown this member out.
const THROWN_OUT: i32 = 25;

const KIP_848: [(&str, &str); 3] = [
    ("group.protocol", "consumer"),
    ("session.timeout.ms", ""),
    ("heartbeat.interval.ms", ""),
];

fn ack(lease: Lease) {
    lease.ack();
}

/// The mock waits out most of the session timeout whenever a member joins or leaves.
fn group(kafka: &Kafka, topic: &str) -> GroupConfig {
    let mut config = topic_config(topic);
    config.max_messages = 20;
    let mut group = kafka.group(vec![config]);
    if kafka.mock.is_some() {
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
    }
    group
}

fn with(mut group: GroupConfig, settings: &[(&str, &str)]) -> GroupConfig {
    for (key, value) in settings {
        match value.is_empty() {
            true => group.kafka.remove(*key),
            false => group.kafka.insert((*key).into(), (*value).into()),
        };
    }
    group
}

fn is_assigned(event: &Event) -> bool {
    matches!(event, Event::Assigned { partitions, .. } if !partitions.is_empty())
}

fn is_revoked(event: &Event) -> bool {
    matches!(event, Event::Revoked { .. })
}

/// Which messages were processed, checked against every commit that a member reports.
#[derive(Default)]
struct Ledger {
    processed: Mutex<HashMap<i32, HashSet<i64>>>,
}

impl Ledger {
    fn process(&self, lease: &Lease) {
        let mut processed = self.processed.lock();
        let done = processed.entry(lease.partition().number).or_default();
        done.extend((0..lease.messages().len()).filter_map(|index| lease.messages().offset(index)));
    }

    fn count(&self) -> usize {
        self.processed.lock().values().map(HashSet::len).sum()
    }

    fn check(&self, log: &Log) {
        let events: Vec<Event> = log.events.lock().clone();
        let processed = self.processed.lock();
        for event in events {
            let Event::Committed {
                offsets, error: None, ..
            } = event
            else {
                continue;
            };
            for row in offsets.iter().filter(|row| row.offset > 0) {
                let done = processed.get(&row.partition);
                let missing = (0..row.offset).find(|offset| !done.is_some_and(|done| done.contains(offset)));
                assert_eq!(
                    missing, None,
                    "{}/{} was committed up to {}",
                    row.topic, row.partition, row.offset
                );
            }
        }
    }
}

/// One member stays, others join and leave while messages come in.
fn churn(kafka: &Kafka, settings: &[(&str, &str)], rounds: usize) {
    let topic = kafka.topic(6);
    let group = with(group(kafka, &topic), settings);
    let ledger = Arc::new(Ledger::default());
    let dice = Arc::new(Mutex::new(Dice::new()));
    let member = || {
        let (ledger, dice) = (ledger.clone(), dice.clone());
        Harness::start(engine_config(vec![group.clone()]), 2, move |lease| {
            let outcome = dice.lock().below(20);
            if lease.kind() == Kind::Consume {
                // Some work.
                std::thread::park_timeout(Duration::from_millis(outcome / 4));
                if outcome == 19 {
                    lease.nack();
                    return;
                }
                ledger.process(&lease);
                if outcome == 16 {
                    // Once more from the start of this batch.
                    lease.seek(Position::Offset(lease.messages().first_offset().unwrap()));
                }
                if outcome == 17 {
                    lease.pause(None, Some(Duration::from_millis(5)));
                }
                if outcome == 18 {
                    return; // abandoned after the work was done
                }
            }
            lease.ack();
        })
    };
    let mut sent = 0;
    let mut fill = |count: u64| {
        kafka.fill(&topic, 6, sent..sent + count);
        sent += count;
        sent as usize
    };
    fill(6_000);
    let stays = member();
    wait_until("the first assignment", || stays.log.has_event(is_assigned));
    for _ in 0..rounds {
        let guest = member();
        fill(1_200);
        wait_until("the guest has partitions", || guest.log.has_event(is_assigned));
        fill(1_200);
        wait_until("the guest works", || guest.log.messages() > 0);
        ledger.check(&guest.log);
        let (_, log) = guest.stop();
        ledger.check(&log);
        ledger.check(&stays.log);
    }
    let total = fill(600);
    let deadline = Instant::now() + LONG;
    while ledger.count() < total {
        if Instant::now() > deadline {
            let done: Vec<_> = (0..6)
                .map(|partition| {
                    let committed = kafka.committed(&group.id, &topic, partition);
                    let processed = ledger.processed.lock().get(&partition).map_or(0, HashSet::len);
                    (partition, processed, committed)
                })
                .collect();
            let errors = stays.log.error_codes();
            panic!(
                "{} of {total} processed: {done:?}; errors {errors:?}; {:?}",
                ledger.count(),
                stays.engine.state()
            );
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    wait_until("all partitions are back", || stays.assigned() == 6);
    // What was sought back is processed again before it counts.
    wait_until("everything is committed", || {
        (0..6).all(|partition| kafka.committed(&group.id, &topic, partition) == Some(total as i64 / 6))
    });
    let (_, log) = stays.stop();
    ledger.check(&log);
    for partition in 0..6 {
        assert_eq!(
            kafka.committed(&group.id, &topic, partition),
            Some(total as i64 / 6),
            "partition {partition}"
        );
    }
}

#[test]
fn members_join_and_leave_under_load_on_the_mock() {
    churn(&Kafka::mock(1), &[("partition.assignment.strategy", "range")], 2);
}

// Not on the mock: its cooperative rebalances wait out the session timeout each time somebody leaves.
#[test]
fn members_join_and_leave_under_load_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "range")], 4);
}

#[test]
fn members_join_and_leave_under_load_cooperatively_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_cooperatively_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "cooperative-sticky")], 4);
}

#[test]
fn members_join_and_leave_under_load_with_kip_848_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_with_kip_848_on_real_kafka");
    churn(&kafka, &KIP_848, 3);
}

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
        assert!(!lease.seek(Position::Earliest));
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
    config.revocation_grace_ms = 60_000;
    let first = Harness::without_workers(config);
    let leases = [first.take(), first.take()];
    let rarely = [("heartbeat.interval.ms", "120000"), ("session.timeout.ms", "300000")];
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

fn throw_out(kafka: &Kafka) {
    kafka
        .mock
        .as_ref()
        .unwrap()
        .request_errors("heartbeat", &[THROWN_OUT])
        .unwrap();
}

#[test]
fn a_lost_assignment_waits_for_nobody_and_commits_nothing() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = with(group(&kafka, &topic), &[("auto.commit.interval.ms", "600000")]);
    let mut config = engine_config(vec![group.clone()]);
    config.revocation_grace_ms = 60_000;
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
}

#[test]
fn pauses_and_attempts_die_with_the_assignment() {
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
}

#[test]
fn no_pause_timer_or_waiting_batch_survives_its_assignment() {
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
        wait_until("thrown out", || harness.log.count_events(is_revoked) == gone);
        wait_until("back", || harness.log.count_events(is_assigned) == gone + 1);
    }
    wait_until("all is delivered", || {
        let payloads: HashSet<String> = harness.log.payloads().into_iter().collect();
        payloads.len() == 3
    });
}

#[test]
fn slow_work_costs_no_rebalance_on_the_mock() {
    slow_work(&Kafka::mock(1), &[("session.timeout.ms", "6000")]);
}

#[test]
fn slow_work_costs_no_rebalance_on_real_kafka() {
    let kafka = real_kafka!("slow_work_costs_no_rebalance_on_real_kafka");
    slow_work(&kafka, &[]);
}

#[test]
fn slow_work_costs_no_rebalance_with_kip_848_on_real_kafka() {
    slow_work(
        &real_kafka!("slow_work_costs_no_rebalance_with_kip_848_on_real_kafka"),
        &KIP_848,
    );
}

/// A lease is out for longer than `max.poll.interval.ms`.
fn slow_work(kafka: &Kafka, settings: &[(&str, &str)]) {
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..40);
    let group = with(
        with(group(kafka, &topic), settings),
        &[("max.poll.interval.ms", "6000")],
    );
    let harness = Harness::without_workers(engine_config(vec![group.clone()]));
    let lease = harness.take();
    stays("assigned", Duration::from_millis(7_500), || {
        !harness.log.has_event(is_revoked)
    });
    assert!(lease.ack());
    let next = lease.messages().last_offset().unwrap() + 1;
    wait_until("committed", || {
        kafka.committed(&group.id, &topic, lease.partition().number) == Some(next)
    });
}

#[test]
fn new_partitions_of_a_topic_are_read_on_real_kafka() {
    let kafka = real_kafka!("new_partitions_of_a_topic_are_read_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = with(group(&kafka, &topic), &[("topic.metadata.refresh.interval.ms", "300")]);
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_messages(10);
    kafka.add_partitions(&topic, 3);
    harness.wait_for_assignment(3);
    kafka.fill(&topic, 3, 0..30);
    wait_until("all three", || {
        (0..3).all(|partition| harness.log.offsets(partition).len() >= 10)
    });
}
