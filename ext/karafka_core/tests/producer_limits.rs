//! What the producer does where it can't go on: full queue, close, cancel, fork.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "producer_support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::error::{Error, Result};
use karafka_core::produce::{Messages, Producer, Progress, Waited};
use support::*;

/// One message fits; nobody answers, so it stays there.
fn full(settings: &[(&str, &str)]) -> Producer {
    let mut all = vec![("queue.buffering.max.messages", "1")];
    all.extend_from_slice(settings);
    let producer = Producer::new(support::settings("127.0.0.1:1", &all)).unwrap();
    send(&producer, "orders", &[Some(b"first")]);
    producer
}

#[test]
fn a_full_queue_raises_at_once_where_nobody_wants_to_wait() {
    let producer = full(&[]);
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap();
    assert!(matches!(dispatch.try_run().unwrap(), Progress::WouldBlock));
    let Progress::Refused(error) = dispatch.run(Some(Instant::now()), &Cancel::new()).unwrap() else {
        panic!()
    };
    assert_eq!((error.code.as_str(), dispatch.taken()), ("queue_full", 0));
    let set = Arc::clone(dispatch.deliveries());
    drop(dispatch);
    assert_eq!(set.report(0).unwrap().error.unwrap().code, "queue_full");
    assert_eq!(producer.queue_size(), 1);
}

#[test]
fn a_full_queue_waits_until_the_deadline() {
    let producer = full(&[]);
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap();
    let start = Instant::now();
    let progress = dispatch
        .run(Some(start + Duration::from_millis(100)), &Cancel::new())
        .unwrap();
    assert!(matches!(progress, Progress::Refused(_)), "{progress:?}");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_full_queue_goes_on_as_soon_as_a_report_makes_room() {
    // The first message times out after 200 ms and makes room for the second.
    let producer = full(&[("message.timeout.ms", "200")]);
    let set = complete(
        producer
            .dispatch(messages("orders", &[Some(b"x"), Some(b"y")]), 0)
            .unwrap(),
    );
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(set.report(1).unwrap().error.unwrap().code, "msg_timed_out");
}

#[test]
fn a_wait_for_room_is_cancelled_and_goes_on_where_it_stopped() {
    let producer = full(&[("message.timeout.ms", "2000")]);
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap();
    let (cancel, wake) = (Cancel::new(), dispatch.waker());
    let progress = std::thread::scope(|scope| {
        scope.spawn(|| {
            cancel.set();
            wake();
        });
        dispatch.run(None, &cancel).unwrap()
    });
    assert!(matches!(progress, Progress::Cancelled), "{progress:?}");
    assert!(matches!(
        dispatch.run(None, &Cancel::new()).unwrap(),
        Progress::Complete
    ));
}

#[test]
fn a_wait_for_a_report_is_cancelled() {
    let producer = full(&[]);
    let producer2 = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    drop(producer);
    let set = send(&producer2, "orders", &[Some(b"x")]);
    let cancel = Cancel::new();
    let waited = std::thread::scope(|scope| {
        scope.spawn(|| {
            cancel.set();
            set.wake();
        });
        set.wait(None, &cancel).unwrap()
    });
    assert_eq!(waited, Waited::Cancelled);
}

#[test]
fn close_gives_up_what_was_not_delivered_and_says_how_much() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    let set = send(&producer, "orders", &[Some(b"x"), Some(b"y")]);
    let start = Instant::now();
    assert_eq!(producer.close(Duration::from_millis(100)).unwrap(), 2);
    assert!(start.elapsed() < LONG / 2, "{:?}", start.elapsed());
    assert_eq!(wait(&set), Waited::Done);
    for index in 0..2 {
        assert_eq!(set.report(index).unwrap().error.unwrap().code, "purge_queue");
    }
    assert!(matches!(
        producer.dispatch(messages("orders", &[None]), 0),
        Err(Error::Closed)
    ));
    assert!(matches!(producer.flush(LONG, &Cancel::new()), Ok(true)));
}

#[test]
fn a_second_close_can_be_in_more_of_a_hurry() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    support::send(&producer, "orders", &[Some(b"x")]);
    let cancelled = Cancel::new();
    cancelled.set();
    let deadline = producer.begin_close(Duration::from_secs(3_600)).unwrap();
    assert_eq!(producer.finish_close(deadline, &cancelled).unwrap(), None);
    assert_eq!(producer.close(Duration::ZERO).unwrap(), 1);
}

#[test]
fn close_ends_a_wait_for_room() {
    let producer = full(&[]);
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| dispatch.run(None, &Cancel::new()).map(|_| ()));
        assert!(producer.close(Duration::from_millis(50)).is_ok());
        assert!(matches!(waiting.join().unwrap(), Err(Error::Closed)));
    });
}

