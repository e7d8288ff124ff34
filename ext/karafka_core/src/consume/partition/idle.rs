//! When `idle` is called: once, some time after a batch that nothing followed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, State};

#[derive(Default)]
pub(super) struct Idle {
    due: Option<Instant>,
}

impl Partition {
    /// `idle` is due if no message comes from now on.
    pub(super) fn start_idle_timer(&self, state: &mut State) {
        let after = self.config().idle_after_ms.map(Duration::from_millis);
        state.idle.due = after.and_then(|after| Instant::now().checked_add(after));
    }

    /// Called when there is nothing to hand out. True, once: `idle` is to be called.
    pub(super) fn is_idle_now(self: &Arc<Self>, state: &mut State) -> bool {
        let due = self.is_idle_due(state);
        if due {
            state.idle.due = None;
        }
        due
    }

    /// Whether nothing has come for long enough. Not yet: the partition looks again at that time.
    pub(super) fn is_idle_due(self: &Arc<Self>, state: &mut State) -> bool {
        match state.idle.due {
            Some(due) if due > Instant::now() => {
                self.wake_at(state, due);
                false
            }
            due => due.is_some(),
        }
    }
}
