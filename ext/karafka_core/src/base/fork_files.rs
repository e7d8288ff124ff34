//! File descriptors that a forked child must not keep: as long as any process has a listening socket open, connections are
//! taken, although the process that served them is gone.

use std::sync::atomic::{AtomicI32, Ordering};

const NONE: i32 = -1;

/// More than a process has: one for each engine that runs in it.
static OWN: [AtomicI32; 8] = [const { AtomicI32::new(NONE) }; 8];

/// Closes `fd` in each child that is forked from now on. False: too many are registered.
pub fn close_in_children(fd: i32) -> bool {
    super::fork::register();
    OWN.iter().any(|place| {
        place
            .compare_exchange(NONE, fd, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    })
}

/// Before `fd` is closed: the number may soon be another file's.
pub fn forget(fd: i32) {
    for place in &OWN {
        // Only where it is that one; a failure means that it is not.
        let _other = place.compare_exchange(fd, NONE, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// In the child, from the handler of forks: atomics and `close` only.
pub(super) fn close_all() {
    for place in &OWN {
        let fd = place.swap(NONE, Ordering::SeqCst);
        if fd != NONE {
            // SAFETY: a number that was registered, and that nobody has closed since: `forget` comes before.
            unsafe { libc::close(fd) };
        }
    }
}
