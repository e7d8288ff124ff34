//! The failed deliveries of a partition, for as long as it is assigned.

use std::collections::BTreeMap;

use crate::batch::Slice;

pub(crate) struct RetryState {
    /// First unmarked offset of the last failed delivery; -1: none.
    pub failed_at: i64,
    /// Up to this offset messages come one at a time, to find the one that fails; -1: none do.
    pub alone_until: i64,
    /// Messages that are not delivered again although messages before them may be unprocessed: dead-lettered or skipped out
    /// of turn. True: they count as processed once all before them is. Forgotten as soon as marks pass them, or when the
    /// consumer seeks.
    skipped: BTreeMap<i64, bool>,
}

impl Default for RetryState {
    fn default() -> Self {
        RetryState {
            failed_at: -1,
            alone_until: -1,
            skipped: BTreeMap::new(),
        }
    }
}

impl RetryState {
    pub fn skip(&mut self, offset: i64, marks: bool, marked: i64) {
        self.skipped = self.skipped.split_off(&marked.max(0));
        self.skipped.insert(offset, marks);
    }

    /// Whether it counts as processed once all before it is. None: it is not skipped.
    pub fn is_skipped(&self, offset: i64) -> Option<bool> {
        self.skipped.get(&offset).copied()
    }

    /// How many of these messages may come in one batch. The first one is not skipped.
    pub fn limit(&self, messages: &Slice, max_messages: usize) -> usize {
        let Some(first) = messages.first_offset() else {
            return max_messages;
        };
        if first <= self.alone_until {
            return 1;
        }
        match self.skipped.range(first..).next() {
            Some((next, _)) => messages.count_before(*next).min(max_messages),
            None => max_messages,
        }
    }

    /// The first offset from this one on that is not skipped.
    pub fn past_skipped(&self, mut offset: i64) -> i64 {
        while self.skipped.contains_key(&offset) {
            offset += 1;
        }
        offset
    }
}
