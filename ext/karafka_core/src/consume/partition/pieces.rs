//! The memory of fetched messages: an answer of a broker is freed with its last message, however many of them were taken
//! before. librdkafka does not say which messages came together, so it is seen by the queue's growth from one look to the next.

use std::collections::VecDeque;

/// More of them count as one, as if they had come together.
const MOST: usize = 16;

/// What one partition has fetched ahead.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// Messages that wait in the queue.
    pub queued: usize,
    /// These, and those that came together with the first of them and were taken.
    pub kept: usize,
}

/// Counted in messages since the assignment began.
#[derive(Default)]
pub(super) struct Pieces {
    taken: usize,
    /// Where the piece begins that is being taken.
    start: usize,
    /// Where each piece ends.
    ends: VecDeque<usize>,
    /// At the last look there was less in the queue than had come.
    shrunk: bool,
}

impl Pieces {
    pub(super) fn take(&mut self, messages: usize) {
        self.taken += messages;
    }

    pub(super) fn look(&mut self, queued: usize) -> Ahead {
        let end = self.taken + queued;
        let last = *self.ends.back().unwrap_or(&self.start);
        if end < last {
            // Either a worker is taking some, which counts when it has done, or librdkafka has thrown them away.
            if std::mem::replace(&mut self.shrunk, true) {
                self.ends.retain(|piece| *piece < end);
                self.ends.push_back(end);
            }
        } else {
            self.shrunk = false;
            if end > last && self.ends.len() == MOST {
                self.ends.pop_back();
            }
            if end > last {
                self.ends.push_back(end);
            }
        }
        while self.ends.front().is_some_and(|end| *end <= self.taken) {
            self.start = self.ends.pop_front().unwrap_or(self.start);
        }
        let end = *self.ends.back().unwrap_or(&self.start);
        Ahead {
            queued,
            kept: end.saturating_sub(self.start).max(queued),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pieces: &mut Pieces, queued: usize) -> usize {
        pieces.look(queued).kept
    }

    #[test]
    fn a_piece_is_kept_until_its_last_message_is_taken() {
        let mut pieces = Pieces::default();
        assert_eq!(kept(&mut pieces, 100), 100);
        pieces.take(99);
        assert_eq!(pieces.look(1), Ahead { queued: 1, kept: 100 });
        assert_eq!(kept(&mut pieces, 51), 150, "50 have come");
        pieces.take(1);
        assert_eq!(kept(&mut pieces, 50), 50);
        pieces.take(50);
        assert_eq!(pieces.look(0), Ahead::default());
    }

    #[test]
    fn what_is_being_taken_is_not_thrown_away_and_what_was_thrown_away_is_not_kept() {
        let mut pieces = Pieces::default();
        kept(&mut pieces, 100);
        assert_eq!(kept(&mut pieces, 0), 100, "a worker has them");
        pieces.take(60);
        assert_eq!(kept(&mut pieces, 40), 100);
        kept(&mut pieces, 0);
        assert_eq!(kept(&mut pieces, 0), 0, "a seek");
        assert_eq!(kept(&mut pieces, 10), 10);
    }

    #[test]
    fn many_pieces_count_as_few() {
        let mut pieces = Pieces::default();
        for queued in 1..=1_000 {
            assert_eq!(kept(&mut pieces, queued), queued);
        }
        assert!(pieces.ends.len() <= MOST);
        pieces.take(1_000);
        assert_eq!(kept(&mut pieces, 0), 0);
    }
}
