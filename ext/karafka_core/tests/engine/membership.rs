//! Who gets which partitions: static members, several clients of a group, direct assignment, topics that grow.

use std::time::Duration;

use karafka_core::config::{GroupConfig, TopicConfig};
use karafka_core::lease::Kind;

use crate::common::*;
use crate::{on_both, real_kafka};

#[test]
fn a_fenced_static_member_ends_with_an_error_instead_of_being_rebuilt() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("group.instance.id".into(), "pod-1".into());
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_messages(10);
        // FENCED_INSTANCE_ID
        kafka.refuse("heartbeat", &[82]);
        assert!(harness.engine.join(LONG).unwrap());
        let error = harness.take_error();
        assert!(
            error.contains("pod-1") && error.contains("group.instance.id"),
            "{error}"
        );
    });
}

#[test]
fn of_two_processes_with_one_instance_id_the_older_ends_on_real_kafka() {
    let kafka = real_kafka!("of_two_processes_with_one_instance_id_the_older_ends_on_real_kafka");
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..10);
    let group = with(
        kafka.group(vec![topic_config(&topic)]),
        &[("group.instance.id", "pod-1")],
    );
    let first = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    first.wait_for_messages(10);
    let second = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    assert!(first.engine.join(LONG).unwrap(), "the first one is out");
    assert!(first.take_error().contains("pod-1"));
    second.wait_for_assignment(2);
}

#[test]
fn a_static_member_that_restarts_in_time_causes_no_rebalance_on_real_kafka() {
    let kafka = real_kafka!("a_static_member_that_restarts_in_time_causes_no_rebalance_on_real_kafka");
    let topic = kafka.topic(4);
    let member = |number: usize| {
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("group.id".into(), format!("static-{topic}"));
        group.kafka.insert("session.timeout.ms".into(), "20000".into());
        group.kafka.insert("group.instance.id".into(), format!("pod-{number}"));
        Harness::start(engine_config(vec![group]), 1, ack)
    };
    let (stays_there, restarts) = (member(0), member(1));
    wait_until("two each", || stays_there.assigned() == 2 && restarts.assigned() == 2);
    let before = stays_there.log.count_events(is_revoked);
    restarts.stop();
    let back = member(1);
    wait_until("its two again", || back.assigned() == 2);
    assert_eq!(
        stays_there.log.count_events(is_revoked),
        before,
        "the other one was left alone"
    );
}

fn direct(topic: &str, assign: &[i32]) -> TopicConfig {
    TopicConfig {
        assign: Some(assign.to_vec()),
        ..topic_config(topic)
    }
}

on_both! {
    fn a_directly_assigned_topic_is_read_by_everybody_and_its_offsets_are_committed(kafka) {
        let topic = kafka.topic(3);
        kafka.fill(&topic, 3, 0..30);
        let group = kafka.group(vec![direct(&topic, &[])]);
        let first = Harness::start(engine_config(vec![group.clone()]), 2, ack);
        first.wait_for_assignment(3);
        first.wait_for_messages(30);
        let mut other = group.clone();
        other.kafka.insert("group.id".into(), unique("other"));
        let second = Harness::start(engine_config(vec![other]), 2, ack);
        second.wait_for_messages(30);
        assert_eq!(first.assigned(), 3, "nothing is shared");
        let (_, log) = first.stop();
        assert_eq!(log.count(Kind::Shutdown), 3);
        for partition in 0..3 {
            assert_eq!(kafka.committed(&group.id, &topic, partition), Some(10));
        }
        kafka.fill(&topic, 3, 30..33);
        let again = Harness::start(engine_config(vec![group]), 2, ack);
        again.wait_for_messages(3);
        assert_eq!(again.log.messages(), 3, "it goes on where it was");
    }

    fn single_partitions_can_be_assigned(kafka) {
        let topic = kafka.topic(3);
        kafka.fill(&topic, 3, 0..30);
        let harness = Harness::start(engine_config(vec![kafka.group(vec![direct(&topic, &[0, 2])])]), 2, ack);
        harness.wait_for_messages(20);
        stays("not the other one", Duration::from_millis(200), || harness.log.offsets(1).is_empty());
        assert_eq!(harness.assigned(), 2);
    }

    fn several_clients_of_one_group_in_one_process_share_its_partitions(kafka) {
        let topic = kafka.topic(4);
        kafka.fill(&topic, 4, 0..40);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        if kafka.mock.is_some() {
            group.kafka.insert("session.timeout.ms".into(), "2000".into());
        }
        let groups: Vec<GroupConfig> = (0..2).map(|number| GroupConfig { id: format!("{}_{number}", group.id), ..group.clone() }).collect();
        let harness = Harness::start(engine_config(groups), 2, ack);
        wait_until("two each", || {
            let state = harness.engine.state().unwrap();
            state.groups.iter().all(|group| group.assigned.len() == 2)
        });
        kafka.fill(&topic, 4, 40..80);
        wait_until("everything", || (0..4).all(|partition| kafka.committed(&group.id, &topic, partition) == Some(20)));
    }
}

#[test]
fn new_partitions_of_a_directly_assigned_topic_are_read_on_real_kafka() {
    let kafka = real_kafka!("new_partitions_of_a_directly_assigned_topic_are_read_on_real_kafka");
    let topic = kafka.topic(1);
    let mut group = kafka.group(vec![direct(&topic, &[])]);
    group
        .kafka
        .insert("topic.metadata.refresh.interval.ms".into(), "300".into());
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_assignment(1);
    kafka.add_partitions(&topic, 3);
    harness.wait_for_assignment(3);
    kafka.fill(&topic, 3, 0..9);
    harness.wait_for_messages(9);
}

#[test]
fn new_partitions_of_a_topic_are_read_on_real_kafka() {
    let kafka = real_kafka!("new_partitions_of_a_topic_are_read_on_real_kafka");
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = with(
        kafka.group(vec![topic_config(&topic)]),
        &[("topic.metadata.refresh.interval.ms", "300")],
    );
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_messages(10);
    kafka.add_partitions(&topic, 3);
    harness.wait_for_assignment(3);
    kafka.fill(&topic, 3, 0..30);
    wait_until("all three", || {
        (0..3).all(|partition| harness.log.offsets(partition).len() >= 10)
    });
}

#[test]
fn new_topics_of_a_pattern_are_picked_up_on_real_kafka() {
    let kafka = real_kafka!("new_topics_of_a_pattern_are_picked_up_on_real_kafka");
    let prefix = unique("pattern");
    let mut pattern = topic_config("x");
    pattern.name = None;
    pattern.pattern = Some(format!("^{prefix}\\."));
    let mut group = kafka.group(vec![pattern]);
    group
        .kafka
        .insert("topic.metadata.refresh.interval.ms".into(), "500".into());
    let first = kafka.topic_named(&format!("{prefix}.one"), 1);
    kafka.fill(&first, 1, 0..5);
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_messages(5);
    let second = kafka.topic_named(&format!("{prefix}.two"), 2);
    kafka.fill(&second, 2, 0..6);
    harness.wait_for_messages(11);
}
