//! A lease: one batch of one partition, handed to one worker, settled exactly once. The partition decides what a
//! settlement does, see `partition/settling.rs`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::batch::Slice;
use crate::consume::partition::{Partition, Position};
use crate::consume::workers::{own_slot, Place, Slot};
use crate::metrics::Counter;
use crate::trace::{Context, Failure};

mod offsets;
mod tracing;

use tracing::BatchSpan;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Consume,
    Eofed,
    /// Nothing came for a while.
    Idle,
    Revoked,
    Shutdown,
    /// Internal: a worker moves the position. No host gets such a lease.
    Seek,
    /// The host gives the key of each message, with `Lease::spread`.
    Keys,
}

impl Kind {
    /// Of the last lease of an assignment.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Kind::Revoked | Kind::Shutdown)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Consume => "consume",
            Kind::Eofed => "eofed",
            Kind::Idle => "idle",
            Kind::Revoked => "revoked",
            Kind::Shutdown => "shutdown",
            Kind::Seek => "seek",
            Kind::Keys => "keys",
        }
    }
}

/// How long a failed batch waits until it is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    BackOff,
    For(Duration),
    UntilResumed,
}

/// How a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Everything is processed.
    Ack,
    /// Done; only messages that were marked by hand are processed.
    Release,
    /// Failed: delivered again from the first unmarked message, after the wait. `alone`: the messages of this batch come one
    /// at a time, to find the one that fails.
    Retry { wait: Wait, alone: bool },
    /// Given back before a consumer saw its messages, for the `times`-th time in a row: delivered again after the back-off,
    /// and not counted as an attempt.
    Untried { times: u32 },
    /// The message at `offset` is not delivered again; the rest is delivered at once. With `mark` it counts as processed as
    /// soon as everything before it is.
    SkipMessage { offset: i64, mark: bool },
    /// Dropped without a settlement, such as by the garbage collector: delivered again at once, and reported.
    Dropped,
}

/// What was handed out, as it was at that moment.
pub(crate) struct Delivery {
    pub kind: Kind,
    pub messages: Slice,
    pub attempt: u32,
    /// The first unmarked offset of the failure before; -1: none.
    pub failed_at: i64,
    /// The offset after the delivery before; -1: none.
    pub follows: i64,
    /// None: the partition has one lease at a time.
    pub lane: Option<usize>,
}

impl Delivery {
    pub fn lane(&self) -> usize {
        self.lane.unwrap_or(0)
    }

    pub fn of_lane(lane: usize, kind: Kind, messages: Slice, attempt: u32) -> Self {
        Delivery {
            kind,
            messages,
            attempt,
            // A lane counts the attempts of each message.
            failed_at: i64::MAX,
            follows: -1,
            lane: Some(lane),
        }
    }
}

pub struct Lease {
    partition: Arc<Partition>,
    delivery: Delivery,
    settled: AtomicBool,
    taken_by: ThreadId,
    since: Instant,
    /// Of the worker that has it. A lease may live longer: its messages refer to it.
    slot: Option<Weak<Slot>>,
    span: Option<Box<BatchSpan>>,
}

/// How a message left its partition without being processed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    DeadLetter,
    RetryTopic,
    Skipped,
}

impl Lease {
    pub(crate) fn new(partition: Arc<Partition>, delivery: Delivery) -> Self {
        let (since, slot) = (Instant::now(), own_slot());
        partition.count_begin(&delivery);
        if let Some(slot) = &slot {
            slot.begin(&partition, &delivery, since);
        }
        Lease {
            span: BatchSpan::begin(&delivery),
            partition,
            delivery,
            since,
            slot: slot.as_ref().map(Arc::downgrade),
            settled: AtomicBool::new(false),
            taken_by: std::thread::current().id(),
        }
    }

    pub fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    pub fn kind(&self) -> Kind {
        self.delivery.kind
    }

    pub fn messages(&self) -> &Slice {
        &self.delivery.messages
    }

    /// The number of the consumer; 0 where the partition has only one.
    pub fn lane(&self) -> usize {
        self.delivery.lane()
    }

