//! The engine: its groups, their poll threads, and the door the host's workers come through.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::sync::{Condvar, Mutex};

use crate::base::cancel::Cancel;
use crate::base::fork::ForkGuard;
use crate::config::EngineConfig;
use crate::consume::group::{Group, Switches};
use crate::consume::lease::Lease;
use crate::consume::multiplexing::Connections;
use crate::consume::poller::{Budget, Host, Poller};
use crate::consume::ready_queue::{Popped, ReadyQueue};
use crate::consume::workers::Workers;
use crate::error::{Error, KafkaError, Result};
use crate::event::{Event, EventQueue};
use crate::filter::throttle::{Throttle, ThrottleConfig};
use crate::kafka::client::ConsumerClient;
use crate::{event::telemetry, kafka::settings};

mod health;
mod observing;
mod pausing;
mod starting;
mod state;

pub use health::{Health, Overdue};
pub use observing::{GroupLook, Look};
pub use state::{EngineState, GroupState, LeaseState, WaitingState};

const EVENT_CAPACITY: usize = 10_000;

pub enum Taken {
    Lease(Box<Lease>),
    /// The wait was ended from outside.
    Interrupted,
    /// There are to be fewer workers, this one ends.
    Retired,
    /// The engine has stopped and nothing is left to do.
    Closed,
}

pub struct Engine {
    config: EngineConfig,
    groups: Vec<Arc<Group>>,
    ready: Arc<ReadyQueue>,
    events: Arc<EventQueue>,
    switches: Arc<Switches>,
    budget: Arc<Budget>,
    workers: Workers,
    force: AtomicBool,
    started: AtomicBool,
    open_groups: Mutex<usize>,
    group_closed: Condvar,
    failure: Mutex<Option<Error>>,
    guard: ForkGuard,
    #[cfg(test)]
    threads_left: std::sync::atomic::AtomicIsize,
}

impl Engine {
    /// Checks everything that can be checked without a broker. Starts nothing.
    pub fn new(config: EngineConfig) -> Result<Arc<Self>> {
        let ready = Arc::new(ReadyQueue::default());
        let events = Arc::new(EventQueue::new(EVENT_CAPACITY));
        let switches = Arc::new(Switches {
            throttles: config.throttles.iter().copied().map(Throttle::new).collect(),
            ..Switches::default()
        });
        let mut groups = Vec::with_capacity(config.groups.len());
        let mut sets: HashMap<String, Arc<Connections>> = HashMap::new();
        for (index, group) in config.groups.iter().enumerate() {
            settings::client_config(&group.kafka)?;
            let (ready, events, switches) = (ready.clone(), events.clone(), switches.clone());
            let connections = group.multiplexing.as_ref().map(|given| {
                let set = sets.entry(given.set.clone());
                set.or_insert_with(|| Arc::new(Connections::from(given))).clone()
            });
            let group = Group::new(index, group.clone(), ready, events, switches, connections)?;
            groups.push(Arc::new(group));
        }
        Ok(Arc::new(Engine {
            open_groups: Mutex::new(groups.len()),
            budget: Arc::new(Budget::new(config.max_queued_bytes, &config.groups)),
            config,
            groups,
            ready,
            events,
            switches,
            workers: Workers::default(),
            force: AtomicBool::new(false),
            started: AtomicBool::new(false),
            group_closed: Condvar::new(),
            failure: Mutex::new(None),
            guard: ForkGuard::new(),
            #[cfg(test)]
            threads_left: std::sync::atomic::AtomicIsize::new(isize::MAX),
        }))
    }

    pub fn is_foreign(&self) -> bool {
        self.guard.is_foreign()
    }

