//! Offsets of logs: where they begin and end, where a time is in them, and cutting their beginning off.

use std::collections::{BTreeMap, HashSet};

use rdkafka::bindings as sys;
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, Kind};
use super::leaders::{self, Said};
use super::raw::{rows, text};
use crate::error::{codes, KafkaError, Result};
use crate::kafka::ffi::{copy_rows, PartitionList};

/// librdkafka's for "none".
const NO_OFFSET: i64 = -1_001;
pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;

/// Partitions by topic.
pub type Partitions = BTreeMap<String, Vec<i32>>;

/// `offset`: a time in milliseconds, -1 the end, -2 the beginning, -3 the message with the greatest timestamp.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OffsetQuestion(pub String, pub i32, pub i64);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogOffset {
    pub topic: String,
    pub partition: i32,
    /// -1: no message is that young.
    pub offset: i64,
    /// -1: not known.
    pub timestamp: i64,
    pub leader_epoch: Option<i32>,
    pub error: Option<KafkaError>,
}

/// One answer for each question, in the same order. One request to each leader, however many partitions there are.
pub fn list(client: &Client, call: &Call, asked: &[OffsetQuestion], committed_only: bool) -> Result<Vec<LogOffset>> {
    let said = leaders::ask(client, call, asked, |call, open| {
        ask(client, call, asked, open, committed_only)
    })?;
    let rows = said.into_iter().zip(asked).map(|(said, question)| {
        let OffsetQuestion(topic, partition, _) = question;
        let (end, error) = match said {
            Ok(end) => (end, None),
            Err(error) => (End::UNKNOWN, Some(error)),
        };
        LogOffset {
            topic: topic.clone(),
            partition: *partition,
            offset: end.offset,
            timestamp: end.timestamp,
            leader_epoch: end.leader_epoch,
            error,
        }
    });
    Ok(rows.collect())
}

/// What a leader says where it is asked for an offset.
#[derive(Debug, Clone, Copy)]
struct End {
    offset: i64,
    timestamp: i64,
    leader_epoch: Option<i32>,
}

impl End {
    const UNKNOWN: End = End {
        offset: -1,
        timestamp: -1,
        leader_epoch: None,
    };
}

fn ask(
    client: &Client,
    call: &Call,
    asked: &[OffsetQuestion],
    open: &[usize],
    committed_only: bool,
) -> Result<Vec<(usize, Said<End>)>> {
    let rounds = rounds(asked, open);
    let lists: Vec<PartitionList> = rounds
        .iter()
        .map(|round| list_of(asked, round))
        .collect::<Result<_>>()?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
    let events = client.ask_all(call, kind, lists.len(), |index, question| {
        question.committed_only(committed_only);
        // SAFETY: a living client; the list is copied.
        unsafe {
            let list = lists[index].as_ptr();
            sys::rd_kafka_ListOffsets(question.client(), list, question.options(), question.queue());
        }
        Ok(())
    })?;
    let mut found = Vec::with_capacity(open.len());
    for (round, event) in rounds.iter().zip(&events) {
        if let Some(error) = event.error() {
            return Err(call.failed(error));
        }
        // SAFETY: an answer of this kind.
        let mut answers = unsafe { answers(event.as_ptr()) };
        for index in round {
            let OffsetQuestion(topic, partition, _) = &asked[*index];
            found.extend(
                answers
                    .remove(&(topic.clone(), *partition))
                    .map(|answer| (*index, answer)),
            );
        }
    }
    Ok(found)
}

fn list_of(asked: &[OffsetQuestion], indexes: &[usize]) -> Result<PartitionList> {
    let mut list = PartitionList::with_capacity(indexes.len());
    for index in indexes {
        let OffsetQuestion(topic, partition, offset) = &asked[*index];
        list.add(topic, *partition, *offset)?;
    }
    Ok(list)
}

