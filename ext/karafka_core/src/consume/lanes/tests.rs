#![allow(clippy::single_range_in_vec_init)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::consume::commit_metadata::{decode, encode, Origin, MAX_BYTES};
use crate::consume::partition::Position;

const EACH: (usize, usize) = (100, usize::MAX);

fn lanes(limit: usize, keys: impl IntoIterator<Item = u64>) -> Lanes<()> {
    let mut lanes = Lanes::new(limit);
    for (offset, key) in keys.into_iter().enumerate() {
        assert!(lanes.admit(offset as i64, Some(key), ()));
    }
    lanes
}

fn take(lanes: &mut Lanes<()>, now: Instant) -> Option<(usize, Vec<i64>, u32)> {
    let Pick::Lane(lane) = lanes.pick(now) else {
        return None;
    };
    let attempt = lanes.take(lane, now, EACH, |()| 1);
    Some((
        lane,
        lanes.entries(lane).iter().map(|entry| entry.offset).collect(),
        attempt,
    ))
}

#[test]
fn the_rest_of_a_key_waits_and_other_keys_go_on() {
    let now = Instant::now();
    let mut lanes = lanes(4, [7, 7, 8, 7]);
    assert_eq!(take(&mut lanes, now), Some((0, vec![0], 1)));
    assert_eq!(take(&mut lanes, now), Some((1, vec![2], 1)));
    assert_eq!(take(&mut lanes, now), None);
    lanes.ack(0);
    assert_eq!(take(&mut lanes, now), Some((0, vec![1], 1)));
    lanes.ack(0);
    assert_eq!(take(&mut lanes, now), Some((0, vec![3], 1)));
    lanes.ack(0);
    assert_eq!((lanes.acks.frontier(), lanes.acks.finished_beyond()), (2, vec![3..4]));
}

#[test]
fn messages_without_a_key_wait_for_nobody() {
    let now = Instant::now();
    let mut lanes = Lanes::new(3);
    (0..3).for_each(|offset| assert!(lanes.admit(offset, None, ())));
    for lane in 0..3 {
        assert_eq!(take(&mut lanes, now), Some((lane, vec![lane as i64], 1)));
    }
}

#[test]
fn what_failed_comes_one_by_one_in_its_lane_after_the_back_off() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let mut lanes = lanes(1, [1, 2, 3]);
    assert_eq!(take(&mut lanes, start), Some((0, vec![0, 1, 2], 1)));
    lanes.retry(0, start, second, true, |_| second);
    assert_eq!(lanes.pick(start), Pick::At(start + second));
    assert_eq!(take(&mut lanes, start + second), Some((0, vec![0], 2)));
    lanes.retry(0, start + second, 4 * second, true, |_| second);
    assert_eq!(take(&mut lanes, start + second), None, "the lane itself backs off");
    assert_eq!(
        take(&mut lanes, start + 2 * second),
        Some((0, vec![1], 2)),
        "its mates do not wait for it"
    );
    lanes.ack(0);
    assert_eq!(take(&mut lanes, start + 2 * second), Some((0, vec![2], 2)));
    lanes.ack(0);
    assert_eq!(lanes.pick(start + 2 * second), Pick::At(start + 5 * second));
    assert_eq!(take(&mut lanes, start + 5 * second), Some((0, vec![0], 3)));
    lanes.skip_message(0, 0, true, start);
    assert!(lanes.is_idle());
    assert_eq!(lanes.acks.frontier(), 3);
}

#[test]
fn a_mark_does_not_finish_what_failed() {
    let now = Instant::now();
    let mut lanes = lanes(1, [1, 2]);
    assert_eq!(take(&mut lanes, now), Some((0, vec![0, 1], 1)));
    lanes.retry(0, now, Duration::ZERO, true, |_| Duration::ZERO);
    assert!(lanes.admit(2, Some(3), ()));
    assert_eq!(take(&mut lanes, now), Some((0, vec![0], 2)));
    lanes.retry(0, now, Duration::from_secs(9), true, |_| Duration::ZERO);
    assert_eq!(take(&mut lanes, now), Some((0, vec![1], 2)));
    lanes.mark(0, 1);
    lanes.release(0);
    assert_eq!((lanes.acks.frontier(), lanes.acks.finished_beyond()), (0, vec![1..2]));
}

