//! Engine events as Hashes.

use std::sync::Arc;

use karafka_core::error::KafkaError;
use karafka_core::event::Event;
use magnus::{Error, IntoValue, RArray, RHash, Ruby};

struct Fields<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl<'a> Fields<'a> {
    fn new(ruby: &'a Ruby, kind: &str) -> Result<Self, Error> {
        let fields = Fields {
            ruby,
            hash: ruby.hash_new(),
        };
        fields.add("type", ruby.to_symbol(kind))?;
        Ok(fields)
    }

    fn add(&self, name: &str, value: impl IntoValue) -> Result<(), Error> {
        self.hash.aset(self.ruby.to_symbol(name), value)
    }
}

pub fn hash(ruby: &Ruby, event: &Event) -> Result<RHash, Error> {
    let fields = match event {
        Event::Error { group, error } => {
            let fields = Fields::new(ruby, "error")?;
            fields.add("group", &**group)?;
            add_error(&fields, error)?;
            fields
        }
        Event::Assigned {
            group,
            generation,
            partitions: list,
        } => {
            let fields = Fields::new(ruby, "assigned")?;
            fields.add("group", &**group)?;
            fields.add("generation", *generation)?;
            fields.add("partitions", partitions(ruby, list)?)?;
            fields
        }
        Event::Revoked {
            group,
            generation,
            partitions: list,
            lost,
        } => {
            let fields = Fields::new(ruby, "revoked")?;
            fields.add("group", &**group)?;
            fields.add("generation", *generation)?;
            fields.add("partitions", partitions(ruby, list)?)?;
            fields.add("lost", *lost)?;
            fields
        }
        Event::Committed { group, offsets, error } => {
            let fields = Fields::new(ruby, "committed")?;
            fields.add("group", &**group)?;
            let rows = ruby.ary_new_capa(offsets.len());
            for row in offsets {
                rows.push((row.topic.as_str(), row.partition, row.offset))?;
            }
            fields.add("offsets", rows)?;
            fields.add("error", error.as_ref().map(|error| ruby.to_symbol(&error.code)))?;
            fields
        }
        Event::Statistics { group, json } => {
            let fields = Fields::new(ruby, "statistics")?;
            fields.add("group", &**group)?;
            fields.add("json", json.as_str())?;
            fields
        }
        Event::Skipped {
            group,
            topic,
            partition,
            filtered,
            expired,
        } => {
            let fields = Fields::new(ruby, "skipped")?;
            fields.add("group", &**group)?;
            fields.add("topic", &**topic)?;
            fields.add("partition", *partition)?;
            fields.add("filtered", *filtered)?;
            fields.add("expired", *expired)?;
            fields
        }
        Event::WentBack {
            group,
            topic,
            partition,
            offset,
            committed,
        } => {
            let fields = Fields::new(ruby, "went_back")?;
            fields.add("group", &**group)?;
            fields.add("topic", &**topic)?;
            fields.add("partition", *partition)?;
            fields.add("offset", *offset)?;
            fields.add("committed", *committed)?;
            fields
        }
        Event::Abandoned {
            topic,
            partition,
            offset,
        } => {
            let fields = Fields::new(ruby, "abandoned")?;
            fields.add("topic", &**topic)?;
            fields.add("partition", *partition)?;
            fields.add("offset", *offset)?;
            fields
        }
        Event::Stuck {
            group,
            topic,
            partition,
            assignment_id,
            kind,
            age_ms,
        } => {
            let fields = Fields::new(ruby, "stuck")?;
            fields.add("group", &**group)?;
            fields.add("topic", &**topic)?;
            fields.add("partition", *partition)?;
            fields.add("assignment_id", *assignment_id)?;
            fields.add("kind", ruby.to_symbol(kind))?;
            fields.add("age_ms", *age_ms)?;
            fields
        }
        Event::Left {
            group,
            topic,
            partition,
            age_ms,
        } => {
            let fields = Fields::new(ruby, "left")?;
            fields.add("group", &**group)?;
            fields.add("topic", &**topic)?;
            fields.add("partition", *partition)?;
            fields.add("age_ms", *age_ms)?;
            fields
        }
        Event::Returned { group } => {
            let fields = Fields::new(ruby, "returned")?;
            fields.add("group", &**group)?;
            fields
        }
        Event::Scaled { group, clients, grown } => {
            let fields = Fields::new(ruby, "scaled")?;
            fields.add("group", &**group)?;
            fields.add("clients", *clients)?;
            fields.add("grown", *grown)?;
            fields
        }
        Event::Log { level, target, message } => {
            let fields = Fields::new(ruby, "log")?;
            fields.add("level", *level)?;
            fields.add("target", target.as_str())?;
            fields.add("message", message.as_str())?;
            fields
        }
        Event::Dropped { count } => {
            let fields = Fields::new(ruby, "dropped_events")?;
            fields.add("count", *count)?;
            fields
        }
    };
    Ok(fields.hash)
}

fn add_error(fields: &Fields<'_>, error: &KafkaError) -> Result<(), Error> {
    fields.add("code", fields.ruby.to_symbol(&error.code))?;
    fields.add("message", error.message.as_str())?;
    fields.add("fatal", error.fatal)?;
    fields.add("retryable", error.retriable)?;
    fields.add("topic", error.topic.as_deref())?;
    fields.add("partition", error.partition)
}

/// `[[topic, partition], …]`
pub fn partitions(ruby: &Ruby, list: &[(Arc<str>, i32)]) -> Result<RArray, Error> {
    let rows = ruby.ary_new_capa(list.len());
    for (topic, partition) in list {
        rows.push((&**topic, *partition))?;
    }
    Ok(rows)
}
