//! What is counted of each batch, at its begin and its end. Once a batch: nothing here goes through its messages, but for a lane
//! that has failed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::log_end::LogEnd;
use super::{Partition, Work};
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

/// Messages of a batch that are done with, and their bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Processed {
    messages: usize,
    bytes: usize,
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
    pub(super) fn count_end(&self, delivery: &Delivery, settlement: Settlement, processed: Processed, took: Duration) {
        if delivery.kind != Kind::Consume {
            return;
        }
        let metrics = &self.figures.metrics;
        metrics.consumed_batches.add(1);
        metrics.consumed_messages.add(processed.messages as u64);
        metrics.consumed_bytes.add(processed.bytes as u64);
        metrics.processing.observe_time(took);
        match settlement {
            Settlement::Retry { .. } => metrics
                .retried_messages
                .add((delivery.messages.len() - processed.messages) as u64),
            Settlement::Dropped => metrics.abandoned_batches.add(1),
            _ => {}
        }
    }
}

impl Work {
    /// Asked before the settlement takes effect.
    pub(super) fn processed(&self, marks: &Marks, delivery: &Delivery, settlement: Settlement) -> Processed {
        let messages = &delivery.messages;
        let front = |count| Processed {
            messages: count,
            bytes: messages.bytes_of_front(count),
        };
        if matches!(settlement, Settlement::Ack | Settlement::Release) {
            return front(messages.len());
        }
        match self {
            Work::Serial(serial) => match serial.unmarked_index(marks, delivery) {
                Some(index) => front(index),
                // All are marked; or the retry begins before this batch, or elsewhere.
                None if Some(serial.first_unmarked(marks)) > messages.last_offset() => front(messages.len()),
                None => Processed::default(),
            },
            Work::Lanes(parallel) => {
                let mut processed = Processed::default();
                for index in 0..messages.len() {
                    let offset = messages.offset(index);
                    if !offset.is_some_and(|offset| parallel.lanes.is_delivered(delivery.lane(), offset)) {
                        processed.messages += 1;
                        processed.bytes += messages.bytes_of(index);
                    }
                }
                processed
            }
        }
    }

    /// Of what comes next, or is out: 1 for the first delivery.
    pub(super) fn attempt(&self) -> u32 {
        match self {
            Work::Serial(serial) => serial.attempt(),
            Work::Lanes(parallel) => parallel.lanes.attempt(),
        }
    }
}
