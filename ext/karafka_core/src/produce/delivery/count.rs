//! Writing reports down and counting them: the unsafe part, as librdkafka hands back addresses.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::{DeliverySet, Token};
use crate::kafka::troubles::Trouble;

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
            let waiting = set.waiting.lock();
            if *waiting > 0 {
                set.changed.notify_all();
            }
        }
        // `new` forgot one reference for the tokens; the count reaches zero once, so it is given back once.
        Arc::decrement_strong_count(set);
    }
}

/// The set and the index that an opaque stands for.
///
/// # Safety
/// `opaque` is what `DeliverySet::opaque` gave for a message whose report was not written yet.
pub(crate) unsafe fn place(opaque: *mut c_void) -> (Arc<DeliverySet>, u32) {
    // SAFETY: the token lives in a set that came out of an Arc, and that the tokens' own reference keeps alive.
    unsafe {
        let set = (*opaque.cast::<Token>()).set;
        let index = (opaque as usize - (*set).opaque(0) as usize) / std::mem::size_of::<Token>();
        Arc::increment_strong_count(set);
        (Arc::from_raw(set), index as u32)
    }
}

/// A report as librdkafka gives it.
pub(crate) struct NativeReport {
    pub partition: i32,
    pub offset: i64,
    pub code: i32,
    pub latency_us: u32,
    pub detail: Option<String>,
    pub cause: Option<Arc<Trouble>>,
}

impl NativeReport {
    /// librdkafka did not take it.
    pub fn unsent(code: i32) -> Self {
        NativeReport {
            partition: -1,
            offset: -1,
            code,
            latency_us: 0,
            detail: None,
            cause: None,
        }
    }
}

/// Writes a report down; gives the set and the index where the report is to be passed on as an event.
///
/// # Safety
/// `opaque` is what `DeliverySet::opaque` gave for a message whose report was not written before.
pub(crate) unsafe fn report(
    opaque: *mut c_void,
    given: NativeReport,
    pass_on: impl Fn(&DeliverySet) -> bool,
) -> Option<(Arc<DeliverySet>, u32)> {
    // SAFETY: the token lives in a set that the tokens' own reference keeps alive until the count-down below.
    let (token, set_ref) = unsafe {
        let token = &*opaque.cast::<Token>();
        (token, &*token.set)
    };
    let index = (opaque as usize - set_ref.opaque(0) as usize) / std::mem::size_of::<Token>();
    set_ref.trace_end(index, &given);
    if let Some(detail) = given.detail {
        set_ref.details.lock().push((index as u32, detail));
    }
    if given.cause.is_some() {
        *set_ref.cause.lock() = given.cause;
    }
    token.offset.store(given.offset, Ordering::Relaxed);
    token.partition.store(given.partition, Ordering::Relaxed);
    token.latency_us.store(given.latency_us, Ordering::Relaxed);
    // Before anybody can see the report: a wait that sees it waits for the subscribers, too.
    let early = pass_on(set_ref);
    if early {
        set_ref.announce(token);
    }
    // SeqCst with `set_tag`: either we see the tag, or whoever set it sees the report.
    token.code.store(given.code, Ordering::SeqCst);
    let set: *const DeliverySet = token.set;
    let late = !early && pass_on(set_ref);
    if late {
        set_ref.announce(token);
    }
    let passed = (early || late).then(|| {
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
