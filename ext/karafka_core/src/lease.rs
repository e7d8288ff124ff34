//! A lease: one batch of one partition, handed to one worker, settled exactly once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use crate::batch::Slice;
use crate::commit_metadata::decode;
use crate::error::{Error, KafkaError, Result};
use crate::event::Event;
use crate::native::PartitionList;
use crate::partition::{Partition, Pause, Position, State};

mod lane;

/// How long a synchronous commit may take.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);

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

    /// Which message of this batch is the first unmarked one. None: it is in an earlier batch, or all are marked, or the
    /// user has sought elsewhere.
    pub fn unmarked_index(&self) -> Option<usize> {
        if self.partition.group.guard.is_foreign() {
            return None;
        }
        if let Some(lane) = self.lane {
            return self.unmarked_lane(lane);
        }
        self.unmarked(&self.partition.state.lock())
    }

    fn unmarked(&self, state: &State) -> Option<usize> {
        let unmarked = self.first_unmarked(state);
        if unmarked < 0
            || self
                .messages
                .first_offset()
                .is_none_or(|first| self.is_before(unmarked, first))
        {
            return None;
        }
        Some(self.messages.count_before(unmarked)).filter(|index| *index < self.messages.len())
    }

    /// Whether an unmarked offset belongs to an earlier batch. Between two batches offsets may be missing.
    fn is_before(&self, unmarked: i64, first: i64) -> bool {
        unmarked < first && unmarked < self.follows
    }

    /// Back to the first unmarked message: from memory where it is in this batch, by a seek where it is older.
    fn rewind(&self, state: &mut State) {
        let Some(first) = self.messages.first_offset() else {
            return;
        };
        let unmarked = match self.partition.marks.first_unmarked() {
            // The user has sought elsewhere and marked nothing since: that is where the retry goes.
            -1 if state.seek.is_some() => {
                state.carry = None;
                return;
            }
            -1 => first,
            known => known,
        };
        state.delivered_to = unmarked;
        if self.is_before(unmarked, first) {
            state.carry = None;
            state.seek = Some(Position::Offset(unmarked));
            return;
        }
        state.seek = None;
        self.partition.marks.rewind(unmarked);
        let whole = match &state.carry {
            Some(carry) if carry.same_batch(&self.messages) => self.messages.joined(carry),
            _ => self.messages.clone(),
        };
        let rest = whole.starting_at(unmarked);
        state.carry = (!rest.is_empty()).then_some(rest);
    }

    fn first_unmarked(&self, state: &State) -> i64 {
        state.failures.past_given_up(self.partition.marks.first_unmarked())
    }

    /// Where a retry would start.
    pub fn seek_offset(&self) -> i64 {
        if let Some(lane) = self.lane {
            return self.seek_offset_lane(lane);
        }
        if self.partition.group.guard.is_foreign() {
            let first = self.messages.first_offset().unwrap_or(-1);
            return self
                .partition
                .marks
                .marked_if_free()
                .map_or(first, |marked| marked.max(first));
        }
        let state = self.partition.state.lock();
        match (self.first_unmarked(&state), state.seek) {
            (-1, Some(Position::Offset(sought))) => sought,
            (unmarked, _) => unmarked,
        }
    }

    /// Marks `offset` as processed; false once the partition is lost. No I/O.
    pub fn mark(&self, offset: i64) -> bool {
        match self.lane {
            Some(lane) => self.partition.is_alive() && self.partition.mark_lane(lane, offset),
            None => self.partition.mark(offset),
        }
    }

    /// As `mark`, with a text that is committed beside the offset, with this and every later commit until another one
    /// is given.
    pub fn mark_with(&self, offset: i64, metadata: &str) -> bool {
        self.store_metadata(metadata) && self.mark(offset)
    }

    /// The text to commit beside the offset from now on. False once the partition is lost.
    pub fn store_metadata(&self, metadata: &str) -> bool {
        self.partition.is_alive() && self.partition.set_metadata(metadata)
    }

    /// The text that is committed for this partition, asked of the broker. Ok(None): the partition is lost.
    pub fn committed_metadata(&self) -> Result<Option<String>> {
        if !self.partition.is_alive() {
            return Ok(None);
        }
        let commit = self.partition.committed_now()?;
        let metadata = commit.and_then(|commit| commit.metadata.map(|text| decode(commit.offset, &text).1.to_owned()));
        Ok(Some(metadata.unwrap_or_default()))
    }

    /// Goes on reading elsewhere once this lease is settled (at once if it is already).
    pub fn seek(&self, position: Position) -> bool {
        self.change(|state, partition| {
            match (self.lane, state.parallel.as_mut()) {
                (Some(lane), Some(parallel)) => parallel.lanes.wish(lane, self.wish(position, true)),
                _ => partition.forget_marks(state),
            }
            state.seek = Some(position);
        })
    }

    /// Delivers nothing for a while once this lease is settled; None: until `resume`.
    /// With an offset it goes on from there.
    pub fn pause(&self, offset: Option<i64>, duration: Option<Duration>) -> bool {
        self.change(|state, _| {
            let until = duration.and_then(|duration| Instant::now().checked_add(duration));
            state.pause = until.map_or(Pause::UntilResumed, Pause::Until);
            if let Some(offset) = offset {
                let position = Position::Offset(offset);
                if let (Some(lane), Some(parallel)) = (self.lane, state.parallel.as_mut()) {
                    parallel.lanes.wish(lane, self.wish(position, false));
                }
                state.seek = Some(position);
            }
        })
    }

    pub fn resume(&self) -> bool {
        self.change(|state, _| {
            state.pause = Pause::No;
            if let (Some(lane), Some(parallel)) = (self.lane, state.parallel.as_mut()) {
                parallel.lanes.resume(lane, Instant::now());
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut State, &Partition)) -> bool {
        if !self.partition.is_alive() {
            return false;
        }
        change(&mut self.partition.state.lock(), &self.partition);
        self.partition.notify();
        self.partition.is_alive()
    }

    /// Sends what is marked to the broker without waiting for the answer.
    pub fn commit_async(&self) -> Result<bool> {
        // First: a forked child must not even ask for the client.
        if !self.partition.is_alive() {
            return Ok(false);
        }
        let (Some(client), Some(list)) = (self.partition.group.client(), self.marked_list()?) else {
            return Ok(true);
        };
        client.commit_async(&list)?;
        Ok(true)
    }

    /// Commits what is marked and waits for the broker's answer. Ok(false): the partition is lost.
    pub fn commit_sync(&self) -> Result<bool> {
        if !self.partition.is_alive() {
            return Ok(false);
        }
        let group = &self.partition.group;
        let Some(list) = self.marked_list()? else {
            return Ok(true);
        };
        let Some(client) = group.client() else {
            return Ok(false);
        };
        match client.commit_sync(&list, COMMIT_TIMEOUT) {
            Ok(offsets) => {
                group.committed(offsets, None);
                Ok(self.partition.is_alive())
            }
            Err(Error::Kafka { source, .. }) if is_lost(&source) => {
                self.partition.commit_failed();
                Ok(false)
            }
            // Again, with less beside the offset.
            Err(Error::Kafka { source, .. }) if group.metadata_limit.learn(&group.id, &source) => self.commit_sync(),
            Err(error) => {
                self.partition.commit_failed();
                Err(error)
            }
        }
    }

    fn marked_list(&self) -> Result<Option<PartitionList>> {
        let Some(commit) = self.partition.commit_now() else {
            return Ok(None);
        };
        let mut list = PartitionList::with_capacity(1);
        list.add_commit(&self.partition.topic, self.partition.number, &commit)?;
        Ok(Some(list))
    }

    /// The end of the partition as last seen; -1 unknown. No I/O.
    pub fn high_watermark(&self) -> i64 {
        let partition = &self.partition;
        partition.group.client().map_or(-1, |client| {
            client.high_watermark(&partition.topic_name, partition.number)
        })
    }
}

/// The group went on without us: the new owner of the partition decides about its offsets.
fn is_lost(error: &KafkaError) -> bool {
    use RDKafkaRespErr::*;
    [
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION as i32,
        RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID as i32,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS as i32,
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID as i32,
        RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH as i32,
        RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH as i32,
        RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST as i32,
    ]
    .contains(&error.number)
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
