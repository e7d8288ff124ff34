//! Transactions of the producer. Every wait has a deadline.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "producer_support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::error::Error;
use karafka_core::produce::{Attempts, Command, Failure, FailureKind, Producer, Waited};
use support::*;

const ATTEMPTS: Attempts = Attempts {
    backoff: Duration::from_millis(20),
    most: 1_000,
    reports: Duration::from_secs(1),
};

fn transactional(servers: &str, id: &str) -> Producer {
    Producer::new(settings(servers, &[("transactional.id", id)])).unwrap()
}

fn step_within(producer: &Producer, command: Command, timeout: Duration) -> Result<(), Failure> {
    producer.transact(command, timeout, ATTEMPTS).unwrap();
    let until = Instant::now() + timeout + LONG;
    let answer = producer.transaction_answer(until, &Cancel::new()).unwrap();
    answer.expect("an answer within the bound")
}

fn step(producer: &Producer, command: Command) -> Result<(), Failure> {
    step_within(producer, command, LONG)
}

fn code_of(producer: &Producer, command: Command) -> (FailureKind, String) {
    let failure = step(producer, command).unwrap_err();
    (failure.kind, failure.error.code)
}

#[test]
fn a_commit_delivers_and_an_abort_purges() {
    let broker = broker(&[("t", 1)]);
    let producer = transactional(&broker.bootstrap_servers(), "a");
    step(&producer, Command::Begin).unwrap();
    let set = send(&producer, "t", &[Some(b"one")]);
    step(&producer, Command::Commit).unwrap();
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(set.first_failure(), None);

    step(&producer, Command::Begin).unwrap();
    // Nothing is sent to a broker that does not answer.
    broker.round_trip(1, Duration::from_secs(2)).unwrap();
    let set = send(&producer, "t", &[Some(b"two")]);
    broker.round_trip(1, Duration::ZERO).unwrap();
    step(&producer, Command::Abort).unwrap();
    assert_eq!(wait(&set), Waited::Done);
    let code = set.report(0).unwrap().error.map(|error| error.code);
    assert!(code.is_none_or(|code| code.starts_with("purge_")));

    step(&producer, Command::Begin).unwrap();
    step(&producer, Command::Commit).unwrap();
    assert_eq!(producer.close(LONG).unwrap(), 0);
}

#[test]
fn what_a_broker_asks_to_repeat_is_repeated() {
    let broker = broker(&[("t", 1)]);
    // Coordinator loading, three times.
    broker.request_errors("init_producer_id", &[14, 14, 14]).unwrap();
    let producer = transactional(&broker.bootstrap_servers(), "b");
    step(&producer, Command::Begin).unwrap();
    send(&producer, "t", &[Some(b"one")]);
    // Concurrent transactions, coordinator not available.
    broker.request_errors("end_txn", &[51, 15]).unwrap();
    step(&producer, Command::Commit).unwrap();
}

#[test]
fn failures_say_what_is_left_to_do() {
    let broker = broker(&[("t", 1)]);
    let producer = transactional(&broker.bootstrap_servers(), "c");
    step(&producer, Command::Begin).unwrap();
    send(&producer, "t", &[Some(b"one")]);
    // Invalid transaction state.
    broker.request_errors("end_txn", &[48]).unwrap();
    let failure = step(&producer, Command::Commit).unwrap_err();
    assert!(
        matches!(failure.kind, FailureKind::Fatal | FailureKind::Abortable),
        "{failure:?}"
    );

    let producer = transactional(&broker.bootstrap_servers(), "d");
    step(&producer, Command::Begin).unwrap();
    // Invalid producer epoch: somebody else has come.
    broker.request_errors("add_partitions_to_txn", &[47]).unwrap();
    let set = send(&producer, "t", &[Some(b"one")]);
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(code_of(&producer, Command::Commit).0, FailureKind::Fenced);

    // Not allowed.
    broker.request_errors("init_producer_id", &[53]).unwrap();
    let producer = transactional(&broker.bootstrap_servers(), "e");
    let refused = (FailureKind::Fatal, "transactional_id_authorization_failed".to_owned());
    assert_eq!(code_of(&producer, Command::Begin), refused);
}

