//! Reports for a reader that does not keep up. They may not be dropped, so they hold librdkafka's own back: while too
//! many wait, the report thread takes no more, librdkafka's queue stays full, and produce calls wait for room.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Reports that wait for the reader. It may have as many more in its hands.
pub(super) const MOST_REPORTS: usize = 100_000;
/// Should the reader wait for a report itself, in a way that is not seen here, it goes on slowly rather than never.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

static LAST_THREAD: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static THREAD: u64 = LAST_THREAD.fetch_add(1, Ordering::Relaxed);
}

/// The thread that reads, and whether it waits for the producer itself just now (a call-back that calls `produce_sync`): then
/// holding reports back would never end.
#[derive(Default)]
pub(super) struct Reader {
    thread: AtomicU64,
    waiting: AtomicU64,
}

impl Reader {
    pub fn is_me(&self) {
        THREAD.with(|me| self.thread.store(*me, Ordering::SeqCst));
    }

    pub fn is_this_thread(&self) -> bool {
        THREAD.with(|me| self.thread.load(Ordering::SeqCst) == *me)
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// For the length of a wait, on any thread. `wake` is called where the reader begins to wait.
    pub fn waits(&self, wake: impl FnOnce()) -> Waits<'_> {
        if !self.is_this_thread() {
            return Waits(None);
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        wake();
        Waits(Some(self))
    }
}

pub(super) struct Waits<'a>(Option<&'a Reader>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(reader) = self.0 {
            reader.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
