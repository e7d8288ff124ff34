//! A topic's name is not its identity.

mod late_answers;
mod new_partitions;
mod questions;
mod retention;

use std::collections::BTreeSet;

use karafka_core::config::{GroupConfig, ParallelConfig, Spread};
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};

use crate::common::*;
use crate::{on_both, real_kafka};

/// Numbers from here on are in the new topic.
const NEW: u64 = 1_000;

fn is_recreated(event: &Event) -> bool {
    matches!(event, Event::Recreated { .. })
}

fn latest(group: GroupConfig) -> GroupConfig {
    with(group, &[("auto.offset.reset", "latest")])
}

/// Payloads of the new topic, each as often as it was handed out.
fn of_new(harness: &Harness) -> Vec<u64> {
    let numbers = harness
        .log
        .payloads()
        .into_iter()
        .map(|text| text.parse::<u64>().expect("a number"));
    let mut numbers: Vec<u64> = numbers.filter(|number| *number >= NEW).collect();
    numbers.sort_unstable();
    numbers
}

#[track_caller]
fn wait_for_new(harness: &Harness, count: u64) {
    let missing = || {
        let seen: BTreeSet<u64> = of_new(harness).into_iter().collect();
        (NEW..NEW + count).filter(|number| !seen.contains(number)).count()
    };
    wait_until("each message of the new topic", || missing() == 0);
}

/// A group reads 20 messages of a topic with two partitions, then there is another one of `partitions` with `count`.
fn recreated_while_consumed(kafka: &Kafka, change: impl Fn(&mut GroupConfig), partitions: i32, count: u64) {
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..20);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group
        .kafka
        .insert("topic.metadata.refresh.interval.ms".into(), "500".into());
    change(&mut group);
    let id = group.id.clone();
    let begins_late = group.kafka["auto.offset.reset"] == "latest";
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_assignment(2);
    if begins_late {
        wait_until("it has begun", || kafka.committed(&id, &topic, 1) == Some(10));
        kafka.fill(&topic, 2, 20..40);
    }
    harness.wait_for_messages(20);
    let position = if begins_late { 20 } else { 10 };
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(position));
    kafka.recreate_topic(&topic, partitions);
    kafka.fill(&topic, partitions, NEW..NEW + count);
    wait_for_new(&harness, count);
    assert_eq!(of_new(&harness).len() as u64, count, "each of them once");
    let ends: Vec<i64> = (0..partitions as u64)
        .map(|number| {
            (NEW..NEW + count)
                .filter(|sent| sent % partitions as u64 == number)
                .count() as i64
        })
        .collect();
    let committed = || (0..partitions).map(|number| kafka.committed(&id, &topic, number).unwrap_or(0));
    wait_until("all of the new one is committed", || {
        committed().eq(ends.iter().copied())
    });
    wait_until("it is told", || harness.log.has_event(is_recreated));
}

#[test]
fn a_topic_that_is_made_again_and_is_longer_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!("a_topic_that_is_made_again_and_is_longer_is_read_from_its_beginning_on_real_kafka");
    recreated_while_consumed(&kafka, |_| {}, 2, 100);
}

#[test]
fn a_topic_that_is_made_again_and_is_shorter_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!("a_topic_that_is_made_again_and_is_shorter_is_read_from_its_beginning_on_real_kafka");
    recreated_while_consumed(&kafka, |_| {}, 2, 6);
}

#[test]
fn a_topic_that_is_made_again_with_more_or_fewer_partitions_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!(
        "a_topic_that_is_made_again_with_more_or_fewer_partitions_is_read_from_its_beginning_on_real_kafka"
    );
    recreated_while_consumed(&kafka, |_| {}, 5, 200);
    recreated_while_consumed(&kafka, |_| {}, 1, 60);
}

#[test]
fn with_latest_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!("with_latest_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka");
    for (partitions, count) in [(2, 100), (2, 6), (4, 100)] {
        recreated_while_consumed(&kafka, |group| *group = latest(group.clone()), partitions, count);
    }
}

#[test]
fn with_parallel_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!("with_parallel_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka");
    let parallel = |group: &mut GroupConfig| {
        group.topics[0].parallel = Some(ParallelConfig {
            by: Spread::None,
            limit: 4,
        });
    };
    recreated_while_consumed(&kafka, parallel, 2, 100);
    recreated_while_consumed(&kafka, parallel, 2, 6);
}

#[test]
fn with_kip_848_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka() {
    let kafka = real_kafka!("with_kip_848_a_topic_that_is_made_again_is_read_from_its_beginning_on_real_kafka");
    recreated_while_consumed(&kafka, |group| *group = with(group.clone(), &KIP_848), 2, 100);
}

