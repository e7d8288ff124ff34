//! Which partitions have work, and which workers wait for it. Partitions go round by their topics' priority; none is in the queue twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use crate::base::sync::{Condvar, Mutex};

use crate::base::cancel::Cancel;
use crate::consume::fair_queue::FairQueue;
use crate::consume::partition::Partition;

pub enum Popped {
    Partition(Arc<Partition>),
    Interrupted,
    /// There are to be fewer workers; this one is not needed any more.
    Retired,
    Closed,
}

struct Timer {
    at: Instant,
    sequence: u64,
    partition: Arc<Partition>,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}
impl Eq for Timer {}
impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

#[derive(Default)]
struct Inner {
    ready: FairQueue<Arc<Partition>>,
    timers: BinaryHeap<Reverse<Timer>>,
    sequence: u64,
    waiting: usize,
    /// How often somebody came for work.
    visits: u64,
    /// This many of the workers that come next are sent away.
    retiring: usize,
    closed: bool,
}

impl Inner {
    fn push(&mut self, partition: Arc<Partition>) {
        self.ready.push(partition.config().priority, partition);
    }
}

#[derive(Default)]
pub struct ReadyQueue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl ReadyQueue {
    /// Puts a partition at the end and wakes one waiter.
    pub fn push(&self, partition: Arc<Partition>) {
        let mut inner = self.inner.lock();
        inner.push(partition);
        if inner.waiting > 0 {
            self.changed.notify_one();
        }
    }

    /// As `push`, by a worker that comes back for more itself: it wakes nobody. Should something else be in front,
    /// whoever takes that wakes the next (see `pop`); should it not come back after all, `nudge` helps.
    pub fn push_back_own(&self, partition: Arc<Partition>) {
        self.inner.lock().push(partition);
    }

    /// Wakes a waiter if something has been left lying. Called by the poll threads now and then.
    pub fn nudge(&self) {
        let inner = self.inner.lock();
        if inner.waiting > 0 && !inner.ready.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Looks at the partition again at `at`, unless something else made it ready before.
    pub fn push_at(&self, partition: Arc<Partition>, at: Instant) {
        let mut inner = self.inner.lock();
        inner.sequence += 1;
        let sequence = inner.sequence;
        inner.timers.push(Reverse(Timer {
            at,
            sequence,
            partition,
        }));
        // A waiter may sleep past `at`.
        self.changed.notify_one();
    }

    /// The next partition, waiting for one. What is left is still handed out after `close`.
    pub fn pop(&self, interrupt: &Cancel) -> Popped {
        let mut inner = self.inner.lock();
        inner.visits += 1;
        loop {
            if interrupt.is_set() {
                return Popped::Interrupted;
            }
            if inner.retiring > 0 {
                inner.retiring -= 1;
                // It may have been woken for this.
                if inner.retiring > 0 || !inner.ready.is_empty() || !inner.timers.is_empty() {
                    self.changed.notify_one();
                }
                return Popped::Retired;
            }
            fire_timers(&mut inner);
            if let Some(partition) = inner.ready.pop() {
                // Others may be ready too, or a timer may need a waiter that watches it instead of us.
                if inner.waiting > 0 && !(inner.ready.is_empty() && inner.timers.is_empty()) {
                    self.changed.notify_one();
                }
                partition.begin_lease();
                return Popped::Partition(partition);
            }
            if inner.closed {
                return Popped::Closed;
            }
            let deadline = inner.timers.peek().map(|Reverse(timer)| timer.at);
            inner.waiting += 1;
            match deadline {
                Some(at) => {
                    self.changed.wait_until(&mut inner, at);
                }
                None => self.changed.wait(&mut inner),
            }
            inner.waiting -= 1;
        }
    }

    pub fn interrupt(&self, interrupt: &Cancel) {
        let _inner = self.inner.lock();
        interrupt.set();
        self.changed.notify_all();
    }

    /// Waiters get `Closed` once nothing is left.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        // Nobody is left to look again.
        inner.timers.clear();
        self.changed.notify_all();
    }

    /// Sends the next `count` that come for work, or wait for it, away with `Retired`.
    pub fn retire(&self, count: usize) {
        let mut inner = self.inner.lock();
        inner.retiring += count;
        self.changed.notify_all();
    }

    /// Takes back up to `count` of what `retire` asked for; how many have not gone yet and stay.
    pub fn retain(&self, count: usize) -> usize {
        let mut inner = self.inner.lock();
        let kept = count.min(inner.retiring);
        inner.retiring -= kept;
        kept
    }

    /// How often somebody came for work, and whether somebody waits for it now.
    pub fn attendance(&self) -> (u64, bool) {
        let inner = self.inner.lock();
        (inner.visits, inner.waiting > 0)
    }

    /// Workers wait, and there is nothing for them.
    pub fn is_starving(&self) -> bool {
        let inner = self.inner.lock();
        inner.waiting > 0 && inner.ready.is_empty()
    }

    /// Partitions that wait for a worker.
    pub fn depth(&self) -> usize {
        self.inner.lock().ready.len()
    }
}

fn fire_timers(inner: &mut Inner) {
    if inner.timers.is_empty() {
        return;
    }
    let now = Instant::now();
    while inner.timers.peek().is_some_and(|Reverse(timer)| timer.at <= now) {
        let Some(Reverse(timer)) = inner.timers.pop() else {
            return;
        };
        // A partition that is held right now must hear of it too, or it parks without ever looking again.
        if timer.partition.mark_ready() {
            inner.push(timer.partition);
        }
    }
}
