//! What a worker gets that took a partition from the ready queue.

use std::sync::Arc;
use std::time::Instant;

use super::{Filling, Listening, Partition, Pause, State};
use crate::batch::{Batch, Slice};
use crate::drain::{drain, Drained};
use crate::lease::{Kind, Lease};
use crate::selection::Choice;
use crate::sync::MutexGuard;

pub(super) enum Next {
    Slice(Slice),
    /// Everything that was there is skipped, and there may be more.
    Again,
    /// Nothing to hand out until a timer.
    Later,
    Nothing,
}

impl Partition {
    /// What there is to do now, if anything. Called by the worker that took this partition from the ready queue.
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut state = self.state.lock();
        if self.has_to_wait(&mut state) {
            drop(state);
            self.park();
            return None;
        }
        if state.ended {
            return self.farewell(state, Kind::Revoked);
        }
        if self.group.is_stopping() && !state.revoking {
            return self.farewell(state, Kind::Shutdown);
        }
        if state.revoking || self.group.is_quiet() || self.group.is_held(&self.topic, self.number) {
            drop(state);
            self.park();
            return None;
        }
        match state.pause {
            Pause::UntilResumed => {
                drop(state);
                self.park();
                return None;
            }
            Pause::Until(at) if at > Instant::now() => {
                self.look_at(&mut state, at);
                drop(state);
                self.park();
                return None;
            }
            _ => state.pause = Pause::No,
        }
        if state.seek.is_some() && state.lanes_are_out() {
            // They come back first: a message must not be with two workers.
            drop(state);
            self.park();
            return None;
        }
        if let Some(position) = state.seek {
            self.go_to_sought(state, position);
            return None;
        }
        if state.parallel.is_some() {
            return self.lease_lane(state);
        }
        match self.next_slice(&mut state) {
            Next::Slice(slice) => Some(self.hand_out(&mut state, Kind::Consume, slice)),
            Next::Again => {
                drop(state);
                self.look_again();
                None
            }
            Next::Nothing if state.reached_end => {
                state.reached_end = false;
                Some(self.hand_out(&mut state, Kind::Eofed, Slice::whole(Batch::with_capacity(0, 0))))
            }
            Next::Nothing | Next::Later if self.is_idle_now(&mut state) => {
                Some(self.hand_out(&mut state, Kind::Idle, Slice::whole(Batch::with_capacity(0, 0))))
            }
            Next::Nothing | Next::Later => {
                drop(state);
                self.park();
                None
            }
        }
    }

    fn hand_out(self: &Arc<Self>, state: &mut State, kind: Kind, slice: Slice) -> Lease {
        state.leased = Some((kind, Instant::now()));
        state.has_consumer = true;
        if let (Some(first), Some(last)) = (slice.first_offset(), slice.last_offset()) {
            self.marks.hand_out(first, last + 1, slice.passed_after());
        }
        let lease = Lease::new(self.clone(), kind, slice, state);
        if let Some(last) = lease.messages().last_offset() {
            state.delivered_to = last + 1;
        }
        lease
    }

    /// The last lease of a partition: once, and only if somebody has seen the partition at all.
    fn farewell(self: &Arc<Self>, mut state: MutexGuard<'_, State>, kind: Kind) -> Option<Lease> {
        state.carry = None;
        state.filling = None;
        if state.parallel.is_some() {
            return self.lane_farewell(state, kind);
        }
        if state.has_consumer && !state.farewell_given {
            state.farewell_given = true;
            return Some(self.hand_out(&mut state, kind, Slice::whole(Batch::with_capacity(0, 0))));
        }
        state.finished = true;
        drop(state);
        self.settled.notify_all();
        self.park();
        self.group.wake_poller();
        self.tell_successor();
        None
    }

    /// The worker that held it failed inside the engine: nothing more is handed out, and no stop waits for it.
    pub(crate) fn give_up(self: &Arc<Self>) {
        {
            let mut state = self.state.lock();
            state.leased = None;
            if let Some(parallel) = state.parallel.as_mut() {
                parallel.asked = None;
                parallel.lanes.abandon();
            }
            state.has_consumer = false;
            state.finished = true;
        }
        self.settled.notify_all();
        self.park();
        self.group.wake_poller();
        self.tell_successor();
    }

    pub(super) fn next_slice(self: &Arc<Self>, state: &mut State) -> Next {
        let config = self.config();
        if state.carry.is_none() {
            let listening = self.listening.lock();
            let Some(Listening { queue, .. }) = listening.as_ref() else {
                return Next::Nothing;
            };
            let open = state.filling.take().map(|filling| (filling.batch, filling.deadline));
            let Drained {
                batch,
                more,
                reached_end,
                average_bytes,
                passed,
                rewritten,
            } = drain(self, queue, open, state.average_bytes);
            drop(listening);
            state.more = more;
            if let Some(offset) = rewritten {
                let first = batch.and_then(|(batch, _)| Slice::whole(batch).first_offset());
                self.begin_again(state, offset, first.unwrap_or(offset));
                return Next::Later;
            }
            state.reached_end |= reached_end && config.eofed;
            state.average_bytes = average_bytes;
            let Some((batch, deadline)) = batch else {
                // All that came is left out; what was handed out before may still be unmarked.
                self.marks.skip(passed);
                return if more { Next::Again } else { Next::Nothing };
            };
            let full = batch.len() >= config.max_messages || batch.data_bytes() >= config.max_bytes;
            let at_end = reached_end && config.eofed;
            if !full && !at_end && deadline > Instant::now() {
                self.look_at(state, deadline);
                state.filling = Some(Filling { batch, deadline });
                return Next::Nothing;
            }
            state.carry = Some(Slice::whole(batch));
        } else {
            // The queue is not looked at, and the notice of what came meanwhile may be the one that led here:
            // librdkafka gives no other until the queue was empty.
            state.more = true;
        }
        self.leave_out_given_up(state);
        let Some(carry) = state.carry.as_mut() else {
            return if state.more { Next::Again } else { Next::Nothing };
        };
        let limit = state.failures.limit(carry, config.max_messages);
        let choice = self.choose(carry, limit, &mut state.attempt);
        if carry.is_empty() {
            state.carry = None;
        }
        match choice {
            Choice::Run(slice) => Next::Slice(slice),
            Choice::Later(at) => {
                self.look_at(state, at);
                Next::Later
            }
            Choice::Nothing if state.more => Next::Again,
            Choice::Nothing => Next::Nothing,
        }
    }

    /// Skips the messages at the front that were dead-lettered or skipped before.
    fn leave_out_given_up(&self, state: &mut State) {
        while let Some(carry) = &mut state.carry {
            let Some(marks) = carry.first_offset().and_then(|first| state.failures.given_up(first)) else {
                return;
            };
            carry.drop_front(1);
            if marks {
                self.marks.skip(carry.passed());
            }
            if carry.is_empty() {
                state.carry = None;
            }
        }
    }
}
