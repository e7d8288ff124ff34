//! A value that each process has once. A forked child makes its own: the parent's belongs to threads that do not exist there, and
//! one of them may hold a lock in it.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::fork::ForkGuard;

struct Owned<T> {
    guard: ForkGuard,
    value: T,
}

pub(crate) struct PerProcess<T: 'static> {
    current: AtomicPtr<Owned<T>>,
    make: fn() -> T,
}

impl<T: Send + Sync> PerProcess<T> {
    pub const fn new(make: fn() -> T) -> Self {
        PerProcess {
            current: AtomicPtr::new(ptr::null_mut()),
            make,
        }
    }

    /// Made at the first call in this process. The parent's stays in a child's memory and is never touched there.
    pub fn get(&self) -> &'static T {
        loop {
            let current = self.current.load(Ordering::Acquire);
            // SAFETY: null, or from `Box::into_raw` and never freed.
            if let Some(known) = unsafe { current.as_ref() }.filter(|known| !known.guard.is_foreign()) {
                return &known.value;
            }
            let own = Box::into_raw(Box::new(Owned {
                guard: ForkGuard::new(),
                value: (self.make)(),
            }));
            let changed = self
                .current
                .compare_exchange(current, own, Ordering::AcqRel, Ordering::Acquire);
            if changed.is_err() {
                // SAFETY: made above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(own) });
            }
        }
    }
}
