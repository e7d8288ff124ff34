//! The report thread under odd circumstances: panics, readers that don't keep up, nothing to do.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "producer_support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::produce::{Event, Producer, Waited};
use support::{broker, complete, events_until, messages, producer, send, settings, wait, LONG};

#[test]
fn survives_a_panic_and_no_waiter_is_forgotten() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    for _ in 0..3 {
        producer.inject_panic();
        let set = send(&producer, "orders", &[Some(b"x".as_slice()); 50]);
        assert_eq!(wait(&set), Waited::Done);
        let failed = (0..50)
            .filter(|index| set.report(*index).unwrap().error.is_some())
            .count();
        assert_eq!(failed, 1);
        events_until(
            &producer,
            |event| matches!(event, Event::Error(error) if error.message.contains("as asked by a test")),
        );
    }
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    assert_eq!(producer.queue_size(), 0);
    let set = send(&producer, "orders", &[Some(b"x")]);
    wait(&set);
    assert_eq!(set.report(0).unwrap().error, None);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn a_reader_that_does_not_keep_up_holds_the_messages_back() {
    let broker = broker(&[("orders", 4)]);
    let producer = producer(
        &broker,
        &[("queue.buffering.max.messages", "20000"), ("linger.ms", "0")],
    );
    let sent = AtomicUsize::new(0);
    let waiting = |events: &[Event]| -> usize {
        let reports = |event: &Event| match event {
            Event::Reports(reports) => reports.len(),
            _ => 0,
        };
        events.iter().map(reports).sum()
    };
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            for _ in 0..300 {
                complete(
                    producer
                        .dispatch(messages("orders", &[Some(b"x".as_slice()); 1_000]), 1)
                        .unwrap(),
                );
                sent.fetch_add(1_000, Ordering::SeqCst);
            }
        });
        // Nobody reads: it stands still with what fits.
        let (mut last, mut still) = (0, 0);
        let deadline = Instant::now() + 3 * LONG;
        while still < 8 {
            assert!(Instant::now() < deadline, "it does not stand still");
            std::thread::sleep(Duration::from_millis(100));
            let now = sent.load(Ordering::SeqCst);
            still = if now == last && now > 0 { still + 1 } else { 0 };
            last = now;
        }
        // The limit, librdkafka's queue, and one event more.
        assert!(last <= 180_000, "{last} were taken");
        let mut read = 0;
        while read < 300_000 {
            assert!(Instant::now() < deadline, "{read} were read");
            let events = producer.events().unwrap().take(Duration::from_secs(1), &Cancel::new());
            read += waiting(&events.unwrap());
        }
        flood.join().unwrap();
        assert_eq!(read, 300_000);
    });
}

#[test]
fn partitions_are_asked_for_and_the_wait_can_be_cancelled() {
    let here = broker(&[("orders", 7)]);
    let known = producer(&here, &[]);
    assert_eq!(known.partition_count("orders", LONG, &Cancel::new()).unwrap(), Some(7));
    let nobody = Producer::new(settings("127.0.0.1:1", &[])).unwrap();
    let started = Instant::now();
    let cancelled = nobody.partition_count("orders", LONG, &Cancel::within(Duration::from_millis(100)));
    assert_eq!(cancelled.unwrap(), None);
    assert!(started.elapsed() < LONG / 2);
    assert!(nobody
        .partition_count("orders", Duration::from_millis(100), &Cancel::new())
        .is_err());
    // A close does not wait for who asks.
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| nobody.partition_count("others", LONG, &Cancel::new()));
        std::thread::sleep(Duration::from_millis(50));
        let started = Instant::now();
        nobody.close(Duration::ZERO).unwrap();
        assert!(started.elapsed() < LONG / 2);
        assert!(asks.join().unwrap().is_err());
    });
}

#[test]
fn an_idle_producer_gives_its_connections_up_and_comes_back() {
    let broker = broker(&[("orders", 1)]);
    let producer = producer(&broker, &[]);
    let cancel = Cancel::new();
    assert!(!producer.disconnect(&cancel).unwrap(), "nothing to give up");
    for round in 0..3 {
        wait(&send(&producer, "orders", &[Some(b"x")]));
        assert!(producer.flush(LONG, &cancel).unwrap());
        assert!(producer.is_connected());
        if round == 0 {
            let deadline = Instant::now() + LONG;
            while !producer.disconnect(&cancel).unwrap() {
                assert!(Instant::now() < deadline);
            }
        } else {
            producer.set_idle_timeout(Duration::from_millis(50));
        }
        events_until(&producer, |event| matches!(event, Event::Disconnected));
        assert!(producer.is_disconnected());
    }
    let stuck = Producer::new(settings("127.0.0.1:1", &[])).unwrap();
    stuck.set_idle_timeout(Duration::from_millis(1));
    complete(stuck.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap());
    assert!(!stuck.disconnect(&cancel).unwrap(), "a message is under way");
    assert!(stuck.is_connected());
    assert_eq!(stuck.close(Duration::ZERO).unwrap(), 1);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn threads_send_while_it_disconnects_again_and_again() {
    let broker = broker(&[("orders", 4)]);
    let producer = producer(&broker, &[]);
    producer.set_idle_timeout(Duration::from_millis(1));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let set = send(&producer, "orders", &[Some(b"x")]);
                    assert_eq!(wait(&set), Waited::Done);
                    assert_eq!(set.report(0).unwrap().error, None);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
    });
    assert_eq!(producer.close(LONG).unwrap(), 0);
}
