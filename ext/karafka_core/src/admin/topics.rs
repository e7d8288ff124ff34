//! Changes of topics. Each returns when the metadata of all brokers shows it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;
use serde::Deserialize;

use super::client::{Call, Client, Kind};
use super::metadata::{ask_for, brokers, descriptions, TopicDescription};
use super::raw::{about, borrowed_error, error_of, rd_kafka_topic_result_error, rows, text};
use crate::error::{c_string, KafkaError, Result};
use crate::kafka::ffi::PartitionList;

/// A broker that has just gone is not waited for longer: the next look is without it.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTopic {
    pub name: String,
    /// -1: the brokers' default.
    pub partitions: i32,
    /// -1: the brokers' default.
    pub replication_factor: i32,
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Only check whether it could be created.
    #[serde(default)]
    pub validate_only: bool,
}

pub fn create(client: &Client, call: &Call, topic: &NewTopic) -> Result<()> {
    let name = c_string("topic", &topic.name)?;
    let settings: Vec<(CString, CString)> = topic
        .config
        .iter()
        .map(|(key, value)| Ok((c_string("topic config", key)?, c_string("topic config", value)?)))
        .collect::<Result<_>>()?;
    let mut words = [0 as libc::c_char; 512];
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_CREATETOPICS, |question| {
        question.validate_only(topic.validate_only);
        // SAFETY: a living client; what is made here is copied by librdkafka and destroyed once.
        unsafe {
            let (text, size) = (words.as_mut_ptr(), words.len());
            let mut made =
                sys::rd_kafka_NewTopic_new(name.as_ptr(), topic.partitions, topic.replication_factor, text, size);
            if made.is_null() {
                return Err(invalid(call, text, &topic.name));
            }
            for (key, value) in &settings {
                sys::rd_kafka_NewTopic_set_config(made, key.as_ptr(), value.as_ptr());
            }
            sys::rd_kafka_CreateTopics(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_NewTopic_destroy(made);
        }
        Ok(())
    })?;
    // SAFETY: an answer of this kind, which is alive.
    check(call, unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_CreateTopics_result(event.as_ptr());
        topic_errors(sys::rd_kafka_CreateTopics_result_topics(result, &mut count), count)
    })?;
    if topic.validate_only {
        return Ok(());
    }
    let partitions = usize::try_from(topic.partitions).unwrap_or(1);
    shown(client, call, &topic.name, |found| found.leads(partitions))
}

pub fn delete(client: &Client, call: &Call, name: &str) -> Result<()> {
    let topic = c_string("topic", name)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DELETETOPICS, |question| {
        // SAFETY: as in `create`.
        unsafe {
            let mut made = sys::rd_kafka_DeleteTopic_new(topic.as_ptr());
            sys::rd_kafka_DeleteTopics(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_DeleteTopic_destroy(made);
        }
        Ok(())
    })?;
    // SAFETY: as in `create`.
    check(call, unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DeleteTopics_result(event.as_ptr());
        topic_errors(sys::rd_kafka_DeleteTopics_result_topics(result, &mut count), count)
    })?;
    shown(client, call, name, TopicDescription::is_missing)
}

/// `total`: how many it is to have then.
pub fn create_partitions(client: &Client, call: &Call, name: &str, total: u32, validate_only: bool) -> Result<()> {
    let topic = c_string("topic", name)?;
    let mut words = [0 as libc::c_char; 512];
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, |question| {
        question.validate_only(validate_only);
        // SAFETY: as in `create`.
        unsafe {
            let (text, size) = (words.as_mut_ptr(), words.len());
            let mut made = sys::rd_kafka_NewPartitions_new(topic.as_ptr(), total as usize, text, size);
            if made.is_null() {
                return Err(invalid(call, text, name));
            }
            sys::rd_kafka_CreatePartitions(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_NewPartitions_destroy(made);
        }
        Ok(())
    })?;
    // SAFETY: as in `create`.
    check(call, unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_CreatePartitions_result(event.as_ptr());
        topic_errors(sys::rd_kafka_CreatePartitions_result_topics(result, &mut count), count)
    })?;
    if validate_only {
        return Ok(());
    }
    shown(client, call, name, |found| found.leads(total as usize))
}

