//! What metrics, state and probes show is what happened.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::event::Event;
use karafka_core::lease::{Departure, Kind, Settlement, Wait};
use karafka_core::metrics::{registry, Cause, TopicMetrics};
use karafka_core::observe::{Observer, ObserverConfig};
use serde_json::Value;

use crate::common::*;
use crate::on_both;

pub fn observer(harness: &Harness, config: ObserverConfig) -> Arc<Observer> {
    let observer = Observer::new(config);
    observer.watch(&harness.engine);
    observer
}

fn state(observer: &Observer) -> Value {
    serde_json::from_str(&observer.state(karafka_core::observe::Detail::Full)).unwrap()
}

fn of_topic(state: &Value, topic: &str) -> Value {
    let mut topics = state["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["topics"].as_array().unwrap());
    topics.find(|one| one["topic"] == topic).cloned().unwrap_or_default()
}

fn counted(config: &karafka_core::config::GroupConfig, topic: &str) -> Arc<TopicMetrics> {
    registry().topic(&config.kafka["group.id"], topic)
}

on_both! {
    fn what_was_counted_is_what_happened(kafka) {
        let topic = kafka.topic(3);
        kafka.fill(&topic, 3, 0..3_000);
        let group = kafka.group(vec![topic_config(&topic)]);
        let metrics = counted(&group, &topic);
        let failed = AtomicBool::new(false);
        let harness = Harness::start(engine_config(vec![group.clone()]), 3, move |lease| {
            // One batch fails once.
            let fails = lease.kind() == Kind::Consume && !failed.swap(true, Ordering::SeqCst);
            lease.settle(match fails {
                true => Settlement::Retry { wait: Wait::For(Duration::from_millis(1)), alone: false },
                false => Settlement::Ack,
            });
        });
        wait_until("all are consumed", || metrics.consumed_messages.get() == 3_000);
        let bytes: usize = (0..3_000).map(|number: u64| number.to_string().len()).sum();
        let keys = metrics.consumed_bytes.get() as usize - bytes;
        assert_eq!(metrics.fetched_messages.get(), 3_000);
        assert_eq!(metrics.fetched_bytes.get() as usize, bytes + keys);
        let seen = harness.log.of(Kind::Consume);
        assert_eq!(metrics.consumed_batches.get() as usize, seen.len());
        let first = seen.iter().find(|seen| seen.attempt == 2).expect("one came again").offsets.len();
        assert_eq!(metrics.retried_messages.get() as usize, first);
        assert_eq!(metrics.batch_messages.read().count() as usize, seen.len());
        assert_eq!(metrics.batch_messages.read().sum as usize, 3_000 + first);
        assert_eq!(metrics.processing.read().count() as usize, seen.len());
        assert_eq!(metrics.waiting.read().count() as usize, seen.len() - 1);
        let of_group = registry().group(&group.kafka["group.id"]);
        assert_eq!(of_group.rebalances(Cause::Assigned).get(), 1);
        harness.stop();
        assert_eq!(of_group.rebalances(Cause::Stopping).get(), 1);
        assert!(of_group.commits.get() >= 1);
        assert_eq!(of_group.failed_commits.get(), 0);
        assert_eq!(of_group.commit.read().count(), of_group.commits.get());
    }

    fn lag_is_right_while_nothing_is_handed_out_and_after_a_seek(kafka) {
        let topic = kafka.topic(2);
        kafka.fill(&topic, 2, 0..100);
        let group = kafka.group(vec![whole_batches(&topic, 50)]);
        let harness = Harness::without_workers(engine_config(vec![group]));
        let observer = observer(&harness, ObserverConfig::default());
        let lag = || of_topic(&state(&observer), &topic)["lag"].clone();
        wait_until("nothing is consumed yet", || lag() == 100);
        let lease = harness.take();
        assert_eq!(lease.messages().len(), 50);
        assert_eq!(lag(), 100, "what is out is not processed");
        let partition = lease.partition().number as u64;
        lease.settle(Settlement::Ack);
        assert_eq!(lag(), 50);
        // Nobody takes them: what librdkafka has fetched says nothing of the end.
        kafka.fill(&topic, 2, 100..140);
        wait_until("new messages count", || lag() == 90);
        let age = of_topic(&state(&observer), &topic)["lag_ms"].as_i64().unwrap();
        assert!(age < 60_000, "{age}");
        let (one, other) = (harness.take(), harness.take());
        let (again, other) = match one.partition().number as u64 == partition {
            true => (one, other),
            false => (other, one),
        };
        again.seek(karafka_core::partition::Position::Offset(10), true);
        again.settle(Settlement::Ack);
        other.settle(Settlement::Ack);
        wait_until("after a seek the lag begins there", || lag() == 60 + 20);
        harness.stop();
    }
}

#[test]
fn each_way_out_of_a_partition_is_counted() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut config = whole_batches(&topic, 10);
    config.selection.expire_after_ms = Some(3_600_000);
    let group = kafka.group(vec![config]);
    let metrics = counted(&group, &topic);
    let harness = Harness::without_workers(engine_config(vec![group]));
    let lease = harness.take();
    lease.mark(2);
    lease.departed(Departure::DeadLetter);
    lease.settle(Settlement::SkipMessage { offset: 3, mark: true });
    assert_eq!(metrics.consumed_messages.get(), 3);
    assert_eq!(metrics.dead_letters.get(), 1);
    assert_eq!(metrics.retried_messages.get(), 6, "without the one that has left");
    let lease = harness.take();
    assert_eq!(lease.messages().first_offset(), Some(4));
    lease.departed(Departure::RetryTopic);
    lease.departed(Departure::Skipped);
    drop(lease);
    assert_eq!(metrics.abandoned_batches.get(), 1);
    assert_eq!(metrics.retried_messages.get(), 12);
    assert_eq!((metrics.moved_messages.get(), metrics.skipped_messages.get()), (1, 1));
    let lease = harness.take();
    lease.seek(karafka_core::partition::Position::Offset(7), true);
    lease.settle(Settlement::Ack);
    assert_eq!(metrics.consumed_messages.get(), 6, "what is before the position");
    let lease = harness.take();
    assert_eq!(lease.messages().first_offset(), Some(7));
    lease.settle(Settlement::Ack);
    assert_eq!(metrics.consumed_messages.get(), 9, "all but the dead letter");
    assert_eq!(metrics.retried_messages.get(), 12);
    harness.stop();
}

