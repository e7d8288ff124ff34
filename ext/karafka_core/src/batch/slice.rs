//! Runs of sealed batches, and messages picked out of them: what a lease hands out. They share the batch, nothing is copied.

use std::sync::Arc;

use super::{Batch, Slot};

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
    /// No messages.
    pub fn empty() -> Self {
        Slice::whole(Batch::with_capacity(0, 0))
    }

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

    /// Bytes of payload, key and headers of one message.
    pub fn bytes_of(&self, index: usize) -> usize {
        self.at(index)
            .map_or(0, |(batch, slot)| batch.begin_of(slot + 1) - batch.begin_of(slot))
    }

    /// The same of the first `count` messages together. Of a run it does not depend on their number.
    pub fn bytes_of_front(&self, count: usize) -> usize {
        match &self.picked {
            None => self.batch.begin_of(self.from + count) - self.batch.begin_of(self.from),
            Some(_) => (0..count).map(|index| self.bytes_of(index)).sum(),
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

    /// The offset that follows the front of this run: before it nothing is left of the batch.
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
