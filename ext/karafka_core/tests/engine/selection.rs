//! Messages that wait, and messages that are skipped.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use karafka_core::config::TopicConfig;
use karafka_core::event::Event;
use karafka_core::holds::Hold;
use karafka_core::lease::Kind;
use karafka_core::only::{Only, OnlyConfig, WantedConfig};
use karafka_core::selection::SelectionConfig;
use karafka_core::throttle::ThrottleConfig;
use parking_lot::Mutex;

use crate::common::*;
use crate::on_both;

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

/// Sends numbers with their ages in milliseconds.
fn send_aged(kafka: &Kafka, topic: &str, ages_ms: &[i64]) {
    let (sender, now_ms) = (kafka.producer(), now_ms());
    for (number, age_ms) in ages_ms.iter().enumerate() {
        sender.send(&Message {
            payload: Some(number.to_string().into_bytes()),
            timestamp_ms: now_ms - age_ms,
            ..Message::to(topic)
        });
    }
    sender.flush();
}

fn config(topic: &str, selection: SelectionConfig) -> TopicConfig {
    TopicConfig {
        selection,
        ..topic_config(topic)
    }
}

fn delayed(by_ms: u64) -> SelectionConfig {
    SelectionConfig {
        delay_by_ms: by_ms,
        ..SelectionConfig::default()
    }
}

fn expiring(after_ms: u64) -> SelectionConfig {
    SelectionConfig {
        expire_after_ms: Some(after_ms),
        ..SelectionConfig::default()
    }
}

fn wait_for_commit(kafka: &Kafka, group: &str, topic: &str, offset: i64) {
    wait_until("the commit", || kafka.committed(group, topic, 0) == Some(offset));
}

on_both! {
    fn a_delayed_message_waits_until_it_is_old_enough(kafka) {
        let topic = kafka.topic(1);
        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config(&topic, delayed(2_500))])]));
        harness.wait_for_assignment(1);
        send_aged(kafka, &topic, &[5_000, 300, 0]);
        let sent = Instant::now();
        let mut seen = 0;
        while seen < 3 {
            let lease = harness.take();
            if seen == 0 && sent.elapsed() < Duration::from_secs(2) {
                assert_eq!(lease.messages().len(), 1, "only the first is old enough");
            }
            for index in 0..lease.messages().len() {
                let age_ms = now_ms() - lease.messages().timestamp_ms(index).unwrap();
                assert!(age_ms >= 2_500, "{age_ms}");
                seen += 1;
            }
            lease.ack();
        }
    }

    fn expired_messages_are_skipped_and_their_offsets_committed(kafka) {
        let topic = kafka.topic(1);
        send_aged(kafka, &topic, &[9_000_000; 30]);
        let group = kafka.group(vec![config(&topic, expiring(3_600_000))]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group]), 1, |lease| {
            lease.ack();
        });
        wait_for_commit(kafka, &id, &topic, 30);
        assert_eq!(harness.log.messages(), 0);
        kafka.fill(&topic, 1, 30..31);
        harness.wait_for_messages(1);
        wait_for_commit(kafka, &id, &topic, 31);
    }
}

#[test]
fn a_delayed_partition_costs_no_processor_time_while_it_waits() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..400);
    let group = kafka.group(vec![config(&topic, delayed(600_000))]);
    let harness = Harness::start(engine_config(vec![group]), 2, |lease| {
        lease.ack();
    });
    harness.wait_for_assignment(4);
    stays("nothing comes", Duration::from_millis(500), || {
        harness.log.messages() == 0
    });
}

#[test]
fn nothing_skipped_behind_an_unmarked_message_is_committed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let old = 9_000_000;
    send_aged(&kafka, &topic, &[old, old, 0, 0, old, old]);
    let topic_config = TopicConfig {
        max_messages: 6,
        max_wait_time_ms: 1_000,
        ..config(&topic, expiring(3_600_000))
    };
    let group = kafka.group(vec![topic_config]);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    let lease = harness.take();
    assert_eq!(lease.messages().first_offset(), Some(2));
    wait_for_commit(&kafka, &id, &topic, 2);
    lease.mark(2);
    lease.release();
    assert!(harness.take_within(Duration::from_millis(300)).is_none());
    wait_for_commit(&kafka, &id, &topic, 3);
    assert!(lease.mark(3));
    wait_for_commit(&kafka, &id, &topic, 6);
}

