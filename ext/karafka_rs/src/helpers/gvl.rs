//! The only place that releases Ruby's GVL. The closures get no `Ruby`, and cannot bring one along: they have to be `Send`, which
//! neither `Ruby` nor any value of Ruby's is.

use std::any::Any;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::Duration;

use karafka_core::errand::Errand;
use karafka_core::error::Result as CoreResult;
use magnus::{Error, Ruby};

use super::errors;

/// Ruby 3.1 hands a signal to the main thread only where some thread runs or sleeps in Ruby. Where a producer's two are
/// all there are, and both wait outside of it, nobody does: so a wait looks itself, this often.
pub const SIGNALS: Duration = Duration::from_millis(100);

struct Call<F, T> {
    work: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
}

/// Does not compile once a `&Ruby` or a value may be sent to another thread: then they could be used without the GVL.
const _: fn() = || {
    trait AmbiguousIfSend<Which> {
        fn check() {}
    }
    struct IsSend;
    impl<T: ?Sized> AmbiguousIfSend<()> for T {}
    impl<T: ?Sized + Send> AmbiguousIfSend<IsSend> for T {}
    let _ = <&Ruby as AmbiguousIfSend<_>>::check;
    let _ = <magnus::Value as AmbiguousIfSend<_>>::check;
    let _ = <magnus::RString as AmbiguousIfSend<_>>::check;
};

unsafe extern "C" fn run<F: FnOnce() -> T, T>(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the Call of the frame below, which waits for us; nobody else has its address.
    let call = unsafe { &mut *data.cast::<Call<F, T>>() };
    if let Some(work) = call.work.take() {
        // A panic must not cross Ruby's C frames.
        call.result = Some(catch_unwind(AssertUnwindSafe(work)));
    }
    std::ptr::null_mut()
}

unsafe extern "C" fn unblock<W: Fn() + Sync>(data: *mut c_void) {
    // SAFETY: `data` is the closure of the frame below, which waits. Ruby calls this from another thread while `run` works on the
    // Call, so it is apart from that.
    let wake = unsafe { &*data.cast::<W>() };
    wake();
}

/// Runs `work` without the GVL. `wake` is called from another thread when Ruby wants this one back
/// (Thread#kill, Timeout, a signal): it must make `work` return soon.
///
/// None: an interrupt was pending and Ruby did not run `work` at all. The caller checks interrupts
/// while it holds nothing and decides whether to go on; so no work is ever half done or lost.
pub fn without_gvl<F, T, W>(work: F, wake: W) -> Option<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
    W: Fn() + Sync,
{
    let mut call = Call {
        work: Some(work),
        result: None,
    };
    let data = (&raw mut call).cast::<c_void>();
    let waker = (&raw const wake).cast_mut().cast::<c_void>();
    // SAFETY: `call` and `wake` outlive the call. The `2` variant never handles interrupts inside, so it does not jump over this frame.
    unsafe {
        rb_sys::rb_thread_call_without_gvl2(Some(run::<F, T>), data, Some(unblock::<W>), waker);
    }
    match call.result {
        None => None,
        Some(Ok(value)) => Some(value),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// Lets Ruby act on what is pending: raises where Thread#raise, Timeout or a trap asks for it.
/// Call it only while no lock and no half-done work is held.
///
/// Also before a wait that may be short: of two interrupts that came together Ruby raises the first one, and leaves the second one
/// (a Thread#kill, say) to the next call that blocks. `without_gvl` does not see it.
pub fn check_interrupts(ruby: &Ruby) -> Result<(), Error> {
    ruby.thread_check_ints()
}

/// Has another thread do `work`, which blocks and cannot be interrupted, and waits for it. Where this thread is interrupted the
/// work ends by itself, and nobody hears of it.
pub fn interruptible<T: Send + 'static>(
    ruby: &Ruby,
    work: impl FnOnce() -> CoreResult<T> + Send + 'static,
) -> Result<T, Error> {
    let errand = Errand::begin(work).map_err(|error| errors::raise(ruby, error))?;
    loop {
        match without_gvl(|| errand.wait(SIGNALS), || errand.wake()).flatten() {
            Some(answer) => return answer.map_err(|error| errors::raise(ruby, error)),
            None => check_interrupts(ruby)?,
        }
    }
}

/// Runs `work` without the GVL until it has run once; for calls that block briefly and must happen.
/// `work` bounds its own time; an interrupt that comes meanwhile is acted on afterwards.
pub fn blocking<F, T>(ruby: &Ruby, mut work: F) -> Result<T, Error>
where
    F: FnMut() -> T + Send,
    T: Send,
{
    loop {
        if let Some(value) = without_gvl(&mut work, || {}) {
            return Ok(value);
        }
        check_interrupts(ruby)?;
    }
}
