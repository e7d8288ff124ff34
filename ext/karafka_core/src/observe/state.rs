//! The state of the process as JSON. What is here stays: fields are only added. `docs/state.schema.json` describes it.

use serde_json::{json, Map, Value};

use super::parts::{topics, TopicPart};
use super::rates::Rates;
use super::Observer;
use crate::base::memory::own_resident_bytes;
use crate::batch::now_ms;
use crate::consume::engine::{GroupLook, Look};
use crate::consume::partition::Snapshot;
use crate::consume::workers::{Place, WorkerState};
use crate::metrics::registry;
use crate::produce::observing;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Full,
    /// Without partitions: its size depends on the number of topics only.
    Summary,
}

const SCHEMA_VERSION: u32 = 1;

pub(super) fn state(observer: &Observer, look: Option<&Look>, rates: &Rates, detail: Detail) -> Value {
    let errors: Map<String, Value> = registry()
        .errors()
        .into_iter()
        .map(|(kind, count)| (kind.to_string(), json!(count)))
        .collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "at_ms": now_ms(),
        "process": process(observer, look),
        "versions": observer.config.versions,
        "groups": look.map_or_else(Vec::new, |look| groups(look, rates, detail)),
        "workers": look.map_or_else(Vec::new, |look| look.workers.iter().map(worker).collect()),
        "producers": producers(),
        "produced": produced(),
        "errors": errors,
    })
}

fn process(observer: &Observer, look: Option<&Look>) -> Value {
    let mut process: Map<String, Value> = observer
        .config
        .process
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let facts = json!({
        "pid": std::process::id(),
        "state": look.map_or("starting", |look| look.health.state),
        "quiet": look.is_some_and(|look| look.health.quiet),
        "failure": look.and_then(|look| look.failure.clone()),
        "uptime_ms": observer.began.elapsed().as_millis() as u64,
        "resident_bytes": own_resident_bytes(),
        "queued_bytes": look.map(|look| look.held_bytes),
        "fetched_bytes": look.map(|look| look.fetched_bytes),
        "ready_partitions": look.map(|look| look.ready),
        "events_unread_ms": look.map(|look| look.events_unread.as_millis() as u64),
    });
    if let Value::Object(facts) = facts {
        process.extend(facts);
    }
    Value::Object(process)
}

