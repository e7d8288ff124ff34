//! The end of a producer, asked for by a caller and carried out by the report thread.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{ProducerCore, CLOSED, CLOSING, FAILED, NEW, RELOADING, RUNNING};

/// How the report thread is to end.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Messages that are still under way then are given up.
    pub deadline: Instant,
}

impl ProducerCore {
    pub fn closing(&self) -> Option<Closing> {
        *self.closing.lock()
    }

    /// Tells the report thread to end, if nobody has yet. What was never started is closed at once.
    pub fn begin_close(&self, timeout: Duration) {
        let _starting = self.starting.lock();
        match self.state.load(Ordering::SeqCst) {
            NEW => {
                self.state.store(CLOSED, Ordering::SeqCst);
                self.finish();
            }
            RUNNING | RELOADING => {
                let closing = Closing {
                    deadline: Instant::now() + timeout,
                };
                *self.closing.lock() = Some(closing);
                self.state.store(CLOSING, Ordering::SeqCst);
                self.room.made();
                self.events.wake();
                self.wake_reports();
            }
            CLOSING => {
                // The earlier deadline holds.
                let mut closing = self.closing.lock();
                if let Some(closing) = closing.as_mut() {
                    closing.deadline = closing.deadline.min(Instant::now() + timeout);
                }
            }
            _ => {}
        }
    }

    pub fn wait_for_end(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut ended = self.ended.lock();
        while !*ended && !self.end.wait_until(&mut ended, until) {}
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
        self.waiters.close();
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        let _ = self
            .state
            .compare_exchange(CLOSING, CLOSED, Ordering::SeqCst, Ordering::SeqCst);
        self.waiters.close();
        self.events.close();
        *self.ended.lock() = true;
        self.end.notify_all();
    }
}
