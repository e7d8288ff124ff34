//! Administration: the way of asking, on the mock; what brokers decide is in spec/kafka.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::*;
use karafka_core::admin::{Admin, Answer, CommittedOffset, OffsetQuestion, Request};
use karafka_core::error::Error;
use parking_lot::{Condvar, Mutex};

const METADATA: i16 = 3;

fn admin(brokers: &str) -> Admin {
    Admin::new(&BTreeMap::from([("bootstrap.servers".to_owned(), brokers.to_owned())])).unwrap()
}

fn offsets(asked: &[(&str, i32, i64)]) -> Request {
    let asked = asked
        .iter()
        .map(|(topic, partition, offset)| OffsetQuestion((*topic).to_owned(), *partition, *offset));
    Request::ListOffsets {
        offsets: asked.collect(),
        committed_only: false,
    }
}

fn found(answer: Answer) -> Vec<(i32, i64)> {
    match answer {
        Answer::LogOffsets(rows) => rows.iter().map(|row| (row.partition, row.offset)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_question_may_be_about_a_partition_several_times() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 1, 0..2);
    let admin = admin(&kafka.brokers);
    let asked = offsets(&[(&topic, 0, -2), (&topic, 1, -1), (&topic, 0, -1)]);
    assert_eq!(found(admin.ask(asked, LONG).unwrap()), [(0, 0), (1, 0), (0, 2)]);
    admin.close();
}

/// Holds up the first answer about metadata, and so the end of the first connection, until one is asked for that names the topic.
struct FirstConnection {
    topic: String,
    state: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    asked: bool,
    named: bool,
    over: bool,
}

impl HoldUp for FirstConnection {
    fn wants_answer(&self, request: &mut [u8]) -> Option<&'static str> {
        if api_key(request) != METADATA {
            return None;
        }
        let mut seen = self.state.0.lock();
        let first = !std::mem::replace(&mut seen.asked, true);
        let names = request
            .windows(self.topic.len())
            .any(|part| part == self.topic.as_bytes());
        seen.named |= names && !seen.over;
        self.state.1.notify_all();
        first.then_some("first")
    }

    fn pass(&self, _kind: &'static str, _answer: &mut Vec<u8>) -> Pass {
        let state = self.state.clone();
        Pass::After(Box::new(move || {
            let mut seen = state.0.lock();
            // Where nobody asks this only ends the wait.
            state
                .1
                .wait_while_for(&mut seen, |seen| !seen.named, Duration::from_millis(300));
            seen.over = true;
        }))
    }
}

// librdkafka gives its first connection up, with the questions that are under way, and repeats one for leaders after 3 s.
#[test]
fn leaders_are_not_asked_for_on_the_first_connection() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let state = Arc::<(Mutex<Seen>, Condvar)>::default();
    let hold_up = FirstConnection {
        topic: topic.clone(),
        state: state.clone(),
    };
    let admin = admin(&start_proxy(&kafka.brokers, Arc::new(hold_up)));
    state.1.wait_while(&mut state.0.lock(), |seen| !seen.asked);
    assert_eq!(found(admin.ask(offsets(&[(&topic, 0, -1)]), LONG).unwrap()), [(0, 0)]);
    assert!(!state.0.lock().named);
    admin.close();
}

// As Azure Event Hubs. librdkafka reads the id as a text without looking whether one came.
#[test]
fn a_cluster_may_have_no_id() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let admin = admin(&start_proxy(&kafka.brokers, Arc::new(WithoutId)));
    for _again in 0..2 {
        assert_eq!(found(admin.ask(offsets(&[(&topic, 0, -1)]), LONG).unwrap()), [(0, 0)]);
    }
    let Answer::Cluster(cluster) = admin.ask(Request::DescribeCluster {}, LONG).unwrap() else {
        panic!("another answer");
    };
    assert_eq!((cluster.cluster_id, cluster.controller_id), (None, 1));
    assert_eq!(
        cluster
            .brokers
            .iter()
            .map(|broker| broker.broker_id)
            .collect::<Vec<_>>(),
        [1]
    );
    assert!(cluster.topics.iter().any(|found| found.topic_name == topic));
    admin.close();
}

#[test]
fn more_groups_than_are_asked_for_at_once_have_each_their_own_answer() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let admin = admin(&kafka.brokers);
    let group = |index: i64| format!("group-{index}");
    for index in 0..120 {
        let offset = CommittedOffset {
            offset: index,
            ..commit(&topic, 0)
        };
        let request = Request::AlterOffsets {
            group: group(index),
            offsets: vec![offset],
        };
        admin.ask(request, LONG).unwrap();
    }
    let wanted = BTreeMap::from([(topic.clone(), vec![0])]);
    let groups = (0..120).map(|index| (group(index), Some(wanted.clone()))).collect();
    match admin.ask(Request::CommittedOffsets { groups }, LONG).unwrap() {
        Answer::Committed(rows) => {
            assert_eq!(rows.len(), 120);
            for index in 0..120 {
                assert_eq!(rows[&group(index)][0].offset, index);
            }
        }
        other => panic!("{other:?}"),
    }
    admin.close();
}