fn in_lanes(topic: &str) -> karafka_core::config::TopicConfig {
    let mut config = topic_config(topic);
    config.parallel = Some(karafka_core::config::ParallelConfig {
        by: karafka_core::config::Spread::Key,
        limit: 4,
    });
    config
}

#[test]
fn lanes_count_each_message_once_however_often_they_fail() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..500);
    let group = kafka.group(vec![in_lanes(&topic)]);
    let metrics = counted(&group, &topic);
    let harness = Harness::start(engine_config(vec![group]), 4, |lease| {
        let fails =
            lease.kind() == Kind::Consume && lease.attempt() == 1 && lease.messages().first_offset() < Some(100);
        lease.settle(match fails {
            true => Settlement::Retry {
                wait: Wait::For(Duration::from_millis(1)),
                alone: false,
            },
            false => Settlement::Ack,
        });
    });
    wait_until("all are consumed", || metrics.consumed_messages.get() == 500);
    assert!(metrics.retried_messages.get() > 0);
    harness.stop();
    assert_eq!(metrics.consumed_messages.get(), 500);
}

#[test]
fn a_stuck_batch_and_an_event_that_nobody_takes_fail_the_probe_and_say_why() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let config = ObserverConfig {
        consuming_ttl_ms: Some(200),
        ..ObserverConfig::default()
    };
    let observer = observer(&harness, config);
    harness.engine.enter_worker(7);
    let lease = harness.take();
    lease.set_place(karafka_core::workers::Place {
        class: "OrdersConsumer".to_owned(),
        file: Some("app/orders_consumer.rb".to_owned()),
        line: Some(31),
    });
    let shown = state(&observer);
    let worker = &shown["workers"][0];
    assert_eq!(
        (&worker["worker"], &worker["state"]),
        (&7.into(), &"busy".into()),
        "{shown}"
    );
    assert_eq!(worker["work"]["consumer"]["line"], 31);
    assert_eq!(worker["work"]["first_offset"], 0);
    let leases = &of_topic(&shown, &topic)["partition_states"][0]["leases"];
    assert_eq!(leases[0]["consumer"]["class"], "OrdersConsumer");
    assert!(observer.live().ok);
    wait_until("it takes too long", || !observer.live().ok);
    let verdict = observer.live();
    assert_eq!(verdict.reasons[0].reason, "lease_over_limit");
    assert!(verdict.reasons[0].message.contains("OrdersConsumer"), "{verdict:?}");
    lease.settle(Settlement::Ack);
    assert!(observer.live().ok);
    harness.engine.leave_worker();
    assert!(state(&observer)["workers"].as_array().unwrap().is_empty());
    // The observer does not keep it alive.
    let _engine = harness.engine.clone();
    harness.stop();
    assert_eq!(observer.live().state, "stopping");
    assert!(observer.live().ok, "a stop has its own limit");
    assert!(!observer.ready().ok);
}

