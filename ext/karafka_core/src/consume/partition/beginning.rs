//! The time before the first message of an assignment: nothing is handed out until the topic's id and the committed offset
//! are known. The poll thread looks them up (`poller/identity.rs`).

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::{Partition, State};
use crate::config::InitialOffset;
use crate::consume::beginning::Refusal;
use crate::consume::commit_metadata::{encode, Origin};
use crate::event::Event;
use crate::kafka::ffi::Commit;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The poll thread has to look it up.
    Unknown,
    /// Where it begins is being committed.
    Committing,
    Known,
    /// The log is another one than the one that was read: the poll thread has to begin anew.
    Anew,
    Refused(Refusal),
}

impl Partition {
    pub(crate) fn stage(&self) -> Begin {
        self.state.lock().begin
    }

    /// The log is another one than before, so the committed offset says nothing about it.
    pub(crate) fn is_anew(&self) -> bool {
        self.state.lock().anew
    }

    pub(crate) fn set_anew(&self) {
        self.state.lock().anew = true;
        // It was reported already that it begins before the committed offset.
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn topic_id(&self) -> Option<Arc<str>> {
        self.state.lock().origin.topic_id.clone()
    }

    /// The id was not known when the partition began.
    pub(crate) fn learn_topic_id(&self, id: &Arc<str>) {
        self.state.lock().origin.topic_id.get_or_insert_with(|| id.clone());
    }

    /// It goes on where the group has committed, or begins where librdkafka begins by itself.
    pub(crate) fn begin(self: &Arc<Self>, commit: Option<Commit>, origin: Origin) {
        let mut state = self.state.lock();
        self.fetched_to
            .store(commit.as_ref().map_or(-1, |commit| commit.offset), Ordering::Relaxed);
        self.figures.found(commit.as_ref().map_or(-1, |commit| commit.offset));
        state.found = commit;
        state.origin = origin;
        state.begin = Begin::Known;
        drop(state);
        self.notify();
    }

    /// It begins at `offset`, where reading has been moved to. Nothing is handed out before that is committed.
    pub(crate) fn begin_at(&self, offset: i64, origin: Origin) {
        self.moved();
        let mut state = self.state.lock();
        self.fetched_to.store(offset, Ordering::Relaxed);
        self.marks.start(offset);
        state.origin = origin;
        state.begin = Begin::Committing;
    }

    pub(crate) fn refuse(&self, reason: Refusal) {
        self.state.lock().begin = Begin::Refused(reason);
    }

    /// An operator has to decide where it begins. Looked at again now and then.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.stage(), Begin::Refused(_))
    }

    /// The metadata of an offset that is committed in a transaction.
    pub(crate) fn metadata_for(&self, offset: i64, note: Option<&str>) -> Option<String> {
        let state = self.state.lock();
        encode(offset, &[], note, &state.origin, self.group.metadata_limit.bytes())
    }

    /// The log has lost messages that were not read yet. False: they may not be passed.
    pub(super) fn is_overtaken(&self, state: &mut State, from: i64, to: i64) -> bool {
        if self.group.config.initial_offset() == InitialOffset::Error {
            state.begin = Begin::Refused(Refusal::Deleted(from));
            self.group.attend();
            return false;
        }
        self.group.emit(Event::Overtaken {
            group: self.group.id.clone(),
            topic: self.topic.clone(),
            partition: self.number,
            from,
            to,
        });
        true
    }

    /// The first message of this assignment was fetched. Reports it where this process had committed a later one.
    pub(crate) fn begins_at(&self, offset: i64) {
        if self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(committed) = self.group.known_commits.beyond(&self.place(), offset) {
            self.group.emit(Event::WentBack {
                group: self.group.id.clone(),
                topic: self.topic.clone(),
                partition: self.number,
                offset,
                committed,
            });
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Where the log begins and ends, as last seen in a fetch; -1: not seen.
    pub(crate) fn seen_of_log(&self) -> (i64, i64) {
        let client = self.group.client();
        client.map_or((-1, -1), |client| client.seen_of_log(&self.topic_name, self.number))
    }

    /// False: what was fetched is held back until the poll thread knows that the topic is still the same one. It notifies then.
    pub(super) fn is_topic_known(&self, state: &State) -> bool {
        let doubt = &self.group.doubt;
        if doubt.is_settled_at(state.reading.drained_at) {
            return true;
        }
        // Noted before the second look: the poll thread settles first, and then looks who is held back.
        self.held.store(true, Ordering::SeqCst);
        let is_known = doubt.is_settled_at(state.reading.drained_at);
        if !is_known {
            self.group.wake_poller();
        }
        is_known
    }

    pub(crate) fn is_held_back(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// True: it was held back, and may have more to do.
    pub(crate) fn was_held_back(&self) -> bool {
        self.held.swap(false, Ordering::SeqCst)
    }
}
