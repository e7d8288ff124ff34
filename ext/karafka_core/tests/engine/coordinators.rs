//! The broker that coordinates a group changes.

use std::collections::HashSet;

use karafka_core::config::GroupConfig;
use karafka_core::event::Event;

use crate::common::*;

const COORDINATOR_NOT_AVAILABLE: i32 = 15;
const NOT_COORDINATOR: i32 = 16;
/// The mock waits so long for members that have left.
const SHORT_SESSION: [(&str, &str); 1] = [("session.timeout.ms", "2000")];
const COOPERATIVE: [(&str, &str); 1] = [("partition.assignment.strategy", "cooperative-sticky")];

#[track_caller]
fn wait_for_all(logs: &[&Log], count: u64) {
    wait_until("all messages", || {
        let seen: HashSet<String> = logs.iter().flat_map(|log| log.payloads()).collect();
        (0..count).all(|number| seen.contains(&number.to_string()))
    });
}

/// A member has asked one broker, then the group is another one's, and both are there.
fn begins_after_a_move(settings: &[(&str, &str)]) {
    let kafka = Kafka::mock(2);
    let mock = kafka.mock.as_ref().unwrap();
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..40);
    let group = with(with(kafka.group(vec![topic_config(&topic)]), &SHORT_SESSION), settings);
    let id = group.kafka["group.id"].clone();
    mock.coordinator(&id, 1).unwrap();
    let first = Harness::start(engine_config(vec![group.clone()]), 2, ack);
    first.wait_for_messages(40);
    mock.coordinator(&id, 2).unwrap();
    // The mock answers this question on any broker.
    mock.broker_errors(1, "offset_fetch", &[NOT_COORDINATOR; 1_000])
        .unwrap();
    let second = Harness::start(engine_config(vec![group]), 2, ack);
    wait_until("two partitions each", || {
        first.assigned() == 2 && second.assigned() == 2
    });
    kafka.fill(&topic, 4, 40..80);
    wait_for_all(&[&first.log, &second.log], 80);
    let (_, of_second) = second.stop();
    // The first one gets partitions anew.
    first.wait_for_assignment(4);
    kafka.fill(&topic, 4, 80..120);
    wait_for_all(&[&first.log, &of_second], 120);
    first.stop();
}

#[test]
fn partitions_begin_after_the_group_has_moved_to_another_coordinator() {
    begins_after_a_move(&[]);
}

#[test]
fn partitions_begin_after_the_group_has_moved_to_another_coordinator_cooperatively() {
    begins_after_a_move(&COOPERATIVE);
}

/// The first partitions of a member come while its group has no coordinator that others could be told of.
#[test]
fn partitions_begin_while_the_coordinator_is_being_elected() {
    let kafka = Kafka::mock(2);
    let topic = kafka.topic(1);
    let group = with(kafka.group(vec![topic_config(&topic)]), &SHORT_SESSION);
    let first = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    first.wait_for_assignment(1);
    let second = Harness::start(engine_config(vec![group]), 1, ack);
    wait_until("the second one is in", || {
        let is_in = second.log.has_event(|event| matches!(event, Event::Assigned { .. }));
        is_in && first.assigned() + second.assigned() == 1
    });
    let (leaver, heir) = match first.assigned() {
        1 => (first, second),
        _ => (second, first),
    };
    kafka.refuse("find_coordinator", &[COORDINATOR_NOT_AVAILABLE; 8]);
    leaver.stop();
    heir.wait_for_assignment(1);
    kafka.fill(&topic, 1, 0..10);
    heir.wait_for_messages(10);
    heir.stop();
}

/// librdkafka's own question where to begin goes to a broker that is the coordinator no longer.
fn begins_after_a_refusal(change: impl Fn(&mut GroupConfig)) {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..20);
    let mut group = with(kafka.group(vec![topic_config(&topic)]), &SHORT_SESSION);
    change(&mut group);
    kafka.refuse("offset_fetch", &[NOT_COORDINATOR]);
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    wait_for_all(&[&harness.log], 20);
    harness.stop();
}

#[test]
fn partitions_begin_that_librdkafka_has_given_up() {
    begins_after_a_refusal(|_| {});
}

#[test]
fn partitions_begin_that_librdkafka_has_given_up_cooperatively() {
    begins_after_a_refusal(|group| *group = with(group.clone(), &COOPERATIVE));
}

#[test]
fn partitions_begin_that_librdkafka_has_given_up_with_kip_848() {
    begins_after_a_refusal(|group| *group = with(group.clone(), &KIP_848));
}

#[test]
fn partitions_begin_that_librdkafka_has_given_up_without_a_group() {
    begins_after_a_refusal(|group| group.topics[0].assign = Some(vec![0, 1]));
}
