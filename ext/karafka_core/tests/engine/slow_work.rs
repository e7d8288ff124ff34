//! Leases that take long or never end, and partitions where nothing happens.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::config::{EngineConfig, GroupConfig, TopicConfig};
use karafka_core::event::Event;
use karafka_core::lease::Kind;

use crate::common::*;
use crate::{on_both, real_kafka};

fn one(topic: TopicConfig, kafka: &Kafka) -> EngineConfig {
    engine_config(vec![kafka.group(vec![topic])])
}

#[test]
fn a_lease_that_is_out_for_long_is_told_about_with_growing_intervals() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut config = one(topic_config(&topic), &kafka);
    config.stuck_report_ms = Some(1_000);
    let harness = Harness::without_workers(config);
    let lease = harness.take();
    let reports = || {
        let events = harness.log.events.lock();
        let ages = events.iter().filter_map(|event| match event {
            Event::Stuck {
                assignment_id,
                kind: "consume",
                age_ms,
                ..
            } if *assignment_id == lease.partition().id => Some(*age_ms),
            _ => None,
        });
        ages.collect::<Vec<u64>>()
    };
    wait_until("two reports", || reports().len() >= 2);
    let ages = reports();
    assert!(ages[0] >= 1_000 && ages[1] >= 2 * ages[0], "{ages:?}");
    lease.ack();
    let count = reports().len();
    stays("no more of it", Duration::from_millis(1_500), || {
        reports().len() == count
    });
}

/// The process leaves its group when a batch is over the limit, others take over at once, and it comes back.
fn leaves(kafka: &Kafka, settings: &[(&str, &str)]) {
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..20);
    let mut slow = topic_config(&topic);
    slow.long_running_limit_ms = Some(1_500);
    let group = with(kafka.group(vec![slow]), settings);
    let mut config = engine_config(vec![group.clone()]);
    config.revocation_grace_ms = 40_000;
    let first = Harness::without_workers(config.clone());
    let stuck = first.take();
    let done = first.take();
    let (number, other) = (stuck.partition().number, done.partition().number);
    assert!(done.ack(), "the other partition's work is done");
    let started = Instant::now();
    wait_until("it left", || {
        first
            .log
            .has_event(|event| matches!(event, Event::Left { partition, .. } if *partition == number))
    });
    wait_until("the revocation", || {
        first
            .log
            .has_event(|event| matches!(event, Event::Revoked { lost: false, .. }))
    });
    assert!(
        started.elapsed() < Duration::from_millis(config.revocation_grace_ms),
        "not waited for what is stuck: {:?}",
        started.elapsed()
    );
    assert!(first.engine.state().unwrap().groups[0].away);
    assert!(!stuck.mark(5), "it is not ours any more");
    assert_eq!(
        kafka.committed(&group.id, &topic, other),
        Some(done.messages().last_offset().unwrap() + 1)
    );
    let second = Harness::start(config, 1, ack);
    wait_until("another member has both", || second.assigned() == 2);
    wait_until("and does the work", || second.log.offsets(number).len() == 10);
    assert!(!stuck.ack());
    let first = first.with_workers(1, ack);
    wait_until("it comes back", || {
        first.log.has_event(|event| matches!(event, Event::Returned { .. }))
    });
    wait_until("with a share", || first.assigned() == 1 && second.assigned() == 1);
    assert!(!first.engine.state().unwrap().groups[0].away);
}

#[test]
fn a_batch_over_its_limit_makes_the_process_leave_the_group_on_the_mock() {
    while_time_goes_on(|| {
        leaves(&Kafka::mock(1), &[("session.timeout.ms", "2000")]);
    });
}

#[test]
fn a_batch_over_its_limit_makes_the_process_leave_the_group_on_real_kafka() {
    leaves(
        &real_kafka!("a_batch_over_its_limit_makes_the_process_leave_the_group_on_real_kafka"),
        &[],
    );
}

#[test]
fn a_batch_over_its_limit_makes_the_process_leave_the_group_cooperatively_on_real_kafka() {
    leaves(
        &real_kafka!("a_batch_over_its_limit_makes_the_process_leave_the_group_cooperatively_on_real_kafka"),
        &[("partition.assignment.strategy", "cooperative-sticky")],
    );
}

