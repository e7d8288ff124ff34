//! Every end is bounded, complete, and said to everybody who waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::engine::{Engine, Taken};
use karafka_core::lease::{Kind, Lease};
use parking_lot::Mutex;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::common::*;
use crate::{on_both, real_kafka};

/// What the engine gives librdkafka to close.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

fn config(kafka: &Kafka, topic: &str) -> karafka_core::config::EngineConfig {
    engine_config(vec![kafka.group(vec![topic_config(topic)])])
}

#[test]
fn an_idle_engine_on_real_kafka_stops_in_300_ms() {
    let kafka = real_kafka!("an_idle_engine_on_real_kafka_stops_in_300_ms");
    let topic = kafka.topic(4);
    kafka.fill(&topic, 4, 0..100);
    // The same without an engine: what it costs on this machine to leave a group of this Kafka.
    let bare = || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &kafka.brokers)
            .set("group.id", unique("bare"))
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        wait_until("a message", || consumer.poll(Duration::from_millis(10)).is_some());
        let started = Instant::now();
        drop(consumer);
        started.elapsed()
    };
    let target = Duration::from_millis(300);
    let took = shortest(target, || {
        let bare = bare();
        let group = with(kafka.group(vec![topic_config(&topic)]), &LIBRDKAFKAS_TIMES);
        let harness = Harness::start(engine_config(vec![group]), 2, ack);
        harness.wait_for_messages(100);
        harness.stop().0.saturating_sub(bare)
    });
    eprintln!("idle stop on real Kafka, longer than librdkafka alone: {took:?}");
    assert!(took < target, "{took:?}");
}

on_both! {
    fn the_stop_waits_for_leases_and_says_goodbye_to_each_partition_that_was_seen(kafka) {
        let topic = kafka.topic(3);
        let group = kafka.group(vec![topic_config(&topic)]);
        // Partition 2 stays empty: nobody has seen it.
        let sender = kafka.producer();
        for partition in 0..2 {
            sender.send(&Message { partition, payload: Some(b"x".to_vec()), ..Message::to(&topic) });
        }
        sender.flush();
        let kept: Arc<Mutex<Option<Lease>>> = Arc::default();
        let harness = {
            let kept = kept.clone();
            Harness::start(engine_config(vec![group.clone()]), 2, move |lease| {
                if lease.kind() == Kind::Consume && lease.partition().number == 0 {
                    *kept.lock() = Some(lease);
                } else {
                    lease.ack();
                }
            })
        };
        harness.wait_for_messages(2);
        harness.engine.stop();
        assert!(!harness.engine.join(Duration::from_millis(300)).unwrap(), "a lease is out");
        assert_eq!(harness.engine.state().unwrap().leases.len(), 1, "and the state says which");
        assert!(kept.lock().take().unwrap().ack(), "still ours");
        let (_, log) = harness.stop();
        let mut goodbyes: Vec<i32> = log.of(Kind::Shutdown).iter().map(|seen| seen.partition).collect();
        goodbyes.sort();
        assert_eq!(goodbyes, [0, 1]);
        assert_eq!(log.count(Kind::Revoked), 0);
        assert_eq!(kafka.committed(&group.id, &topic, 0), Some(1));
    }

    fn a_forced_stop_waits_for_nobody_but_keeps_what_was_marked(kafka) {
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("auto.commit.interval.ms".into(), "600000".into());
        let harness = Harness::without_workers(engine_config(vec![group.clone()]));
        let lease = harness.take();
        lease.mark(3);
        harness.engine.force_stop();
        assert!(harness.engine.join(LONG).unwrap());
        assert!(!lease.mark(5));
        assert!(!lease.ack());
        // Nobody waits for the answer to this commit.
        wait_until("the commit", || kafka.committed(&group.id, &topic, 0) == Some(4));
    }

    fn a_stop_in_the_middle_of_a_rebalance_ends(kafka) {
        let topic = kafka.topic(4);
        kafka.fill(&topic, 4, 0..400);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("session.timeout.ms".into(), if kafka.mock.is_some() { "2000" } else { "6000" }.into());
        let mut dice = Dice::new();
        let first = Harness::start(engine_config(vec![group.clone()]), 2, ack);
        first.wait_for_messages(1);
        for _ in 0..4 {
            let second = Harness::start(engine_config(vec![group.clone()]), 2, ack);
            std::thread::park_timeout(Duration::from_millis(dice.below(600)));
            let (took, _) = second.stop();
            assert!(took < CLOSE_LIMIT, "{took:?}");
        }
        let second = Harness::start(engine_config(vec![group]), 2, ack);
        std::thread::park_timeout(Duration::from_millis(dice.below(600)));
        let (took, _) = first.stop();
        assert!(took < CLOSE_LIMIT, "{took:?}");
        second.stop();
    }
}

#[test]
fn a_forced_stop_does_not_wait_for_the_grace_of_a_revocation() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("session.timeout.ms".into(), "2000".into());
        let mut config = engine_config(vec![group]);
        config.revocation_grace_ms = 600_000;
        let harness = Harness::without_workers(config.clone());
        let _lease = harness.take();
        let _other = Harness::start(config, 1, ack);
        wait_until("the revocation began", || harness.assigned() == 0);
        let started = Instant::now();
        harness.engine.force_stop();
        assert!(harness.engine.join(LONG).unwrap());
        assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    });
}

