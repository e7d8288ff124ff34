//! What a worker says of its messages before the lease is settled: marks, commits, and the text beside them.

use std::time::Duration;

use rdkafka::types::RDKafkaRespErr;

use super::Lease;
use crate::commit_metadata::decode;
use crate::error::{Error, KafkaError, Result};
use crate::native::PartitionList;

/// How long a synchronous commit may take.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);

impl Lease {
    /// Marks `offset` as processed; false once the partition is lost. No I/O.
    pub fn mark(&self, offset: i64) -> bool {
        match self.lane {
            Some(lane) => self.partition.is_alive() && self.partition.mark_lane(lane, offset),
            None => self.partition.mark(offset),
        }
    }

    /// As `mark`, with a text that is committed beside the offset, with this and every later commit until another one
    /// is given.
    pub fn mark_with(&self, offset: i64, metadata: &str) -> bool {
        self.store_metadata(metadata) && self.mark(offset)
    }

    /// The text to commit beside the offset from now on. False once the partition is lost.
    pub fn store_metadata(&self, metadata: &str) -> bool {
        self.partition.is_alive() && self.partition.set_metadata(metadata)
    }

    /// The text that is committed for this partition, asked of the broker. Ok(None): the partition is lost.
    pub fn committed_metadata(&self) -> Result<Option<String>> {
        if !self.partition.is_alive() {
            return Ok(None);
        }
        let commit = self.partition.committed_now()?;
        let metadata = commit.and_then(|commit| commit.metadata.map(|text| decode(commit.offset, &text).1.to_owned()));
        Ok(Some(metadata.unwrap_or_default()))
    }

    /// Sends what is marked to the broker without waiting for the answer.
    pub fn commit_async(&self) -> Result<bool> {
        // First: a forked child must not even ask for the client.
        if !self.partition.is_alive() {
            return Ok(false);
        }
        let (Some(client), Some(list)) = (self.partition.group.client(), self.marked_list()?) else {
            return Ok(true);
        };
        client.commit_async(&list)?;
        Ok(true)
    }

    /// Commits what is marked and waits for the broker's answer. Ok(false): the partition is lost.
    pub fn commit_sync(&self) -> Result<bool> {
        if !self.partition.is_alive() {
            return Ok(false);
        }
        let group = &self.partition.group;
        let Some(list) = self.marked_list()? else {
            return Ok(true);
        };
        let Some(client) = group.client() else {
            return Ok(false);
        };
        match client.commit_sync(&list, COMMIT_TIMEOUT) {
            Ok(offsets) => {
                group.committed(offsets, None);
                Ok(self.partition.is_alive())
            }
            Err(Error::Kafka { source, .. }) if is_lost(&source) => {
                self.partition.commit_failed();
                Ok(false)
            }
            // Again, with less beside the offset.
            Err(Error::Kafka { source, .. }) if group.metadata_limit.learn(&group.id, &source) => self.commit_sync(),
            Err(error) => {
                self.partition.commit_failed();
                Err(error)
            }
        }
    }

    fn marked_list(&self) -> Result<Option<PartitionList>> {
        let Some(commit) = self.partition.commit_now() else {
            return Ok(None);
        };
        let mut list = PartitionList::with_capacity(1);
        list.add_commit(&self.partition.topic, self.partition.number, &commit)?;
        Ok(Some(list))
    }

    /// The end of the partition as last seen; -1 unknown. No I/O.
    pub fn high_watermark(&self) -> i64 {
        let partition = &self.partition;
        partition.group.client().map_or(-1, |client| {
            client.high_watermark(&partition.topic_name, partition.number)
        })
    }
}

/// The group went on without us: the new owner of the partition decides about its offsets.
fn is_lost(error: &KafkaError) -> bool {
    use RDKafkaRespErr::*;
    [
        RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION as i32,
        RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID as i32,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS as i32,
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID as i32,
        RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH as i32,
        RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH as i32,
        RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST as i32,
    ]
    .contains(&error.number)
}
