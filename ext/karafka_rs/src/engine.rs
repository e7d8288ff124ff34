//! `Karafka::Native::Engine`. Crossings: `take` once a batch, `events` once a turn, the rest once a process.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::config::EngineConfig;
use karafka_core::engine::{Engine as Core, Taken};
use karafka_core::filter::throttle::ThrottleConfig;
use karafka_core::metrics::registry;
use karafka_core::operator_pauses::OperatorPause;
use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, Ruby, Value};

mod events;
mod state;

use crate::helpers::{class, errors, gvl, hash::list};
use crate::lease::Lease;

#[magnus::wrap(class = "Karafka::Native::Engine", free_immediately)]
pub struct Engine(ManuallyDrop<Arc<Core>>);

impl Drop for Engine {
    /// Only hands over: the poll threads end by themselves. In a forked child everything is left alone.
    fn drop(&mut self) {
        if self.0.is_foreign() {
            return;
        }
        self.0.force_stop();
        // SAFETY: dropped once, here.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

impl Engine {
    pub fn core(&self) -> &Arc<Core> {
        &self.0
    }

    fn new(ruby: &Ruby, config: Value) -> Result<Self, Error> {
        let config: EngineConfig = serde_magnus::deserialize(ruby, config)?;
        let core = Core::new(config).map_err(|error| errors::raise(ruby, error))?;
        Ok(Engine(ManuallyDrop::new(core)))
    }

    fn start(ruby: &Ruby, rb_self: &Self) -> Result<(), Error> {
        rb_self.0.start().map_err(|error| errors::raise(ruby, error))
    }

    fn take(ruby: &Ruby, rb_self: &Self) -> Result<Option<Lease>, Error> {
        let core = &rb_self.0;
        gvl::check_interrupts(ruby)?;
        loop {
            let interrupt = Cancel::new();
            let take = || (core.take(&interrupt), Instant::now());
            let taken = gvl::without_gvl(take, || core.interrupt_take(&interrupt)).map(|(taken, at)| {
                if matches!(taken, Ok(Taken::Lease(_))) {
                    registry().gvl_wait.observe_time(at.elapsed());
                }
                taken
            });
            match taken {
                None | Some(Ok(Taken::Interrupted)) => gvl::check_interrupts(ruby)?,
                Some(Ok(Taken::Lease(lease))) => return Lease::new(ruby, *lease).map(Some),
                Some(Ok(Taken::Closed | Taken::Retired)) => return Ok(None),
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
            }
        }
    }

    /// Once for each worker: the calling thread is one.
    fn enter_worker(&self, index: usize) {
        self.0.enter_worker(index);
    }

    fn leave_worker(&self) {
        self.0.leave_worker();
    }

    fn retire(ruby: &Ruby, rb_self: &Self, workers: usize) -> Result<(), Error> {
        rb_self.0.retire(workers).map_err(|error| errors::raise(ruby, error))
    }

    fn retain(ruby: &Ruby, rb_self: &Self, workers: usize) -> Result<usize, Error> {
        rb_self.0.retain(workers).map_err(|error| errors::raise(ruby, error))
    }

    fn quiet(&self) {
        self.0.quiet();
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn stop_within(&self, timeout_ms: u64) {
        self.0.stop_within(Duration::from_millis(timeout_ms));
    }

    fn set_throttle(&self, index: usize, limit: u64, interval_ms: u64) {
        self.0.set_throttle(index, ThrottleConfig { limit, interval_ms });
    }

    fn pause(&self, group: Option<String>, topic: Option<String>, partition: Option<i32>) -> usize {
        self.0.pause(OperatorPause {
            group,
            topic,
            partition,
        })
    }

    fn resume(&self, group: Option<String>, topic: Option<String>, partition: Option<i32>) -> usize {
        self.0.resume(&OperatorPause {
            group,
            topic,
            partition,
        })
    }

    fn whereabouts(
        ruby: &Ruby,
        rb_self: &Self,
        group: Option<String>,
        topic: String,
        partition: i32,
        offset: i64,
    ) -> Result<RArray, Error> {
        let found = rb_self.0.whereabouts(group.as_deref(), &topic, partition, offset);
        list(ruby, found.iter(), |one| state::whereabouts(ruby, one))
    }

    fn end_back_off(&self, group: Option<String>, topic: String, partition: i32) {
        self.0.end_back_off(group.as_deref(), &topic, partition);
    }

    fn force_stop(&self) {
        self.0.force_stop();
    }

    fn join(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<bool, Error> {
        let core = &rb_self.0;
        // In short steps: a join can last as long as shutdown_timeout, and signals must get through.
        let mut left_ms = timeout_ms;
        loop {
            let step_ms = left_ms.min(50);
            let joined = gvl::blocking(ruby, || core.join(Duration::from_millis(step_ms)))?;
            if joined.map_err(|error| errors::raise(ruby, error))? {
                return Ok(true);
            }
            left_ms -= step_ms;
            if left_ms == 0 {
                return Ok(false);
            }
            gvl::check_interrupts(ruby)?;
        }
    }

    /// An Array of events; empty: timed out or interrupted; nil: closed and empty.
    fn events(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Option<RArray>, Error> {
        let core = &rb_self.0;
        let timeout = Duration::from_millis(timeout_ms);
        let interrupt = Cancel::new();
        let taken = gvl::without_gvl(
            || core.events(timeout, &interrupt),
            || core.interrupt_events(&interrupt),
        );
        let found = match taken {
            None => Vec::new(),
            Some(Err(error)) => return Err(errors::raise(ruby, error)),
            Some(Ok(None)) => return Ok(None),
            Some(Ok(Some(found))) => found,
        };
        // Nothing was taken, so nothing is lost where this raises.
        if found.is_empty() {
            gvl::check_interrupts(ruby)?;
        }
        list(ruby, found.iter(), |event| events::hash(ruby, event)).map(Some)
    }

    fn state(ruby: &Ruby, rb_self: &Self) -> Result<RHash, Error> {
        let state = rb_self.0.state().map_err(|error| errors::raise(ruby, error))?;
        state::hash(ruby, &state)
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Engine>(ruby, native, "Engine")?;
    class.define_singleton_method("new", function!(Engine::new, 1))?;
    class.define_method("start", method!(Engine::start, 0))?;
    class.define_method("take", method!(Engine::take, 0))?;
    class.define_method("enter_worker", method!(Engine::enter_worker, 1))?;
    class.define_method("leave_worker", method!(Engine::leave_worker, 0))?;
    class.define_method("retire", method!(Engine::retire, 1))?;
    class.define_method("retain", method!(Engine::retain, 1))?;
    class.define_method("quiet", method!(Engine::quiet, 0))?;
    class.define_method("stop", method!(Engine::stop, 0))?;
    class.define_method("stop_within", method!(Engine::stop_within, 1))?;
    class.define_method("set_throttle", method!(Engine::set_throttle, 3))?;
    class.define_method("pause", method!(Engine::pause, 3))?;
    class.define_method("resume", method!(Engine::resume, 3))?;
    class.define_method("whereabouts", method!(Engine::whereabouts, 4))?;
    class.define_method("end_back_off", method!(Engine::end_back_off, 3))?;
    class.define_method("force_stop", method!(Engine::force_stop, 0))?;
    class.define_method("join", method!(Engine::join, 1))?;
    class.define_method("events", method!(Engine::events, 1))?;
    class.define_method("state", method!(Engine::state, 0))?;
    Ok(())
}
