//! What an engine is doing, as a Hash.

use karafka_core::engine::EngineState;
use karafka_core::partition::Whereabouts;
use magnus::{Error, RHash, Ruby};

use crate::helpers::hash::{list, partitions, Fields};

pub fn hash(ruby: &Ruby, state: &EngineState) -> Result<RHash, Error> {
    let groups = list(ruby, state.groups.iter(), |group| {
        let missing = group.missing.iter().map(ToString::to_string);
        let fields = Fields::new(ruby)
            .add("id", group.id.as_str())?
            .add("group_id", group.group_id.as_str())?
            .add("assigned", partitions(ruby, &group.assigned)?)?
            .add("generation", group.generation)?
            .add("last_poll_age_ms", group.last_poll_age_ms)?
            .add("away", group.away)?
            .add("running", group.runs)?
            .add("closing", group.closing)?
            .add("missing", ruby.ary_from_iter(missing))?;
        Ok(fields.done())
    })?;
    let leases = list(ruby, state.leases.iter(), |lease| {
        let fields = Fields::new(ruby)
            .add("topic", &*lease.topic)?
            .add("partition", lease.partition)?
            .symbol("kind", lease.kind)?
            .add("age_ms", lease.age_ms)?;
        Ok(fields.done())
    })?;
    let paused = list(ruby, state.paused.iter(), |hold| {
        let fields = Fields::new(ruby)
            .add("group", hold.group.as_deref())?
            .add("topic", hold.topic.as_deref())?
            .add("partition", hold.partition)?;
        Ok(fields.done())
    })?;
    let waiting = list(ruby, state.waiting.iter(), |one| {
        let fields = Fields::new(ruby)
            .add("topic", &*one.topic)?
            .add("partition", one.partition)?
            .add("for_ms", one.for_ms)?
            .add("refused", one.refused)?;
        Ok(fields.done())
    })?;
    let skipped = Fields::new(ruby)
        .add("filtered", state.skipped.0)?
        .add("expired", state.skipped.1)?;
    let fields = Fields::new(ruby)
        .add("running", state.running)?
        .add("quiet", state.quiet)?
        .add("groups", groups)?
        .add("leases", leases)?
        .add("ready", state.ready)?
        .add("queued_bytes", state.held_bytes)?
        .add("fetched_bytes", state.fetched_bytes)?
        .add("paused", paused)?
        .add("waiting", waiting)?
        .add("skipped", skipped.done())?;
    Ok(fields.done())
}

pub fn whereabouts(ruby: &Ruby, one: &Whereabouts) -> Result<RHash, Error> {
    let processing_ms = one.processing.map(|age| age.as_millis() as u64);
    let fields = Fields::new(ruby)
        .add("group", one.group.as_str())?
        .add("position", one.position)?
        .symbol("standing", one.standing.as_str())?
        .add("held", one.held)?
        .add("processing_ms", processing_ms)?;
    Ok(fields.done())
}