#[test]
fn a_batch_over_its_limit_makes_the_process_leave_the_group_with_kip_848_on_real_kafka() {
    leaves(
        &real_kafka!("a_batch_over_its_limit_makes_the_process_leave_the_group_with_kip_848_on_real_kafka"),
        &KIP_848,
    );
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
    let group = with(kafka.group(vec![topic_config(&topic)]), settings);
    let group = with(group, &[("max.poll.interval.ms", "6000")]);
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

fn idle_after(topic: &str, idle_after_ms: u64) -> TopicConfig {
    TopicConfig {
        idle_after_ms: Some(idle_after_ms),
        ..topic_config(topic)
    }
}

#[test]
fn idle_comes_once_after_a_batch_that_nothing_followed_and_again_when_it_failed() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let failures = Arc::new(AtomicUsize::new(1));
        let harness = {
            let failures = failures.clone();
            Harness::start(one(idle_after(&topic, 200), &kafka), 2, move |lease| {
                let fails = lease.kind() == Kind::Idle
                    && failures
                        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
                        .is_ok();
                if fails {
                    lease.nack();
                } else {
                    lease.ack();
                }
            })
        };
        harness.wait_for_assignment(1);
        stays("no idle for who got nothing", Duration::from_millis(500), || {
            harness.log.count(Kind::Idle) == 0
        });
        kafka.fill(&topic, 1, 0..5);
        harness.wait_for_messages(5);
        wait_until("idle, and again after its failure", || {
            harness.log.count(Kind::Idle) == 2
        });
        stays("no third time", Duration::from_millis(700), || {
            harness.log.count(Kind::Idle) == 2
        });
        let seen = harness.log.seen.lock().clone();
        let last_batch = seen.iter().rfind(|seen| seen.kind == Kind::Consume).unwrap().at;
        let first_idle = seen.iter().find(|seen| seen.kind == Kind::Idle).unwrap();
        assert!(
            first_idle.at - last_batch >= Duration::from_millis(200),
            "{:?}",
            first_idle.at - last_batch
        );
        kafka.fill(&topic, 1, 5..6);
        wait_until("after the next batch once more", || harness.log.count(Kind::Idle) == 3);
    });
}

#[test]
fn a_mark_in_idle_is_committed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![idle_after(&topic, 100)]);
    let _harness = Harness::start(engine_config(vec![group.clone()]), 1, |lease| {
        if lease.kind() == Kind::Idle {
            assert!(lease.mark(6));
        }
        lease.release();
    });
    wait_until("committed", || kafka.committed(&group.id, &topic, 0) == Some(7));
}

/// The offsets of one partition that the broker has taken.
fn commits(log: &Log) -> Vec<i64> {
    log.commits().iter().map(|row| row.offset).collect()
}

fn recommits(kafka: &Kafka, group: &GroupConfig) -> GroupConfig {
    let mut group = group.clone();
    group.recommit_interval_ms = Some(if kafka.mock.is_some() { 200 } else { 500 });
    group
}

on_both! {
    fn offsets_that_do_not_change_are_committed_again(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let group = recommits(kafka, &kafka.group(vec![topic_config(&topic)]));
        let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        harness.wait_for_messages(10);
        wait_until("the same offset several times", || commits(&harness.log).iter().filter(|offset| **offset == 10).count() >= 3);
        harness.stop();
        // Also by a member that got nothing since it started.
        let idle = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        wait_until("again by the next one", || commits(&idle.log).iter().filter(|offset| **offset == 10).count() >= 2);
        assert_eq!(idle.log.messages(), 0);
        let (_, log) = idle.stop();
        assert!(commits(&log).iter().all(|offset| *offset == 10), "{:?}", commits(&log));
        assert_eq!(kafka.committed(&group.id, &topic, 0), Some(10));
    }

    fn committing_again_under_load_moves_nothing_back(kafka) {
        let topic = kafka.topic(2);
        let mut group = recommits(kafka, &kafka.group(vec![TopicConfig { max_messages: 3, ..topic_config(&topic) }]));
        group.recommit_interval_ms = Some(5);
        let harness = Harness::start(engine_config(vec![group.clone()]), 2, |lease| {
            lease.commit_sync().ok();
            lease.ack();
        });
        for round in 0..40u64 {
            kafka.fill(&topic, 2, round * 10..round * 10 + 10);
        }
        harness.wait_for_messages(400);
        harness.stop();
        for partition in 0..2 {
            assert_eq!(kafka.committed(&group.id, &topic, partition), Some(200));
        }
    }
}
