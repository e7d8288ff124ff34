//! Spans of messages that are sent and of batches that are processed, and the context that goes with a message in the header
//! `traceparent`. Off until `configure`; then `is_on` is all that anything costs. `observe::otlp` takes the spans and exports them.

mod context;
mod ids;
mod message;
mod queue;
mod span;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use context::{Context, HEADER};
pub use message::MessageSpan;
pub use queue::{queue, Counts, Queue};
pub use span::{Attribute, Failure, Operation, Span, Timer};

static ON: AtomicBool = AtomicBool::new(false);
/// A trace is sampled where the last eight bytes of its id are at most that.
static SAMPLED_UP_TO: AtomicU64 = AtomicU64::new(u64::MAX);

thread_local! {
    /// What the batch or the message is traced as that this thread works on.
    static CURRENT: Cell<Option<Context>> = const { Cell::new(None) };
    /// What the next messages are sent from, where the host knows it better.
    static PARENT: Cell<Option<Context>> = const { Cell::new(None) };
}

/// One atomic read.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// From now on spans are made, at most `capacity` of them wait, and `ratio` of the traces that begin here are sampled.
pub fn begin(ratio: f64, capacity: usize) {
    // Saturates: 1.0 is all.
    SAMPLED_UP_TO.store((ratio * u64::MAX as f64) as u64, Ordering::Relaxed);
    queue().limit(capacity);
    ON.store(true, Ordering::Relaxed);
}

/// No more spans are made.
pub fn end() {
    ON.store(false, Ordering::Relaxed);
}

/// What this thread works on; `under` goes before it.
pub fn current() -> Option<Context> {
    PARENT.get().or_else(|| CURRENT.get())
}

/// What is sent by this thread from now on comes from there. None: from what the thread works on.
pub fn set_parent(parent: Option<Context>) {
    PARENT.set(parent);
}

/// This thread works on that from now on. Gives what it worked on before.
pub fn enter(context: Option<Context>) -> Option<Context> {
    CURRENT.replace(context)
}

fn is_sampled(trace_id: [u8; 16]) -> bool {
    let [.., a, b, c, d, e, f, g, h] = trace_id;
    let limit = SAMPLED_UP_TO.load(Ordering::Relaxed);
    // 0 is none, although an id may end with zeros.
    limit > 0 && u64::from_be_bytes([a, b, c, d, e, f, g, h]) <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ratio belongs to the process: one test, so that none changes it under another.
    #[test]
    fn the_ratio_decides_about_traces_that_begin_here_only() {
        let sampled = |ratio: f64| {
            SAMPLED_UP_TO.store((ratio * u64::MAX as f64) as u64, Ordering::Relaxed);
            (0..4_000).filter(|_| Context::root().sampled).count()
        };
        assert_eq!(sampled(0.0), 0);
        let half = sampled(0.5);
        assert!((1_700..2_300).contains(&half), "{half} of 4000");
        let parent = Context::parse(b"00-00000000000000000000000000000001-0000000000000002-01");
        SAMPLED_UP_TO.store(0, Ordering::Relaxed);
        assert!(
            parent.is_some_and(|parent| parent.child().sampled),
            "the parent has decided"
        );
        assert_eq!(sampled(1.0), 4_000);
    }
}
