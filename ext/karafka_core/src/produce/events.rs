//! What a producer has to tell besides its deliveries: errors, logs, statistics, and those reports that somebody
//! asked for. Bounded: what finds no room is counted, and the count is reported.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backpressure::{Reader, Waits, MOST_REPORTS, PATIENCE};
use super::delivery::DeliverySet;
use crate::base::cancel::Cancel;
use crate::base::sync::{Condvar, Mutex, MutexGuard};
use crate::error::KafkaError;

/// Events kept for a reader that is slow or absent.
const LIMIT: usize = 1_000;
/// A full queue is reported again after this long.
const QUEUE_FULL_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub enum Event {
    Error(KafkaError),
    Log {
        /// syslog's numbers, 0 to 7.
        level: i32,
        target: String,
        message: String,
    },
    /// There are statistics, and nobody takes them yet: see `take_statistics`.
    Statistics,
    /// Reports of sets with a tag, and failures of any set: set and index.
    Reports(Vec<(Arc<DeliverySet>, u32)>),
    /// The client has failed for good and is replaced, for the `attempt`th time without a message delivered in between.
    Reloading {
        attempt: u32,
        error: KafkaError,
    },
    /// There is another client. `failed` messages went with the old one; their reports say so.
    Reloaded {
        attempt: u32,
        failed: usize,
    },
    /// There is a client again after `Disconnected`.
    Reconnected,
    /// Connections had failed, and brokers are reached again.
    Back,
    /// All connections were given up, as nothing was sent for a while or somebody asked for it.
    Disconnected,
    /// The broker refused a batch of this topic and partition with `error`: `failed` messages of it are at fault, the
    /// other `messages` are sent again. Nobody is named: `failed` is 0, and they go in steps.
    Resent {
        error: KafkaError,
        messages: usize,
        failed: usize,
    },
    /// Calls wait for room in librdkafka's queue. Said once a second at most.
    QueueFull,
    /// The number of events that found no room.
    Dropped(u64),
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// How many reports are among them.
    reports: usize,
    dropped: u64,
    said_full_at: Option<Instant>,
    /// librdkafka's JSON, only the newest.
    statistics: Option<String>,
    /// Whether there is somebody who takes them, else whether an event says that there are some.
    statistics_read: bool,
    statistics_announced: bool,
    closed: bool,
    /// The reader is to look around.
    nudged: bool,
    /// There is somebody who takes them: only then are failures of untagged sets kept.
    read: bool,
}

