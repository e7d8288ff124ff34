//! Takes what librdkafka has fetched for one partition: one call for a whole batch, one copy into an arena.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::batch::Batch;
use crate::error::{Error, KafkaError};
use crate::native::Queue;
use crate::only::{Only, Raw};
use crate::partition::Partition;

pub struct Drained {
    /// The batch so far and until when it may be filled. None: nothing there.
    pub batch: Option<(Batch, Instant)>,
    /// The drain stopped because it had enough, the queue may hold more.
    pub more: bool,
    pub reached_end: bool,
    /// Before this offset nothing is left of what was fetched, where there is no batch. -1: unknown.
    pub passed: i64,
    /// Running average of a message's size, for the next call.
    pub average_bytes: usize,
    /// From this offset on a later leader has written other messages than those that were read before.
    pub rewritten: Option<i64>,
}

/// With a filter so many messages are looked at for one batch, or until it is full: then the turn is another partition's.
const LOOKED_AT: usize = 10_000;
const LOOKED_AT_ONCE: usize = 1_000;

/// Continues `open`, or starts a batch if something is there.
pub fn drain(partition: &Partition, queue: &Queue, open: Option<(Batch, Instant)>, average_bytes: usize) -> Drained {
    let config = partition.config();
    let mut drained = Drained {
        batch: open,
        more: false,
        reached_end: false,
        passed: -1,
        average_bytes,
        rewritten: None,
    };
    let mut looked_at = 0;
    loop {
        let (held, held_bytes) = drained
            .batch
            .as_ref()
            .map_or((0, 0), |(batch, _)| (batch.len(), batch.data_bytes()));
        let by_bytes = config.max_bytes.saturating_sub(held_bytes) / drained.average_bytes.max(1) + 1;
        let only = config.selection.only.as_ref();
        let room = match only {
            Some(_) => LOOKED_AT_ONCE,
            None => config.max_messages.saturating_sub(held),
        };
        let wanted = room.min(by_bytes).max(1);
        let messages = fetch(queue, wanted);
        looked_at += messages.len();
        drained.more = messages.len() == wanted;
        drained.take(partition, messages);
        let full = drained
            .batch
            .as_ref()
            .is_some_and(|(batch, _)| batch.len() >= config.max_messages || batch.data_bytes() >= config.max_bytes);
        if only.is_none() || full || !drained.more || looked_at >= LOOKED_AT {
            return drained;
        }
    }
}

impl Drained {
    fn take(&mut self, partition: &Partition, mut messages: Vec<Fetched>) {
        if messages.is_empty() {
            return;
        }
        let real = |message: &&Fetched| message.code() == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        if let Some(first) = messages.iter().find(real) {
            partition.begins_at(first.offset());
        }
        self.rewritten = self.rewritten.or(read_by(partition, &messages));
        let count = messages.len();
        let mut bytes = messages.iter().map(Fetched::data_bytes).sum();
        self.average_bytes = (3 * self.average_bytes + bytes / count) / 4;
        let config = partition.config();
        if let Some(only) = &config.selection.only {
            self.leave_out(partition, only, &mut messages);
            bytes = messages.iter().map(Fetched::data_bytes).sum();
        }
        for message in &messages {
            match message.code() {
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {
                    let (batch, _) = self.batch.get_or_insert_with(|| {
                        let wait = Duration::from_millis(config.max_wait_time_ms);
                        (Batch::with_capacity(messages.len(), bytes), Instant::now() + wait)
                    });
                    // SAFETY: a valid message without error.
                    unsafe { batch.append(message.0) };
                    self.reached_end = false;
                }
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => self.reached_end = true,
                code => {
                    let source = KafkaError::from_code(code).with_message(message.error_text());
                    partition.report(Error::Kafka {
                        operation: "fetching",
                        source: Box::new(source),
                    });
                }
            }
        }
        if let Some((batch, _)) = &mut self.batch {
            batch.pass(self.passed);
        }
    }

    /// Drops the messages that the topic does not want, before anything of them is copied.
    fn leave_out(&mut self, partition: &Partition, only: &Only, messages: &mut Vec<Fetched>) {
        let before = messages.len();
        let passed = &mut self.passed;
        messages.retain(|message| {
            if message.code() != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return true;
            }
            // SAFETY: a valid message without error, which outlives the look at it.
            let wanted = only.matches(unsafe { &Raw::new(message.0) });
            // Also of one that goes into the batch: the batch ends behind the last one that was looked at.
            *passed = (*passed).max(message.offset() + 1);
            wanted
        });
        let left_out = (before - messages.len()) as u64;
        partition.skipped.filtered.fetch_add(left_out, Ordering::Relaxed);
    }
}

/// Notes which leader the messages are of.
fn read_by(partition: &Partition, messages: &[Fetched]) -> Option<i64> {
    let real = |message: &&Fetched| message.code() == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
    let of = |message: &Fetched| (message.offset(), message.leader_epoch());
    let ends = (messages.iter().find(real)?, messages.iter().rfind(real)?);
    match ends.0.leader_epoch() == ends.1.leader_epoch() {
        true => partition.epochs.read([of(ends.0), of(ends.1)].into_iter()),
        false => partition.epochs.read(messages.iter().filter(real).map(of)),
    }
}

/// A message of librdkafka's, destroyed when dropped: an early exit leaks none.
#[repr(transparent)]
struct Fetched(*mut sys::rd_kafka_message_t);

impl Fetched {
    fn code(&self) -> RDKafkaRespErr {
        // SAFETY: a valid message.
        unsafe { (*self.0).err }
    }

    fn offset(&self) -> i64 {
        // SAFETY: a valid message.
        unsafe { (*self.0).offset }
    }

    fn leader_epoch(&self) -> i32 {
        // SAFETY: a valid message.
        unsafe { sys::rd_kafka_message_leader_epoch(self.0) }
    }

    fn data_bytes(&self) -> usize {
        // SAFETY: a valid message. An error's payload is its text.
        unsafe { (*self.0).len + (*self.0).key_len }
    }

    fn error_text(&self) -> String {
        // SAFETY: a valid message; the text lives as long as it.
        unsafe { std::ffi::CStr::from_ptr(sys::rd_kafka_message_errstr(self.0)) }
            .to_string_lossy()
            .into_owned()
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_message_destroy(self.0) }
    }
}

fn fetch(queue: &Queue, wanted: usize) -> Vec<Fetched> {
    let mut found: Vec<Fetched> = Vec::with_capacity(wanted);
    // SAFETY: Fetched is a plain pointer in memory; librdkafka fills at most `wanted` of them and says how many.
    unsafe {
        let count = sys::rd_kafka_consume_batch_queue(queue.as_ptr(), 0, found.as_mut_ptr().cast(), wanted);
        found.set_len(count.max(0) as usize);
    }
    found
}