    /// Different for each lane of each assignment of a partition.
    pub fn assignment_id(&self) -> u64 {
        self.partition.id + self.lane() as u64
    }

    /// 1 for the first delivery.
    pub fn attempt(&self) -> u32 {
        self.partition.attempt(&self.delivery)
    }

    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Ends the lease. Returns the wait before any of it is delivered again; zero where nothing waits. None: the partition
    /// was lost, or the lease was settled before, and this settlement commits nothing.
    pub fn settle(&self, settlement: Settlement) -> Option<Duration> {
        // In a forked child the locks may be held by threads that do not exist there.
        if self.settled.swap(true, Ordering::AcqRel) || self.partition.group.guard.is_foreign() {
            return None;
        }
        // The thread that took it also takes the next one: no other has to be woken.
        let comes_back = self.taken_by == std::thread::current().id();
        if let Some(slot) = self.slot.as_ref().and_then(Weak::upgrade) {
            slot.end(self.since);
        }
        if let Some(span) = &self.span {
            span.end(&self.partition, &self.delivery, settlement, comes_back);
        }
        self.partition
            .settle(&self.delivery, settlement, (self.since.elapsed(), comes_back))
    }

    /// The key of each message, in order (for a lease of the kind `Keys`). None: ordered with no other message.
    pub fn spread(&self, keys: &[Option<i64>]) {
        if self.kind() == Kind::Keys && !self.is_settled() && !self.partition.group.guard.is_foreign() {
            self.partition.spread(self.messages(), keys);
        }
    }

    /// The code that serves it and the next leases of the same consumer, for people who ask what the process does.
    pub fn set_place(&self, place: Place) {
        if !self.partition.group.guard.is_foreign() {
            self.partition.set_place(self.lane(), place);
        }
    }

    /// Where its span is, while tracing is on.
    pub fn trace(&self) -> Option<Context> {
        self.span.as_ref().map(|span| span.context())
    }

    /// Why it ends as it is about to, for its span.
    pub fn trace_failure(&self, failure: Failure) {
        if let Some(span) = self.span.as_ref().filter(|_| !self.partition.group.guard.is_foreign()) {
            span.fail(failure);
        }
    }

    /// One of its messages has left in that way.
    pub fn departed(&self, departure: Departure) {
        self.departures(departure).add(1);
    }

    fn departures(&self, departure: Departure) -> &Counter {
        let metrics = &self.partition.figures.metrics;
        match departure {
            Departure::DeadLetter => &metrics.dead_letters,
            Departure::RetryTopic => &metrics.moved_messages,
            Departure::Skipped => &metrics.skipped_messages,
        }
    }

    /// The index of the first unmarked message of this batch. None: it is in an earlier batch, all are marked, or the
    /// consumer has sought elsewhere.
    pub fn unmarked_index(&self) -> Option<usize> {
        self.partition.unmarked_index(&self.delivery)
    }

    /// Where a retry would start.
    pub fn seek_offset(&self) -> i64 {
        self.partition.seek_offset(&self.delivery)
    }

    /// Goes on reading at `position` once this lease is settled, or at once if it is already. `forgets`: marks from there on
    /// are forgotten, so a retry goes there, and the next mark counts.
    pub fn seek(&self, position: Position, forgets: bool) -> bool {
        self.partition.seek(&self.delivery, position, forgets)
    }

    /// The consumer has asked to go on elsewhere after this batch.
    pub fn is_seeking(&self) -> bool {
        self.partition.is_seeking()
    }

    /// Delivers nothing for `duration` once this lease is settled; None: until `resume`. With an offset it goes on there.
    pub fn pause(&self, offset: Option<i64>, duration: Option<Duration>) -> bool {
        self.partition.pause(&self.delivery, offset, duration)
    }

    /// Ends a pause, and the back-off after a failure.
    pub fn resume(&self) -> bool {
        self.partition.resume(&self.delivery)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_settled() {
            self.settle(Settlement::Dropped);
        }
    }
}
