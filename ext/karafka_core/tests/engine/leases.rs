//! A lease is settled once, by anybody, or comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::config::{ParallelConfig, Spread};
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease, Wait};
use parking_lot::Mutex;

use crate::common::*;

/// Less than the poller's look-around, which would find what nobody has woken for.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Most times; on a busy machine at one of ten looks.
fn at_once(mut once: impl FnMut() -> Duration) {
    let took = shortest(AT_ONCE, || median((0..9).map(|_| once()).collect()));
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn an_abandoned_lease_is_reported_and_delivered_again() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&topic, 10)])]));
    let lease = harness.take();
    lease.mark(3);
    drop(lease);
    let again = harness.take();
    assert_eq!(
        again.messages().first_offset(),
        Some(4),
        "what was marked does not come again"
    );
    assert_eq!(again.messages().last_offset(), Some(9));
    again.ack();
    wait_until("the report", || {
        harness.log.has_event(|event| {
            matches!(
                event,
                Event::Abandoned {
                    partition: 0,
                    offset: 0,
                    ..
                }
            )
        })
    });
}

#[test]
fn a_lease_abandoned_by_another_thread_wakes_a_waiting_worker() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let kept: Arc<Mutex<Option<Lease>>> = Arc::default();
    let _harness = {
        let kept = kept.clone();
        let config = engine_config(vec![kafka.group(vec![topic_config(&topic)])]);
        Harness::start(config, 2, move |lease| {
            match lease.attempt() == 1 && lease.kind() == Kind::Consume {
                true if kept.lock().is_none() => *kept.lock() = Some(lease),
                _ => {
                    lease.ack();
                }
            }
        })
    };
    at_once(|| {
        wait_until("a lease is out", || kept.lock().is_some());
        // Both workers wait now; whoever settles does not take the next one itself.
        std::thread::park_timeout(Duration::from_millis(20));
        let lease = kept.lock().take();
        let dropped = Instant::now();
        drop(lease);
        wait_until("it comes again", || kept.lock().is_some());
        dropped.elapsed()
    });
    kept.lock().take().expect("a lease").ack();
}

#[test]
fn a_lease_settled_by_another_thread_lets_the_next_batch_go_at_once() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..1_000);
    let kept: Arc<Mutex<Vec<Lease>>> = Arc::default();
    let harness = {
        let kept = kept.clone();
        let mut small = topic_config(&topic);
        small.max_messages = 10;
        let config = engine_config(vec![kafka.group(vec![small])]);
        Harness::start(config, 2, move |lease| kept.lock().push(lease))
    };
    at_once(|| {
        wait_until("a lease is out", || !kept.lock().is_empty());
        std::thread::park_timeout(Duration::from_millis(20));
        let lease = kept.lock().remove(0);
        let (count, settled) = (harness.log.messages(), Instant::now());
        assert!(lease.ack());
        wait_until("the next batch", || harness.log.messages() > count);
        settled.elapsed()
    });
}

#[test]
fn a_worker_that_does_not_come_back_leaves_its_partition_to_the_others() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..200);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let lease = harness.take();
    let harness = harness.with_workers(1, ack);
    std::thread::park_timeout(Duration::from_millis(20));
    // This thread took it, so nobody is woken; and it takes no more.
    lease.ack();
    harness.wait_for_messages(200);
}

#[test]
fn the_second_settlement_is_ignored() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    // Several may come as several batches.
    kafka.fill(&topic, 1, 0..1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let lease = harness.take();
    assert!(!lease.is_settled());
    assert!(lease.ack());
    assert!(lease.is_settled());
    assert!(!lease.ack());
    assert!(!lease.release());
    assert_eq!(lease.nack(), None);
    drop(lease);
    assert!(
        harness.take_within(Duration::from_millis(300)).is_none(),
        "nothing comes again"
    );
    assert!(!harness.log.has_event(|event| matches!(event, Event::Abandoned { .. })));
}

#[test]
fn a_batch_stays_readable_after_its_lease_is_settled_and_the_engine_gone() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![whole_batches(&topic, 10)])]));
    let lease = harness.take();
    let messages = lease.messages().clone();
    lease.ack();
    drop(lease);
    let harness = harness.with_workers(1, ack);
    harness.stop();
    drop(kafka);
    let texts: Vec<_> = (0..10).map(|index| messages.payload(index).unwrap().to_vec()).collect();
    assert_eq!(texts[0], b"0");
    assert_eq!(texts[9], b"9");
}

#[test]
fn quiet_lets_leases_end_says_goodbye_once_and_keeps_the_assignment() {
    without_limit(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(2);
        kafka.fill(&topic, 2, 0..300);
        let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
        let leases = [harness.take(), harness.take()];
        // One of them waits for a retry when it gets quiet.
        leases[0].retry(Wait::UntilResumed, false);
        harness.engine.quiet();
        let goodbye = harness.take();
        assert_eq!(
            (goodbye.kind(), goodbye.partition().number),
            (Kind::Shutdown, leases[0].partition().number)
        );
        goodbye.ack();
        assert!(!harness.engine.state().unwrap().quiet, "a lease is out");
        leases[1].ack();
        let goodbye = harness.take();
        assert_eq!(
            (goodbye.kind(), goodbye.partition().number),
            (Kind::Shutdown, leases[1].partition().number)
        );
        assert!(!harness.engine.state().unwrap().quiet, "the last goodbye is out");
        goodbye.ack();
        wait_until("quiet", || harness.engine.state().unwrap().quiet);
        kafka.fill(&topic, 2, 300..310);
        assert!(harness.take_within(Duration::from_millis(300)).is_none());
        assert_eq!(harness.assigned(), 2);
        let harness = harness.with_workers(1, ack);
        let (took, log) = harness.stop();
        assert_eq!(log.count(Kind::Shutdown), 2, "not again");
        took
    });
}

#[test]
fn quiet_says_goodbye_to_each_lane() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..20);
    let mut config = topic_config(&topic);
    config.max_messages = 1;
    config.parallel = Some(ParallelConfig {
        by: Spread::None,
        limit: 2,
    });
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![config])]));
    let leases = [harness.take(), harness.take()];
    harness.engine.quiet();
    leases.iter().for_each(|lease| assert!(lease.ack()));
    let goodbyes = [harness.take(), harness.take()];
    assert!(goodbyes.iter().all(|lease| lease.kind() == Kind::Shutdown));
    goodbyes.iter().for_each(|lease| assert!(lease.ack()));
    let harness = harness.with_workers(1, ack);
    wait_until("quiet", || harness.engine.state().unwrap().quiet);
    assert_eq!(harness.stop().1.count(Kind::Shutdown), 2, "not again");
}

#[test]
fn the_state_shows_what_is_out() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..10);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let lease = harness.take();
    let state = harness.engine.state().unwrap();
    assert!(state.running);
    assert_eq!(state.leases.len(), 1);
    assert_eq!(&*state.leases[0].topic, topic.as_str());
    assert_eq!(state.leases[0].kind, "consume");
    assert_eq!(state.groups[0].assigned.len(), 2);
    lease.ack();
    assert!(harness.engine.state().unwrap().leases.is_empty());
}
