//! What is counted of each batch, at its begin and its end. Once a batch: nothing here goes through its messages, but for a batch
//! that has failed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::log_end::LogEnd;
use super::{Partition, Position, Reading, Work};
use crate::base::clock;
use crate::base::sync::Mutex;
use crate::batch::now_ms;
use crate::consume::lease::{Delivery, Kind, Settlement};
use crate::consume::marks::Marks;
use crate::consume::workers::Place;
use crate::metrics::{registry, TopicMetrics};

/// What is kept of a partition for metrics and for people.
pub(crate) struct Figures {
    pub metrics: Arc<TopicMetrics>,
    pub log_end: LogEnd,
    /// When the first of the messages that are in librdkafka's queue came; 0: nobody has called since the last drain.
    arrived_us: AtomicU64,
    /// The same for those that were drained.
    waits_since_us: AtomicU64,
    /// Of the first message that was handed out last.
    pub out_timestamp_ms: AtomicI64,
    /// What was committed at the assignment; -1: nothing.
    found: AtomicI64,
    /// By lane.
    pub places: Mutex<Vec<(usize, Arc<Place>)>>,
}

impl Figures {
    pub fn new(group: &str, topic: &str) -> Self {
        Figures {
            metrics: registry().topic(group, topic),
            log_end: LogEnd::default(),
            arrived_us: AtomicU64::new(0),
            waits_since_us: AtomicU64::new(0),
            out_timestamp_ms: AtomicI64::new(-1),
            found: AtomicI64::new(-1),
            places: Mutex::default(),
        }
    }

    pub fn found(&self, offset: i64) {
        self.found.store(offset, Ordering::Relaxed);
    }

    pub fn found_at(&self) -> i64 {
        self.found.load(Ordering::Relaxed)
    }
}

/// What became of the messages of a batch. Those in none of the two numbers left the partition, or are where a seek leads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    processed: usize,
    processed_bytes: usize,
    /// Come again as the batch failed, or was given back.
    again: usize,
}

impl Partition {
    /// The first message has come into an empty queue, or was left in it.
    pub(super) fn arrived(&self) {
        // Only the first one counts.
        let _ = self
            .figures
            .arrived_us
            .compare_exchange(0, clock::now_us(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The queue is about to be drained.
    pub(super) fn drained_since(&self) {
        let arrived_us = self.figures.arrived_us.swap(0, Ordering::Relaxed);
        if arrived_us > 0 {
            self.figures.waits_since_us.store(arrived_us, Ordering::Relaxed);
        }
    }

    /// The batch goes to a worker.
    pub(crate) fn count_begin(&self, delivery: &Delivery) {
        if delivery.kind != Kind::Consume {
            return;
        }
        let (metrics, messages) = (&self.figures.metrics, &delivery.messages);
        metrics.batch_messages.observe(messages.len() as u64);
        // Later attempts wait for the back-off.
        if delivery.attempt == 1 {
            let since_us = self.figures.waits_since_us.load(Ordering::Relaxed);
            metrics.waiting.observe(clock::now_us().saturating_sub(since_us));
        }
        let timestamp_ms = messages.timestamp_ms(0).unwrap_or(-1);
        self.figures.out_timestamp_ms.store(timestamp_ms, Ordering::Relaxed);
        if timestamp_ms > 0 {
            let age_ms = u64::try_from(now_ms() - timestamp_ms).unwrap_or(0);
            metrics.age.observe(age_ms.saturating_mul(1_000));
        }
    }

    /// It ends like that.
    pub(super) fn count_end(&self, delivery: &Delivery, settlement: Settlement, outcome: Outcome, took: Duration) {
        if delivery.kind != Kind::Consume {
            return;
        }
        let metrics = &self.figures.metrics;
        metrics.consumed_batches.add(1);
        metrics.consumed_messages.add(outcome.processed as u64);
        metrics.consumed_bytes.add(outcome.processed_bytes as u64);
        metrics.retried_messages.add(outcome.again as u64);
        metrics.processing.observe_time(took);
        if settlement == Settlement::Dropped {
            metrics.abandoned_batches.add(1);
        }
    }
}

impl Work {
    /// Asked before the settlement takes effect.
    pub(super) fn outcome(
        &self,
        marks: &Marks,
        reading: &Reading,
        (delivery, settlement): (&Delivery, Settlement),
    ) -> Outcome {
        let messages = &delivery.messages;
        let front = |count| Outcome {
            processed: count,
            processed_bytes: messages.bytes_of_front(count),
            again: 0,
        };
        let sought = match self {
            Work::Serial(_) => reading.seek,
            Work::Lanes(parallel) if delivery.lane.is_some() => parallel.lanes.sought(delivery.lane()),
            Work::Lanes(_) => None,
        };
        let skipped = match settlement {
            // What is at a position within the batch, and behind it, is still to be processed.
            Settlement::Ack | Settlement::Release => match (sought, messages.first_offset(), messages.last_offset()) {
                (Some(Position::Offset(to)), Some(first), Some(last)) if first <= to && to <= last => {
                    return front(messages.count_before(to));
                }
                _ => return front(messages.len()),
            },
            Settlement::SkipMessage { offset, .. } => Some(offset),
            Settlement::Retry { .. } | Settlement::Untried { .. } | Settlement::Dropped => None,
        };
        let mut outcome = Outcome::default();
        let first_left = match self {
            Work::Serial(serial) => match serial.unmarked_index(marks, delivery) {
                Some(index) => index,
                // All are marked; or the retry begins before this batch, or elsewhere.
                None if Some(serial.first_unmarked(marks)) > messages.last_offset() => messages.len(),
                None => 0,
            },
            Work::Lanes(_) => 0,
        };
        for index in 0..messages.len() {
            let Some(offset) = messages.offset(index) else { continue };
            let is_left = match self {
                Work::Serial(_) => index >= first_left,
                Work::Lanes(parallel) => parallel.lanes.is_delivered(delivery.lane(), offset),
            };
            if !is_left {
                outcome.processed += 1;
                outcome.processed_bytes += messages.bytes_of(index);
            } else if skipped != Some(offset) {
                outcome.again += 1;
            }
        }
        outcome
    }

    /// Of what comes next, or is out: 1 for the first delivery.
    pub(super) fn attempt(&self) -> u32 {
        match self {
            Work::Serial(serial) => serial.attempt(),
            Work::Lanes(parallel) => parallel.lanes.attempt(),
        }
    }
}
