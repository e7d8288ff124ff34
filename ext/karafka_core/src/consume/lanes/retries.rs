//! The messages of a lane that failed, each with the time of its next attempt.

use std::collections::HashSet;
use std::time::Instant;

use super::Entry;

#[derive(Debug)]
pub(super) struct Retries<M> {
    /// In the order of the offsets, which is the order of each chain.
    entries: Vec<(Entry<M>, Instant)>,
    /// The entry that comes next, and when. Kept, since it is read far more often than it changes.
    next: Option<(usize, Instant)>,
}

impl<M> Default for Retries<M> {
    fn default() -> Self {
        Retries {
            entries: Vec::new(),
            next: None,
        }
    }
}

impl<M> Retries<M> {
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn add(&mut self, entry: Entry<M>, due: Instant) {
        let at = self.entries.partition_point(|(other, _)| other.offset < entry.offset);
        self.entries.insert(at, (entry, due));
        self.find_next();
    }

    /// The entry that is due first, among the first failed message of each chain.
    fn find_next(&mut self) {
        let mut chains = HashSet::new();
        let leading = self.entries.iter().enumerate();
        self.next = leading
            .filter(|(_, (entry, _))| chains.insert(entry.chain))
            .map(|(index, (_, due))| (index, *due))
            .min_by_key(|(_, due)| *due);
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.next.map(|(_, due)| due)
    }

    pub fn take(&mut self, now: Instant) -> Option<Entry<M>> {
        let (index, _) = self.next.filter(|(_, due)| *due <= now)?;
        let (entry, _) = self.entries.remove(index);
        self.find_next();
        Some(entry)
    }

    /// Drops the entries from `offset` on; returns the chain of each, and true: it blocked its chain.
    pub fn drop_from(&mut self, offset: i64) -> Vec<(u64, bool)> {
        let at = self.entries.partition_point(|(entry, _)| entry.offset < offset);
        let gone = self.entries.drain(at..).map(|(entry, _)| (entry.chain, true)).collect();
        self.find_next();
        gone
    }

    pub fn all_due(&mut self, now: Instant) {
        self.entries.iter_mut().for_each(|(_, due)| *due = now.min(*due));
        self.find_next();
    }
}
