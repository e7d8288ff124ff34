//! How long a transaction has been open, and whether the process ran all that time.
//!
//! A broker answers "fenced" both where a transaction took too long and where another producer has taken over, and
//! librdkafka passes nothing on that tells them apart. So the clock decides. But a process that stood still (SIGSTOP, a
//! frozen virtual machine) finds its transaction overdue as well, and then somebody may have replaced it meanwhile.

use std::time::{Duration, Instant};

/// How often somebody looks while a transaction is open.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// After this long without a look the process stood still.
const STANDSTILL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Open {
    since: Instant,
    seen: Instant,
    stood_still: bool,
}

impl Open {
    pub fn new(now: Instant) -> Self {
        Open {
            since: now,
            seen: now,
            stood_still: false,
        }
    }

    pub fn look(&mut self, now: Instant) {
        self.stood_still |= now.saturating_duration_since(self.seen) > STANDSTILL;
        self.seen = now;
    }

    /// It is fenced because it took too long, and for no other reason.
    pub fn has_timed_out(&self, timeout: Duration, now: Instant) -> bool {
        !self.stood_still && now.saturating_duration_since(self.since) > timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn looked_at(seconds: &[u64]) -> bool {
        let start = Instant::now();
        let mut open = Open::new(start);
        for second in seconds {
            open.look(start + Duration::from_secs(*second));
        }
        let last = Duration::from_secs(*seconds.last().unwrap_or(&0));
        open.has_timed_out(TIMEOUT, start + last)
    }

    #[test]
    fn a_transaction_times_out_only_after_its_timeout() {
        assert!(!looked_at(&(0..60).collect::<Vec<_>>()));
        assert!(looked_at(&(0..62).collect::<Vec<_>>()));
    }

    #[test]
    fn a_process_that_stood_still_may_have_been_replaced_meanwhile() {
        assert!(!looked_at(&[0, 1, 2, 70, 71]));
        let mut seconds: Vec<_> = (0..20).collect();
        seconds.extend(28..90);
        assert!(!looked_at(&seconds));
    }
}
