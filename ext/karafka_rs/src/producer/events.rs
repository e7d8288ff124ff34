//! Producer events as Hashes; reports as one Array of [delivery, index, index, …] for each delivery they belong to.

use std::sync::Arc;

use karafka_core::error::KafkaError;
use karafka_core::producer::{DeliverySet, Event};
use magnus::{Error, IntoValue, RArray, RHash, Ruby};

use super::delivery::Delivery;

pub fn convert(ruby: &Ruby, events: Vec<Event>) -> Result<RArray, Error> {
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
        let row = ruby.ary_new_capa(chunk.len() + 1);
        if let Some((set, _)) = chunk.first() {
            row.push(Delivery::new(set, false))?;
        }
        for (_, index) in chunk {
            row.push(*index)?;
        }
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
