//! Calls that wait for a broker: synchronous commits, and look-ups. Workers make them; where a worker must be able to stop
//! waiting, a thread of its own does (`errand`). Each has a time limit.

use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::Partition;
use crate::consume::commit_metadata::decode;
use crate::error::codes;
use crate::error::{check_number, Error, KafkaError, Result};
use crate::kafka::ffi::{PartitionList, OFFSET_INVALID};

/// How long a synchronous commit may take.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two questions for an offset that an open transaction is about to change.
const UNSTABLE_PAUSE: Duration = Duration::from_millis(50);

impl Partition {
    /// Asks the broker for the text that is committed for this partition. Ok(None): the partition is lost.
    pub fn committed_metadata(&self) -> Result<Option<String>> {
        if !self.is_alive() {
            return Ok(None);
        }
        let commit = self.committed_now()?;
        let metadata =
            commit.and_then(|commit| commit.metadata.map(|text| decode(commit.offset, &text).user.to_owned()));
        Ok(Some(metadata.unwrap_or_default()))
    }

    /// Commits the marked offset and waits for the broker's answer. Ok(false): the partition is lost.
    pub fn commit_sync(&self) -> Result<bool> {
        if !self.is_alive() {
            return Ok(false);
        }
        let group = &self.group;
        let Some(list) = self.marked_list()? else {
            return Ok(true);
        };
        let Some(client) = group.client() else {
            return Ok(false);
        };
        match client.commit_sync(&list, COMMIT_TIMEOUT) {
            Ok(offsets) => {
                group.committed(offsets, None);
                Ok(self.is_alive())
            }
            Err(Error::Kafka { source, .. }) if is_lost(&source) => {
                self.commit_failed();
                Ok(false)
            }
            // Again, with less beside the offset.
            Err(Error::Kafka { source, .. }) if group.metadata_limit.learn(&group.id, &source) => self.commit_sync(),
            Err(error) => {
                self.commit_failed();
                Err(error)
            }
        }
    }

    pub(crate) fn marked_list(&self) -> Result<Option<PartitionList>> {
        let Some(commit) = self.commit_now() else {
            return Ok(None);
        };
        let mut list = PartitionList::with_capacity(1);
        list.add_commit(&self.topic, self.number, &commit)?;
        Ok(Some(list))
    }

    /// The group's committed offset, once no transaction is open on it any more. None: nothing is committed yet.
    pub fn committed_offset(&self, timeout: Duration) -> Result<Option<i64>> {
        const OPERATION: &str = "asking for the committed offset";
        let deadline = Instant::now() + timeout;
        loop {
            if !self.is_alive() {
                return Err(Error::Closed);
            }
            let client = self.group.client().ok_or(Error::Closed)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let mut list = PartitionList::with_capacity(1);
            list.add(&self.topic, self.number, OFFSET_INVALID)?;
            let timeout_ms = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
            // SAFETY: a living client; the list is ours and gets the results.
            let code = unsafe { codes::raw::rd_kafka_committed(client.ptr(), list.as_ptr(), timeout_ms) };
            let unstable = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT as i32;
            let row = list.rows().into_iter().next();
            let refused = row.as_ref().and_then(|row| row.error.clone());
            let wait = code == unstable || refused.as_ref().is_some_and(|error| error.number == unstable);
            if wait && Instant::now() + UNSTABLE_PAUSE < deadline {
                std::thread::park_timeout(UNSTABLE_PAUSE);
                continue;
            }
            check_number(OPERATION, code)?;
            if let Some(source) = refused {
                return Err(Error::Kafka {
                    operation: OPERATION,
                    source: Box::new(source),
                });
            }
            return Ok(row.map(|row| row.offset).filter(|offset| *offset >= 0));
        }
    }

    /// The first offset at or after a time; that after the last message where all are older. Ok(None): the partition is lost.
    pub fn offset_at(&self, time_ms: i64, timeout: Duration) -> Result<Option<i64>> {
        if !self.is_alive() {
            return Ok(None);
        }
        let Some(client) = self.group.client() else {
            return Ok(None);
        };
        // First, so that a message that comes meanwhile is not passed over.
        let end = client.end_of_log(&self.topic, self.number, timeout)?;
        let found = client.offset_for_time(&self.topic, self.number, time_ms, timeout)?;
        Ok(Some(found.unwrap_or(end)))
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
