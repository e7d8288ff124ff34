//! Waits with a deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::shortest;

/// Longer than anything takes on a busy machine; only a failing test waits it out.
pub const LONG: Duration = Duration::from_secs(120);

/// Whoever ends sooner has run into none of the engine's time limits, the shortest of which is 5 s. It takes milliseconds,
/// but not on a busy machine.
pub const NO_LIMIT: Duration = Duration::from_millis(4_800);

/// Does it until it has run into no limit once: a busy machine makes any of them long.
#[track_caller]
pub fn without_limit(measure: impl FnMut() -> Duration) {
    let took = shortest(NO_LIMIT, measure);
    assert!(took < NO_LIMIT, "{took:?}");
}

/// A session of two seconds, or a message that expires, is over sooner than a test expects where the whole machine stands still
/// for longer than this.
const BEARS: Duration = Duration::from_secs(1);

/// Runs a test that has such times: once more where it failed and this process stood still meanwhile. A failure while time went
/// on counts at once.
pub fn while_time_goes_on(test: impl Fn()) {
    for round in 1.. {
        let ended = AtomicBool::new(false);
        let (outcome, longest) = std::thread::scope(|scope| {
            let clock = scope.spawn(|| {
                let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
                while !ended.load(Ordering::Acquire) {
                    std::thread::park_timeout(Duration::from_millis(20));
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                longest
            });
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&test));
            ended.store(true, Ordering::Release);
            (outcome, clock.join().unwrap_or_default())
        });
        match outcome {
            Ok(()) => return,
            Err(panic) if round == 5 || longest < BEARS => std::panic::resume_unwind(panic),
            Err(_) => eprintln!("it stood still for {longest:?}: once more"),
        }
    }
}

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
