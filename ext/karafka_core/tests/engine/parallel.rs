//! One partition, several leases out: the order of each key holds, a commit never passes an unprocessed message, and what
//! was processed beyond it does not come again.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::{GroupConfig, ParallelConfig, Spread, TopicConfig};
use karafka_core::event::Event;
use karafka_core::lease::{Kind, Lease};
use karafka_core::partition::Position;
use parking_lot::Mutex;

use crate::common::*;
use crate::{on_both, real_kafka};

fn parallel(topic: &str, by: Spread, limit: usize, max_messages: usize) -> TopicConfig {
    TopicConfig {
        parallel: Some(ParallelConfig { by, limit }),
        max_messages,
        pause_timeout_ms: 5,
        ..topic_config(topic)
    }
}

/// The key is the number modulo `keys`; 0 is sent without one.
fn fill_keyed(kafka: &Kafka, topic: &str, partitions: u64, keys: u64, numbers: std::ops::Range<u64>) {
    let sender = kafka.producer();
    for number in numbers {
        let key = number / partitions % keys;
        sender.send(&Message {
            partition: (number % partitions) as i32,
            key: (key > 0).then(|| key.to_string().into_bytes()),
            payload: Some(number.to_string().into_bytes()),
            ..Message::to(topic)
        });
    }
    sender.flush();
}

fn offsets(lease: &Lease) -> Vec<i64> {
    (0..lease.messages().len())
        .filter_map(|index| lease.messages().offset(index))
        .collect()
}

/// What was processed by anybody, and by whom it is processed now.
#[derive(Default)]
struct Ledger {
    done: Mutex<HashMap<i32, HashSet<i64>>>,
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
        let done = self.done.lock();
        let done = done.get(&lease.partition().number);
        let own = offsets(lease);
        for (index, offset) in own.iter().enumerate() {
            if lease.messages().key(index).is_none() {
                continue;
            }
            let before = offset - count_of_keys;
            let known = before < 0 || own.contains(&before) || done.is_some_and(|done| done.contains(&before));
            let (partition, id) = (lease.partition().number, lease.assignment_id());
            assert!(
                known,
                "{partition}: {offset} before {before}, of {own:?} in assignment {id}"
            );
        }
    }

    fn process(&self, lease: &Lease, count: usize) {
        let mut done = self.done.lock();
        let done = done.entry(lease.partition().number).or_default();
        for offset in &offsets(lease)[..count] {
            if !done.insert(*offset) {
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

    fn count(&self) -> usize {
        self.done.lock().values().map(HashSet::len).sum()
    }

    fn check_commits(&self, log: &Log) {
        let events: Vec<Event> = log.events.lock().clone();
        let done = self.done.lock();
        for event in events {
            let Event::Committed {
                offsets, error: None, ..
            } = event
            else {
                continue;
            };
            for row in offsets.iter().filter(|row| row.offset > 0) {
                let done = done.get(&row.partition);
                let missing = (0..row.offset).find(|offset| !done.is_some_and(|done| done.contains(offset)));
                assert_eq!(missing, None, "{} was committed up to {}", row.partition, row.offset);
            }
        }
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
        wait_until("everything is processed", || ledger.count() == 3_000);
        wait_until("everything is committed", || kafka.committed(&id, &topic, 0) == Some(3_000));
        let (_, log) = harness.stop();
        ledger.check_commits(&log);
        // Only what was processed and not marked may come twice.
        assert!(ledger.repeated.lock().is_empty(), "{:?}", ledger.repeated.lock());
        let lanes: HashSet<u64> = log.of(Kind::Shutdown).iter().map(|seen| seen.id).collect();
        assert_eq!(lanes.len(), log.count(Kind::Shutdown), "one farewell for each lane");
        let used: HashSet<u64> = log.of(Kind::Consume).iter().map(|seen| seen.id).collect();
        assert_eq!(used, lanes);
        assert!(used.len() <= limit as usize);
    }

    fn what_was_finished_beyond_the_commit_does_not_come_again(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 100, 0..100);
        let group = kafka.group(vec![parallel(&topic, Spread::Key, 20, 1)]);
        let first = Harness::without_workers(engine_config(vec![group.clone()]));
        let leases: Vec<Lease> = (0..20).map(|_| first.take()).collect();
        let mut finished = Vec::new();
        for lease in leases.iter().filter(|lease| lease.messages().first_offset().unwrap() % 3 == 1) {
            finished.extend(offsets(lease));
            assert!(lease.mark_with(lease.messages().first_offset().unwrap(), "mine"));
        }
        assert!(leases[0].commit_sync().unwrap());
        assert_eq!(kafka.committed(&group.id, &topic, 0), Some(0));
        assert_eq!(leases[0].committed_metadata().unwrap().as_deref(), Some("mine"));
        // As if it was killed: nothing more is committed.
        first.engine.force_stop();
        drop(leases);
        drop(first);
        let second = Harness::without_workers(engine_config(vec![group]));
        let mut seen: Vec<i64> = Vec::new();
        while seen.len() < 100 - finished.len() {
            let lease = second.take();
            seen.extend(offsets(&lease));
            lease.ack();
        }
        seen.sort_unstable();
        let expected: Vec<i64> = (0..100).filter(|offset| !finished.contains(offset)).collect();
        assert_eq!(seen, expected);
        drop(second.with_workers(2, |lease| { lease.release(); }).stop());
    }

    fn a_seek_waits_for_what_is_out(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..50);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 5, 1)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let leases: Vec<Lease> = (0..5).map(|_| harness.take()).collect();
        assert!(leases[0].seek(Position::Offset(40)));
        leases[0].ack();
        assert!(harness.take_within(Duration::from_millis(300)).is_none(), "others are out");
        leases[1..].iter().for_each(|lease| { lease.ack(); });
        let next = harness.take();
        assert_eq!(next.messages().first_offset(), Some(40));
        assert!(kafka.committed(&id, &topic, 0).is_none_or(|offset| offset <= 40));
        next.ack();
        let log = harness.with_workers(3, |lease| { lease.ack(); });
        wait_until("the rest", || kafka.committed(&id, &topic, 0) == Some(50));
        assert!(log.log.offsets(0).iter().skip(5).all(|offset| *offset >= 40));
        log.stop();
    }

    fn a_seek_of_one_lane_skips_nothing_that_another_one_has_not_finished(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..6);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 4, 1)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let leases: Vec<Lease> = (0..4).map(|_| harness.take()).collect();
        assert_eq!(leases.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // The third one wants its message again; so does the last one, which is behind it.
        for (lease, offset) in [(&leases[3], 3), (&leases[2], 2)] {
            assert!(lease.seek(Position::Offset(offset)));
            assert_eq!(lease.seek_offset(), offset);
            lease.ack();
        }
        leases[1].release();
        assert!(leases[1].commit_sync().unwrap());
        assert!(kafka.committed(&id, &topic, 0).is_none(), "nothing is finished");
        leases[0].nack();
        let mut again: Vec<Lease> = Vec::new();
        while again.len() < 5 {
            again.push(harness.take());
            again.last().unwrap().ack();
        }
        let mut seen: Vec<i64> = again.iter().flat_map(offsets).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 2, 3, 4, 5]);
        assert!(leases[1].commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(1), "the consumer holds the second message");
        assert!(leases[1].mark(1) && leases[1].commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(6));
        drop(harness.with_workers(2, |lease| { lease.release(); }).stop());
    }

    fn a_seek_back_behind_what_is_committed_counts_from_there(kafka) {
        let topic = kafka.topic(1);
        fill_keyed(kafka, &topic, 1, 50, 0..6);
        let group = kafka.group(vec![parallel(&topic, Spread::None, 2, 3)]);
        let id = group.id.clone();
        let harness = Harness::without_workers(engine_config(vec![group]));
        let [first, second] = [harness.take(), harness.take()];
        first.ack();
        assert!(second.commit_sync().unwrap());
        let done = offsets(&first).len() as i64;
        assert_eq!(kafka.committed(&id, &topic, 0), Some(done));
        assert!(second.seek(Position::Earliest));
        second.ack();
        let again = harness.take();
        assert_eq!(again.messages().first_offset(), Some(0));
        assert!(again.commit_sync().unwrap());
        assert_eq!(kafka.committed(&id, &topic, 0), Some(done), "nothing is marked since");
        again.ack();
        let harness = harness.with_workers(2, |lease| { lease.ack(); });
        wait_until("the rest", || kafka.committed(&id, &topic, 0) == Some(6));
        harness.stop();
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
    let harness = harness.with_workers(3, |lease| {
        lease.ack();
    });
    wait_until("idle", || harness.log.count(Kind::Idle) == 3);
    stays("once", Duration::from_millis(300), || {
        harness.log.count(Kind::Idle) == 3
    });
    let (_, log) = harness.stop();
    assert_eq!(log.count(Kind::Eofed), 1);
    let idle: HashSet<u64> = log.of(Kind::Idle).iter().map(|seen| seen.id).collect();
    assert_eq!(idle.len(), 3);
}

