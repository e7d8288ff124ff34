//! The messages that an earlier assignment has finished beyond the committed offset, and whether the list can be trusted:
//! after an unclean election of a leader the log is shorter, and its offsets may stand for other messages. To process a
//! message again is better than to skip one.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Position, State, Work};
use crate::base::sync::MutexGuard;
use crate::consume::commit_metadata::decode;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kafka::ffi::{Commit, PartitionList, OFFSET_INVALID};

/// How long one look-up may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The commit that was found where this assignment begins.
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
        let finished = decode(commit.offset, commit.metadata.as_deref().unwrap_or_default()).finished;
        Restored {
            offset: commit.offset,
            leader_epoch: commit.leader_epoch,
            finished,
        }
    }

    /// Whether all finished messages are in a log that ends at `high`. Else the log was cut off, and any of the others may be
    /// another message by now.
    fn is_within(&self, high: i64) -> bool {
        self.finished.last().is_none_or(|last| last.end <= high)
    }
}

/// Whether a message is newer than the commit: its leader came after all messages that had been read then.
pub(super) fn is_newer(committed: Option<i32>, message: Option<i32>) -> bool {
    committed.is_some_and(|committed| message.is_none_or(|message| message > committed))
}

impl Partition {
    /// Takes over the list of finished messages from the commit, once.
    pub(super) fn restore(self: &Arc<Self>, guard: &mut MutexGuard<'_, State>) {
        if !matches!(&guard.work, Work::Lanes(parallel) if !parallel.has_restored()) {
            return;
        }
        let mut found = Restored::new(guard.found.take());
        if !found.finished.is_empty() {
            guard.moving = Some(Instant::now());
            found = guard.unlocked(|| self.believed(found));
            guard.moving = None;
            self.settled.notify_all();
        }
        if !found.finished.is_empty() {
            let count: i64 = found.finished.iter().map(|run| run.end - run.start).sum();
            tracing::info!(
                "{}/{}: up to {count} messages beyond offset {} were processed before and do not come again",
                self.topic,
                self.number,
                found.offset
            );
        }
        if let Some(parallel) = guard.work.lanes() {
            parallel.restore(found);
        }
    }

    /// Drops the list of finished messages where it is wrong or cannot be checked.
    fn believed(&self, mut restored: Restored) -> Restored {
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
                "{}/{}: the end of the log is not known, so messages that were processed beyond offset {} come again: {error}",
                self.topic,
                self.number,
                restored.offset
            ),
        }
        restored.finished.clear();
        restored
    }

    /// From `rewritten` on the log is another one, so marks from there on are forgotten. Reading goes on at the lower of
    /// `rewritten` and `first`, as after a seek; leases of the old messages mark nothing.
    pub(super) fn begin_again(self: &Arc<Self>, state: &mut State, rewritten: i64, first: i64) {
        self.group.emit(Event::WentBack {
            group: self.group.id.clone(),
            topic: self.topic.clone(),
            partition: self.number,
            offset: rewritten,
            committed: self.marked(),
        });
        self.forget_marks(state);
        state.reading.drop_fetched();
        state.reading.seek = Some(Position::Offset(rewritten.min(first)));
        self.wake_at(state, Instant::now());
    }

    /// Asks the broker for the committed offset of this partition.
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
        Ok(list.commit(0).filter(|commit| commit.offset >= 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consume::commit_metadata::{encode, Origin, MAX_BYTES};

    #[test]
    fn a_list_beyond_the_end_of_the_log_is_not_believed() {
        let metadata = encode(100, &[101..105, 107..110], None, &Origin::default(), MAX_BYTES);
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
