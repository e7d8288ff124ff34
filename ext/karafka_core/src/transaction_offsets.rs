//! What a lease gives to a transaction: the offset to commit, with the group's generation, so that a member which the
//! group has left behind is refused. And the way back: what the transaction has committed.

use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::client::ConsumerClient;
use crate::error::{check, Error, Result};
use crate::lease::Lease;
use crate::native::{Commit, PartitionList};

/// Pause between two questions for an offset that an open transaction is about to change.
const UNSTABLE_PAUSE: Duration = Duration::from_millis(50);

/// The group, this member and its generation, as they were at one moment.
struct GroupMetadata(*mut sys::rd_kafka_consumer_group_metadata_t);

// SAFETY: a plain heap object without thread affinity, owned by one place.
unsafe impl Send for GroupMetadata {}

impl GroupMetadata {
    /// None: the client is no member of its group just now.
    fn of(client: &ConsumerClient) -> Option<Self> {
        // SAFETY: a living client; the object is ours.
        let metadata = unsafe { sys::rd_kafka_consumer_group_metadata(client.ptr()) };
        if metadata.is_null() {
            return None;
        }
        let metadata = GroupMetadata(metadata);
        // Without a generation a broker takes the offsets of anybody.
        // SAFETY: not null.
        (unsafe { sys::rd_kafka_consumer_group_metadata_generation_id(metadata.0) } >= 0).then_some(metadata)
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_consumer_group_metadata_destroy(self.0) }
    }
}

/// Offsets on their way into a transaction.
pub struct GroupOffsets {
    list: PartitionList,
    group: GroupMetadata,
}

impl GroupOffsets {
    pub(crate) fn list(&self) -> *const sys::rd_kafka_topic_partition_list_t {
        self.list.as_ptr()
    }

    pub(crate) fn group(&self) -> *const sys::rd_kafka_consumer_group_metadata_t {
        self.group.0
    }
}

impl Lease {
    /// Everything before `offset` is processed, once the transaction is committed. None: the partition is lost.
    pub fn transaction_offsets(&self, offset: i64, note: Option<&str>) -> Result<Option<GroupOffsets>> {
        let partition = self.partition();
        // First: a forked child must not even ask for the client.
        if !partition.is_alive() {
            return Ok(None);
        }
        // A commit that is still under way could arrive after the transaction's and take its offset back.
        if partition.unconfirmed().is_some() && !self.commit_sync()? {
            return Ok(None);
        }
        let Some(client) = partition.group.client() else {
            return Ok(None);
        };
        let Some(group) = GroupMetadata::of(&client) else {
            return Ok(None);
        };
        // After the metadata: a partition is fenced before the group goes on, so this generation is one in which it
        // was ours. The broker refuses it should the group go on from here.
        if !partition.is_alive() {
            return Ok(None);
        }
        let mut list = PartitionList::with_capacity(1);
        let commit = Commit {
            offset,
            metadata: note.map(str::to_owned),
            leader_epoch: partition.epochs.latest(),
        };
        list.add_commit(&partition.topic, partition.number, &commit)?;
        Ok(Some(GroupOffsets { list, group }))
    }

    /// A transaction has committed everything before `offset`; nobody has to commit it again. False: the partition was
    /// lost meanwhile, which takes nothing back.
    pub fn transaction_committed(&self, offset: i64) -> bool {
        self.partition().committed_elsewhere(offset)
    }

    /// What the group has committed for this partition, when no transaction is open on it any more. None: nothing yet.
    pub fn committed_offset(&self, timeout: Duration) -> Result<Option<i64>> {
        const OPERATION: &str = "asking for the committed offset";
        let partition = self.partition();
        let deadline = Instant::now() + timeout;
        loop {
            if !partition.is_alive() {
                return Err(Error::Closed);
            }
            let client = partition.group.client().ok_or(Error::Closed)?;
            let left = deadline.saturating_duration_since(Instant::now());
            let mut list = PartitionList::with_capacity(1);
            list.add(&partition.topic, partition.number, crate::native::OFFSET_INVALID)?;
            let timeout_ms = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
            // SAFETY: a living client; the list is ours and gets the results.
            let code = unsafe { sys::rd_kafka_committed(client.ptr(), list.as_ptr(), timeout_ms) };
            let unstable = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
            let row = list.rows().into_iter().next();
            let refused = row.as_ref().and_then(|row| row.error.clone());
            let wait = code == unstable || refused.as_ref().is_some_and(|error| error.number == unstable as i32);
            if wait && Instant::now() + UNSTABLE_PAUSE < deadline {
                std::thread::park_timeout(UNSTABLE_PAUSE);
                continue;
            }
            check(OPERATION, code)?;
            if let Some(source) = refused {
                return Err(Error::Kafka {
                    operation: OPERATION,
                    source: Box::new(source),
                });
            }
            return Ok(row.map(|row| row.offset).filter(|offset| *offset >= 0));
        }
    }

    /// The consumer has asked to go on elsewhere after this batch.
    pub fn is_seeking(&self) -> bool {
        !self.partition().group.guard.is_foreign() && self.partition().state.lock().seek.is_some()
    }
}
