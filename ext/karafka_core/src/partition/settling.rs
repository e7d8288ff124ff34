//! The end of a lease.

use std::sync::Arc;

use super::{Partition, Pause, State};
use crate::lease::Kind;

impl Partition {
    /// Ends the lease that is out; `comes_back`: the thread takes the next one itself, nobody has to be woken.
    /// True when the partition was still ours, and so what the lease marked will be committed.
    pub(crate) fn finish_lease(
        self: &Arc<Self>,
        kind: Kind,
        comes_back: bool,
        change: impl FnOnce(&mut State),
    ) -> bool {
        let mut state = self.state.lock();
        state.leased = None;
        change(&mut state);
        // Under the lock: `fence` comes before or after, not between the mark and this answer.
        let alive = self.is_alive();
        if kind == Kind::Shutdown {
            state.finished = true;
        }
        if kind == Kind::Consume {
            self.rest(&mut state);
        }
        let must_look = state.carry.is_some()
            || state.more
            || state.seek.is_some()
            || state.reached_end
            || state.pause != Pause::No
            || state.idle.is_counting()
            || state.revoking
            || self.group.is_stopping()
            || !alive;
        drop(state);
        self.settled.notify_all();
        if must_look && comes_back {
            self.look_again();
        } else if must_look {
            self.requeue();
        } else {
            self.park();
        }
        if kind == Kind::Shutdown {
            self.group.wake_poller();
        }
        alive
    }
}