#[test]
fn a_retry_that_has_expired_meanwhile_is_skipped_and_the_next_message_begins_anew() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let mut topic_config = config(&topic, expiring(3_000));
    topic_config.max_messages = 1;
    topic_config.pause_timeout_ms = 900;
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config])]));
    harness.wait_for_assignment(1);
    send_aged(&kafka, &topic, &[0]);
    let mut lease = harness.take();
    while lease.nack().is_some() {
        send_aged(&kafka, &topic, &[-60_000]);
        lease = harness.take();
        if lease.messages().first_offset() != Some(0) {
            break;
        }
    }
    assert_eq!(lease.attempt(), 1);
    lease.ack();
}

#[test]
fn the_end_of_a_partition_comes_after_its_delayed_messages() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    send_aged(&kafka, &topic, &[0, 0]);
    let mut topic_config = config(&topic, delayed(1_000));
    topic_config.eofed = true;
    let mut group = kafka.group(vec![topic_config]);
    group.kafka.insert("enable.partition.eof".into(), "true".into());
    let harness = Harness::without_workers(engine_config(vec![group]));
    let mut kinds = Vec::new();
    while kinds.last() != Some(&Kind::Eofed) {
        let lease = harness.take();
        kinds.push(lease.kind());
        lease.ack();
    }
    assert_eq!(
        kinds.iter().filter(|kind| **kind == Kind::Consume).count(),
        kinds.len() - 1
    );
    assert!(kinds.len() > 1, "{kinds:?}");
}

#[test]
fn a_stop_does_not_wait_for_delayed_messages() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![config(&topic, delayed(600_000))]);
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 1, |lease| {
        lease.ack();
    });
    harness.wait_for_assignment(1);
    let (took, log) = harness.stop();
    assert!(took < NO_LIMIT, "{took:?}");
    assert_eq!(log.messages(), 0);
    assert_eq!(kafka.committed(&id, &topic, 0), None);
}

// ---- only ------------------------------------------------------------------------------------------------------

fn only_purchases() -> SelectionConfig {
    let purchase = WantedConfig {
        text: Some("purchase".to_owned()),
        ..WantedConfig::default()
    };
    let config = OnlyConfig {
        json: vec![(vec!["type".to_owned()], vec![purchase])],
        ..OnlyConfig::default()
    };
    SelectionConfig {
        only: Some(Only::try_from(config).unwrap()),
        ..SelectionConfig::default()
    }
}

