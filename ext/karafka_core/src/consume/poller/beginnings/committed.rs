//! What the group has committed for the partitions that are to begin, and for the others of their topics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr;

use super::starts::Start;
use super::{Beginnings, SHORT};
use crate::base::errand::Errand;
use crate::consume::beginning::{decide, Committed, Place};
use crate::consume::commit_metadata::{decode, Origin};
use crate::consume::partition::Partition;
use crate::consume::poller::Poller;
use crate::error::{Error, KafkaError, Result};
use crate::event::PartitionRow;
use crate::kafka::ffi::{Commit, PartitionList, OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID};

/// How long one question what is committed may take: longer with each that failed. The end of the client waits for it.
const LOOK_UP: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Rows with what is committed beside the offset.
pub(super) type Commits = Vec<(PartitionRow, Commit)>;

/// What is committed is being asked for.
pub(super) struct Asked {
    /// The partitions that were to begin then. An answer says nothing about one that was assigned since.
    pub partitions: Vec<u64>,
    /// librdkafka has a call that blocks nobody (ListConsumerGroupOffsets). It remembers the group's coordinator for as long as it
    /// is asked, also when that broker answers that it is none any more; and where the coordinator is just being elected, it stops
    /// looking after three answers. This call asks the coordinator that the membership has found.
    pub errand: Errand<Commits>,
}

impl Beginnings {
    pub(super) fn ask_commits(&mut self, poller: &Poller) {
        self.unknown.retain(|partition| partition.is_alive());
        let Some(client) = poller.group.client().filter(|_| !self.unknown.is_empty()) else {
            return;
        };
        let mut asked: BTreeMap<Arc<str>, i32> = BTreeMap::new();
        for partition in &self.unknown {
            let known = poller
                .group
                .known_topic(&partition.topic)
                .map_or(0, |known| known.partitions);
            let count = asked.entry(partition.topic.clone()).or_insert(known);
            *count = (*count).max(partition.number + 1);
        }
        let mut list = PartitionList::with_capacity(self.unknown.len());
        let all = asked
            .iter()
            .flat_map(|(topic, count)| (0..*count).map(move |number| (topic, number)));
        for (topic, number) in all {
            if let Err(error) = list.add(topic, number, OFFSET_INVALID) {
                return poller.report(error);
            }
        }
        let timeout = (LOOK_UP.0 * 2u32.pow(self.failures.min(6))).min(LOOK_UP.1);
        let group = poller.group.clone();
        match Errand::begin_and_tell(move || client.commits(&list, timeout), move || group.wake_poller()) {
            Ok(errand) => {
                let partitions = self.unknown.iter().map(|partition| partition.id).collect();
                self.asked = Some(Asked { partitions, errand });
            }
            Err(error) => self.failed(poller, error),
        }
    }

    pub(super) fn committed(&mut self, poller: &Poller, answer: Result<Commits>) {
        let asked = self.asked.take().map_or(Vec::new(), |asked| asked.partitions);
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) => return self.failed(poller, error),
        };
        let mut commits: HashMap<String, BTreeMap<i32, Committed>> = HashMap::new();
        let mut refused: HashMap<(String, i32), KafkaError> = HashMap::new();
        for (row, commit) in rows {
            if let Some(error) = row.error {
                refused.insert((row.topic, row.partition), error);
            } else {
                let of_topic = commits.entry(row.topic).or_default();
                if commit.offset >= 0 {
                    let text = commit.metadata.as_deref().unwrap_or_default();
                    let origin = decode(commit.offset, text).origin;
                    of_topic.insert(row.partition, Committed { commit, origin });
                }
            }
        }
        let none = BTreeMap::new();
        let mut recreated: BTreeMap<Arc<str>, Vec<i32>> = BTreeMap::new();
        let mut failure = None;
        for partition in std::mem::take(&mut self.unknown) {
            let key = (partition.topic.to_string(), partition.number);
            if !asked.contains(&partition.id) {
                self.unknown.push(partition);
                continue;
            }
            match refused.remove(&key) {
                Some(error) if error.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT as i32 => {
                    // A transaction is about to change it.
                    self.unknown.push(partition);
                    self.again(SHORT);
                }
                Some(error) => {
                    self.unknown.push(partition);
                    failure = Some(error);
                }
                None => {
                    let commits = commits.get(&key.0).unwrap_or(&none);
                    if self.begin(poller, &partition, commits) {
                        recreated
                            .entry(partition.topic.clone())
                            .or_default()
                            .push(partition.number);
                    }
                }
            }
        }
        if let Some(source) = failure {
            let operation = "looking up what is committed";
            let source = Box::new(source);
            self.failed(poller, Error::Kafka { operation, source });
        } else {
            self.failures = 0;
        }
        for (topic, partitions) in recreated {
            let of_topic = partitions.first().and_then(|number| commits.get(&*topic)?.get(number));
            let committed_id = of_topic.and_then(|committed| committed.origin.clone()?.topic_id);
            let gone = || poller.group.known_topic(&topic)?.gone.last().cloned();
            poller.recreated(&topic, partitions, committed_id.or_else(gone));
        }
    }

    /// True: the topic is another one than before, and that is to be reported. What was committed for the old one may still be
    /// stored; brokers delete it together with a topic.
    fn begin(&mut self, poller: &Poller, partition: &Arc<Partition>, commits: &BTreeMap<i32, Committed>) -> bool {
        let topic = poller.group.known_topic(&partition.topic).unwrap_or_default();
        let anew = partition.is_anew();
        let was_another = !topic.gone.is_empty();
        let is_reported = poller.has_reported(&partition.topic, &topic.id);
        let beginning = decide(
            (poller.group.config.initial_offset(), partition.config().on_recreated),
            partition.number,
            &topic,
            commits,
            anew,
        );
        let committed = commits.get(&partition.number).filter(|_| !anew);
        let committed_id = committed.and_then(|own| own.origin.as_ref()?.topic_id.clone());
        let origin = Origin {
            // Should it not be known yet, then it will be compared with what the commit says.
            topic_id: topic.id.or(committed_id),
            began_with: beginning.began_with,
        };
        let mut start = |at| {
            self.starts.push(Start {
                partition: partition.clone(),
                at,
                origin: origin.clone(),
            });
        };
        match beginning.place {
            Place::Beginning => start(OFFSET_BEGINNING),
            Place::End => start(OFFSET_END),
            Place::Committed(commit) => partition.begin(Some(commit), origin),
            Place::ByItself => partition.begin(None, origin),
            Place::Refused(reason) => {
                partition.refuse(reason);
                poller.group.attend();
            }
        }
        (beginning.stale.is_some() || was_another) && !is_reported
    }
}
