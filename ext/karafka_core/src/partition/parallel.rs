//! A partition whose messages several workers have at once. What goes to whom is decided in `lanes`; here it is
//! connected with the partition: what was fetched, leases, offsets.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Instant;

use super::handing_out::Next;
use super::{Partition, State};
use crate::batch::{now_ms, Batch, Slice};
use crate::lanes::Pick;
use crate::lease::{Kind, Lease};
use crate::sync::MutexGuard;

mod window;

use window::Message;
pub(crate) use window::{Lanes, Parallel};

impl Partition {
    /// As `lease`, for a partition with lanes.
    pub(super) fn lease_lane(self: &Arc<Self>, mut guard: MutexGuard<'_, State>) -> Option<Lease> {
        if !self.look_up(&mut guard) {
            drop(guard);
            self.look_again();
            return None;
        }
        let state = &mut *guard;
        self.fill_window(state);
        let lease = self.next_lane(state);
        let now = Instant::now();
        let more = match state.parallel.as_ref().map(|parallel| parallel.lanes.pick(now)) {
            Some(Pick::Lane(_)) => true,
            Some(Pick::At(at)) => {
                self.look_at(state, at);
                false
            }
            _ => state
                .parallel
                .as_ref()
                .is_some_and(|parallel| parallel.lanes.has_idle()),
        };
        drop(guard);
        // This worker is busy now: another one takes what else there is.
        if more && lease.is_some() {
            self.requeue();
        } else {
            self.park();
        }
        lease
    }

    fn fill_window(self: &Arc<Self>, state: &mut State) {
        loop {
            let user = state.metadata.clone().unwrap_or_default();
            let max_bytes = self.group.metadata_limit.bytes();
            let parallel = state.parallel.as_ref();
            if !parallel.is_some_and(|parallel| parallel.has_room(&user, max_bytes)) {
                return;
            }
            match self.next_slice(state) {
                Next::Slice(slice) => {
                    if let (Some(first), Some(last)) = (slice.first_offset(), slice.last_offset()) {
                        self.marks.hand_out(first, last + 1, slice.passed_after());
                    }
                    if let Some(parallel) = state.parallel.as_mut() {
                        parallel.admit(slice, &self.epochs);
                        self.publish(parallel);
                    }
                }
                Next::Again => {}
                Next::Later | Next::Nothing => return,
            }
        }
    }

    fn next_lane(self: &Arc<Self>, state: &mut State) -> Option<Lease> {
        let now = Instant::now();
        let parallel = state.parallel.as_mut()?;
        if let (Some(slice), None) = (&parallel.unspread, parallel.asked) {
            match state.ask_again_at.filter(|at| *at > now) {
                Some(at) => self.look_at(state, at),
                None => {
                    parallel.asked = Some(now);
                    parallel.lanes.seen(0);
                    return Some(Lease::of_lane(self.clone(), Kind::Keys, slice.clone(), 1, 0));
                }
            }
        }
        if let Some(given) = self.give_lane(state, now) {
            return given;
        }
        self.next_quiet_lane(state)
    }

    /// The next messages of a lane that has something to do; None: none has. Their age and rate are asked for here, since
    /// they may have waited for a lane or for another attempt.
    fn give_lane(self: &Arc<Self>, state: &mut State, now: Instant) -> Option<Option<Lease>> {
        let config = self.config();
        let now_ms = now_ms();
        loop {
            let parallel = state.parallel.as_mut()?;
            let Pick::Lane(lane) = parallel.lanes.pick(now) else {
                return None;
            };
            let wanted = parallel.lanes.wanted(lane, now, config.max_messages);
            let granted = match self.let_through(wanted) {
                Ok(granted) => granted,
                Err(at) => {
                    self.look_at(state, at);
                    return Some(None);
                }
            };
            let seen = parallel.lanes.is_seen(lane);
            let bytes_of = |message: &Message| message.picked.data_bytes();
            let attempt = parallel.lanes.take(lane, now, (granted, config.max_bytes), bytes_of);
            let is_over = |message: &Message| config.selection.is_expired(message.picked.timestamp_ms(), now_ms);
            let expired = parallel.lanes.leave_out(lane, is_over);
            if expired > 0 {
                self.skipped.expired.fetch_add(expired as u64, Ordering::Relaxed);
                self.publish(parallel);
            }
            let messages: Vec<_> = parallel
                .lanes
                .entries(lane)
                .iter()
                .map(|entry| entry.message.picked.clone())
                .collect();
            self.held_back(granted.saturating_sub(messages.len()));
            if !messages.is_empty() {
                return Some(Some(Lease::of_lane(
                    self.clone(),
                    Kind::Consume,
                    Slice::picked(messages),
                    attempt,
                    lane,
                )));
            }
            parallel.lanes.stay(lane, seen);
        }
    }

