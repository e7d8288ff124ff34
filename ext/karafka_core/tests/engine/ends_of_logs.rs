//! Offsets without a message at the end of a partition: the markers of transactions, and what was aborted. Once nothing before them
//! is unprocessed they are committed, or the lag would never be 0.

use std::time::Duration;

use karafka_core::config::{EngineConfig, ParallelConfig, Spread, TopicConfig};
use karafka_core::lease::Kind;
use karafka_core::partition::Position;
use rdkafka::config::ClientConfig;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::common::*;
use crate::real_kafka;

/// Longer than a fetch waits for messages.
const A_WHILE: Duration = Duration::from_millis(1_500);

#[derive(Clone, Copy, PartialEq)]
enum Ends {
    Committed,
    Aborted,
    Open,
}

/// Writes to partition 0, one transaction for each row.
fn write(kafka: &Kafka, topic: &str, transactions: &[(u64, Ends)]) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.brokers)
        .set("transactional.id", unique("x"))
        .create()
        .expect("a producer");
    producer.init_transactions(LONG).expect("a transactional producer");
    for (count, ends) in transactions {
        producer.begin_transaction().expect("a transaction");
        for number in 0..*count {
            let payload = number.to_string();
            let record = BaseRecord::<(), str>::to(topic).partition(0).payload(&payload);
            producer.send(record).expect("room");
        }
        producer.flush(LONG).expect("written");
        match ends {
            Ends::Committed => producer.commit_transaction(LONG).expect("committed"),
            Ends::Aborted => producer.abort_transaction(LONG).expect("aborted"),
            Ends::Open => {}
        }
    }
    producer
}

fn config(kafka: &Kafka, topic: TopicConfig) -> (String, EngineConfig) {
    let group = kafka.group(vec![topic]);
    (group.id.clone(), engine_config(vec![group]))
}

fn wait_for_commit(kafka: &Kafka, group: &str, topic: &str, offset: i64) {
    wait_until(&format!("the commit of {offset}"), || {
        kafka.committed(group, topic, 0) == Some(offset)
    });
}

#[test]
fn the_markers_of_transactions_are_committed() {
    let kafka = real_kafka!("the_markers_of_transactions_are_committed");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(1, Ends::Committed); 3]);
    let (group, config) = config(&kafka, topic_config(&topic));
    let harness = Harness::start(config, 1, ack);
    harness.wait_for_messages(3);
    wait_for_commit(&kafka, &group, &topic, 6);
    let (_, log) = harness.stop();
    assert!(
        log.seen.lock().iter().all(|seen| seen.kind != Kind::Eofed),
        "nobody asked"
    );
    assert_eq!(kafka.committed(&group, &topic, 0), Some(6));
}

#[test]
fn aborted_messages_at_the_end_are_committed_and_those_of_an_open_transaction_are_not() {
    let kafka = real_kafka!("aborted_messages_at_the_end_are_committed_and_those_of_an_open_transaction_are_not");
    let topic = kafka.topic(1);
    let open = write(
        &kafka,
        &topic,
        &[(2, Ends::Committed), (3, Ends::Aborted), (4, Ends::Open)],
    );
    let (group, config) = config(&kafka, topic_config(&topic));
    let harness = Harness::start(config, 1, ack);
    harness.wait_for_messages(2);
    wait_for_commit(&kafka, &group, &topic, 7);
    stays("the open transaction is not passed", A_WHILE, || {
        kafka.committed(&group, &topic, 0) == Some(7)
    });
    open.commit_transaction(LONG).unwrap();
    harness.wait_for_messages(6);
    wait_for_commit(&kafka, &group, &topic, 12);
    harness.stop();
}

#[test]
fn nothing_behind_an_unprocessed_message_is_committed() {
    let kafka = real_kafka!("nothing_behind_an_unprocessed_message_is_committed");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(3, Ends::Committed), (3, Ends::Aborted)]);
    let (group, config) = config(&kafka, whole_batches(&topic, 3));
    let harness = Harness::without_workers(config);
    let lease = harness.take();
    assert_eq!(lease.messages().len(), 3);
    lease.mark(1);
    // The consumer keeps the last message for later.
    lease.release();
    let nothing = harness.take_within(A_WHILE);
    assert!(nothing.is_none(), "the end was reached, and nobody is told");
    assert_eq!(kafka.committed(&group, &topic, 0), Some(2));
    lease.mark(2);
    wait_for_commit(&kafka, &group, &topic, 8);
    harness.with_workers(1, ack).stop();
}

#[test]
fn a_batch_that_fails_at_the_end_comes_again() {
    let kafka = real_kafka!("a_batch_that_fails_at_the_end_comes_again");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(3, Ends::Committed)]);
    let (group, config) = config(&kafka, whole_batches(&topic, 3));
    let harness = Harness::without_workers(config);
    for _ in 0..3 {
        let lease = harness.take();
        assert_eq!(lease.messages().first_offset(), Some(0));
        lease.nack();
    }
    assert_eq!(kafka.committed(&group, &topic, 0), None);
    harness.take().ack();
    // Nobody else looks for what is there.
    harness.take_within(A_WHILE);
    wait_for_commit(&kafka, &group, &topic, 4);
    harness.with_workers(1, ack).stop();
}

#[test]
fn several_leases_at_a_time_commit_the_markers_once_all_are_back() {
    let kafka = real_kafka!("several_leases_at_a_time_commit_the_markers_once_all_are_back");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(2, Ends::Committed), (2, Ends::Aborted)]);
    let by = Spread::None;
    let parallel = TopicConfig {
        parallel: Some(ParallelConfig { by, limit: 3 }),
        max_messages: 1,
        ..topic_config(&topic)
    };
    let (group, config) = config(&kafka, parallel);
    let harness = Harness::without_workers(config);
    let (first, second) = (harness.take(), harness.take());
    second.ack();
    assert!(harness.take_within(A_WHILE).is_none());
    assert_eq!(kafka.committed(&group, &topic, 0), Some(0));
    first.ack();
    harness.take_within(A_WHILE);
    wait_for_commit(&kafka, &group, &topic, 6);
    harness.with_workers(1, ack).stop();
}

#[test]
fn a_group_that_goes_on_behind_the_last_message_commits_the_end() {
    let kafka = real_kafka!("a_group_that_goes_on_behind_the_last_message_commits_the_end");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(1, Ends::Committed), (2, Ends::Aborted)]);
    let (group, config) = config(&kafka, topic_config(&topic));
    kafka.commit(&group, &topic, 1, "");
    let harness = Harness::start(config, 1, ack);
    wait_for_commit(&kafka, &group, &topic, 5);
    harness.stop();
}

#[test]
fn a_seek_to_the_end_commits_nothing_by_itself() {
    let kafka = real_kafka!("a_seek_to_the_end_commits_nothing_by_itself");
    let topic = kafka.topic(1);
    write(&kafka, &topic, &[(3, Ends::Committed)]);
    let (group, config) = config(&kafka, whole_batches(&topic, 3));
    let harness = Harness::without_workers(config);
    let lease = harness.take();
    lease.seek(Position::Latest, true);
    lease.release();
    harness.take_within(A_WHILE);
    assert_eq!(kafka.committed(&group, &topic, 0), None);
    harness.with_workers(1, ack).stop();
}