/// One member stays, others join and leave; leases of several lanes are out all the time.
fn churn(kafka: &Kafka, settings: &[(&str, &str)]) {
    const PARTITIONS: u64 = 3;
    const KEYS: u64 = 10;
    let topic = kafka.topic(PARTITIONS as i32);
    let mut group: GroupConfig = kafka.group(vec![parallel(&topic, Spread::Key, 4, 5)]);
    // Nothing is processed twice, and no order is lost, as long as nobody is thrown out and every lease has the time it
    // needs: a busy machine stands still for longer than the short times of other tests.
    group.kafka.insert("session.timeout.ms".into(), "20000".into());
    for (key, value) in settings {
        match value.is_empty() {
            true => group.kafka.remove(*key),
            false => group.kafka.insert((*key).into(), (*value).into()),
        };
    }
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
        ledger.check_commits(&log);
        ledger.check_commits(&stays.log);
    }
    let total = fill(600);
    wait_until("everything is processed", || ledger.count() == total);
    wait_until("everything is committed", || {
        committed_everywhere(kafka, &group.id, &topic, PARTITIONS as i32, total as i64)
    });
    let (_, log) = stays.stop();
    ledger.check_commits(&log);
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

#[test]
fn a_pause_of_one_lane_skips_nothing_that_another_one_has_not_finished() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..3);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![parallel(
        &topic,
        Spread::None,
        3,
        1,
    )])]));
    let leases = [harness.take(), harness.take(), harness.take()];
    assert_eq!(leases.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2]);
    // Where the second and the third one want to go on, the first one has not finished.
    assert!(leases[1].pause(Some(1), Some(Duration::from_millis(20))));
    assert!(leases[2].pause(Some(2), Some(Duration::from_millis(20))));
    assert_eq!(leases[2].seek_offset(), 2);
    leases[1].ack();
    leases[2].ack();
    leases[0].nack();
    let again = [harness.take(), harness.take(), harness.take()];
    assert_eq!(again.iter().flat_map(offsets).collect::<Vec<_>>(), [0, 1, 2]);
}
