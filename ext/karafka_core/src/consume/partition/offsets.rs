//! The offsets of a partition: marked, sent to a broker, confirmed.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Begin, Partition, State};
use crate::consume::commit_metadata::encode;
use crate::consume::marks::Marks;
use crate::event::PartitionOffsets;
use crate::kafka::ffi::Commit;

/// After this time without an answer a commit is sent again.
const COMMIT_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The effect of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// The partition is lost.
    Lost,
    Forward,
    /// An older message than the last one that was marked.
    Back,
}

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

    /// As `mark`, by the consumer itself. `Marked::Back`: nothing has changed, `mark_exactly` would go back.
    pub fn mark_forward(&self, offset: i64) -> Marked {
        self.marked_by(|marks| !marks.mark_forward(offset))
    }

    /// As `mark`, by the consumer itself, which may also go back; see `Marks::mark_exactly`.
    pub fn mark_exactly(&self, offset: i64, commits: bool) -> Marked {
        self.marked_by(|marks| marks.mark_exactly(offset, commits))
    }

    /// `goes_back` marks, and says whether it goes back.
    fn marked_by(&self, goes_back: impl FnOnce(&Marks) -> bool) -> Marked {
        if !self.is_alive() {
            return Marked::Lost;
        }
        let back = goes_back(&self.marks);
        match (self.is_alive(), back) {
            (false, _) => Marked::Lost,
            (true, true) => Marked::Back,
            (true, false) => Marked::Forward,
        }
    }

    pub fn marked(&self) -> i64 {
        self.marks.marked()
    }

    /// After an explicit seek the consumer decides anew which messages are processed.
    pub(super) fn forget_marks(&self, state: &mut State) {
        self.marks.forget();
        self.group.known_commits.forget(&self.place());
        state.commit_sent = -1;
        state.committed = -1;
        state.work.forget();
    }

    /// As `forget_marks`, where reading goes on at `target` (None: not known yet). Marks before it stay and are committed, and
    /// the committed offset never goes back because of it.
    pub(super) fn forget_marks_from(&self, state: &mut State, target: Option<i64>) {
        let kept = self.marked().min(target.unwrap_or(-1));
        let found = state.found.as_ref().map_or(-1, |commit| commit.offset);
        let known = state.committed.max(state.commit_sent).max(found);
        self.forget_marks(state);
        if kept > known {
            self.marks.start(kept);
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

    /// The commit of the marked offset, and the version of its metadata. None: nothing is marked.
    fn commit(&self, state: &State) -> Option<(Commit, u64)> {
        let offset = self.marked();
        if offset < 0 {
            return None;
        }
        let user = state.metadata.as_deref();
        let max_bytes = self.group.metadata_limit.bytes();
        let finished = state.work.finished_beyond(offset);
        let metadata = encode(offset, &finished, user, &state.origin, max_bytes);
        let commit = Commit {
            offset,
            metadata,
            leader_epoch: self.epochs.latest(),
        };
        Some((commit, self.version(state)))
    }

    fn version(&self, state: &State) -> u64 {
        state.metadata_version + state.work.version()
    }

    /// The commit of the marked offset, outside of the interval. None: nothing is marked.
    pub fn commit_now(&self) -> Option<Commit> {
        let mut state = self.state.lock();
        let (commit, version) = self.commit(&state)?;
        state.commit_sent = commit.offset;
        state.metadata_sent = version;
        state.commit_sent_at = Instant::now();
        Some(commit)
    }

    /// The commit for this interval, of an offset that no broker has confirmed. None also while the answer to the same commit
    /// may still come.
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

    /// The commit of an offset that no broker has confirmed. A commit under way counts as not confirmed: it may fail.
    pub fn unconfirmed(&self) -> Option<Commit> {
        if self.is_confirmed() {
            return None;
        }
        self.commit_now()
    }

    /// Its offsets, for the host.
    pub fn offsets(&self) -> PartitionOffsets {
        PartitionOffsets {
            topic: self.topic.clone(),
            partition: self.number,
            marked: self.marked(),
            committed: self.state.lock().committed,
            next: self.marks.first_unmarked(),
        }
    }

    pub(crate) fn commit_sent_at(&self) -> Instant {
        self.state.lock().commit_sent_at
    }

    /// A broker has confirmed all marks.
    pub fn is_confirmed(&self) -> bool {
        let state = self.state.lock();
        let marked = self.marked();
        marked < 0 || (marked, self.version(&state)) == (state.committed, state.metadata_committed)
    }

    /// A broker has taken this offset. True: from now on the first messages may be handed out.
    pub fn confirm(&self, offset: i64) -> bool {
        let mut state = self.state.lock();
        // The answer to a commit of a former assignment may come late.
        let begins = state.begin == Begin::Committing && offset == self.marked();
        if begins {
            state.begin = Begin::Known;
        }
        if state.commit_sent == offset {
            state.metadata_committed = state.metadata_sent;
        }
        state.committed = offset;
        state.commit_sent = offset;
        begins
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
