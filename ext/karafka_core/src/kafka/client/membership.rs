//! The client as a member of its group: topics it wants, partitions it takes and gives up.

use std::ffi::CStr;

use rdkafka::bindings as sys;

use super::ConsumerClient;
use crate::error::{check, Result};
use crate::kafka::ffi::{error_result, PartitionList, QueueEvent, OFFSET_INVALID};

impl ConsumerClient {
    pub fn subscribe(&self, topics: &[&str]) -> Result<()> {
        let mut list = PartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add(topic, -1, OFFSET_INVALID)?;
        }
        // SAFETY: a living client; the list is copied.
        check("subscribing", unsafe {
            sys::rd_kafka_subscribe(self.ptr(), list.as_ptr())
        })
    }

    /// Leaves the group; the partitions are revoked first, as in a rebalance.
    pub fn unsubscribe(&self) -> Result<()> {
        // SAFETY: a living client.
        check("leaving the group", unsafe { sys::rd_kafka_unsubscribe(self.ptr()) })
    }

    /// Takes partitions without a group, in addition to those it has.
    pub fn assign_more(&self, partitions: &PartitionList) -> Result<()> {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let error = sys::rd_kafka_incremental_assign(self.ptr(), partitions.as_ptr());
            error_result("assigning", error)
        }
    }

    /// Gives partitions up that no group has given.
    pub fn unassign_some(&self, partitions: &PartitionList) -> Result<()> {
        // SAFETY: a living client; the list is copied.
        unsafe {
            let error = sys::rd_kafka_incremental_unassign(self.ptr(), partitions.as_ptr());
            error_result("giving partitions up", error)
        }
    }

    /// Its name among the members of the group. Answered by librdkafka's main thread, so for the poll thread only.
    pub fn member_id(&self) -> Option<String> {
        // SAFETY: a living client; the text is ours to free.
        unsafe {
            let id = sys::rd_kafka_memberid(self.ptr());
            if id.is_null() {
                return None;
            }
            let text = CStr::from_ptr(id).to_string_lossy().into_owned();
            sys::rd_kafka_mem_free(self.ptr(), id.cast());
            Some(text).filter(|text| !text.is_empty())
        }
    }

    /// What keeps it from all brokers just now.
    pub fn trouble_now(&self) -> Option<String> {
        self.troubles.now()
    }

    pub(super) fn is_cooperative(&self) -> bool {
        // SAFETY: a static string, or null before the first rebalance.
        unsafe {
            let protocol = sys::rd_kafka_rebalance_protocol(self.ptr());
            !protocol.is_null() && CStr::from_ptr(protocol).to_bytes() == b"COOPERATIVE"
        }
    }

    /// With KIP-848 the broker moves partitions one by one, without rounds.
    pub fn rebalances_in_two_rounds(&self) -> bool {
        self.is_classic && self.is_cooperative()
    }

    /// Accepts an assignment as it came.
    pub fn assign(&self, event: &QueueEvent) -> Result<()> {
        let list = event.partition_list_ptr();
        // SAFETY: the list lives as long as the event; librdkafka copies it.
        unsafe {
            if self.is_cooperative() {
                error_result("assigning", sys::rd_kafka_incremental_assign(self.ptr(), list))
            } else {
                check("assigning", sys::rd_kafka_assign(self.ptr(), list))
            }
        }
    }

    /// Gives partitions up as asked.
    pub fn unassign(&self, event: &QueueEvent) -> Result<()> {
        // SAFETY: as above.
        unsafe {
            if self.is_cooperative() {
                let list = event.partition_list_ptr();
                error_result(
                    "giving partitions up",
                    sys::rd_kafka_incremental_unassign(self.ptr(), list),
                )
            } else {
                check(
                    "giving partitions up",
                    sys::rd_kafka_assign(self.ptr(), std::ptr::null()),
                )
            }
        }
    }

    /// True when the group went on without us: nothing of this assignment can be committed any more.
    pub fn assignment_lost(&self) -> bool {
        // SAFETY: a living client.
        unsafe { sys::rd_kafka_assignment_lost(self.ptr()) != 0 }
    }
}
