//! Messages of one partition, copied out of librdkafka into one arena with a slot table.
//! Copying costs about 20 ns a message; holding librdkafka's own message would pin a whole fetch response
//! for as long as a consumer keeps one of them.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::arena_pool;

mod keys;

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

/// A run of a sealed batch: what one lease hands out. Or messages picked out of several batches.
#[derive(Debug, Clone)]
pub struct Slice {
    batch: Arc<Batch>,
    from: usize,
    to: usize,
    picked: Option<Arc<[Picked]>>,
}

/// One message of a sealed batch.
#[derive(Debug, Clone)]
pub struct Picked {
    pub batch: Arc<Batch>,
    slot: usize,
}

impl Picked {
    pub fn data_bytes(&self) -> usize {
        self.batch.slots[self.slot].data_bytes()
    }

    pub fn timestamp_ms(&self) -> i64 {
        self.batch.slots[self.slot].timestamp_ms
    }
}

impl Slice {
    pub fn whole(batch: Batch) -> Self {
        let to = batch.len();
        Slice {
            batch: batch.seal(),
            from: 0,
            to,
            picked: None,
        }
    }

    /// In the order given.
    pub fn picked(messages: Vec<Picked>) -> Self {
        let batch = messages.first().map(|picked| picked.batch.clone());
        Slice {
            batch: batch.unwrap_or_else(|| Batch::with_capacity(0, 0).seal()),
            from: 0,
            to: messages.len(),
            picked: Some(messages.into()),
        }
    }

