//! `Karafka::Native::ProducerEvents`: a producer's events as Hashes, once a turn; reports as one Array of
//! [delivery, [index, index, …]] for each delivery they belong to.

use std::sync::Arc;
use std::time::Duration;

use karafka_core::error::{Error as CoreError, KafkaError};
use karafka_core::producer::{Cancel, DeliverySet, Event, EventSource};
use magnus::{method, prelude::*, Error, IntoValue, RArray, RHash, RModule, Ruby};

use super::delivery::Delivery;
use crate::{errors, gvl};

/// Does not keep the producer.
#[magnus::wrap(class = "Karafka::Native::ProducerEvents", free_immediately)]
pub struct Source(EventSource);

impl Source {
    pub fn new(source: EventSource) -> Self {
        Source(source)
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
        taken.map(|taken| convert(ruby, taken)).transpose()
    }
}

pub fn define(ruby: &Ruby, native: RModule) -> Result<(), Error> {
    let class = native.define_class("ProducerEvents", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("take", method!(Source::take, 1))
}

fn convert(ruby: &Ruby, events: Vec<Event>) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(events.len());
    for event in events {
        list.push(hash(ruby, event)?)?;
    }
    Ok(list)
}

fn hash(ruby: &Ruby, event: Event) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    let set = |name: &str, value: magnus::Value| hash.aset(ruby.to_symbol(name), value);
    let kind = |name: &str| hash.aset(ruby.to_symbol("type"), ruby.to_symbol(name));
    match event {
        Event::Error(error) => {
            kind("error")?;
            add_error(ruby, hash, &error)?;
        }
        Event::Log { level, target, message } => {
            kind("log")?;
            set("level", ruby.to_symbol(level_name(level)).into_value_with(ruby))?;
            set("target", target.into_value_with(ruby))?;
            set("message", message.into_value_with(ruby))?;
        }
        Event::Statistics(json) => {
            kind("statistics")?;
            set("json", json.into_value_with(ruby))?;
        }
        Event::Reports(reports) => {
            kind("reports")?;
            set("reports", group(ruby, &reports)?.into_value_with(ruby))?;
        }
        Event::Reloading { attempt, error } => {
            kind("reload")?;
            set("attempt", attempt.into_value_with(ruby))?;
            add_error(ruby, hash, &error)?;
        }
        Event::Reloaded { attempt, failed } => {
            kind("reloaded")?;
            set("attempt", attempt.into_value_with(ruby))?;
            set("failed", failed.into_value_with(ruby))?;
        }
        Event::Disconnected => kind("disconnected")?,
        Event::QueueFull => kind("queue_full")?,
        Event::Dropped(count) => {
            kind("dropped_events")?;
            set("count", count.into_value_with(ruby))?;
        }
    }
    Ok(hash)
}

fn add_error(ruby: &Ruby, hash: RHash, error: &KafkaError) -> Result<(), Error> {
    hash.aset(ruby.to_symbol("code"), ruby.to_symbol(&error.code))?;
    hash.aset(ruby.to_symbol("message"), error.message.as_str())?;
    hash.aset(ruby.to_symbol("fatal"), error.fatal)?;
    hash.aset(ruby.to_symbol("retryable"), error.retriable)
}

fn group(ruby: &Ruby, reports: &[(Arc<DeliverySet>, u32)]) -> Result<RArray, Error> {
    let rows = ruby.ary_new();
    for chunk in reports.chunk_by(|one, other| Arc::ptr_eq(&one.0, &other.0)) {
        let Some((set, _)) = chunk.first() else { continue };
        let indexes = ruby.ary_new_capa(chunk.len());
        for (_, index) in chunk {
            indexes.push(*index)?;
        }
        let row = ruby.ary_new_capa(2);
        row.push(Delivery::new(set, false))?;
        row.push(indexes)?;
        rows.push(row)?;
    }
    Ok(rows)
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
