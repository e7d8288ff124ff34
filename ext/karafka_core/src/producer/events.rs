//! What a producer has to tell besides its deliveries: errors, logs, statistics, and those reports that somebody
//! asked for. Bounded: what finds no room is counted, and the count is told.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::crowd::{Reader, Waits, MOST_REPORTS, PATIENCE};
use super::delivery::DeliverySet;
use super::gate::Cancel;
use crate::error::KafkaError;

/// Events kept for a reader that is slow or absent.
const LIMIT: usize = 1_000;
/// A full queue is said again after this long.
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
    /// librdkafka's JSON.
    Statistics(String),
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
    /// All connections were given up, as nothing was sent for a while or somebody asked for it.
    Disconnected,
    /// Calls wait for room in librdkafka's queue. Said once a second at most.
    QueueFull,
    /// So many events found no room.
    Dropped(u64),
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// How many reports are among them.
    reports: usize,
    dropped: u64,
    said_full_at: Option<Instant>,
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
    reader: Reader,
}

impl Events {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Reports are asked for one by one and never dropped; see `crowd` for how many may pile up.
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
        let queue = self.lock();
        if queue.reports < MOST_REPORTS {
            return;
        }
        let crowded = |queue: &mut Queue| queue.reports >= MOST_REPORTS && !self.reader.is_waiting() && !closing();
        let _held = self.changed.wait_timeout_while(queue, PATIENCE, crowded);
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

    /// No more events; what is there can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Makes the next `take` return at once.
    pub(super) fn nudge(&self) {
        self.lock().nudged = true;
        self.changed.notify_all();
    }

    /// Everything that is there, as soon as there is something. Empty: timed out, cancelled or nudged. None: closed and
    /// empty.
    pub fn take(&self, timeout: Duration, cancel: &Cancel) -> Option<Vec<Event>> {
        let deadline = Instant::now() + timeout;
        let mut queue = self.lock();
        self.reader.is_me();
        loop {
            if !queue.events.is_empty() || queue.dropped > 0 {
                let mut events: Vec<Event> = queue.events.drain(..).collect();
                queue.reports = 0;
                self.changed.notify_all();
                let dropped = std::mem::take(&mut queue.dropped);
                if dropped > 0 {
                    events.push(Event::Dropped(dropped));
                }
                return Some(events);
            }
            if queue.closed {
                return None;
            }
            if std::mem::take(&mut queue.nudged) || Instant::now() >= deadline || cancel.is_set() {
                return Some(Vec::new());
            }
            queue = self
                .changed
                .wait_timeout(queue, cancel.patience(Some(deadline)))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Makes whoever takes look again; set its `Cancel` first.
    pub fn wake(&self) {
        let _queue = self.lock();
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_told() {
        let events = Events::default();
        for _ in 0..LIMIT + 5 {
            events.push(Event::Statistics(String::new()));
        }
        let taken = events.take(Duration::ZERO, &Cancel::new()).unwrap();
        assert_eq!(taken.len(), LIMIT + 1);
        assert!(matches!(taken.last(), Some(Event::Dropped(5))));
        assert!(events.take(Duration::ZERO, &Cancel::new()).unwrap().is_empty());
        events.close();
        assert!(events.take(Duration::ZERO, &Cancel::new()).is_none());
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
