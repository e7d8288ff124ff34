//! Waits with a deadline.

use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine; only a failing test waits it out.
pub const LONG: Duration = Duration::from_secs(60);

/// Whoever ends sooner has run into none of the engine's time limits, the shortest of which is 5 s. It takes milliseconds,
/// but not on a busy machine.
pub const NO_LIMIT: Duration = Duration::from_millis(4_800);

#[track_caller]
pub fn wait_within(within: Duration, what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !check() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[track_caller]
pub fn wait_until(what: &str, check: impl FnMut() -> bool) {
    wait_within(LONG, what, check);
}

/// Waits until `value` has not changed for a second.
#[track_caller]
pub fn wait_until_still(what: &str, mut value: impl FnMut() -> usize) {
    let mut last = (0, Instant::now());
    wait_until(what, || {
        let now = value();
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > Duration::from_secs(1)
    });
}

/// That something does NOT happen can only be watched for a while.
#[track_caller]
pub fn stays(what: &str, during: Duration, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + during;
    while Instant::now() < end {
        assert!(check(), "did not stay so: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
