//! What is processed, and what of that a broker knows.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Partition, State};
use crate::failures::Failures;

/// After so long without an answer a commit is sent again.
const COMMIT_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

impl Partition {
    pub fn is_alive(&self) -> bool {
        // In a forked child nothing is ours.
        self.alive.load(Ordering::SeqCst) && !self.group.guard.is_foreign()
    }

    /// Marks everything up to and including `offset` as processed. Never moves back. False once the partition is lost.
    pub fn mark(&self, offset: i64) -> bool {
        if !self.is_alive() {
            return false;
        }
        // With `fence`: either this mark is seen by the last commit, which takes the same lock, or the answer is false.
        self.marks.mark(offset);
        self.is_alive()
    }

    pub fn marked(&self) -> i64 {
        self.marks.marked()
    }

    /// After an explicit seek the user decides anew what is processed.
    pub(crate) fn forget_marks(&self, state: &mut State) {
        self.marks.forget();
        state.delivered_to = -1;
        state.failures = Failures::default();
        state.commit_sent = -1;
        state.committed = -1;
    }

    /// What the next commit by interval has to ask for: what no broker has confirmed, unless the last commit that asked
    /// for just that may still be answered.
    pub fn take_commit(&self) -> Option<i64> {
        let mut state = self.state.lock();
        let marked = self.marked();
        let pending = marked == state.commit_sent && state.commit_sent_at.elapsed() < COMMIT_ANSWER_TIMEOUT;
        (marked >= 0 && marked != state.committed && !pending).then(|| {
            state.commit_sent = marked;
            state.commit_sent_at = Instant::now();
            marked
        })
    }

    /// What no broker has confirmed yet. A commit that is still under way counts as not done: it may fail.
    pub fn unconfirmed(&self) -> Option<i64> {
        let state = self.state.lock();
        let marked = self.marked();
        (marked >= 0 && marked != state.committed).then_some(marked)
    }

    /// A broker has taken this offset.
    pub fn confirm(&self, offset: i64) {
        let mut state = self.state.lock();
        state.committed = offset;
        state.commit_sent = offset;
    }

    /// The commit did not work: the next one takes this partition again.
    pub fn commit_failed(&self) {
        self.state.lock().commit_sent = -1;
    }
}
