//! The end of an assignment, step by step: no new leases, wait, fence, commit, end.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Pause};
use crate::lease::Kind;

/// How soon a wait for a lease sees that the host gave up.
const GIVE_UP_INTERVAL: Duration = Duration::from_millis(20);

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
        self.state.lock().revoking = true;
    }

    /// Waits for the leases that are out, until the deadline or until `give_up` says so.
    pub fn await_settled(&self, deadline: Instant, give_up: &dyn Fn() -> bool) {
        let mut state = self.state.lock();
        while state.is_out() && Instant::now() < deadline && !give_up() {
            let next_look = Instant::now() + GIVE_UP_INTERVAL;
            self.settled.wait_until(&mut state, deadline.min(next_look));
        }
    }

    /// From here on marks and acknowledgements answer false. Comes before the last commit: what was answered with
    /// true is in it, what comes later is not taken for committed.
    pub fn fence(&self) {
        let _between_settlements = self.state.lock();
        self.alive.swap(false, Ordering::SeqCst);
    }

    /// The partition is lost: the queue goes back, `revoked` runs on a worker.
    pub fn end(self: &Arc<Self>) {
        self.fence();
        self.close_queue();
        self.report_skipped();
        let holds = &self.group.switches.holds;
        holds.forget(self.group.group_id(), &self.topic, self.number);
        self.state.lock().ended = true;
        self.notify();
    }

    pub fn is_finished(&self) -> bool {
        self.state.lock().finished
    }

    /// The leases that are out.
    pub fn current_leases(&self) -> Vec<Out> {
        let state = self.state.lock();
        let lanes = state.parallel.iter().flat_map(|parallel| parallel.out());
        let all = state
            .leased
            .map(|(kind, since)| (0, kind, since))
            .into_iter()
            .chain(lanes);
        all.map(|(lane, kind, since)| Out {
            assignment_id: self.id + lane as u64,
            kind,
            age: since.elapsed(),
        })
        .collect()
    }

    /// How long nothing is handed over: its consumer has paused it, or what failed comes again later. Some(None): until it
    /// is resumed. None: it does not wait.
    pub fn waiting(&self) -> Option<Option<Duration>> {
        match self.state.lock().pause {
            Pause::No => None,
            Pause::UntilResumed => Some(None),
            Pause::Until(at) => {
                let left = at.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(Some(left))
            }
        }
    }
}
