//! `Karafka::Native::ProducerEvents`: a producer's events as Hashes, once a turn; reports as one object of `reports` for all
//! of them. Statistics are taken apart from them.

use std::time::Duration;

use karafka_core::cancel::Cancel;
use karafka_core::error::Error as CoreError;
use karafka_core::produce::{Event, EventSource};
use magnus::{method, prelude::*, Error, IntoValue, RArray, RHash, RModule, Ruby, Value};

use super::reports::ProducerReports;
use crate::helpers::hash::{list, Fields};
use crate::helpers::{class, errors, gvl};

/// Does not keep the producer.
#[magnus::wrap(class = "Karafka::Native::ProducerEvents", free_immediately)]
pub struct ProducerEvents(EventSource);

impl ProducerEvents {
    pub fn new(source: EventSource) -> Self {
        ProducerEvents(source)
    }

    /// An Array of events; empty: timed out, woken or interrupted; nil: closed and empty.
    fn take(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Option<RArray>, Error> {
        let source = &rb_self.0;
        if source.is_foreign() {
            return Err(errors::raise(ruby, CoreError::Forked));
        }
        let cancel = Cancel::new();
        let wake = || {
            cancel.set();
            source.wake();
        };
        let Some(taken) = gvl::without_gvl(|| source.take(Duration::from_millis(timeout_ms), &cancel), wake) else {
            gvl::check_interrupts(ruby)?;
            return Ok(Some(ruby.ary_new()));
        };
        // Nothing was taken, so nothing is lost where this raises.
        if taken.as_ref().is_some_and(Vec::is_empty) {
            gvl::check_interrupts(ruby)?;
        }
        taken
            .map(|events| list(ruby, events.into_iter(), |event| hash(ruby, event)))
            .transpose()
    }

    /// librdkafka's JSON, the newest; nil: timed out or interrupted; false: closed.
    fn take_statistics(ruby: &Ruby, rb_self: &Self, timeout_ms: u64) -> Result<Value, Error> {
        let source = &rb_self.0;
        if source.is_foreign() {
            return Err(errors::raise(ruby, CoreError::Forked));
        }
        let cancel = Cancel::new();
        let wake = || {
            cancel.set();
            source.wake();
        };
        let take = || source.take_statistics(Duration::from_millis(timeout_ms), &cancel);
        match gvl::without_gvl(take, wake) {
            Some(Some(Some(json))) => return Ok(json.into_value_with(ruby)),
            Some(None) => return Ok(ruby.qfalse().as_value()),
            None | Some(Some(None)) => {}
        }
        gvl::check_interrupts(ruby)?;
        Ok(ruby.qnil().as_value())
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = class::define::<ProducerEvents>(ruby, native, "ProducerEvents")?;
    class.define_method("take", method!(ProducerEvents::take, 1))?;
    class.define_method("take_statistics", method!(ProducerEvents::take_statistics, 1))
}

fn hash(ruby: &Ruby, event: Event) -> Result<RHash, Error> {
    let of_type = |name: &str| Fields::of_type(ruby, name);
    let fields = match event {
        Event::Error(error) => of_type("error")?.error(&error)?,
        Event::Log { level, target, message } => of_type("log")?
            .symbol("level", level_name(level))?
            .add("target", target)?
            .add("message", message)?,
        Event::Statistics => of_type("statistics")?,
        Event::Reports(reports) => of_type("reports")?.add("reports", ProducerReports::new(reports))?,
        Event::Reloading { attempt, error } => of_type("reload")?.add("attempt", attempt)?.error(&error)?,
        Event::Reloaded { attempt, failed } => of_type("reloaded")?.add("attempt", attempt)?.add("failed", failed)?,
        Event::Resent {
            error,
            messages,
            failed,
        } => of_type("resent")?
            .add("messages", messages)?
            .add("refused", failed)?
            .error(&error)?,
        Event::Reconnected => of_type("connected")?,
        Event::Disconnected => of_type("disconnected")?,
        Event::Back => of_type("back")?,
        Event::QueueFull => of_type("queue_full")?,
        Event::Dropped(count) => of_type("dropped_events")?.add("count", count)?,
    };
    Ok(fields.done())
}

/// syslog's numbers as the levels of Ruby's logger.
fn level_name(level: i32) -> &'static str {
    match level {
        0..=2 => "fatal",
        3 => "error",
        4 => "warn",
        5 | 6 => "info",
        _ => "debug",
    }
}
