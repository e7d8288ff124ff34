//! The end of the log, and since when the log goes that far: what lag is computed from.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::base::sync::Mutex;

/// Ends that are kept. When there are more, every other one of the older half goes.
const MOST: usize = 64;

/// -1 stands for unknown.
#[derive(Debug)]
pub(crate) struct LogEnd {
    /// As a broker has said: the last stable offset where only committed messages are read.
    told: AtomicI64,
    /// Where reading has met the end.
    met: AtomicI64,
    /// Times in ms since 1970, and ends that were new then.
    past: Mutex<VecDeque<(i64, i64)>>,
}

impl Default for LogEnd {
    fn default() -> Self {
        LogEnd {
            told: AtomicI64::new(-1),
            met: AtomicI64::new(-1),
            past: Mutex::default(),
        }
    }
}

impl LogEnd {
    pub fn told(&self, end: i64, now_ms: i64) {
        self.told.store(end, Ordering::Relaxed);
        let mut past = self.past.lock();
        if past.back().is_some_and(|(_, last)| *last == end) {
            return;
        }
        if past.len() >= MOST {
            let mut index = 0;
            let half = MOST / 2;
            past.retain(|_| {
                index += 1;
                index > half || index % 2 == 1
            });
        }
        past.push_back((now_ms, end));
    }

    pub fn met(&self, end: i64) {
        self.met.store(end, Ordering::Relaxed);
    }

    pub fn met_at(&self) -> i64 {
        self.met.load(Ordering::Relaxed)
    }

    /// -1: nobody has said, and reading has not met it.
    pub fn known(&self) -> i64 {
        self.told.load(Ordering::Relaxed).max(self.met_at())
    }

    /// Since when, at the earliest that is known, the log goes beyond `position`.
    pub fn beyond_since_ms(&self, position: i64) -> Option<i64> {
        let past = self.past.lock();
        past.iter().find(|(_, end)| *end > position).map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_the_next_message_is_that_of_the_first_end_beyond_it() {
        let end = LogEnd::default();
        assert_eq!((end.known(), end.beyond_since_ms(0)), (-1, None));
        end.told(10, 1_000);
        end.told(10, 2_000);
        end.told(20, 3_000);
        assert_eq!(end.known(), 20);
        assert_eq!(end.beyond_since_ms(9), Some(1_000));
        assert_eq!(end.beyond_since_ms(10), Some(3_000));
        assert_eq!(end.beyond_since_ms(20), None);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_stays() {
        let end = LogEnd::default();
        for number in 0..1_000 {
            end.told(number, number);
        }
        assert!(end.past.lock().len() <= MOST);
        assert_eq!(end.beyond_since_ms(-1), Some(0));
        assert_eq!(end.beyond_since_ms(998), Some(999));
    }
}
