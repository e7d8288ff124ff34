//! One client goes and another one comes, see `reload` and `idle`. All of it happens on the report thread.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{ProducerClient, ProducerCore, FAILED, NEW, RELOADING, RUNNING};
use crate::base::cancel::Cancel;

impl ProducerCore {
    /// The client is gone without a successor: the next message makes one. False: it is closing.
    pub fn end_idle(&self) -> bool {
        self.state
            .compare_exchange(RELOADING, NEW, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    pub fn is_reloading(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RELOADING
    }

    /// False: it is closing, and needs no other client.
    pub fn begin_reload(&self) -> bool {
        let began = self
            .state
            .compare_exchange(RUNNING, RELOADING, Ordering::SeqCst, Ordering::SeqCst);
        // Whoever waits for room lets the client go.
        self.room.made();
        began.is_ok() || self.is_reloading()
    }

    /// The next client was made. A close that began meanwhile finds it, too.
    pub fn put_client(&self, client: ProducerClient) {
        self.spare.lock().clear();
        *self.client.write() = Some(client);
        let _ = self
            .state
            .compare_exchange(RELOADING, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Nothing is left to send with.
    pub fn end_without_client(&self) {
        let _ = self
            .state
            .compare_exchange(RELOADING, FAILED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Sleeps on the report thread; a close ends it early.
    pub fn pause(&self, time: Duration) {
        let never = Cancel::new();
        self.room
            .retry(Some(Instant::now() + time), &never, || self.closing().map(|_| ()));
    }

    /// Takes the client away from everybody; waits for those who use it just now.
    pub fn take_client(&self) -> Option<ProducerClient> {
        self.client.write().take()
    }
}
