//! What others learned the hard way: offsets that jump back, and brokers that take less than Kafka's defaults. And what is
//! set from outside stays over a rebalance.

use std::time::Duration;

use karafka_core::config::{ParallelConfig, Spread, TopicConfig};
use karafka_core::eligibility::SelectionConfig;
use karafka_core::event::Event;
use karafka_core::filter::{Filter, FilterConfig, WantedConfig};
use karafka_core::lease::Kind;
use karafka_core::operator_pauses::OperatorPause;
use karafka_core::partition::Position;

use crate::common::*;

const OFFSET_METADATA_TOO_LARGE: i32 = 12;
const TOPIC_AUTHORIZATION_FAILED: i32 = 29;
const STALE_MEMBER_EPOCH: i32 = 113;
/// UNKNOWN_MEMBER_ID: the broker has thrown this member out.
const THROWN_OUT: i32 = 25;

fn wanting_yes(topic: &str) -> TopicConfig {
    let wanted = WantedConfig {
        text: Some("yes".to_owned()),
        ..WantedConfig::default()
    };
    let only = FilterConfig {
        key: Some(vec![wanted]),
        ..FilterConfig::default()
    };
    TopicConfig {
        selection: SelectionConfig {
            only: Some(Filter::try_from(only).unwrap()),
            ..SelectionConfig::default()
        },
        ..topic_config(topic)
    }
}

/// Every fifth one is wanted.
fn send_yes_and_no(kafka: &Kafka, topic: &str, numbers: std::ops::Range<u64>) {
    let sender = kafka.producer();
    for number in numbers {
        let key: &[u8] = if number % 5 == 0 { b"yes" } else { b"no" };
        sender.send(&Message {
            key: Some(key.to_vec()),
            payload: Some(number.to_string().into_bytes()),
            ..Message::to(topic)
        });
    }
    sender.flush();
}

#[test]
fn what_a_broker_refuses_beside_an_offset_costs_no_commit() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let group = kafka.group(vec![topic_config(&topic)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        kafka.fill(&topic, 1, 0..1);
        let lease = harness.take();
        // Before the mark: the interval may commit it at any moment.
        kafka.refuse("offset_commit", &[OFFSET_METADATA_TOO_LARGE]);
        assert!(lease.store_metadata(&"u".repeat(500)) && lease.mark(0));
        assert!(lease.commit_sync().unwrap(), "1024 bytes may be taken");
        assert_eq!(lease.committed_metadata().unwrap().map(|text| text.len()), Some(500));
        lease.release();
        kafka.fill(&topic, 1, 1..2);
        let lease = harness.take();
        kafka.refuse("offset_commit", &[OFFSET_METADATA_TOO_LARGE]);
        assert!(lease.mark(1));
        wait_until("by the interval", || kafka.committed(&id, &topic, 0) == Some(2));
        assert_eq!(
            lease.committed_metadata().unwrap().as_deref(),
            Some(""),
            "500 bytes are more than 256"
        );
        lease.release();
        kafka.fill(&topic, 1, 2..3);
        let lease = harness.take();
        assert!(lease.store_metadata("short") && lease.mark(2));
        assert!(lease.commit_sync().unwrap());
        assert_eq!(lease.committed_metadata().unwrap().as_deref(), Some("short"));
        lease.release();
        kafka.fill(&topic, 1, 3..4);
        let lease = harness.take();
        kafka.refuse("offset_commit", &[OFFSET_METADATA_TOO_LARGE; 2]);
        lease.ack();
        harness.with_workers(1, ack).stop();
        assert_eq!(kafka.committed(&id, &topic, 0), Some(4), "the last commit, too");
    });
}

