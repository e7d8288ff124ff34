//! The order of each key holds, no commit passes an unprocessed message, and nothing comes twice, whatever happens.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::Spread;
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};
use parking_lot::Mutex;

use super::{fill_keyed, parallel};
use crate::common::*;
use crate::{on_both, real_kafka};

/// What was processed by anybody, and by whom it is processed now.
#[derive(Default)]
struct Ledger {
    done: Processed,
    busy: Mutex<HashSet<(i32, String)>>,
    repeated: Mutex<Vec<i64>>,
}

impl Ledger {
    fn keys(lease: &Lease) -> HashSet<(i32, String)> {
        let keys = (0..lease.messages().len()).filter_map(|index| lease.messages().key(index));
        keys.map(|key| (lease.partition().number, String::from_utf8_lossy(key).into_owned()))
            .collect()
    }

    /// Nobody else has a message of these keys, and all earlier ones of them are processed.
    fn begin(&self, lease: &Lease, count_of_keys: i64) {
        let mut busy = self.busy.lock();
        for key in Self::keys(lease) {
            assert!(
                busy.insert(key.clone()),
                "{key:?} twice at once, in assignment {}",
                lease.assignment_id()
            );
        }
        let partition = lease.partition().number;
        let own = offsets(lease);
        for (index, offset) in own.iter().enumerate() {
            if lease.messages().key(index).is_none() {
                continue;
            }
            let before = offset - count_of_keys;
            let known = before < 0 || own.contains(&before) || self.done.has(partition, before);
            let id = lease.assignment_id();
            assert!(
                known,
                "{partition}: {offset} before {before}, of {own:?} in assignment {id}"
            );
        }
    }

    fn process(&self, lease: &Lease, count: usize) {
        for offset in &offsets(lease)[..count] {
            if !self.done.add(lease.partition().number, *offset) {
                self.repeated.lock().push(*offset);
            }
        }
    }

    fn end(&self, lease: &Lease) {
        let mut busy = self.busy.lock();
        Self::keys(lease).iter().for_each(|key| {
            busy.remove(key);
        });
    }
}

/// Does random things to each batch: all of it, a part and then a failure, nothing and a failure, a worker that dies.
fn careless(ledger: Arc<Ledger>, dice: Arc<Mutex<Dice>>, keys: i64) -> impl Fn(Lease) + Send + Sync {
    move |lease: Lease| {
        if lease.kind() != Kind::Consume {
            lease.release();
            return;
        }
        ledger.begin(&lease, keys);
        let (outcome, part) = {
            let mut dice = dice.lock();
            (dice.below(20), dice.below(lease.messages().len() as u64 + 1) as usize)
        };
        std::thread::park_timeout(Duration::from_micros(outcome * 100));
        let all = offsets(&lease);
        let whole = outcome < 14;
        let marked = if whole { all.len() } else { part };
        ledger.process(&lease, marked);
        // A mark lets the next messages of these keys go out.
        ledger.end(&lease);
        if !whole && marked > 0 {
            lease.mark(all[marked - 1]);
        }
        match outcome {
            0..=13 => {
                lease.ack();
            }
            14..=17 => {
                lease.nack();
            }
            // Abandoned.
            _ => drop(lease),
        }
    }
}

fn committed_everywhere(kafka: &Kafka, group: &str, topic: &str, partitions: i32, total: i64) -> bool {
    (0..partitions).all(|partition| kafka.committed(group, topic, partition) == Some(total / i64::from(partitions)))
}

