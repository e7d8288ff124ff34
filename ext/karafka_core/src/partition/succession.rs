//! A partition that comes back while a worker still has something of its former assignment: the new one waits for the
//! old one to end, `revoked` included. Two leases of one partition at a time would break its order.

use std::sync::{Arc, Weak};

use super::{Partition, State};

#[derive(Default)]
pub(crate) struct Succession {
    former: Option<Arc<Partition>>,
    successor: Weak<Partition>,
}

impl Partition {
    /// Hands out nothing before `former` has ended.
    pub(crate) fn wait_for(self: &Arc<Self>, former: &Arc<Partition>) {
        self.state.lock().succession.former = Some(former.clone());
        former.state.lock().succession.successor = Arc::downgrade(self);
    }

    /// Whether the former assignment has not ended yet. It notifies this one when it does.
    pub(super) fn has_to_wait(&self, state: &mut State) -> bool {
        let succession = &mut state.succession;
        if succession.former.as_ref().is_some_and(|former| !former.is_finished()) {
            return true;
        }
        succession.former = None;
        false
    }

    /// Nothing of this assignment is out any more, and nothing will be.
    pub(super) fn tell_successor(&self) {
        let successor = self.state.lock().succession.successor.upgrade();
        if let Some(successor) = successor {
            successor.notify();
        }
    }
}
