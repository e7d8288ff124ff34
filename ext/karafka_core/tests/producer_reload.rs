//! A client that has failed for good is replaced; what it still had is reported as failed.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "producer_support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::mock_broker::MockBroker;
use karafka_core::produce::{Event, FatalError, Producer, Progress, ReloadPolicy, Waited};
use support::{broker, complete, events_until, messages, read, send, settings, wait, LONG};

fn policy(max_attempts: u32) -> ReloadPolicy {
    ReloadPolicy {
        max_attempts,
        backoff: Duration::from_millis(20),
        except: Vec::new(),
        hearing: Duration::ZERO,
    }
}

fn idempotent(servers: &str, policy: ReloadPolicy, more: &[(&str, &str)]) -> Producer {
    let mut all = vec![("enable.idempotence", "true")];
    all.extend_from_slice(more);
    Producer::with_reload(settings(servers, &all), policy).unwrap()
}

fn of(broker: &MockBroker, policy: ReloadPolicy) -> Producer {
    idempotent(&broker.bootstrap_servers(), policy, &[])
}

fn break_it(producer: &Producer, code: FatalError) {
    producer.inject_fatal_error(code, "as asked by a test").unwrap();
}

#[test]
fn goes_on_after_a_fatal_error_with_calls_that_name_the_same_topic() {
    let broker = broker(&[("orders", 1)]);
    let producer = of(&broker, policy(5));
    for round in 0..5 {
        let payload = format!("{round}");
        let set = send(&producer, "orders", &[Some(payload.as_bytes())]);
        assert_eq!(wait(&set), Waited::Done);
        assert_eq!(set.report(0).unwrap().error, None, "round {round}");
        break_it(&producer, FatalError::OutOfOrder);
    }
    let stored: Vec<_> = read(&broker, "orders", 5)
        .into_iter()
        .map(|message| message.payload.unwrap())
        .collect();
    let sent: Vec<_> = (0..5).map(|round| format!("{round}").into_bytes()).collect();
    assert_eq!(stored, sent);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn says_so_with_the_error_that_is_behind_it() {
    let broker = broker(&[("orders", 1)]);
    let producer = of(&broker, policy(5));
    wait(&send(&producer, "orders", &[Some(b"x")]));
    break_it(&producer, FatalError::OutOfOrder);
    let (mut fatal, mut reloading) = (false, false);
    events_until(&producer, |event| match event {
        Event::Error(error) => {
            fatal |= error.fatal && error.code == "out_of_order_sequence_number";
            false
        }
        Event::Reloading { attempt, error } => {
            reloading |= *attempt == 1 && error.code == "out_of_order_sequence_number";
            false
        }
        Event::Reloaded { attempt: 1, failed: 0 } => fatal && reloading,
        _ => false,
    });
}

#[test]
fn what_the_dead_client_had_is_reported_and_never_sent_again() {
    // Nobody answers there, so everything is still under way.
    let producer = idempotent("127.0.0.1:1", policy(5), &[]);
    let set = send(&producer, "orders", &[Some(b"a".as_slice()); 100]);
    break_it(&producer, FatalError::OutOfOrder);
    assert_eq!(wait(&set), Waited::Done);
    for index in 0..100 {
        let error = set.report(index).unwrap().error.unwrap();
        assert!(error.code.starts_with("purge"), "{error}");
        assert!(error.message.contains("out_of_order_sequence_number"), "{error}");
    }
    events_until(&producer, |event| {
        matches!(
            event,
            Event::Reloaded {
                attempt: 1,
                failed: 100
            }
        )
    });
    assert_eq!(producer.queue_size(), 0);
    // The next client takes messages.
    let next = send(&producer, "orders", &[Some(b"b")]);
    assert!(next.report(0).is_none());
    assert_eq!(producer.close(Duration::ZERO).unwrap(), 1);
}

#[test]
fn is_never_replaced_after_fencing_nor_where_the_policy_says_so() {
    let except = ReloadPolicy {
        except: vec!["out_of_order_sequence_number".to_owned()],
        ..policy(5)
    };
    let cases = [
        (policy(5), FatalError::Fenced),
        (policy(0), FatalError::OutOfOrder),
        (except, FatalError::OutOfOrder),
    ];
    for (policy, code) in cases {
        let broker = broker(&[("orders", 1)]);
        let producer = of(&broker, policy);
        wait(&send(&producer, "orders", &[Some(b"x")]));
        break_it(&producer, code);
        for _ in 0..3 {
            let mut dispatch = producer.dispatch(messages("orders", &[Some(b"y")]), 0).unwrap();
            let Progress::Refused(error) = dispatch.run(None, &Cancel::new()).unwrap() else {
                panic!("not refused after {code:?}")
            };
            assert!(error.fatal, "{error}");
        }
        assert_eq!(producer.close(LONG).unwrap(), 0);
    }
}

#[test]
fn gives_up_after_so_many_attempts_without_a_delivery() {
    let producer = idempotent("127.0.0.1:1", policy(3), &[]);
    for _ in 0..3 {
        complete(producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap());
        break_it(&producer, FatalError::OutOfOrder);
        events_until(&producer, |event| matches!(event, Event::Reloaded { .. }));
    }
    complete(producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap());
    break_it(&producer, FatalError::OutOfOrder);
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"y")]), 0).unwrap();
    let progress = dispatch.run(None, &Cancel::new()).unwrap();
    assert!(
        matches!(&progress, Progress::Refused(error) if error.fatal),
        "{progress:?}"
    );
    drop(dispatch);
    producer.close(Duration::ZERO).unwrap();
}

