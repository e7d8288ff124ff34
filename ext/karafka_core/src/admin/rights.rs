//! What this client may do with topics and groups, as the brokers see it.

use std::collections::BTreeMap;

use rdkafka::bindings as sys;
use serde::Serialize;

use super::client::{Call, Client, Kind};
use super::metadata::ask_for;
use super::names::OPERATIONS;
use super::question::Question;
use super::raw::{borrowed_error, c_strings, rows, text};
use crate::error::{KafkaError, Result};

/// Of one topic or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Right {
    /// None: the broker did not say, as those without an authorizer and old ones.
    pub operations: Option<Vec<&'static str>>,
    /// Why nothing is known, such as "topic_authorization_failed".
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rights {
    pub topics: BTreeMap<String, Right>,
    pub groups: BTreeMap<String, Right>,
}

pub fn read(client: &Client, call: &Call, topics: &[String], groups: &[String]) -> Result<Rights> {
    Ok(Rights {
        topics: of_topics(client, call, topics)?,
        groups: of_groups(client, call, groups)?,
    })
}

fn include(question: &Question<'_>) {
    // SAFETY: living options; the error is ours to free, or null. Where librdkafka refuses it, the answer has no rights.
    unsafe {
        let refused = sys::rd_kafka_AdminOptions_set_include_authorized_operations(question.options(), 1);
        drop(KafkaError::from_native(refused));
    }
}

fn of_topics(client: &Client, call: &Call, topics: &[String]) -> Result<BTreeMap<String, Right>> {
    let mut found = BTreeMap::new();
    if topics.is_empty() {
        return Ok(found);
    }
    let names = c_strings("topic", topics)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, |question| {
        include(question);
        ask_for(question, &names);
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        for topic in rows(described, count) {
            let mut count = 0;
            let operations = sys::rd_kafka_TopicDescription_authorized_operations(*topic, &mut count);
            let error = borrowed_error(sys::rd_kafka_TopicDescription_error(*topic));
            let name = text(sys::rd_kafka_TopicDescription_name(*topic)).unwrap_or_default();
            found.insert(name, right(operations, count, error));
        }
    }
    Ok(found)
}

fn of_groups(client: &Client, call: &Call, groups: &[String]) -> Result<BTreeMap<String, Right>> {
    let names = c_strings("group", groups)?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let events = client.ask_all(call, kind, names.len(), |index, question| {
        let mut name = names[index].as_ptr();
        include(question);
        let (options, queue) = (question.options(), question.queue());
        // SAFETY: a living client; the name is copied.
        unsafe { sys::rd_kafka_DescribeConsumerGroups(question.client(), &mut name, 1, options, queue) };
        Ok(())
    })?;
    let mut found = BTreeMap::new();
    for (event, asked) in events.iter().zip(groups) {
        if let Some(error) = event.error() {
            found.insert(asked.clone(), refused(error));
            continue;
        }
        let mut count = 0;
        // SAFETY: an answer of this kind; everything in it lives as long as it.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
            let described = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
            for group in rows(described, count) {
                let mut count = 0;
                let operations = sys::rd_kafka_ConsumerGroupDescription_authorized_operations(*group, &mut count);
                let error = borrowed_error(sys::rd_kafka_ConsumerGroupDescription_error(*group));
                let name = text(sys::rd_kafka_ConsumerGroupDescription_group_id(*group)).unwrap_or_default();
                found.insert(name, right(operations, count, error));
            }
        }
    }
    Ok(found)
}

fn refused(error: KafkaError) -> Right {
    Right {
        operations: None,
        error: Some(error.code),
    }
}

/// # Safety
/// `operations` is null or has `count` of them, for the time of the call.
unsafe fn right(operations: *const sys::rd_kafka_AclOperation_t, count: usize, error: Option<KafkaError>) -> Right {
    if let Some(error) = error {
        return refused(error);
    }
    // SAFETY: by contract; enums are ints in C, and a newer broker may send others than Rust knows.
    let numbers =
        (!operations.is_null()).then(|| unsafe { std::slice::from_raw_parts(operations.cast::<i32>(), count) });
    Right {
        operations: numbers.map(|numbers| numbers.iter().map(|number| OPERATIONS.name(*number)).collect()),
        error: None,
    }
}
