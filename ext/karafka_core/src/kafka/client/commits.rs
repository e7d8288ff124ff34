//! Offsets of the group: committed, and asked for.

use std::time::Duration;

use rdkafka::bindings as sys;

use super::ConsumerClient;
use crate::error::codes;
use crate::error::{check, check_number, Error, Result};
use crate::event::PartitionRow;
use crate::kafka::ffi::{Commit, PartitionList, Queue};

impl ConsumerClient {
    /// What the group has committed, into the list itself.
    pub fn committed(&self, partitions: &PartitionList, timeout: Duration) -> Result<()> {
        // SAFETY: a living client; the list is ours and gets the results.
        check_number("looking up what is committed", unsafe {
            codes::raw::rd_kafka_committed(self.ptr(), partitions.as_ptr(), timeout.as_millis() as i32)
        })
    }

    /// What the group has committed, each row with what stands beside its offset.
    pub fn commits(&self, partitions: &PartitionList, timeout: Duration) -> Result<Vec<(PartitionRow, Commit)>> {
        self.committed(partitions, timeout)?;
        let rows = partitions.rows().into_iter().enumerate();
        Ok(rows
            .filter_map(|(index, row)| Some((row, partitions.commit(index)?)))
            .collect())
    }

    /// Sends a commit; its answer arrives on the main queue. (`rd_kafka_commit` answers only to a commit call-back in
    /// the configuration, also where the events of it are enabled.)
    pub fn commit_async(&self, offsets: &PartitionList) -> Result<()> {
        // SAFETY: a living client and its own queue; the list is copied.
        check("committing", unsafe {
            let queue = self.queue.as_ptr();
            sys::rd_kafka_commit_queue(self.ptr(), offsets.as_ptr(), queue, None, std::ptr::null_mut())
        })
    }

    /// Commits and waits for the answer, on a queue of its own, so that the poll thread is not needed.
    pub fn commit_sync(&self, offsets: &PartitionList, timeout: Duration) -> Result<Vec<PartitionRow>> {
        const OPERATION: &str = "committing";
        // SAFETY: a living client; the reply queue outlives the wait. A reply that comes too late is dropped with the queue.
        let replies = unsafe {
            let replies = Queue::from_ptr(sys::rd_kafka_queue_new(self.ptr())).ok_or(Error::Closed)?;
            let code = sys::rd_kafka_commit_queue(
                self.ptr(),
                offsets.as_ptr(),
                replies.as_ptr(),
                None,
                std::ptr::null_mut(),
            );
            check(OPERATION, code)?;
            replies
        };
        let timeout_ms = timeout.as_millis() as u64;
        let reply = replies.poll(timeout_ms as i32).ok_or(Error::TimedOut {
            operation: OPERATION,
            timeout_ms,
        })?;
        let rows = reply.partitions();
        let refused = reply.error().or_else(|| rows.iter().find_map(|row| row.error.clone()));
        match refused {
            Some(source) => Err(Error::Kafka {
                operation: OPERATION,
                source: Box::new(source),
            }),
            None => Ok(rows),
        }
    }
}
