//! Who gets which partitions: static members, several groups, direct assignment, partitions that come back.

use std::time::Duration;

use karafka_core::config::{GroupConfig, TopicConfig};
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};

use crate::common::*;
use crate::{on_both, real_kafka};

fn ack(lease: Lease) {
    lease.ack();
}

fn is_revoked(event: &Event) -> bool {
    matches!(event, Event::Revoked { .. })
}

#[test]
fn a_fenced_static_member_ends_with_an_error_instead_of_being_rebuilt() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.kafka.insert("group.instance.id".into(), "pod-1".into());
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    // FENCED_INSTANCE_ID
    kafka.mock.as_ref().unwrap().request_errors("heartbeat", &[82]).unwrap();
    assert!(harness.engine.join(LONG).unwrap());
    let error = harness.take_error();
    assert!(
        error.contains("pod-1") && error.contains("group.instance.id"),
        "{error}"
    );
}

fn fenced(kafka: &Kafka, settings: &[(&str, &str)]) {
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..10);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    for (key, value) in settings {
        match value.is_empty() {
            true => group.kafka.remove(*key),
            false => group.kafka.insert((*key).into(), (*value).into()),
        };
    }
    group.kafka.insert("group.instance.id".into(), "pod-1".into());
    let first = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    first.wait_for_messages(10);
    let second = Harness::start(engine_config(vec![group.clone()]), 1, ack);
    assert!(first.engine.join(LONG).unwrap(), "the first one is out");
    assert!(first.take_error().contains("pod-1"));
    second.wait_for_assignment(2);
}

#[test]
fn of_two_processes_with_one_instance_id_the_older_ends_on_real_kafka() {
    fenced(
        &real_kafka!("of_two_processes_with_one_instance_id_the_older_ends_on_real_kafka"),
        &[],
    );
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

/// A partition that is lost while a worker has something of it, and comes back to the same process.
#[test]
fn a_partition_that_comes_back_waits_for_its_old_lease_and_its_revoked() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.kafka.insert("session.timeout.ms".into(), "2000".into());
    let harness = Harness::without_workers(engine_config(vec![group]));
    let old = harness.take();
    // UNKNOWN_MEMBER_ID: thrown out.
    kafka.mock.as_ref().unwrap().request_errors("heartbeat", &[25]).unwrap();
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
}

#[test]
fn a_topic_of_low_priority_gets_its_share_and_one_of_high_priority_more() {
    let kafka = Kafka::mock(1);
    let topics: Vec<String> = (0..3).map(|_| kafka.topic(2)).collect();
    for topic in &topics {
        kafka.fill(topic, 2, 0..2_000);
    }
    let configs = topics.iter().zip([100, 10, 1]).map(|(topic, priority)| TopicConfig {
        priority,
        max_messages: 1,
        ..topic_config(topic)
    });
    let harness = Harness::without_workers(engine_config(vec![kafka.group(configs.collect())]));
    harness.wait_for_assignment(6);
    wait_until("all are ready", || harness.engine.state().unwrap().ready == 6);
    // A partition that runs dry because the broker is slow takes no part.
    wait_until_still("all is fetched", || harness.engine.state().unwrap().fetched_bytes);
    let harness = harness.with_workers(1, ack);
    harness.wait_for_messages(1_110);
    let seen = harness.log.seen.lock();
    let share = |topic: &String| seen.iter().take(1_110).filter(|seen| seen.topic == *topic).count();
    let shares: Vec<usize> = topics.iter().map(share).collect();
    assert!(
        shares[0] > 4 * shares[1] && shares[1] > 4 * shares[2] && shares[2] >= 5,
        "{shares:?}"
    );
}

#[test]
fn no_group_starves_while_another_has_many_busy_partitions() {
    let kafka = Kafka::mock(1);
    let (busy, quiet) = (kafka.topic(30), kafka.topic(1));
    kafka.fill(&busy, 30, 0..6_000);
    kafka.fill(&quiet, 1, 0..20);
    let config = |topic: &str| TopicConfig {
        max_messages: 1,
        ..topic_config(topic)
    };
    let groups = vec![kafka.group(vec![config(&busy)]), kafka.group(vec![config(&quiet)])];
    let harness = Harness::without_workers(engine_config(groups));
    wait_until("all are ready", || harness.engine.state().unwrap().ready == 31);
    let harness = harness.with_workers(1, ack);
    wait_until("the small group is done", || {
        harness
            .log
            .seen
            .lock()
            .iter()
            .filter(|seen| seen.topic == quiet)
            .count()
            >= 20
    });
    let seen = harness.log.seen.lock();
    let before = seen.iter().filter(|seen| seen.topic == quiet).count();
    let first = seen.iter().position(|seen| seen.topic == quiet).unwrap();
    let last = seen.iter().rposition(|seen| seen.topic == quiet).unwrap();
    assert!(last - first <= 31 * before, "a turn in each round: {first} to {last}");
}

#[test]
fn fewer_workers_end_after_their_leases_and_more_can_stay() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 4, ack);
    harness.wait_for_assignment(4);
    harness.engine.retire(3).unwrap();
    wait_until("three have gone", || {
        harness.workers.iter().filter(|worker| worker.is_finished()).count() == 3
    });
    kafka.fill(&topic, 4, 0..40);
    harness.wait_for_messages(40);
    assert_eq!(harness.engine.retain(5).unwrap(), 0, "they are gone");
    let (took, _) = harness.stop();
    assert!(took < NO_LIMIT, "{took:?}");
}

#[test]
fn a_graceful_stop_ends_without_any_worker() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..20);
    let group = kafka.group(vec![topic_config(&topic)]);
    let harness = Harness::without_workers(engine_config(vec![group.clone()]));
    let lease = harness.take();
    assert!(lease.ack());
    harness.engine.stop();
    assert!(harness.engine.join(LONG).unwrap(), "nobody comes, so it ends by itself");
    let next = lease.messages().last_offset().unwrap() + 1;
    assert_eq!(
        kafka.committed(&group.id, &topic, lease.partition().number),
        Some(next),
        "what was done is committed"
    );
}