#[test]
fn a_key_whose_messages_the_consumer_holds_stays_with_its_lane() {
    let now = Instant::now();
    let mut lanes = lanes(2, [1]);
    assert_eq!(take(&mut lanes, now), Some((0, vec![0], 1)));
    lanes.release(0);
    assert!(lanes.admit(2, Some(1), ()));
    assert_eq!(take(&mut lanes, now), Some((0, vec![2], 1)));
    assert_eq!(take(&mut lanes, now), None, "not in another lane");
    lanes.mark(0, 2);
    lanes.release(0);
    assert_eq!(lanes.acks.frontier(), 3);
}

/// A small generator of random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A log of a partition and what a group has committed for it.
struct World {
    dice: Dice,
    keys: BTreeMap<i64, Option<u64>>,
    committed: (i64, Option<String>),
    processed: BTreeMap<i64, usize>,
    kills: usize,
}

impl World {
    /// One process until it is killed, or until all is done: true.
    fn live(&mut self, limit: usize) -> bool {
        let mut now = Instant::now();
        let mut lanes: Lanes<()> = Lanes::new(limit);
        let (from, metadata) = self.committed.clone();
        let finished = decode(from, metadata.as_deref().unwrap_or_default()).finished;
        lanes.acks.restore(finished.clone());
        let log: Vec<(i64, Option<u64>)> = self.keys.range(from..).map(|(offset, key)| (*offset, *key)).collect();
        let mut log = log.into_iter();
        let mut seeks = self.dice.below(6);
        let mut done: BTreeSet<i64> = self.processed.keys().copied().filter(|offset| *offset < from).collect();
        done.extend(finished.into_iter().flatten());
        let mut out: Vec<usize> = Vec::new();
        let mut handed: BTreeSet<i64> = BTreeSet::new();
        // Positions that lanes want, and what those have processed.
        let mut requests: Vec<(i64, i64)> = Vec::new();
        let mut later: Vec<i64> = Vec::new();
        let last = *self.keys.keys().last().expect("messages");
        // A seek beyond the last message: what it skipped is not committed before a message comes there.
        let mut beyond = false;
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            assert!(Instant::now() < deadline, "no end: {lanes:?}");
            if out.is_empty() {
                if let Some((target, std::cmp::Reverse(behind))) = requests
                    .iter()
                    .map(|(target, behind)| (*target, std::cmp::Reverse(*behind)))
                    .min()
                {
                    lanes.take_seeks();
                    assert_eq!(lanes.go_to(target, behind), target);
                    beyond = target > last;
                    let before: Vec<i64> = later.drain(..).filter(|offset| *offset < target).collect();
                    before.iter().for_each(|offset| {
                        *self.processed.entry(*offset).or_default() += 1;
                    });
                    done.extend(before);
                    // Nobody has had them yet: so the seek skips them.
                    for (offset, _) in self.keys.range(behind + 1..target.max(behind + 1)) {
                        if !done.contains(offset) && !handed.contains(offset) {
                            self.processed.entry(*offset).or_default();
                            done.insert(*offset);
                        }
                    }
                    done.split_off(&target);
                    handed.split_off(&target);
                    requests.clear();
                    let again: Vec<_> = self.keys.range(target..).map(|(offset, key)| (*offset, *key)).collect();
                    log = again.into_iter();
                    seeks -= 1;
                }
            }
            match self.dice.below(20) {
                0..=11 if !requests.is_empty() => {}
                0..=5 => {
                    for (offset, key) in log.by_ref().take(1 + self.dice.0 as usize % 30) {
                        let fresh = lanes.admit(offset, key, ());
                        assert_eq!(fresh, !done.contains(&offset), "{offset}");
                    }
                }
                6..=11 => {
                    if let Pick::Lane(lane) = lanes.pick(now) {
                        let most = 1 + self.dice.below(20);
                        lanes.take(lane, now, (most, 50), |()| 1);
                        let offsets: Vec<i64> = lanes.entries(lane).iter().map(|entry| entry.offset).collect();
                        assert!(!offsets.is_empty() && offsets.len() <= most && offsets.is_sorted());
                        for offset in &offsets {
                            assert!(!done.contains(offset), "{offset} was finished");
                            let key = self.keys[offset];
                            let before = self
                                .keys
                                .range(from..*offset)
                                .filter(|(_, other)| key.is_some() && **other == key);
                            for (earlier, _) in before {
                                assert!(
                                    done.contains(earlier) || offsets.contains(earlier),
                                    "{offset} before {earlier}"
                                );
                            }
                        }
                        handed.extend(offsets.iter().copied());
                        out.push(lane);
                    }
                }
                12..=17 if !out.is_empty() => {
                    let lane = out.swap_remove(self.dice.below(out.len()));
                    let offsets: Vec<i64> = lanes.entries(lane).iter().map(|entry| entry.offset).collect();
                    if seeks > 0 && !offsets.is_empty() && self.dice.below(8) == 0 {
                        let near = *self.dice.pick(&offsets);
                        let target = (near + self.dice.below(60) as i64 - 30).max(from);
                        let last = offsets[offsets.len() - 1];
                        let position = Position::Offset(target);
                        lanes.request_seek(
                            lane,
                            SeekRequest {
                                position,
                                behind: last,
                                forgets: true,
                            },
                        );
                        requests.push((target, last));
                        if self.dice.below(3) > 0 {
                            later.extend(&offsets);
                            lanes.ack(lane);
                            continue;
                        }
                    }
                    let marked = match self.dice.below(4) {
                        0 => self.dice.below(offsets.len() + 1),
                        1 => 0,
                        _ => offsets.len(),
                    };
                    for offset in &offsets[..marked] {
                        *self.processed.entry(*offset).or_default() += 1;
                        done.insert(*offset);
                    }
                    if marked == offsets.len() && lanes.sought(lane).is_none() {
                        lanes.ack(lane);
                    } else {
                        if marked > 0 {
                            lanes.mark(lane, offsets[marked - 1]);
                        }
                        let wait = Duration::from_millis(self.dice.below(50) as u64);
                        lanes.retry(lane, now, wait, true, |_| wait / 2);
                    }
                }
                18 => now += Duration::from_millis(self.dice.below(100) as u64),
                19 => {
                    let frontier = lanes.acks.frontier();
                    if frontier >= 0 {
                        let undone = self
                            .keys
                            .range(from..frontier)
                            .find(|(offset, _)| !done.contains(offset));
                        assert_eq!(undone, None, "committed {frontier}");
                        let metadata = encode(
                            frontier,
                            &lanes.acks.finished_beyond(),
                            None,
                            &Origin::default(),
                            MAX_BYTES,
                        );
                        let told = decode(frontier, metadata.as_deref().unwrap_or_default()).finished;
                        let wrong = told
                            .into_iter()
                            .flatten()
                            .find(|offset| self.keys.contains_key(offset) && !done.contains(offset));
                        assert_eq!(wrong, None, "committed as finished");
                        self.committed = (frontier, metadata);
                    }
                    if self.kills > 0 && self.dice.below(40) == 0 {
                        self.kills -= 1;
                        return false;
                    }
                    if log.len() == 0 && lanes.is_idle() && (beyond || frontier.max(from) > last) {
                        return true;
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_order_of_each_key_holds_and_nothing_is_lost_or_committed_unfinished() {
    let given = std::env::var("KARAFKA_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed: u64 = given.unwrap_or(since.map_or(1, |since| since.as_nanos() as u64 | 1));
    eprintln!("KARAFKA_TEST_SEED={seed}");
    let mut dice = Dice(seed);
    for _ in 0..60 {
        let (limit, keys) = (1 + dice.below(20), 1 + dice.below(40));
        let mut log = BTreeMap::new();
        let mut offset = dice.below(1_000) as i64;
        let first = offset;
        for _ in 0..dice.below(600) + 1 {
            let key = dice.below(keys + 1) as u64;
            log.insert(offset, (key > 0).then_some(key));
            // Now and then offsets are missing.
            offset += 1 + (dice.below(10) / 9 * dice.below(5)) as i64;
        }
        let mut world = World {
            dice: Dice(dice.0 | 1),
            keys: log,
            committed: (first, None),
            processed: BTreeMap::new(),
            kills: dice.below(5),
        };
        while !world.live(limit) {}
        assert!(world.keys.keys().all(|offset| world.processed.contains_key(offset)));
        dice = Dice(world.dice.0 | 1);
    }
}
