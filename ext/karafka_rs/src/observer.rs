//! `Karafka::Native::Observer`: what a process shows of itself. Crossings: a few in a process's life; its HTTP server never comes
//! here. And the numbers that only Ruby knows.

use std::collections::{BTreeMap, HashMap};
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use karafka_core::metrics::{self, registry};
use karafka_core::observe::{Detail, Format, Observer as Core, ObserverConfig, Server, Statsd, StatsdConfig};
use magnus::{function, method, prelude::*, Error, RModule, Ruby, Value};

use crate::engine::Engine;
use crate::helpers::{class, errors, gvl};

/// Host, port and socket.
type Listening = (Option<String>, Option<u16>, Option<String>);

#[magnus::wrap(class = "Karafka::Native::Observer", free_immediately)]
pub struct Observer {
    core: ManuallyDrop<Arc<Core>>,
    server: ManuallyDrop<Mutex<Option<Arc<Server>>>>,
    statsd: ManuallyDrop<Mutex<Option<Arc<Statsd>>>>,
    guard: karafka_core::fork::ForkGuard,
}

impl Drop for Observer {
    /// Only hands over: the thread of the server ends by itself. In a forked child everything is left alone.
    fn drop(&mut self) {
        if self.guard.is_foreign() {
            return;
        }
        // SAFETY: dropped once, here.
        unsafe {
            ManuallyDrop::drop(&mut self.server);
            ManuallyDrop::drop(&mut self.statsd);
            ManuallyDrop::drop(&mut self.core);
        }
    }
}

impl Observer {
    fn new(ruby: &Ruby, config: Value) -> Result<Self, Error> {
        let config: ObserverConfig = serde_magnus::deserialize(ruby, config)?;
        Ok(Observer {
            core: ManuallyDrop::new(Core::new(config)),
            server: ManuallyDrop::new(Mutex::new(None)),
            statsd: ManuallyDrop::new(Mutex::new(None)),
            guard: karafka_core::fork::ForkGuard::new(),
        })
    }

    fn watch(&self, engine: &Engine) {
        self.core.watch(engine.core());
    }

    /// nil for what it does not listen at.
    fn serve(ruby: &Ruby, rb_self: &Self) -> Result<Listening, Error> {
        let server = Server::start(&rb_self.core).map_err(|error| errors::raise(ruby, error))?;
        let (address, socket) = (server.listening.address, server.listening.socket.clone());
        *rb_self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(server));
        Ok((
            address.map(|address| address.ip().to_string()),
            address.map(|address| address.port()),
            socket,
        ))
    }

    /// Metrics go to an agent from now on.
    fn report(ruby: &Ruby, rb_self: &Self, config: Value) -> Result<(), Error> {
        let config: StatsdConfig = serde_magnus::deserialize(ruby, config)?;
        let statsd = Statsd::start(&rb_self.core, config).map_err(|error| errors::raise(ruby, error))?;
        *rb_self.statsd.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(statsd));
        Ok(())
    }

    fn close(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<bool, Error> {
        if rb_self.guard.is_foreign() {
            return Ok(true);
        }
        let server = rb_self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let statsd = rb_self.statsd.lock().unwrap_or_else(PoisonError::into_inner).take();
        let timeout = Duration::from_millis(timeout_ms);
        gvl::blocking(ruby, || {
            // Both, whatever the first one says.
            let reported = statsd.as_ref().is_none_or(|statsd| statsd.close(timeout));
            server.as_ref().is_none_or(|server| server.close(timeout)) && reported
        })
    }

    fn metrics(&self, open_metrics: bool) -> String {
        self.core.metrics(match open_metrics {
            true => Format::OpenMetrics,
            false => Format::Plain,
        })
    }

    fn state(&self, summary: bool) -> String {
        self.core.state(match summary {
            true => Detail::Summary,
            false => Detail::Full,
        })
    }

    fn live(&self) -> String {
        serde_json::to_string(&self.core.live()).unwrap_or_default()
    }

    fn ready(&self) -> String {
        serde_json::to_string(&self.core.ready()).unwrap_or_default()
    }

    fn give_backtraces(&self, question: u64, lines: HashMap<usize, Vec<String>>) {
        self.core
            .give_backtraces(question, lines.into_iter().collect::<BTreeMap<_, _>>());
    }

    fn give_app_metrics(&self, question: u64, text: String) {
        self.core.give_app_metrics(question, text);
    }
}

fn count_error(kind: String) {
    registry().error(&kind);
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    native.define_singleton_method("count_error", function!(count_error, 1))?;
    native.define_singleton_method("metrics_catalogue", function!(metrics::json, 0))?;
    let class = class::define::<Observer>(ruby, native, "Observer")?;
    class.define_singleton_method("new", function!(Observer::new, 1))?;
    class.define_method("watch", method!(Observer::watch, 1))?;
    class.define_method("serve", method!(Observer::serve, 0))?;
    class.define_method("report", method!(Observer::report, 1))?;
    class.define_method("close", method!(Observer::close, 1))?;
    class.define_method("metrics", method!(Observer::metrics, 1))?;
    class.define_method("state", method!(Observer::state, 1))?;
    class.define_method("live", method!(Observer::live, 0))?;
    class.define_method("ready", method!(Observer::ready, 0))?;
    class.define_method("give_app_metrics", method!(Observer::give_app_metrics, 2))?;
    class.define_method("give_backtraces", method!(Observer::give_backtraces, 2))?;
    Ok(())
}
