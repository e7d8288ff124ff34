//! What the engine tells its host: errors, assignments, commits, log lines. One bounded queue; nothing is lost silently.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex};

use crate::error::KafkaError;
use crate::native::PartitionRow;

/// A topic's name with a partition number.
pub type TopicPartition = (Arc<str>, i32);

#[derive(Debug, Clone)]
pub enum Event {
    Error {
        group: Arc<str>,
        error: KafkaError,
    },
    Assigned {
        group: Arc<str>,
        generation: u64,
        partitions: Vec<TopicPartition>,
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
    /// A subscription group with several clients has one more or one less.
    Scaled {
        group: Arc<str>,
        clients: usize,
        grown: bool,
    },
    Log {
        level: &'static str,
        target: String,
        message: String,
    },
    /// The queue was full: so many events were dropped since the last time.
    Dropped {
        count: u64,
    },
}

/// Lets another thread end a wait. The flag is read and written under the waited-on queue's lock, so no wake-up is lost.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

struct Inner {
    events: VecDeque<Event>,
    dropped: u64,
    closed: bool,
}

/// Bounded; the newest events are dropped and counted when nobody reads.
pub struct EventQueue {
    inner: Mutex<Inner>,
    filled: Condvar,
    capacity: usize,
}

impl EventQueue {
    pub fn new(capacity: usize) -> Self {
        let inner = Inner {
            events: VecDeque::new(),
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
        if inner.events.len() >= self.capacity {
            inner.dropped += 1;
        } else {
            inner.events.push_back(event);
        }
        self.filled.notify_one();
    }

    /// Everything there is, waiting up to `timeout` for the first. None: closed and empty.
    pub fn receive(&self, timeout: Duration, interrupt: &Interrupt) -> Option<Vec<Event>> {
        let deadline = Instant::now().checked_add(timeout);
        let mut inner = self.inner.lock();
        loop {
            if !inner.events.is_empty() || inner.dropped > 0 {
                let mut found: Vec<Event> = inner.events.drain(..).collect();
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
            if interrupt.is_set() {
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

    pub fn interrupt(&self, interrupt: &Interrupt) {
        let _inner = self.inner.lock();
        interrupt.set();
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
        let found = queue.receive(Duration::ZERO, &Interrupt::default()).expect("open");
        assert_eq!(found.len(), 3);
        assert!(matches!(found[2], Event::Dropped { count: 3 }));
    }

    #[test]
    fn a_closed_queue_gives_the_rest_and_then_none() {
        let queue = EventQueue::new(2);
        queue.push(log("x"));
        queue.close();
        queue.push(log("late"));
        assert_eq!(
            queue.receive(Duration::ZERO, &Interrupt::default()).map(|e| e.len()),
            Some(1)
        );
        assert!(queue.receive(Duration::from_secs(5), &Interrupt::default()).is_none());
    }

    #[test]
    fn an_interrupt_ends_a_wait() {
        let queue = Arc::new(EventQueue::new(2));
        let interrupt = Arc::new(Interrupt::default());
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
