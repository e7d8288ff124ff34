//! The only place that releases Ruby's GVL. The closures get no `Ruby`: nothing of Ruby may be touched inside.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

use magnus::{Error, Ruby};

struct Call<'a, F, T> {
    work: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
    unblock: &'a (dyn Fn() + Sync),
}

unsafe extern "C" fn run<F: FnOnce() -> T, T>(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the Call of the frame below, which waits for us.
    let call = unsafe { &mut *data.cast::<Call<'_, F, T>>() };
    if let Some(work) = call.work.take() {
        // A panic must not cross Ruby's C frames.
        call.result = Some(catch_unwind(AssertUnwindSafe(work)));
    }
    std::ptr::null_mut()
}

unsafe extern "C" fn unblock<F: FnOnce() -> T, T>(data: *mut c_void) {
    // SAFETY: as above; Ruby calls this from another thread, only the shared `unblock` is touched.
    let call = unsafe { &*data.cast::<Call<'_, F, T>>() };
    (call.unblock)();
}

/// Runs `work` without the GVL. `wake` is called from another thread when Ruby wants this one back
/// (Thread#kill, Timeout, a signal): it must make `work` return soon.
///
/// None: an interrupt was pending and Ruby did not run `work` at all. The caller checks interrupts
/// while it holds nothing and decides whether to go on; so no work is ever half done or lost.
pub fn without_gvl<F, T>(work: F, wake: impl Fn() + Sync) -> Option<T>
where
    F: FnOnce() -> T,
{
    let mut call = Call {
        work: Some(work),
        result: None,
        unblock: &wake,
    };
    let data = (&raw mut call).cast::<c_void>();
    // SAFETY: `call` outlives the call. The `2` variant never handles interrupts inside, so it does not jump over this frame.
    unsafe {
        rb_sys::rb_thread_call_without_gvl2(Some(run::<F, T>), data, Some(unblock::<F, T>), data);
    }
    match call.result {
        None => None,
        Some(Ok(value)) => Some(value),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// Lets Ruby act on what is pending: raises where Thread#raise, Timeout or a trap asks for it.
/// Call it only while no lock and no half-done work is held.
pub fn check_interrupts(ruby: &Ruby) -> Result<(), Error> {
    ruby.thread_check_ints()
}

/// Runs `work` without the GVL until it has run once; for calls that block briefly and must happen.
/// `work` bounds its own time; an interrupt that comes meanwhile is acted on afterwards.
pub fn blocking<F, T>(ruby: &Ruby, mut work: F) -> Result<T, Error>
where
    F: FnMut() -> T,
{
    loop {
        if let Some(value) = without_gvl(&mut work, || {}) {
            return Ok(value);
        }
        check_interrupts(ruby)?;
    }
}
