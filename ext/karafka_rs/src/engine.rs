//! `Karafka::Native::Engine`. Crossings: `take` once a batch, `events` once a turn, the rest once a process.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::EngineConfig;
use karafka_core::engine::{Engine as Core, EngineState, Taken};
use karafka_core::event::{Event, Interrupt};
use karafka_core::holds::Hold;
use karafka_core::throttle::ThrottleConfig;
use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, Ruby, Value};

use crate::{errors, events, gvl, lease::Lease};

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
        loop {
            let interrupt = Interrupt::default();
            match gvl::without_gvl(|| core.take(&interrupt), || core.interrupt_take(&interrupt)) {
                None | Some(Ok(Taken::Interrupted)) => gvl::check_interrupts(ruby)?,
                Some(Ok(Taken::Lease(lease))) => return Lease::new(ruby, *lease).map(Some),
                Some(Ok(Taken::Closed | Taken::Retired)) => return Ok(None),
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
            }
        }
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

    fn set_throttle(&self, index: usize, limit: u64, interval_ms: u64) {
        self.0.set_throttle(index, ThrottleConfig { limit, interval_ms });
    }

    fn pause(&self, group: Option<String>, topic: Option<String>, partition: Option<i32>) -> usize {
        self.0.pause(Hold {
            group,
            topic,
            partition,
        })
    }

    fn resume(&self, group: Option<String>, topic: Option<String>, partition: Option<i32>) -> usize {
        self.0.resume(&Hold {
            group,
            topic,
            partition,
        })
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

    fn events(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Option<RArray>, Error> {
        let core = &rb_self.0;
        let timeout = Duration::from_millis(timeout_ms);
        loop {
            let interrupt = Interrupt::default();
            match gvl::without_gvl(
                || core.events(timeout, &interrupt),
                || core.interrupt_events(&interrupt),
            ) {
                None => gvl::check_interrupts(ruby)?,
                Some(Err(error)) => return Err(errors::raise(ruby, error)),
                Some(Ok(None)) => return Ok(None),
                Some(Ok(Some(found))) => {
                    let interrupted = found.is_empty() && interrupt.is_set();
                    let list = convert(ruby, &found)?;
                    if interrupted {
                        gvl::check_interrupts(ruby)?;
                    }
                    return Ok(Some(list));
                }
            }
        }
    }

    fn state(ruby: &Ruby, rb_self: &Self) -> Result<RHash, Error> {
        let state = rb_self.0.state().map_err(|error| errors::raise(ruby, error))?;
        state_hash(ruby, &state)
    }
}

fn convert(ruby: &Ruby, found: &[Event]) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(found.len());
    for event in found {
        list.push(events::hash(ruby, event)?)?;
    }
    Ok(list)
}

fn state_hash(ruby: &Ruby, state: &EngineState) -> Result<RHash, Error> {
    let groups = ruby.ary_new();
    for group in &state.groups {
        let hash = ruby.hash_new();
        hash.aset(ruby.to_symbol("id"), group.id.as_str())?;
        hash.aset(ruby.to_symbol("group_id"), group.group_id.as_str())?;
        hash.aset(ruby.to_symbol("assigned"), events::partitions(ruby, &group.assigned)?)?;
        hash.aset(ruby.to_symbol("generation"), group.generation)?;
        hash.aset(ruby.to_symbol("last_poll_age_ms"), group.last_poll_age_ms)?;
        hash.aset(ruby.to_symbol("away"), group.away)?;
        hash.aset(ruby.to_symbol("running"), group.runs)?;
        groups.push(hash)?;
    }
    let leases = ruby.ary_new();
    for lease in &state.leases {
        let hash = ruby.hash_new();
        hash.aset(ruby.to_symbol("topic"), &*lease.topic)?;
        hash.aset(ruby.to_symbol("partition"), lease.partition)?;
        hash.aset(ruby.to_symbol("kind"), ruby.to_symbol(lease.kind))?;
        hash.aset(ruby.to_symbol("age_ms"), lease.age_ms)?;
        leases.push(hash)?;
    }
    let hash = ruby.hash_new();
    hash.aset(ruby.to_symbol("running"), state.running)?;
    hash.aset(ruby.to_symbol("groups"), groups)?;
    hash.aset(ruby.to_symbol("leases"), leases)?;
    hash.aset(ruby.to_symbol("ready"), state.ready)?;
    hash.aset(ruby.to_symbol("queued_bytes"), state.held_bytes)?;
    hash.aset(ruby.to_symbol("fetched_bytes"), state.fetched_bytes)?;
    let paused = ruby.ary_new();
    for hold in &state.paused {
        let entry = ruby.hash_new();
        entry.aset(ruby.to_symbol("group"), hold.group.as_deref())?;
        entry.aset(ruby.to_symbol("topic"), hold.topic.as_deref())?;
        entry.aset(ruby.to_symbol("partition"), hold.partition)?;
        paused.push(entry)?;
    }
    hash.aset(ruby.to_symbol("paused"), paused)?;
    let waiting = ruby.ary_new();
    for one in &state.waiting {
        let entry = ruby.hash_new();
        entry.aset(ruby.to_symbol("topic"), &*one.topic)?;
        entry.aset(ruby.to_symbol("partition"), one.partition)?;
        entry.aset(ruby.to_symbol("for_ms"), one.for_ms)?;
        waiting.push(entry)?;
    }
    hash.aset(ruby.to_symbol("waiting"), waiting)?;
    let skipped = ruby.hash_new();
    skipped.aset(ruby.to_symbol("filtered"), state.skipped.0)?;
    skipped.aset(ruby.to_symbol("expired"), state.skipped.1)?;
    hash.aset(ruby.to_symbol("skipped"), skipped)?;
    Ok(hash)
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("Engine", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_singleton_method("new", function!(Engine::new, 1))?;
    class.define_method("start", method!(Engine::start, 0))?;
    class.define_method("take", method!(Engine::take, 0))?;
    class.define_method("retire", method!(Engine::retire, 1))?;
    class.define_method("retain", method!(Engine::retain, 1))?;
    class.define_method("quiet", method!(Engine::quiet, 0))?;
    class.define_method("stop", method!(Engine::stop, 0))?;
    class.define_method("set_throttle", method!(Engine::set_throttle, 3))?;
    class.define_method("pause", method!(Engine::pause, 3))?;
    class.define_method("resume", method!(Engine::resume, 3))?;
    class.define_method("force_stop", method!(Engine::force_stop, 0))?;
    class.define_method("join", method!(Engine::join, 1))?;
    class.define_method("events", method!(Engine::events, 1))?;
    class.define_method("state", method!(Engine::state, 0))?;
    Ok(())
}
