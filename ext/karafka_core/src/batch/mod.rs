//! Messages of one partition, copied out of librdkafka into one arena with a slot table.
//! Copying costs about 20 ns a message; holding librdkafka's own message would pin a whole fetch response
//! for as long as a consumer keeps one of them.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::base::arena_pool;

mod keys;
mod slice;

pub use slice::{Picked, Slice};

/// Bytes held by all batches of this process that are still alive.
static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

pub fn held_bytes() -> usize {
    HELD_BYTES.load(Ordering::Relaxed)
}

/// A byte string in the arena. `len` is NIL for a null.
#[derive(Debug, Clone, Copy)]
struct Span {
    at: usize,
    len: u32,
}

/// Kafka's messages are below 2 GB, so this is no length.
const NIL: u32 = u32::MAX;

/// 40 bytes a message. The key follows the payload in the arena; the headers are those from the previous slot's end on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    offset: i64,
    pub(crate) timestamp_ms: i64,
    at: usize,
    payload_len: u32,
    key_len: u32,
    headers_end: u32,
}

impl Slot {
    fn payload(&self) -> Span {
        Span {
            at: self.at,
            len: self.payload_len,
        }
    }

    fn key(&self) -> Span {
        Span {
            at: self.at + known(self.payload_len),
            len: self.key_len,
        }
    }

    fn data_bytes(&self) -> usize {
        known(self.payload_len) + known(self.key_len)
    }
}

fn known(len: u32) -> usize {
    if len == NIL {
        0
    } else {
        len as usize
    }
}

#[derive(Debug)]
pub struct Batch {
    arena: Vec<u8>,
    slots: Vec<Slot>,
    headers: Vec<(Span, Span)>,
    received_at_ms: i64,
    complete_at_ms: i64,
    /// The offset after the last message that was looked at for it.
    end: i64,
    accounted_bytes: usize,
}

impl Batch {
    /// An empty batch with room for what is expected.
    pub fn with_capacity(messages: usize, bytes: usize) -> Self {
        Batch {
            arena: arena_pool::take(bytes),
            slots: Vec::with_capacity(messages),
            headers: Vec::new(),
            received_at_ms: now_ms(),
            complete_at_ms: -1,
            end: -1,
            accounted_bytes: 0,
        }
    }

    /// Copies one message.
    ///
    /// # Safety
    /// `message` is a valid message without an error.
    pub unsafe fn append(&mut self, message: *mut sys::rd_kafka_message_t) {
        // SAFETY: valid by contract; payload and key point to `len` and `key_len` readable bytes or are null.
        unsafe {
            let raw = &*message;
            let payload = self.copy(raw.payload.cast(), raw.len);
            let key = self.copy(raw.key.cast(), raw.key_len);
            self.copy_headers(message);
            let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            let timestamp_ms = sys::rd_kafka_message_timestamp(message, &mut kind);
            self.slots.push(Slot {
                offset: raw.offset,
                timestamp_ms,
                at: payload.at,
                payload_len: payload.len,
                key_len: key.len,
                headers_end: self.headers.len() as u32,
            });
            self.end = raw.offset + 1;
        }
    }

    /// A message before this offset, and behind what is in the batch, was looked at and left out.
    pub fn pass(&mut self, offset: i64) {
        self.end = self.end.max(offset);
    }

    unsafe fn copy(&mut self, from: *const u8, len: usize) -> Span {
        let at = self.arena.len();
        if from.is_null() {
            return Span { at, len: NIL };
        }
        // SAFETY: `len` readable bytes by contract.
        self.arena
            .extend_from_slice(unsafe { std::slice::from_raw_parts(from, len) });
        Span { at, len: len as u32 }
    }

    /// Header names and values are bytes: producers may send anything, rust-rdkafka would panic on a name that is not UTF-8.
    unsafe fn copy_headers(&mut self, message: *mut sys::rd_kafka_message_t) {
        let mut list = std::ptr::null_mut();
        // SAFETY: valid message; the list belongs to it and lives until it is destroyed.
        unsafe {
            if sys::rd_kafka_message_headers(message, &mut list) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            for index in 0.. {
                let (mut name, mut value, mut len) = (std::ptr::null(), std::ptr::null(), 0usize);
                let code = sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut len);
                if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    break;
                }
                let name = CStr::from_ptr(name).to_bytes();
                let name = self.copy(name.as_ptr(), name.len());
                let value = self.copy(value.cast(), len);
                self.headers.push((name, value));
            }
        }
    }

    /// Called once the batch is complete: from here on its memory is counted.
    fn seal(mut self) -> Arc<Self> {
        self.accounted_bytes = self.memory_bytes();
        self.complete_at_ms = now_ms();
        HELD_BYTES.fetch_add(self.accounted_bytes, Ordering::Relaxed);
        Arc::new(self)
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of payloads, keys and headers.
    pub fn data_bytes(&self) -> usize {
        self.arena.len()
    }

    /// What this batch costs in memory.
    pub fn memory_bytes(&self) -> usize {
        self.arena.capacity()
            + self.slots.capacity() * std::mem::size_of::<Slot>()
            + self.headers.capacity() * std::mem::size_of::<(Span, Span)>()
    }

    /// When it was taken from librdkafka, in milliseconds since 1970.
    pub fn received_at_ms(&self) -> i64 {
        self.received_at_ms
    }

    /// When its last message was taken from librdkafka, at the latest.
    pub fn complete_at_ms(&self) -> i64 {
        self.complete_at_ms
    }

    /// Where the bytes of a message begin; behind the last one, where they end.
    fn begin_of(&self, slot: usize) -> usize {
        self.slots.get(slot).map_or(self.arena.len(), |slot| slot.at)
    }

    pub(crate) fn first_offset(&self) -> Option<i64> {
        self.slots.first().map(|slot| slot.offset)
    }

    fn span(&self, span: Span) -> Option<&[u8]> {
        (span.len != NIL).then(|| &self.arena[span.at..span.at + span.len as usize])
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        HELD_BYTES.fetch_sub(self.accounted_bytes, Ordering::Relaxed);
        arena_pool::give_back(std::mem::take(&mut self.arena));
    }
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests;
