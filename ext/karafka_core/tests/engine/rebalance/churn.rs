//! Members join and leave under load.

use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::lease::Kind;
use karafka_core::partition::Position;
use parking_lot::Mutex;

use super::group;
use crate::common::*;
use crate::real_kafka;

/// One member stays, others join and leave while messages come in.
fn churn(kafka: &Kafka, settings: &[(&str, &str)], rounds: usize) {
    let topic = kafka.topic(6);
    let group = with(group(kafka, &topic), settings);
    let ledger = Arc::new(Processed::default());
    let dice = Arc::new(Mutex::new(Dice::new()));
    let member = || {
        let (ledger, dice) = (ledger.clone(), dice.clone());
        Harness::start(engine_config(vec![group.clone()]), 2, move |lease| {
            let outcome = dice.lock().below(20);
            if lease.kind() == Kind::Consume {
                // Some work.
                std::thread::park_timeout(Duration::from_millis(outcome / 4));
                if outcome == 19 {
                    lease.nack();
                    return;
                }
                for offset in offsets(&lease) {
                    ledger.add(lease.partition().number, offset);
                }
                if outcome == 16 {
                    // Once more from the start of this batch.
                    lease.seek(Position::Offset(lease.messages().first_offset().unwrap()), true);
                }
                if outcome == 17 {
                    lease.pause(None, Some(Duration::from_millis(5)));
                }
                if outcome == 18 {
                    return; // abandoned after the work was done
                }
            }
            lease.ack();
        })
    };
    let mut sent = 0;
    let mut fill = |count: u64| {
        kafka.fill(&topic, 6, sent..sent + count);
        sent += count;
        sent as usize
    };
    fill(6_000);
    let stays = member();
    wait_until("the first assignment", || stays.log.has_event(is_assigned));
    for _ in 0..rounds {
        let guest = member();
        fill(1_200);
        wait_until("the guest has partitions", || guest.log.has_event(is_assigned));
        fill(1_200);
        wait_until("the guest works", || guest.log.messages() > 0);
        ledger.check_commits(&guest.log);
        let (_, log) = guest.stop();
        ledger.check_commits(&log);
        ledger.check_commits(&stays.log);
    }
    let total = fill(600);
    let deadline = Instant::now() + LONG;
    while ledger.count() < total {
        if Instant::now() > deadline {
            let done: Vec<_> = (0..6)
                .map(|partition| {
                    let committed = kafka.committed(&group.id, &topic, partition);
                    let processed = ledger.count_of(partition);
                    (partition, processed, committed)
                })
                .collect();
            let errors = stays.log.error_codes();
            panic!(
                "{} of {total} processed: {done:?}; errors {errors:?}; {:?}",
                ledger.count(),
                stays.engine.state()
            );
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    wait_until("all partitions are back", || stays.assigned() == 6);
    // What was sought back is processed again before it counts.
    wait_until("everything is committed", || {
        (0..6).all(|partition| kafka.committed(&group.id, &topic, partition) == Some(total as i64 / 6))
    });
    let (_, log) = stays.stop();
    ledger.check_commits(&log);
    for partition in 0..6 {
        assert_eq!(
            kafka.committed(&group.id, &topic, partition),
            Some(total as i64 / 6),
            "partition {partition}"
        );
    }
}

#[test]
fn members_join_and_leave_under_load_on_the_mock() {
    while_time_goes_on(|| {
        churn(&Kafka::mock(1), &[("partition.assignment.strategy", "range")], 2);
    });
}

// Not on the mock: its cooperative rebalances wait out the session timeout each time somebody leaves.
#[test]
fn members_join_and_leave_under_load_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "range")], 4);
}

#[test]
fn members_join_and_leave_under_load_cooperatively_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_cooperatively_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "cooperative-sticky")], 4);
}

#[test]
fn members_join_and_leave_under_load_with_kip_848_on_real_kafka() {
    let kafka = real_kafka!("members_join_and_leave_under_load_with_kip_848_on_real_kafka");
    churn(&kafka, &KIP_848, 3);
}
