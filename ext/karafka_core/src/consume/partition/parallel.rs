//! A partition whose messages several workers have at once. `lanes` decides which lane gets which messages; this file
//! connects that with the partition: fetched messages, leases, offsets.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::next_batch::Next;
use super::{Partition, State};
use crate::base::sync::MutexGuard;
use crate::batch::{now_ms, Slice};
use crate::consume::lanes::Pick;
use crate::consume::lease::{Delivery, Kind, Lease};

mod settling;
mod window;

use window::Message;
pub(super) use window::Parallel;

impl Partition {
    /// As `lease`, for a partition with lanes.
    pub(super) fn lease_lane(self: &Arc<Self>, mut guard: MutexGuard<'_, State>) -> Option<Lease> {
        self.restore(&mut guard);
        if self.fill_window(&mut guard).is_break() {
            drop(guard);
            self.look_again();
            return None;
        }
        let state = &mut *guard;
        let lease = self.next_lane(state);
        let now = Instant::now();
        let lanes = &state.work.lanes()?.lanes;
        let more = match lanes.pick(now) {
            Pick::Lane(_) => true,
            Pick::At(at) => {
                self.wake_at(state, at);
                false
            }
            Pick::Nothing => lanes.has_idle(),
        };
        drop(guard);
        // This worker is busy now: another one takes the next lane.
        if more && lease.is_some() {
            self.requeue();
        } else {
            self.park();
        }
        lease
    }

    /// Break: `next_step` comes before anything is handed out.
    fn fill_window(self: &Arc<Self>, state: &mut MutexGuard<'_, State>) -> ControlFlow<()> {
        loop {
            let user = state.metadata.clone().unwrap_or_default();
            let max_bytes = self.group.metadata_limit.bytes();
            if !state
                .work
                .lanes()
                .is_some_and(|parallel| parallel.has_room(&user, max_bytes))
            {
                return ControlFlow::Continue(());
            }
            match self.next_slice(state) {
                Next::Slice(slice) => {
                    self.marks.hand_out(&slice);
                    if let Some(parallel) = state.work.lanes() {
                        parallel.admit(slice, &self.epochs);
                        parallel.publish(&self.marks);
                    }
                }
                Next::Again => {}
                Next::Later | Next::Nothing => return ControlFlow::Continue(()),
                Next::Changed => return ControlFlow::Break(()),
            }
        }
    }

    fn next_lane(self: &Arc<Self>, state: &mut State) -> Option<Lease> {
        let now = Instant::now();
        let parallel = state.work.lanes()?;
        if let (Some(slice), None) = (&parallel.unspread, parallel.asked) {
            match parallel.ask_again_at.filter(|at| *at > now) {
                Some(at) => self.wake_at(state, at),
                None => {
                    parallel.asked = Some(now);
                    parallel.lanes.seen(0);
                    return Some(self.lane_lease(0, Kind::Keys, slice.clone(), 1));
                }
            }
        }
        if let Some(given) = self.give_lane(state, now) {
            return given;
        }
        self.next_quiet_lane(state)
    }

    /// The next messages of a lane that has work; None: none has. Age and rate are checked here, since the messages may have
    /// waited for a lane or for another attempt.
    fn give_lane(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Option<Lease>> {
        let config = self.config();
        let now_ms = now_ms();
        loop {
            let parallel = state.work.lanes()?;
            let Pick::Lane(lane) = parallel.lanes.pick(now) else {
                return None;
            };
            let wanted = parallel.lanes.wanted(lane, now, config.max_messages);
            let granted = match self.let_through(wanted) {
                Ok(granted) => granted,
                Err(at) => {
                    self.wake_at(state, at);
                    return Some(None);
                }
            };
            let seen = parallel.lanes.is_seen(lane);
            let bytes_of = |message: &Message| message.picked.data_bytes();
            let attempt = parallel.lanes.take(lane, now, (granted, config.max_bytes), bytes_of);
            let is_over = |message: &Message| config.selection.is_expired(message.picked.timestamp_ms(), now_ms);
            let expired = parallel.lanes.leave_out(lane, is_over);
            if expired > 0 {
                self.expired(expired);
                parallel.publish(&self.marks);
            }
            let messages: Vec<_> = parallel
                .lanes
                .entries(lane)
                .iter()
                .map(|entry| entry.message.picked.clone())
                .collect();
            self.held_back(granted.saturating_sub(messages.len()));
            if !messages.is_empty() {
                return Some(Some(self.lane_lease(
                    lane,
                    Kind::Consume,
                    Slice::picked(messages),
                    attempt,
                )));
            }
            parallel.lanes.stay(lane, seen);
        }
    }

    /// A lease without messages: `idle`, or the end of the partition.
    fn next_quiet_lane(self: &Arc<Self>, state: &mut State) -> Option<Lease> {
        let now = Instant::now();
        let parallel = state.work.lanes()?;
        if let Some(lane) = parallel.lanes.next_idle(now) {
            return Some(self.lane_lease(lane, Kind::Idle, Slice::empty(), 1));
        }
        if parallel.unspread.is_some() || !parallel.lanes.is_idle() {
            return None;
        }
        if state.reading.reached_end {
            state.reading.reached_end = false;
            let lane = parallel.lanes.first_lane();
            parallel.lanes.hold(lane, Kind::Eofed, now);
            return Some(self.lane_lease(lane, Kind::Eofed, Slice::empty(), 1));
        }
        if self.is_idle_now(state) {
            let parallel = state.work.lanes()?;
            parallel.lanes.begin_idle();
            let lane = parallel.lanes.next_idle(now)?;
            return Some(self.lane_lease(lane, Kind::Idle, Slice::empty(), 1));
        }
        None
    }

    fn lane_lease(self: &Arc<Self>, lane: usize, kind: Kind, messages: Slice, attempt: u32) -> Lease {
        Lease::new(self.clone(), Delivery::of_lane(lane, kind, messages, attempt))
    }

    /// Marks of a lane, outside of a settlement. False once the partition is lost.
    pub(crate) fn mark_lane(self: &Arc<Self>, lane: usize, offset: i64) -> bool {
        let mut guard = self.state.lock();
        if !self.is_alive() {
            return false;
        }
        let freed = guard.work.lanes().is_some_and(|parallel| {
            let freed = parallel.lanes.mark(lane, offset);
            parallel.publish(&self.marks);
            // An idle partition may wait for room in the window.
            freed || parallel.lanes.is_idle()
        });
        drop(guard);
        if freed {
            self.notify();
        }
        true
    }

    /// The keys that the host gives for the messages of a `Keys` lease, in order. None: ordered with no other message.
    pub(crate) fn spread(&self, slice: &Slice, keys: &[Option<i64>]) {
        let mut guard = self.state.lock();
        if let Some(parallel) = guard.work.lanes() {
            parallel.spread_by(keys, slice, &self.epochs);
        }
    }
}
