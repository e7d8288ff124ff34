//! The first message of a lease that is not marked: where a retry begins.

use super::Lease;
use crate::partition::{Position, State};

impl Lease {
    /// Which message of this batch is the first unmarked one. None: it is in an earlier batch, or all are marked, or the
    /// user has sought elsewhere.
    pub fn unmarked_index(&self) -> Option<usize> {
        if self.partition.group.guard.is_foreign() {
            return None;
        }
        if let Some(lane) = self.lane {
            return self.unmarked_lane(lane);
        }
        self.unmarked(&self.partition.state.lock())
    }

    pub(super) fn unmarked(&self, state: &State) -> Option<usize> {
        let unmarked = self.first_unmarked(state);
        if unmarked < 0
            || self
                .messages
                .first_offset()
                .is_none_or(|first| self.is_before(unmarked, first))
        {
            return None;
        }
        Some(self.messages.count_before(unmarked)).filter(|index| *index < self.messages.len())
    }

    /// Whether an unmarked offset belongs to an earlier batch. Between two batches offsets may be missing.
    fn is_before(&self, unmarked: i64, first: i64) -> bool {
        unmarked < first && unmarked < self.follows
    }

    /// Back to the first unmarked message: from memory where it is in this batch, by a seek where it is older.
    pub(super) fn rewind(&self, state: &mut State) {
        let Some(first) = self.messages.first_offset() else {
            return;
        };
        let unmarked = match self.partition.marks.first_unmarked() {
            // The user has sought elsewhere and marked nothing since: that is where the retry goes.
            -1 if state.seek.is_some() => {
                state.carry = None;
                return;
            }
            -1 => first,
            known => known,
        };
        state.delivered_to = unmarked;
        if self.is_before(unmarked, first) {
            state.carry = None;
            state.seek = Some(Position::Offset(unmarked));
            return;
        }
        state.seek = None;
        self.partition.marks.rewind(unmarked);
        let whole = match &state.carry {
            Some(carry) if carry.same_batch(&self.messages) => self.messages.joined(carry),
            _ => self.messages.clone(),
        };
        let rest = whole.starting_at(unmarked);
        state.carry = (!rest.is_empty()).then_some(rest);
    }

    pub(super) fn first_unmarked(&self, state: &State) -> i64 {
        state.failures.past_given_up(self.partition.marks.first_unmarked())
    }

    /// Where a retry would start.
    pub fn seek_offset(&self) -> i64 {
        if let Some(lane) = self.lane {
            return self.seek_offset_lane(lane);
        }
        if self.partition.group.guard.is_foreign() {
            let first = self.messages.first_offset().unwrap_or(-1);
            return self
                .partition
                .marks
                .marked_if_free()
                .map_or(first, |marked| marked.max(first));
        }
        let state = self.partition.state.lock();
        match (self.first_unmarked(&state), state.seek) {
            (-1, Some(Position::Offset(sought))) => sought,
            (unmarked, _) => unmarked,
        }
    }
}