on_both! {
    fn the_order_of_each_key_holds_whatever_happens(kafka) {
        let topic = kafka.topic(1);
        let mut dice = Dice::new();
        let (keys, workers, limit) = (2 + dice.below(30), 2 + dice.below(8), 1 + dice.below(12));
        fill_keyed(kafka, &topic, 1, keys, 0..3_000);
        let group = kafka.group(vec![parallel(&topic, Spread::Key, limit as usize, 20)]);
        let id = group.id.clone();
        let ledger = Arc::new(Ledger::default());
        let work = careless(ledger.clone(), Arc::new(Mutex::new(dice)), keys as i64);
        let harness = Harness::start(engine_config(vec![group]), workers as usize, work);
        wait_until("everything is processed", || ledger.done.count() == 3_000);
        wait_until("everything is committed", || kafka.committed(&id, &topic, 0) == Some(3_000));
        let (_, log) = harness.stop();
        ledger.done.check_commits(&log);
        // Only what was processed and not marked may come twice.
        assert!(ledger.repeated.lock().is_empty(), "{:?}", ledger.repeated.lock());
        let lanes: HashSet<u64> = log.of(Kind::Shutdown).iter().map(|seen| seen.id).collect();
        assert_eq!(lanes.len(), log.count(Kind::Shutdown), "one farewell for each lane");
        let used: HashSet<u64> = log.of(Kind::Consume).iter().map(|seen| seen.id).collect();
        assert_eq!(used, lanes);
        assert!(used.len() <= limit as usize);
    }

    fn the_host_says_what_keeps_its_order(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 1, 0..300);
        let group = kafka.group(vec![parallel(&topic, Spread::Host, 4, 10)]);
        let id = group.id.clone();
        let asked = AtomicBool::new(false);
        let bad = Arc::new(Mutex::new(Vec::new()));
        let found = bad.clone();
        let last = Mutex::new(HashMap::new());
        let harness = Harness::start(engine_config(vec![group]), 6, move |lease| match lease.kind() {
            Kind::Keys if !asked.swap(true, Ordering::SeqCst) => {
                lease.nack();
            }
            Kind::Keys => {
                let keys: Vec<_> = offsets(&lease).iter().map(|offset| Some(offset % 7)).collect();
                lease.spread(&keys);
                lease.release();
            }
            _ => {
                for offset in offsets(&lease) {
                    if last.lock().insert(offset % 7, offset).is_some_and(|last| last > offset) {
                        bad.lock().push(offset);
                    }
                }
                lease.ack();
            }
        });
        wait_until("everything", || kafka.committed(&id, &topic, 0) == Some(300));
        harness.stop();
        assert!(found.lock().is_empty(), "{:?}", found.lock());
    }
}

/// One member stays, others join and leave; leases of several lanes are out all the time.
fn churn(kafka: &Kafka, settings: &[(&str, &str)]) {
    const PARTITIONS: u64 = 3;
    const KEYS: u64 = 10;
    let topic = kafka.topic(PARTITIONS as i32);
    // Nothing is processed twice, and no order is lost, as long as nobody is thrown out and every lease has the time it
    // needs: a busy machine stands still for longer than the short times of other tests.
    let patient = with(
        kafka.group(vec![parallel(&topic, Spread::Key, 4, 5)]),
        &[("session.timeout.ms", "20000")],
    );
    let group = with(patient, settings);
    let ledger = Arc::new(Ledger::default());
    let dice = Arc::new(Mutex::new(Dice::new()));
    let member = || {
        let work = careless(ledger.clone(), dice.clone(), KEYS as i64);
        let mut config = engine_config(vec![group.clone()]);
        config.revocation_grace_ms = 30_000;
        Harness::start(config, 6, work)
    };
    let disturbed = |log: &Log| {
        log.has_event(|event| match event {
            Event::Revoked { lost, .. } => *lost,
            Event::Committed { error, offsets, .. } => error.is_some() || offsets.iter().any(|row| row.error.is_some()),
            _ => false,
        })
    };
    let mut was_disturbed = false;
    let mut sent = 0;
    let mut fill = |count: u64| {
        fill_keyed(kafka, &topic, PARTITIONS, KEYS, sent..sent + count);
        sent += count;
        sent as usize
    };
    fill(6_000);
    let stays = member();
    stays.wait_for_assignment(PARTITIONS as usize);
    for _ in 0..3 {
        let guest = member();
        fill(1_500);
        wait_until("the guest works", || {
            let works = guest.log.messages() > 0;
            if !works {
                // The other one may have done everything before the guest was there.
                fill(30);
                std::thread::park_timeout(Duration::from_millis(50));
            }
            works
        });
        let (_, log) = guest.stop();
        was_disturbed |= disturbed(&log);
        ledger.done.check_commits(&log);
        ledger.done.check_commits(&stays.log);
    }
    let total = fill(600);
    wait_until("everything is processed", || ledger.done.count() == total);
    wait_until("everything is committed", || {
        committed_everywhere(kafka, &group.id, &topic, PARTITIONS as i32, total as i64)
    });
    let (_, log) = stays.stop();
    ledger.done.check_commits(&log);
    let repeated = ledger.repeated.lock();
    if was_disturbed || disturbed(&log) {
        eprintln!(
            "a commit failed, or somebody was thrown out: {} messages came twice",
            repeated.len()
        );
    } else {
        assert!(repeated.is_empty(), "{repeated:?}; errors {:?}", log.error_codes());
    }
}

#[test]
fn lanes_go_and_come_with_the_partition_on_real_kafka() {
    let kafka = real_kafka!("lanes_go_and_come_with_the_partition_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "range")]);
}

#[test]
fn lanes_go_and_come_with_the_partition_cooperatively_on_real_kafka() {
    let kafka = real_kafka!("lanes_go_and_come_with_the_partition_cooperatively_on_real_kafka");
    churn(&kafka, &[("partition.assignment.strategy", "cooperative-sticky")]);
}
