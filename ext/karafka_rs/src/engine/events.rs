//! Engine events as Hashes.

use karafka_core::event::Event;
use magnus::{Error, RHash, Ruby};

use crate::helpers::hash::{list, partitions, Fields};

pub fn hash(ruby: &Ruby, event: &Event) -> Result<RHash, Error> {
    let fields = match event {
        Event::Error { group, error } => Fields::of_type(ruby, "error")?.add("group", &**group)?.error(error)?,
        Event::Assigning {
            group,
            partitions: rows,
        } => Fields::of_type(ruby, "assigning")?
            .add("group", &**group)?
            .add("partitions", partitions(ruby, rows)?)?,
        Event::Revoking {
            group,
            partitions: rows,
            lost,
        } => Fields::of_type(ruby, "revoking")?
            .add("group", &**group)?
            .add("partitions", partitions(ruby, rows)?)?
            .add("lost", *lost)?,
        Event::Backtraces(question) => Fields::of_type(ruby, "backtraces")?.add("question", *question)?,
        Event::AppMetrics(question) => Fields::of_type(ruby, "app_metrics")?.add("question", *question)?,
        Event::Polled { group, passed } => Fields::of_type(ruby, "polled")?
            .add("group", &**group)?
            .add("time_ms", passed.as_secs_f64() * 1_000.0)?,
        Event::Assigned {
            group,
            generation,
            partitions: rows,
        } => Fields::of_type(ruby, "assigned")?
            .add("group", &**group)?
            .add("generation", *generation)?
            .add("partitions", partitions(ruby, rows)?)?,
        Event::Revoked {
            group,
            generation,
            partitions: rows,
            lost,
        } => Fields::of_type(ruby, "revoked")?
            .add("group", &**group)?
            .add("generation", *generation)?
            .add("partitions", partitions(ruby, rows)?)?
            .add("lost", *lost)?,
        Event::Committed { group, offsets, error } => Fields::of_type(ruby, "committed")?
            .add("group", &**group)?
            .add(
                "offsets",
                list(ruby, offsets.iter(), |row| {
                    Ok((row.topic.as_str(), row.partition, row.offset))
                })?,
            )?
            .add("error", error.as_ref().map(|error| ruby.to_symbol(&error.code)))?,
        Event::Statistics { group, json, offsets } => Fields::of_type(ruby, "statistics")?
            .add("group", &**group)?
            .add("json", json.as_str())?
            .add(
                "offsets",
                list(ruby, offsets.iter(), |row| {
                    Ok((&*row.topic, row.partition, row.marked, row.committed, row.next))
                })?,
            )?,
        Event::Skipped {
            group,
            topic,
            partition,
            filtered,
            expired,
        } => Fields::of_type(ruby, "skipped")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("filtered", *filtered)?
            .add("expired", *expired)?,
        Event::WentBack {
            group,
            topic,
            partition,
            offset,
            committed,
        } => Fields::of_type(ruby, "went_back")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("offset", *offset)?
            .add("committed", *committed)?,
        Event::Recreated {
            group,
            topic,
            partitions: numbers,
            old_id,
            new_id,
            on_recreated,
        } => Fields::of_type(ruby, "recreated")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partitions", ruby.ary_from_vec(numbers.clone()))?
            .add("old_id", old_id.as_deref())?
            .add("new_id", new_id.as_deref())?
            .add("on_recreated", ruby.to_symbol(on_recreated.name()))?,
        Event::Reset { group } => Fields::of_type(ruby, "reset")?.add("group", &**group)?,
        Event::Overtaken {
            group,
            topic,
            partition,
            from,
            to,
        } => Fields::of_type(ruby, "overtaken")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("from", *from)?
            .add("to", *to)?,
        Event::Abandoned {
            topic,
            partition,
            offset,
        } => Fields::of_type(ruby, "abandoned")?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("offset", *offset)?,
        Event::Stuck {
            group,
            topic,
            partition,
            assignment_id,
            kind,
            age_ms,
        } => Fields::of_type(ruby, "stuck")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("assignment_id", *assignment_id)?
            .symbol("kind", kind)?
            .add("age_ms", *age_ms)?,
        Event::Left {
            group,
            topic,
            partition,
            age_ms,
        } => Fields::of_type(ruby, "left")?
            .add("group", &**group)?
            .add("topic", &**topic)?
            .add("partition", *partition)?
            .add("age_ms", *age_ms)?,
        Event::Returned { group } => Fields::of_type(ruby, "returned")?.add("group", &**group)?,
        Event::Back { group } => Fields::of_type(ruby, "back")?.add("group", &**group)?,
        Event::Scaled { group, clients, grown } => Fields::of_type(ruby, "scaled")?
            .add("group", &**group)?
            .add("clients", *clients)?
            .add("grown", *grown)?,
        Event::Log { level, target, message } => Fields::of_type(ruby, "log")?
            .add("level", *level)?
            .add("target", target.as_str())?
            .add("message", message.as_str())?,
        Event::Dropped { count } => Fields::of_type(ruby, "dropped_events")?.add("count", *count)?,
    };
    Ok(fields.done())
}
