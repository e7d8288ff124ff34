//! What groups have committed, one question for each group.

use std::collections::BTreeMap;
use std::ffi::CString;

use rdkafka::bindings as sys;
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, Kind};
use super::groups::check;
use super::offsets::Partitions;
use super::raw::{borrowed_error, rows};
use crate::error::{c_string, Result};
use crate::kafka::ffi::{copy_rows, row_commit, Commit, PartitionList, QueueEvent};

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedOffset {
    pub topic: String,
    pub partition: i32,
    /// Negative: nothing.
    pub offset: i64,
    #[serde(default)]
    pub metadata: Option<String>,
    #[serde(default)]
    pub leader_epoch: Option<i32>,
}

/// What the groups have committed: for these topics' partitions, or (None) all. Unknown groups have nothing.
pub fn read(
    client: &Client,
    call: &Call,
    groups: &BTreeMap<String, Option<Partitions>>,
) -> Result<BTreeMap<String, Vec<CommittedOffset>>> {
    let asked: Vec<(CString, Option<PartitionList>)> = groups
        .iter()
        .map(|(group, partitions)| Ok((c_string("group", group)?, partitions.as_ref().map(list_of).transpose()?)))
        .collect::<Result<_>>()?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
    let events = client.ask_all(call, kind, asked.len(), |index, question| {
        let (group, list) = &asked[index];
        let list = list.as_ref().map_or(std::ptr::null_mut(), PartitionList::as_ptr);
        // SAFETY: a living client; group and list are copied.
        unsafe {
            let mut made = sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), list);
            let (options, queue) = (question.options(), question.queue());
            sys::rd_kafka_ListConsumerGroupOffsets(question.client(), &mut made, 1, options, queue);
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(made);
        }
        Ok(())
    })?;
    groups
        .keys()
        .cloned()
        .zip(&events)
        .map(|(group, event)| Ok((group, offsets_of(call, event)?)))
        .collect()
}

fn offsets_of(call: &Call, event: &QueueEvent) -> Result<Vec<CommittedOffset>> {
    if let Some(error) = event.error() {
        return Err(call.failed(error));
    }
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event.as_ptr());
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
        let Some(group) = rows(groups, count).first() else {
            return Ok(Vec::new());
        };
        match borrowed_error(sys::rd_kafka_group_result_error(*group)) {
            Some(error) if error.code == "group_id_not_found" => return Ok(Vec::new()),
            Some(error) => return Err(call.failed(error)),
            None => {}
        }
        let list = sys::rd_kafka_group_result_partitions(*group);
        let rows = copy_rows(list).into_iter().enumerate();
        rows.map(|(index, row)| {
            if let Some(error) = row.error {
                return Err(call.failed(error));
            }
            let Commit {
                offset,
                metadata,
                leader_epoch,
            } = row_commit(list, index);
            Ok(CommittedOffset {
                topic: row.topic,
                partition: row.partition,
                offset,
                metadata,
                leader_epoch,
            })
        })
        .collect()
    }
}

pub fn list_of(partitions: &Partitions) -> Result<PartitionList> {
    let mut list = PartitionList::with_capacity(partitions.len());
    for (topic, numbers) in partitions {
        for number in numbers {
            list.add(topic, *number, -1)?;
        }
    }
    Ok(list)
}

/// Commits in the group's name. Refused by the brokers while it has members.
pub fn alter(client: &Client, call: &Call, group: &str, offsets: &[CommittedOffset]) -> Result<()> {
    let name = c_string("group", group)?;
    let mut list = PartitionList::with_capacity(offsets.len());
    for CommittedOffset {
        topic,
        partition,
        offset,
        metadata,
        leader_epoch,
    } in offsets
    {
        let commit = Commit {
            offset: *offset,
            metadata: metadata.clone(),
            leader_epoch: *leader_epoch,
        };
        list.add_commit(topic, *partition, &commit)?;
    }
    if list.is_empty() {
        return Ok(());
    }
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, |question| {
        // SAFETY: a living client; what is made here is copied and destroyed once.
        unsafe {
            let mut made = sys::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr());
            let (options, queue) = (question.options(), question.queue());
            sys::rd_kafka_AlterConsumerGroupOffsets(question.client(), &mut made, 1, options, queue);
            sys::rd_kafka_AlterConsumerGroupOffsets_destroy(made);
        }
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind, which is alive.
    unsafe {
        let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(event.as_ptr());
        check(
            call,
            sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &mut count),
            count,
        )
    }
}

/// Forgets what the group has committed for these partitions.
pub fn delete_offsets(client: &Client, call: &Call, group: &str, partitions: &Partitions) -> Result<()> {
    let name = c_string("group", group)?;
    let list = list_of(partitions)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, |question| {
        // SAFETY: a living client; what is made here is copied and destroyed once.
        unsafe {
            let mut made = sys::rd_kafka_DeleteConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr());
            let (options, queue) = (question.options(), question.queue());
            sys::rd_kafka_DeleteConsumerGroupOffsets(question.client(), &mut made, 1, options, queue);
            sys::rd_kafka_DeleteConsumerGroupOffsets_destroy(made);
        }
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind, which is alive.
    unsafe {
        let result = sys::rd_kafka_event_DeleteConsumerGroupOffsets_result(event.as_ptr());
        check(
            call,
            sys::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &mut count),
            count,
        )
    }
}
