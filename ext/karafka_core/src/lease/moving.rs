//! Where and when reading goes on once a lease is settled: seek, pause and resume.

use std::time::{Duration, Instant};

use super::Lease;
use crate::partition::{Partition, Pause, Position, State};

impl Lease {
    /// Goes on reading elsewhere once this lease is settled (at once if it is already).
    pub fn seek(&self, position: Position) -> bool {
        self.change(|state, partition| {
            match (self.lane, state.parallel.as_mut()) {
                (Some(lane), Some(parallel)) => parallel.lanes.wish(lane, self.wish(position, true)),
                _ => partition.forget_marks(state),
            }
            state.seek = Some(position);
        })
    }

    /// Delivers nothing for a while once this lease is settled; None: until `resume`.
    /// With an offset it goes on from there.
    pub fn pause(&self, offset: Option<i64>, duration: Option<Duration>) -> bool {
        self.change(|state, _| {
            let until = duration.and_then(|duration| Instant::now().checked_add(duration));
            state.pause = until.map_or(Pause::UntilResumed, Pause::Until);
            if let Some(offset) = offset {
                let position = Position::Offset(offset);
                if let (Some(lane), Some(parallel)) = (self.lane, state.parallel.as_mut()) {
                    parallel.lanes.wish(lane, self.wish(position, false));
                }
                state.seek = Some(position);
            }
        })
    }

    pub fn resume(&self) -> bool {
        self.change(|state, _| {
            state.pause = Pause::No;
            if let (Some(lane), Some(parallel)) = (self.lane, state.parallel.as_mut()) {
                parallel.lanes.resume(lane, Instant::now());
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut State, &Partition)) -> bool {
        if !self.partition.is_alive() {
            return false;
        }
        change(&mut self.partition.state.lock(), &self.partition);
        self.partition.notify();
        self.partition.is_alive()
    }
}
