//! Which of the fetched messages go out, and when: too young ones wait, too old ones are skipped, a rate is kept.
//! Decided when a batch is handed out, on what is in memory; nothing is fetched again for it. What `only` leaves out
//! does not come so far, see `drain`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::batch::{now_ms, Slice};
pub use crate::config::SelectionConfig;
use crate::consume::partition::Partition;
use crate::event::Event;
use crate::filter::throttle::{take_all, Throttle};

/// How many messages of a partition were not handed out, and why.
#[derive(Debug, Default)]
pub struct Skipped {
    pub filtered: AtomicU64,
    pub expired: AtomicU64,
    /// The counts of both that the host has.
    told: (AtomicU64, AtomicU64),
}

impl Skipped {
    /// Filtered and expired ones since the last call.
    fn news(&self) -> (u64, u64) {
        let (filtered, expired) = self.total();
        (
            filtered - self.told.0.swap(filtered, Ordering::Relaxed),
            expired - self.told.1.swap(expired, Ordering::Relaxed),
        )
    }

    /// Filtered and expired ones of this assignment.
    pub fn total(&self) -> (u64, u64) {
        (
            self.filtered.load(Ordering::Relaxed),
            self.expired.load(Ordering::Relaxed),
        )
    }
}

pub(crate) enum Choice {
    Run(Slice),
    /// Nothing before this time.
    Later(Instant),
    /// All that was in memory is skipped.
    Nothing,
}

impl Partition {
    /// Tells the host what was skipped since the last time. By the poll thread, which is one.
    pub(crate) fn report_skipped(&self) {
        let (filtered, expired) = self.skipped.news();
        if filtered + expired > 0 {
            self.group.emit(Event::Skipped {
                group: self.group.id.clone(),
                topic: self.topic.clone(),
                partition: self.number,
                filtered,
                expired,
            });
        }
    }

    /// Cuts off the front of what is in memory as far as it may go out now, at most `limit` messages; and how many were skipped
    /// before it, since they are too old.
    pub(crate) fn choose(&self, carry: &mut Slice, limit: usize) -> (Choice, usize) {
        let (config, now_ms) = (self.config(), now_ms());
        let selection = &config.selection;
        if selection.is_plain() {
            return (Choice::Run(carry.split_front(limit, config.max_bytes)), 0);
        }
        let expired = carry.count_front(carry.len(), |slot| selection.is_expired(slot.timestamp_ms, now_ms));
        if expired > 0 {
            carry.drop_front(expired);
            self.expired(expired);
            self.marks.skip(carry.passed());
        }
        (self.choose_due(carry, limit, now_ms), expired)
    }

    /// As `choose`, among those that are not too old.
    fn choose_due(&self, carry: &mut Slice, limit: usize, now_ms: i64) -> Choice {
        let config = self.config();
        let selection = &config.selection;
        if carry.is_empty() {
            return Choice::Nothing;
        }
        let received_at_ms = carry.batch().complete_at_ms();
        let due = carry.count_front(limit, |slot| {
            selection.due_ms(slot.timestamp_ms, received_at_ms) <= now_ms
                && !selection.is_expired(slot.timestamp_ms, now_ms)
        });
        if due == 0 {
            let due_ms = selection.due_ms(carry.timestamp_ms(0).unwrap_or(-1), received_at_ms);
            let wait_ms = u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0);
            return Choice::Later(Instant::now() + Duration::from_millis(wait_ms));
        }
        // With lanes the rate is kept where a lane gets its messages.
        if selection.throttles.is_empty() || config.parallel.is_some() {
            return Choice::Run(carry.split_front(due, config.max_bytes));
        }
        let wanted = carry.clone().split_front(due, config.max_bytes).len();
        match self.let_through(wanted) {
            Ok(count) => Choice::Run(carry.split_front(count, config.max_bytes)),
            Err(at) => Choice::Later(at),
        }
    }

    pub(crate) fn expired(&self, messages: usize) {
        self.skipped.expired.fetch_add(messages as u64, Ordering::Relaxed);
        self.figures.metrics.expired_messages.add(messages as u64);
    }

    /// How many of `wanted` messages the rate lets go out now; Err: none before that time.
    pub(crate) fn let_through(&self, wanted: usize) -> Result<usize, Instant> {
        take_all(self.throttles(), wanted, Instant::now())
    }

    /// So many that were let through did not go out.
    pub(crate) fn held_back(&self, count: usize) {
        let now = Instant::now();
        self.throttles()
            .filter(|_| count > 0)
            .for_each(|throttle| throttle.give_back(count, now));
    }

    fn throttles(&self) -> impl Iterator<Item = &Throttle> {
        let all = &self.group.switches.throttles;
        let own = &self.config().selection.throttles;
        own.iter().filter_map(|index| all.get(*index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_expires_when_it_is_older_than_the_limit() {
        let config = SelectionConfig {
            expire_after_ms: Some(100),
            ..SelectionConfig::default()
        };
        assert!(!config.is_expired(1_000, 1_100));
        assert!(config.is_expired(1_000, 1_101));
        assert!(!config.is_expired(-1, 1_101), "without a timestamp it has no age");
        assert!(!config.is_expired(9_000, 1_101), "from the future");
    }

    #[test]
    fn a_message_from_the_future_waits_no_longer_than_the_delay() {
        let config = SelectionConfig {
            delay_by_ms: 500,
            ..SelectionConfig::default()
        };
        assert_eq!(config.due_ms(1_000, 1_200), 1_500);
        assert_eq!(config.due_ms(i64::MAX, 1_200), 1_700);
        assert_eq!(config.due_ms(-1, 1_200), i64::MIN);
        assert_eq!(SelectionConfig::default().due_ms(1_000, 1_200), i64::MIN);
    }
}
