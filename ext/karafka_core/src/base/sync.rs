//! Locks of the standard library without poisoning (a panic is caught and reported where it happens).
//!
//! Not parking_lot: it keeps everybody who waits in one table of the process. A forked child inherits the table with
//! threads that do not exist there, and the first wake-up of an engine of its own walked into their freed stacks.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};
use std::time::Instant;

#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            held: Some(self.held()),
        }
    }

    /// None: somebody else has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard {
            mutex: self,
            held: Some(held),
        })
    }
}

pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// None only inside `unlocked` and a wait.
    held: Option<std::sync::MutexGuard<'a, T>>,
}

impl<T> MutexGuard<'_, T> {
    /// Does something without the lock and takes it again.
    pub fn unlocked<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.held = None;
        let result = work();
        self.held = Some(self.mutex.held());
        result
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_deref().expect("the guard is held outside of a wait")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_deref_mut().expect("the guard is held outside of a wait")
    }
}

#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    pub const fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(held) = guard.held.take() {
            guard.held = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// True when the time ran out.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(held) = guard.held.take() else { return true };
        let (held, result) = self.0.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner);
        guard.held = Some(held);
        result.timed_out()
    }
}

#[derive(Debug, Default)]
pub struct RwLock<T>(std::sync::RwLock<T>);

pub use std::sync::RwLockReadGuard;

impl<T> RwLock<T> {
    pub const fn new(value: T) -> Self {
        RwLock(std::sync::RwLock::new(value))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// None: somebody writes, or waits to.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        match self.0.try_read() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub fn write(&self) -> std::sync::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_panic_under_the_lock_poisons_nothing() {
        let shared = Arc::new(Mutex::new(1));
        let other = shared.clone();
        let panicked = std::thread::spawn(move || {
            let _held = other.lock();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        *shared.lock() += 1;
        assert_eq!(shared.try_lock().map(|value| *value), Some(2));
    }

    #[test]
    fn the_lock_is_free_while_unlocked_and_while_waiting() {
        let (mutex, condvar) = (Mutex::new(0), Condvar::new());
        let mut held = mutex.lock();
        assert!(mutex.try_lock().is_none());
        held.unlocked(|| *mutex.lock() += 1);
        assert_eq!(*held, 1);
        assert!(condvar.wait_until(&mut held, Instant::now() + Duration::from_millis(5)));
        assert!(mutex.try_lock().is_none());
    }
}
