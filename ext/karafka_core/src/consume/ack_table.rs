//! Which messages of a partition are processed where they are not processed in order: up to where all are (the
//! frontier), and which are beyond it.
//!
//! Only what is *not* finished is kept. Everything else before `next` counts as finished: offsets that Kafka does not
//! have (compaction, transaction markers) need no entry, and a table with one old message left is small.

use std::collections::BTreeSet;
use std::ops::Range;

#[derive(Debug)]
pub struct AckTable {
    unfinished: BTreeSet<i64>,
    /// The offset after the last message that was registered. -1: none yet.
    next: i64,
    /// The offset after the last finished message.
    finished_to: i64,
    /// What an earlier assignment finished at and beyond `next`, in order.
    restored: Vec<Range<i64>>,
    /// Grows with each change that a commit has to tell.
    version: u64,
    touched: bool,
}

impl Default for AckTable {
    fn default() -> Self {
        AckTable {
            unfinished: BTreeSet::new(),
            next: -1,
            finished_to: -1,
            restored: Vec::new(),
            version: 0,
            touched: false,
        }
    }
}

impl AckTable {
    /// What was finished beyond the committed offset when the partition came to us.
    pub fn restore(&mut self, finished: Vec<Range<i64>>) {
        self.restored = finished;
    }

    pub fn has_restored(&self) -> bool {
        !self.restored.is_empty()
    }

    /// The position is not where the commit said: what was finished then says nothing about these messages.
    pub fn forget_restored(&mut self) {
        self.restored.clear();
    }

    /// The message at `offset`, which follows all registered ones, is about to go out. False: it is finished already.
    pub fn register(&mut self, offset: i64) -> bool {
        self.next = self.next.max(offset.saturating_add(1));
        let passed = self.restored.iter().take_while(|range| range.end <= offset).count();
        self.restored.drain(..passed);
        if self.restored.first().is_some_and(|range| range.contains(&offset)) {
            self.finished_to = self.finished_to.max(offset + 1);
            // What was before it may have been left out: then it can be committed now, or it would come again after all.
            self.touched = true;
            return false;
        }
        self.unfinished.insert(offset);
        true
    }

    /// False: it was finished before, or is none of ours.
    pub fn finish(&mut self, offset: i64) -> bool {
        let found = self.unfinished.remove(&offset);
        if found {
            self.finished_to = self.finished_to.max(offset + 1);
            self.version += 1;
            self.touched = true;
        }
        found
    }

    /// The first offset that is not finished, which is what may be committed. -1: nothing was finished yet.
    pub fn frontier(&self) -> i64 {
        if !self.touched {
            return -1;
        }
        self.first_unfinished()
    }

    pub fn first_unfinished(&self) -> i64 {
        self.unfinished.first().copied().unwrap_or(self.next)
    }

    /// It was registered, and is not finished.
    pub fn is_unfinished(&self, offset: i64) -> bool {
        self.unfinished.contains(&offset)
    }

    /// The offset after the last registered message; below 0: unknown.
    pub fn next(&self) -> i64 {
        self.next
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn unfinished(&self) -> usize {
        self.unfinished.len()
    }

    /// Offsets between the frontier and the last message that is registered: what a bitmap would have to cover.
    pub fn span(&self) -> i64 {
        self.next - self.first_unfinished()
    }

    /// The finished runs beyond the frontier, in order.
    pub fn finished_beyond(&self) -> Vec<Range<i64>> {
        let mut runs: Vec<Range<i64>> = Vec::new();
        let mut add = |from: i64, to: i64| {
            if from < to {
                match runs.last_mut() {
                    Some(last) if last.end == from => last.end = to,
                    _ => runs.push(from..to),
                }
            }
        };
        let mut at = self.first_unfinished();
        for offset in self
            .unfinished
            .iter()
            .copied()
            .take_while(|offset| *offset < self.finished_to)
        {
            add(at, offset);
            at = offset + 1;
        }
        add(at, self.finished_to);
        let next = self.next;
        for range in &self.restored {
            add(range.start.max(next), range.end);
        }
        runs
    }

    /// Reading goes on at `offset`: nothing is known from there on, and what is not finished before it stays so.
    pub fn go_to(&mut self, offset: i64) {
        self.unfinished.split_off(&offset);
        self.next = self.next.min(offset);
        self.finished_to = self.finished_to.min(offset);
        self.restored.clear();
        self.version += 1;
    }

    /// Nothing is to be committed until something is finished.
    pub fn forget(&mut self) {
        self.touched = false;
        self.version += 1;
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init)]
mod tests {
    use super::*;

    fn table(offsets: impl IntoIterator<Item = i64>) -> AckTable {
        let mut table = AckTable::default();
        offsets.into_iter().for_each(|offset| {
            table.register(offset);
        });
        table
    }

    #[test]
    fn the_frontier_is_the_first_unfinished_message() {
        let mut table = table(10..15);
        assert_eq!(table.frontier(), -1, "nothing to commit yet");
        assert!(table.finish(12));
        assert_eq!(table.frontier(), 10);
        assert_eq!(table.finished_beyond(), [12..13]);
        assert!(table.finish(10) && table.finish(11));
        assert_eq!(table.frontier(), 13);
        assert_eq!(table.finished_beyond(), []);
        assert!(table.finish(14) && !table.finish(14));
        assert_eq!(table.frontier(), 13);
        table.finish(13);
        assert_eq!((table.frontier(), table.span()), (15, 0));
    }

    #[test]
    fn offsets_that_do_not_exist_count_as_finished() {
        let mut table = table([10, 20, 30]);
        table.finish(20);
        assert_eq!(table.finished_beyond(), [11..30 - 9]);
        table.finish(10);
        assert_eq!(table.frontier(), 30);
        table.finish(30);
        assert_eq!(table.frontier(), 31);
    }

    #[test]
    fn what_was_finished_before_does_not_come_again_and_is_not_forgotten() {
        let mut table = AckTable::default();
        table.restore(vec![12..14, 20..30]);
        let fresh: Vec<i64> = (10..16).filter(|offset| table.register(*offset)).collect();
        assert_eq!(fresh, [10, 11, 14, 15]);
        assert_eq!(table.frontier(), 10);
        table.finish(10);
        assert_eq!(table.frontier(), 11);
        assert_eq!(
            table.finished_beyond(),
            [12..14, 20..30],
            "also what was not fetched again yet"
        );
        table.finish(11);
        assert_eq!(table.frontier(), 14);
        table.go_to(12);
        assert!(table.register(12), "it was wanted again");
    }

    #[test]
    fn what_was_finished_before_can_be_committed_once_nothing_is_before_it() {
        let mut table = AckTable::default();
        table.restore(vec![11..14]);
        // The message at 10 does not come: it has expired, or a filter leaves it out by now.
        assert!((11..14).all(|offset| !table.register(offset)));
        assert_eq!(table.frontier(), 14);
        assert!(table.register(14));
        assert_eq!(table.frontier(), 14);
    }
}
