//! Counters and histograms: atomics, nothing else. Written once a batch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets for times, in microseconds: 50 µs to 10 minutes.
pub const TIMES_US: &[u64] = &[
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    600_000_000,
];
/// For numbers of messages.
pub const COUNTS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

const MOST_BUCKETS: usize = 22;
const _: () = assert!(TIMES_US.len() < MOST_BUCKETS && COUNTS.len() < MOST_BUCKETS);

/// With fixed buckets. The sum is in the unit of the bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    buckets: [AtomicU64; MOST_BUCKETS],
    sum: AtomicU64,
}

impl Histogram {
    pub fn of_times() -> Self {
        Self::with(TIMES_US)
    }

    pub fn of_counts() -> Self {
        Self::with(COUNTS)
    }

    fn with(bounds: &'static [u64]) -> Self {
        Histogram {
            bounds,
            buckets: Default::default(),
            sum: AtomicU64::new(0),
        }
    }

    pub fn observe(&self, value: u64) {
        let index = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[index].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// For each bound how many were at most that, then how many there were in all; and the sum.
    pub fn read(&self) -> Reading {
        let mut cumulated = 0;
        let counts = self.buckets[..=self.bounds.len()].iter().map(|bucket| {
            cumulated += bucket.load(Ordering::Relaxed);
            cumulated
        });
        Reading {
            bounds: self.bounds,
            counts: counts.collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Reading {
    pub bounds: &'static [u64],
    pub counts: Vec<u64>,
    pub sum: u64,
}

impl Reading {
    pub fn count(&self) -> u64 {
        self.counts.last().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_what_is_at_most_its_bound() {
        let histogram = Histogram::of_counts();
        for value in [0, 1, 2, 3, 10_000, 10_001] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        assert_eq!(&reading.counts[..3], &[2, 3, 4]);
        assert_eq!(reading.counts[COUNTS.len() - 1], 5);
        assert_eq!(reading.count(), 6);
        assert_eq!(reading.sum, 20_007);
    }

    #[test]
    fn a_time_that_no_bucket_holds_counts_in_the_last_one() {
        let histogram = Histogram::of_times();
        histogram.observe_time(Duration::from_secs(3_600));
        let reading = histogram.read();
        assert_eq!(reading.counts[TIMES_US.len() - 1], 0);
        assert_eq!(reading.count(), 1);
    }
}
