//! What `on_topic_recreated` says, and topics that stay missing.

use std::time::{Duration, Instant};

use karafka_core::config::{GroupConfig, OnRecreated, TopicConfig};
use karafka_core::event::Event;

use crate::common::*;
use crate::{on_both, real_kafka};

/// Numbers from here on are in the new topic.
const NEW: u64 = 1_000;

fn numbers(harness: &Harness) -> Vec<u64> {
    let mut numbers: Vec<u64> = harness
        .log
        .payloads()
        .iter()
        .map(|text| text.parse().expect("a number"))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A group that has committed 20 messages of a topic, in whose place there is another one with 50; nothing is running.
fn recreated(kafka: &Kafka, on_recreated: OnRecreated) -> (String, GroupConfig) {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.topics[0].on_recreated = on_recreated;
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    wait_until("committed", || kafka.committed(&group.id, &topic, 0) == Some(20));
    let of_the_old = kafka.committed_metadata(&group.id, &topic, 0);
    harness.stop();
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 50);
    // Brokers delete offsets together with a topic, but not at once.
    kafka.commit(&group.id, &topic, 20, &of_the_old);
    (topic, group)
}

#[test]
fn with_end_what_a_topic_has_that_was_made_again_is_skipped_on_real_kafka() {
    let kafka = real_kafka!("with_end_what_a_topic_has_that_was_made_again_is_skipped_on_real_kafka");
    let (topic, group) = recreated(&kafka, OnRecreated::End);
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    wait_until("its end is committed", || {
        kafka.committed(&group.id, &topic, 0) == Some(50)
    });
    let is_told =
        |event: &Event| matches!(event, Event::Recreated { on_recreated, .. } if *on_recreated == OnRecreated::End);
    wait_until("it is told", || harness.log.has_event(is_told));
    kafka.fill(&topic, 1, NEW + 50..NEW + 60);
    harness.wait_for_messages(10);
    assert_eq!(numbers(&harness), Vec::from_iter(NEW + 50..NEW + 60));
}

#[test]
fn with_error_nothing_of_a_topic_that_was_made_again_is_read_until_an_offset_is_set_on_real_kafka() {
    let kafka =
        real_kafka!("with_error_nothing_of_a_topic_that_was_made_again_is_read_until_an_offset_is_set_on_real_kafka");
    let (topic, group) = recreated(&kafka, OnRecreated::Error);
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    let is_said = |event: &Event| matches!(event, Event::Error { error, .. } if error.message.contains("`on_topic_recreated` is \"error\""));
    wait_until("it is said twice", || harness.log.count_events(is_said) > 1);
    assert!(harness.engine.state().unwrap().waiting[0].refused);
    assert_eq!(harness.log.messages(), 0);
    harness.stop();
    kafka.commit(&group.id, &topic, 40, "");
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    assert_eq!(numbers(&harness), Vec::from_iter(NEW + 40..NEW + 50));
}

#[test]
fn with_error_a_topic_that_is_made_again_while_it_is_read_stands_still_on_real_kafka() {
    let kafka = real_kafka!("with_error_a_topic_that_is_made_again_while_it_is_read_stands_still_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let group = kafka.group(vec![topic_config(&topic)]);
    let mut group = with(group, &[("topic.metadata.refresh.interval.ms", "500")]);
    group.topics[0].on_recreated = OnRecreated::Error;
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(20);
    kafka.recreate_topic(&topic, 1);
    kafka.fill(&topic, 1, NEW..NEW + 50);
    wait_until("it stands still", || {
        harness
            .engine
            .state()
            .unwrap()
            .waiting
            .iter()
            .any(|waiting| waiting.refused)
    });
    assert_eq!(numbers(&harness), Vec::from_iter(0..20));
}

/// A join that is under way when the topic appears is not begun a second time: its id would be left behind in the group.
#[test]
fn a_topic_that_appears_is_read_at_once_beside_a_pattern_and_beside_others_on_real_kafka() {
    let kafka = real_kafka!("a_topic_that_appears_is_read_at_once_beside_a_pattern_and_beside_others_on_real_kafka");
    for round in 0..6 {
        let (name, prefix) = (unique("late"), unique("p"));
        let pattern = TopicConfig {
            name: None,
            pattern: Some(format!("^{prefix}")),
            ..topic_config("")
        };
        let mut topics = vec![topic_config(&name), pattern];
        let (others, refresh) = if round % 2 == 0 { (0, "5000") } else { (1, "300000") };
        for _ in 0..others {
            topics[1] = topic_config(&kafka.topic(1));
        }
        let settings = [
            ("session.timeout.ms", "45000"),
            ("topic.metadata.refresh.interval.ms", refresh),
        ];
        let harness = Harness::start(engine_config(vec![with(kafka.group(topics), &settings)]), 1, ack);
        harness.wait_for_assignment(others);
        let missing = || harness.engine.state().unwrap().groups[0].missing.clone();
        wait_until("it is missing", || missing().iter().any(|missing| **missing == *name));
        kafka.topic_named(&name, 1);
        kafka.topic_named(&format!("{prefix}.a"), 1);
        let made = Instant::now();
        kafka.fill(&name, 1, 0..10);
        harness.wait_for_messages(10);
        assert!(
            made.elapsed() < Duration::from_secs(20),
            "round {round}: {:?}",
            made.elapsed()
        );
    }
}

on_both! {
    fn a_missing_topic_is_an_error_when_it_lasts_and_less_and_less_often(kafka) {
        let name = unique("missing");
        let settings = [("topic.metadata.refresh.interval.ms", "100"), ("allow.auto.create.topics", "false")];
        let mut group = with(kafka.group(vec![topic_config(&name)]), &settings);
        group.missing_error_after_ms = Some(1_000);
        let started = Instant::now();
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        let is_missing = |event: &Event| {
            matches!(event, Event::Error { error, .. } if error.topic.as_deref() == Some(&*name) && error.message.contains("does not exist"))
        };
        wait_until("it is seen", || !harness.engine.state().unwrap().groups[0].missing.is_empty());
        assert!(!harness.log.has_event(is_missing), "it may be created yet");
        wait_until("it is an error", || harness.log.has_event(is_missing));
        assert!(started.elapsed() >= Duration::from_millis(1_000), "{:?}", started.elapsed());
        wait_until("it is repeated", || harness.log.count_events(is_missing) == 2);
        assert!(started.elapsed() >= Duration::from_millis(2_000), "{:?}", started.elapsed());
        wait_until("and again", || harness.log.count_events(is_missing) == 3);
        assert!(started.elapsed() >= Duration::from_millis(4_000), "{:?}", started.elapsed());
    }
}
