//! What a lease gives to a transaction: the offset to commit, with the group's generation, so that a member which the
//! group has left behind is refused. And the way back: what the transaction has committed.

use rdkafka::bindings as sys;

use crate::consume::lease::Lease;
use crate::error::Result;
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::{Commit, PartitionList};

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
    /// A commit that is still under way could arrive after the transaction's and take its offset back: then `commit_sync` comes
    /// before `transaction_offsets`.
    pub fn awaits_commit(&self) -> bool {
        let partition = self.partition();
        partition.is_alive() && partition.unconfirmed().is_some()
    }

    /// Everything before `offset` is processed, once the transaction is committed. None: the partition is lost. No I/O.
    pub fn transaction_offsets(&self, offset: i64, note: Option<&str>) -> Result<Option<GroupOffsets>> {
        let partition = self.partition();
        // First: a forked child must not even ask for the client.
        if !partition.is_alive() {
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
            metadata: partition.metadata_for(offset, note),
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
}