/// One message for each: 'p' is wanted, '.' is not.
fn send_types(kafka: &Kafka, topic: &str, types: impl Iterator<Item = char>) {
    let sender = kafka.producer();
    for kind in types {
        let name = if kind == 'p' { "purchase" } else { "view" };
        sender.send(&Message {
            payload: Some(format!(r#"{{"type":"{name}"}}"#).into_bytes()),
            ..Message::to(topic)
        });
    }
    sender.flush();
}

on_both! {
    fn what_does_not_match_is_left_out_and_its_offset_advances(kafka) {
        let topic = kafka.topic(1);
        send_types(kafka, &topic, "..p...p.......".chars());
        let group = kafka.group(vec![config(&topic, only_purchases())]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group]), 1, |lease| {
            lease.ack();
        });
        wait_for_commit(kafka, &id, &topic, 14);
        assert_eq!(harness.log.offsets(0), [2, 6]);
        wait_until("the event", || {
            let events = harness.log.events.lock();
            let counts = events.iter().map(|event| match event {
                Event::Skipped { filtered, .. } => *filtered,
                _ => 0,
            });
            counts.sum::<u64>() == 12
        });
    }

    fn a_partition_of_which_nothing_matches_still_advances(kafka) {
        let topic = kafka.topic(1);
        send_types(kafka, &topic, std::iter::repeat_n('.', 25_000));
        let group = kafka.group(vec![config(&topic, only_purchases())]);
        let id = group.id.clone();
        let harness = Harness::start(engine_config(vec![group.clone()]), 1, |lease| {
            lease.release();
        });
        wait_for_commit(kafka, &id, &topic, 25_000);
        let (_, log) = harness.stop();
        assert_eq!(log.messages(), 0);
        send_types(kafka, &topic, ".p.".chars());
        let again = Harness::start(engine_config(vec![group]), 1, |lease| {
            lease.release();
        });
        again.wait_for_messages(1);
        assert_eq!(again.log.offsets(0), [25_001]);
        again.stop();
        let committed = kafka.committed(&id, &topic, 0).unwrap();
        assert!((25_000..=25_001).contains(&committed), "it is not marked: {committed}");
    }

    fn random_filters_marks_failures_and_seeks_never_commit_past_an_unprocessed_message(kafka) {
        let mut dice = Dice::new();
        let topic = kafka.topic(2);
        let wanted: Vec<Vec<bool>> = (0..2)
            .map(|_| {
                let mut density = 1 + dice.below(20);
                (0..3_000)
                    .map(|_| {
                        if dice.below(200) == 0 {
                            density = 1 + dice.below(400);
                        }
                        dice.below(density) == 0
                    })
                    .collect()
            })
            .collect();
        let sender = kafka.producer();
        for (partition, wanted) in wanted.iter().enumerate() {
            for wanted in wanted {
                let name = if *wanted { "purchase" } else { "view" };
                sender.send(&Message {
                    partition: partition as i32,
                    payload: Some(format!(r#"{{"type":"{name}"}}"#).into_bytes()),
                    ..Message::to(&topic)
                });
            }
        }
        sender.flush();
        let mut topic_config = config(&topic, only_purchases());
        topic_config.max_messages = 1 + dice.below(30) as usize;
        topic_config.max_wait_time_ms = dice.below(3);
        topic_config.pause_timeout_ms = 1;
        topic_config.pause_max_timeout_ms = 2;
        let mut group = kafka.group(vec![topic_config]);
        group.kafka.insert("auto.commit.interval.ms".into(), "5".into());
        let done: Arc<Mutex<Vec<Vec<bool>>>> =
            Arc::new(Mutex::new(wanted.iter().map(|wanted| wanted.iter().map(|wanted| !wanted).collect()).collect()));
        let dice = Mutex::new(dice);
        let harness = {
            let done = done.clone();
            Harness::start(engine_config(vec![group.clone()]), 3, move |lease| {
                if lease.kind() != Kind::Consume {
                    lease.ack();
                    return;
                }
                let count = lease.messages().len();
                let (processed, outcome) = {
                    let mut dice = dice.lock();
                    (dice.below(count as u64 + 1) as usize, dice.below(7))
                };
                let processed = if outcome == 0 { count } else { processed };
                let mut next = lease.messages().first_offset().unwrap();
                for index in 0..processed {
                    next = lease.messages().offset(index).unwrap() + 1;
                    done.lock()[lease.partition().number as usize][next as usize - 1] = true;
                    if outcome != 3 {
                        lease.mark(next - 1);
                    }
                }
                match outcome {
                    0 => drop(lease.ack()),
                    1..=3 => drop(lease.nack()),
                    4 => drop(lease),
                    // Manual: what is not marked is sought again, in both ways there are.
                    5 => {
                        lease.pause(Some(next), Some(Duration::from_millis(1)));
                        lease.release();
                    }
                    _ => {
                        lease.seek(karafka_core::partition::Position::Offset(next));
                        lease.release();
                    }
                }
            })
        };
        let check = |partition: i32, offset: i64| {
            let done = done.lock();
            let until = &done[partition as usize][..offset.max(0) as usize];
            let first = until.iter().position(|processed| !processed);
            assert_eq!(first, None, "committed {offset} of {partition}");
        };
        wait_until("everything is committed", || {
            let mut last = [0, 0];
            for event in harness.log.events.lock().iter() {
                let Event::Committed { offsets, error: None, .. } = event else { continue };
                for row in offsets.iter().filter(|row| row.error.is_none()) {
                    check(row.partition, row.offset);
                    last[row.partition as usize] = row.offset;
                }
            }
            last == [3_000, 3_000]
        });
        assert!(done.lock().iter().flatten().all(|done| *done));
    }
}

#[test]
fn a_waiting_batch_grows_over_what_is_left_out() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    send_types(&kafka, &topic, "p.........p......p..".chars());
    let topic_config = TopicConfig {
        max_messages: 3,
        max_wait_time_ms: 20_000,
        ..config(&topic, only_purchases())
    };
    let group = kafka.group(vec![topic_config]);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    let lease = harness.take();
    assert_eq!(lease.messages().len(), 3);
    lease.ack();
    wait_for_commit(&kafka, &id, &topic, 20);
}

#[test]
fn the_end_of_a_filtered_partition_is_seen() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    send_types(&kafka, &topic, "....".chars());
    let mut topic_config = config(&topic, only_purchases());
    topic_config.eofed = true;
    let mut group = kafka.group(vec![topic_config]);
    group.kafka.insert("enable.partition.eof".into(), "true".into());
    let harness = Harness::without_workers(engine_config(vec![group]));
    let lease = harness.take();
    assert_eq!(lease.kind(), Kind::Eofed);
    lease.ack();
}