#[test]
fn a_close_does_not_wait_for_the_back_off() {
    let slow = ReloadPolicy {
        backoff: Duration::from_secs(600),
        ..policy(5)
    };
    let producer = idempotent("127.0.0.1:1", slow, &[]);
    complete(producer.dispatch(messages("orders", &[Some(b"x")]), 0).unwrap());
    break_it(&producer, FatalError::OutOfOrder);
    events_until(&producer, |event| matches!(event, Event::Reloaded { .. }));
    break_it(&producer, FatalError::OutOfOrder);
    events_until(&producer, |event| matches!(event, Event::Reloading { attempt: 2, .. }));
    // A call that waits for the next client hears of the close, and can be cancelled before.
    let cancel = Cancel::new();
    cancel.set();
    let mut dispatch = producer.dispatch(messages("orders", &[Some(b"y")]), 0).unwrap();
    let progress = dispatch.run(None, &cancel).unwrap();
    assert!(matches!(progress, Progress::Cancelled), "{progress:?}");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || dispatch.run(None, &Cancel::new()).map(|_| ()));
        let started = Instant::now();
        producer.close(Duration::from_secs(1)).unwrap();
        assert!(started.elapsed() < LONG / 2);
        assert!(waiting.join().unwrap().is_err());
    });
}

#[test]
fn threads_that_produce_meanwhile_lose_nothing() {
    let broker = broker(&[("orders", 4)]);
    let producer = of(&broker, policy(50));
    wait(&send(&producer, "orders", &[Some(b"first")]));
    let sets = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let producer = &producer;
                scope.spawn(move || {
                    let one = || send(producer, "orders", &[Some(b"x".as_slice()); 3]);
                    (0..500).map(|_| one()).collect::<Vec<_>>()
                })
            })
            .collect();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(10));
            // There may be no client just then.
            let _ = producer.inject_fatal_error(FatalError::OutOfOrder, "as asked by a test");
        }
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert!(producer.flush(LONG, &Cancel::new()).unwrap());
    let (mut delivered, mut failed) = (0, 0);
    for set in &sets {
        assert_eq!(wait(set), Waited::Done);
        assert_eq!(Arc::strong_count(set), 1);
        for index in 0..set.len() {
            match set.report(index).unwrap().error {
                None => delivered += 1,
                Some(_) => failed += 1,
            }
        }
    }
    assert_eq!(delivered + failed, 6_000);
    assert_eq!(producer.close(LONG).unwrap(), 0);
}
