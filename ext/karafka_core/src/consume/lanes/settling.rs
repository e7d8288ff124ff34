//! The messages that a lane was handed become finished, are held by the consumer, or are due again.

use std::time::{Duration, Instant};

use super::retries::Retries;
use super::{Entry, Lanes};

impl<M> Lanes<M> {
    /// Finishes one message, and takes it out of the lane. True: its chain can be taken now.
    pub(super) fn finish(&mut self, lane: usize, offset: i64) -> bool {
        let Some((id, out)) = self.lanes[lane].delivered.remove(&offset) else {
            return false;
        };
        self.acks.finish(offset);
        self.let_go(id, out, true)
    }

    pub(super) fn let_go(&mut self, id: u64, blocking: bool, pending: bool) -> bool {
        if let Some(chain) = self.chains.get_mut(&id) {
            chain.blocking -= usize::from(blocking);
            chain.pending -= usize::from(pending);
        }
        self.list(id)
    }

    /// Finishes the lane's messages up to and including `offset`, except failed ones. True: a chain can be taken now.
    pub fn mark(&mut self, lane: usize, offset: i64) -> bool {
        let mut freed = false;
        while let Some((first, _)) = self.lanes[lane].delivered.first_key_value() {
            if *first > offset {
                break;
            }
            let first = *first;
            freed |= self.finish(lane, first);
        }
        freed
    }

    /// Ends the lane's lease; returns its unfinished messages.
    fn unfinished_entries(&mut self, lane: usize) -> Vec<Entry<M>> {
        let lane = &mut self.lanes[lane];
        lane.out = None;
        let delivered = &lane.delivered;
        let mut entries = std::mem::take(&mut lane.entries);
        entries.retain(|entry| delivered.contains_key(&entry.offset));
        entries
    }

    pub fn ack(&mut self, lane: usize) {
        if self.sought(lane).is_some() {
            return self.ack_later(lane);
        }
        for entry in self.unfinished_entries(lane) {
            self.finish(lane, entry.offset);
        }
        self.worked(lane);
    }

    /// The consumer holds its unmarked messages. New messages of those keys go to the same lane.
    pub fn release(&mut self, lane: usize) {
        for entry in self.unfinished_entries(lane) {
            if let Some((_, out)) = self.lanes[lane].delivered.get_mut(&entry.offset) {
                *out = false;
            }
            self.let_go(entry.chain, true, false);
        }
        self.worked(lane);
    }

    pub(super) fn worked(&mut self, lane: usize) {
        self.lanes[lane].failures = 0;
        self.lanes[lane].blocked_until = None;
    }

    /// Unfinished messages come again after `wait`, one by one. The lane is blocked for `pause`, which gets the number of
    /// failures in a row.
    pub fn retry(
        &mut self,
        lane: usize,
        now: Instant,
        wait: Duration,
        counts: bool,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        let due = now.checked_add(wait);
        for mut entry in self.unfinished_entries(lane) {
            entry.failures = entry.failures.saturating_add(counts.into());
            self.lanes[lane].delivered.remove(&entry.offset);
            self.lanes[lane].retries.add(entry, due.unwrap_or(now));
        }
        let lane = &mut self.lanes[lane];
        lane.failures = lane.failures.saturating_add(1);
        lane.blocked_until = now.checked_add(pause(lane.failures).min(wait));
    }

    /// The message at `offset` is not delivered again: it is finished, or the consumer holds it. Other unfinished messages
    /// come again at once.
    pub fn skip_message(&mut self, lane: usize, offset: i64, finished: bool, now: Instant) {
        if finished {
            self.finish(lane, offset);
        } else if let Some(skipped) = self.lanes[lane].delivered.get_mut(&offset) {
            skipped.1 = false;
            let id = skipped.0;
            self.let_go(id, true, false);
        }
        for mut entry in self.unfinished_entries(lane) {
            if entry.offset == offset {
                continue;
            }
            entry.failures = 0;
            self.lanes[lane].delivered.remove(&entry.offset);
            self.lanes[lane].retries.add(entry, now);
        }
        self.worked(lane);
    }

    /// The lane's first unfinished message, or the first of all lanes.
    pub fn first_unfinished(&self, lane: usize) -> i64 {
        let first = self.lanes[lane].delivered.first_key_value();
        first.map_or_else(|| self.acks.first_unfinished(), |(offset, _)| *offset)
    }

    pub fn is_delivered(&self, lane: usize, offset: i64) -> bool {
        self.lanes[lane].delivered.contains_key(&offset)
    }

    /// Ends the back-off of a lane.
    pub fn resume(&mut self, lane: usize, now: Instant) {
        self.lanes[lane].blocked_until = None;
        self.lanes[lane].retries.all_due(now);
    }

    /// Ends the back-off of every lane; true: some lane had failed.
    pub fn end_back_offs(&mut self, now: Instant) -> bool {
        let mut failed = false;
        for lane in &mut self.lanes {
            failed |= lane.failures > 0 || !lane.retries.is_empty();
            lane.blocked_until = None;
            lane.retries.all_due(now);
        }
        failed
    }

    /// No more messages go out; those that consumers hold can still be marked.
    pub fn drop_waiting(&mut self) {
        self.waiting = 0;
        self.ready.clear();
        for chain in self.chains.values_mut() {
            chain.waiting.clear();
            chain.listed = false;
        }
        for lane in &mut self.lanes {
            lane.ready.clear();
            lane.retries = Retries::default();
        }
    }

    /// No worker comes back with any lane.
    pub fn abandon(&mut self) {
        for lane in &mut self.lanes {
            lane.out = None;
            lane.has_consumer = false;
        }
    }
}