    /// Each message of this run alone.
    pub fn pick(&self) -> impl Iterator<Item = Picked> + '_ {
        (self.from..self.to).map(|slot| Picked {
            batch: self.batch.clone(),
            slot,
        })
    }

    pub fn len(&self) -> usize {
        self.to - self.from
    }

    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// What this run costs in memory; picked messages share their batches with others, so only they themselves count.
    pub fn memory_bytes(&self) -> usize {
        match &self.picked {
            None => self.batch.memory_bytes(),
            Some(picked) => self.data_bytes() + picked.len() * std::mem::size_of::<(Picked, Slot)>(),
        }
    }

    fn at(&self, index: usize) -> Option<(&Batch, usize)> {
        match &self.picked {
            None => (self.from + index < self.to).then(|| (&*self.batch, self.from + index)),
            Some(picked) => picked.get(index).map(|picked| (&*picked.batch, picked.slot)),
        }
    }

    fn slot(&self, index: usize) -> Option<&Slot> {
        self.at(index).map(|(batch, slot)| &batch.slots[slot])
    }

    pub fn offset(&self, index: usize) -> Option<i64> {
        self.slot(index).map(|slot| slot.offset)
    }

    pub fn first_offset(&self) -> Option<i64> {
        self.offset(0)
    }

    pub fn last_offset(&self) -> Option<i64> {
        self.len().checked_sub(1).and_then(|last| self.offset(last))
    }

    pub fn timestamp_ms(&self, index: usize) -> Option<i64> {
        self.slot(index).map(|slot| slot.timestamp_ms)
    }

    /// None: no such message, or a null payload.
    pub fn payload(&self, index: usize) -> Option<&[u8]> {
        let (batch, slot) = self.at(index)?;
        batch.span(batch.slots[slot].payload())
    }

    pub fn key(&self, index: usize) -> Option<&[u8]> {
        let (batch, slot) = self.at(index)?;
        batch.span(batch.slots[slot].key())
    }

    /// Names and values in the order they were sent.
    pub fn headers(&self, index: usize) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (batch, at) = self.at(index).unwrap_or((&self.batch, usize::MAX));
        let to = batch.slots.get(at).map_or(0, |slot| slot.headers_end as usize);
        let from = if at == 0 || to == 0 {
            0
        } else {
            batch.slots[at - 1].headers_end as usize
        };
        batch.headers[from..to]
            .iter()
            .map(|(name, value)| (batch.span(*name).unwrap_or_default(), batch.span(*value)))
    }

    /// Bytes of payloads and keys of this run.
    pub fn data_bytes(&self) -> usize {
        match &self.picked {
            None => self.batch.slots[self.from..self.to].iter().map(Slot::data_bytes).sum(),
            Some(picked) => picked.iter().map(Picked::data_bytes).sum(),
        }
    }

    /// Cuts off at most `max_messages` and `max_bytes` (but at least one message); the rest stays.
    pub fn split_front(&mut self, max_messages: usize, max_bytes: usize) -> Slice {
        let mut to = self.from;
        let mut bytes = 0;
        for slot in &self.batch.slots[self.from..self.to] {
            bytes += slot.data_bytes();
            if to > self.from && (bytes > max_bytes || to - self.from >= max_messages) {
                break;
            }
            to += 1;
        }
        let front = Slice {
            batch: self.batch.clone(),
            from: self.from,
            to,
            picked: None,
        };
        self.from = to;
        front
    }

    /// How many messages at the front, at most `limit`, are `wanted`.
    pub(crate) fn count_front(&self, limit: usize, wanted: impl Fn(&Slot) -> bool) -> usize {
        let slots = &self.batch.slots[self.from..self.to];
        slots.iter().take(limit).take_while(|slot| wanted(slot)).count()
    }

    pub(crate) fn drop_front(&mut self, count: usize) {
        self.from = self.to.min(self.from + count);
    }

    /// The offset of what follows what is at the front of this run: before it nothing is left of the batch.
    pub(crate) fn passed(&self) -> i64 {
        let next = self.batch.slots.get(self.from);
        next.map_or(self.batch.end, |slot| slot.offset)
    }

    /// As `passed`, once this run is handed out.
    pub(crate) fn passed_after(&self) -> i64 {
        let next = self.batch.slots.get(self.to);
        next.map_or(self.batch.end, |slot| slot.offset)
    }

    /// How many messages are below `offset`.
    pub fn count_before(&self, offset: i64) -> usize {
        self.batch.slots[self.from..self.to].partition_point(|slot| slot.offset < offset)
    }

    /// The messages from `offset` on, up to the end of `self`.
    pub fn starting_at(&self, offset: i64) -> Slice {
        Slice {
            batch: self.batch.clone(),
            from: self.from + self.count_before(offset),
            to: self.to,
            picked: None,
        }
    }

    /// `self` grown by the run that follows it in the same batch.
    pub fn joined(&self, following: &Slice) -> Slice {
        debug_assert!(Arc::ptr_eq(&self.batch, &following.batch) && self.to == following.from);
        Slice {
            batch: self.batch.clone(),
            from: self.from,
            to: following.to,
            picked: None,
        }
    }

    pub fn same_batch(&self, other: &Slice) -> bool {
        Arc::ptr_eq(&self.batch, &other.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(count: usize, size: usize) -> Slice {
        let mut batch = Batch::with_capacity(count, count * size);
        batch.end = 10 + 2 * count as i64;
        for index in 0..count {
            let at = batch.arena.len();
            batch.arena.extend(std::iter::repeat_n(b'x', size));
            batch.slots.push(Slot {
                offset: 10 + 2 * index as i64,
                timestamp_ms: 0,
                at,
                payload_len: size as u32,
                key_len: NIL,
                headers_end: 0,
            });
        }
        Slice::whole(batch)
    }

    #[test]
    fn a_run_is_cut_by_count_and_by_bytes_but_never_empty() {
        let mut rest = batch(10, 100);
        assert_eq!(rest.split_front(4, 10_000).len(), 4);
        assert_eq!(rest.split_front(4, 250).len(), 2);
        assert_eq!(rest.split_front(4, 1).len(), 1);
        assert_eq!(rest.len(), 3);
        assert_eq!(rest.first_offset(), Some(24));
    }

    #[test]
    fn a_retry_starts_at_the_first_unmarked_offset_even_in_a_gap() {
        let all = batch(5, 1);
        assert_eq!(all.starting_at(13).first_offset(), Some(14));
        assert_eq!(all.starting_at(0).len(), 5);
        assert!(all.starting_at(99).is_empty());
    }

    #[test]
    fn the_last_message_of_each_key_stays_and_all_without_one() {
        let mut batch = Batch::with_capacity(7, 7);
        for (index, key) in [Some(b'a'), None, Some(b'b'), Some(b'a'), None, Some(b'c'), Some(b'b')]
            .into_iter()
            .enumerate()
        {
            let at = batch.arena.len();
            batch.arena.extend(key);
            batch.slots.push(Slot {
                offset: index as i64,
                timestamp_ms: 0,
                at,
                payload_len: NIL,
                key_len: if key.is_some() { 1 } else { NIL },
                headers_end: 0,
            });
        }
        let all = Slice::whole(batch);
        assert_eq!(all.last_by_key(), [1, 3, 4, 5, 6]);
        assert_eq!(all.groups_by_key(), [vec![0, 3], vec![1, 4], vec![2, 6], vec![5]]);
        assert_eq!(all.starting_at(4).last_by_key(), [0, 1, 2]);
    }

    #[test]
    fn held_bytes_are_given_back() {
        let before = held_bytes();
        let all = batch(100, 1000);
        assert!(held_bytes() >= before + 100_000);
        drop(all);
        // Other tests of this process hold batches too, but none of this size.
        assert!(held_bytes() < before + 100_000);
    }
}
