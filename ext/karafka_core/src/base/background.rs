//! A thread of its own whose end is waited for with a limit: one that hangs is left alone.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::base::sync::Mutex;
use crate::error::{Error, Result};

#[derive(Debug)]
pub struct Background(Mutex<Receiver<()>>);

impl Background {
    /// `what`: of the thread, for an error, such as "that exports spans".
    pub fn start(name: &str, what: &str, work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let (finished, done) = mpsc::channel();
        let run = move || {
            work();
            // Nobody listens any more where the time has run out.
            let _ = finished.send(());
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|error| Error::Internal(format!("the thread {what} cannot be started: {error}")))?;
        Ok(Background(Mutex::new(done)))
    }

    /// False: it did not end in time.
    pub fn ends_within(&self, timeout: Duration) -> bool {
        self.0.lock().recv_timeout(timeout) != Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than anything takes on a busy machine.
    const LONG: Duration = Duration::from_secs(120);

    #[test]
    fn an_end_is_seen_also_one_by_panic_and_what_goes_on_is_not_waited_for() {
        let (go, gone) = mpsc::channel::<()>();
        let working = Background::start("krs.test", "of a test", move || assert!(gone.recv().is_ok())).unwrap();
        assert!(!working.ends_within(Duration::from_millis(1)));
        go.send(()).unwrap();
        assert!(working.ends_within(LONG));
        assert!(working.ends_within(LONG), "and again");
        let panicking = Background::start("krs.test", "of a test", || panic!("on purpose")).unwrap();
        assert!(panicking.ends_within(LONG));
    }
}
