//! `Karafka::Native::Heartbeat`. Crossings: two in a process's life; the beats themselves never come here.

use std::sync::Arc;
use std::time::Duration;

use karafka_core::heartbeat::{Heartbeat as Core, Settings};
use magnus::{function, method, prelude::*, Error, RModule, Ruby};

use crate::engine::Engine;
use crate::helpers::{class, errors};

/// Dropping it changes nothing: the beats go on until the process ends.
#[magnus::wrap(class = "Karafka::Native::Heartbeat", free_immediately)]
pub struct Heartbeat(Core);

/// Before there is an engine.
const STARTING: &str = r#"{"state":"starting"}"#;

impl Heartbeat {
    fn new(
        ruby: &Ruby,
        pipes: (i32, i32),
        parent: i32,
        interval_ms: u64,
        longest_stop_ms: Option<u64>,
        exit_status: i32,
    ) -> Result<Self, Error> {
        let settings = Settings {
            beats: pipes.0,
            lifeline: pipes.1,
            parent,
            interval: Duration::from_millis(interval_ms),
            longest_stop: longest_stop_ms.map(Duration::from_millis),
            exit_status,
        };
        let started = Core::start(settings, || STARTING.to_owned());
        started.map(Heartbeat).map_err(|error| errors::raise(ruby, error))
    }

    fn watch(&self, engine: &Engine) {
        let engine = Arc::downgrade(engine.core());
        self.0.report(move || match engine.upgrade() {
            Some(engine) => engine.health_line(),
            None => STARTING.to_owned(),
        });
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<Heartbeat>(ruby, native, "Heartbeat")?;
    class.define_singleton_method("new", function!(Heartbeat::new, 5))?;
    class.define_method("watch", method!(Heartbeat::watch, 1))?;
    Ok(())
}
