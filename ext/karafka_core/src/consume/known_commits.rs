//! What this process has committed, over its assignments: a partition that comes back and begins before that was moved
//! back by somebody, has lost its offsets, or its topic is another one. All of that is worth a word.

use std::collections::HashMap;

use crate::base::sync::Mutex;
use crate::event::TopicPartition;

/// Topics come and go under a pattern; past this many partitions all is forgotten, which costs at most a warning.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct KnownCommits(Mutex<HashMap<TopicPartition, i64>>);

impl KnownCommits {
    pub fn note(&self, place: TopicPartition, offset: i64) {
        let mut known = self.0.lock();
        if known.len() >= MOST && !known.contains_key(&place) {
            known.clear();
        }
        known.insert(place, offset);
    }

    /// The user seeks: from there on a lower offset is meant.
    pub fn forget(&self, place: &TopicPartition) {
        self.0.lock().remove(place);
    }

    /// What was committed, where `first` is before it.
    pub fn beyond(&self, place: &TopicPartition, first: i64) -> Option<i64> {
        self.0.lock().get(place).copied().filter(|committed| first < *committed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn only_what_begins_before_the_last_commit_counts_and_it_is_bounded() {
        let known = KnownCommits::default();
        let place = |number| (Arc::from("t"), number);
        known.note(place(0), 10);
        assert_eq!(known.beyond(&place(0), 9), Some(10));
        assert_eq!((known.beyond(&place(0), 10), known.beyond(&place(1), 0)), (None, None));
        known.note(place(0), 5);
        assert_eq!(known.beyond(&place(0), 5), None, "the last one counts");
        known.forget(&place(0));
        assert_eq!(known.beyond(&place(0), 0), None);
        (0..25_000).for_each(|number| known.note(place(number), 1));
        assert!(known.0.lock().len() <= MOST);
    }
}