#[test]
fn it_is_ready_once_it_is_assigned_and_its_lag_is_small() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..100);
    let lonely = Observer::new(ObserverConfig::default());
    assert_eq!(lonely.ready().reasons[0].reason, "starting");
    assert!(lonely.live().ok);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let config = ObserverConfig {
        ready_lag: Some(10),
        ..ObserverConfig::default()
    };
    let observer = observer(&harness, config);
    wait_until("only lag is in its way", || {
        observer
            .ready()
            .reasons
            .iter()
            .all(|one| one.reason == "lag" && one.message.contains(" is 100,"))
    });
    assert!(!observer.ready().ok);
    let harness = harness.with_workers(1, ack);
    wait_until("it has caught up", || observer.ready().ok);
    harness.stop();
}

/// UNKNOWN_MEMBER_ID: the broker has thrown this member out.
const THROWN_OUT: i32 = 25;
/// GROUP_AUTHORIZATION_FAILED: and does not take it back.
const REFUSED: i32 = 30;

#[test]
fn it_is_not_ready_while_its_partitions_are_lost() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let group = kafka.group(vec![topic_config(&topic)]);
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    let observer = observer(&harness, ObserverConfig::default());
    wait_until("it is ready", || observer.ready().ok);
    kafka.refuse("join_group", &[REFUSED; 3]);
    kafka.refuse("heartbeat", &[THROWN_OUT]);
    wait_until("the loss", || {
        let lost = |event: &Event| matches!(event, Event::Revoked { lost: true, .. });
        harness.log.has_event(lost)
    });
    let verdict = observer.ready();
    assert_eq!(verdict.reasons.first().map(|one| one.reason), Some("not_assigned"));
    assert!(observer.live().ok, "it may come back");
    assert_eq!(state(&observer)["groups"][0]["clients"][0]["lost"], true);
    wait_until("it is ready again", || observer.ready().ok);
    assert_eq!(state(&observer)["groups"][0]["clients"][0]["lost"], false);
}

#[test]
fn a_thousand_partitions_are_shown_in_time() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1_000);
    kafka.fill(&topic, 1_000, 0..10_000);
    let group = kafka.group(vec![topic_config(&topic)]);
    let metrics = counted(&group, &topic);
    let harness = Harness::start(engine_config(vec![group]), 2, ack);
    wait_until("all are consumed", || metrics.consumed_messages.get() == 10_000);
    let observer = observer(&harness, ObserverConfig::default());
    let took = |what: &dyn Fn() -> usize| {
        let times = (0..5).map(|_| {
            let began = Instant::now();
            assert!(what() > 0);
            began.elapsed()
        });
        times.min().unwrap()
    };
    let shown = observer.metrics(karafka_core::observe::Format::Plain);
    let mut heads: Vec<_> = shown.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let count = heads.len();
    heads.sort_unstable();
    heads.dedup();
    assert_eq!(heads.len(), count, "all samples of a metric stand together");
    let text = took(&|| observer.metrics(karafka_core::observe::Format::Plain).len());
    let summary = took(&|| observer.state(karafka_core::observe::Detail::Summary).len());
    let full = took(&|| observer.state(karafka_core::observe::Detail::Full).len());
    println!("1,000 partitions: /metrics {text:?}, summary {summary:?}, state {full:?}");
    // Of a build without optimisation, on a busy machine; release builds have to be within 100 and 20 ms.
    assert!(text < Duration::from_secs(2) && summary < Duration::from_secs(2));
    harness.stop();
}

#[test]
fn rates_say_how_many_messages_come_and_go() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let group = kafka.group(vec![topic_config(&topic)]);
    let harness = Harness::start(engine_config(vec![group]), 1, ack);
    let observer = observer(&harness, ObserverConfig::default());
    wait_until("the end is known", || of_topic(&state(&observer), &topic)["lag"] == 0);
    let rate = |name: &str| of_topic(&state(&observer), &topic)[name].as_f64().unwrap_or(0.0);
    wait_until("both are known", || {
        kafka.fill(&topic, 1, 0..10);
        rate("rate_in") > 0.0 && rate("rate_out") > 0.0
    });
    harness.stop();
}
