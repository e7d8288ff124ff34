//! What is committed, when, and what a retry gets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::event::Event;
use karafka_core::lease::Kind;
use karafka_core::partition::Marked;
use parking_lot::Mutex;

use crate::common::*;
use crate::on_both;

const NO_INTERVAL: &str = "600000";

fn one_topic(kafka: &Kafka, messages: u64, max_messages: usize, interval_ms: &str) -> (String, String, Harness) {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..messages);
    let config = whole_batches(&topic, max_messages);
    let mut group = kafka.group(vec![config]);
    group.kafka.insert("auto.commit.interval.ms".into(), interval_ms.into());
    let id = group.id.clone();
    (topic, id, Harness::without_workers(engine_config(vec![group])))
}

fn wait_for_commit(kafka: &Kafka, group: &str, topic: &str, offset: i64) {
    wait_until("the commit", || kafka.committed(group, topic, 0) == Some(offset));
}

fn finish(harness: Harness) -> Arc<Log> {
    let harness = harness.with_workers(1, |lease| {
        lease.release();
    });
    harness.stop().1
}

on_both! {
    fn an_ack_commits_the_next_offset(kafka) {
        let (topic, group, harness) = one_topic(kafka, 10, 4, "100");
        assert!(harness.take().ack());
        wait_for_commit(kafka, &group, &topic, 4);
        assert!(harness.take().ack());
        wait_for_commit(kafka, &group, &topic, 8);
        wait_until("the event", || harness.log.has_event(|event| {
            matches!(event, Event::Committed { offsets, error: None, .. } if offsets[0].offset == 8)
        }));
        finish(harness);
    }

    fn the_stop_commits_what_was_acked(kafka) {
        let (topic, group, harness) = one_topic(kafka, 10, 4, NO_INTERVAL);
        harness.take().ack();
        assert_eq!(kafka.committed(&group, &topic, 0), None, "not yet");
        finish(harness);
        assert_eq!(kafka.committed(&group, &topic, 0), Some(4));
    }

    fn an_interval_of_0_commits_only_when_asked_and_at_the_stop(kafka) {
        let (topic, group, harness) = one_topic(kafka, 10, 4, "0");
        harness.take().ack();
        stays("nothing is committed", Duration::from_millis(500), || kafka.committed(&group, &topic, 0).is_none());
        let lease = harness.take();
        lease.mark(5);
        assert!(lease.commit_sync().unwrap());
        assert_eq!(kafka.committed(&group, &topic, 0), Some(6));
        lease.ack();
        stays("nothing more is committed", Duration::from_millis(300), || kafka.committed(&group, &topic, 0) == Some(6));
        finish(harness);
        assert_eq!(kafka.committed(&group, &topic, 0), Some(8));
    }

    fn a_synchronous_commit_is_there_when_it_returns(kafka) {
        let (topic, group, harness) = one_topic(kafka, 10, 10, NO_INTERVAL);
        let lease = harness.take();
        assert!(lease.commit_sync().unwrap(), "nothing marked: nothing to do");
        assert_eq!(kafka.committed(&group, &topic, 0), None);
        lease.mark(6);
        assert!(lease.commit_sync().unwrap());
        assert_eq!(kafka.committed(&group, &topic, 0), Some(7));
        lease.mark(7);
        assert!(lease.commit_async().unwrap());
        wait_for_commit(kafka, &group, &topic, 8);
        lease.release();
    }

    fn a_restart_goes_on_at_the_committed_offset(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..100);
        let config = whole_batches(&topic, 30);
        let group = kafka.group(vec![config]);
        let first = Harness::without_workers(engine_config(vec![group.clone()]));
        first.take().ack();
        let lease = first.take();
        lease.mark(44);
        lease.release();
        finish(first);
        let second = Harness::without_workers(engine_config(vec![group]));
        let lease = second.take();
        assert_eq!(lease.messages().first_offset(), Some(45));
        lease.ack();
    }

    fn a_failed_batch_comes_again_from_the_first_unmarked_message(kafka) {
        let (_, _, harness) = one_topic(kafka, 30, 10, "100");
        let lease = harness.take();
        lease.mark(3);
        let failed = Instant::now();
        assert_eq!(lease.nack(), Some(Duration::from_millis(50)));
        let again = harness.take();
        assert!(failed.elapsed() >= Duration::from_millis(49), "{:?}", failed.elapsed());
        assert_eq!((again.messages().first_offset(), again.attempt()), (Some(4), 2));
        assert_eq!(again.nack(), Some(Duration::from_millis(100)));
        let third = harness.take();
        assert_eq!((third.messages().first_offset(), third.attempt()), (Some(4), 3));
        let delays: Vec<i64> = (third.messages().first_offset().unwrap()..=third.messages().last_offset().unwrap()).collect();
        third.ack();
        let next = harness.take();
        assert_eq!(next.messages().first_offset(), Some(delays.last().unwrap() + 1));
        assert_eq!(next.attempt(), 1);
        next.ack();
    }

    fn a_failure_goes_back_to_older_unmarked_messages(kafka) {
        let (topic, group, harness) = one_topic(kafka, 30, 10, "100");
        let first = harness.take();
        first.mark(4);
        assert_eq!(first.seek_offset(), 5);
        first.release();
        let second = harness.take();
        assert_eq!(second.messages().first_offset(), Some(10));
        second.nack();
        let again = harness.take();
        assert_eq!((again.messages().first_offset(), again.attempt()), (Some(5), 2));
        again.ack();
        let mut next = again.messages().last_offset().unwrap() + 1;
        while next < 30 {
            let lease = harness.take();
            assert_eq!(lease.messages().first_offset(), Some(next));
            next = lease.messages().last_offset().unwrap() + 1;
            lease.ack();
        }
        wait_for_commit(kafka, &group, &topic, 30);
        finish(harness);
    }
}

