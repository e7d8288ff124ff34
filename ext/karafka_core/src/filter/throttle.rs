//! A rate limit that all partitions and workers of a topic or a group share.
//!
//! At most `limit` messages in any `interval`: each message handed out occupies a place, which is free again one interval
//! later. A place that is taken up to SLACK late counts from when it was free, or every late wake-up would lower the rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::base::sync::Mutex;

/// At most a twentieth of the interval either.
const SLACK: Duration = Duration::from_millis(20);
/// Places that become free this close together (a part of the interval) are kept as one entry.
const GRAIN: u32 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThrottleConfig {
    /// Messages.
    pub limit: u64,
    pub interval_ms: u64,
}

#[derive(Debug)]
struct Places {
    config: ThrottleConfig,
    /// When how many places are free, in order. Together as many as the limit.
    free_at: VecDeque<(Instant, u64)>,
}

#[derive(Debug)]
pub struct Throttle(Mutex<Places>);

impl Throttle {
    pub fn new(config: ThrottleConfig) -> Self {
        Throttle(Mutex::new(Places {
            config,
            free_at: VecDeque::from([(Instant::now(), config.limit)]),
        }))
    }

    pub fn config(&self) -> ThrottleConfig {
        self.0.lock().config
    }

    /// How many of `wanted` messages may go out now; Err: none before that time.
    pub fn take(&self, wanted: usize, now: Instant) -> Result<usize, Instant> {
        let mut places = self.0.lock();
        let interval = Duration::from_millis(places.config.interval_ms);
        let mut left = wanted as u64;
        while left > 0 {
            let Some((at, count)) = places.free_at.front_mut().filter(|(at, _)| *at <= now) else {
                break;
            };
            let from = (*at).max(now - SLACK.min(interval / 20));
            let taken = left.min(*count);
            *count -= taken;
            left -= taken;
            if *count == 0 {
                places.free_at.pop_front();
            }
            places.occupy(from + interval, taken, interval / GRAIN);
        }
        match places.free_at.front() {
            Some((at, _)) if left == wanted as u64 && wanted > 0 => Err(*at),
            _ => Ok(wanted - left as usize),
        }
    }

    /// The last `count` places were not needed after all.
    pub fn give_back(&self, count: usize, now: Instant) {
        let mut places = self.0.lock();
        let taken_back = places.drop_last(count as u64);
        if taken_back > 0 {
            places.free_at.push_front((now, taken_back));
        }
    }

    /// From now on. What is occupied stays so for the new interval.
    pub fn change(&self, config: ThrottleConfig, now: Instant) {
        let mut places = self.0.lock();
        let (old, new) = (
            Duration::from_millis(places.config.interval_ms),
            Duration::from_millis(config.interval_ms),
        );
        for (at, _) in places.free_at.iter_mut().filter(|(at, _)| *at > now) {
            *at = (*at - old + new).max(now);
        }
        if config.limit > places.config.limit {
            let more = config.limit - places.config.limit;
            places.free_at.push_front((now, more));
        } else {
            // Free ones first: what is occupied counts against the new limit.
            let mut fewer = places.config.limit - config.limit;
            while let Some((_, count)) = places.free_at.front_mut().filter(|_| fewer > 0) {
                let dropped = fewer.min(*count);
                *count -= dropped;
                fewer -= dropped;
                if *count == 0 {
                    places.free_at.pop_front();
                }
            }
        }
        places.config = config;
    }
}

impl Places {
    fn occupy(&mut self, until: Instant, count: u64, grain: Duration) {
        match self.free_at.back_mut() {
            Some((at, known)) if until.saturating_duration_since(*at) <= grain && *at > until - grain => {
                *at = until.max(*at);
                *known += count;
            }
            _ => self.free_at.push_back((until, count)),
        }
    }

    fn drop_last(&mut self, count: u64) -> u64 {
        let mut left = count;
        while let Some((_, known)) = self.free_at.back_mut().filter(|_| left > 0) {
            let dropped = left.min(*known);
            *known -= dropped;
            left -= dropped;
            if *known == 0 {
                self.free_at.pop_back();
            }
        }
        count - left
    }
}