/// Waits until every broker that answers shows the topic so.
fn shown(client: &Client, call: &Call, name: &str, wanted: impl Fn(&TopicDescription) -> bool) -> Result<()> {
    let names = [c_string("topic", name)?];
    client.wait_until(call, || {
        let call = &call.part(LOOK);
        let brokers = brokers(client, call)?.brokers;
        let answers = client.ask_all(
            call,
            Kind::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            brokers.len(),
            |index, question| {
                question.of_broker(brokers[index].broker_id);
                ask_for(question, &names);
                Ok(())
            },
        )?;
        // A broker that is going away has not got to know it.
        let mut shown = answers
            .iter()
            .filter(|answer| answer.error().is_none())
            .map(descriptions)
            .peekable();
        Ok(shown.peek().is_some() && shown.all(|topics| topics.iter().all(&wanted)))
    })
}

/// Moves leadership to the preferred replicas, or (`unclean`) to whatever replica is left. Partitions that needed no election are
/// not among the answers.
pub fn elect(client: &Client, call: &Call, list: Option<&PartitionList>, unclean: bool) -> Result<Vec<(String, i32)>> {
    let kind = match unclean {
        true => sys::rd_kafka_ElectionType_t::RD_KAFKA_ELECTION_TYPE_UNCLEAN,
        false => sys::rd_kafka_ElectionType_t::RD_KAFKA_ELECTION_TYPE_PREFERRED,
    };
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_ELECTLEADERS, |question| {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let list = list.map_or(std::ptr::null_mut(), PartitionList::as_ptr);
            let made = sys::rd_kafka_ElectLeaders_new(kind, list);
            sys::rd_kafka_ElectLeaders(question.client(), made, question.options(), question.queue());
            sys::rd_kafka_ElectLeaders_destroy(made);
        }
        Ok(())
    })?;
    let mut count = 0;
    let mut elected = Vec::new();
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ElectLeaders_result(event.as_ptr());
        let found = sys::rd_kafka_ElectLeaders_result_partitions(result, &mut count);
        for row in rows(found, count) {
            let partition = sys::rd_kafka_topic_partition_result_partition(*row);
            let (topic, number) = (text((*partition).topic).unwrap_or_default(), (*partition).partition);
            match borrowed_error(sys::rd_kafka_topic_partition_result_error(*row)) {
                None => elected.push((topic, number)),
                Some(error) if error.code == "election_not_needed" => {}
                Some(error) => return Err(call.failed(about(error, &topic, Some(number)))),
            }
        }
    }
    Ok(elected)
}

/// # Safety
/// The rows of a living answer.
unsafe fn topic_errors(results: *mut *const sys::rd_kafka_topic_result_t, count: usize) -> Vec<KafkaError> {
    // SAFETY: by contract.
    unsafe {
        let errors = rows(results, count).iter().filter_map(|result| {
            let name = text(sys::rd_kafka_topic_result_name(*result)).unwrap_or_default();
            let number = rd_kafka_topic_result_error(*result);
            error_of(number, sys::rd_kafka_topic_result_error_string(*result)).map(|error| about(error, &name, None))
        });
        errors.collect()
    }
}

fn check(call: &Call, errors: Vec<KafkaError>) -> Result<()> {
    errors
        .into_iter()
        .next()
        .map_or(Ok(()), |error| Err(call.failed(error)))
}

/// librdkafka asks nobody: the name is empty, or a number out of range.
fn invalid(call: &Call, words: *const libc::c_char, name: &str) -> crate::error::Error {
    let error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG);
    // SAFETY: librdkafka's text, which ends with NUL.
    let words = unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned();
    call.failed(about(error.with_message(words), name, None))
}
