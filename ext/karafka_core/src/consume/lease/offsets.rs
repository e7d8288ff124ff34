//! Marks, commits and their metadata, while the lease is out.

use super::Lease;
use crate::consume::partition::Marked;
use crate::error::Result;

impl Lease {
    /// Marks `offset` as processed; false once the partition is lost. No I/O.
    pub fn mark(&self, offset: i64) -> bool {
        match self.delivery.lane {
            Some(lane) => self.partition.is_alive() && self.partition.mark_lane(lane, offset),
            None => self.partition.mark(offset),
        }
    }

    /// As `mark`, by the consumer itself: what it nearly always does. `Marked::Back`: nothing has changed, `mark_exactly` would go
    /// back. That is never so in a lane.
    pub fn mark_forward(&self, offset: i64) -> Marked {
        match self.delivery.lane {
            Some(_) if self.mark(offset) => Marked::Forward,
            Some(_) => Marked::Lost,
            None => self.partition.mark_forward(offset),
        }
    }

    /// As `mark`, by the consumer itself, which may go back to an older message; with `commits` the committed offset goes
    /// back, too. A lane has no position of its own: each message that it has finished stays finished.
    pub fn mark_exactly(&self, offset: i64, commits: bool) -> Marked {
        match self.delivery.lane {
            Some(_) if self.mark(offset) => Marked::Forward,
            Some(_) => Marked::Lost,
            None => self.partition.mark_exactly(offset, commits),
        }
    }

    /// The text to commit beside the offset from now on. False once the partition is lost.
    pub fn store_metadata(&self, metadata: &str) -> bool {
        self.partition.is_alive() && self.partition.set_metadata(metadata)
    }

    /// See `Partition::commit_sync`.
    pub fn commit_sync(&self) -> Result<bool> {
        self.partition.commit_sync()
    }

    /// See `Partition::committed_metadata`.
    pub fn committed_metadata(&self) -> Result<Option<String>> {
        self.partition.committed_metadata()
    }

    /// Sends what is marked to the broker without waiting for the answer.
    pub fn commit_async(&self) -> Result<bool> {
        // First: a forked child must not even ask for the client.
        if !self.partition.is_alive() {
            return Ok(false);
        }
        let (Some(client), Some(list)) = (self.partition.group.client(), self.partition.marked_list()?) else {
            return Ok(true);
        };
        client.commit_async(&list)?;
        Ok(true)
    }

    /// The end of the partition as last seen; -1 unknown. No I/O.
    pub fn high_watermark(&self) -> i64 {
        let partition = &self.partition;
        partition.group.client().map_or(-1, |client| {
            client.high_watermark(&partition.topic_name, partition.number)
        })
    }
}
