//! Moves a group that has no members to other offsets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::client::{Call, Client};
use super::commits::{self, CommittedOffset};
use super::groups::{self, GroupDescription};
use super::metadata;
use super::offsets::{self, OffsetQuestion, EARLIEST, LATEST};
use crate::error::Result;

/// Where a partition is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Offset(i64),
    /// Milliseconds since 1970: the first message that is not older, else the end.
    Time(i64),
    Earliest,
    Latest,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeekOutcome {
    /// The new offsets.
    Moved(Vec<CommittedOffset>),
    /// It has members, which would not notice and commit over it.
    Active(GroupDescription),
}

/// A topic's targets by partition; -1 stands for all of its partitions.
pub type Targets = BTreeMap<String, BTreeMap<i32, Target>>;

/// `dry_run`: changes nothing.
pub fn seek(client: &Client, call: &Call, group: &str, targets: &Targets, dry_run: bool) -> Result<SeekOutcome> {
    // First: a group that is active is refused whatever the targets are.
    if let Some(active) = active(client, call, group)? {
        return Ok(SeekOutcome::Active(active));
    }
    let offsets = resolve(client, call, &spread(client, call, targets)?)?;
    if dry_run {
        return Ok(SeekOutcome::Moved(offsets));
    }
    match commits::alter(client, call, group, &offsets) {
        Ok(()) => Ok(SeekOutcome::Moved(offsets)),
        // A member has joined meanwhile: the brokers say unknown_member_id then.
        Err(error) => match active(client, call, group)? {
            Some(active) => Ok(SeekOutcome::Active(active)),
            None => Err(error),
        },
    }
}

/// None: it has no members.
pub fn active(client: &Client, call: &Call, group: &str) -> Result<Option<GroupDescription>> {
    let found = groups::describe(client, call, &[group.to_owned()])?;
    Ok(groups::checked(call, found)?
        .pop()
        .filter(GroupDescription::has_members))
}

/// One target for each partition.
fn spread(client: &Client, call: &Call, targets: &Targets) -> Result<Vec<(String, i32, Target)>> {
    let names: Vec<String> = targets.keys().cloned().collect();
    let mut spread = Vec::new();
    for topic in metadata::checked(call, metadata::describe(client, call, &names)?)? {
        let Some(wanted) = targets.get(&topic.topic_name) else {
            continue;
        };
        let mut places: BTreeMap<i32, Target> = BTreeMap::new();
        for (partition, target) in wanted {
            match partition {
                -1 => places.extend(topic.partitions.iter().map(|known| (known.partition_id, *target))),
                // One that does not exist is the broker's to refuse.
                _ => drop(places.insert(*partition, *target)),
            }
        }
        spread.extend(
            places
                .into_iter()
                .map(|(partition, target)| (topic.topic_name.clone(), partition, target)),
        );
    }
    Ok(spread)
}

fn resolve(client: &Client, call: &Call, places: &[(String, i32, Target)]) -> Result<Vec<CommittedOffset>> {
    let ask = |topic: &String, partition: i32, offset| OffsetQuestion(topic.clone(), partition, offset);
    // Offsets are looked up, too: of a partition that does not exist.
    let asked: Vec<_> = places
        .iter()
        .map(|(topic, partition, target)| {
            let wanted = match target {
                Target::Offset(_) | Target::Latest => LATEST,
                Target::Earliest => EARLIEST,
                Target::Time(ms) => (*ms).max(0),
            };
            ask(topic, *partition, wanted)
        })
        .collect();
    let found = offsets::checked(call, offsets::list(client, call, &asked, false)?)?;
    // Everything is older than the time: its end.
    let young: Vec<_> = found
        .iter()
        .filter(|row| row.offset < 0)
        .map(|row| ask(&row.topic, row.partition, LATEST))
        .collect();
    let ends = offsets::checked(call, offsets::list(client, call, &young, false)?)?;
    let mut ends = ends.into_iter().map(|row| row.offset);
    let rows = places.iter().zip(found).map(|((topic, partition, target), row)| {
        let looked_up = if row.offset < 0 {
            ends.next().unwrap_or(0)
        } else {
            row.offset
        };
        CommittedOffset {
            topic: topic.clone(),
            partition: *partition,
            offset: if let Target::Offset(offset) = target {
                *offset
            } else {
                looked_up
            },
            metadata: None,
            leader_epoch: None,
        }
    });
    Ok(rows.collect())
}
