//! Reading is moved to where a log begins or ends, and that position is committed.

use std::sync::Arc;
use std::time::Instant;

use super::{Beginnings, RETRY, SHORT};
use crate::consume::commit_metadata::Origin;
use crate::consume::partition::{Begin, Partition};
use crate::consume::poller::Poller;
use crate::error::{Error, KafkaError};
use crate::event::PartitionRow;
use crate::kafka::client::{ConsumerClient, Question};
use crate::kafka::ffi::PartitionList;

/// Reading is to be moved there.
pub(super) struct Start {
    pub partition: Arc<Partition>,
    /// `OFFSET_BEGINNING`, `OFFSET_END`, or the offset that was found for it.
    pub at: i64,
    pub origin: Origin,
}

impl Beginnings {
    pub(super) fn ask_offsets(&mut self, poller: &Poller, client: &ConsumerClient, now: Instant) {
        self.starts.retain(|start| start.partition.is_alive());
        let mut list = PartitionList::with_capacity(self.starts.len());
        for start in &self.starts {
            if let Err(error) = list.add(&start.partition.topic, start.partition.number, start.at) {
                return poller.report(error);
            }
        }
        if !list.is_empty() {
            let question = client.ask_offsets(&list, poller.group.config.reads_committed_only());
            self.starts_asked = Some((question, std::mem::take(&mut self.starts), now));
        }
    }

    pub(super) fn put_back(&mut self) {
        if let Some((_, starts, _)) = self.starts_asked.take() {
            self.starts.extend(starts);
        }
    }

    pub(in crate::consume::poller) fn located(
        &mut self,
        poller: &Poller,
        client: &ConsumerClient,
        question: Question,
        answer: Result<Vec<PartitionRow>, KafkaError>,
    ) {
        // One that was given up, and may be about a log that is another one by now.
        let Some((_, mut asked, _)) = self.starts_asked.take_if(|(last, ..)| *last == question) else {
            return;
        };
        let failed = |source| Error::Kafka {
            operation: "asking where a partition begins and ends",
            source: Box::new(source),
        };
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) => {
                self.starts.extend(asked);
                return self.failed(poller, failed(error));
            }
        };
        for row in rows {
            let place = |start: &Start| *start.partition.topic == *row.topic && start.partition.number == row.partition;
            match (row.error, asked.iter().position(place)) {
                (Some(error), _) => self.failed(poller, failed(error)),
                (None, Some(index)) if row.offset >= 0 => {
                    let start = asked.swap_remove(index);
                    self.found.push(Start {
                        at: row.offset,
                        ..start
                    });
                }
                _ => self.again(SHORT),
            }
        }
        self.starts.extend(asked);
        self.move_to_found(poller, client);
        self.commit(poller, client);
    }

    pub(super) fn move_to_found(&mut self, poller: &Poller, client: &ConsumerClient) {
        self.found.retain(|start| start.partition.is_alive());
        if self.found.is_empty() {
            return;
        }
        let mut list = PartitionList::with_capacity(self.found.len());
        for start in &self.found {
            if let Err(error) = list.add(&start.partition.topic, start.partition.number, start.at) {
                return poller.report(error);
            }
        }
        let rows = match client.seek_all(&list) {
            Ok(rows) => rows,
            Err(error) => {
                self.again(RETRY.1);
                return poller.report(error);
            }
        };
        let mut waiting = Vec::new();
        for (start, row) in std::mem::take(&mut self.found).into_iter().zip(rows) {
            if row.error.is_some() {
                // librdkafka does not read it yet.
                waiting.push(start);
                continue;
            }
            tracing::info!("{}/{} begins at offset {}", row.topic, row.partition, start.at);
            start.partition.begin_at(start.at, start.origin);
            self.committing.push(start.partition);
        }
        if !waiting.is_empty() {
            self.again(SHORT);
        }
        self.found = waiting;
    }

    pub(super) fn commit(&mut self, poller: &Poller, client: &ConsumerClient) {
        self.committing
            .retain(|partition| partition.is_alive() && partition.stage() == Begin::Committing);
        if self.committing.is_empty() {
            self.commit_again = None;
            return;
        }
        let (due, wait) = self.commit_again.unwrap_or((Instant::now(), SHORT));
        if due > Instant::now() {
            return self.again(due.saturating_duration_since(Instant::now()));
        }
        poller.commit_now(client, &self.committing, Partition::take_commit);
        self.commit_again = Some((Instant::now() + wait, (wait * 2).min(RETRY.1)));
        self.again(wait);
    }
}