#[test]
fn a_producer_that_was_never_used_closes_at_once_and_has_no_threads() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    assert_eq!(producer.close(Duration::ZERO).unwrap(), 0);
    assert!(matches!(
        producer.dispatch(messages("orders", &[None]), 0),
        Err(Error::Closed)
    ));
}

#[test]
fn dropping_a_producer_does_not_block_and_still_sends() {
    let broker = broker(&[("orders", 1)]);
    let round_trip = Duration::from_millis(500);
    broker.round_trip(1, round_trip).unwrap();
    // A busy machine makes any of them long.
    let mut took = (0..10).map(|_| {
        let producer = producer(&broker, &[]);
        let set = send(&producer, "orders", &[Some(b"x")]);
        let start = Instant::now();
        drop(producer);
        let took = start.elapsed();
        assert_eq!(wait(&set), Waited::Done);
        assert_eq!(set.report(0).unwrap().error, None);
        took
    });
    assert!(took.any(|took| took < round_trip / 3));
}

#[test]
fn purge_reports_each_message_as_given_up() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    assert_eq!(producer.purge().unwrap(), 0);
    let set = send(&producer, "orders", &[Some(b"x"), Some(b"y")]);
    assert_eq!(producer.purge().unwrap(), 2);
    // At once: it has waited for the reports.
    assert_eq!((producer.queue_size(), set.is_done()), (0, true));
    assert_eq!(set.report(1).unwrap().error.unwrap().code, "purge_queue");
}

#[test]
fn it_rests_when_nothing_is_under_way_and_nothing_was_since_the_last_look() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    send(&producer, "orders", &[Some(b"x")]);
    assert!(!producer.go_dormant());
    producer.purge().unwrap();
    assert!(!producer.go_dormant());
    // Also what librdkafka says of the absent broker is to be taken first.
    let events = producer.events().unwrap();
    let deadline = Instant::now() + LONG;
    while !producer.go_dormant() {
        assert!(Instant::now() < deadline, "it never rests");
        events.take(Duration::from_millis(1), &Cancel::new());
    }
    assert!(producer.wake_up());
    // Whoever takes the events hears of that.
    assert!(events.take(LONG * 10, &Cancel::new()).is_some());
    assert!(!producer.wake_up());
}

#[test]
fn flush_says_when_it_did_not_get_everything_out() {
    let producer = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    send(&producer, "orders", &[Some(b"x")]);
    assert!(!producer.flush(Duration::from_millis(60), &Cancel::new()).unwrap());
    let cancel = Cancel::new();
    cancel.set();
    assert!(!producer.flush(LONG, &cancel).unwrap());
}

#[test]
fn a_forked_child_gets_an_error_and_exits_while_the_parent_goes_on() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    let set = send(&producer, "orders", &[Some(b"x")]);
    assert_eq!(wait(&set), Waited::Done);
    let stuck = Producer::new(support::settings("127.0.0.1:1", &[])).unwrap();
    let pending = send(&stuck, "orders", &[Some(b"x")]);
    // SAFETY: the child only calls what is under test and ends with _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let forked = matches!(producer.dispatch(Messages::new(1, 1), 0), Err(Error::Forked))
            && matches!(producer.close(LONG), Err(Error::Forked))
            && matches!(producer.flush(LONG, &Cancel::new()), Err(Error::Forked))
            && matches!(pending.wait(None, &Cancel::new()), Err(Error::Forked))
            && producer.is_foreign();
        drop(producer);
        drop(stuck);
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(if forked { 0 } else { 1 }) };
    }
    assert_eq!(exit_code(child), Some(0));
    assert_eq!(wait(&send(&producer, "orders", &[Some(b"y")])), Waited::Done);
}

#[test]
fn settings_are_checked_before_anything_starts() {
    let refused = |key: &str, value: &str| match Producer::new([(key.to_owned(), value.to_owned())].into()) {
        Err(Error::Config { setting, .. }) => setting,
        _ => panic!("{key} = {value} was taken"),
    };
    assert_eq!(refused("acks", "many"), "acks");
    assert_eq!(refused("no.such.setting", "1"), "no.such.setting");
    assert_eq!(
        refused("delivery.report.only.error", "true"),
        "delivery.report.only.error"
    );
    // Fine one by one, impossible together: only the client itself finds out, at first use.
    let producer = Producer::new(support::settings(
        "127.0.0.1:1",
        &[("acks", "1"), ("enable.idempotence", "true")],
    ))
    .unwrap();
    let result: Result<Progress> = producer
        .dispatch(messages("t", &[Some(b"x")]), 0)
        .unwrap()
        .run(None, &Cancel::new());
    assert!(matches!(result, Err(Error::Config { .. })), "{result:?}");
}
