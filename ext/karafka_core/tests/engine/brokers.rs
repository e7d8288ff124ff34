//! Brokers that are not there, go away, come back, or throw us out.
use karafka_core::event::Event;

use crate::common::*;
use crate::real_kafka;

/// UNRELEASED_INSTANCE_ID: a fatal error for this client, and a later one may work.
const UNRELEASED: i32 = 111;
/// FENCED_INSTANCE_ID: no client recovers from that.
const FENCED: i32 = 82;

#[test]
fn reading_goes_on_after_a_broker_was_away() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.kafka.insert("session.timeout.ms".into(), "30000".into());
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    harness.wait_for_messages(100);
    let mock = kafka.mock.as_ref().unwrap();
    for round in 1..=2 {
        mock.broker_down(1).unwrap();
        wait_until("the loss is reported", || !harness.log.error_codes().is_empty());
        mock.broker_up(1).unwrap();
        kafka.fill(&topic, 2, 0..100);
        let total = 100 * (round + 1);
        harness.wait_for_messages(total);
        wait_until("commits go on", || {
            kafka.committed(&id, &topic, 0) == Some(total as i64 / 2)
        });
    }
    assert_eq!(
        harness.log.offsets(0),
        (0..150).collect::<Vec<i64>>(),
        "each once, in order"
    );
    harness.stop();
}

#[test]
fn an_engine_started_without_a_broker_says_so_and_works_once_there_is_one() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mock = kafka.mock.as_ref().unwrap();
    mock.broker_down(1).unwrap();
    let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
    wait_until("it says so", || {
        harness.log.error_codes().contains(&"all_brokers_down".to_owned())
    });
    mock.broker_up(1).unwrap();
    harness.wait_for_messages(10);
    harness.stop();
}

/// A member whose client will not come back by itself.
fn failed_for_good(kafka: &Kafka) -> (String, Harness) {
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = with(kafka.group(vec![topic_config(&topic)]), &KIP_848);
    let id = group.id.clone();
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    wait_until("committed", || kafka.committed(&id, &topic, 0) == Some(10));
    kafka.refuse("consumer_group_heartbeat", &[UNRELEASED]);
    wait_until("the error", || {
        harness
            .log
            .has_event(|event| matches!(event, Event::Error { error, .. } if error.fatal))
    });
    (topic, harness)
}

#[test]
fn a_client_that_failed_for_good_is_replaced() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let (topic, harness) = failed_for_good(&kafka);
        kafka.fill(&topic, 1, 10..20);
        harness.wait_for_messages(20);
        assert!(harness.log.has_event(|event| matches!(event, Event::Reset { .. })));
        assert_eq!(harness.log.offsets(0), (0..20).collect::<Vec<i64>>());
        let (took, _) = harness.stop();
        took
    });
}

#[test]
fn a_stop_while_a_failed_client_is_being_replaced_ends() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let (_, harness) = failed_for_good(&kafka);
        let (took, _) = harness.stop();
        took
    });
}

#[test]
fn a_topic_deleted_while_it_is_read_disturbs_no_other_on_real_kafka() {
    let kafka = real_kafka!("a_topic_deleted_while_it_is_read_disturbs_no_other_on_real_kafka");
    without_limit(|| {
        let (doomed, other) = (kafka.topic(2), kafka.topic(2));
        kafka.fill(&doomed, 2, 0..100);
        kafka.fill(&other, 2, 0..100);
        let mut group = kafka.group(vec![topic_config(&doomed), topic_config(&other)]);
        group
            .kafka
            .insert("topic.metadata.refresh.interval.ms".into(), "500".into());
        let harness = Harness::start(engine_config(vec![group]), 2, ack);
        harness.wait_for_messages(200);
        kafka.delete_topic(&doomed);
        wait_until("it is reported", || {
            harness.log.has_event(|event| {
                matches!(event, Event::Error { error, .. } if error.topic.as_deref() == Some(&doomed)
                || error.message.contains(doomed.as_str()))
            })
        });
        kafka.fill(&other, 2, 100..200);
        harness.wait_for_messages(300);
        // It may come back.
        kafka.topic_named(&doomed, 2);
        kafka.fill(&doomed, 2, 0..50);
        wait_until("the new topic is read", || {
            let seen = harness.log.seen.lock();
            seen.iter()
                .filter(|seen| seen.topic == doomed)
                .map(|seen| seen.offsets.len())
                .sum::<usize>()
                >= 150
        });
        let (took, _) = harness.stop();
        took
    });
}

/// librdkafka's destroy hangs after this error where the member is not static (2.12.1): the stop must not hang with it.
#[test]
fn a_client_that_does_not_end_is_left_behind() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
    harness.wait_for_messages(10);
    kafka.refuse("heartbeat", &[FENCED]);
    wait_until("the error", || {
        harness.log.error_codes().contains(&"fenced_instance_id".to_owned())
    });
    let (took, _) = harness.stop();
    assert!(took < LONG / 2, "{took:?}");
}