/// What fails is delivered again and again, and no message of the new topic counts as one of the old.
#[test]
fn a_topic_is_made_again_while_its_consumer_raises_on_real_kafka() {
    let kafka = real_kafka!("a_topic_is_made_again_while_its_consumer_raises_on_real_kafka");
    for count in [6, 200] {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..20);
        let group = kafka.group(vec![topic_config(&topic)]);
        let id = group.id.clone();
        let acknowledged = std::sync::Arc::new(parking_lot::Mutex::new(BTreeSet::new()));
        let work = {
            let acknowledged = acknowledged.clone();
            move |lease: Lease| {
                let text = lease
                    .messages()
                    .payload(0)
                    .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                let number: u64 = text.and_then(|text| text.parse().ok()).unwrap_or(0);
                if lease.kind() == Kind::Consume
                    && ((10..NEW).contains(&number) || lease.attempt() == 1 && number % 3 == 0)
                {
                    lease.nack();
                    return;
                }
                let numbers: Vec<String> = (0..lease.messages().len())
                    .map(|index| {
                        String::from_utf8_lossy(lease.messages().payload(index).unwrap_or_default()).into_owned()
                    })
                    .collect();
                if lease.ack() {
                    acknowledged.lock().extend(numbers);
                }
            }
        };
        let mut group = group;
        group.topics[0].max_messages = 5;
        let harness = Harness::start(engine_config(vec![group]), 1, work);
        wait_until("the first ones", || {
            kafka.committed(&id, &topic, 0).is_some_and(|at| at >= 10)
        });
        kafka.recreate_topic(&topic, 1);
        kafka.fill(&topic, 1, NEW..NEW + count);
        wait_until("each message of the new topic is acknowledged", || {
            let seen = acknowledged.lock();
            (NEW..NEW + count).all(|number| seen.contains(&number.to_string()))
        });
        wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(count as i64));
        drop(harness);
    }
}

/// A worker has messages of the old topic while there is a new one, and marks them then.
#[test]
fn a_mark_of_the_old_topic_says_nothing_about_the_new_one_on_real_kafka() {
    let kafka = real_kafka!("a_mark_of_the_old_topic_says_nothing_about_the_new_one_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    // No batch of the new topic ends at offset 20.
    let group = kafka.group(vec![whole_batches(&topic, 30)]);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group.clone()]));
    let lease = harness.take();
    assert_eq!(lease.messages().last_offset(), Some(19));
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 50);
    wait_until("it is told", || harness.log.has_event(is_recreated));
    assert!(!lease.mark(19) && !lease.ack(), "it is none of this topic");
    let harness = harness.with_workers(1, ack);
    wait_for_new(&harness, 50);
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(50));
    let committed = harness.log.commits();
    assert!(!committed.iter().any(|row| row.offset == 20), "{committed:?}");
}

/// The process ends before it knows, and what it has committed last is for the old topic.
#[test]
fn what_was_committed_for_the_old_topic_is_not_valid_for_the_new_one_on_real_kafka() {
    let kafka = real_kafka!("what_was_committed_for_the_old_topic_is_not_valid_for_the_new_one_on_real_kafka");
    for settings in [
        &[][..],
        &[("auto.offset.reset", "latest")],
        &[("auto.offset.reset", "error")],
    ] {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..20);
        let group = kafka.group(vec![topic_config(&topic)]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(20));
        let stale = kafka.committed_metadata(&id, &topic, 0);
        harness.stop();
        kafka.recreate_topic(&topic, 1);
        kafka.fill(&topic, 1, NEW..NEW + 50);
        kafka.commit(&id, &topic, 20, &stale);
        let harness = Harness::start(engine_config(vec![with(group, settings)]), 1, ack);
        wait_for_new(&harness, 50);
        assert_eq!(of_new(&harness).len(), 50);
        wait_until("it is told", || harness.log.has_event(is_recreated));
    }
}

/// Another library commits without metadata: that is believed, and read by ours and by theirs.
#[test]
fn commits_of_others_are_believed_on_real_kafka() {
    let kafka = real_kafka!("commits_of_others_are_believed_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let group = kafka.group(vec![topic_config(&topic)]);
    kafka.commit(&group.id, &topic, 12, "{\"theirs\":1}");
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(8);
    assert_eq!(harness.log.offsets(0), Vec::from_iter(12..20));
}

// ---- latest ------------------------------------------------------------------------------------------------------

on_both! {
    fn with_latest_the_place_where_the_group_begins_is_committed_before_the_first_message(kafka) {
        let topic = kafka.topic(2);
        kafka.fill(&topic, 2, 0..20);
        let group = latest(kafka.group(vec![topic_config(&topic)]));
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group.clone()]));
        wait_until("both", || (0..2).all(|number| kafka.committed(&id, &topic, number) == Some(10)));
        drop(harness);
        // Nobody is there, and nothing was processed yet.
        kafka.fill(&topic, 2, 20..30);
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_messages(10);
        let mut seen: Vec<u64> = harness.log.payloads().iter().map(|text| text.parse().expect("a number")).collect();
        seen.sort_unstable();
        assert_eq!(seen, Vec::from_iter(20..30));
    }

    fn with_latest_each_partition_begins_at_its_end_however_members_come(kafka) {
        let topic = kafka.topic(6);
        kafka.fill(&topic, 6, 0..60);
        let group = latest(kafka.group(vec![topic_config(&topic)]));
        let id = group.id.clone();
        let members: Vec<Harness> = (0..3).map(|_| Harness::start(engine_config(vec![group.clone()]), 1, ack)).collect();
        wait_until("all", || (0..6).all(|number| kafka.committed(&id, &topic, number) == Some(10)));
        kafka.fill(&topic, 6, 60..66);
        wait_until("what came later", || members.iter().map(|member| member.log.messages()).sum::<usize>() >= 6);
        let mut seen: Vec<u64> = members
            .iter()
            .flat_map(|member| member.log.payloads())
            .map(|text| text.parse().expect("a number"))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, Vec::from_iter(60..66));
    }
}
