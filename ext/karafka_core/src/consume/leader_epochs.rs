//! Which leader wrote which messages of a partition, as far as they were read. A broker that was not in sync and becomes the
//! leader after all (an unclean election) has a shorter log, and gives the offsets it lacks to other messages. Those have a
//! higher epoch than what was read at these offsets before.

use crate::base::sync::Mutex;

/// More leaders than these are forgotten, the first ones first.
const MOST: usize = 64;

/// The first and the last message that were read of one leader. Whatever lies between them is this leader's too.
#[derive(Debug, Clone, Copy)]
struct Reign {
    epoch: i32,
    first: i64,
    last: i64,
}

impl Reign {
    /// In a log epochs grow with the offsets.
    fn agrees(&self, offset: i64, epoch: i32) -> bool {
        match self.epoch.cmp(&epoch) {
            std::cmp::Ordering::Less => self.last < offset,
            std::cmp::Ordering::Equal => true,
            std::cmp::Ordering::Greater => self.first > offset,
        }
    }
}

/// In the order of epochs, and so of offsets.
#[derive(Debug, Default)]
pub struct LeaderEpochs(Mutex<Vec<Reign>>);

impl LeaderEpochs {
    /// Messages that were just read, in order: offset and epoch. Some: from this offset on the log is another one than what
    /// was read before. Of messages of one leader the first and the last one are enough.
    pub fn read(&self, messages: impl Iterator<Item = (i64, i32)>) -> Option<i64> {
        let mut reigns = self.0.lock();
        let mut rewritten = None;
        for (offset, epoch) in messages.filter(|(_, epoch)| *epoch >= 0) {
            if !reigns.iter().all(|reign| reign.agrees(offset, epoch)) {
                rewritten.get_or_insert(offset);
                reigns.retain(|reign| reign.first < offset);
                reigns
                    .iter_mut()
                    .for_each(|reign| reign.last = reign.last.min(offset - 1));
                // Should an older leader be back: nothing of the later ones counts.
                reigns.retain(|reign| reign.epoch <= epoch);
            }
            match reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
                Ok(index) => {
                    let reign = &mut reigns[index];
                    reign.first = reign.first.min(offset);
                    reign.last = reign.last.max(offset);
                }
                Err(index) => reigns.insert(
                    index,
                    Reign {
                        epoch,
                        first: offset,
                        last: offset,
                    },
                ),
            }
            if reigns.len() > MOST {
                reigns.remove(0);
            }
        }
        rewritten
    }

    /// The highest one that was read. It goes with each commit: whoever takes over asks the broker whether its log is still
    /// the same up to there.
    pub fn latest(&self) -> Option<i32> {
        self.0.lock().last().map(|reign| reign.epoch)
    }

    /// Of a message that was read.
    pub fn at(&self, offset: i64) -> Option<i32> {
        let reigns = self.0.lock();
        let found = reigns.iter().find(|reign| (reign.first..=reign.last).contains(&offset));
        found.map(|reign| reign.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(messages: &[(i64, i32)]) -> LeaderEpochs {
        let epochs = LeaderEpochs::default();
        assert_eq!(epochs.read(messages.iter().copied()), None);
        epochs
    }

    #[test]
    fn what_a_later_leader_wrote_at_an_offset_that_was_read_is_another_message() {
        let epochs = table(&[(10, 3), (11, 3), (12, 4), (20, 4), (21, 5), (22, 5)]);
        assert_eq!((epochs.at(9), epochs.at(11), epochs.at(13)), (None, Some(3), Some(4)));
        assert_eq!(epochs.latest(), Some(5));
        assert_eq!(epochs.read([(18, 4), (19, 6), (20, 6)].into_iter()), Some(19));
        assert_eq!(
            (epochs.at(18), epochs.at(19), epochs.latest()),
            (Some(4), Some(6), Some(6))
        );
        assert_eq!(epochs.read([(21, 6), (22, 7)].into_iter()), None, "told of once");
        assert_eq!(epochs.read([(12, 8)].into_iter()), Some(12));
        assert_eq!(epochs.latest(), Some(8));
    }

    #[test]
    fn reading_again_or_elsewhere_is_no_change() {
        let epochs = table(&[(10, 3), (1_000, 7), (1_001, 7)]);
        // Back between what was read, to before it, and over all of it.
        assert_eq!(epochs.read([(500, 5), (501, 5), (600, 6)].into_iter()), None);
        assert_eq!(epochs.read([(5, 2), (6, 3)].into_iter()), None);
        assert_eq!(
            epochs.read([(5, 2), (10, 3), (500, 5), (700, 7), (1_001, 7), (1_002, 7)].into_iter()),
            None
        );
        assert_eq!((epochs.at(6), epochs.at(550), epochs.at(800)), (Some(3), None, Some(7)));
    }

    #[test]
    fn brokers_without_epochs_say_nothing_and_changes_without_end_are_bounded() {
        let epochs = table(&[(10, -1), (9, -1)]);
        assert_eq!((epochs.at(10), epochs.latest()), (None, None));
        assert_eq!(epochs.read((0..1_000).map(|n| (n, n as i32))), None);
        assert_eq!(epochs.0.lock().len(), MOST);
        assert_eq!((epochs.at(1), epochs.at(999)), (None, Some(999)));
    }

    #[test]
    fn an_older_leader_that_is_back_rewrites_too() {
        let epochs = table(&[(10, 3), (20, 5)]);
        assert_eq!(epochs.read([(20, 4)].into_iter()), Some(20));
        assert_eq!(epochs.latest(), Some(4));
    }
}
