//! What is fetched ahead is bounded for the process; for that nothing is fetched twice, and nothing starves or comes twice.
//! Measured by librdkafka's statistics: what is in its queues, and what it has received.

use std::time::Duration;

use karafka_core::config::{GroupConfig, TopicConfig};
use karafka_core::event::Event;
use karafka_core::operator_pauses::OperatorPause;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::common::*;
use crate::on_both;

const PARTITIONS: i32 = 12;
const EACH: i64 = 200;
const SIZE: usize = 10_000;
const LIMIT: usize = 4 * 1024 * 1024;
/// What comes between two looks of a poll thread that a busy machine lets wait counts too; a limit as small as this one is a few
/// answers. 24 MB are there, and without a bound all of it is fetched.
const MOST: usize = LIMIT * 5 / 2;

fn filled(kafka: &Kafka) -> (String, GroupConfig) {
    let topic = kafka.topic(PARTITIONS);
    let sender = kafka.producer();
    for number in 0..EACH * i64::from(PARTITIONS) {
        let mut payload = number.to_string().into_bytes();
        payload.resize(SIZE, b' ');
        let partition = (number % i64::from(PARTITIONS)) as i32;
        sender.send(&Message {
            partition,
            payload: Some(payload),
            ..Message::to(&topic)
        });
        // In many pieces: one is fetched as a whole, whatever the limit of a fetch is.
        if number % 120 == 0 {
            sender.flush();
        }
    }
    sender.flush();
    let group = of(kafka, &[&topic], 500_000);
    (topic, group)
}

fn of(kafka: &Kafka, topics: &[&str], answer_bytes: usize) -> GroupConfig {
    let topics = topics.iter().map(|name| TopicConfig {
        max_messages: 10,
        ..topic_config(name)
    });
    let mut group = kafka.group(topics.collect());
    for (key, value) in [
        ("fetch.max.bytes", answer_bytes.to_string()),
        // librdkafka refuses a smaller `fetch.max.bytes`.
        ("message.max.bytes", "200000".to_owned()),
        ("fetch.message.max.bytes", "100000".to_owned()),
        ("statistics.interval.ms", "50".to_owned()),
    ] {
        group.kafka.insert(key.into(), value);
    }
    group
}

/// Sums over all partitions, one for each statistics of that group.
fn statistics(log: &Log, group: &str, field: &str) -> Vec<usize> {
    let sum = |event: &Event| match event {
        Event::Statistics { group: of, json, .. } if **of == *group => {
            let all: serde_json::Value = serde_json::from_str(json).expect("JSON");
            let topics = all["topics"].as_object().expect("topics").values();
            let partitions = topics.flat_map(|topic| topic["partitions"].as_object().expect("partitions").values());
            Some(
                partitions
                    .map(|one| one[field].as_u64().expect("a number") as usize)
                    .sum(),
            )
        }
        _ => None,
    };
    log.events.lock().iter().filter_map(sum).collect()
}

/// At least so many statistics more.
fn some_time(log: &Log, group: &str) {
    let now = statistics(log, group, "rxmsgs").len();
    wait_until("more statistics", || statistics(log, group, "rxmsgs").len() > now + 10);
}

