//! A partition whose messages several workers have at once. What goes to whom is decided in `lanes`; here it is
//! connected with the partition: what was fetched, leases, offsets.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use super::handing_out::Next;
use super::restoring::{is_newer, Restored};
use super::{Partition, State};
use crate::batch::{now_ms, Batch, Picked, Slice};
use crate::commit_metadata::room;
use crate::config::{ParallelConfig, Spread};
use crate::lanes::{self, Pick};
use crate::leader_epochs::LeaderEpochs;
use crate::lease::{Kind, Lease};
use crate::sync::MutexGuard;

/// What one partition may have in memory for its lanes. A batch counts until the last of its messages is finished.
const WINDOW_MESSAGES: usize = 10_000;
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes that one unfinished message costs in the commit metadata: two lengths.
const BYTES_PER_UNFINISHED: usize = 4;

/// The bytes of a batch that lanes still have messages of.
struct Pinned {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

pub(crate) type Lanes = lanes::Lanes<Message>;

#[derive(Clone)]
pub(crate) struct Message {
    picked: Picked,
    _pinned: Arc<Pinned>,
}

pub(crate) struct Parallel {
    pub lanes: Lanes,
    by: Spread,
    /// Fetched; its keys have to come from the host.
    unspread: Option<Slice>,
    /// Since when the host is asked for keys.
    pub asked: Option<Instant>,
    window_messages: usize,
    window_bytes: usize,
    pinned_bytes: Arc<AtomicUsize>,
    hasher: RandomState,
    /// What was committed was looked up: the offset, or -1, and the leader's epoch.
    looked_up: Option<(i64, Option<i32>)>,
}

impl Parallel {
    pub fn new(config: &ParallelConfig, max_messages: usize, max_bytes: usize) -> Self {
        Parallel {
            lanes: Lanes::new(config.limit),
            by: config.by,
            unspread: None,
            asked: None,
            // Enough for each lane to have a batch, and another while it works.
            window_messages: (2 * config.limit * max_messages).clamp(max_messages, WINDOW_MESSAGES.max(max_messages)),
            window_bytes: WINDOW_BYTES.max(2 * max_bytes),
            pinned_bytes: Arc::default(),
            hasher: RandomState::new(),
            looked_up: None,
        }
    }

    pub fn is_out(&self) -> bool {
        self.asked.is_some() || self.lanes.is_out()
    }

    /// Lane, kind, and since when.
    pub fn out(&self) -> impl Iterator<Item = (usize, Kind, Instant)> + '_ {
        self.lanes.out().chain(self.asked.map(|since| (0, Kind::Keys, since)))
    }

    /// Whether more may be fetched: bounded by memory, and by what the commit metadata can tell of.
    fn has_room(&self, user_metadata: &str, max_bytes: usize) -> bool {
        // What is out is in `pinned_bytes` too.
        if self.unspread.is_some()
            || self.lanes.waiting() >= self.window_messages
            || self.pinned_bytes.load(Ordering::Relaxed) >= self.window_bytes
        {
            return false;
        }
        if max_bytes == 0 {
            // The broker takes none of it: what cannot be told does not hold up.
            return true;
        }
        let room = room(max_bytes, user_metadata);
        let told =
            self.lanes.acks.span() < 8 * room as i64 / 2 || self.lanes.acks.unfinished() * BYTES_PER_UNFINISHED < room;
        // Where consumers hold messages and wait for more, stopping would be for ever.
        told || self.lanes.is_idle()
    }

    /// None: the host has to say the keys.
    fn admit(&mut self, slice: Slice, epochs: &LeaderEpochs) {
        match self.by {
            Spread::Host => self.unspread = Some(slice),
            Spread::None => self.spread(&slice, epochs, |_| None),
            Spread::Key => {
                let hasher = self.hasher.clone();
                self.spread(&slice, epochs, |index| slice.key(index).map(|key| hasher.hash_one(key)));
            }
        }
    }

    fn spread(&mut self, slice: &Slice, epochs: &LeaderEpochs, key_of: impl Fn(usize) -> Option<u64>) {
        let bytes = slice.memory_bytes();
        self.pinned_bytes.fetch_add(bytes, Ordering::Relaxed);
        let pinned = Arc::new(Pinned {
            bytes,
            total: self.pinned_bytes.clone(),
        });
        for (index, picked) in slice.pick().enumerate() {
            let Some(offset) = slice.offset(index) else { break };
            if self.lanes.acks.has_restored() {
                self.doubt_restored(offset, epochs.at(offset));
            }
            let message = Message {
                picked,
                _pinned: pinned.clone(),
            };
            self.lanes.admit(offset, key_of(index), message);
        }
    }

    pub fn has_looked_up(&self) -> bool {
        self.looked_up.is_some()
    }

    pub fn restore(&mut self, found: Restored) {
        self.looked_up = Some((found.offset, found.leader_epoch));
        self.lanes.acks.restore(found.finished);
    }

    /// Whether what was finished before says anything about this message and those after it.
    fn doubt_restored(&mut self, offset: i64, leader_epoch: Option<i32>) {
        let (committed, committed_epoch) = self.looked_up.unwrap_or((-1, None));
        // Not where the commit said: the position was reset, or the topic is another one.
        let before = offset < committed;
        if before || is_newer(committed_epoch, leader_epoch) {
            tracing::info!(
                "what was processed beyond offset {committed} says nothing about the messages from offset {offset} on \
                 (leader epoch {leader_epoch:?})"
            );
            self.lanes.acks.forget_restored();
        }
    }

    /// Reading goes on at `target`. What came after everything that was handed out is fetched again, or skipped.
    pub fn go_to(&mut self, target: i64, behind: i64) -> i64 {
        self.unspread = None;
        self.lanes.go_to(target, behind)
    }

    fn drop_waiting(&mut self) {
        self.unspread = None;
        self.lanes.drop_waiting();
    }
}

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
        let Some(parallel) = guard.parallel.as_mut() else {
            return;
        };
        // A seek may have come in between.
        if parallel
            .unspread
            .as_ref()
            .is_some_and(|waiting| waiting.same_batch(slice))
        {
            parallel.unspread = None;
            let hasher = parallel.hasher.clone();
            parallel.spread(slice, &self.epochs, |index| {
                keys.get(index).copied().flatten().map(|key| hasher.hash_one(key))
            });
        }
    }
}

fn nothing() -> Slice {
    Slice::whole(Batch::with_capacity(0, 0))
}
