//! What `only` leaves out is passed over, and nothing else is.

use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::TopicConfig;
use karafka_core::eligibility::SelectionConfig;
use karafka_core::event::Event;
use karafka_core::filter::{Filter, FilterConfig, WantedConfig};
use karafka_core::lease::Kind;
use karafka_core::partition::Position;
use parking_lot::Mutex;

use super::{config, wait_for_commit};
use crate::common::*;
use crate::on_both;

fn only_purchases() -> SelectionConfig {
    let purchase = WantedConfig {
        text: Some("purchase".to_owned()),
        ..WantedConfig::default()
    };
    let config = FilterConfig {
        json: vec![(vec!["type".to_owned()], vec![purchase])],
        ..FilterConfig::default()
    };
    SelectionConfig {
        only: Some(Filter::try_from(config).unwrap()),
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
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
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
        let done = Arc::new(Processed::default());
        for (partition, wanted) in (0..).zip(&wanted) {
            for (offset, _) in (0..).zip(wanted).filter(|(_, wanted)| !**wanted) {
                done.add(partition, offset);
            }
        }
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
                    done.add(lease.partition().number, next - 1);
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
                        lease.seek(Position::Offset(next), true);
                        lease.release();
                    }
                }
            })
        };
        wait_until("everything is committed", || {
            done.check_commits(&harness.log);
            (0..2).all(|partition| {
                let of_it = harness.log.commits().into_iter().rfind(|row| row.partition == partition);
                of_it.is_some_and(|row| row.offset == 3_000)
            })
        });
        assert_eq!(done.count(), 6_000);
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
    // The drain ended with the message that made the batch full.
    let _harness = harness.with_workers(1, ack);
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
