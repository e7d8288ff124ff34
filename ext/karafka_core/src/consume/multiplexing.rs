//! How many clients consume the topics of a subscription group that may have several ("multiplexing"): between a least and a
//! most, by how many partitions there are for them.
//!
//! One that has had no partition for a while goes. When all have one and some has more, another one comes. At most one
//! change in each `delay`, since each is a rebalance of the whole group. Where one goes soon after one came, that was in vain
//! (the partitions went to other members, or all to the new one): not again before this process has more partitions than then.
//!
//! Plain data behind a lock: the poll threads report what they have, and get an answer; the time comes from outside.

use std::time::{Duration, Instant};

use crate::base::sync::{Condvar, Mutex};
use crate::config::MultiplexingConfig;

/// This soon, or within this many delays, if that is longer. Joining a group takes its time.
const SOON: Duration = Duration::from_secs(60);
const SOON_DELAYS: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub min: usize,
    pub delay: Duration,
}

/// The answer to a client that reports how many partitions it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Nothing,
    /// To leave the group. The number that is left then.
    Leave(usize),
    /// Another one was woken. The number that runs now.
    Grown(usize),
}

#[derive(Debug)]
struct Place {
    runs: bool,
    partitions: usize,
    /// Since when it has none.
    empty_since: Instant,
}

#[derive(Debug)]
struct Table {
    places: Vec<Place>,
    changed_at: Instant,
    /// When one came last, and the most partitions that there were since.
    grown: Option<(Instant, usize)>,
    /// With this many partitions another client came in vain.
    in_vain: Option<usize>,
}

#[derive(Debug)]
pub struct Connections {
    limits: Limits,
    table: Mutex<Table>,
    changed: Condvar,
}

impl From<&MultiplexingConfig> for Connections {
    fn from(given: &MultiplexingConfig) -> Self {
        let limits = Limits {
            min: given.min,
            delay: Duration::from_millis(given.delay_ms),
        };
        Connections::new(limits, given.boot, given.max, Instant::now())
    }
}