fn commit(topic: &str, partition: i32) -> CommittedOffset {
    CommittedOffset {
        topic: topic.to_owned(),
        partition,
        offset: 0,
        metadata: None,
        leader_epoch: None,
    }
}

// librdkafka gives such a partition back without an offset, and without an error.
#[test]
fn a_log_whose_leader_is_down_has_no_end() {
    let kafka = Kafka::mock(2);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..3);
    let admin = admin(&kafka.brokers);
    let ends = || offsets(&[(&topic, 0, -1), (&topic, 1, -1)]);
    let mock = kafka.mock.as_ref().unwrap();
    mock.broker_down(2).unwrap();
    match admin.ask(ends(), Duration::from_secs(3)) {
        Err(Error::Kafka { source, .. }) => {
            assert_eq!(
                (source.code.as_str(), source.topic),
                ("leader_not_available", Some(topic.clone()))
            );
        }
        other => panic!("{other:?}"),
    }
    mock.broker_up(2).unwrap();
    assert_eq!(found(admin.ask(ends(), LONG).unwrap()), [(0, 2), (1, 1)]);
    admin.close();
}

#[test]
fn what_has_moved_to_another_broker_is_asked_there() {
    let (not_leader, loading, not_coordinator) = (6, 14, 16);
    let kafka = Kafka::mock(1);
    let (topic, group) = (kafka.topic(1), unique("g"));
    let admin = admin(&kafka.brokers);
    kafka.refuse("list_offsets", &[not_leader]);
    assert_eq!(found(admin.ask(offsets(&[(&topic, 0, -1)]), LONG).unwrap()), [(0, 0)]);
    kafka.refuse("offset_commit", &[loading, not_coordinator]);
    let request = Request::AlterOffsets {
        group: group.clone(),
        offsets: vec![commit(&topic, 0)],
    };
    admin.ask(request, LONG).unwrap();
    kafka.refuse("offset_fetch", &[loading, loading, not_coordinator]);
    let wanted = Some(BTreeMap::from([(topic.clone(), vec![0])]));
    let groups = BTreeMap::from([(group.clone(), wanted.clone())]);
    match admin.ask(Request::CommittedOffsets { groups }, LONG).unwrap() {
        Answer::Committed(rows) => assert_eq!(rows[&group][0].offset, 0),
        other => panic!("{other:?}"),
    }
    kafka.refuse("offset_fetch", &[loading; 1_000]);
    let groups = BTreeMap::from([(group, wanted)]);
    match admin.ask(Request::CommittedOffsets { groups }, Duration::from_secs(1)) {
        Err(Error::Kafka { source, .. }) => assert_eq!(source.code, "coordinator_load_in_progress"),
        other => panic!("{other:?}"),
    }
    admin.close();
}

// librdkafka crashes on this answer in a client that has no group, and keeps the coordinator that it knew.
#[test]
fn a_group_is_asked_for_where_its_coordinator_is_now() {
    let kafka = Kafka::mock(2);
    let (topic, group) = (kafka.topic(1), unique("g"));
    let mock = kafka.mock.as_ref().unwrap();
    let admin = admin(&kafka.brokers);
    for broker in [1, 2, 1] {
        mock.coordinator(&group, broker).unwrap();
        let request = Request::AlterOffsets {
            group: group.clone(),
            offsets: vec![commit(&topic, 0)],
        };
        admin.ask(request, LONG).unwrap();
        let groups = BTreeMap::from([(group.clone(), Some(BTreeMap::from([(topic.clone(), vec![0])])))]);
        match admin.ask(Request::CommittedOffsets { groups }, LONG).unwrap() {
            Answer::Committed(rows) => assert_eq!(rows[&group][0].offset, 0, "at broker {broker}"),
            other => panic!("{other:?}"),
        }
    }
    admin.close();
}

#[test]
fn an_answer_that_does_not_come_is_an_error_with_its_cause() {
    let admin = admin("127.0.0.1:1");
    for request in [
        Request::DescribeCluster {},
        Request::ListTopics {},
        // Of a coordinator.
        Request::DescribeGroups {
            groups: vec!["g".to_owned()],
        },
    ] {
        let started = Instant::now();
        match admin.ask(request, Duration::from_millis(500)) {
            Err(Error::Kafka { source, .. }) => {
                assert_eq!(source.code, "timed_out");
                assert!(source.message.contains("127.0.0.1:1"), "{source}");
                assert!(source.message.contains("max_wait_time"), "{source}");
            }
            other => panic!("{other:?}"),
        }
        assert!(started.elapsed() < LONG / 2);
    }
    admin.close();
}

#[test]
fn closing_ends_what_is_being_asked() {
    let admin = admin("127.0.0.1:1");
    let asking = admin.clone();
    let waiting = std::thread::spawn(move || asking.ask(Request::DescribeCluster {}, LONG));
    let started = Instant::now();
    admin.close();
    let answer = waiting.join().unwrap();
    assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
    assert!(started.elapsed() < LONG / 2);
}
