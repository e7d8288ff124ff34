//! What is processed, and what of that a broker knows.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, State};
use crate::commit_metadata::encode;
use crate::failures::Failures;
use crate::native::Commit;

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
        self.group.known_commits.forget(&self.place());
        state.delivered_to = -1;
        state.failures = Failures::default();
        state.commit_sent = -1;
        state.committed = -1;
        if let Some(parallel) = state.parallel.as_mut() {
            parallel.lanes.acks.forget();
        }
    }

    /// The user's text to commit beside the offset from now on. False once the partition is lost.
    pub fn set_metadata(&self, metadata: &str) -> bool {
        let mut state = self.state.lock();
        if state.metadata.as_deref() != Some(metadata) {
            state.metadata = Some(Arc::from(metadata));
            state.metadata_version += 1;
        }
        self.is_alive()
    }

    /// What is to be committed, and the version of its metadata. None: nothing is marked.
    fn commit(&self, state: &State) -> Option<(Commit, u64)> {
        let offset = self.marked();
        if offset < 0 {
            return None;
        }
        let user = state.metadata.as_deref();
        let max_bytes = self.group.metadata_limit.bytes();
        let metadata = match &state.parallel {
            // A mark in the place of a seek may be ahead of what is finished.
            Some(parallel) if parallel.lanes.acks.frontier() == offset => {
                encode(offset, &parallel.lanes.acks.finished_beyond(), user, max_bytes)
            }
            _ => encode(offset, &[], user, max_bytes),
        };
        let commit = Commit {
            offset,
            metadata,
            leader_epoch: self.epochs.latest(),
        };
        Some((commit, self.version(state)))
    }

    fn version(&self, state: &State) -> u64 {
        let finished = state
            .parallel
            .as_ref()
            .map_or(0, |parallel| parallel.lanes.acks.version());
        state.metadata_version + finished
    }

    /// What is marked, for a commit outside of the interval. None: nothing.
    pub fn commit_now(&self) -> Option<Commit> {
        let mut state = self.state.lock();
        let (commit, version) = self.commit(&state)?;
        state.commit_sent = commit.offset;
        state.metadata_sent = version;
        state.commit_sent_at = Instant::now();
        Some(commit)
    }

    /// What the next commit by interval has to ask for: what no broker has confirmed, unless the last commit that asked
    /// for just that may still be answered.
    pub fn take_commit(&self) -> Option<Commit> {
        {
            let state = self.state.lock();
            let (marked, version) = (self.marked(), self.version(&state));
            let pending = (marked, version) == (state.commit_sent, state.metadata_sent)
                && state.commit_sent_at.elapsed() < COMMIT_ANSWER_TIMEOUT;
            if pending || (marked, version) == (state.committed, state.metadata_committed) {
                return None;
            }
        }
        self.commit_now()
    }

    /// What no broker has confirmed yet. A commit that is still under way counts as not done: it may fail.
    pub fn unconfirmed(&self) -> Option<Commit> {
        if self.is_confirmed() {
            return None;
        }
        self.commit_now()
    }

    /// A broker has everything that is marked.
    pub fn is_confirmed(&self) -> bool {
        let state = self.state.lock();
        let marked = self.marked();
        marked < 0 || (marked, self.version(&state)) == (state.committed, state.metadata_committed)
    }

    /// A broker has taken this offset.
    pub fn confirm(&self, offset: i64) {
        let mut state = self.state.lock();
        if state.commit_sent == offset {
            state.metadata_committed = state.metadata_sent;
        }
        state.committed = offset;
        state.commit_sent = offset;
    }

    /// A transaction has committed everything before `offset`. False once the partition is lost.
    pub fn committed_elsewhere(&self, offset: i64) -> bool {
        if !self.is_alive() {
            return false;
        }
        let mut state = self.state.lock();
        self.marks.mark(offset - 1);
        self.group.known_commits.note(self.place(), offset);
        // Where something later was marked outside of it, the interval commits that.
        if self.marked() == offset {
            state.committed = offset;
            state.commit_sent = offset;
        }
        self.is_alive()
    }

    /// The commit did not work: the next one takes this partition again.
    pub fn commit_failed(&self) {
        self.state.lock().commit_sent = -1;
    }
}