/// What all of them let through of `wanted`; Err: none before that time.
pub fn take_all<'a>(
    throttles: impl Iterator<Item = &'a Throttle>,
    wanted: usize,
    now: Instant,
) -> Result<usize, Instant> {
    let mut taken: Vec<(&Throttle, usize)> = Vec::new();
    let mut granted = Ok(wanted);
    for throttle in throttles {
        granted = throttle.take(granted.unwrap_or(0), now);
        match granted {
            Ok(count) => taken.push((throttle, count)),
            Err(_) => break,
        }
    }
    let final_count = granted.unwrap_or(0);
    for (throttle, count) in taken {
        if count > final_count {
            throttle.give_back(count - final_count, now);
        }
    }
    granted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(limit: u64, interval_ms: u64) -> Throttle {
        Throttle::new(ThrottleConfig { limit, interval_ms })
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn as_many_as_the_limit_go_at_once_and_the_next_after_an_interval() {
        let (throttle, start) = (throttle(10, 1_000), Instant::now());
        assert_eq!(throttle.take(7, start), Ok(7));
        assert_eq!(throttle.take(7, start + ms(400)), Ok(3));
        let due = throttle.take(1, start + ms(500)).unwrap_err();
        assert!(due >= start + ms(970) && due <= start + ms(1_000), "{:?}", due - start);
        assert_eq!(throttle.take(20, start + ms(1_001)), Ok(7));
        assert_eq!(throttle.take(20, start + ms(1_401)), Ok(3));
    }

    #[test]
    fn late_wake_ups_do_not_lower_the_rate() {
        let (throttle, start) = (throttle(100, 1_000), Instant::now());
        let (mut now, mut sent) = (start, 0);
        while now < start + ms(60_000) {
            match throttle.take(30, now) {
                Ok(count) => sent += count,
                // Woken 7 ms late each time.
                Err(due) => now = due + ms(7),
            }
        }
        assert!((5_950..=6_100).contains(&sent), "{sent}");
    }

    #[test]
    fn no_interval_has_more_than_the_limit() {
        let (throttle, start) = (throttle(50, 100), Instant::now());
        let mut seed = 7_u64;
        let mut sent: Vec<(Duration, usize)> = Vec::new();
        let mut at = Duration::ZERO;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            at += Duration::from_micros(seed >> 51);
            if let Ok(count) = throttle.take((seed >> 40) as usize % 20 + 1, start + at) {
                sent.push((at, count));
            }
        }
        // 95: a place may be taken a twentieth earlier, see SLACK.
        for (index, (from, _)) in sent.iter().enumerate() {
            let within = sent[index..].iter().take_while(|(at, _)| *at < *from + ms(94));
            let total: usize = within.map(|(_, count)| count).sum();
            assert!(total <= 50, "{total} from {from:?}");
        }
    }

    #[test]
    fn a_new_limit_holds_at_once() {
        let (throttle, start) = (throttle(10, 1_000), Instant::now());
        assert_eq!(throttle.take(10, start), Ok(10));
        let config = |limit, interval_ms| ThrottleConfig { limit, interval_ms };
        throttle.change(config(15, 1_000), start + ms(1));
        assert_eq!(throttle.take(10, start + ms(1)), Ok(5));
        throttle.change(config(5, 1_000), start + ms(2));
        assert!(throttle.take(1, start + ms(3)).is_err());
        assert_eq!(throttle.take(20, start + ms(1_500)), Ok(5));
        throttle.change(config(5, 10), start + ms(1_501));
        assert_eq!(throttle.take(20, start + ms(1_520)), Ok(5));
    }

    #[test]
    fn of_several_the_strictest_decides_and_the_others_lose_nothing() {
        let (wide, narrow, start) = (throttle(10, 1_000), throttle(3, 1_000), Instant::now());
        assert_eq!(take_all([&wide, &narrow].into_iter(), 8, start), Ok(3));
        assert!(take_all([&wide, &narrow].into_iter(), 8, start).is_err());
        assert_eq!(wide.take(10, start), Ok(7));
    }

    #[test]
    fn many_small_takes_keep_the_table_small() {
        let (throttle, start) = (throttle(1_000_000, 1_000), Instant::now());
        for step in 0..500_000 {
            throttle.take(1, start + Duration::from_micros(step)).unwrap();
        }
        assert!(throttle.0.lock().free_at.len() < 3_000);
    }
}