    fn check_process(&self) -> Result<()> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        Ok(())
    }

    fn run_group(self: Arc<Self>, group: Arc<Group>, client: Option<ConsumerClient>) {
        let force: Arc<dyn Fn() -> bool + Send + Sync> = {
            let engine = self.clone();
            Arc::new(move || engine.force.load(Ordering::Acquire))
        };
        let nothing_out: Arc<dyn Fn() -> bool + Send + Sync> = {
            let engine = self.clone();
            Arc::new(move || engine.nothing_out())
        };
        let host = Host {
            revocation_grace: Duration::from_millis(self.config.revocation_grace_ms),
            stuck_report: self.config.stuck_report_ms.map(Duration::from_millis),
            budget: self.budget.clone(),
            force,
            nothing_out,
        };
        let poller = Poller::new(group.clone(), host);
        let result = catch_unwind(AssertUnwindSafe(|| poller.run(client)))
            .unwrap_or_else(|panic| Err(Error::Internal(panic_text(&*panic))));
        if let Err(error) = result {
            self.fail(&group, error);
        }
        group.abandon_assignment();
        let mut open = self.open_groups.lock();
        *open -= 1;
        if *open == 0 {
            self.close_doors();
        }
        self.group_closed.notify_all();
    }

    fn nothing_out(&self) -> bool {
        let mut partitions = self.groups.iter().flat_map(|group| group.partitions());
        partitions.all(|partition| partition.current_leases().is_empty())
    }

    /// A group that can't go on takes the engine with it: half a process that looks alive is worse than none.
    fn fail(&self, group: &Group, error: Error) {
        let kafka = KafkaError {
            fatal: true,
            ..KafkaError::internal(error.to_string())
        };
        group.emit(Event::Error {
            group: group.id.clone(),
            error: kafka,
        });
        self.failure.lock().get_or_insert(error);
        self.stop();
    }

    fn close_doors(&self) {
        self.ready.close();
        self.events.close();
        telemetry::unlisten(&self.events);
    }

    /// The next lease, waiting for one.
    pub fn take(&self, interrupt: &Cancel) -> Result<Taken> {
        self.check_process()?;
        loop {
            match self.ready.pop(interrupt) {
                Popped::Partition(partition) => {
                    // A panic here must not become the host's: the engine fails with an error that every waiter gets.
                    match catch_unwind(AssertUnwindSafe(|| partition.lease())) {
                        Ok(Some(lease)) => return Ok(Taken::Lease(Box::new(lease))),
                        Ok(None) => {}
                        Err(panic) => {
                            self.fail(&partition.group, Error::Internal(panic_text(&*panic)));
                            partition.abandon_after_panic();
                        }
                    }
                }
                Popped::Interrupted => return Ok(Taken::Interrupted),
                Popped::Retired => return Ok(Taken::Retired),
                Popped::Closed => {
                    return match self.failure.lock().clone() {
                        Some(error) => Err(error),
                        None => Ok(Taken::Closed),
                    }
                }
            }
        }
    }

    pub fn interrupt_take(&self, interrupt: &Cancel) {
        self.ready.interrupt(interrupt);
    }

    pub fn interrupt_events(&self, interrupt: &Cancel) {
        self.events.interrupt(interrupt);
    }

    /// What happened since the last call; None once the engine is closed and everything was read.
    pub fn events(&self, timeout: Duration, interrupt: &Cancel) -> Result<Option<Vec<Event>>> {
        self.check_process()?;
        Ok(self.events.receive(timeout, interrupt))
    }

    /// This number of workers are not needed any more: those that come next get `Retired`. Running leases end as usual.
    pub fn retire(&self, workers: usize) -> Result<()> {
        self.check_process()?;
        self.ready.retire(workers);
        Ok(())
    }

    /// Takes back what `retire` asked for, where nobody has gone yet; how many stay.
    pub fn retain(&self, workers: usize) -> Result<usize> {
        self.check_process()?;
        Ok(self.ready.retain(workers))
    }

    /// Hands out no new batches and stays in its groups. Running batches end, then each partition's `shutdown` runs. Final.
    pub fn quiet(&self) {
        if self.is_foreign() || self.switches.quiet.swap(true, Ordering::AcqRel) {
            return;
        }
        self.notify_partitions();
    }

    /// Changes a rate limit from now on.
    pub fn set_throttle(&self, index: usize, config: ThrottleConfig) {
        let Some(throttle) = self.switches.throttles.get(index).filter(|_| !self.is_foreign()) else {
            return;
        };
        throttle.change(config, Instant::now());
        // Those that wait have set their timers for the old one.
        self.notify_partitions();
    }

    /// Begins the graceful stop. Returns at once.
    pub fn stop(&self) {
        if self.is_foreign() || self.switches.stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        if !self.started.load(Ordering::Acquire) {
            return self.close_doors();
        }
        self.groups.iter().for_each(|group| group.wake_poller());
    }

    /// As `stop`; the host waits this long, and the last commits, leaving the groups and ending the clients share that time.
    pub fn stop_within(&self, timeout: Duration) {
        if !self.is_foreign() {
            *self.switches.stop_by.lock() = Instant::now().checked_add(timeout);
        }
        self.stop();
    }

    /// As `stop`, without waiting for leases that are out.
    pub fn force_stop(&self) {
        self.force.store(true, Ordering::Release);
        self.stop();
        if !self.is_foreign() {
            self.groups.iter().for_each(|group| group.wake_poller());
        }
    }

    /// Waits until every group is left and every client closed. False when the time ran out.
    pub fn join(&self, timeout: Duration) -> Result<bool> {
        self.check_process()?;
        if !self.started.load(Ordering::Acquire) {
            return Ok(true);
        }
        let deadline = Instant::now() + timeout;
        let mut open = self.open_groups.lock();
        while *open > 0 {
            if self.group_closed.wait_until(&mut open, deadline) {
                return Ok(*open == 0);
            }
        }
        Ok(true)
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}
