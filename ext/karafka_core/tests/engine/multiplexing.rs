//! Several clients for the same topics, whose number follows that of the partitions.

use std::time::Duration;

use karafka_core::config::{GroupConfig, MultiplexingConfig};
use karafka_core::event::Event;

use crate::common::*;
use crate::{on_both, real_kafka};

/// Long enough for a rebalance on a busy machine, or a client that came would seem to have come in vain.
const DELAY_MS: u64 = 4_000;

/// Up to two clients, `boot` of them at the start.
fn clients(kafka: &Kafka, topic: &str, boot: usize) -> Vec<GroupConfig> {
    let group = kafka.group(vec![topic_config(topic)]);
    let client = |place| {
        let multiplexing = MultiplexingConfig {
            set: "set".to_owned(),
            place,
            min: 1,
            max: 2,
            boot,
            delay_ms: DELAY_MS,
        };
        let mut client = GroupConfig {
            id: format!("{}_{place}", group.id),
            multiplexing: Some(multiplexing),
            ..group.clone()
        };
        if kafka.mock.is_some() {
            client.kafka.insert("session.timeout.ms".into(), "2000".into());
        }
        client
    };
    (0..2).map(client).collect()
}

fn running(harness: &Harness) -> Vec<bool> {
    let state = harness.engine.state().unwrap();
    state.groups.iter().map(|group| group.runs).collect()
}

fn shares(harness: &Harness) -> Vec<usize> {
    let state = harness.engine.state().unwrap();
    let mut shares: Vec<usize> = state.groups.iter().map(|group| group.assigned.len()).collect();
    shares.sort_unstable();
    shares
}

fn changes(log: &Log) -> Vec<(usize, bool)> {
    let events = log.events.lock();
    let scaled = events.iter().filter_map(|event| match event {
        Event::Scaled { clients, grown, .. } => Some((*clients, *grown)),
        _ => None,
    });
    scaled.collect()
}

on_both! {
    fn a_client_without_partitions_leaves_the_group_and_the_rest_goes_on(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let groups = clients(kafka, &topic, 2);
        let id = groups[0].kafka["group.id"].clone();
        let harness = Harness::start(engine_config(groups), 2, ack);
        wait_until("one client", || running(&harness).iter().filter(|runs| **runs).count() == 1);
        wait_until("the event", || changes(&harness.log) == [(1, false)]);
        wait_until("the partition", || shares(&harness) == [0, 1]);
        kafka.fill(&topic, 1, 10..20);
        wait_until("everything", || kafka.committed(&id, &topic, 0) == Some(20));
        // The one that waits is woken.
        let (took, log) = harness.stop();
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_eq!(changes(&log).len(), 1);
        // The mock forgets members that wait for the others to join.
        if kafka.mock.is_none() {
            assert_eq!(log.error_codes(), Vec::<String>::new());
        }
    }
}

#[test]
fn another_client_comes_where_there_are_partitions_for_it_on_real_kafka() {
    let kafka = real_kafka!("another_client_comes_where_there_are_partitions_for_it_on_real_kafka");
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..40);
    let groups = clients(&kafka, &topic, 1);
    let id = groups[0].kafka["group.id"].clone();
    let harness = Harness::start(engine_config(groups), 2, ack);
    assert_eq!(running(&harness), [true, false]);
    wait_until("all partitions", || shares(&harness) == [0, 4]);
    wait_until("two each", || shares(&harness) == [2, 2]);
    kafka.fill(&topic, 4, 40..80);
    wait_until("everything", || {
        (0..4).all(|partition| kafka.committed(&id, &topic, partition) == Some(20))
    });
    wait_until("the event", || changes(&harness.log) == [(2, true)]);
    let (_, log) = harness.stop();
    assert_eq!(changes(&log).len(), 1);
    assert!((0..4).all(|partition| log.offsets(partition).len() >= 20));
}
