//! `Karafka::Native::MockBroker`, and what librdkafka knows about its settings.

use std::time::Duration;

use karafka_core::error::Error as CoreError;
use karafka_core::fork::ForkGuard;
use karafka_core::mock_broker::MockBroker as Core;
use karafka_core::settings;
use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, Ruby};
use std::cell::RefCell;
use std::mem::ManuallyDrop;

use crate::{errors, gvl};

#[magnus::wrap(class = "Karafka::Native::MockBroker", free_immediately)]
pub struct MockBroker {
    core: RefCell<Option<ManuallyDrop<Core>>>,
    guard: ForkGuard,
}

impl Drop for MockBroker {
    fn drop(&mut self) {
        // The cluster's threads are not in a forked child: closing it there would wait for ever.
        if let (false, Some(core)) = (self.guard.is_foreign(), self.core.borrow_mut().take()) {
            // Closing joins threads; the garbage collector must not wait for that.
            std::thread::spawn(move || drop(ManuallyDrop::into_inner(core)));
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

fn kafka_properties(ruby: &Ruby) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    for (name, scope) in settings::properties() {
        hash.aset(name, scope.as_str())?;
    }
    Ok(hash)
}

fn check_kafka_settings(ruby: &Ruby, given: RHash, role: String) -> Result<RArray, Error> {
    let scope = if role == "producer" {
        settings::Scope::Producer
    } else {
        settings::Scope::Consumer
    };
    let given: std::collections::BTreeMap<String, String> = given.to_btree_map()?;
    let refused = ruby.ary_new();
    for (name, reason) in settings::check_for(scope, given.iter().map(|(k, v)| (k.as_str(), v.as_str()))) {
        refused.push((name, reason))?;
    }
    Ok(refused)
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    native.define_singleton_method("librdkafka_version", function!(settings::librdkafka_version, 0))?;
    native.define_singleton_method("kafka_properties", function!(kafka_properties, 0))?;
    native.define_singleton_method("check_kafka_settings", function!(check_kafka_settings, 2))?;
    let class = native.define_class("MockBroker", ruby.class_object())?;
    class.undef_default_alloc_func();
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
