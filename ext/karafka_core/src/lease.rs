//! A lease: one batch of one partition, handed to one worker, settled exactly once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use crate::batch::Slice;
use crate::event::Event;
use crate::partition::{Partition, Pause, State};

mod lane;
mod moving;
mod offsets;
mod unmarked;

pub use offsets::COMMIT_TIMEOUT;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Consume,
    Eofed,
    /// Nothing came for a while.
    Idle,
    Revoked,
    Shutdown,
    /// Internal: a worker moves the position, nobody sees this lease.
    Seek,
    /// Of a partition that the host spreads over lanes: it says the key of each message, with `Lease::spread`.
    Keys,
}

impl Kind {
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

pub struct Lease {
    partition: Arc<Partition>,
    kind: Kind,
    messages: Slice,
    attempt: u32,
    /// The first unmarked offset when it failed before; -1: it did not.
    failed_at: i64,
    /// Where the delivery before this one ended; -1: there was none.
    follows: i64,
    /// Of a partition whose messages are spread: which of its leases this is.
    lane: Option<usize>,
    settled: AtomicBool,
    taken_by: ThreadId,
}

impl Lease {
    pub(crate) fn new(partition: Arc<Partition>, kind: Kind, messages: Slice, state: &State) -> Self {
        let taken_by = std::thread::current().id();
        Lease {
            partition,
            kind,
            messages,
            attempt: state.attempt,
            failed_at: state.failures.failed_at,
            follows: state.delivered_to,
            lane: None,
            settled: AtomicBool::new(false),
            taken_by,
        }
    }

    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn messages(&self) -> &Slice {
        &self.messages
    }

    /// 1 for the first delivery.
    pub fn attempt(&self) -> u32 {
        let passed = self.attempt > 1
            && self.partition.config().attempts_per_message
            && self.partition.marked() > self.failed_at;
        if passed {
            1
        } else {
            self.attempt
        }
    }

    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    fn settle(&self, change: impl FnOnce(&mut State)) -> bool {
        // In a forked child the locks may be held by threads that are not there.
        if self.settled.swap(true, Ordering::AcqRel) || self.partition.group.guard.is_foreign() {
            return false;
        }
        let comes_back = self.taken_by == std::thread::current().id();
        self.partition.finish_lease(self.kind, comes_back, change)
    }

    /// Everything is processed. False when the partition was lost (or the lease was settled before).
    pub fn ack(&self) -> bool {
        if let Some(lane) = self.lane {
            return self.ack_lane(lane);
        }
        self.settle(|state| {
            state.attempt = 1;
            // A seek during the batch says where to go on; marking the batch would contradict it.
            if let (None, Some(last)) = (state.seek, self.messages.last_offset()) {
                self.partition.mark(last);
            }
        })
    }

    /// Done, and only what was marked by hand is processed.
    pub fn release(&self) -> bool {
        if let Some(lane) = self.lane {
            return self.release_lane(lane);
        }
        self.settle(|state| state.attempt = 1)
    }

    /// Failed: delivered again from the first unmarked message, after the back-off that is returned.
    /// None when the partition was lost.
    pub fn nack(&self) -> Option<Duration> {
        self.retry(Wait::BackOff, false)
    }

    /// As `nack`, with a wait of the caller's choice, which is returned. `alone`: what was in this batch comes one
    /// message at a time, so that the one that fails is known.
    pub fn retry(&self, wait: Wait, alone: bool) -> Option<Duration> {
        let attempt = self.attempt();
        let delay = match wait {
            Wait::BackOff => self.partition.config().backoff(attempt),
            Wait::For(delay) => delay,
            Wait::UntilResumed => Duration::MAX,
        };
        if let Some(lane) = self.lane {
            return self.retry_lane(lane, delay);
        }
        let alive = self.settle(|state| {
            if self.kind == Kind::Idle {
                self.partition.rest(state);
            }
            if self.kind != Kind::Consume {
                return;
            }
            if alone {
                state.failures.alone_until = self.messages.last_offset().unwrap_or(-1);
            }
            self.rewind(state);
            state.attempt = attempt.saturating_add(1);
            state.failures.failed_at = self.first_unmarked(state);
            match Instant::now().checked_add(delay) {
                None => state.pause = Pause::UntilResumed,
                Some(at) if state.pause != Pause::UntilResumed => state.pause = Pause::Until(at),
                Some(_) => {}
            }
        });
        alive.then_some(delay)
    }

    /// The message at `offset` is not delivered again; the rest goes on at once. It counts as processed if `mark` says
    /// so and nothing before it is unprocessed, or as soon as nothing is. False when the partition was lost.
    pub fn give_up(&self, offset: i64, mark: bool) -> bool {
        if let Some(lane) = self.lane {
            return self.give_up_lane(lane, offset, mark);
        }
        self.settle(|state| {
            let first = self.unmarked(state).and_then(|index| self.messages.offset(index));
            if mark && first == Some(offset) {
                self.partition.mark(offset);
            } else {
                state.failures.give_up(offset, mark, self.partition.marked());
            }
            self.rewind(state);
            state.attempt = 1;
            state.failures.failed_at = -1;
        })
    }
}

impl Drop for Lease {
    /// Dropped without being settled (a worker was killed, the garbage collector found it): delivered again, and reported.
    fn drop(&mut self) {
        if self.partition.group.guard.is_foreign() || self.is_settled() {
            return;
        }
        let offset = self.messages.first_offset().unwrap_or(-1);
        if self.kind == Kind::Consume {
            let (topic, partition) = (self.partition.topic.clone(), self.partition.number);
            self.partition.group.emit(Event::Abandoned {
                topic,
                partition,
                offset,
            });
        }
        if let Some(lane) = self.lane {
            self.retry_lane(lane, Duration::ZERO);
            return;
        }
        self.settle(|state| {
            if self.kind == Kind::Consume {
                self.rewind(state);
            }
        });
    }
}
