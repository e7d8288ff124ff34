//! The answers to probes.

use std::time::Duration;

use serde::Serialize;

use super::parts::topics;
use super::Observer;
use crate::consume::engine::Look;

/// Yes, or why not.
#[derive(Debug, Serialize)]
pub struct Verdict {
    pub ok: bool,
    /// Of the engine: "starting", "running", "stopping" or "failed".
    pub state: &'static str,
    pub reasons: Vec<Reason>,
}

#[derive(Debug, Serialize)]
pub struct Reason {
    pub reason: &'static str,
    pub message: String,
}

fn verdict(state: &'static str, reasons: Vec<Reason>) -> Verdict {
    Verdict {
        ok: reasons.is_empty(),
        state,
        reasons,
    }
}

fn reason(reason: &'static str, message: String) -> Reason {
    Reason { reason, message }
}

pub(super) fn live(observer: &Observer) -> Verdict {
    // Nothing runs yet, or no more: that is no reason to be killed.
    let Some(look) = observer.look() else {
        return verdict("starting", Vec::new());
    };
    let state = look.health.state;
    let mut reasons = Vec::new();
    if let Some(failure) = &look.failure {
        reasons.push(reason("failed", format!("the engine has failed: {failure}")));
    }
    // A stop has a limit of its own.
    if state == "running" {
        find_what_is_stuck(observer, &look, &mut reasons);
    }
    verdict(state, reasons)
}

fn find_what_is_stuck(observer: &Observer, look: &Look, reasons: &mut Vec<Reason>) {
    let config = &observer.config;
    let polling_ttl = Duration::from_millis(config.polling_ttl_ms);
    for group in look
        .groups
        .iter()
        .filter(|group| group.runs && group.poll_age > polling_ttl)
    {
        reasons.push(reason(
            "polling_stopped",
            format!(
                "the poll thread of {} has not come round for {} ms, more than config.http.polling_ttl ({} ms)",
                group.id,
                group.poll_age.as_millis(),
                config.polling_ttl_ms
            ),
        ));
    }
    match (&look.health.overdue, config.consuming_ttl_ms) {
        (Some(overdue), _) => reasons.push(reason(
            "lease_over_limit",
            format!(
                "a batch of {}/{} takes {} ms, more than the limit of its topic (long_running_limit)",
                overdue.topic, overdue.partition, overdue.age_ms
            ),
        )),
        (None, Some(ttl_ms)) => reasons.extend(oldest_lease(look, ttl_ms)),
        (None, None) => {}
    }
    if look.events_unread > Duration::from_millis(config.events_ttl_ms) {
        reasons.push(reason(
            "events_stuck",
            format!(
                "nobody has taken events of the engine for {} ms, more than config.http.events_ttl ({} ms): Ruby's lock is held, or a \
                 subscriber does not return",
                look.events_unread.as_millis(),
                config.events_ttl_ms
            ),
        ));
    }
}

fn oldest_lease(look: &Look, ttl_ms: u64) -> Option<Reason> {
    let partitions = look.groups.iter().flat_map(|group| &group.partitions);
    let leases = partitions.flat_map(|one| one.leases.iter().map(move |lease| (one, lease)));
    let (one, lease) = leases.max_by_key(|(_, lease)| lease.age)?;
    if lease.age <= Duration::from_millis(ttl_ms) {
        return None;
    }
    let place = lease.place.as_ref().map(|place| format!(" by {}", place.class));
    Some(reason(
        "lease_over_limit",
        format!(
            "a batch of {}/{} takes {} ms{}, more than config.http.consuming_ttl ({ttl_ms} ms)",
            one.topic,
            one.partition,
            lease.age.as_millis(),
            place.unwrap_or_default()
        ),
    ))
}

pub(super) fn ready(observer: &Observer) -> Verdict {
    let Some(look) = observer.look() else {
        let why = "the engine has not started, or has ended".to_owned();
        return verdict("starting", vec![reason("starting", why)]);
    };
    let state = look.health.state;
    let mut reasons = Vec::new();
    match state {
        "running" => find_what_is_missing(observer, &look, &mut reasons),
        "failed" => reasons.push(reason("failed", look.failure.clone().unwrap_or_default())),
        "stopping" => reasons.push(reason("stopping", "the process stops".to_owned())),
        _ => reasons.push(reason("starting", "the engine has not started".to_owned())),
    }
    verdict(state, reasons)
}

fn find_what_is_missing(observer: &Observer, look: &Look, reasons: &mut Vec<Reason>) {
    if look.health.quiet {
        reasons.push(reason("quiet", "the process takes no new work".to_owned()));
    }
    for group in look.groups.iter().filter(|group| group.runs) {
        if let Some(trouble) = &group.trouble {
            reasons.push(reason(
                "disconnected",
                format!("{} reaches no broker: {trouble}", group.id),
            ));
        }
        if group.generation == 0 {
            let why = format!("{} has not been assigned its partitions yet", group.id);
            reasons.push(reason("not_assigned", why));
        }
        if group.lost && !group.away {
            let why = format!(
                "{} has lost its partitions, and has not been assigned any since",
                group.id
            );
            reasons.push(reason("not_assigned", why));
        }
        if group.away {
            let why = format!(
                "{} is out of its group for now, since a batch is over its limit",
                group.id
            );
            reasons.push(reason("away", why));
        }
    }
    let Some(limit) = observer.config.ready_lag else { return };
    for ((group, topic), part) in topics(look) {
        let why = match part.lag() {
            Some(lag) if lag > limit => {
                format!("the lag of {group} in {topic} is {lag}, more than config.http.ready_lag ({limit})")
            }
            _ if part.lag_unknown() > 0 => format!(
                "the lag of {group} in {topic} is not known yet for {} partitions",
                part.lag_unknown()
            ),
            _ => continue,
        };
        reasons.push(reason("lag", why));
    }
}