on_both! {
    fn what_is_fetched_ahead_stays_below_the_limit_and_everything_is_fetched_once(kafka) {
        let (_topic, group) = filled(kafka);
        let id = group.id.clone();
        let mut config = engine_config(vec![group]);
        config.max_queued_bytes = Some(LIMIT);
        let harness = Harness::without_workers(config);
        // 24 MB are there. One batch tells the engine how large messages are.
        harness.take().ack();
        wait_until("it fetches ahead", || harness.engine.state().unwrap().fetched_bytes > LIMIT / 4);
        some_time(&harness.log, &id);
        let harness = harness.with_workers(2, |lease| {
            std::thread::park_timeout(Duration::from_millis(1));
            lease.ack();
        });
        let all = EACH as usize * PARTITIONS as usize;
        harness.wait_for_messages(all);
        some_time(&harness.log, &id);
        let (_, log) = harness.stop();
        for partition in 0..PARTITIONS {
            assert_eq!(log.offsets(partition), (0..EACH).collect::<Vec<i64>>(), "partition {partition}");
        }
        let most = statistics(&log, &id, "fetchq_size").into_iter().max().expect("statistics");
        let received = statistics(&log, &id, "rxmsgs").into_iter().max().expect("statistics");
        eprintln!("most fetched ahead: {most} of {LIMIT}, {received} messages received for {all}");
        assert!(most <= MOST, "{most} bytes fetched ahead");
        assert!(received <= all * 21 / 20, "{received} messages received for {all}");
    }

    fn groups_share_the_limit(kafka) {
        let (topic, _) = filled(kafka);
        let groups: Vec<_> = (0..4).map(|_| of(kafka, &[&topic], 200_000)).collect();
        let ids: Vec<_> = groups.iter().map(|group| group.id.clone()).collect();
        let mut config = engine_config(groups);
        // A fetch of each partition for each group is more than a third of it.
        config.max_queued_bytes = Some(3 * LIMIT);
        let harness = Harness::without_workers(config);
        harness.take().ack();
        ids.iter().for_each(|id| some_time(&harness.log, id));
        let queued = |id: &String| statistics(&harness.log, id, "fetchq_size").into_iter().max().expect("statistics");
        let most: Vec<usize> = ids.iter().map(queued).collect();
        // 96 MB are there. A fetch of each partition for each group may come at once: that is half of the limit.
        assert!(most.iter().sum::<usize>() <= 3 * MOST, "{most:?} bytes fetched ahead");
        assert!(most.iter().all(|bytes| *bytes > 0), "a group got nothing: {most:?}");
    }

    fn a_topic_that_nobody_works_on_does_not_starve_another_one(kafka) {
        let (held, _) = filled(kafka);
        let free = kafka.topic(1);
        let group = of(kafka, &[&held, &free], 500_000);
        let id = group.id.clone();
        let mut config = engine_config(vec![group]);
        // Less than a message of each partition.
        let limit = PARTITIONS as usize * SIZE;
        config.max_queued_bytes = Some(limit);
        let harness = Harness::without_workers(config);
        harness.engine.pause(OperatorPause { topic: Some(held), ..OperatorPause::default() });
        let harness = harness.with_workers(2, ack);
        wait_until("the limit is reached", || harness.engine.state().unwrap().fetched_bytes >= limit);
        some_time(&harness.log, &id);
        kafka.fill(&free, 1, 0..100);
        harness.wait_for_messages(100);
    }

    fn what_is_fetched_ahead_stays_below_the_limit_while_every_batch_fails(kafka) {
        let (topic, _) = filled(kafka);
        // An answer for each empty partition would be all that there is.
        let mut group = of(kafka, &[&topic], 2_000_000);
        group.kafka.insert("fetch.message.max.bytes".into(), "2000000".into());
        let id = group.id.clone();
        let mut config = engine_config(vec![group]);
        config.max_queued_bytes = Some(LIMIT);
        let harness = Harness::start(config, 2, |lease| {
            lease.nack();
        });
        let all_failed = || (0..PARTITIONS).all(|partition| !harness.log.offsets(partition).is_empty());
        wait_until("each partition has failed", all_failed);
        some_time(&harness.log, &id);
        let (_, log) = harness.stop();
        let most = statistics(&log, &id, "fetchq_size").into_iter().max().expect("statistics");
        eprintln!("most fetched ahead: {most} of {LIMIT}");
        assert!(most <= MOST, "{most} bytes fetched ahead");
    }

    fn a_partition_that_comes_back_to_a_full_process_is_read_on(kafka) {
        let (topic, group) = filled(kafka);
        let name = group.kafka["group.id"].clone();
        let mut config = engine_config(vec![group]);
        config.max_queued_bytes = Some(LIMIT);
        // Without workers nobody takes what is handed over at a revocation. The other member would lose its part again before.
        config.revocation_grace_ms = 100;
        let harness = Harness::without_workers(config);
        harness.take().ack();
        wait_until("it is full", || harness.engine.state().unwrap().fetched_bytes > LIMIT / 3);
        let other: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("group.id", &name)
            .set("enable.auto.commit", "false")
            // As the group's own. The mock's broker has one session timeout for all members, the last one it heard: with a longer one
            // rounds last longer than the sessions of those that wait for them, and they are never answered.
            .set("session.timeout.ms", "6000")
            .create()
            .expect("a consumer");
        other.subscribe(&[&topic]).expect("a subscription");
        wait_until("some have gone", || {
            other.poll(Duration::from_millis(10));
            (1..PARTITIONS as usize).contains(&harness.assigned())
        });
        drop(other);
        harness.wait_for_assignment(PARTITIONS as usize);
        let harness = harness.with_workers(2, ack);
        let all = || (0..PARTITIONS).all(|partition| harness.log.offsets(partition).last() == Some(&(EACH - 1)));
        wait_until("all partitions are read to their ends", all);
    }
}
