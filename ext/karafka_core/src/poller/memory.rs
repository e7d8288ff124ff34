//! The bound for what librdkafka has fetched ahead. Its own limit counts for each partition, so a process with many of
//! them could hold many times of it. Above the bound the fullest partitions are paused, which drops what they have fetched (it is
//! fetched again later); below it they go on, the longest paused one first. One that waits too long changes places with
//! another, so none starves.
//!
//! Sizes are estimated: messages in the queue times the average size that was seen in that topic.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Poller;
use crate::client::ConsumerClient;
use crate::partition::Partition;

/// How often to look, and how often while more than a quarter is used.
const INTERVAL: Duration = Duration::from_secs(1);
const CLOSE_INTERVAL: Duration = Duration::from_millis(50);
/// What librdkafka needs for a message besides its bytes.
const MESSAGE_OVERHEAD_BYTES: usize = 256;
/// After so long a paused partition changes places with one that is not.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Of all groups of the process.
pub struct Budget {
    limit_bytes: usize,
    used: Vec<AtomicUsize>,
}

impl Budget {
    pub fn new(limit_bytes: Option<usize>, groups: usize) -> Self {
        Budget {
            limit_bytes: limit_bytes.unwrap_or(usize::MAX),
            used: (0..groups).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    pub fn used_bytes(&self) -> usize {
        self.used.iter().map(|used| used.load(Ordering::Relaxed)).sum()
    }
}

struct Paused {
    partition: Arc<Partition>,
    since: Instant,
    bytes: usize,
}

pub(super) struct Memory {
    budget: Arc<Budget>,
    next: Instant,
    paused: VecDeque<Paused>,
    /// The most that one partition was seen to hold: what any that goes on may fetch before the next look.
    most_bytes: usize,
}

impl Memory {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Memory {
            budget,
            next: Instant::now(),
            paused: VecDeque::new(),
            most_bytes: 0,
        }
    }

    /// How long the poll thread may wait.
    pub(super) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.paused.retain(|paused| paused.partition.is_alive());
        let mut queued = self.queued(poller);
        let own = |queued: &[(Arc<Partition>, usize)]| queued.iter().map(|(_, bytes)| bytes).sum::<usize>();
        let used = &self.budget.used[poller.group.index];
        used.store(own(&queued), Ordering::Relaxed);
        let limit = self.budget.limit_bytes;
        queued.sort_by_key(|(_, bytes)| *bytes);
        self.most_bytes = self.most_bytes.max(queued.last().map_or(0, |(_, bytes)| *bytes));
        let room = limit / 5 * 4;
        if self.budget.used_bytes() > limit {
            while self.budget.used_bytes() > room {
                let Some((partition, bytes)) = queued.pop().filter(|(_, bytes)| *bytes > 0) else {
                    break;
                };
                self.pause(poller, client, partition, bytes);
                self.budget.used[poller.group.index].fetch_sub(bytes, Ordering::Relaxed);
            }
        } else {
            // Their broker threads are not woken (`wake_fetchers`), unlike after a rebalance: with a bound of few fetches that made
            // reading three times slower, since what came at once was over the bound again, dropped and fetched again.
            self.resume(poller, client, room, queued);
        }
        let close = self.budget.used_bytes() > limit / 4 || !self.paused.is_empty();
        self.next = now + if close { CLOSE_INTERVAL } else { INTERVAL };
    }

    /// What each partition that is not paused has fetched, about.
    fn queued(&self, poller: &Poller) -> Vec<(Arc<Partition>, usize)> {
        let current: Vec<_> = poller.group.assignment.lock().current.values().cloned().collect();
        let counted: Vec<_> = current
            .into_iter()
            .filter(|partition| !self.paused.iter().any(|paused| paused.partition.id == partition.id))
            .map(|partition| {
                let (messages, average) = partition.fetched();
                (partition, messages, average)
            })
            .collect();
        // A partition that nobody has drained yet has no average of its own.
        let mut averages: HashMap<usize, usize> = HashMap::new();
        for (partition, _, average) in &counted {
            let most = averages.entry(partition.topic_index).or_default();
            *most = (*most).max(*average);
        }
        counted
            .into_iter()
            .map(|(partition, messages, _)| {
                let average = averages.get(&partition.topic_index).copied().unwrap_or_default();
                (partition, messages * (average + MESSAGE_OVERHEAD_BYTES))
            })
            .collect()
    }

    fn pause(&mut self, poller: &Poller, client: &ConsumerClient, partition: Arc<Partition>, bytes: usize) {
        match partition.stop_fetching(client) {
            Ok(()) => self.paused.push_back(Paused {
                partition,
                since: Instant::now(),
                bytes,
            }),
            Err(error) => poller.report(error),
        }
    }

    fn resume(
        &mut self,
        poller: &Poller,
        client: &ConsumerClient,
        room: usize,
        mut fullest_last: Vec<(Arc<Partition>, usize)>,
    ) {
        while let Some(first) = self.paused.front() {
            let expected = first.bytes.max(self.most_bytes);
            let fits = self.budget.used_bytes().saturating_add(expected) <= room;
            if !fits && first.since.elapsed() < LONGEST_PAUSE {
                return;
            }
            let mine = self.budget.used[poller.group.index].load(Ordering::Relaxed);
            let other = fullest_last.pop().filter(|(_, bytes)| *bytes > 0);
            match other {
                Some((other, bytes)) if !fits => {
                    self.pause(poller, client, other, bytes);
                    self.budget.used[poller.group.index].fetch_sub(bytes, Ordering::Relaxed);
                }
                // Nobody to change places with. Only where this group has nothing may one go on above the bound: else all that
                // were paused together would come back together.
                None if !fits && mine > 0 => return,
                other => fullest_last.extend(other),
            }
            let Some(first) = self.paused.pop_front() else { return };
            // Until the next look it counts as full again.
            self.budget.used[poller.group.index].fetch_add(expected, Ordering::Relaxed);
            if let Err(error) = client.resume_fetching(&first.partition.topic, first.partition.number) {
                poller.report(error);
            }
        }
    }
}
