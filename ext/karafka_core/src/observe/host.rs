//! What only the host can say: it is asked with an event, and where its lock is held no answer comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::base::sync::Mutex;

/// How long the host gets for an answer.
const TIMEOUT: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The lines of each worker.
pub(super) type Backtraces = BTreeMap<usize, Vec<String>>;

/// One kind of question, and the newest answer.
pub(super) struct Question<T> {
    asked: AtomicU64,
    given: Mutex<Option<(u64, T)>>,
}

impl<T> Default for Question<T> {
    fn default() -> Self {
        Question {
            asked: AtomicU64::new(0),
            given: Mutex::new(None),
        }
    }
}

impl<T: Clone> Question<T> {
    pub fn give(&self, question: u64, answer: T) {
        let mut given = self.given.lock();
        if given.as_ref().is_none_or(|(known, _)| question > *known) {
            *given = Some((question, answer));
        }
    }

    /// Asks with `ask`, which gets the number of the question. None: there was no answer in time.
    pub async fn ask(&self, ask: impl FnOnce(u64)) -> Option<T> {
        let question = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        ask(question);
        let deadline = Instant::now() + TIMEOUT;
        loop {
            // An answer to a later question is as good.
            if let Some((number, answer)) = &*self.given.lock() {
                if *number >= question {
                    return Some(answer.clone());
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
