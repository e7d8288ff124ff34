//! Seek, pause, resume, end of partition, and errors on a partition's own queue.

use std::time::{Duration, Instant};

use karafka_core::lease::{Kind, Lease};
use karafka_core::partition::Position;

use crate::common::*;
use crate::{on_both, real_kafka};

fn start(kafka: &Kafka, messages: u64, max_messages: usize) -> (String, Harness) {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..messages);
    let config = whole_batches(&topic, max_messages);
    (
        topic,
        Harness::without_workers(engine_config(vec![kafka.group(vec![config])])),
    )
}

fn release(lease: Lease) {
    lease.release();
}

fn first(lease: &Lease) -> i64 {
    lease.messages().first_offset().expect("a message")
}

on_both! {
    fn a_seek_goes_on_at_the_offset(kafka) {
        let (_, harness) = start(kafka, 100, 10);
        let lease = harness.take();
        assert!(lease.seek(Position::Offset(50), true));
        lease.ack();
        let lease = harness.take();
        assert_eq!(first(&lease), 50);
        assert!(lease.seek(Position::Offset(7), true));
        lease.ack();
        let lease = harness.take();
        assert_eq!(first(&lease), 7);
        assert!(lease.seek(Position::Earliest, true));
        lease.release();
        let lease = harness.take();
        assert_eq!(first(&lease), 0);
        lease.ack();
    }

    fn a_seek_to_the_latest_skips_what_is_there(kafka) {
        let (topic, harness) = start(kafka, 100, 10);
        let lease = harness.take();
        assert!(lease.seek(Position::Latest, true));
        lease.ack();
        assert!(harness.take_within(Duration::from_millis(700)).is_none(), "nothing new yet");
        kafka.fill(&topic, 1, 100..105);
        let lease = harness.take();
        assert_eq!(first(&lease), 100);
        lease.ack();
    }

    fn a_seek_commits_only_what_was_processed_after_it(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..100);
        let config = whole_batches(&topic, 10);
        let group = kafka.group(vec![config]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        harness.take().ack();
        let lease = harness.take();
        lease.seek(Position::Offset(3), true);
        lease.ack();
        let lease = harness.take();
        assert_eq!(first(&lease), 3);
        lease.mark(4);
        assert!(lease.commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(5), "the seek back counts");
        lease.release();
    }

    fn what_was_processed_before_a_seek_is_committed_up_to_where_it_points(kafka) {
        for (position, then_marked, expected) in [
            (Position::Offset(50), None, Some(15)),
            (Position::Latest, None, Some(15)),
            (Position::Offset(3), None, Some(3)),
            (Position::Offset(3), Some(4), Some(5)),
            // Where it points is not known when it is asked for.
            (Position::Earliest, None, None),
            (Position::TimeMs(1), None, None),
        ] {
            let topic = kafka.topic(1);
            kafka.fill(&topic, 1, 0..100);
            let config = whole_batches(&topic, 10);
            let group = with(kafka.group(vec![config]), &[("auto.commit.interval.ms", "0")]);
            let id = group.id.clone();
            let harness = Harness::without_workers(engine_config(vec![group]));
            harness.take().ack();
            let lease = harness.take();
            assert!(lease.mark(14));
            assert!(lease.seek(position, true));
            if let Some(offset) = then_marked {
                lease.mark(offset);
            }
            lease.release();
            harness.with_workers(1, release).stop();
            assert_eq!(kafka.committed(&id, &topic, 0), expected, "{position:?}, then {then_marked:?}");
        }
    }

    fn a_seek_back_takes_no_commit_back_by_itself(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..100);
        let group = with(kafka.group(vec![whole_batches(&topic, 10)]), &[("auto.commit.interval.ms", "0")]);
        let id = group.id.clone();
        for (offset, expected) in [(3, 10), (12, 12), (5, 12)] {
            let harness = Harness::without_workers(engine_config(vec![group.clone()]));
            let lease = harness.take();
            assert!(lease.mark(lease.messages().last_offset().unwrap()));
            if offset == 3 {
                assert!(lease.commit_sync().unwrap());
            }
            assert!(lease.seek(Position::Offset(offset), true));
            lease.release();
            harness.with_workers(1, release).stop();
            assert_eq!(kafka.committed(&id, &topic, 0), Some(expected), "after a seek to {offset}");
        }
    }

    fn a_failure_after_a_seek_retries_where_the_seek_points_to(kafka) {
        let (_, harness) = start(kafka, 100, 10);
        let lease = harness.take();
        lease.seek(Position::Offset(40), true);
        assert!(lease.nack().is_some());
        let lease = harness.take();
        assert_eq!((first(&lease), lease.attempt()), (40, 2));
        lease.seek(Position::Earliest, true);
        drop(lease);
        let lease = harness.take();
        assert_eq!(first(&lease), 0);
        lease.ack();
    }

    fn a_seek_after_the_lease_was_settled_works_too(kafka) {
        let (_, harness) = start(kafka, 10, 10);
        let lease = harness.take();
        lease.ack();
        assert!(lease.seek(Position::Offset(4), true));
        let again = harness.take();
        assert_eq!(first(&again), 4);
        again.ack();
    }

    fn a_pause_holds_the_partition_until_its_time_is_over(kafka) {
        let (_, harness) = start(kafka, 100, 10);
        let lease = harness.take();
        assert!(lease.pause(None, Some(Duration::from_millis(400))));
        let paused = Instant::now();
        lease.ack();
        let lease = harness.take();
        assert!(paused.elapsed() >= Duration::from_millis(390), "{:?}", paused.elapsed());
        assert!(paused.elapsed() < LONG / 2, "{:?}", paused.elapsed());
        assert_eq!(first(&lease), 10);
        lease.ack();
    }

    fn a_pause_with_an_offset_goes_on_there(kafka) {
        let (_, harness) = start(kafka, 100, 10);
        let lease = harness.take();
        lease.mark(9);
        assert!(lease.pause(Some(70), Some(Duration::from_millis(50))));
        lease.ack();
        let lease = harness.take();
        assert_eq!(first(&lease), 70);
        lease.ack();
    }

    fn a_pause_without_a_time_holds_until_resume(kafka) {
        let (topic, harness) = start(kafka, 20, 10);
        let lease = harness.take();
        lease.pause(None, None);
        lease.ack();
        kafka.fill(&topic, 1, 20..30);
        assert!(harness.take_within(Duration::from_millis(600)).is_none());
        assert!(lease.resume());
        let next = harness.take();
        assert_eq!(first(&next), 10);
        next.ack();
        let lease = harness.take();
        assert_eq!(first(&lease), 20);
        lease.ack();
    }

    fn the_end_of_a_partition_gives_a_lease(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..20);
        let mut config = topic_config(&topic);
        config.eofed = true;
        let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 1, ack);
        harness.wait_for_messages(20);
        wait_until("the end", || harness.log.count(Kind::Eofed) == 1);
        kafka.fill(&topic, 1, 20..30);
        harness.wait_for_messages(30);
        wait_until("the end again", || harness.log.count(Kind::Eofed) == 2);
        let kinds: Vec<Kind> = harness.log.seen.lock().iter().map(|seen| seen.kind).collect();
        assert_eq!(kinds.last(), Some(&Kind::Eofed), "messages come before the end: {kinds:?}");
    }

    fn no_end_is_handed_out_where_nobody_asked(kafka) {
        let (ended, quiet) = (kafka.topic(1), kafka.topic(1));
        kafka.fill(&quiet, 1, 0..20);
        kafka.fill(&ended, 1, 0..20);
        let mut config = topic_config(&ended);
        config.eofed = true;
        let group = kafka.group(vec![config, topic_config(&quiet)]);
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_messages(40);
        wait_until("the end", || harness.log.count(Kind::Eofed) > 0);
        assert!(harness.log.of(Kind::Eofed).iter().all(|seen| seen.topic == ended));
    }

    fn an_error_on_a_partition_is_an_event_and_reading_goes_on(kafka) {
        // An offset that does not exist, and a reset policy that makes it an error.
        let topic = kafka.topic(2);
        kafka.fill(&topic, 2, 0..40);
        let config = whole_batches(&topic, 10);
        let mut group = kafka.group(vec![config]);
        let harness = {
            group.kafka.insert("auto.offset.reset".into(), "error".into());
            let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
            wait_until("no committed offset is an error", || harness.log.error_codes().contains(&"auto_offset_reset".into()));
            drop(harness);
            group.kafka.insert("auto.offset.reset".into(), "earliest".into());
            group.kafka.insert("group.id".into(), unique("g"));
            Harness::without_workers(engine_config(vec![group]))
        };
        let lease = harness.take();
        lease.seek(Position::Offset(1_000_000), true);
        lease.ack();
        // Reset to the earliest, with or without an error event.
        let other = harness.take();
        assert_eq!(first(&other), 0);
        other.ack();
    }
}