/// Another member of the group moves the offset of its partition back, and leaves.
#[test]
fn a_partition_that_comes_back_before_what_was_committed_is_told_about() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(2);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
        let id = group.id.clone();
        kafka.fill(&topic, 2, 0..20);
        let stays = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        let committed = |number| kafka.committed(&id, &topic, number);
        wait_until("committed", || (committed(0), committed(1)) == (Some(10), Some(10)));
        let guest = Harness::without_workers(engine_config(vec![group]));
        guest.wait_for_assignment(1);
        kafka.fill(&topic, 2, 20..22);
        let lease = guest.take();
        let number = lease.partition().number;
        assert!(lease.seek(Position::Offset(3), true));
        lease.release();
        let lease = guest.take();
        assert_eq!(lease.messages().first_offset(), Some(3));
        assert!(lease.mark(3) && lease.commit_sync().unwrap());
        lease.pause(None, None);
        lease.release();
        guest
            .with_workers(1, |lease| {
                lease.release();
            })
            .stop();
        wait_until("it is told", || {
            stays.log.has_event(|event| {
            matches!(event, Event::WentBack { partition, offset: 4, committed: 10, .. } if *partition == number)
        })
        });
        let told = |event: &Event| matches!(event, Event::WentBack { .. });
        wait_until("all of it again", || committed(number) == Some(11));
        assert_eq!(stays.log.count_events(told), 1, "not of the other one");
    });
}

/// A seek is meant: no word about it, however often the partition goes and comes.
#[test]
fn what_a_consumer_sought_itself_is_no_jump() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
        let id = group.id.clone();
        kafka.fill(&topic, 1, 0..10);
        let harness = Harness::without_workers(engine_config(vec![group]));
        let lease = harness.take();
        assert!(lease.mark(9.min(lease.messages().last_offset().unwrap())) && lease.commit_sync().unwrap());
        assert!(lease.seek(Position::Offset(0), true));
        lease.release();
        let lease = harness.take();
        assert!(lease.mark(0) && lease.commit_sync().unwrap());
        lease.release();
        assert_eq!(kafka.committed(&id, &topic, 0), Some(1));
        kafka.refuse("heartbeat", &[THROWN_OUT]);
        wait_until("lost", || harness.log.count_events(is_revoked) == 1);
        let harness = harness.with_workers(1, ack);
        wait_until("read again from there", || kafka.committed(&id, &topic, 0) == Some(10));
        assert!(!harness.log.has_event(|event| matches!(event, Event::WentBack { .. })));
    });
}

#[test]
fn a_held_topic_stays_held_over_a_rebalance_and_a_filter_counts_no_message_twice_or_never() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let (held, filtered) = (kafka.topic(1), kafka.topic(1));
        let filtered_config = wanting_yes(&filtered);
        let mut group = kafka.group(vec![topic_config(&held), filtered_config]);
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_assignment(2);
        let topic = OperatorPause {
            topic: Some(held.clone()),
            ..OperatorPause::default()
        };
        assert_eq!(harness.engine.pause(topic.clone()), 1);
        for round in 0..3 {
            kafka.fill(&held, 1, round..round + 1);
            send_yes_and_no(&kafka, &filtered, round * 20..(round + 1) * 20);
            wait_until("the filtered topic, to its end", || {
                kafka.committed(&id, &filtered, 0) == Some(20 * (round as i64 + 1))
            });
            kafka.refuse("heartbeat", &[THROWN_OUT]);
            wait_until("lost", || harness.log.count_events(is_revoked) == round as usize + 1);
            harness.wait_for_assignment(2);
        }
        stays("held", Duration::from_millis(300), || {
            harness.log.of(Kind::Consume).iter().all(|seen| seen.topic == filtered)
        });
        let expected: Vec<String> = (0..60).step_by(5).map(|number: u64| number.to_string()).collect();
        assert_eq!(harness.log.payloads(), expected);
        harness.engine.resume(&topic);
        wait_until("it goes on, from its start", || {
            let seen = harness.log.of(Kind::Consume);
            let held = seen.iter().filter(|seen| seen.topic == held);
            held.flat_map(|seen| seen.offsets.clone()).eq(0..3)
        });
    });
}