// ---- pauses of an operator -------------------------------------------------------------------------------------

#[test]
fn what_is_paused_from_outside_comes_when_that_is_resumed() {
    let kafka = Kafka::mock(1);
    let (held, free) = (kafka.topic(1), kafka.topic(1));
    let group = kafka.group(vec![topic_config(&held), topic_config(&free)]);
    let id = group.kafka["group.id"].clone();
    let harness = Harness::start(engine_config(vec![group]), 2, |lease| {
        lease.ack();
    });
    harness.wait_for_assignment(2);
    assert_eq!(harness.engine.pause(Hold::default()), 2);
    kafka.fill(&held, 1, 0..5);
    kafka.fill(&free, 1, 0..5);
    stays("paused", Duration::from_millis(400), || harness.log.messages() == 0);
    let topic = Hold {
        topic: Some(held.clone()),
        ..Hold::default()
    };
    harness.engine.resume(&Hold::default());
    harness.wait_for_messages(10);
    assert_eq!(harness.engine.pause(topic.clone()), 1);
    kafka.fill(&held, 1, 5..10);
    kafka.fill(&free, 1, 5..10);
    wait_until("the other topic goes on", || harness.log.messages() >= 15);
    stays("paused", Duration::from_millis(300), || harness.log.messages() == 15);
    assert_eq!(harness.engine.state().unwrap().paused, [topic]);
    harness.engine.resume(&Hold {
        group: Some(id),
        ..Hold::default()
    });
    stays("of another pause", Duration::from_millis(200), || {
        harness.log.messages() == 15
    });
    harness.engine.resume(&Hold::default());
    harness.wait_for_messages(20);
}

#[test]
fn a_paused_process_stops_at_once() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let harness = Harness::start(
        engine_config(vec![kafka.group(vec![topic_config(&topic)])]),
        1,
        |lease| {
            lease.ack();
        },
    );
    harness.engine.pause(Hold::default());
    kafka.fill(&topic, 1, 0..5);
    harness.wait_for_assignment(1);
    let (took, log) = harness.stop();
    assert!(took < NO_LIMIT, "{took:?}");
    assert_eq!(log.messages(), 0);
}

// ---- throttle --------------------------------------------------------------------------------------------------

#[test]
fn a_throttle_is_shared_by_all_partitions_and_can_be_changed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..4_000);
    let throttled = SelectionConfig {
        throttles: vec![0],
        ..SelectionConfig::default()
    };
    let mut engine = engine_config(vec![kafka.group(vec![config(&topic, throttled)])]);
    engine.throttles = vec![ThrottleConfig {
        limit: 50,
        interval_ms: 500,
    }];
    let harness = Harness::start(engine, 3, |lease| {
        lease.ack();
    });
    harness.wait_for_messages(1);
    let started = Instant::now();
    harness.wait_for_messages(300);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(2_300), "{took:?}");
    harness.engine.set_throttle(
        0,
        ThrottleConfig {
            limit: 5_000,
            interval_ms: 500,
        },
    );
    harness.wait_for_messages(4_000);
}