    /// What is called when there are no messages.
    fn next_quiet_lane(self: &Arc<Self>, state: &mut State) -> Option<Lease> {
        let now = Instant::now();
        let parallel = state.parallel.as_mut()?;
        if let Some(lane) = parallel.lanes.next_idle(now) {
            return Some(Lease::of_lane(self.clone(), Kind::Idle, nothing(), 1, lane));
        }
        if parallel.unspread.is_some() || !parallel.lanes.is_idle() {
            return None;
        }
        if state.reached_end {
            state.reached_end = false;
            let lane = parallel.lanes.first_lane();
            parallel.lanes.hold(lane, Kind::Eofed, now);
            return Some(Lease::of_lane(self.clone(), Kind::Eofed, nothing(), 1, lane));
        }
        if self.is_idle_now(state) {
            let parallel = state.parallel.as_mut()?;
            parallel.lanes.begin_idle();
            let lane = parallel.lanes.next_idle(now)?;
            return Some(Lease::of_lane(self.clone(), Kind::Idle, nothing(), 1, lane));
        }
        None
    }

    /// As `farewell`: one for each lane that somebody has seen.
    pub(super) fn lane_farewell(self: &Arc<Self>, mut guard: MutexGuard<'_, State>, kind: Kind) -> Option<Lease> {
        let state = &mut *guard;
        let parallel = state.parallel.as_mut()?;
        parallel.drop_waiting();
        if let Some(lane) = parallel.lanes.farewell() {
            parallel.lanes.hold(lane, kind, Instant::now());
            drop(guard);
            self.requeue();
            return Some(Lease::of_lane(self.clone(), kind, nothing(), 1, lane));
        }
        let over = parallel.lanes.is_over() && parallel.asked.is_none();
        state.finished |= over;
        drop(guard);
        self.park();
        if over {
            self.settled.notify_all();
            self.group.wake_poller();
            self.tell_successor();
        }
        None
    }

    /// Ends the lease of a lane; `rests`: from now on it counts whether nothing comes. True when the partition was still ours.
    pub(crate) fn finish_lane(
        self: &Arc<Self>,
        comes_back: bool,
        rests: bool,
        keys: bool,
        change: impl FnOnce(&mut State, &mut Lanes),
    ) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if rests {
            self.rest(state);
        }
        // Out of the state for a moment, so that both can be changed.
        if let Some(mut parallel) = state.parallel.take() {
            if keys {
                parallel.asked = None;
            }
            change(state, &mut parallel.lanes);
            self.publish(&parallel);
            state.parallel = Some(parallel);
        }
        // Under the lock: `fence` comes before or after, not between the mark and this answer.
        let alive = self.is_alive();
        drop(guard);
        self.settled.notify_all();
        if comes_back {
            self.notify_own();
        } else {
            self.notify();
        }
        alive
    }

    /// What a lane has processed outside of a settlement. False once the partition is lost.
    pub(crate) fn mark_lane(self: &Arc<Self>, lane: usize, offset: i64) -> bool {
        let mut guard = self.state.lock();
        if !self.is_alive() {
            return false;
        }
        let freed = guard.parallel.as_mut().is_some_and(|parallel| {
            let freed = parallel.lanes.mark(lane, offset);
            self.publish(parallel);
            // An idle partition may wait for room.
            freed || parallel.lanes.is_idle()
        });
        drop(guard);
        if freed {
            self.notify();
        }
        true
    }

    pub(super) fn publish(&self, parallel: &Parallel) {
        let frontier = parallel.lanes.acks.frontier();
        if frontier >= 0 {
            self.marks.mark(frontier - 1);
        }
    }

    /// The keys of what the host was asked about, in order; None: a message that has an order with no other.
    pub(crate) fn spread(&self, slice: &Slice, keys: &[Option<i64>]) {
        let mut guard = self.state.lock();
        if let Some(parallel) = guard.parallel.as_mut() {
            parallel.spread_by(keys, slice, &self.epochs);
        }
    }
}

fn nothing() -> Slice {
    Slice::whole(Batch::with_capacity(0, 0))
}
