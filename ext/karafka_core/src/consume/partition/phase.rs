//! The phases of an assignment, and the next step of its partition.

use std::sync::Arc;
use std::time::Instant;

use super::{Begin, Partition, Pause, Position, State};
use crate::base::sync::MutexGuard;
use crate::consume::lease::Kind;

/// Goes forward only. Whether marks count is in `Partition::is_alive` instead: marks do not take the state's lock, and after
/// its `shutdown` a partition stays in the group, and can be marked, until the client closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    /// Leases that are out get the grace; no other is handed out.
    Revoking,
    /// Marks answer false, and those made before are being committed.
    Fenced,
    /// Lost for good: the final lease may be handed out.
    Ended,
    /// No lease is out, and none will be.
    Finished,
}

/// What a worker does with a partition.
pub(super) enum Step {
    /// Nothing, until it is notified.
    Wait,
    /// Nothing before this time.
    At(Instant),
    /// Hand out the final lease, if the partition has a consumer.
    Final(Kind),
    /// Move the position.
    Seek(Position),
    /// Hand out messages, if any were fetched.
    Messages,
}

impl State {
    pub(super) fn advance(&mut self, phase: Phase) {
        self.phase = self.phase.max(phase);
    }
}

impl Partition {
    /// The next step. The worker that takes the partition does it; the worker that lets go asks only whether there is one, so
    /// the two cannot disagree.
    pub(super) fn next_step(&self, state: &mut State) -> Step {
        if state.phase == Phase::Finished || self.awaits_former(state) {
            return Step::Wait;
        }
        match state.phase {
            Phase::Ended => return Step::Final(Kind::Revoked),
            Phase::Open if self.group.is_winding_down() => return Step::Final(Kind::Shutdown),
            // Else the poll thread notifies it, when it knows where it begins; a resume notifies it, too.
            Phase::Open if state.begin == Begin::Known && !self.group.is_held(&self.topic, self.number) => {}
            _ => return Step::Wait,
        }
        match state.reading.pause {
            Pause::UntilResumed => return Step::Wait,
            Pause::Until(at) if at > Instant::now() => return Step::At(at),
            _ => state.reading.pause = Pause::No,
        }
        match state.reading.seek {
            // Leases come back first: no message may be with two workers.
            Some(_) if state.work.is_out() => Step::Wait,
            Some(position) => Step::Seek(position),
            None => Step::Messages,
        }
    }

    /// Something happened during a drain, so `next_step` comes before anything is handed out.
    pub(super) fn is_interrupted(&self, state: &State) -> bool {
        state.reading.seek.is_some()
            || state.reading.pause != Pause::No
            || state.phase != Phase::Open
            || self.group.is_winding_down()
            || self.group.is_held(&self.topic, self.number)
    }

    /// Ends the assignment: no lease is out, and none will be. Called by the worker that holds the partition.
    pub(super) fn finish(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.advance(Phase::Finished);
        let successor = state.handover.successor();
        drop(state);
        self.settled.notify_all();
        self.park();
        self.group.wake_poller();
        if let Some(successor) = successor {
            successor.notify();
        }
    }

    pub fn is_finished(&self) -> bool {
        self.state.lock().phase == Phase::Finished
    }
}
