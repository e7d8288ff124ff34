//! `Karafka::Native::MockBroker`.

use std::time::Duration;

use karafka_core::error::Error as CoreError;
use karafka_core::fork::ForkGuard;
use karafka_core::mock_broker::MockBroker as Core;
use magnus::{function, method, prelude::*, Error, RModule, Ruby};
use std::cell::RefCell;
use std::mem::ManuallyDrop;

use crate::helpers::{class, errors, gvl};

#[magnus::wrap(class = "Karafka::Native::MockBroker", free_immediately)]
pub struct MockBroker {
    core: RefCell<Option<ManuallyDrop<Core>>>,
    guard: ForkGuard,
}

impl Drop for MockBroker {
    fn drop(&mut self) {
        // The cluster's threads are not in a forked child: closing it there would wait forever.
        if let (false, Some(core)) = (self.guard.is_foreign(), self.core.borrow_mut().take()) {
            // Closing joins threads; the garbage collector must not wait for that. Where no thread can be made, the cluster is left
            // behind: a panic here would end the process.
            let closing = std::thread::Builder::new().name("krs.mock.close".to_owned());
            let _left_behind = closing.spawn(move || drop(ManuallyDrop::into_inner(core)));
        }
    }
}

impl MockBroker {
    fn new(ruby: &Ruby, brokers: i32) -> Result<Self, Error> {
        let core = gvl::blocking(ruby, || Core::new(brokers))?.map_err(|error| errors::raise(ruby, error))?;
        Ok(MockBroker {
            core: RefCell::new(Some(ManuallyDrop::new(core))),
            guard: ForkGuard::new(),
        })
    }

    fn with<T>(&self, ruby: &Ruby, work: impl FnOnce(&Core) -> Result<T, CoreError>) -> Result<T, Error> {
        let core = self.core.borrow();
        let result = match (&*core, self.guard.is_foreign()) {
            (_, true) => Err(CoreError::Forked),
            (None, _) => Err(CoreError::Closed),
            (Some(core), _) => work(core),
        };
        result.map_err(|error| errors::raise(ruby, error))
    }

    fn bootstrap_servers(ruby: &Ruby, rb_self: &Self) -> Result<String, Error> {
        rb_self.with(ruby, |core| Ok(core.bootstrap_servers()))
    }

    fn create_topic(ruby: &Ruby, rb_self: &Self, name: String, partitions: i32) -> Result<(), Error> {
        rb_self.with(ruby, |core| core.create_topic(&name, partitions, 1))
    }

    fn broker_down(ruby: &Ruby, rb_self: &Self, id: i32) -> Result<(), Error> {
        rb_self.with(ruby, |core| core.broker_down(id))
    }

    fn broker_up(ruby: &Ruby, rb_self: &Self, id: i32) -> Result<(), Error> {
        rb_self.with(ruby, |core| core.broker_up(id))
    }

    fn round_trip_ms(ruby: &Ruby, rb_self: &Self, id: i32, delay_ms: u64) -> Result<(), Error> {
        rb_self.with(ruby, |core| core.round_trip(id, Duration::from_millis(delay_ms)))
    }

    fn request_errors(ruby: &Ruby, rb_self: &Self, request: String, codes: Vec<i32>) -> Result<(), Error> {
        rb_self.with(ruby, |core| core.request_errors(&request, &codes))
    }

    fn close(ruby: &Ruby, rb_self: &Self) -> Result<(), Error> {
        let core = if rb_self.guard.is_foreign() {
            None
        } else {
            rb_self.core.borrow_mut().take()
        };
        let mut core = core.map(ManuallyDrop::into_inner);
        gvl::blocking(ruby, || drop(core.take()))
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<MockBroker>(ruby, native, "MockBroker")?;
    class.define_singleton_method("new", function!(MockBroker::new, 1))?;
    class.define_method("bootstrap_servers", method!(MockBroker::bootstrap_servers, 0))?;
    class.define_method("create_topic", method!(MockBroker::create_topic, 2))?;
    class.define_method("broker_down", method!(MockBroker::broker_down, 1))?;
    class.define_method("broker_up", method!(MockBroker::broker_up, 1))?;
    class.define_method("round_trip_ms", method!(MockBroker::round_trip_ms, 2))?;
    class.define_method("request_errors", method!(MockBroker::request_errors, 2))?;
    class.define_method("close", method!(MockBroker::close, 0))?;
    Ok(())
}
