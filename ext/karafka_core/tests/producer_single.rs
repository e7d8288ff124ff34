//! The short way of messages that come alone: many of them share one set of deliveries.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "producer_support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::produce::{Draft, Event, FatalError, Hearing, Producer, ReloadPolicy, Ticket, Waited};
use support::{broker, draft, events_until, producer, read, send, settings, LONG};

const LIMIT: usize = 1_000;

/// The first message goes the long way, which starts the producer.
fn started(producer: Producer, topic: &str) -> Producer {
    send(&producer, topic, &[Some(b"first")]);
    producer
}

fn single(producer: &Producer, topic: &str, payload: &[u8]) -> Option<Ticket> {
    producer.send_single(&draft(topic, Some(payload)), LIMIT, 0)
}

fn error_of(ticket: &Ticket) -> Option<String> {
    let set = ticket.deliveries();
    let waited = set.wait_for(ticket.index(), Some(Instant::now() + LONG), &Cancel::new());
    assert!(matches!(waited.unwrap(), Waited::Done | Waited::Over));
    set.report(ticket.index()).unwrap().error.map(|error| error.code)
}

#[test]
fn delivers_in_order_and_reports_each() {
    let broker = broker(&[("orders", 1), ("other", 1)]);
    let producer = started(producer(&broker, &[]), "orders");
    let names: Vec<_> = (0..300).map(|index| format!("{index}")).collect();
    let tickets: Vec<_> = names
        .iter()
        .map(|name| {
            single(&producer, "other", name.as_bytes()).unwrap();
            single(&producer, "orders", name.as_bytes()).unwrap()
        })
        .collect();
    for (index, ticket) in tickets.iter().enumerate() {
        assert_eq!(error_of(ticket), None);
        let report = ticket.deliveries().report(ticket.index()).unwrap();
        assert_eq!(report.offset, 1 + index as i64);
    }
    let stored: Vec<_> = read(&broker, "orders", 301)
        .into_iter()
        .skip(1)
        .map(|message| String::from_utf8(message.payload.unwrap()).unwrap())
        .collect();
    assert_eq!(stored, names);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn shares_sets_and_frees_them() {
    let broker = broker(&[("orders", 1)]);
    let producer = started(producer(&broker, &[]), "orders");
    let tickets: Vec<_> = (0..640).map(|_| single(&producer, "orders", b"x").unwrap()).collect();
    let mut sets: Vec<_> = tickets
        .iter()
        .map(|ticket| Arc::downgrade(&ticket.deliveries()))
        .collect();
    sets.dedup_by(|one, other| one.ptr_eq(other));
    assert!(sets.len() <= 11, "{}", sets.len());
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    // Out through a pointer and back, as Ruby keeps them.
    for ticket in tickets {
        let raw = ticket.into_raw();
        // SAFETY: taken back once, right here.
        unsafe {
            assert_eq!(Ticket::borrow(raw).serial(), producer.serial());
            drop(Ticket::from_raw(raw));
        }
    }
    let alive = sets.iter().filter(|set| set.upgrade().is_some()).count();
    // The last one still has room.
    assert!(alive <= 1, "{alive}");
    drop(producer);
    let deadline = Instant::now() + LONG;
    while sets.iter().any(|set| set.upgrade().is_some()) {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn leaves_what_is_not_plain_to_the_long_way() {
    let broker = broker(&[("orders", 1)]);
    let unused = producer(&broker, &[]);
    assert!(single(&unused, "orders", b"x").is_none(), "not started");
    let producer = started(
        producer(
            &broker,
            &[("queue.buffering.max.messages", "2"), ("linger.ms", "60000")],
        ),
        "orders",
    );
    let plain = draft("orders", Some(b"x"));
    let refused = [
        Draft { topic: None, ..plain },
        Draft {
            topic: Some(b"no/topic"),
            ..plain
        },
        Draft {
            partition: Some(-2),
            ..plain
        },
        Draft {
            partition: Some(1 << 40),
            ..plain
        },
        Draft {
            timestamp_ms: Some(1),
            ..plain
        },
        Draft {
            partition_key: Some(b"k"),
            ..plain
        },
        Draft {
            payload: Some(&[0; LIMIT + 1]),
            ..plain
        },
    ];
    for draft in refused {
        assert!(producer.send_single(&draft, LIMIT, 0).is_none(), "{draft:?}");
    }
    assert!(single(&producer, "orders", b"x").is_some());
    assert!(single(&producer, "orders", b"x").is_none(), "the queue is full");
    assert_eq!(producer.queue_size(), 2);
    assert_eq!(producer.close(LONG).unwrap(), 0);
    assert!(single(&producer, "orders", b"x").is_none(), "closed");
}

#[test]
fn goes_on_with_the_next_client() {
    let broker = broker(&[("orders", 1)]);
    let policy = ReloadPolicy {
        max_attempts: 5,
        backoff: Duration::ZERO,
        except: Vec::new(),
        hearing: Duration::ZERO,
    };
    let all = settings(&broker.bootstrap_servers(), &[("enable.idempotence", "true")]);
    let producer = started(Producer::with_reload(all, policy).unwrap(), "orders");
    assert_eq!(error_of(&single(&producer, "orders", b"a").unwrap()), None);
    producer
        .inject_fatal_error(FatalError::OutOfOrder, "as asked by a test")
        .unwrap();
    assert!(single(&producer, "orders", b"b").is_none(), "the client is dead");
    events_until(&producer, |event| matches!(event, Event::Reloaded { .. }));
    assert_eq!(error_of(&single(&producer, "orders", b"c").unwrap()), None);
}

#[test]
fn a_ticket_hears_of_the_end_of_its_producer() {
    let producer = started(Producer::new(settings("127.0.0.1:1", &[])).unwrap(), "orders");
    let ticket = single(&producer, "orders", b"x").unwrap();
    assert_eq!(producer.close(Duration::ZERO).unwrap(), 2);
    assert!(error_of(&ticket).is_some());
}

#[test]
fn a_wait_ends_when_who_takes_the_events_has_announced_the_message() {
    let broker = broker(&[("orders", 1)]);
    let producer = started(producer(&broker, &[]), "orders");
    let source = producer.events().unwrap();
    let ticket = producer.send_single(&draft("orders", Some(b"x")), LIMIT, 1).unwrap();
    let (set, index) = (ticket.deliveries(), ticket.index());
    let heard = |deadline: Duration| {
        let at = Instant::now();
        let waited = producer.wait_until_heard(
            &set,
            Some(index),
            Some(at + deadline),
            &mut Hearing::default(),
            &Cancel::new(),
        );
        assert_eq!(waited.unwrap(), Waited::Done);
        at.elapsed()
    };
    set.wait_for(index, Some(Instant::now() + LONG), &Cancel::new())
        .unwrap();
    let short = Duration::from_millis(50);
    assert!(
        heard(short) >= short,
        "nobody has announced it, but the report is there"
    );
    let bounded = heard(LONG);
    assert!(bounded >= Duration::from_millis(900) && bounded < LONG, "{bounded:?}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| heard(LONG));
        let taken = source.take(LONG, &Cancel::new()).unwrap();
        assert!(
            matches!(&taken[..], [Event::Reports(reports)] if reports.iter().any(|(of, at)| Arc::ptr_eq(of, &set) && *at as usize == index))
        );
        // This is the thread that takes the events: it does not wait for itself.
        assert!(heard(LONG) < Duration::from_millis(900));
        set.announced(index);
        set.announced(index);
        assert!(waiting.join().unwrap() < Duration::from_millis(900));
    });
    let unheard = producer.send_single(&draft("orders", Some(b"y")), LIMIT, 0).unwrap();
    assert!(!Arc::ptr_eq(&unheard.deliveries(), &set), "a set has one tag");
    assert_eq!(producer.close(LONG).unwrap(), 0);
}
