//! The lease that a worker gets when it takes a partition from the ready queue.

use std::sync::Arc;
use std::time::Instant;

use super::{Begin, Filling, Partition, Phase, State, Step, Work};
use crate::base::sync::MutexGuard;
use crate::batch::Slice;
use crate::consume::drain::{drain, Drained};
use crate::consume::eligibility::Choice;
use crate::consume::lease::{Kind, Lease};

pub(super) enum Next {
    Slice(Slice),
    /// All fetched messages were skipped, and the queue may hold more.
    Again,
    /// Nothing to hand out until a timer.
    Later,
    Nothing,
    /// During the drain it was paused, sought elsewhere or revoked: `next_step` comes before anything is handed out.
    Changed,
}

impl Partition {
    /// Does the next step; the lease, if that gives one. Called by the worker that took this partition from the ready queue.
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let mut state = self.state.lock();
        match self.next_step(&mut state) {
            Step::Messages => match state.work {
                Work::Serial(_) => self.lease_messages(state),
                Work::Lanes(_) => self.lease_lane(state),
            },
            Step::Final(kind) => self.final_lease(state, kind),
            Step::Seek(position) => {
                self.move_position(state, position);
                None
            }
            Step::At(at) => {
                self.wake_at(&mut state, at);
                drop(state);
                self.park();
                None
            }
            Step::Wait => {
                drop(state);
                self.park();
                None
            }
        }
    }

    fn lease_messages(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> Option<Lease> {
        match self.next_slice(&mut state) {
            Next::Slice(slice) => self.hand_out(&mut state, Kind::Consume, slice),
            Next::Again | Next::Changed => {
                drop(state);
                self.look_again();
                None
            }
            Next::Nothing if state.reading.reached_end => {
                state.reading.reached_end = false;
                self.hand_out(&mut state, Kind::Eofed, Slice::empty())
            }
            Next::Nothing | Next::Later if self.is_idle_now(&mut state) => {
                self.hand_out(&mut state, Kind::Idle, Slice::empty())
            }
            Next::Nothing | Next::Later => {
                drop(state);
                self.park();
                None
            }
        }
    }

    fn hand_out(self: &Arc<Self>, state: &mut State, kind: Kind, slice: Slice) -> Option<Lease> {
        let Work::Serial(serial) = &mut state.work else {
            return None;
        };
        Some(Lease::new(self.clone(), serial.hand_out(&self.marks, kind, slice)))
    }

    /// The final lease, `revoked` or `shutdown`: once for each consumer of the partition.
    fn final_lease(self: &Arc<Self>, mut state: MutexGuard<'_, State>, kind: Kind) -> Option<Lease> {
        state.reading.drop_fetched();
        let delivery = state.work.final_delivery(&self.marks, kind);
        if delivery.is_none() && state.work.is_over() {
            self.finish(state);
            return None;
        }
        let shared = state.work.is_shared();
        drop(state);
        match &delivery {
            // Another worker may take the next one.
            Some(_) if shared => self.requeue(),
            Some(_) => {}
            None => self.park(),
        }
        delivery.map(|delivery| Lease::new(self.clone(), delivery))
    }

    /// A panic in the worker that held it: nothing more is handed out, and no stop waits for it.
    pub(crate) fn abandon_after_panic(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.moving = None;
        state.work.abandon();
        self.finish(state);
    }

    pub(super) fn next_slice(self: &Arc<Self>, state: &mut MutexGuard<'_, State>) -> Next {
        if state.reading.carry.is_none() {
            let missing = self.fetch(state);
            if self.is_interrupted(state) {
                return Next::Changed;
            }
            if let Some(next) = missing {
                return next;
            }
        } else {
            // The queue is not looked at here. The call-back for messages in it may have led here, and librdkafka calls back
            // again only after the queue was empty.
            state.reading.more = true;
        }
        if state.reading.carry.is_some() && !self.is_topic_known(state) {
            return Next::Later;
        }
        self.drop_skipped(state);
        let State { reading, work, .. } = &mut **state;
        let Some(carry) = reading.carry.as_mut() else {
            return if reading.more { Next::Again } else { Next::Nothing };
        };
        let limit = work.limit(carry, self.config().max_messages);
        let (choice, expired) = self.choose(carry, limit);
        if expired > 0 {
            work.front_expired();
        }
        if carry.is_empty() {
            reading.carry = None;
        }
        match choice {
            Choice::Run(slice) => Next::Slice(slice),
            Choice::Later(at) => {
                self.wake_at(state, at);
                Next::Later
            }
            Choice::Nothing if state.reading.more => Next::Again,
            Choice::Nothing => Next::Nothing,
        }
    }

    /// Drains the queue into `carry`. None: `carry` has messages now.
    ///
    /// Without the state's lock: a filter looks at thousands of messages, and a consumer that marks one meanwhile waits for that
    /// lock while it holds the lock of its whole interpreter. No other thread drains: one worker holds the partition.
    fn fetch(self: &Arc<Self>, state: &mut MutexGuard<'_, State>) -> Option<Next> {
        let config = self.config();
        let open = state
            .reading
            .filling
            .take()
            .map(|filling| (filling.batch, filling.deadline));
        let has_id = state.has_topic_id();
        self.drained_since();
        let drained = state.unlocked(|| {
            let mut fetch_queue = self.fetch_queue.lock();
            let queue = fetch_queue.as_mut().map(|fetch_queue| &mut fetch_queue.queue)?;
            let drained = drain(self, queue, open, has_id);
            let is_astray = queue.is_astray();
            drop(fetch_queue);
            if is_astray {
                self.put_right();
            }
            Some(drained)
        });
        let Some(Drained {
            batch,
            more,
            reached_end,
            passed,
            rewritten,
            shorter,
            missing,
        }) = drained
        else {
            return Some(Next::Nothing);
        };
        if batch.is_some() || more {
            self.group.stir();
        }
        if more {
            self.arrived();
        }
        // After the drain: it has nothing that was read after a later answer.
        state.reading.drained_at = self.group.doubt.seen();
        if state.reading.seek.is_some() || state.phase != Phase::Open {
            // Dropped as if it had not been fetched: whoever reads on fetches it again.
            return Some(Next::Changed);
        }
        state.reading.more = more;
        if let Some(offset) = rewritten {
            let first = batch.and_then(|(batch, _)| Slice::whole(batch).first_offset());
            self.begin_again(state, offset, first.unwrap_or(offset));
            return Some(Next::Later);
        }
        if shorter {
            state.begin = Begin::Anew;
            self.group.attend();
            return Some(Next::Later);
        }
        if let Some((from, to)) = missing {
            if !self.is_overtaken(state, from, to) {
                return Some(Next::Later);
            }
        }
        state.reading.reached_end |= reached_end && config.eofed;
        let Some((batch, deadline)) = batch else {
            // All of it is filtered out; messages that were handed out before may still be unmarked.
            self.marks.skip(passed);
            return Some(if more { Next::Again } else { Next::Nothing });
        };
        let full = batch.len() >= config.max_messages || batch.data_bytes() >= config.max_bytes;
        let at_end = reached_end && config.eofed;
        if !full && !at_end && deadline > Instant::now() {
            self.wake_at(state, deadline);
            state.reading.filling = Some(Filling { batch, deadline });
            return Some(Next::Nothing);
        }
        state.reading.carry = Some(Slice::whole(batch));
        None
    }

    /// Drops messages at the front that are not delivered again.
    fn drop_skipped(&self, state: &mut State) {
        let State { reading, work, .. } = state;
        while let Some(carry) = &mut reading.carry {
            let Some(marks) = carry.first_offset().and_then(|first| work.is_skipped(first)) else {
                return;
            };
            carry.drop_front(1);
            if marks {
                self.marks.skip(carry.passed());
            }
            if carry.is_empty() {
                reading.carry = None;
            }
        }
    }
}
