//! Writing reports down and counting them: the unsafe part, as librdkafka hands back addresses.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rdkafka::types::RDKafkaRespErr;

use super::{DeliverySet, Token};

/// Takes a pointer rather than a reference because the last report frees the set.
///
/// # Safety
/// `set` came out of an Arc and `reports` reports of it, not counted before, were written.
pub(super) unsafe fn count_down(set: *const DeliverySet, reports: usize) {
    // SAFETY: alive: the tokens' reference is only given back at the end of this function.
    unsafe {
        if (*set).remaining.fetch_sub(reports, Ordering::SeqCst) != reports {
            return;
        }
        {
            let set = &*set;
            let waiters = set.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            if *waiters > 0 {
                set.changed.notify_all();
            }
        }
        // `new` forgot one reference for the tokens; the count reaches zero once, so it is given back once.
        Arc::decrement_strong_count(set);
    }
}

/// A report as librdkafka gives it.
pub(crate) struct Native {
    pub partition: i32,
    pub offset: i64,
    pub code: RDKafkaRespErr,
    pub latency_us: u32,
    pub detail: Option<String>,
}

/// Writes a report down; gives the set and the index where the report is to be passed on as an event.
///
/// # Safety
/// `opaque` is what `DeliverySet::opaque` gave for a message whose report was not written before.
pub(crate) unsafe fn report(
    opaque: *mut c_void,
    native: Native,
    pass_on: impl Fn(&DeliverySet) -> bool,
) -> Option<(Arc<DeliverySet>, u32)> {
    // SAFETY: the token lives in a set that the tokens' own reference keeps alive until the count-down below.
    let (token, set_ref) = unsafe {
        let token = &*opaque.cast::<Token>();
        (token, &*token.set)
    };
    let index = (opaque as usize - set_ref.opaque(0) as usize) / std::mem::size_of::<Token>();
    if let Some(detail) = native.detail {
        set_ref
            .details
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((index as u32, detail));
    }
    token.offset.store(native.offset, Ordering::Relaxed);
    token.partition.store(native.partition, Ordering::Relaxed);
    token.latency_us.store(native.latency_us, Ordering::Relaxed);
    // SeqCst with `set_tag`: either we see the tag, or whoever set it sees the report.
    token.code.store(native.code as i32, Ordering::SeqCst);
    let set: *const DeliverySet = token.set;
    let passed = pass_on(set_ref).then(|| {
        // SAFETY: the set came out of an Arc and is alive (see above).
        unsafe {
            Arc::increment_strong_count(set);
            (Arc::from_raw(set), index as u32)
        }
    });
    if set_ref.single_waiters.load(Ordering::SeqCst) > 0 {
        set_ref.wake();
    }
    // SAFETY: this message's report, written once.
    unsafe { count_down(set, 1) };
    passed
}