#[test]
fn a_stop_before_the_start_ends_everything() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let engine = Engine::new(config(&kafka, &topic)).unwrap();
    assert!(engine.join(Duration::ZERO).unwrap());
    engine.stop();
    engine.stop();
    assert!(matches!(engine.take(&Cancel::new()), Ok(Taken::Closed)));
    assert!(engine.events(LONG, &Cancel::new()).unwrap().is_none());
    engine.start().unwrap();
    assert!(engine.join(LONG).unwrap());
    assert!(matches!(engine.take(&Cancel::new()), Ok(Taken::Closed)));
}

#[test]
fn a_stop_right_after_the_start_and_a_second_one_are_fine() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    for _ in 0..5 {
        let harness = Harness::start(config(&kafka, &topic), 2, ack);
        harness.engine.start().unwrap();
        harness.engine.stop();
        harness.engine.stop();
        let (took, _) = harness.stop();
        assert!(took < CLOSE_LIMIT, "{took:?}");
    }
}

/// It does not leave the group, so librdkafka has ended with it as soon as the partitions are given up.
#[test]
fn each_of_many_stops_of_a_static_member_ends() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    for strategy in ["range", "cooperative-sticky"] {
        for _ in 0..30 {
            let mut group = kafka.group(vec![topic_config(&topic)]);
            group.kafka.insert("group.instance.id".into(), "pod-1".into());
            group
                .kafka
                .insert("partition.assignment.strategy".into(), strategy.into());
            let harness = Harness::start(engine_config(vec![group]), 1, ack);
            harness.wait_for_assignment(2);
            harness.stop();
        }
    }
}

#[test]
fn a_stop_with_unreachable_brokers_ends() {
    without_limit(|| {
        let mut kafka = Kafka::mock(1);
        kafka.brokers = "127.0.0.1:1".into();
        let harness = Harness::start(config(&kafka, "nowhere"), 2, ack);
        wait_until("an error says so", || {
            harness.log.error_codes().iter().any(|code| code == "all_brokers_down")
        });
        let (took, _) = harness.stop();
        eprintln!("stop with unreachable brokers: {took:?}");
        took
    });
}

#[test]
fn a_forced_stop_with_marks_and_a_broker_that_is_gone_ends() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        kafka.fill(&topic, 1, 0..10);
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("auto.commit.interval.ms".into(), "600000".into());
        let harness = Harness::without_workers(engine_config(vec![group]));
        let lease = harness.take();
        lease.mark(3);
        kafka.mock.as_ref().unwrap().broker_down(1).unwrap();
        wait_until("the loss is seen", || !harness.log.error_codes().is_empty());
        let started = Instant::now();
        harness.engine.force_stop();
        assert!(harness.engine.join(LONG).unwrap());
        let took = started.elapsed();
        eprintln!("forced stop, broker gone, marks: {took:?}");
        lease.ack();
        took
    });
}

#[test]
fn a_stop_with_marks_and_a_broker_that_is_gone_ends_within_its_bounds() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut group = kafka.group(vec![topic_config(&topic)]);
    group.kafka.insert("auto.commit.interval.ms".into(), "600000".into());
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    harness.wait_for_messages(10);
    kafka.mock.as_ref().unwrap().broker_down(1).unwrap();
    wait_until("the loss is seen", || !harness.log.error_codes().is_empty());
    let (took, _) = harness.stop();
    eprintln!("stop, broker gone, marks: {took:?}");
    assert!(took < LONG / 2, "{took:?}");
}

#[test]
fn everybody_who_waits_is_told_that_it_is_over() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(2);
        let harness = Harness::start(config(&kafka, &topic), 8, ack);
        harness.wait_for_assignment(2);
        // `stop` joins all eight.
        let (took, _) = harness.stop();
        took
    });
}

#[test]
fn the_last_lease_can_still_mark_and_commit() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![topic_config(&topic)]);
    let harness = Harness::start(engine_config(vec![group.clone()]), 1, |lease| {
        if lease.kind() == Kind::Shutdown {
            assert!(lease.mark(6));
            assert!(lease.commit_sync().unwrap());
        }
        lease.release();
    });
    harness.wait_for_messages(10);
    harness.stop();
    assert_eq!(kafka.committed(&group.id, &topic, 0), Some(7));
}

#[test]
fn a_lease_that_outlives_the_engine_is_harmless() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let harness = Harness::without_workers(config(&kafka, &topic));
    let lease = harness.take();
    harness.engine.force_stop();
    assert!(harness.engine.join(LONG).unwrap());
    assert_eq!(
        harness.engine.state().unwrap().leases.len(),
        1,
        "the state says what was left"
    );
    drop(harness);
    assert_eq!(lease.high_watermark(), -1);
    assert!(!lease.commit_sync().unwrap());
    assert_eq!(lease.messages().payload(3), Some(&b"3"[..]));
    assert_eq!(lease.nack(), None);
}

#[test]
fn a_graceful_stop_ends_without_any_worker() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..20);
    let group = kafka.group(vec![topic_config(&topic)]);
    let harness = Harness::without_workers(engine_config(vec![group.clone()]));
    let lease = harness.take();
    assert!(lease.ack());
    harness.engine.stop();
    assert!(harness.engine.join(LONG).unwrap(), "nobody comes, so it ends by itself");
    let next = lease.messages().last_offset().unwrap() + 1;
    assert_eq!(
        kafka.committed(&group.id, &topic, lease.partition().number),
        Some(next),
        "what was done is committed"
    );
}
