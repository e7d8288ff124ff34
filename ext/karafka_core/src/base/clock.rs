//! A clock that fits an atomic.

use std::sync::OnceLock;
use std::time::Instant;

static BEGIN: OnceLock<Instant> = OnceLock::new();

/// Microseconds since the first call in this process, and never 0.
pub(crate) fn now_us() -> u64 {
    let begin = BEGIN.get_or_init(Instant::now);
    u64::try_from(begin.elapsed().as_micros()).map_or(u64::MAX, |us| us + 1)
}
