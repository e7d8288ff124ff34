//! Which reports were passed on as events, and whether the subscribers have heard of them: a caller that waits for a message
//! waits for them, too. Nothing of it is touched where nobody listens.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{DeliverySet, Token, Waited};
use crate::base::cancel::Cancel;
use crate::error::Result;

/// How long a wait waits for subscribers that get no further. One of them may need what the waiting thread holds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Until when a wait waits for subscribers, unless they get further meanwhile; begins where the report has come.
#[derive(Debug, Default)]
pub struct Hearing {
    announced: usize,
    until: Option<Instant>,
}

impl Hearing {
    fn until(&mut self, announced: usize) -> Instant {
        if self.announced != announced {
            self.until = None;
        }
        self.announced = announced;
        *self.until.get_or_insert_with(|| Instant::now() + PATIENCE)
    }
}

impl DeliverySet {
    /// Waits until the subscribers have heard of message `index` (None: of all), as far as their reports were passed on.
    pub(in crate::produce) fn wait_until_heard(
        self: &Arc<Self>,
        index: Option<usize>,
        hearing: &mut Hearing,
        deadline: Option<Instant>,
        cancel: &Cancel,
    ) -> Result<Waited> {
        if !self.is_unannounced(index) || self.guard.is_foreign() {
            return Ok(Waited::Done);
        }
        // SeqCst with `announced`: either it sees us, or we see what it says.
        self.single_waiters.fetch_add(1, Ordering::SeqCst);
        let waited = loop {
            let patience = hearing.until(self.waiters.announced());
            let until = deadline.map_or(patience, |deadline| deadline.min(patience));
            let waited = self.wait_until(Some(until), cancel, || !self.is_unannounced(index));
            let goes_on = until == patience && hearing.until(self.waiters.announced()) > patience;
            if !(goes_on && matches!(waited, Ok(Waited::TimedOut))) {
                break waited;
            }
        };
        self.single_waiters.fetch_sub(1, Ordering::SeqCst);
        waited.map(|waited| match waited {
            Waited::Cancelled => Waited::Cancelled,
            _ => Waited::Done,
        })
    }

    fn is_unannounced(&self, index: Option<usize>) -> bool {
        match index.map(|index| self.tokens().get(index)) {
            Some(token) => token.is_some_and(|token| token.unannounced.load(Ordering::SeqCst)),
            None => self.unannounced.load(Ordering::SeqCst) > 0,
        }
    }

    /// The report of this message is going to be passed on.
    pub(super) fn announce(&self, token: &Token) {
        token.unannounced.store(true, Ordering::SeqCst);
        self.unannounced.fetch_add(1, Ordering::SeqCst);
    }

    /// The subscribers have heard of message `index`.
    pub fn announced(&self, index: usize) {
        let Some(token) = self.tokens().get(index) else { return };
        if !token.unannounced.swap(false, Ordering::SeqCst) {
            return;
        }
        self.unannounced.fetch_sub(1, Ordering::SeqCst);
        self.waiters.count_announced();
        if self.single_waiters.load(Ordering::SeqCst) > 0 {
            let waiting = self.waiting.lock();
            if *waiting > 0 {
                self.changed.notify_all();
            }
        }
    }
}
