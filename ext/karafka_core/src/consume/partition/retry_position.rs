//! The first message of a lease that is not marked: where a retry begins.

use super::serial::Serial;
use super::{Partition, Position, Reading};
use crate::consume::lease::Delivery;
use crate::consume::marks::Marks;

impl Partition {
    /// The number of the attempt; 1 where the message that failed is marked by now and attempts count for each message.
    pub(crate) fn attempt(&self, delivery: &Delivery) -> u32 {
        let passed =
            delivery.attempt > 1 && self.config().attempts_per_message && self.marks.position() > delivery.failed_at;
        if passed {
            1
        } else {
            delivery.attempt
        }
    }

    /// See `Lease::unmarked_index`.
    pub(crate) fn unmarked_index(&self, delivery: &Delivery) -> Option<usize> {
        if self.group.guard.is_foreign() {
            return None;
        }
        self.state.lock().work.unmarked_index(&self.marks, delivery)
    }

    /// See `Lease::seek_offset`.
    pub(crate) fn seek_offset(&self, delivery: &Delivery) -> i64 {
        if self.group.guard.is_foreign() {
            let first = delivery.messages.first_offset().unwrap_or(-1);
            // A lane has no position of its own.
            let marked = self.marks.marked_if_free().filter(|_| delivery.lane.is_none());
            return marked.map_or(first, |marked| marked.max(first));
        }
        let state = self.state.lock();
        state.work.seek_offset(&self.marks, &state.reading, delivery)
    }
}

impl Serial {
    pub fn unmarked_index(&self, marks: &Marks, delivery: &Delivery) -> Option<usize> {
        let unmarked = self.first_unmarked(marks);
        let first = delivery.messages.first_offset()?;
        if unmarked < 0 || is_before(delivery, unmarked, first) {
            return None;
        }
        Some(delivery.messages.count_before(unmarked)).filter(|index| *index < delivery.messages.len())
    }

    pub fn seek_offset(&self, marks: &Marks, reading: &Reading) -> i64 {
        match (self.first_unmarked(marks), reading.seek) {
            (-1, Some(Position::Offset(sought))) => sought,
            (unmarked, _) => unmarked,
        }
    }

    pub fn first_unmarked(&self, marks: &Marks) -> i64 {
        self.retry_state.past_skipped(marks.first_unmarked())
    }

    /// Back to the first unmarked message: from memory where it is in this batch, by a seek where it is older.
    pub fn rewind(&self, marks: &Marks, reading: &mut Reading, delivery: &Delivery) {
        let Some(first) = delivery.messages.first_offset() else {
            return;
        };
        let unmarked = match marks.first_unmarked() {
            // The consumer has sought elsewhere and marked nothing since: the retry goes there.
            -1 if reading.seek.is_some() => {
                reading.carry = None;
                return;
            }
            -1 => first,
            known => known,
        };
        if is_before(delivery, unmarked, first) {
            reading.carry = None;
            reading.seek = Some(Position::Offset(unmarked));
            return;
        }
        reading.seek = None;
        marks.rewind(unmarked);
        let whole = match &reading.carry {
            Some(carry) if carry.same_batch(&delivery.messages) => delivery.messages.joined(carry),
            _ => delivery.messages.clone(),
        };
        let rest = whole.starting_at(unmarked);
        reading.carry = (!rest.is_empty()).then_some(rest);
    }
}

/// Whether an unmarked offset belongs to an earlier batch. Between two batches offsets may be missing.
fn is_before(delivery: &Delivery, unmarked: i64, first: i64) -> bool {
    unmarked < first && unmarked < delivery.follows
}
