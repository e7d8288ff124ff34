//! The commits of the poll thread: by interval without waiting, and the last one, which is waited for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::Poller;
use crate::consume::partition::Partition;
use crate::error::{Error, KafkaError};
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::{Commit, PartitionList};

/// For commits that a rebalance or a stop waits for.
const FINAL_COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
pub(super) const COMMIT_RETRY: Duration = Duration::from_millis(20);

impl Poller {
    pub(super) fn offsets_of(
        &self,
        partitions: &[Arc<Partition>],
        commit_of: impl Fn(&Partition) -> Option<Commit>,
    ) -> PartitionList {
        let mut list = PartitionList::with_capacity(partitions.len());
        for partition in partitions {
            if let Some(commit) = commit_of(partition) {
                if let Err(error) = list.add_commit(&partition.topic, partition.number, &commit) {
                    self.report(error);
                }
            }
        }
        list
    }

    pub(super) fn commit_marked(&self, client: &ConsumerClient) {
        let partitions: Vec<_> = self.group.assignment.lock().current.values().cloned().collect();
        self.commit_now(client, &partitions, Partition::take_commit);
        partitions.iter().for_each(|partition| partition.report_skipped());
    }

    pub(super) fn commit_now(
        &self,
        client: &ConsumerClient,
        partitions: &[Arc<Partition>],
        commit_of: impl Fn(&Partition) -> Option<Commit>,
    ) {
        let list = self.offsets_of(partitions, commit_of);
        if list.is_empty() {
            return;
        }
        if let Err(error) = client.commit_async(&list) {
            partitions.iter().for_each(|partition| partition.commit_failed());
            self.report(error);
        }
    }

    /// The last commit of these partitions. A group that is rebalancing refuses commits for a moment: without trying again
    /// a member that leaves at that time would leave its work uncommitted.
    pub(super) fn commit_finally(
        &self,
        client: &ConsumerClient,
        partitions: impl Fn() -> Vec<Arc<Partition>>,
        mut meanwhile: impl FnMut(),
    ) {
        let deadline = Instant::now() + self.group.switches.patience(FINAL_COMMIT_TIMEOUT);
        loop {
            let partitions = partitions();
            let list = self.offsets_of(&partitions, Partition::unconfirmed);
            if list.is_empty() {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match client.commit_sync(&list, left) {
                Ok(offsets) => return self.group.committed(offsets, None),
                Err(error) => error,
            };
            let shorter = matches!(&error, Error::Kafka { source, .. } if self.group.metadata_limit.learn(&self.group.id, source));
            if !(shorter || is_passing(&error)) || Instant::now() + COMMIT_RETRY >= deadline || (self.force)() {
                return self.report(error);
            }
            meanwhile();
        }
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Kafka { source, .. } if passes(source))
}

/// Whether the same commit may work in a moment.
pub(super) fn passes(error: &KafkaError) -> bool {
    use RDKafkaRespErr::*;
    error.retryable
        || [
            RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
            // librdkafka's answer when it had no group to commit to at that moment.
            RD_KAFKA_RESP_ERR__NO_OFFSET,
        ]
        .iter()
        .any(|code| *code as i32 == error.number)
}
