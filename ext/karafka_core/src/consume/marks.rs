//! Up to where a partition is processed, and so what may be committed.
//!
//! Messages are handed out and marked; others are skipped (filtered, expired) and never handed out. A commit covers what
//! was skipped as soon as nothing that was handed out before it waits for its mark: a partition whose messages are all
//! filtered for days still advances, and no commit passes an unprocessed message.

use crate::base::sync::Mutex;
use crate::batch::Slice;

#[derive(Debug)]
struct Table {
    /// What may be committed: the offset after the last processed message; -1: nothing is marked.
    marked: i64,
    /// Where a retry goes: the same, unless the consumer has marked an older message since; then after that one.
    position: i64,
    /// First offset ever handed out after the last seek; where a retry goes when nothing is marked.
    first: i64,
    /// The offset after the last message that was handed out and has not been taken back.
    delivered: i64,
    /// Before this offset nothing is left to hand out: it was handed out or skipped.
    passed: i64,
}

impl Table {
    fn first_unmarked(&self) -> i64 {
        if self.position < 0 {
            self.first
        } else {
            self.position
        }
    }

    /// What was skipped behind the last message handed out goes with that message's mark.
    fn cover_skipped(&mut self) {
        if self.position >= self.delivered {
            self.raise(self.passed);
        }
    }

    /// False: that would go back, and nothing has changed.
    fn forward(&mut self, end: i64) -> bool {
        if end < self.position {
            return false;
        }
        self.raise(end);
        self.cover_skipped();
        true
    }

    fn raise(&mut self, end: i64) {
        self.marked = self.marked.max(end);
        self.position = self.position.max(end);
    }
}

/// A mutex of its own: marks come from user code at any time, also while the partition's state is locked for long.
#[derive(Debug)]
pub struct Marks(Mutex<Table>);

const NONE: Table = Table {
    marked: -1,
    position: -1,
    first: -1,
    delivered: -1,
    passed: -1,
};

impl Default for Marks {
    fn default() -> Self {
        Marks(Mutex::new(NONE))
    }
}

impl Marks {
    /// Everything up to and including `offset` is processed. Never moves back.
    pub fn mark(&self, offset: i64) {
        let mut table = self.0.lock();
        table.raise(offset.saturating_add(1));
        table.cover_skipped();
    }

    /// As `mark`, by the consumer itself. False: an older message than the last one that was marked, and nothing has changed.
    pub fn mark_forward(&self, offset: i64) -> bool {
        self.0.lock().forward(offset.saturating_add(1))
    }

    /// As `mark`, by the consumer itself: an older message takes the position of a retry back to it. With `commits` what is
    /// committed goes back, too. True: it went back.
    pub fn mark_exactly(&self, offset: i64, commits: bool) -> bool {
        let mut table = self.0.lock();
        let end = offset.saturating_add(1);
        let back = !table.forward(end);
        if back {
            table.position = end;
            if commits {
                table.marked = end;
            }
        }
        back
    }

    /// Where a retry starts; -1: nothing is marked.
    pub fn position(&self) -> i64 {
        self.0.lock().position
    }

    /// What may be committed; -1: nothing.
    pub fn marked(&self) -> i64 {
        self.0.lock().marked
    }

    /// As `marked`, without waiting: in a forked child the lock may be held by a thread that does not exist there. None: it is.
    pub fn marked_if_free(&self) -> Option<i64> {
        self.0.try_lock().map(|table| table.marked)
    }

    /// Where a retry starts: the first message that was handed out and is not marked. -1: unknown.
    pub fn first_unmarked(&self) -> i64 {
        self.0.lock().first_unmarked()
    }

    /// These messages go out. The answer is where what was handed out before ends; -1: nothing was.
    pub fn hand_out(&self, messages: &Slice) -> i64 {
        match (messages.first_offset(), messages.last_offset()) {
            (Some(first), Some(last)) => self.deliver(first, last + 1, messages.passed_after()),
            _ => -1,
        }
    }

    /// The messages from `first` up to before `end` go out. Nothing is left to hand out before `passed`.
    fn deliver(&self, first: i64, end: i64, passed: i64) -> i64 {
        let mut table = self.0.lock();
        let follows = table.delivered;
        if table.first < 0 {
            table.first = first;
        }
        table.delivered = follows.max(end);
        table.passed = table.passed.max(passed);
        follows
    }

