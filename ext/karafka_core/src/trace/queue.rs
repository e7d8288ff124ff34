//! Spans that wait for the exporter: bounded, and whoever makes one waits for nothing. What finds no room is dropped and counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Span;
use crate::base::per_process::PerProcess;
use crate::base::sync::{Condvar, Mutex};
use crate::metrics::registry;

/// A forked child has its own: the spans that wait are the parent's.
static QUEUE: PerProcess<Queue> = PerProcess::new(Queue::new);

/// That number of spans is worth a request before its time.
const WORTH_IT: usize = 512;

pub fn queue() -> &'static Queue {
    QUEUE.get()
}

/// What became of the spans of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub exported: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// The collector refused them, or did not answer before the process ended.
    pub failed: u64,
}

impl Counts {
    pub fn now() -> Self {
        let spans = &registry().spans;
        Counts {
            exported: spans.exported.get(),
            dropped: spans.dropped.get(),
            failed: spans.failed.get(),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    spans: VecDeque<Span>,
    capacity: usize,
    /// With the exporter just now.
    out: usize,
    /// Somebody waits until all of it is out.
    hurry: bool,
    stopping: bool,
}

#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// For the exporter.
    more: Condvar,
    /// For those who wait for it.
    less: Condvar,
}

impl Queue {
    fn new() -> Self {
        Queue {
            waiting: Mutex::new(Waiting {
                spans: VecDeque::new(),
                capacity: 0,
                out: 0,
                hurry: false,
                stopping: false,
            }),
            more: Condvar::new(),
            less: Condvar::new(),
        }
    }

    pub(super) fn limit(&self, capacity: usize) {
        self.waiting.lock().capacity = capacity;
    }

    pub(super) fn push(&self, span: Span) {
        let mut waiting = self.waiting.lock();
        if waiting.spans.len() >= waiting.capacity {
            registry().spans.dropped.add(1);
            return;
        }
        waiting.spans.push_back(span);
        if waiting.spans.len() == WORTH_IT {
            self.more.notify_all();
        }
    }

    /// For the exporter: at most `most` spans, as soon as that many wait, the time is over, or somebody waits. None: it is to end.
    pub fn take(&self, most: usize, patience: Duration) -> Option<Vec<Span>> {
        let until = Instant::now() + patience;
        let mut waiting = self.waiting.lock();
        loop {
            let is_time = waiting.hurry || Instant::now() >= until;
            if waiting.spans.is_empty() && waiting.stopping {
                return None;
            }
            if waiting.spans.len() >= WORTH_IT.min(most) || waiting.stopping || is_time {
                break;
            }
            self.more.wait_until(&mut waiting, until);
        }
        let count = waiting.spans.len().min(most);
        waiting.out = count;
        if count == 0 {
            waiting.hurry = false;
            self.less.notify_all();
        }
        Some(waiting.spans.drain(..count).collect())
    }

    /// The exporter is done with what it took.
    pub fn done(&self) {
        let mut waiting = self.waiting.lock();
        waiting.out = 0;
        self.less.notify_all();
    }

    /// For the exporter between two attempts. True: it is to end, so there is no further one.
    pub fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut waiting = self.waiting.lock();
        while !waiting.stopping && Instant::now() < until {
            self.more.wait_until(&mut waiting, until);
        }
        waiting.stopping
    }

    /// Waits until everything that was recorded is out of the process, or was given up. False: not in that time.
    pub fn flush(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut waiting = self.waiting.lock();
        while !waiting.spans.is_empty() || waiting.out > 0 {
            if Instant::now() >= until {
                return false;
            }
            waiting.hurry = true;
            self.more.notify_all();
            self.less.wait_until(&mut waiting, until);
        }
        true
    }

    /// The exporter ends after what waits; `begin` lets another one begin.
    pub fn stop(&self) {
        self.waiting.lock().stopping = true;
        self.more.notify_all();
    }

    pub fn begin(&self) {
        self.waiting.lock().stopping = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Context, Operation};

    fn span() -> Span {
        Span {
            context: Context::root(),
            parent: None,
            operation: Operation::Send,
            topic: "orders".into(),
            begun_ns: 1,
            ended_ns: 2,
            attributes: Vec::new(),
            links: Vec::new(),
            failure: None,
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let queue = Queue::new();
        queue.limit(3);
        let before = Counts::now().dropped;
        for _ in 0..5 {
            queue.push(span());
        }
        assert_eq!(Counts::now().dropped - before, 2);
        assert_eq!(queue.take(2, Duration::ZERO).map(|taken| taken.len()), Some(2));
        assert!(!queue.flush(Duration::ZERO), "they are not out yet");
        queue.done();
        assert_eq!(queue.take(2, Duration::ZERO).map(|taken| taken.len()), Some(1));
        queue.done();
        assert!(queue.flush(Duration::ZERO));
    }

    #[test]
    fn a_flush_does_not_wait_for_the_interval() {
        let queue = Queue::new();
        queue.limit(10);
        queue.push(span());
        std::thread::scope(|scope| {
            let exporter = scope.spawn(|| {
                let taken = queue.take(10, Duration::from_secs(600)).map(|taken| taken.len());
                queue.done();
                taken
            });
            assert!(queue.flush(Duration::from_secs(60)));
            assert_eq!(exporter.join().unwrap(), Some(1));
        });
    }

    #[test]
    fn the_end_comes_after_what_is_there() {
        let queue = Queue::new();
        queue.limit(10);
        queue.push(span());
        queue.stop();
        assert_eq!(
            queue.take(10, Duration::from_secs(600)).map(|taken| taken.len()),
            Some(1)
        );
        assert!(queue.pause(Duration::from_secs(600)));
        assert!(queue.take(10, Duration::from_secs(600)).is_none());
    }
}