#[test]
fn a_seek_to_a_time_finds_the_first_message_not_older_on_real_kafka() {
    let kafka = real_kafka!("a_seek_to_a_time_finds_the_first_message_not_older_on_real_kafka");
    let topic = kafka.topic(1);
    let sender = kafka.producer();
    for number in 0..50i64 {
        let message = Message {
            payload: Some(b"x".to_vec()),
            timestamp_ms: 1_700_000_000_000 + number * 1_000,
            ..Message::to(&topic)
        };
        sender.send(&message);
    }
    sender.flush();
    let config = whole_batches(&topic, 10);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config])]));
    let lease = harness.take();
    lease.seek(Position::TimeMs(1_700_000_020_500), true);
    lease.ack();
    let lease = harness.take();
    assert_eq!(first(&lease), 21);
    // Everything is older: the end, not the newest message.
    lease.seek(Position::TimeMs(1_900_000_000_000), true);
    lease.ack();
    assert!(harness.take_within(Duration::from_millis(700)).is_none());
    kafka.fill(&topic, 1, 50..51);
    let lease = harness.take();
    assert_eq!(first(&lease), 50);
    lease.ack();
}

#[test]
fn a_partition_paused_for_ever_does_not_hold_up_the_stop() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let (_, harness) = start(&kafka, 20, 10);
        let lease = harness.take();
        lease.pause(None, Some(Duration::from_secs(u64::MAX / 2)));
        lease.ack();
        let harness = harness.with_workers(1, ack);
        let (took, log) = harness.stop();
        assert_eq!(log.count(Kind::Shutdown), 1);
        took
    });
}

#[test]
fn many_short_pauses_lose_no_wake_up() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..4_000);
    let mut config = topic_config(&topic);
    config.max_messages = 1;
    let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 4, |lease| {
        if lease.kind() == Kind::Consume {
            lease.pause(None, Some(Duration::from_micros(20)));
        }
        lease.ack();
    });
    harness.wait_for_messages(4_000);
}

#[test]
fn the_end_of_a_partition_and_a_waiting_batch_do_not_block_each_other() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let mut config = topic_config(&topic);
    config.eofed = true;
    config.max_wait_time_ms = 5;
    let harness = Harness::start(engine_config(vec![kafka.group(vec![config])]), 2, ack);
    let sender = kafka.producer();
    for number in 0..300u64 {
        sender.send(&Message {
            payload: Some(number.to_string().into_bytes()),
            ..Message::to(&topic)
        });
        if number % 10 == 0 {
            sender.flush();
        }
    }
    sender.flush();
    harness.wait_for_messages(300);
}
