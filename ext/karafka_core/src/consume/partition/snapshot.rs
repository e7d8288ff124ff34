//! How far a partition is, and what it waits for: one look for metrics and for people.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Begin, Partition, Pause, Phase, State};
use crate::batch::now_ms;
use crate::consume::lease::Kind;
use crate::consume::workers::Place;

/// -1 and None stand for unknown.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The first offset that is not processed.
    pub position: i64,
    pub committed: i64,
    pub high_watermark: i64,
    /// The end that this group may read.
    pub end: i64,
    pub lag: Option<i64>,
    /// How old the next message is. 0 without lag.
    pub lag_ms: Option<i64>,
    pub pause: Option<Paused>,
    /// Of what comes next, or is out. 1 for the first delivery.
    pub attempt: u32,
    pub leases: Vec<LeaseOut>,
    /// "open", "revoking" or "ended".
    pub phase: &'static str,
}

#[derive(Debug, Clone)]
pub struct Paused {
    /// "operator", "consumer", "back_off" or "refused".
    pub reason: &'static str,
    /// None: until somebody resumes it.
    pub left: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct LeaseOut {
    pub assignment_id: u64,
    pub kind: &'static str,
    pub age: Duration,
    pub place: Option<Arc<Place>>,
}

impl Partition {
    /// The code that serves that lane.
    pub(crate) fn place_of(&self, lane: usize) -> Option<Arc<Place>> {
        let places = self.figures.places.lock();
        let found = places.iter().find(|(known, _)| *known == lane);
        found.map(|(_, place)| place.clone())
    }

    pub(crate) fn set_place(&self, lane: usize, place: Place) {
        let mut places = self.figures.places.lock();
        places.retain(|(known, _)| *known != lane);
        places.push((lane, Arc::new(place)));
    }

    pub fn snapshot(&self) -> Snapshot {
        // Asks librdkafka, so before the state is locked.
        let (low, seen_high) = self.seen_of_log();
        let committed_only = self.group.config.reads_committed_only();
        let held = self.group.is_held(&self.topic, self.number);
        let leases: Vec<_> = self
            .current_leases()
            .into_iter()
            .filter(|lease| lease.kind != Kind::Seek)
            .map(|lease| LeaseOut {
                assignment_id: lease.assignment_id,
                kind: lease.kind.as_str(),
                age: lease.age,
                place: self.place_of((lease.assignment_id - self.id) as usize),
            })
            .collect();
        let state = self.state.lock();
        let position = self.position(&state, low);
        let known = match committed_only {
            true => self.figures.log_end.known(),
            false => self.figures.log_end.known().max(seen_high),
        };
        // What was read exists, even where no broker has said so yet.
        let end = match known {
            -1 => -1,
            known => known.max(self.fetched_to.load(Ordering::Relaxed)),
        };
        let lag = (end >= 0 && position >= 0).then(|| (end - position).max(0));
        Snapshot {
            topic: self.topic.clone(),
            partition: self.number,
            position,
            committed: match state.committed {
                -1 => self.figures.found_at(),
                known => known,
            },
            high_watermark: seen_high.max(end),
            end,
            lag,
            lag_ms: match lag {
                Some(0) => Some(0),
                Some(_) => self.age_of_next(&state, position),
                None => None,
            },
            pause: paused(&state, held),
            attempt: state.work.attempt(),
            leases,
            phase: match state.phase {
                Phase::Open => "open",
                Phase::Revoking | Phase::Fenced => "revoking",
                Phase::Ended | Phase::Finished => "ended",
            },
        }
    }

    fn position(&self, state: &State, low: i64) -> i64 {
        if let Some(super::Position::Offset(sought)) = state.reading.seek {
            return sought;
        }
        let waiting = state.reading.carry.as_ref().and_then(|carry| carry.first_offset());
        let filling = state
            .reading
            .filling
            .as_ref()
            .and_then(|filling| filling.batch.first_offset());
        let candidates = [
            Some(state.work.position(&self.marks)),
            waiting,
            filling,
            Some(self.marks.marked()),
            Some(self.figures.found_at()),
            Some(self.fetched_to.load(Ordering::Relaxed)),
            // The log was empty.
            Some(self.figures.log_end.met_at()),
            self.begins_early().then_some(low),
        ];
        let known = candidates.into_iter().flatten().find(|offset| *offset >= 0);
        known.unwrap_or(-1)
    }

    fn begins_early(&self) -> bool {
        self.group.config.initial_offset() == crate::config::InitialOffset::Earliest
    }

    /// From the message's own timestamp where it is in memory; else since when the log goes beyond the position, as far as anybody
    /// has looked.
    fn age_of_next(&self, state: &State, position: i64) -> Option<i64> {
        let carry = state.reading.carry.as_ref();
        let handed = self.figures.out_timestamp_ms.load(Ordering::Relaxed);
        let timestamp = match state.work.is_out() {
            true => Some(handed),
            false => carry.and_then(|carry| carry.timestamp_ms(0)),
        };
        let since = timestamp
            .filter(|at| *at > 0)
            .or_else(|| self.figures.log_end.beyond_since_ms(position))?;
        Some((now_ms() - since).max(0))
    }
}

fn paused(state: &State, held: bool) -> Option<Paused> {
    let paused = |reason, left| Some(Paused { reason, left });
    if held {
        return paused("operator", None);
    }
    if matches!(state.begin, Begin::Refused(_)) {
        return paused("refused", None);
    }
    let reason = match state.work.attempt() > 1 {
        true => "back_off",
        false => "consumer",
    };
    match state.reading.pause {
        Pause::No => None,
        Pause::UntilResumed => paused(reason, None),
        Pause::Until(at) => {
            let left = at.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(Paused {
                reason,
                left: Some(left),
            })
        }
    }
}
