//! librdkafka is not fork-safe: a child must forget what it inherited, never free or lock it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Once;

static GENERATION: AtomicU64 = AtomicU64::new(0);
static REGISTER: Once = Once::new();

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Remembers the process it was made in. Asking costs one atomic read, no system call.
#[derive(Debug, Clone, Copy)]
pub struct ForkGuard(u64);

impl ForkGuard {
    pub fn new() -> Self {
        REGISTER.call_once(|| {
            // SAFETY: the handler only increments an atomic, which is async-signal-safe.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        ForkGuard(GENERATION.load(Ordering::Relaxed))
    }

    /// True in a process forked after this guard was made.
    pub fn is_foreign(self) -> bool {
        GENERATION.load(Ordering::Relaxed) != self.0
    }
}

impl Default for ForkGuard {
    fn default() -> Self {
        Self::new()
    }
}
