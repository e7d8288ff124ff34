//! What the engine tells its host: errors, assignments, commits, log lines. One bounded queue; nothing is lost silently.

pub(crate) mod telemetry;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::cancel::Cancel;
use crate::base::sync::{Condvar, Mutex};

use crate::config::OnRecreated;
use crate::error::KafkaError;

/// An offset of one partition, as a commit or a look-up reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRow {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub error: Option<KafkaError>,
}

/// A topic's name with a partition number.
pub type TopicPartition = (Arc<str>, i32);

/// How far an assigned partition is; -1 where that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOffsets {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The offset after the last processed message.
    pub marked: i64,
    /// What a broker has confirmed.
    pub committed: i64,
    /// The first message that is not processed.
    pub next: i64,
}

#[derive(Debug, Clone)]
pub enum Event {
    Error {
        group: Arc<str>,
        error: KafkaError,
    },
    /// Partitions come; `Assigned` says when they have come.
    Assigning {
        group: Arc<str>,
        partitions: Vec<TopicPartition>,
    },
    Assigned {
        group: Arc<str>,
        generation: u64,
        partitions: Vec<TopicPartition>,
    },
    /// Partitions go as soon as their leases have ended; `Revoked` says when they are gone.
    Revoking {
        group: Arc<str>,
        partitions: Vec<TopicPartition>,
        lost: bool,
    },
    Revoked {
        group: Arc<str>,
        generation: u64,
        partitions: Vec<TopicPartition>,
        lost: bool,
    },
    Committed {
        group: Arc<str>,
        offsets: Vec<PartitionRow>,
        error: Option<KafkaError>,
    },
    Statistics {
        group: Arc<str>,
        json: String,
        /// Of the assigned partitions: librdkafka does not know their offsets, as it stores none.
        offsets: Vec<PartitionOffsets>,
    },
    /// The poll thread comes round: reported once a second, `passed` after the last time.
    Polled {
        group: Arc<str>,
        passed: Duration,
    },
    /// Messages that were not handed out, since the last such event of the partition.
    Skipped {
        group: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        filtered: u64,
        expired: u64,
    },
    /// A partition came back and began before what this process had committed.
    WentBack {
        group: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        offset: i64,
        committed: i64,
    },
    /// A topic was deleted and made again under its name.
    Recreated {
        group: Arc<str>,
        topic: Arc<str>,
        partitions: Vec<i32>,
        /// None: the brokers give topics no ids; the log is shorter than what was read of it.
        old_id: Option<Arc<str>>,
        new_id: Option<Arc<str>>,
        on_recreated: OnRecreated,
    },
    /// The messages at these offsets were deleted before they were read: the log begins at `to`.
    Overtaken {
        group: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        from: i64,
        to: i64,
    },
    /// A lease was dropped without being settled; its messages will be delivered again.
    Abandoned {
        topic: Arc<str>,
        partition: i32,
        offset: i64,
    },
    /// A lease is out for long.
    Stuck {
        group: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        assignment_id: u64,
        kind: &'static str,
        age_ms: u64,
    },
    /// This process left the group because a lease is over its limit.
    Left {
        group: Arc<str>,
        topic: Arc<str>,
        partition: i32,
        age_ms: u64,
    },
    /// That lease has ended: back in the group.
    Returned {
        group: Arc<str>,
    },
    /// Its client has failed for good; another one takes its place.
    Reset {
        group: Arc<str>,
    },
    /// Connections had failed, and brokers are reached again.
    Back {
        group: Arc<str>,
    },
    /// A subscription group with several clients has one more or one less.
    Scaled {
        group: Arc<str>,
        clients: usize,
        grown: bool,
    },
    /// The host is asked where its workers are, with the number of the question; see `Observer::give_backtraces`.
    Backtraces(u64),
    /// The same for metrics of the application; see `Observer::give_app_metrics`.
    AppMetrics(u64),
    Log {
        level: &'static str,
        target: String,
        message: String,
    },
    /// The queue was full: the number of events that were dropped since the last time.
    Dropped {
        count: u64,
    },
}

impl Event {
    /// Producers of partitions are made and closed on these, so they are never dropped. A group that rebalances sends few.
    fn is_membership(&self) -> bool {
        matches!(self, Event::Assigned { .. } | Event::Revoked { .. })
    }
}

struct Inner {
    events: VecDeque<Event>,
    /// Since when the oldest of them waits.
    waits_since: Option<Instant>,
    dropped: u64,
    closed: bool,
}