fn groups(look: &Look, rates: &Rates, detail: Detail) -> Vec<Value> {
    let topics = topics(look);
    let mut names: Vec<&str> = look.groups.iter().map(|group| group.group.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let all = names.into_iter().map(|name| {
        let clients: Vec<&GroupLook> = look.groups.iter().filter(|group| group.group == name).collect();
        let own = topics.iter().filter(|((group, _), _)| *group == name);
        let topics: Vec<Value> = own
            .clone()
            .map(|((_, name), part)| {
                let (group, rates) = (clients[0].group.as_str(), rates);
                topic(group, name, part, rates.of(group, name), detail)
            })
            .collect();
        let known: Vec<i64> = own.clone().filter_map(|(_, part)| part.lag()).collect();
        let mut group = json!({
            "group": name,
            "lag": (!known.is_empty()).then(|| known.iter().sum::<i64>()),
            "lag_ms": own.filter_map(|(_, part)| part.lag_ms()).max(),
            "partitions": clients.iter().map(|client| client.partitions.len()).sum::<usize>(),
            "clients": clients.iter().map(|group| client(group)).collect::<Vec<_>>(),
            "topics": topics,
        });
        if detail == Detail::Full {
            let mut rebalances: Vec<_> = clients.iter().flat_map(|client| client.rebalances.iter()).collect();
            rebalances.sort_by_key(|one| std::cmp::Reverse(one.at_ms));
            let mut errors: Vec<_> = clients.iter().flat_map(|client| client.errors.iter()).collect();
            errors.sort_by_key(|one| std::cmp::Reverse(one.at_ms));
            group["rebalances"] = json!(rebalances);
            group["errors"] = json!(errors);
        }
        group
    });
    all.collect()
}

fn client(group: &GroupLook) -> Value {
    json!({
        "id": &*group.id,
        "member": group.member,
        "generation": group.generation,
        "lost": group.lost,
        "poll_age_ms": group.poll_age.as_millis() as u64,
        "away": group.away,
        "running": group.runs,
        "closing": group.closing,
        "trouble": group.trouble,
        "missing_topics": group.missing.iter().map(|topic| topic.to_string()).collect::<Vec<_>>(),
    })
}

fn topic(
    group: &str,
    name: &std::sync::Arc<str>,
    part: &TopicPart<'_>,
    (rate_in, rate_out): (Option<f64>, Option<f64>),
    detail: Detail,
) -> Value {
    let counted = registry().topic(group, name);
    let mut topic = json!({
        "topic": &**name,
        "partitions": part.partitions.len(),
        "lag": part.lag(),
        "lag_ms": part.lag_ms(),
        "lag_unknown": part.lag_unknown(),
        "rate_in": rate_in,
        "rate_out": rate_out,
        "paused": part.paused(),
        "leases": part.leases(),
        "oldest_lease_ms": part.oldest_lease().map(|age| age.as_millis() as u64),
        "consumed": counted.consumed_messages.get(),
        "retried": counted.retried_messages.get(),
        "dead_letters": counted.dead_letters.get(),
        "skipped": counted.skipped_messages.get(),
    });
    if detail == Detail::Full {
        topic["partition_states"] = part.partitions.iter().map(|one| partition(one)).collect();
    }
    topic
}

/// None for what is not known.
fn known(offset: i64) -> Option<i64> {
    (offset >= 0).then_some(offset)
}

fn partition(one: &Snapshot) -> Value {
    let leases = one.leases.iter().map(|lease| {
        json!({
            "assignment": lease.assignment_id,
            "kind": lease.kind,
            "age_ms": lease.age.as_millis() as u64,
            "consumer": place(lease.place.as_deref()),
        })
    });
    json!({
        "partition": one.partition,
        "state": one.phase,
        "position": known(one.position),
        "committed": known(one.committed),
        "high_watermark": known(one.high_watermark),
        "end": known(one.end),
        "lag": one.lag,
        "lag_ms": one.lag_ms,
        "attempt": one.attempt,
        "pause": one.pause.as_ref().map(|pause| json!({
            "reason": pause.reason,
            "left_ms": pause.left.map(|left| left.as_millis() as u64),
        })),
        "leases": leases.collect::<Vec<_>>(),
    })
}

fn place(place: Option<&Place>) -> Value {
    place.map_or(
        Value::Null,
        |place| json!({ "class": place.class, "file": place.file, "line": place.line }),
    )
}

pub(super) fn worker(worker: &WorkerState) -> Value {
    let age_ms = worker.age.as_millis() as u64;
    match &worker.work {
        None => json!({ "worker": worker.index, "state": "idle", "age_ms": age_ms, "work": null }),
        Some(work) => json!({
            "worker": worker.index,
            "state": "busy",
            "age_ms": age_ms,
            "work": {
                "group": work.group,
                "topic": &*work.topic,
                "partition": work.partition,
                "assignment": work.assignment_id,
                "kind": work.kind,
                "attempt": work.attempt,
                "first_offset": work.first_offset,
                "messages": work.messages,
                "consumer": place(work.place.as_deref()),
            },
        }),
    }
}

fn producers() -> Vec<Value> {
    let all = observing::look();
    let state = all.iter().map(|one| {
        json!({
            "client_id": one.client_id,
            "transactional_id": one.transactional_id,
            "queued": one.queued,
            "reported": one.reported,
            "trouble": one.trouble,
        })
    });
    state.collect()
}

fn produced() -> Vec<Value> {
    let all = registry().all_produced();
    let topics = all.iter().map(|one| {
        json!({
            "topic": &*one.topic,
            "messages": one.messages.get(),
            "bytes": one.bytes.get(),
            "failed": one.failed.get(),
        })
    });
    topics.collect()
}
