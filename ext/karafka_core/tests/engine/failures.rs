//! What is delivered after a failure: attempts, messages that are given up, batches that are taken apart.

use std::time::{Duration, Instant};

use karafka_core::config::{ParallelConfig, Spread, TopicConfig};
use karafka_core::lease::Wait;
use karafka_core::partition::Position;

use crate::common::*;

const NOW: Wait = Wait::For(Duration::ZERO);

/// Ten messages in one partition, in batches of up to ten.
fn ten(change: impl FnOnce(&mut TopicConfig)) -> (Place, Harness) {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut config = whole_batches(&topic, 10);
    change(&mut config);
    let group = kafka.group(vec![config]);
    let place = Place {
        kafka,
        topic,
        group: group.id.clone(),
    };
    (place, Harness::without_workers(engine_config(vec![group])))
}

/// Stops it with somebody there for the farewells.
fn leave(harness: Harness) {
    harness
        .with_workers(1, |lease| {
            lease.release();
        })
        .stop();
}

struct Place {
    kafka: Kafka,
    topic: String,
    group: String,
}

impl Place {
    fn committed(&self) -> Option<i64> {
        self.kafka.committed(&self.group, &self.topic, 0)
    }
}

#[test]
fn a_message_given_up_is_marked_and_the_rest_goes_on_at_once() {
    let (place, harness) = ten(|_| ());
    let lease = harness.take();
    lease.mark(2);
    assert_eq!(lease.unmarked_index(), Some(3));
    let given_up = Instant::now();
    assert!(lease.skip_message(3, true));
    let (rest, took) = (harness.take(), given_up.elapsed());
    assert!(
        took < Duration::from_millis(WHOLE_BATCH_MS),
        "it waited for more: {took:?}"
    );
    assert_eq!(offsets(&rest), [4, 5, 6, 7, 8, 9]);
    assert_eq!(rest.attempt(), 1);
    rest.release();
    leave(harness);
    assert_eq!(place.committed(), Some(4));
}

#[test]
fn a_batch_that_nobody_saw_comes_again_after_the_back_off_and_that_is_no_attempt() {
    let (_place, harness) = ten(|_| ());
    for (times, wait) in [(1, 50), (2, 100), (9, 400)] {
        let lease = harness.take();
        assert_eq!((offsets(&lease)[0], lease.attempt()), (0, 1));
        assert_eq!(lease.untried(times), Some(Duration::from_millis(wait)));
    }
    harness.take().nack();
    harness.take().untried(1);
    let lease = harness.take();
    assert_eq!((offsets(&lease)[0], lease.attempt()), (0, 2));
    lease.ack();
}

#[test]
fn with_parallel_a_batch_that_nobody_saw_is_no_attempt_of_its_messages() {
    let by_none = ParallelConfig {
        by: Spread::None,
        limit: 1,
    };
    let (_place, harness) = ten(|topic| topic.parallel = Some(by_none));
    for times in 1..=12 {
        let lease = harness.take();
        assert_eq!(lease.attempt(), 1);
        assert!(lease.untried(times).is_some());
    }
}

#[test]
fn a_message_given_up_out_of_turn_is_left_out_and_marked_when_all_before_it_is() {
    let (_place, harness) = ten(|_| ());
    harness.take().skip_message(4, true);
    let before = harness.take();
    assert_eq!(offsets(&before), [0, 1, 2, 3], "nothing before it is marked by it");
    assert_eq!(before.seek_offset(), 0);
    before.ack();
    let after = harness.take();
    assert_eq!(offsets(&after), [5, 6, 7, 8, 9]);
    assert_eq!(after.seek_offset(), 5, "0 to 3 are processed, 4 is given up");
    after.ack();
    assert!(harness.take_within(Duration::from_millis(200)).is_none());
}

#[test]
fn a_message_given_up_at_the_end_of_what_is_there_is_committed() {
    let (place, harness) = ten(|_| ());
    harness.take().skip_message(9, true);
    harness.take().ack();
    assert!(harness.take_within(Duration::from_millis(200)).is_none());
    leave(harness);
    assert_eq!(place.committed(), Some(10));
}