/// Bounded; the newest events but those of membership are dropped and counted when nobody reads.
pub struct EventQueue {
    inner: Mutex<Inner>,
    filled: Condvar,
    capacity: usize,
}

impl EventQueue {
    pub fn new(capacity: usize) -> Self {
        let inner = Inner {
            events: VecDeque::new(),
            waits_since: None,
            dropped: 0,
            closed: false,
        };
        EventQueue {
            inner: Mutex::new(inner),
            filled: Condvar::new(),
            capacity,
        }
    }

    pub fn push(&self, event: Event) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return;
        }
        inner.waits_since.get_or_insert_with(Instant::now);
        if inner.events.len() >= self.capacity && !event.is_membership() {
            inner.dropped += 1;
        } else {
            inner.events.push_back(event);
        }
        self.filled.notify_one();
    }

    /// Everything there is, waiting up to `timeout` for the first. None: closed and empty.
    pub fn receive(&self, timeout: Duration, cancel: &Cancel) -> Option<Vec<Event>> {
        let deadline = Instant::now().checked_add(timeout);
        let mut inner = self.inner.lock();
        loop {
            if !inner.events.is_empty() || inner.dropped > 0 {
                let mut found: Vec<Event> = inner.events.drain(..).collect();
                inner.waits_since = None;
                if inner.dropped > 0 {
                    found.push(Event::Dropped {
                        count: std::mem::take(&mut inner.dropped),
                    });
                }
                return Some(found);
            }
            if inner.closed {
                return None;
            }
            if cancel.is_set() {
                return Some(Vec::new());
            }
            let timed_out = match deadline {
                Some(deadline) => self.filled.wait_until(&mut inner, deadline),
                None => {
                    self.filled.wait(&mut inner);
                    false
                }
            };
            if timed_out && inner.events.is_empty() {
                return Some(Vec::new());
            }
        }
    }

    /// How long nobody has taken the events that there are.
    pub fn unread_for(&self) -> Duration {
        self.inner
            .lock()
            .waits_since
            .map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub fn interrupt(&self, cancel: &Cancel) {
        let _inner = self.inner.lock();
        cancel.set();
        self.filled.notify_all();
    }

    /// What is queued can still be read; nothing new is taken.
    pub fn close(&self) {
        self.inner.lock().closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(message: &str) -> Event {
        Event::Log {
            level: "info",
            target: "t".into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_full_queue_counts_what_it_drops() {
        let queue = EventQueue::new(2);
        for _ in 0..5 {
            queue.push(log("x"));
        }
        let found = queue.receive(Duration::ZERO, &Cancel::new()).expect("open");
        assert_eq!(found.len(), 3);
        assert!(matches!(found[2], Event::Dropped { count: 3 }));
    }

    #[test]
    fn a_full_queue_takes_what_is_assigned_and_revoked_all_the_same() {
        let queue = EventQueue::new(2);
        for _ in 0..5 {
            queue.push(log("x"));
        }
        let (group, partitions): (Arc<str>, _) = ("g".into(), vec![("t".into(), 0)]);
        queue.push(Event::Assigned {
            group: group.clone(),
            generation: 1,
            partitions: partitions.clone(),
        });
        queue.push(Event::Revoked {
            group,
            generation: 1,
            partitions,
            lost: false,
        });
        let found = queue.receive(Duration::ZERO, &Cancel::new()).expect("open");
        assert!(matches!(found[2], Event::Assigned { .. }));
        assert!(matches!(found[3], Event::Revoked { .. }));
        assert!(matches!(found[4], Event::Dropped { count: 3 }));
    }

    #[test]
    fn a_closed_queue_gives_the_rest_and_then_none() {
        let queue = EventQueue::new(2);
        queue.push(log("x"));
        queue.close();
        queue.push(log("late"));
        assert_eq!(queue.receive(Duration::ZERO, &Cancel::new()).map(|e| e.len()), Some(1));
        assert!(queue.receive(Duration::from_secs(5), &Cancel::new()).is_none());
    }

    #[test]
    fn an_interrupt_ends_a_wait() {
        let queue = Arc::new(EventQueue::new(2));
        let interrupt = Arc::new(Cancel::new());
        let waiting = {
            let (queue, interrupt) = (queue.clone(), interrupt.clone());
            std::thread::spawn(move || queue.receive(Duration::from_secs(600), &interrupt))
        };
        queue.interrupt(&interrupt);
        let started = Instant::now();
        assert_eq!(waiting.join().expect("no panic").map(|e| e.len()), Some(0));
        assert!(started.elapsed() < Duration::from_secs(300));
    }
}