    /// Nothing is left to hand out before `passed`.
    pub fn skip(&self, passed: i64) {
        let mut table = self.0.lock();
        table.passed = table.passed.max(passed);
        table.cover_skipped();
    }

    /// Reading goes on at `offset`: what was handed out from there on is handed out again.
    pub fn rewind(&self, offset: i64) {
        let mut table = self.0.lock();
        table.delivered = if offset <= table.first_unmarked() {
            table.position
        } else {
            table.delivered.min(offset)
        };
        table.passed = table.passed.min(offset);
    }

    /// Reading begins at `offset`, and nothing before it is to be processed.
    pub fn start(&self, offset: i64) {
        *self.0.lock() = Table { marked: offset, ..NONE };
    }

    /// After an explicit seek the user decides anew what is processed.
    pub fn forget(&self) {
        *self.0.lock() = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_before_the_first_message_is_covered_at_once() {
        let marks = Marks::default();
        marks.skip(50);
        assert_eq!(marks.marked(), 50);
        marks.skip(70);
        assert_eq!(marks.marked(), 70);
    }

    #[test]
    fn nothing_skipped_behind_an_unmarked_message_is_covered() {
        let marks = Marks::default();
        marks.deliver(10, 15, 20);
        marks.skip(90);
        assert_eq!(marks.marked(), -1);
        marks.mark(13);
        assert_eq!(marks.marked(), 14);
        marks.mark(14);
        assert_eq!(marks.marked(), 90, "the last mark covers what was skipped behind it");
        marks.skip(95);
        assert_eq!(marks.marked(), 95);
    }

    #[test]
    fn a_retry_that_is_skipped_the_second_time_is_covered() {
        let marks = Marks::default();
        marks.deliver(10, 15, 20);
        marks.rewind(marks.first_unmarked());
        assert_eq!(marks.marked(), -1);
        marks.skip(15);
        assert_eq!(marks.marked(), 15);
    }

    #[test]
    fn a_rewind_forgets_what_was_skipped_behind_it() {
        let marks = Marks::default();
        marks.deliver(10, 15, 20);
        marks.mark(11);
        marks.rewind(12);
        assert_eq!((marks.marked(), marks.first_unmarked()), (12, 12));
        marks.deliver(12, 15, 15);
        marks.mark(14);
        assert_eq!(marks.marked(), 15);
    }

    #[test]
    fn a_jump_over_unmarked_messages_does_not_mark_them() {
        let marks = Marks::default();
        marks.deliver(10, 15, 15);
        marks.rewind(13);
        marks.skip(30);
        assert_eq!(marks.marked(), -1);
        marks.deliver(30, 31, 31);
        marks.mark(30);
        assert_eq!(marks.marked(), 31);
    }

    #[test]
    fn a_consumer_that_marks_an_older_message_has_the_retry_begin_behind_it() {
        let marks = Marks::default();
        marks.deliver(0, 10, 10);
        assert!(marks.mark_forward(7));
        assert!(!marks.mark_forward(2));
        assert_eq!((marks.marked(), marks.first_unmarked()), (8, 8), "nothing has changed");
        assert!(marks.mark_exactly(2, false));
        assert_eq!(
            (marks.marked(), marks.first_unmarked()),
            (8, 3),
            "what is committed stays"
        );
        assert!(!marks.mark_exactly(2, false), "the same again is no step back");
        assert!(!marks.mark_exactly(5, false));
        assert_eq!((marks.marked(), marks.first_unmarked()), (8, 6));
        marks.mark(9);
        assert_eq!((marks.marked(), marks.first_unmarked()), (10, 10));
    }

    #[test]
    fn where_the_consumer_alone_decides_what_is_committed_goes_back_too() {
        let marks = Marks::default();
        marks.deliver(0, 10, 20);
        marks.mark_exactly(9, true);
        assert_eq!(marks.marked(), 20, "with what was skipped behind it");
        assert!(marks.mark_exactly(2, true));
        assert_eq!((marks.marked(), marks.first_unmarked()), (3, 3));
        marks.skip(30);
        assert_eq!(marks.marked(), 3, "messages wait for their marks again");
    }

    #[test]
    fn a_mark_never_moves_back() {
        let marks = Marks::default();
        marks.deliver(0, 10, 10);
        marks.mark(7);
        marks.mark(2);
        assert_eq!(marks.marked(), 8);
        marks.rewind(3);
        assert_eq!(marks.marked(), 8);
        marks.forget();
        assert_eq!((marks.marked(), marks.first_unmarked()), (-1, -1));
    }
}
