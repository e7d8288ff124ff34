//! The end of a producer, asked for by a caller and carried out by the report thread.

use std::sync::atomic::Ordering;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Shared, CLOSED, CLOSING, FAILED, NEW, RELOADING, RUNNING};

/// How the report thread is to end.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Messages that are still under way then are given up.
    pub deadline: Instant,
}

impl Shared {
    pub fn closing(&self) -> Option<Closing> {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the report thread to end, if nobody has yet. What was never started is closed at once.
    pub fn begin_close(&self, timeout: Duration) {
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        match self.state.load(Ordering::SeqCst) {
            NEW => {
                self.state.store(CLOSED, Ordering::SeqCst);
                self.finish();
            }
            RUNNING | RELOADING => {
                let closing = Closing {
                    deadline: Instant::now() + timeout,
                };
                *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(closing);
                self.state.store(CLOSING, Ordering::SeqCst);
                self.room.made();
                self.events.wake();
                self.wake_reports();
            }
            CLOSING => {
                // Who is in more of a hurry decides.
                let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(closing) = closing.as_mut() {
                    closing.deadline = closing.deadline.min(Instant::now() + timeout);
                }
            }
            _ => {}
        }
    }

    pub fn wait_for_end(&self, timeout: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, _) = self
            .end
            .wait_timeout_while(ended, timeout, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner);
        *ended
    }

    pub fn undelivered(&self) -> usize {
        self.undelivered.load(Ordering::SeqCst)
    }

    pub fn set_undelivered(&self, messages: usize) {
        self.undelivered.store(messages, Ordering::SeqCst);
    }

    /// The report thread has failed: nothing is taken any more, every waiter gets an error.
    pub fn fail(&self) {
        self.state.store(FAILED, Ordering::SeqCst);
        self.room.made();
        self.gate.close();
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        let _ = self
            .state
            .compare_exchange(CLOSING, CLOSED, Ordering::SeqCst, Ordering::SeqCst);
        self.gate.close();
        self.events.close();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.notify_all();
    }
}
