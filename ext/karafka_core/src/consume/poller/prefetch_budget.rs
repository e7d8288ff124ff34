//! The bound for what librdkafka has fetched ahead. Its own limits count for each partition, so a process with many of
//! them could hold many times of it. The poll thread looks at what is queued and says from how many messages on a
//! partition has enough: an equal part of what is left, so that one busy partition gets nearly what it wants, and a thousand
//! get little each. When nothing is left, nothing is fetched until enough was consumed. Nothing is ever dropped.
//!
//! Sizes are estimated: the messages that are in memory (`partition::pieces`) times the average size that was seen in that topic.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Poller;
use crate::base::allocator::Trim;
use crate::config::GroupConfig;
use crate::kafka::client::ConsumerClient;

/// How often to look while nothing is queued. The first batch that is taken ends it.
const IDLE: Duration = Duration::from_secs(1);
const RARELY: Duration = Duration::from_millis(100);
/// While the threshold still grows.
const SOON: Duration = Duration::from_millis(5);
const OFTEN: Duration = Duration::from_millis(1);
/// Faster than what a network brings and librdkafka reads.
const BYTES_PER_MILLISECOND: usize = 1_000_000;
/// Looking is to cost 2 % of the thread's time at most.
const LOOKS_SHARE: u32 = 50;
/// But not where it took long because the thread had to wait.
const LONG_LOOK: Duration = Duration::from_millis(20);
/// What librdkafka needs for a message besides its bytes: one allocation (2.12).
const MESSAGE_OVERHEAD_BYTES: usize = 304;
/// Of a message of a topic of which nothing was taken yet.
const UNKNOWN_BYTES: usize = 16_384;
/// Partitions that may fill up between two looks besides those that are filled.
const NEWLY_FILLED: usize = 4;
/// librdkafka's own, where nothing is set.
const QUEUED_MIN_MESSAGES: usize = 100_000;
const FETCH_MAX_BYTES: usize = 50 * 1024 * 1024;

/// Of all groups of the process.
pub struct Budget {
    limit_bytes: usize,
    /// For what is under way when fetching ends.
    reserve_bytes: usize,
    used: Vec<Used>,
}

/// What one group has fetched ahead.
#[derive(Default)]
struct Used {
    bytes: AtomicUsize,
    /// The number of partitions that have something in their queues.
    partitions: AtomicUsize,
}

impl Used {
    fn store(&self, queued: &Queued) {
        self.bytes.store(queued.bytes, Ordering::Relaxed);
        self.partitions.store(queued.filled, Ordering::Relaxed);
    }
}

impl Budget {
    pub fn new(limit_bytes: Option<usize>, groups: &[GroupConfig]) -> Self {
        let limit_bytes = limit_bytes.unwrap_or(usize::MAX);
        let answers = groups
            .iter()
            .map(|group| setting(group, "fetch.max.bytes", FETCH_MAX_BYTES));
        Budget {
            limit_bytes,
            reserve_bytes: answers.sum::<usize>().min(limit_bytes / 2),
            used: groups.iter().map(|_| Used::default()).collect(),
        }
    }

    pub fn used_bytes(&self) -> usize {
        self.used.iter().map(|used| used.bytes.load(Ordering::Relaxed)).sum()
    }

    fn filled_partitions(&self) -> usize {
        self.used
            .iter()
            .map(|used| used.partitions.load(Ordering::Relaxed))
            .sum()
    }

    /// What may be fetched yet.
    fn left_bytes(&self) -> usize {
        (self.limit_bytes - self.reserve_bytes).saturating_sub(self.used_bytes())
    }

    /// So much has to be left before fetching begins again: a request names every partition that it asks for, and with a
    /// thousand of them many small answers cost more than what is in them.
    fn enough_bytes(&self) -> usize {
        self.limit_bytes / 16
    }
}

fn setting(group: &GroupConfig, name: &str, default: usize) -> usize {
    let given = group.kafka.get(name).and_then(|text| text.parse().ok());
    given.unwrap_or(default)
}

/// What is known of the queues between two looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    /// Something was queued, or has been taken since.
    Busy,
    /// Nothing is queued any more. It may be that workers are as fast as brokers.
    Drained,
    /// Nothing has come since.
    Idle,
}

impl Activity {
    fn next(self, active: bool) -> Self {
        match self {
            _ if active => Activity::Busy,
            Activity::Busy => Activity::Drained,
            Activity::Drained | Activity::Idle => Activity::Idle,
        }
    }
}

/// What one group's client has fetched ahead.
#[derive(Default)]
struct Queued {
    partitions: usize,
    /// Those with something in their queues.
    filled: usize,
    messages: usize,
    message_bytes: usize,
    /// With what these keep.
    bytes: usize,
}

