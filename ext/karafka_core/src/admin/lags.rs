//! How far groups are behind: what they have committed against the ends of the logs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::client::{Call, Client};
use super::commits;
use super::metadata;
use super::offsets::{self, OffsetQuestion, LATEST};
use crate::error::Result;

/// -1: the group has committed nothing there, or the log's end is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lag {
    pub offset: i64,
    pub lag: i64,
}

/// By group, topic and partition.
pub type Lags = BTreeMap<String, BTreeMap<String, BTreeMap<i32, Lag>>>;

/// `wanted`: the topics of each group; None: all that it has committed in. One question for the ends of all logs, one for each group.
pub fn read(client: &Client, call: &Call, wanted: &BTreeMap<String, Option<Vec<String>>>) -> Result<Lags> {
    let named: BTreeSet<&String> = wanted.values().flatten().flatten().collect();
    let named: Vec<String> = named.into_iter().cloned().collect();
    let known = metadata::describe(client, call, &named)?;
    let counts: BTreeMap<&str, usize> = known
        .iter()
        .map(|topic| (topic.topic_name.as_str(), topic.partitions.len()))
        .collect();
    let asked = wanted.keys().map(|group| (group.clone(), None)).collect();
    let mut lags = Lags::new();
    for (group, committed) in commits::read(client, call, &asked)? {
        let chosen = wanted.get(&group).and_then(Option::as_ref);
        let lags = lags.entry(group).or_default();
        for topic in chosen.into_iter().flatten() {
            let count = counts.get(topic.as_str()).copied().unwrap_or(0) as i32;
            let none = (0..count).map(|partition| (partition, Lag { offset: -1, lag: -1 }));
            lags.insert(topic.clone(), none.collect());
        }
        for row in committed {
            let is_chosen = chosen.is_none_or(|topics| topics.contains(&row.topic));
            if is_chosen && row.offset >= 0 {
                let lag = Lag {
                    offset: row.offset,
                    lag: -1,
                };
                lags.entry(row.topic).or_default().insert(row.partition, lag);
            }
        }
    }
    let ends = ends(client, call, &lags)?;
    for (topic, partitions) in lags.values_mut().flatten() {
        for (partition, lag) in partitions {
            let end = ends
                .get(&(topic.clone(), *partition))
                .copied()
                .filter(|_| lag.offset >= 0);
            if let Some(end) = end {
                // A topic that was deleted and made again is shorter.
                lag.lag = (end - lag.offset).max(0);
            }
        }
    }
    Ok(lags)
}

/// A topic that is gone has no end.
fn ends(client: &Client, call: &Call, lags: &Lags) -> Result<BTreeMap<(String, i32), i64>> {
    let committed = lags.values().flatten().flat_map(|(topic, partitions)| {
        let some = partitions.iter().filter(|(_, lag)| lag.offset >= 0);
        some.map(move |(partition, _)| (topic.as_str(), *partition))
    });
    let asked: BTreeSet<_> = committed.collect();
    let asked: Vec<_> = asked
        .into_iter()
        .map(|(topic, partition)| OffsetQuestion(topic.to_owned(), partition, LATEST))
        .collect();
    let found = offsets::list(client, call, &asked, true)?.into_iter();
    Ok(found
        .filter(|row| row.error.is_none())
        .map(|row| ((row.topic, row.partition), row.offset))
        .collect())
}