/// librdkafka takes each partition once: what asks again for one is in another round.
fn rounds(asked: &[OffsetQuestion], open: &[usize]) -> Vec<Vec<usize>> {
    type Round<'a> = (HashSet<(&'a str, i32)>, Vec<usize>);
    let mut rounds: Vec<Round<'_>> = Vec::new();
    for index in open.iter().copied() {
        let OffsetQuestion(topic, partition, _) = &asked[index];
        let key = (topic.as_str(), *partition);
        match rounds.iter_mut().find(|(taken, _)| !taken.contains(&key)) {
            Some((taken, round)) => {
                taken.insert(key);
                round.push(index);
            }
            None => rounds.push((HashSet::from([key]), vec![index])),
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

/// Without the partitions that no leader has answered for: librdkafka (2.12.1) gives them back without an offset, and without an error.
///
/// # Safety
/// A living answer to ListOffsets.
unsafe fn answers(event: *mut sys::rd_kafka_event_t) -> BTreeMap<(String, i32), Said<End>> {
    let mut count = 0;
    // SAFETY: by contract; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event);
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        let all = rows(infos, count).iter().filter_map(|info| {
            let row = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
            let number = codes::read(&raw const (*row).err);
            let epoch = sys::rd_kafka_topic_partition_get_leader_epoch(row);
            let said = match number == codes::NO_ERROR {
                false => Err(KafkaError::from_number(number)),
                true if (*row).offset == NO_OFFSET => return None,
                true => Ok(End {
                    offset: (*row).offset,
                    timestamp: sys::rd_kafka_ListOffsetsResultInfo_timestamp(*info),
                    leader_epoch: (epoch >= 0).then_some(epoch),
                }),
            };
            Some(((text((*row).topic).unwrap_or_default(), (*row).partition), said))
        });
        all.collect()
    }
}

/// The first error of the rows, if there is any.
pub fn checked(call: &Call, found: Vec<LogOffset>) -> Result<Vec<LogOffset>> {
    match found.iter().find_map(|row| row.error.clone()) {
        Some(error) => Err(call.failed(error)),
        None => Ok(found),
    }
}

/// Deletes what is before these offsets (-1: all). Where the logs begin then.
pub fn delete_before(client: &Client, call: &Call, offsets: &[OffsetQuestion]) -> Result<Vec<(String, i32, i64)>> {
    let said = leaders::ask(client, call, offsets, |call, open| delete(client, call, offsets, open))?;
    let rows = said.into_iter().zip(offsets);
    rows.map(|(said, OffsetQuestion(topic, partition, _))| match said {
        Ok(begin) => Ok((topic.clone(), *partition, begin)),
        Err(error) => Err(call.failed(error)),
    })
    .collect()
}

fn delete(client: &Client, call: &Call, asked: &[OffsetQuestion], open: &[usize]) -> Result<Vec<(usize, Said<i64>)>> {
    let list = list_of(asked, open)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DELETERECORDS, |question| {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let mut made = sys::rd_kafka_DeleteRecords_new(list.as_ptr());
            sys::rd_kafka_DeleteRecords(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_DeleteRecords_destroy(made);
        }
        Ok(())
    })?;
    // SAFETY: an answer of this kind, which is alive.
    let rows = unsafe {
        let result = sys::rd_kafka_event_DeleteRecords_result(event.as_ptr());
        copy_rows(sys::rd_kafka_DeleteRecords_result_offsets(result))
    };
    let index_of = |topic: &str, number: i32| {
        open.iter().copied().find(|index| {
            let OffsetQuestion(name, partition, _) = &asked[*index];
            name == topic && *partition == number
        })
    };
    let found = rows.into_iter().filter_map(|row| {
        let index = index_of(&row.topic, row.partition)?;
        Some((index, row.error.map_or(Ok(row.offset), Err)))
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_is_asked_for_twice_is_in_two_rounds() {
        let ask = |topic: &str, partition| OffsetQuestion(topic.to_owned(), partition, LATEST);
        let asked = [ask("a", 0), ask("a", 1), ask("a", 0), ask("b", 0), ask("a", 0)];
        assert_eq!(rounds(&asked, &[0, 1, 2, 3, 4]), [vec![0, 1, 3], vec![2], vec![4]]);
        assert_eq!(rounds(&asked, &[1, 2, 4]), [vec![1, 2], vec![4]]);
        assert!(rounds(&[], &[]).is_empty());
    }
}
