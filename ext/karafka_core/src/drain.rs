//! Takes what librdkafka has fetched for one partition: one call for a whole batch, one copy into an arena.

use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::batch::Batch;
use crate::error::{Error, KafkaError};
use crate::native::Queue;
use crate::partition::Partition;

pub struct Drained {
    /// The batch so far and until when it may be filled. None: nothing there.
    pub batch: Option<(Batch, Instant)>,
    /// The drain stopped because it had enough, the queue may hold more.
    pub more: bool,
    pub reached_end: bool,
    /// Running average of a message's size, for the next call.
    pub average_bytes: usize,
}

/// Continues `open`, or starts a batch if something is there.
pub fn drain(partition: &Partition, queue: &Queue, open: Option<(Batch, Instant)>, average_bytes: usize) -> Drained {
    let config = partition.config();
    let (held, held_bytes) = open
        .as_ref()
        .map_or((0, 0), |(batch, _)| (batch.len(), batch.data_bytes()));
    let by_bytes = config.max_bytes.saturating_sub(held_bytes) / average_bytes.max(1) + 1;
    let wanted = config.max_messages.saturating_sub(held).min(by_bytes).max(1);

    let messages = fetch(queue, wanted);
    let mut drained = Drained {
        batch: open,
        more: messages.len() == wanted,
        reached_end: false,
        average_bytes,
    };
    if messages.is_empty() {
        return drained;
    }
    let bytes: usize = messages.iter().map(|message| message.data_bytes()).sum();
    drained.average_bytes = (3 * average_bytes + bytes / messages.len()) / 4;
    for message in &messages {
        match message.code() {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {
                let (batch, _) = drained.batch.get_or_insert_with(|| {
                    let wait = Duration::from_millis(config.max_wait_time_ms);
                    (Batch::with_capacity(messages.len(), bytes), Instant::now() + wait)
                });
                // SAFETY: a valid message without error.
                unsafe { batch.append(message.0) };
                drained.reached_end = false;
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => drained.reached_end = true,
            code => {
                let source = KafkaError::from_code(code).with_message(message.error_text());
                partition.report(Error::Kafka {
                    operation: "fetching",
                    source: Box::new(source),
                });
            }
        }
    }
    drained
}

/// A message of librdkafka's, destroyed when dropped: an early exit leaks none.
#[repr(transparent)]
struct Fetched(*mut sys::rd_kafka_message_t);

impl Fetched {
    fn code(&self) -> RDKafkaRespErr {
        // SAFETY: a valid message.
        unsafe { (*self.0).err }
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
