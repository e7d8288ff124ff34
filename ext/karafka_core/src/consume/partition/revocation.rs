//! The end of an assignment, step by step: no new leases, wait, fence, commit, end.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Begin, Partition, Pause, Phase};
use crate::consume::lease::Kind;

/// How often a wait for leases asks whether the host still waits.
const FORCE_INTERVAL: Duration = Duration::from_millis(20);

/// A lease that is out.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    pub assignment_id: u64,
    pub kind: Kind,
    pub age: Duration,
}

impl Partition {
    /// No new leases from here on.
    pub fn begin_revocation(&self) {
        self.state.lock().advance(Phase::Revoking);
    }

    /// Waits for the leases that are out, until the deadline. True: nothing is out, or `is_forced` says that nobody waits any longer.
    pub fn await_settled(&self, deadline: Instant, is_forced: &dyn Fn() -> bool) -> bool {
        let mut state = self.state.lock();
        loop {
            if !state.is_out() || is_forced() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            let next_look = Instant::now() + FORCE_INTERVAL;
            self.settled.wait_until(&mut state, deadline.min(next_look));
        }
    }

    /// From here on marks and settlements report the partition as lost. Comes before the last commit: marks that answered
    /// true are in it, and no later one is taken for committed.
    pub fn fence(&self) {
        // Under the lock: between two settlements.
        let mut state = self.state.lock();
        state.advance(Phase::Fenced);
        self.alive.swap(false, Ordering::SeqCst);
    }

    /// The partition is lost: the queue goes back, `revoked` runs on a worker.
    pub fn end(self: &Arc<Self>) {
        self.fence();
        self.close_queue();
        self.report_skipped();
        let holds = &self.group.switches.holds;
        holds.forget(self.group.group_id(), &self.topic, self.number);
        self.state.lock().advance(Phase::Ended);
        self.notify();
    }

    /// It is being revoked, or the process stops: its consumer should end soon.
    pub fn is_ending(&self) -> bool {
        !self.is_alive() || self.group.is_stopping() || self.state.lock().phase != Phase::Open
    }

    /// The leases that are out.
    pub fn current_leases(&self) -> Vec<Out> {
        let state = self.state.lock();
        let moving = state.moving.map(|since| (0, Kind::Seek, since));
        let all = moving.into_iter().chain(state.work.out());
        all.map(|(lane, kind, since)| Out {
            assignment_id: self.id + lane as u64,
            kind,
            age: since.elapsed(),
        })
        .collect()
    }

    /// How long nothing is handed out, because of a pause or a back-off. Some(None): until it is resumed, or an operator has
    /// decided where it begins. None: it does not wait.
    pub fn waiting(&self) -> Option<Option<Duration>> {
        let state = self.state.lock();
        if matches!(state.begin, Begin::Refused(_)) {
            return Some(None);
        }
        match state.reading.pause {
            Pause::No => None,
            Pause::UntilResumed => Some(None),
            Pause::Until(at) => {
                let left = at.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(Some(left))
            }
        }
    }
}