/// KIP-848: the group has moved on while the commit was under way. No error, and no commit less.
#[test]
fn a_stale_member_epoch_is_a_bad_moment_for_a_commit_and_nothing_more() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..5);
    let group = with(kafka.group(vec![topic_config(&topic)]), &KIP_848);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    harness.wait_for_assignment(1);
    kafka.refuse("offset_commit", &[STALE_MEMBER_EPOCH; 2]);
    let harness = harness.with_workers(1, ack);
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(5));
    let refused = |event: &Event| match event {
        Event::Error { .. } => true,
        Event::Committed { error, .. } => error.is_some(),
        _ => false,
    };
    assert!(!harness.log.has_event(refused), "{:?}", harness.log.events.lock());
}

/// A mock answers every time with the end of the partition.
#[test]
fn a_seek_that_fails_is_said_and_tried_again_and_nothing_is_handed_out_meanwhile() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..3);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&topic, 3)])]));
    let lease = harness.take();
    kafka.refuse("list_offsets", &[TOPIC_AUTHORIZATION_FAILED]);
    kafka.fill(&topic, 1, 3..6);
    assert!(lease.seek(Position::TimeMs(1), true));
    lease.release();
    let harness = harness.with_workers(1, ack);
    wait_until("it is said", || !harness.log.error_codes().is_empty());
    assert_eq!(harness.log.error_codes(), ["topic_authorization_failed"]);
    let mut number = 6;
    wait_until("it goes on", || {
        kafka.fill(&topic, 1, number..number + 1);
        number += 1;
        harness.log.offsets(0).len() > 3
    });
    let after = harness.log.offsets(0)[3];
    assert!(after >= 6, "{after} is from before the end");
}

/// Without an offset a pause moves nothing, also where messages before and behind are left out.
#[test]
fn a_pause_of_a_filtered_partition_goes_on_behind_what_was_left_out() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let mut group = kafka.group(vec![wanting_yes(&topic)]);
    group.kafka.insert("fetch.wait.max.ms".into(), "10".into());
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    let mut seen = Vec::new();
    for round in 0..3 {
        send_yes_and_no(&kafka, &topic, round * 10..round * 10 + 10);
        while seen.len() < 2 * (round as usize + 1) {
            let lease = harness.take();
            seen.extend(offsets(&lease));
            assert!(lease.pause(None, Some(Duration::from_millis(50))));
            lease.ack();
        }
    }
    assert_eq!(seen, [0, 5, 10, 15, 20, 25]);
    wait_until("to the end", || kafka.committed(&id, &topic, 0) == Some(30));
}

/// A broker that takes nothing beside an offset: other keys go on behind a stuck message, and nothing is lost.
#[test]
fn without_room_beside_the_offset_finished_messages_are_committed_with_those_before_them() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let config = TopicConfig {
        parallel: Some(ParallelConfig {
            by: Spread::Key,
            limit: 2,
        }),
        max_messages: 5,
        ..topic_config(&topic)
    };
    let group = kafka.group(vec![config]);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    send_yes_and_no(&kafka, &topic, 0..1);
    let stuck = harness.take();
    kafka.refuse("offset_commit", &[OFFSET_METADATA_TOO_LARGE; 4]);
    let sender = kafka.producer();
    for number in 1..300 {
        sender.send(&Message {
            key: Some(b"other".to_vec()),
            payload: Some(number.to_string().into_bytes()),
            ..Message::to(&topic)
        });
    }
    sender.flush();
    let harness = harness.with_workers(2, ack);
    harness.wait_for_messages(300);
    let refused = |event: &Event| matches!(event, Event::Committed { offsets, error, .. } if error.is_some() || offsets.iter().any(|row| row.error.is_some()));
    assert_eq!(
        kafka.committed(&id, &topic, 0),
        None,
        "nothing before the stuck one is finished"
    );
    stuck.ack();
    wait_until("all of it", || kafka.committed(&id, &topic, 0) == Some(300));
    wait_until("all refusals are told", || harness.log.count_events(refused) == 4);
}