#[test]
fn a_mark_of_an_older_message_has_the_retry_begin_behind_it_and_takes_no_commit_back() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 10, NO_INTERVAL);
    let lease = harness.take();
    assert!(lease.mark(7));
    assert!(lease.mark(2), "not by the consumer: it never goes back");
    assert_eq!(lease.seek_offset(), 8);
    assert_eq!(lease.mark_exactly(2, false), Marked::Back);
    assert_eq!(lease.seek_offset(), 3);
    lease.commit_sync().unwrap();
    assert_eq!(kafka.committed(&group, &topic, 0), Some(8));
    lease.nack();
    assert_eq!(harness.take().messages().first_offset(), Some(3));
    harness.with_workers(1, ack).stop();
}

#[test]
fn where_the_consumer_alone_marks_an_older_message_is_committed_and_comes_again_also_from_an_earlier_batch() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 5, "50");
    let lease = harness.take();
    assert_eq!(lease.mark_exactly(4, true), Marked::Forward);
    wait_for_commit(&kafka, &group, &topic, 5);
    lease.release();
    let lease = harness.take();
    assert_eq!(lease.messages().first_offset(), Some(5));
    assert_eq!(lease.mark_exactly(1, true), Marked::Back);
    wait_for_commit(&kafka, &group, &topic, 2);
    lease.nack();
    assert_eq!(
        harness.take().messages().first_offset(),
        Some(2),
        "back in the earlier batch"
    );
    harness.with_workers(1, ack).stop();
}

#[test]
fn a_release_commits_only_what_was_marked() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 5, NO_INTERVAL);
    let lease = harness.take();
    lease.mark(2);
    lease.release();
    harness.take().release();
    finish(harness);
    assert_eq!(kafka.committed(&group, &topic, 0), Some(3));
}

#[test]
fn nothing_is_committed_when_nothing_was_marked() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 5, "50");
    harness.take().release();
    let lease = harness.take();
    lease.nack();
    finish(harness);
    assert_eq!(kafka.committed(&group, &topic, 0), None);
}

#[test]
fn a_commit_that_fails_is_tried_again() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 10, "100");
    let lease = harness.take();
    // GROUP_AUTHORIZATION_FAILED: librdkafka gives up at once.
    kafka.refuse("offset_commit", &[30, 30]);
    lease.ack();
    wait_for_commit(&kafka, &group, &topic, 10);
    let failed = |event: &Event| match event {
        Event::Committed { offsets, error, .. } => error.is_some() || offsets.iter().any(|row| row.error.is_some()),
        _ => false,
    };
    wait_until("both are told", || harness.log.count_events(failed) == 2);
}

