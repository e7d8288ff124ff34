//! A partition that comes back while a worker still has a lease of its former assignment: the new one waits until the
//! old one has ended, `revoked` included. Two leases of one partition at a time would break its order.

use std::sync::{Arc, Weak};

use super::{Partition, State};

#[derive(Default)]
pub(super) struct Handover {
    former: Option<Arc<Partition>>,
    successor: Weak<Partition>,
}

impl Handover {
    /// The next assignment of the partition, which waits for this one.
    pub(super) fn successor(&self) -> Option<Arc<Partition>> {
        self.successor.upgrade()
    }
}

impl Partition {
    /// Hands out nothing before `former` has ended.
    pub(crate) fn wait_for(self: &Arc<Self>, former: &Arc<Partition>) {
        self.state.lock().handover.former = Some(former.clone());
        former.state.lock().handover.successor = Arc::downgrade(self);
    }

    /// The former assignment has not ended yet. It notifies this one when it does.
    pub(super) fn awaits_former(&self, state: &mut State) -> bool {
        let handover = &mut state.handover;
        if handover.former.as_ref().is_some_and(|former| !former.is_finished()) {
            return true;
        }
        handover.former = None;
        false
    }
}