#[test]
fn one_step_at_a_time_and_none_after_a_close() {
    let broker = broker(&[("t", 1)]);
    broker.round_trip(1, Duration::from_millis(300)).unwrap();
    let producer = transactional(&broker.bootstrap_servers(), "f");
    producer.transact(Command::Begin, LONG, ATTEMPTS).unwrap();
    assert!(matches!(
        producer.transact(Command::Begin, LONG, ATTEMPTS),
        Err(Error::Internal(_))
    ));
    assert!(producer
        .transaction_answer(Instant::now(), &Cancel::new())
        .unwrap()
        .is_none());
    let cancel = Cancel::new();
    cancel.set();
    assert!(producer
        .transaction_answer(Instant::now() + LONG, &cancel)
        .unwrap()
        .is_none());
    assert!(producer
        .transaction_answer(Instant::now() + LONG, &Cancel::new())
        .unwrap()
        .unwrap()
        .is_ok());
    broker.round_trip(1, Duration::ZERO).unwrap();
    producer.close(LONG).unwrap();
    assert!(matches!(
        producer.transact(Command::Commit, LONG, ATTEMPTS),
        Err(Error::Closed)
    ));
}

#[test]
fn a_step_without_an_answer_ends_within_its_bound_and_the_client_can_be_given_up() {
    let broker = broker(&[("t", 1)]);
    let producer = transactional(&broker.bootstrap_servers(), "g");
    step(&producer, Command::Begin).unwrap();
    let set = send(&producer, "t", &[Some(b"one")]);
    // It is there and gives no answer.
    broker.round_trip(1, Duration::from_secs(3600)).unwrap();
    let started = Instant::now();
    let failure = step_within(&producer, Command::Commit, Duration::from_millis(500)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Stuck);
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    let started = Instant::now();
    producer.abandon();
    assert!(started.elapsed() < LONG / 2);
    // Whoever waits for a message of it hears of it.
    assert_ne!(
        set.wait(Some(Instant::now() + LONG), &Cancel::new()).unwrap(),
        Waited::TimedOut
    );
    let started = Instant::now();
    drop(producer);
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn with_no_broker_at_all_a_begin_ends_within_its_bound() {
    let producer = transactional("127.0.0.1:1", "h");
    let started = Instant::now();
    let failure = step_within(&producer, Command::Begin, Duration::from_millis(400)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Stuck);
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
}

#[test]
fn connections_are_given_up_between_two_transactions_and_not_inside_of_one() {
    let broker = broker(&[("t", 1)]);
    let producer = transactional(&broker.bootstrap_servers(), "i");
    for _ in 0..3 {
        step(&producer, Command::Begin).unwrap();
        let set = send(&producer, "t", &[Some(b"one")]);
        assert_eq!(wait(&set), Waited::Done);
        assert!(!producer.disconnect(&Cancel::new()).unwrap());
        assert!(producer.is_connected());
        step(&producer, Command::Commit).unwrap();
        assert_eq!(set.first_failure(), None);
        assert!(producer.disconnect(&Cancel::new()).unwrap());
        assert!(producer.is_disconnected());
    }
}

#[test]
fn a_client_remembers_that_a_message_of_it_was_refused() {
    let broker = broker(&[("t", 1)]);
    let producer = transactional(&broker.bootstrap_servers(), "j");
    step(&producer, Command::Begin).unwrap();
    send(&producer, "t", &[Some(b"one")]);
    step(&producer, Command::Commit).unwrap();
    assert!(!producer.has_gap());
    step(&producer, Command::Begin).unwrap();
    // Invalid record.
    broker.request_errors("produce", &[87]).unwrap();
    let set = send(&producer, "t", &[Some(b"two")]);
    assert_eq!(wait(&set), Waited::Done);
    assert_eq!(code_of(&producer, Command::Commit).0, FailureKind::Abortable);
    assert!(producer.has_gap());
}