impl Connections {
    /// `boot` of `max` clients run at the start.
    pub fn new(limits: Limits, boot: usize, max: usize, now: Instant) -> Self {
        let place = |index| Place {
            runs: index < boot,
            partitions: 0,
            empty_since: now,
        };
        Connections {
            limits,
            table: Mutex::new(Table {
                places: (0..max).map(place).collect(),
                changed_at: now,
                grown: (boot > limits.min).then_some((now, 0)),
                in_vain: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub fn runs(&self, place: usize) -> bool {
        self.table.lock().places.get(place).is_none_or(|place| place.runs)
    }

    /// The number of partitions of a client. None: it cannot be told, because it is out of the group for now.
    pub fn report(&self, place: usize, partitions: Option<usize>, now: Instant) -> Told {
        let mut table = self.table.lock();
        let Some(own) = table.places.get_mut(place).filter(|own| own.runs) else {
            return Told::Nothing;
        };
        if partitions != Some(0) {
            own.empty_since = now;
        }
        own.partitions = partitions.unwrap_or(own.partitions);
        let empty_since = own.empty_since;
        let running = || table.places.iter().filter(|place| place.runs);
        let (count, total) = (
            running().count(),
            running().map(|place| place.partitions).sum::<usize>(),
        );
        let all_busy = running().all(|place| place.partitions > 0) && total > count;
        if let Some((_, most)) = &mut table.grown {
            // While partitions move it looks as if there were fewer.
            *most = total.max(*most);
        }
        if now.saturating_duration_since(table.changed_at) < self.limits.delay {
            return Told::Nothing;
        }
        if count > self.limits.min && now.saturating_duration_since(empty_since) >= self.limits.delay {
            let soon = SOON.max(self.limits.delay.saturating_mul(SOON_DELAYS));
            let came = table.grown.take();
            let came = came.filter(|(came, _)| now.saturating_duration_since(*came) <= soon);
            table.in_vain = came.map(|(_, most)| most).or(table.in_vain);
            table.places[place].runs = false;
            table.changed_at = now;
            return Told::Leave(count - 1);
        }
        if !all_busy || table.in_vain.is_some_and(|before| total <= before) {
            return Told::Nothing;
        }
        let Some(next) = table.places.iter_mut().find(|place| !place.runs) else {
            return Told::Nothing;
        };
        *next = Place {
            runs: true,
            partitions: 0,
            empty_since: now,
        };
        table.in_vain = None;
        table.grown = Some((now, total));
        table.changed_at = now;
        self.changed.notify_all();
        Told::Grown(count + 1)
    }

    /// It could not be made: others go on without it.
    pub fn failed(&self, place: usize, now: Instant) {
        let mut table = self.table.lock();
        table.changed_at = now;
        if let Some(place) = table.places.get_mut(place) {
            place.runs = false;
        }
    }

    /// Waits for the time of this client, `wait` at most. Whether it has come.
    pub fn await_turn(&self, place: usize, wait: Duration, stops: impl Fn() -> bool) -> bool {
        let mut table = self.table.lock();
        if !table.places[place].runs && !stops() {
            self.changed.wait_until(&mut table, Instant::now() + wait);
        }
        table.places[place].runs
    }

    /// Those that wait are to look at what else has changed.
    pub fn wake(&self) {
        let _table = self.table.lock();
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_secs(60);

    struct World {
        connections: Connections,
        now: Instant,
        changes: Vec<Told>,
    }

    impl World {
        fn new(min: usize, boot: usize, max: usize) -> Self {
            let now = Instant::now();
            World {
                connections: Connections::new(Limits { min, delay: DELAY }, boot, max, now),
                now,
                changes: Vec::new(),
            }
        }

        fn running(&self, max: usize) -> usize {
            (0..max).filter(|place| self.connections.runs(*place)).count()
        }

        /// An hour, in which each client says each second what it has; `shares` says what, of how many there are.
        fn hour(&mut self, max: usize, shares: impl Fn(usize, usize) -> usize) {
            let mut last = None;
            for _ in 0..3_600 {
                self.now += Duration::from_secs(1);
                let running: Vec<usize> = (0..max).filter(|place| self.connections.runs(*place)).collect();
                for (rank, place) in running.iter().enumerate() {
                    let told = self
                        .connections
                        .report(*place, Some(shares(rank, running.len())), self.now);
                    if told != Told::Nothing {
                        assert!(
                            last.is_none_or(|last| self.now - last >= DELAY),
                            "two changes in one delay"
                        );
                        last = Some(self.now);
                        self.changes.push(told);
                    }
                }
            }
        }
    }

    /// As an assignor shares them out among these clients.
    fn of(total: usize) -> impl Fn(usize, usize) -> usize {
        move |rank, count| total / count + usize::from(rank < total % count)
    }

    #[test]
    fn one_comes_at_a_time_until_each_has_one_partition_or_the_most_are_there() {
        let mut world = World::new(1, 1, 5);
        world.hour(5, of(3));
        assert_eq!(world.changes, [Told::Grown(2), Told::Grown(3)]);
        world.hour(5, of(100));
        assert_eq!(world.changes[2..], [Told::Grown(4), Told::Grown(5)]);
        assert_eq!(world.running(5), 5);
    }

    #[test]
    fn those_without_partitions_go_down_to_the_least() {
        let mut world = World::new(2, 5, 5);
        world.hour(5, of(1));
        assert_eq!(world.changes, [Told::Leave(4), Told::Leave(3), Told::Leave(2)]);
        world.hour(5, of(0));
        assert_eq!(world.changes.len(), 3);
    }

    #[test]
    fn one_that_came_in_vain_is_not_tried_again_before_there_are_more_partitions() {
        let mut world = World::new(1, 1, 5);
        // Other members of the group get what there is for another one.
        let only_the_first = |total: usize| move |rank: usize, _: usize| if rank == 0 { total } else { 0 };
        world.hour(5, only_the_first(2));
        assert_eq!(world.changes, [Told::Grown(2), Told::Leave(1)]);
        world.hour(5, only_the_first(2));
        assert_eq!(world.changes.len(), 2, "no endless rebalances");
        world.hour(5, of(3));
        assert_eq!(world.changes[2..], [Told::Grown(2), Told::Grown(3)]);
    }

    #[test]
    fn clients_that_take_each_others_partitions_do_not_alternate() {
        let mut world = World::new(1, 1, 5);
        // Two topics of one partition each, by range: the last one gets both.
        let the_last = |rank: usize, count: usize| if rank + 1 == count { 2 } else { 0 };
        world.hour(5, the_last);
        assert_eq!(world.changes, [Told::Grown(2), Told::Leave(1)]);
    }

    #[test]
    fn partitions_that_are_on_their_way_do_not_count_as_new_ones() {
        let mut world = World::new(1, 1, 2);
        world.now += DELAY;
        assert_eq!(world.connections.report(0, Some(2), world.now), Told::Grown(2));
        world.now += DELAY;
        assert_eq!(world.connections.report(0, Some(1), world.now), Told::Nothing);
        assert_eq!(world.connections.report(1, Some(0), world.now), Told::Leave(1));
        world.hour(2, of(2));
        assert_eq!(world.changes, []);
    }

    #[test]
    fn where_others_came_and_went_again_there_are_as_many_as_before() {
        let mut world = World::new(1, 1, 3);
        world.hour(3, of(3));
        world.hour(3, of(1));
        assert_eq!(world.running(3), 1);
        world.hour(3, of(3));
        assert_eq!(world.running(3), 3);
    }

    #[test]
    fn one_that_is_out_of_the_group_for_now_is_not_told_to_go() {
        let mut world = World::new(1, 2, 2);
        for _ in 0..600 {
            world.now += Duration::from_secs(1);
            assert_eq!(world.connections.report(0, Some(2), world.now), Told::Nothing);
            assert_eq!(world.connections.report(1, None, world.now), Told::Nothing);
        }
    }

    #[test]
    fn one_that_could_not_be_made_is_tried_again_later() {
        let mut world = World::new(1, 1, 2);
        world.now += DELAY;
        assert_eq!(world.connections.report(0, Some(4), world.now), Told::Grown(2));
        world.connections.failed(1, world.now);
        assert_eq!(
            world.connections.report(0, Some(4), world.now + DELAY / 2),
            Told::Nothing
        );
        assert_eq!(world.connections.report(0, Some(4), world.now + DELAY), Told::Grown(2));
    }
}
