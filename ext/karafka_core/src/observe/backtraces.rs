//! Backtraces of workers, which only the host can give: it is asked with an event, and where its lock is held no answer comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::sync::Mutex;

pub(super) type Lines = BTreeMap<usize, Vec<String>>;

#[derive(Default)]
pub(super) struct Backtraces {
    asked: AtomicU64,
    given: Mutex<(u64, Lines)>,
}

impl Backtraces {
    /// The number of a new question.
    pub fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub fn give(&self, question: u64, lines: Lines) {
        let mut given = self.given.lock();
        if question > given.0 {
            *given = (question, lines);
        }
    }

    /// The answer to that question, or to a later one.
    pub fn given(&self, question: u64) -> Option<Lines> {
        let given = self.given.lock();
        (given.0 >= question).then(|| given.1.clone())
    }
}
