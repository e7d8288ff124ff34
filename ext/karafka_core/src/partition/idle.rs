//! When `idle` is called: once, some time after a batch that nothing followed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, State};

#[derive(Default)]
pub(crate) struct Idle {
    due: Option<Instant>,
}

impl Idle {
    pub(super) fn is_counting(&self) -> bool {
        self.due.is_some()
    }
}

impl Partition {
    /// From now on it counts whether nothing comes.
    pub(crate) fn rest(&self, state: &mut State) {
        let after = self.config().idle_after_ms.map(Duration::from_millis);
        state.idle.due = after.and_then(|after| Instant::now().checked_add(after));
    }

    /// Called when there is nothing to hand out. Not yet: it looks again at that time.
    pub(super) fn is_idle_now(self: &Arc<Self>, state: &mut State) -> bool {
        match state.idle.due {
            Some(due) if due <= Instant::now() => {
                state.idle.due = None;
                true
            }
            Some(due) => {
                self.look_at(state, due);
                false
            }
            None => false,
        }
    }
}
