//! An engine with workers that write down what they got.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::config::EngineConfig;
use karafka_core::engine::{Engine, Taken};
use karafka_core::event::Event;
use karafka_core::lease::Lease;

use super::{wait_until, Log, Seen, Settle, LONG};

/// The work of who only wants the messages.
pub fn ack(lease: Lease) {
    lease.ack();
}

/// An engine, its workers, and what they saw. Stopped by force when dropped.
pub struct Harness {
    pub engine: Arc<Engine>,
    pub log: Arc<Log>,
    pub workers: Vec<JoinHandle<()>>,
    events: Option<JoinHandle<()>>,
}

impl Harness {
    /// Starts an engine whose workers hand each lease to `work`.
    pub fn start(config: EngineConfig, workers: usize, work: impl Fn(Lease) + Send + Sync + 'static) -> Self {
        let harness = Self::without_workers(config);
        harness.with_workers(workers, work)
    }

    pub fn without_workers(config: EngineConfig) -> Self {
        let engine = Engine::new(config).expect("a valid configuration");
        let log = Arc::new(Log::default());
        let events = {
            let (engine, log) = (engine.clone(), log.clone());
            std::thread::spawn(move || {
                let interrupt = Cancel::new();
                while let Ok(Some(events)) = engine.events(Duration::from_secs(60), &interrupt) {
                    log.events.lock().extend(events);
                }
            })
        };
        engine.start().expect("the engine starts");
        Harness {
            engine,
            log,
            workers: Vec::new(),
            events: Some(events),
        }
    }

    pub fn with_workers(mut self, count: usize, work: impl Fn(Lease) + Send + Sync + 'static) -> Self {
        let work = Arc::new(work);
        for number in 0..count {
            let (engine, log, work) = (self.engine.clone(), self.log.clone(), work.clone());
            let run = move || {
                let interrupt = Cancel::new();
                while let Ok(Taken::Lease(lease)) = engine.take(&interrupt) {
                    log.seen.lock().push(Seen::of(&lease, number));
                    work(*lease);
                }
            };
            let name = format!("test-worker-{number}");
            self.workers
                .push(std::thread::Builder::new().name(name).spawn(run).expect("a thread"));
        }
        self
    }

    /// Takes one lease in this thread; fails after a deadline.
    #[track_caller]
    pub fn take(&self) -> Lease {
        self.take_within(LONG).expect("a lease in time")
    }

    /// One lease, or None when the time runs out.
    pub fn take_within(&self, within: Duration) -> Option<Lease> {
        let interrupt = Cancel::new();
        let done = AtomicBool::new(false);
        let taken = std::thread::scope(|scope| {
            let clock = scope.spawn(|| {
                let deadline = Instant::now() + within;
                while !done.load(Ordering::Acquire) && Instant::now() < deadline {
                    std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
                }
                self.engine.interrupt_take(&interrupt);
            });
            let taken = self.engine.take(&interrupt);
            done.store(true, Ordering::Release);
            clock.thread().unpark();
            taken
        });
        match taken {
            Ok(Taken::Lease(lease)) => {
                self.log.seen.lock().push(Seen::of(&lease, usize::MAX));
                Some(*lease)
            }
            _ => None,
        }
    }

    /// What the engine failed with.
    #[track_caller]
    pub fn take_error(&self) -> String {
        match self.engine.take(&Cancel::new()) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("the engine did not fail"),
        }
    }

    #[track_caller]
    pub fn wait_for_messages(&self, count: usize) {
        let deadline = Instant::now() + LONG;
        while self.log.messages() < count {
            assert!(
                Instant::now() < deadline,
                "{} of {count} messages; errors: {:?}; {:?}",
                self.log.messages(),
                self.log.error_codes(),
                self.engine.state()
            );
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    #[track_caller]
    pub fn wait_for_assignment(&self, partitions: usize) {
        let deadline = Instant::now() + LONG;
        while self.assigned() != partitions {
            assert!(
                Instant::now() < deadline,
                "{} of {partitions} partitions assigned; errors: {:?}; {:?}",
                self.assigned(),
                self.log.error_codes(),
                self.engine.state()
            );
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    pub fn assigned(&self) -> usize {
        self.engine
            .state()
            .map_or(0, |state| state.groups.iter().map(|group| group.assigned.len()).sum())
    }

    /// Graceful stop; how long it took.
    #[track_caller]
    pub fn stop(mut self) -> (Duration, Arc<Log>) {
        let started = Instant::now();
        self.engine.stop();
        assert!(
            self.engine.join(LONG).expect("not forked"),
            "did not stop: {:?}",
            self.engine.state()
        );
        let took = started.elapsed();
        self.end_threads();
        (took, self.log.clone())
    }

    fn end_threads(&mut self) {
        for worker in self.workers.drain(..) {
            if worker.join().is_err() && !std::thread::panicking() {
                panic!("a worker panicked");
            }
        }
        if let Some(events) = self.events.take() {
            events.join().expect("no panic");
        }
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.engine.force_stop();
        let stopped = self.engine.join(LONG).unwrap_or(true);
        if std::thread::panicking() {
            return;
        }
        assert!(stopped, "did not stop by force");
        self.end_threads();
        let stray = |event: &Event| matches!(event, Event::Error { error, .. } if error.message.contains("outside of a partition's queue"));
        assert!(!self.log.has_event(stray), "messages came on the main queue");
    }
}