impl Queued {
    fn of(poller: &Poller) -> Self {
        let partitions = poller.group.partitions_now();
        // A partition that nobody has drained yet has no average of its own.
        let mut averages: HashMap<usize, usize> = HashMap::new();
        for partition in &partitions {
            let most = averages.entry(partition.topic_index).or_default();
            *most = (*most).max(partition.average_bytes());
        }
        let mut queued = Queued {
            partitions: partitions.len(),
            ..Queued::default()
        };
        for partition in &partitions {
            let ahead = partition.fetched();
            let average = match averages.get(&partition.topic_index) {
                Some(average) if *average > 0 => *average,
                _ => UNKNOWN_BYTES,
            };
            queued.filled += usize::from(ahead.queued > 0);
            queued.messages += ahead.queued;
            queued.message_bytes += ahead.queued * (average + MESSAGE_OVERHEAD_BYTES);
            queued.bytes += ahead.kept * average + ahead.queued * MESSAGE_OVERHEAD_BYTES;
        }
        queued
    }

    fn average(&self) -> usize {
        match self.messages {
            0 => UNKNOWN_BYTES,
            messages => self.message_bytes / messages,
        }
    }
}

/// The part of one poll thread.
pub(super) struct Prefetch {
    budget: Arc<Budget>,
    group: usize,
    next: Instant,
    /// What the user allows a partition.
    most: usize,
    activity: Activity,
    /// Partitions that had something in their queues when some last had.
    filled: usize,
    /// Nothing is fetched until enough is left again.
    closed: bool,
    /// What is set in librdkafka.
    threshold: usize,
    /// The threshold is not yet what is due.
    grows: bool,
    /// Of a message, when some were last queued.
    average: usize,
    trim: Trim,
}

impl Prefetch {
    pub(super) fn new(poller: &Poller) -> Self {
        Prefetch {
            budget: poller.budget.clone(),
            group: poller.group.index,
            next: Instant::now(),
            most: setting(&poller.group.config, "queued.min.messages", QUEUED_MIN_MESSAGES),
            activity: Activity::Idle,
            filled: 0,
            closed: false,
            threshold: 1,
            grows: false,
            average: UNKNOWN_BYTES,
            trim: Trim::default(),
        }
    }

    /// How long the poll thread may wait.
    pub(super) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let now = Instant::now();
        let stirred = self.activity != Activity::Busy && poller.group.is_stirred();
        if now < self.next && !stirred {
            return;
        }
        let queued = Queued::of(poller);
        self.activity = self.activity.next(queued.messages > 0 || stirred);
        self.budget.used[self.group].store(&queued);
        let threshold = self.threshold(poller, &queued);
        // Where memory is short a batch at a time has to do: answers of ordinary size for each empty partition could be many times the bound.
        client.limit_fetches(threshold, self.closed);
        if self.closed {
            self.trim.run_if_due(now);
        }
        if self.activity != Activity::Busy {
            poller.group.expect_stir();
        }
        self.next = now
            + match self.activity {
                Activity::Busy => self.pause(now.elapsed()),
                Activity::Drained => RARELY,
                Activity::Idle => IDLE,
            };
    }

    fn threshold(&mut self, poller: &Poller, queued: &Queued) -> usize {
        let left = self.budget.left_bytes();
        self.closed = left == 0 || self.closed && left < self.budget.enough_bytes();
        if self.closed {
            // Workers without work: what fills the queues is not to be had now, such as what was paused. Empty partitions go on.
            self.threshold = usize::from(poller.group.ready.is_starving());
            return self.threshold;
        }
        if queued.messages > 0 {
            self.average = queued.average();
        }
        let messages = left / self.average.max(1);
        if queued.filled > 0 {
            self.filled = queued.filled;
        }
        // As if that many filled up before the next look. From there on it grows step by step to what is due to those that do fill up.
        let all = queued.partitions * self.budget.used.len();
        let expected = match self.activity {
            // In a second that may be all partitions of all groups.
            Activity::Idle => all,
            // A partition that is drained as fast as it fills is to have more than an answer, or it is left out of the next request, and
            // stands still while a broker waits for messages of idle ones.
            Activity::Busy | Activity::Drained => all.min(NEWLY_FILLED + 2 * self.filled),
        };
        let safe = messages / expected.max(1);
        let due = match queued.filled {
            0 => safe,
            _ => (messages / self.budget.filled_partitions().max(1)).min(self.most),
        };
        self.threshold = due.min(safe.max(2 * self.threshold)).clamp(1, self.most);
        self.grows = self.threshold < due;
        self.threshold
    }

    /// Until what is left could be used up.
    fn pause(&self, look: Duration) -> Duration {
        let left = self.budget.left_bytes().max(self.budget.enough_bytes());
        let soon = Duration::from_millis((left / BYTES_PER_MILLISECOND) as u64);
        let longest = if self.grows { SOON } else { RARELY };
        soon.clamp(OFTEN, longest).max((look * LOOKS_SHARE).min(LONG_LOOK))
    }
}

impl Drop for Prefetch {
    /// Its client has ended.
    fn drop(&mut self) {
        self.budget.used[self.group].store(&Queued::default());
    }
}