#[test]
fn a_synchronous_commit_that_fails_says_so_and_is_caught_up_by_the_interval() {
    let kafka = Kafka::mock(1);
    let (topic, group, harness) = one_topic(&kafka, 10, 10, "2000");
    let lease = harness.take();
    kafka.refuse("offset_commit", &[30]);
    lease.mark(4);
    let error = lease.commit_sync().unwrap_err().to_string();
    assert!(error.contains("group_authorization_failed"), "{error}");
    wait_for_commit(&kafka, &group, &topic, 5);
    // ILLEGAL_GENERATION: the group went on without us.
    kafka.refuse("offset_commit", &[22]);
    lease.mark(5);
    assert!(!lease.commit_sync().unwrap());
    lease.release();
}

#[test]
fn the_back_off_grows_up_to_its_limit_and_starts_anew_after_a_success() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..2);
    let mut config = topic_config(&topic);
    config.max_messages = 1;
    config.pause_timeout_ms = 10;
    config.pause_max_timeout_ms = 40;
    let failures = Arc::new(AtomicUsize::new(0));
    let harness = {
        let failures = failures.clone();
        Harness::start(engine_config(vec![kafka.group(vec![config])]), 1, move |lease| {
            if lease.kind() == Kind::Consume && failures.fetch_add(1, Ordering::Relaxed) < 5 {
                lease.nack();
            } else {
                lease.ack();
            }
        })
    };
    harness.wait_for_messages(7);
    let seen = harness.log.of(Kind::Consume);
    let attempts: Vec<u32> = seen.iter().map(|seen| seen.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 1]);
    for (pair, expected) in seen.windows(2).zip([10, 20, 40, 40, 40]) {
        let waited = (pair[1].at - pair[0].at).as_millis();
        assert!(waited >= expected, "{waited} < {expected}");
    }
}

#[test]
fn a_failure_after_everything_was_marked_goes_on_behind_it() {
    let kafka = Kafka::mock(1);
    let (_, _, harness) = one_topic(&kafka, 20, 10, "100");
    let lease = harness.take();
    lease.mark(9);
    lease.nack();
    let next = harness.take();
    assert_eq!(next.messages().first_offset(), Some(10));
    next.ack();
}

/// Random outcomes over many batches: each message is processed, none is committed before it was.
#[test]
fn nothing_unprocessed_is_ever_committed() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..4_000);
    let mut config = topic_config(&topic);
    config.max_messages = 37;
    config.pause_timeout_ms = 1;
    config.pause_max_timeout_ms = 3;
    let mut group = kafka.group(vec![config]);
    group.kafka.insert("auto.commit.interval.ms".into(), "10".into());
    let done = Arc::new(Processed::default());
    let dice = Mutex::new(Dice::new());
    let harness = {
        let done = done.clone();
        Harness::start(engine_config(vec![group]), 3, move |lease| {
            if lease.kind() != Kind::Consume {
                lease.ack();
                return;
            }
            let count = lease.messages().len();
            let (processed, outcome) = {
                let mut dice = dice.lock();
                (dice.below(count as u64 + 1) as usize, dice.below(4))
            };
            // 0: all, ack; 1: some, marked, nack; 2: some, marked, dropped; 3: some, nothing marked, nack
            let processed = if outcome == 0 { count } else { processed };
            for index in 0..processed {
                let offset = lease.messages().offset(index).unwrap();
                done.add(lease.partition().number, offset);
                if outcome == 1 || outcome == 2 {
                    lease.mark(offset);
                }
            }
            match outcome {
                0 => drop(lease.ack()),
                1 | 3 => drop(lease.nack()),
                _ => drop(lease),
            }
        })
    };
    wait_until("all is processed", || {
        done.check_commits(&harness.log);
        done.count() == 4_000
    });
    harness.stop();
}

#[test]
fn messages_that_come_while_a_failed_batch_waits_are_delivered_after_it() {
    let kafka = Kafka::mock(1);
    let (topic, _, harness) = one_topic(&kafka, 5, 100, "100");
    let lease = harness.take();
    let count = lease.messages().len() as i64;
    kafka.fill(&topic, 1, 5..10);
    stays("librdkafka has fetched them", Duration::from_millis(400), || true);
    lease.nack();
    let again = harness.take();
    assert_eq!((again.attempt(), again.messages().last_offset()), (2, Some(count - 1)));
    again.ack();
    let next = harness.take();
    assert_eq!(next.messages().first_offset(), Some(count));
    next.ack();
}