#[test]
fn a_message_given_up_without_a_mark_is_neither_committed_nor_delivered_again() {
    let (place, harness) = ten(|_| ());
    harness.take().skip_message(0, false);
    let rest = harness.take();
    assert_eq!(offsets(&rest), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(rest.unmarked_index(), Some(0), "the failing one is the next");
    rest.retry(NOW, false);
    let again = harness.take();
    assert_eq!(
        offsets(&again),
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        "a retry does not bring it back"
    );
    again.release();
    leave(harness);
    assert_eq!(place.committed(), None);
}

#[test]
fn a_failed_batch_is_taken_apart_until_its_end() {
    let (_place, harness) = ten(|config| config.max_messages = 4);
    harness.take().retry(NOW, true);
    let mut seen = Vec::new();
    for _ in 0..5 {
        let lease = harness.take();
        seen.push(offsets(&lease));
        lease.ack();
    }
    assert_eq!(seen, [vec![0], vec![1], vec![2], vec![3], vec![4, 5, 6, 7]]);
}

#[test]
fn attempts_count_each_message_where_the_topic_says_so() {
    let (_place, harness) = ten(|config| config.attempts_per_message = true);
    let first = harness.take();
    first.mark(2);
    first.retry(NOW, false);
    let second = harness.take();
    assert_eq!((offsets(&second)[0], second.attempt()), (3, 2));
    second.mark(3);
    assert_eq!(second.attempt(), 1, "4 has not been tried before");
    second.retry(NOW, false);
    assert_eq!(harness.take().attempt(), 2);
}

#[test]
fn attempts_of_a_batch_go_on_over_its_marks_otherwise() {
    let (_place, harness) = ten(|_| ());
    let first = harness.take();
    first.mark(2);
    first.retry(NOW, false);
    let second = harness.take();
    second.mark(3);
    assert_eq!(second.attempt(), 2);
    second.retry(NOW, false);
    assert_eq!(harness.take().attempt(), 3);
}

#[test]
fn a_retry_waits_for_as_long_as_it_is_told() {
    let (_place, harness) = ten(|_| ());
    let started = Instant::now();
    harness.take().retry(Wait::For(Duration::from_millis(300)), false);
    assert_eq!(harness.take().attempt(), 2);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_retry_without_a_delay_waits_until_it_is_resumed() {
    let (_place, harness) = ten(|_| ());
    let lease = harness.take();
    lease.retry(Wait::UntilResumed, false);
    assert!(harness.take_within(Duration::from_millis(200)).is_none());
    assert!(lease.resume());
    assert_eq!(offsets(&harness.take())[0], 0);
}

#[test]
fn after_a_seek_the_failing_message_is_not_guessed() {
    let (_place, harness) = ten(|_| ());
    let lease = harness.take();
    lease.seek(Position::Offset(7), true);
    assert_eq!((lease.unmarked_index(), lease.seek_offset()), (None, 7));
    lease.retry(NOW, false);
    assert_eq!(lease.seek_offset(), 7);
    assert_eq!(offsets(&harness.take())[0], 7);
}

#[test]
fn marking_after_a_seek_says_where_a_retry_starts() {
    let (_place, harness) = ten(|_| ());
    let lease = harness.take();
    lease.seek(Position::Offset(7), true);
    lease.mark(2);
    lease.retry(NOW, false);
    assert_eq!(lease.seek_offset(), 3);
    assert_eq!(offsets(&harness.take())[0], 3);
}

#[test]
fn a_seek_back_brings_given_up_messages_again() {
    let (_place, harness) = ten(|_| ());
    harness.take().skip_message(0, true);
    let lease = harness.take();
    lease.seek(Position::Offset(0), true);
    lease.ack();
    assert_eq!(offsets(&harness.take())[0], 0);
}

#[test]
fn an_unmarked_message_of_an_earlier_batch_is_not_in_this_one() {
    let (_place, harness) = ten(|config| config.max_messages = 4);
    harness.take().release();
    let second = harness.take();
    assert_eq!(second.unmarked_index(), None);
    second.retry(NOW, false);
    let again = harness.take();
    assert_eq!((offsets(&again)[0], again.unmarked_index()), (0, Some(0)));
}

#[test]
fn attempts_of_an_assignment_that_ended_do_not_count_in_the_next_one() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![whole_batches(&topic, 10)]);
    let first = Harness::without_workers(engine_config(vec![group.clone()]));
    first.take().retry(NOW, false);
    let again = first.take();
    assert_eq!(again.attempt(), 2);
    again.retry(NOW, false);
    leave(first);
    let second = Harness::without_workers(engine_config(vec![group]));
    let lease = second.take();
    assert_eq!((offsets(&lease)[0], lease.attempt()), (0, 1));
}

#[test]
fn a_batch_that_waits_for_its_retry_is_not_looked_at_before() {
    let (_place, harness) = ten(|_| ());
    let lease = harness.take();
    assert!(lease.retry(Wait::For(LONG), false).is_some());
    let state = harness.engine.state().expect("not forked");
    assert_eq!(state.ready, 0, "a worker would take it, only to find that it waits");
    assert!(lease.resume());
    assert_eq!(offsets(&harness.take()), offsets(&lease), "a resume ends the wait");
}
