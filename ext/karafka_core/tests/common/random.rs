//! Names that nobody else has, and chance that can be repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Different in each test and each run.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    format!(
        "{prefix}-{}-{time}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A small generator of random numbers whose seed is printed, so that a failure can be run again.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        let given = std::env::var("KARAFKA_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let fresh = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |since| since.as_nanos() as u64 | 1);
        let seed = given.unwrap_or(fresh);
        eprintln!("KARAFKA_TEST_SEED={seed}");
        Dice(seed)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
