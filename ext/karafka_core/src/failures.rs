//! What a partition remembers of failed deliveries, for as long as it is assigned.

use std::collections::BTreeMap;

use crate::batch::Slice;

pub(crate) struct Failures {
    /// First unmarked offset of the last failed delivery; -1: none.
    pub failed_at: i64,
    /// Up to this offset messages come one at a time, so that the one that fails is known; -1: not at all.
    pub alone_until: i64,
    /// Messages that are not delivered again although what is before them may be unprocessed: dead-lettered or skipped out
    /// of turn. And whether they count as processed once all before them is. Forgotten as soon as marks pass them, or when
    /// the user seeks.
    given_up: BTreeMap<i64, bool>,
}

impl Default for Failures {
    fn default() -> Self {
        Failures {
            failed_at: -1,
            alone_until: -1,
            given_up: BTreeMap::new(),
        }
    }
}

impl Failures {
    pub fn give_up(&mut self, offset: i64, marks: bool, marked: i64) {
        self.given_up = self.given_up.split_off(&marked.max(0));
        self.given_up.insert(offset, marks);
    }

    /// Whether it counts as processed once all before it is. None: it is not given up.
    pub fn given_up(&self, offset: i64) -> Option<bool> {
        self.given_up.get(&offset).copied()
    }

    /// How many of these messages may come in one batch. The first one is not given up.
    pub fn limit(&self, messages: &Slice, max_messages: usize) -> usize {
        let Some(first) = messages.first_offset() else {
            return max_messages;
        };
        if first <= self.alone_until {
            return 1;
        }
        match self.given_up.range(first..).next() {
            Some((next, _)) => messages.count_before(*next).min(max_messages),
            None => max_messages,
        }
    }

    /// The first offset from this one on that is not given up.
    pub fn past_given_up(&self, mut offset: i64) -> i64 {
        while self.given_up.contains_key(&offset) {
            offset += 1;
        }
        offset
    }
}
