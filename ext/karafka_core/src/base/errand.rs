//! A call to librdkafka that blocks and cannot be interrupted, on a thread of its own. The caller can stop waiting for the answer;
//! the call then ends by itself, within the bound that it has, and nobody hears of its answer.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::{Condvar, Mutex};
use crate::error::{Error, Result};

struct Place<T> {
    answer: Mutex<Option<Result<T>>>,
    changed: Condvar,
}

pub struct Errand<T>(Arc<Place<T>>);

impl<T: Send + 'static> Errand<T> {
    pub fn begin(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<Self> {
        Self::begin_and_tell(work, || {})
    }

    /// As `begin`, for who does not wait: `tell` is called when the answer can be had.
    pub fn begin_and_tell(
        work: impl FnOnce() -> Result<T> + Send + 'static,
        tell: impl FnOnce() + Send + 'static,
    ) -> Result<Self> {
        let place = Arc::new(Place {
            answer: Mutex::new(None),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&place);
        let run = move || {
            // Whoever waits must hear of a panic, too.
            let answer = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(Error::Internal("a call to Kafka panicked".to_owned())));
            *theirs.answer.lock() = Some(answer);
            theirs.changed.notify_all();
            tell();
        };
        std::thread::Builder::new()
            .name("krs.ask".to_owned())
            .spawn(run)
            .map_err(|error| Error::Internal(format!("no thread to ask Kafka: {error}")))?;
        Ok(Errand(place))
    }
}

impl<T> Errand<T> {
    /// The answer, once. None: not yet.
    pub fn answer(&self) -> Option<Result<T>> {
        self.0.answer.lock().take()
    }

    /// The answer, once. None: not within this time, or woken.
    pub fn wait(&self, timeout: Duration) -> Option<Result<T>> {
        let until = Instant::now() + timeout;
        let mut answer = self.0.answer.lock();
        if answer.is_none() {
            self.0.changed.wait_until(&mut answer, until);
        }
        answer.take()
    }

    /// From another thread: ends a wait, which may be begun again.
    pub fn wake(&self) {
        // Under the lock, so not between the look and the sleep of who is about to wait.
        let _held = self.0.answer.lock();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything takes on a busy machine.
    const LONG: Duration = Duration::from_secs(120);

    #[test]
    fn a_wait_can_be_ended_and_begun_again_while_the_call_goes_on() {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let errand = Errand::begin(move || Ok(gone.recv().is_ok())).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let started = Instant::now();
                assert!(errand.wait(LONG).is_none());
                started.elapsed()
            });
            while !waiting.is_finished() {
                errand.wake();
                std::thread::yield_now();
            }
            assert!(waiting.join().unwrap() < LONG);
        });
        go.send(()).unwrap();
        assert!(errand.wait(LONG).unwrap().unwrap());
    }

    #[test]
    fn who_does_not_wait_is_told_of_the_answer() {
        let (tell, told) = std::sync::mpsc::channel();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let work = move || Ok(gone.recv().is_ok());
        let errand = Errand::begin_and_tell(work, move || tell.send(()).unwrap()).unwrap();
        assert!(errand.answer().is_none(), "not yet");
        go.send(()).unwrap();
        told.recv_timeout(LONG).unwrap();
        assert!(errand.answer().unwrap().unwrap());
        assert!(errand.answer().is_none(), "once");
    }

    #[test]
    fn a_panic_is_an_answer() {
        let errand = Errand::<()>::begin(|| panic!("on purpose")).unwrap();
        let error = errand.wait(LONG).unwrap().unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
