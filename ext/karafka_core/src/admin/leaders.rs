//! Questions for the leaders of partitions. A leader may be down, or another broker by now.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr;

use super::client::{Call, Client};
use super::metadata::{self, PartitionDescription};
use super::offsets::OffsetQuestion;
use super::raw::about;
use crate::error::{Error, KafkaError, Result};

/// librdkafka's "No leaders found".
const NO_LEADERS: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT as i32;
const TIMED_OUT: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT as i32;
/// Of a partition: its leader has moved, or is gone. Nothing was done.
const MOVED: [RDKafkaRespErr; 6] = [
    RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
];
/// How long the leaders may take at first, and then twice as long each time. librdkafka (2.12.1) waits for those that it knew when it was
/// asked, also where others have taken over.
const FIRST_ATTEMPT: Duration = Duration::from_secs(2);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// What a leader has said of one partition.
pub type Said<T> = std::result::Result<T, KafkaError>;

/// Asks again what no leader has answered, once it is known who leads. One answer for each question, in the same order. `ask` gets the
/// indexes of its questions, and what it does may be done twice.
pub fn ask<T>(
    client: &Client,
    call: &Call,
    asked: &[OffsetQuestion],
    mut ask: impl FnMut(&Call, &[usize]) -> Result<Vec<(usize, Said<T>)>>,
) -> Result<Vec<Said<T>>> {
    client.meet_cluster(call)?;
    let mut found: BTreeMap<usize, Said<T>> = BTreeMap::new();
    let mut open: Vec<usize> = (0..asked.len()).collect();
    let mut limit = FIRST_ATTEMPT;
    while !open.is_empty() {
        let is_last = limit >= call.left();
        match ask(&call.part(limit), &open) {
            Ok(answers) => found.extend(answers.into_iter().filter(|(_, said)| is_last || !is_of_a_move(said))),
            Err(Error::Kafka { source, .. }) if [TIMED_OUT, NO_LEADERS].contains(&source.number) => {}
            Err(error) => return Err(error),
        }
        open.retain(|index| !found.contains_key(index));
        // Nothing is left in nearly all cases, which do not wait.
        if open.is_empty() {
            break;
        }
        match without_leader(client, &call.part(limit), asked, &open) {
            Ok(without) => found.extend(without.into_iter().map(|(index, error)| (index, Err(error)))),
            Err(Error::Kafka { source, .. }) if source.number == TIMED_OUT => {}
            Err(error) => return Err(error),
        }
        if is_last && found.is_empty() {
            return Err(client.timed_out(call));
        }
        if is_last {
            let late = client.late(call);
            for index in open {
                found.entry(index).or_insert_with(|| Err(late.clone()));
            }
            break;
        }
        open.retain(|index| !found.contains_key(index));
        limit *= 2;
        std::thread::sleep(PAUSE.min(call.left()));
    }
    let named = found.into_values().zip(asked);
    Ok(named
        .map(|(said, OffsetQuestion(topic, partition, _))| said.map_err(|error| about(error, topic, Some(*partition))))
        .collect())
}

fn is_of_a_move<T>(said: &Said<T>) -> bool {
    let number = said.as_ref().err().map(|error| error.number);
    MOVED.iter().any(|code| number == Some(*code as i32))
}

/// Those of the questions that have no leader, and why. What is found out is also news to librdkafka.
fn without_leader(
    client: &Client,
    call: &Call,
    asked: &[OffsetQuestion],
    open: &[usize],
) -> Result<Vec<(usize, KafkaError)>> {
    let names: HashSet<&String> = open.iter().map(|index| &asked[*index].0).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let topics = metadata::describe(client, call, &names)?;
    let why = |OffsetQuestion(name, partition, _): &OffsetQuestion| {
        let topic = topics.iter().find(|topic| topic.topic_name == *name);
        if let Some(error) = topic.and_then(|topic| topic.error.clone()) {
            return Some(error);
        }
        let is_it = |known: &&PartitionDescription| known.partition_id == *partition;
        let code = match topic.and_then(|topic| topic.partitions.iter().find(is_it)) {
            Some(known) if known.leader >= 0 => return None,
            Some(_) => RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            None => RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        };
        Some(KafkaError::from_code(code))
    };
    let without = open.iter().filter_map(|index| Some((*index, why(&asked[*index])?)));
    Ok(without.collect())
}
