//! What an earlier assignment has finished beyond the committed offset, and whether that can be believed: where a broker
//! that was not in sync became the leader, the log is shorter, and its offsets stand for other messages by now. To process
//! one again is better than to skip one.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Pause, Position, State};
use crate::commit_metadata::decode;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::lease::Kind;
use crate::native::{Commit, PartitionList, OFFSET_INVALID};
use crate::sync::MutexGuard;

/// How long one look-up may take; that of what is committed is tried again then.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
const LOOKUP_RETRY: Duration = Duration::from_secs(1);

/// What was found where this assignment begins.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Restored {
    /// -1: nothing was committed.
    pub offset: i64,
    pub leader_epoch: Option<i32>,
    pub finished: Vec<Range<i64>>,
}

impl Restored {
    fn new(commit: Option<Commit>) -> Self {
        let Some(commit) = commit else {
            return Restored {
                offset: -1,
                ..Restored::default()
            };
        };
        let (finished, _) = decode(commit.offset, commit.metadata.as_deref().unwrap_or_default());
        Restored {
            offset: commit.offset,
            leader_epoch: commit.leader_epoch,
            finished,
        }
    }

    /// Whether all that is said to be finished is in a log that ends at `high`. Where one is not, the log was cut off, and
    /// nobody knows before which of the others.
    fn is_within(&self, high: i64) -> bool {
        self.finished.last().is_none_or(|last| last.end <= high)
    }
}

/// Whether a message is another one than what was committed speaks of: its leader came after all that had been read then.
pub(super) fn is_newer(committed: Option<i32>, message: Option<i32>) -> bool {
    committed.is_some_and(|committed| message.is_none_or(|message| message > committed))
}

impl Partition {
    /// Looks up what was committed, once. False: not known yet.
    pub(super) fn look_up(self: &Arc<Self>, guard: &mut MutexGuard<'_, State>) -> bool {
        if guard.parallel.as_ref().is_none_or(|parallel| parallel.has_looked_up()) {
            return true;
        }
        guard.leased = Some((Kind::Seek, Instant::now()));
        let found = guard.unlocked(|| self.committed_now().map(|commit| self.believed(Restored::new(commit))));
        guard.leased = None;
        self.settled.notify_all();
        let state = &mut **guard;
        match (found, state.parallel.as_mut()) {
            (Ok(found), Some(parallel)) => {
                if !found.finished.is_empty() {
                    let count: i64 = found.finished.iter().map(|run| run.end - run.start).sum();
                    tracing::info!(
                        "{}/{}: up to {count} messages beyond offset {} were processed before and do not come again",
                        self.topic,
                        self.number,
                        found.offset
                    );
                }
                parallel.restore(found);
                true
            }
            (Err(error), _) => {
                self.report(error);
                if state.pause == Pause::No {
                    state.pause = Pause::Until(Instant::now() + LOOKUP_RETRY);
                }
                false
            }
            (Ok(_), None) => true,
        }
    }

    /// Without the list of what is finished, where it cannot be right or nobody can tell.
    fn believed(&self, mut restored: Restored) -> Restored {
        if restored.finished.is_empty() {
            return restored;
        }
        let high = match self.group.client() {
            Some(client) => client.end_of_log(&self.topic, self.number, LOOKUP_TIMEOUT),
            None => Err(Error::Closed),
        };
        match high {
            Ok(high) if restored.is_within(high) => return restored,
            Ok(high) => tracing::warn!(
                "{}/{}: messages up to offset {} were processed, but the log ends at {high}: it was cut off (an unclean election of \
                 a leader?). What is beyond offset {} comes again",
                self.topic,
                self.number,
                restored.finished.last().map_or(-1, |last| last.end - 1),
                restored.offset
            ),
            Err(error) => tracing::warn!(
                "{}/{}: where the log ends is not known, so what was processed beyond offset {} comes again: {error}",
                self.topic,
                self.number,
                restored.offset
            ),
        }
        restored.finished.clear();
        restored
    }

    /// The log is another one from `rewritten` on, so what is marked there says nothing any more. Reading goes on before it,
    /// at `first`, as if a consumer had sought; messages that are out of what is gone mark nothing.
    pub(super) fn begin_again(self: &Arc<Self>, state: &mut State, rewritten: i64, first: i64) {
        self.group.emit(Event::WentBack {
            group: self.group.id.clone(),
            topic: self.topic.clone(),
            partition: self.number,
            offset: rewritten,
            committed: self.marked(),
        });
        self.forget_marks(state);
        state.carry = None;
        state.filling = None;
        state.seek = Some(Position::Offset(rewritten.min(first)));
        self.look_at(state, Instant::now());
    }

    /// What the group has committed for this partition, asked of the broker.
    pub(crate) fn committed_now(&self) -> Result<Option<Commit>> {
        let client = self.group.client().ok_or(Error::Closed)?;
        let mut list = PartitionList::with_capacity(1);
        list.add(&self.topic, self.number, OFFSET_INVALID)?;
        client.committed(&list, LOOKUP_TIMEOUT)?;
        let Some(row) = list.rows().into_iter().next() else {
            return Ok(None);
        };
        if let Some(source) = row.error {
            return Err(Error::Kafka {
                operation: "looking up what is committed",
                source: Box::new(source),
            });
        }
        Ok((row.offset >= 0).then(|| Commit {
            offset: row.offset,
            metadata: list.metadata(0),
            leader_epoch: list.leader_epoch(0),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit_metadata::{encode, MAX_BYTES};

    #[test]
    fn a_list_beyond_the_end_of_the_log_is_not_believed() {
        let metadata = encode(100, &[101..105, 107..110], None, MAX_BYTES);
        let restored = Restored::new(Some(Commit {
            offset: 100,
            metadata,
            leader_epoch: Some(3),
        }));
        assert_eq!(restored.finished, [101..105, 107..110]);
        assert!(restored.is_within(110) && restored.is_within(500));
        assert!(!restored.is_within(109), "the last one is not there");
        assert!(Restored::new(None).is_within(0));
    }

    #[test]
    fn a_message_of_a_later_leader_is_not_the_one_that_was_processed() {
        assert!(is_newer(Some(3), Some(4)));
        assert!(is_newer(Some(3), None), "nobody can tell");
        assert!(!is_newer(Some(3), Some(3)) && !is_newer(Some(3), Some(2)));
        assert!(!is_newer(None, Some(4)), "the commit says nothing about it");
    }
}
