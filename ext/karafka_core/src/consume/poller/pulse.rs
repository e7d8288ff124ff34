//! A sign of life of a poll thread: once a second it says that it still comes round.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::Poller;
use crate::event::Event;

const INTERVAL: Duration = Duration::from_secs(1);

/// When this thread last gave a sign.
#[derive(Debug)]
pub(super) struct Pulse(Cell<Instant>);

impl Default for Pulse {
    fn default() -> Self {
        Pulse(Cell::new(Instant::now()))
    }
}

impl Pulse {
    /// How long until the next sign is due.
    pub fn wait(&self) -> Duration {
        INTERVAL.saturating_sub(self.0.get().elapsed())
    }
}

impl Poller {
    /// Called wherever the thread comes round, also while it waits for leases in a rebalance.
    pub(super) fn beat(&self) {
        self.group.polled_now();
        let passed = self.pulse.0.get().elapsed();
        if passed >= INTERVAL {
            self.pulse.0.set(Instant::now());
            self.group.emit(Event::Polled {
                group: self.group.id.clone(),
                passed,
            });
        }
    }
}
