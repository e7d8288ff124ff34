//! The end of an assignment, step by step: no new leases, wait, fence, commit, end.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Partition;
use crate::lease::Kind;

/// How soon a wait for a lease sees that the host gave up.
const GIVE_UP_INTERVAL: Duration = Duration::from_millis(20);

impl Partition {
    /// No new leases from here on.
    pub fn begin_revocation(&self) {
        self.state.lock().revoking = true;
    }

    /// Waits for the lease that is out, until the deadline or until `give_up` says so.
    pub fn await_settled(&self, deadline: Instant, give_up: &dyn Fn() -> bool) {
        let mut state = self.state.lock();
        while state.leased.is_some() && Instant::now() < deadline && !give_up() {
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

    /// Kind and age of the lease that is out.
    pub fn current_lease(&self) -> Option<(Kind, Duration)> {
        self.state.lock().leased.map(|(kind, since)| (kind, since.elapsed()))
    }
}
