//! A stop and quiet times reach all lanes.

use std::collections::HashSet;
use std::time::Duration;

use karafka_core::config::Spread;
use karafka_core::lease::{Kind, Lease};

use super::{fill_keyed, parallel};
use crate::common::*;

#[test]
fn a_stop_waits_for_all_that_is_out_and_commits_it() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    fill_keyed(&kafka, &topic, 1, 10, 0..10);
    let group = kafka.group(vec![parallel(&topic, Spread::Key, 10, 1)]);
    let id = group.id.clone();
    let harness = Harness::without_workers(engine_config(vec![group]));
    let leases: Vec<Lease> = (0..3).map(|_| harness.take()).collect();
    harness.engine.stop();
    stays("leases are out", Duration::from_millis(200), || {
        !harness.engine.join(Duration::ZERO).unwrap()
    });
    leases.iter().for_each(|lease| {
        assert!(lease.ack());
    });
    let (_, log) = harness
        .with_workers(2, |lease| {
            lease.release();
        })
        .stop();
    assert_eq!(kafka.committed(&id, &topic, 0), Some(3));
    assert_eq!(log.count(Kind::Shutdown), 3);
}

#[test]
fn each_lane_hears_of_quiet_times_and_one_of_the_end() {
    while_time_goes_on(|| {
        let kafka = Kafka::mock(1);
        let topic = kafka.topic(1);
        fill_keyed(&kafka, &topic, 1, 10, 0..10);
        let mut config = parallel(&topic, Spread::Key, 3, 1);
        config.eofed = true;
        config.idle_after_ms = Some(100);
        let group = kafka.group(vec![config]);
        let harness = Harness::without_workers(engine_config(vec![group]));
        let leases: Vec<Lease> = (0..3).map(|_| harness.take()).collect();
        drop(leases.iter().map(Lease::ack).collect::<Vec<_>>());
        let harness = harness.with_workers(3, ack);
        wait_until("idle", || harness.log.count(Kind::Idle) == 3);
        wait_until("the end", || harness.log.count(Kind::Eofed) == 1);
        stays("once", Duration::from_millis(300), || {
            harness.log.count(Kind::Idle) == 3
        });
        let (_, log) = harness.stop();
        assert_eq!(log.count(Kind::Eofed), 1);
        let idle: HashSet<u64> = log.of(Kind::Idle).iter().map(|seen| seen.id).collect();
        assert_eq!(idle.len(), 3);
    });
}
