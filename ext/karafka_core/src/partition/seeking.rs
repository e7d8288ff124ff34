//! Reading goes on elsewhere: a seek of the user's, or back to what failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Pause, Position, State};
use crate::error::{Error, Result};
use crate::lanes::Wish;
use crate::lease::Kind;
use crate::native::{OFFSET_BEGINNING, OFFSET_END};
use crate::sync::MutexGuard;

/// How long one seek or time look-up may take before it is tried again.
const POSITION_TIMEOUT: Duration = Duration::from_secs(5);
const POSITION_RETRY: Duration = Duration::from_secs(1);

/// As numbers, so that they compare with offsets.
const BEGINNING: i64 = i64::MIN;
const END: i64 = i64::MAX;

impl Partition {
    /// Moves the position as `state.seek` says. No lease is out.
    pub(super) fn go_to_sought(self: &Arc<Self>, mut state: MutexGuard<'_, State>, position: Position) {
        state.seek = None;
        state.carry = None;
        state.filling = None;
        let mut wishes = BTreeMap::new();
        if let Some(parallel) = state.parallel.as_mut() {
            wishes = parallel.lanes.take_wishes();
        }
        if wishes.is_empty() {
            let wish = Wish {
                position,
                behind: END,
                forgets: true,
            };
            wishes.insert(usize::MAX, wish);
        }
        state.leased = Some((Kind::Seek, Instant::now()));
        let moved = match state.unlocked(|| self.resolve(wishes.values())) {
            Ok((target, wish)) => {
                let target = self.forget_from(&mut state, target, wish);
                let again = match target {
                    BEGINNING => Position::Earliest,
                    END => Position::Latest,
                    offset => Position::Offset(offset),
                };
                state
                    .unlocked(|| self.read_from(target))
                    .map_err(|error| (error, again))
            }
            Err(error) => {
                if let Some(parallel) = state.parallel.as_mut() {
                    parallel.lanes.put_back(wishes);
                }
                Err((error, position))
            }
        };
        state.leased = None;
        self.settled.notify_all();
        if let Err((error, again)) = moved {
            self.report(error);
            state.seek.get_or_insert(again);
            // The user may have paused it meanwhile.
            if state.pause == Pause::No {
                state.pause = Pause::Until(Instant::now() + POSITION_RETRY);
            }
        }
        drop(state);
        self.look_again();
    }

    /// The earliest of them: what any lane wants again comes again.
    fn resolve<'a>(&self, wishes: impl Iterator<Item = &'a Wish>) -> Result<(i64, Wish)> {
        let mut earliest: Option<(i64, Wish)> = None;
        for wish in wishes {
            let target = match wish.position {
                Position::Offset(offset) => offset,
                Position::Earliest => BEGINNING,
                Position::Latest => END,
                Position::TimeMs(time_ms) => {
                    let client = self.group.client().ok_or(Error::Closed)?;
                    let found = client.offset_for_time(&self.topic, self.number, time_ms, POSITION_TIMEOUT)?;
                    found.unwrap_or(END)
                }
            };
            let earlier = |(known, other): &(i64, Wish)| {
                (target, std::cmp::Reverse(wish.behind)) < (*known, std::cmp::Reverse(other.behind))
            };
            if earliest.as_ref().is_none_or(earlier) {
                earliest = Some((target, *wish));
            }
        }
        earliest.ok_or(Error::Closed)
    }

    fn forget_from(&self, state: &mut State, mut target: i64, wish: Wish) -> i64 {
        if let Some(parallel) = state.parallel.as_mut() {
            target = parallel.go_to(target, wish.behind);
            let nothing_before = parallel.lanes.acks.unfinished() == 0;
            self.publish(parallel);
            // Else it is known already what of it may be committed.
            if wish.forgets && nothing_before && target <= self.marked() {
                self.forget_marks(state);
            }
        }
        if target != BEGINNING && target != END {
            self.marks.rewind(target);
        }
        target
    }

    fn read_from(&self, target: i64) -> Result<()> {
        let client = self.group.client().ok_or(Error::Closed)?;
        let offset = match target {
            BEGINNING => OFFSET_BEGINNING,
            END => OFFSET_END,
            offset => offset,
        };
        client.seek(&self.topic, self.number, offset, POSITION_TIMEOUT)
    }
}
