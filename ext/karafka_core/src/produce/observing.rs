//! The producers of this process, for metrics and people.

use std::sync::{Arc, Weak};

use super::producer_core::ProducerCore;
use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;

static PRODUCERS: PerProcess<Mutex<Vec<Weak<ProducerCore>>>> = PerProcess::new(Mutex::default);

#[derive(Debug)]
pub struct ProducerLook {
    pub client_id: String,
    pub transactional_id: Option<String>,
    /// Messages without an answer yet.
    pub queued: usize,
    /// Messages with an answer, of whatever kind, since it was made.
    pub reported: usize,
    pub trouble: Option<String>,
}

pub(super) fn began(core: &Arc<ProducerCore>) {
    let mut producers = PRODUCERS.get().lock();
    producers.retain(|known| known.strong_count() > 0 && !std::ptr::eq(known.as_ptr(), Arc::as_ptr(core)));
    producers.push(Arc::downgrade(core));
}

/// Those that have sent something and are not closed.
pub fn look() -> Vec<ProducerLook> {
    let producers: Vec<_> = PRODUCERS.get().lock().iter().filter_map(Weak::upgrade).collect();
    let alive = producers.iter().filter(|core| core.check_open().is_ok());
    alive
        .map(|core| {
            let setting = |name: &str| core.setting(name);
            ProducerLook {
                client_id: setting("client.id").unwrap_or_default(),
                transactional_id: setting("transactional.id"),
                queued: core.in_flight(),
                reported: core.reported_in_all(),
                trouble: core.troubles.now(),
            }
        })
        .collect()
}