#[derive(Default)]
pub(super) struct Events {
    queue: Mutex<Queue>,
    changed: Condvar,
    statistics_changed: Condvar,
    reader: Reader,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }

    pub(super) fn push(&self, event: Event) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        if queue.events.len() >= LIMIT {
            queue.dropped += 1;
            return;
        }
        queue.events.push_back(event);
        self.changed.notify_all();
    }

    /// Under load calls wait for room many times a second: saying so once is enough.
    pub(super) fn push_queue_full(&self, now: Instant) {
        {
            let mut queue = self.lock();
            if queue
                .said_full_at
                .is_some_and(|at| now.saturating_duration_since(at) < QUEUE_FULL_PAUSE)
            {
                return;
            }
            queue.said_full_at = Some(now);
        }
        self.push(Event::QueueFull);
    }

    /// Whoever is slow with them gets the newest, and nothing else waits for that.
    pub(super) fn push_statistics(&self, json: String) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        queue.statistics = Some(json);
        if queue.statistics_read {
            self.statistics_changed.notify_all();
        } else if !std::mem::replace(&mut queue.statistics_announced, true) {
            queue.events.push_back(Event::Statistics);
            self.changed.notify_all();
        }
    }

    /// Reports are asked for one by one and never dropped; see `backpressure` for how many may pile up.
    pub(super) fn push_reports(&self, reports: Vec<(Arc<DeliverySet>, u32)>) {
        if reports.is_empty() {
            return;
        }
        let mut queue = self.lock();
        queue.reports += reports.len();
        if let Some(Event::Reports(last)) = queue.events.back_mut() {
            last.extend(reports);
        } else {
            queue.events.push_back(Event::Reports(reports));
        }
        self.changed.notify_all();
    }

    /// Waits while too many reports wait for the reader. Called by the report thread, which holds no client.
    pub(super) fn hold_back(&self, closing: impl Fn() -> bool) {
        let mut queue = self.lock();
        let until = Instant::now() + PATIENCE;
        while queue.reports >= MOST_REPORTS && !self.reader.is_waiting() && !closing() {
            if self.changed.wait_until(&mut queue, until) {
                return;
            }
        }
    }

    /// To be held by any thread for as long as it waits for the producer.
    pub(super) fn waits(&self) -> Waits<'_> {
        self.reader.waits(|| self.wake())
    }

    /// Everything was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().events.is_empty()
    }

    /// From now on, not from the first `take` on: a message may fail before the thread that takes has got that far.
    pub(super) fn will_be_read(&self) {
        self.lock().read = true;
    }

    pub(super) fn is_read(&self) -> bool {
        self.lock().read
    }

    /// Whether the thread that calls is the one that takes.
    pub(super) fn is_reader(&self) -> bool {
        self.reader.is_this_thread()
    }

    /// No more events; those that wait can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
        self.statistics_changed.notify_all();
    }

    /// Makes the next `take` return at once.
    pub(super) fn nudge(&self) {
        self.lock().nudged = true;
        self.changed.notify_all();
    }

    /// All events, as soon as there is one. Empty: timed out, cancelled or nudged. None: closed and empty.
    pub fn take(&self, timeout: Duration, cancel: &Cancel) -> Option<Vec<Event>> {
        self.reader.is_me();
        let found = self.wait_for(&self.changed, timeout, cancel, |queue| {
            if queue.events.is_empty() && queue.dropped == 0 {
                return (!queue.closed && std::mem::take(&mut queue.nudged)).then(Vec::new);
            }
            let mut events: Vec<Event> = queue.events.drain(..).collect();
            queue.reports = 0;
            queue.statistics_announced = false;
            self.changed.notify_all();
            let dropped = std::mem::take(&mut queue.dropped);
            if dropped > 0 {
                events.push(Event::Dropped(dropped));
            }
            Some(events)
        });
        found.map(Option::unwrap_or_default)
    }

    /// The newest statistics, as soon as there are some that were not taken. Some(None): timed out or cancelled. None: closed,
    /// and the last ones were taken. From the first call on no event says that there are some.
    pub fn take_statistics(&self, timeout: Duration, cancel: &Cancel) -> Option<Option<String>> {
        self.wait_for(&self.statistics_changed, timeout, cancel, |queue| {
            queue.statistics_read = true;
            queue.statistics.take()
        })
    }

    /// What `look` finds, waiting for it. Some(None): timed out or cancelled. None: closed, and it finds nothing.
    fn wait_for<T>(
        &self,
        changed: &Condvar,
        timeout: Duration,
        cancel: &Cancel,
        mut look: impl FnMut(&mut Queue) -> Option<T>,
    ) -> Option<Option<T>> {
        let deadline = Instant::now() + timeout;
        let mut queue = self.lock();
        loop {
            if let Some(found) = look(&mut queue) {
                return Some(Some(found));
            }
            if queue.closed {
                return None;
            }
            if Instant::now() >= deadline || cancel.is_set() {
                return Some(None);
            }
            changed.wait_until(&mut queue, cancel.until(Some(deadline)));
        }
    }

    /// Makes whoever takes look again; set its `Cancel` first.
    pub fn wake(&self) {
        let _queue = self.lock();
        self.changed.notify_all();
        self.statistics_changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_told() {
        let events = Events::default();
        for _ in 0..LIMIT + 5 {
            events.push(Event::Disconnected);
        }
        let taken = events.take(Duration::ZERO, &Cancel::new()).unwrap();
        assert_eq!(taken.len(), LIMIT + 1);
        assert!(matches!(taken.last(), Some(Event::Dropped(5))));
        assert!(events.take(Duration::ZERO, &Cancel::new()).unwrap().is_empty());
        events.close();
        assert!(events.take(Duration::ZERO, &Cancel::new()).is_none());
    }

    #[test]
    fn statistics_take_no_place_of_others_and_only_the_newest_are_kept() {
        let events = Events::default();
        let now = Cancel::new();
        for number in 1..=LIMIT + 5 {
            events.push_statistics(number.to_string());
            events.push(Event::Disconnected);
        }
        let taken = events.take(Duration::ZERO, &now).unwrap();
        let told = taken.iter().filter(|event| matches!(event, Event::Statistics)).count();
        assert_eq!(told, 1, "nobody takes them, which is told once");
        events.push_statistics("2000".to_owned());
        assert_eq!(events.take(Duration::ZERO, &now).unwrap().len(), 1, "and again");
        assert_eq!(
            events.take_statistics(Duration::ZERO, &now),
            Some(Some("2000".to_owned()))
        );
        events.push_statistics("2001".to_owned());
        assert!(events.is_empty(), "somebody takes them");
        events.close();
        events.push_statistics("2002".to_owned());
        assert_eq!(
            events.take_statistics(Duration::ZERO, &now),
            Some(Some("2001".to_owned()))
        );
        assert_eq!(events.take_statistics(Duration::from_secs(60), &now), None);
    }

    #[test]
    fn a_full_queue_is_said_once_a_second() {
        let events = Events::default();
        let start = Instant::now();
        for millisecond in [0, 1, 999, 1_000, 1_001] {
            events.push_queue_full(start + Duration::from_millis(millisecond));
        }
        assert_eq!(events.take(Duration::ZERO, &Cancel::new()).unwrap().len(), 2);
    }
}
