//! What was processed of a topic, and that no commit is ahead of it.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use super::Log;

#[derive(Default)]
struct Done {
    offsets: HashSet<i64>,
    /// All before this one are processed. Only as far as somebody has asked.
    until: i64,
}

#[derive(Default)]
pub struct Processed(Mutex<HashMap<i32, Done>>);

impl Processed {
    /// False: it was processed before.
    pub fn add(&self, partition: i32, offset: i64) -> bool {
        self.0.lock().entry(partition).or_default().offsets.insert(offset)
    }

    pub fn has(&self, partition: i32, offset: i64) -> bool {
        let done = self.0.lock();
        done.get(&partition).is_some_and(|done| done.offsets.contains(&offset))
    }

    pub fn count(&self) -> usize {
        self.0.lock().values().map(|done| done.offsets.len()).sum()
    }

    pub fn count_of(&self, partition: i32) -> usize {
        self.0.lock().get(&partition).map_or(0, |done| done.offsets.len())
    }

    /// Everything before what a member says it has committed is processed.
    #[track_caller]
    pub fn check_commits(&self, log: &Log) {
        // First the commits: who processes goes on meanwhile.
        let commits = log.commits();
        let mut all = self.0.lock();
        for row in commits {
            let done = all.entry(row.partition).or_default();
            while done.until < row.offset && done.offsets.contains(&done.until) {
                done.until += 1;
            }
            let (until, offset) = (done.until, row.offset);
            assert!(
                until >= offset,
                "{}/{}: {offset} was committed before {until} was processed",
                row.topic,
                row.partition
            );
        }
    }
}
