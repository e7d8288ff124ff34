//! Offsets of logs: where they begin and end, where a time is in them, and cutting their beginning off.

use std::collections::{BTreeMap, HashSet};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, Kind};
use super::metadata::{self, PartitionDescription};
use super::raw::{about, rows, text};
use crate::error::{codes, KafkaError, Result};
use crate::kafka::ffi::{copy_rows, PartitionList};

/// librdkafka's "No leaders found".
const NO_LEADERS: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT as i32;

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
    client.meet_cluster(call)?;
    let rounds = rounds(asked);
    let lists: Vec<PartitionList> = rounds
        .iter()
        .map(|round| {
            let mut list = PartitionList::with_capacity(round.len());
            for index in round {
                let OffsetQuestion(topic, partition, offset) = &asked[*index];
                list.add(topic, *partition, *offset)?;
            }
            Ok(list)
        })
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
    let mut found: Vec<Option<LogOffset>> = vec![None; asked.len()];
    for (round, event) in rounds.iter().zip(&events) {
        match event.error() {
            None => {}
            Some(error) if error.number == NO_LEADERS => {
                let questions: Vec<_> = round.iter().map(|index| &asked[*index]).collect();
                for (index, error) in round.iter().zip(without_leader(client, call, &questions)?) {
                    found[*index] = Some(unanswered(&asked[*index], error));
                }
                continue;
            }
            Some(error) => return Err(call.failed(error)),
        }
        // SAFETY: an answer of this kind.
        let mut answers = unsafe { answers(event.as_ptr()) };
        for index in round {
            let OffsetQuestion(topic, partition, _) = &asked[*index];
            found[*index] = answers.remove(&(topic.clone(), *partition));
        }
    }
    let rows = found.into_iter().zip(asked).map(|(found, question)| {
        found.unwrap_or_else(|| unanswered(question, KafkaError::internal("no answer for this partition")))
    });
    Ok(rows.collect())
}

fn unanswered(OffsetQuestion(topic, partition, _): &OffsetQuestion, error: KafkaError) -> LogOffset {
    LogOffset {
        topic: topic.clone(),
        partition: *partition,
        offset: -1,
        timestamp: -1,
        leader_epoch: None,
        error: Some(about(error, topic, Some(*partition))),
    }
}

/// Where librdkafka finds a leader for none of the partitions it does not say why.
fn without_leader(client: &Client, call: &Call, asked: &[&OffsetQuestion]) -> Result<Vec<KafkaError>> {
    let names: HashSet<&String> = asked.iter().map(|question| &question.0).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let topics = metadata::describe(client, call, &names)?;
    let why = |OffsetQuestion(name, partition, _): &OffsetQuestion| {
        let topic = topics.iter().find(|topic| topic.topic_name == *name);
        if let Some(error) = topic.and_then(|topic| topic.error.clone()) {
            return error;
        }
        let exists = |known: &PartitionDescription| known.partition_id == *partition;
        KafkaError::from_code(match topic.is_some_and(|topic| topic.partitions.iter().any(exists)) {
            true => RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            false => RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        })
    };
    Ok(asked.iter().map(|question| why(question)).collect())
}

/// librdkafka takes each partition once: what asks again for one is in another round.
fn rounds(asked: &[OffsetQuestion]) -> Vec<Vec<usize>> {
    type Round<'a> = (HashSet<(&'a str, i32)>, Vec<usize>);
    let mut rounds: Vec<Round<'_>> = Vec::new();
    for (index, OffsetQuestion(topic, partition, _)) in asked.iter().enumerate() {
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

/// # Safety
/// A living answer to ListOffsets.
unsafe fn answers(event: *mut sys::rd_kafka_event_t) -> BTreeMap<(String, i32), LogOffset> {
    let mut count = 0;
    // SAFETY: by contract; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event);
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        let all = rows(infos, count).iter().map(|info| {
            let row = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*info);
            let (topic, partition) = (text((*row).topic).unwrap_or_default(), (*row).partition);
            let number = codes::read(&raw const (*row).err);
            let epoch = sys::rd_kafka_topic_partition_get_leader_epoch(row);
            let found = LogOffset {
                offset: (*row).offset,
                timestamp: sys::rd_kafka_ListOffsetsResultInfo_timestamp(*info),
                leader_epoch: (epoch >= 0).then_some(epoch),
                error: (number != codes::NO_ERROR)
                    .then(|| about(KafkaError::from_number(number), &topic, Some(partition))),
                topic: topic.clone(),
                partition,
            };
            ((topic, partition), found)
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
    client.meet_cluster(call)?;
    let mut list = PartitionList::with_capacity(offsets.len());
    for OffsetQuestion(topic, partition, offset) in offsets {
        list.add(topic, *partition, *offset)?;
    }
    let events = client.ask_all(call, Kind::RD_KAFKA_ADMIN_OP_DELETERECORDS, 1, |_, question| {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let mut made = sys::rd_kafka_DeleteRecords_new(list.as_ptr());
            sys::rd_kafka_DeleteRecords(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_DeleteRecords_destroy(made);
        }
        Ok(())
    })?;
    let Some(event) = events.first() else {
        return Ok(Vec::new());
    };
    match event.error() {
        Some(error) if error.number == NO_LEADERS => {
            let questions: Vec<_> = offsets.iter().collect();
            let rows = offsets.iter().zip(without_leader(client, call, &questions)?);
            let rows = rows.map(|(question, error)| unanswered(question, error));
            return checked(call, rows.collect()).map(|_| Vec::new());
        }
        Some(error) => return Err(call.failed(error)),
        None => {}
    }
    // SAFETY: an answer of this kind, which is alive.
    let found = unsafe {
        let result = sys::rd_kafka_event_DeleteRecords_result(event.as_ptr());
        copy_rows(sys::rd_kafka_DeleteRecords_result_offsets(result))
    };
    found
        .into_iter()
        .map(|row| match row.error {
            Some(error) => Err(call.failed(error)),
            None => Ok((row.topic, row.partition, row.offset)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_is_asked_for_twice_is_in_two_rounds() {
        let ask = |topic: &str, partition| OffsetQuestion(topic.to_owned(), partition, LATEST);
        let asked = [ask("a", 0), ask("a", 1), ask("a", 0), ask("b", 0), ask("a", 0)];
        assert_eq!(rounds(&asked), [vec![0, 1, 3], vec![2], vec![4]]);
        assert!(rounds(&[]).is_empty());
    }
}
