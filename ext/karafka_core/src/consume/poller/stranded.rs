//! Partitions that librdkafka would never begin to read. It asks the group's coordinator itself for the committed offsets
//! of what was assigned. Where that broker refuses, since the group has just moved to another one, librdkafka reports an error and never asks
//! again (2.12.1, `rd_kafka_assignment_apply_offsets`). It asks anew for a new assignment only, so this member leaves its group and
//! comes back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Poller;
use crate::consume::partition::Partition;
use crate::error::{KafkaError, Result};
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::{PartitionList, OFFSET_INVALID};

/// How librdkafka's report begins, for all partitions or one.
const REPORT: &str = "Failed to fetch committed offset";
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) fn is_report(error: &KafkaError) -> bool {
    error.message.contains(REPORT)
}

#[derive(Default)]
pub(super) struct Stranded {
    /// Those that were assigned at the last report and of which nothing was read.
    partitions: Vec<Arc<Partition>>,
    not_before: Option<Instant>,
    has_left: bool,
}

impl Stranded {
    /// librdkafka has reported it; not of which assignment.
    pub(super) fn reported(&mut self, poller: &Poller) {
        self.partitions = poller.group.partitions_now();
    }

    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        if self.partitions.is_empty() && !self.has_left || poller.group.is_stopping() {
            return;
        }
        // librdkafka forgets that it is to leave where it is subscribed again before that is done.
        if self.has_left && poller.group.partitions_now().is_empty() {
            return self.come_back(poller, client);
        }
        self.partitions
            .retain(|partition| partition.is_alive() && !partition.has_begun());
        let waits = self.not_before.is_some_and(|at| Instant::now() < at);
        let is_needed = self.has_left || !self.partitions.is_empty() && !poller.group.is_away();
        if waits || !is_needed {
            return;
        }
        self.not_before = Some(Instant::now() + PAUSE);
        tracing::warn!(
            group = %poller.group.id,
            "a broker has refused to say where partitions begin, and librdkafka does not ask again for the same assignment. So \
             they are given up and taken again"
        );
        let done = match poller.group.config.is_direct() {
            true => client.assign_again(&std::mem::take(&mut self.partitions)),
            false => client.unsubscribe(),
        };
        if let Err(error) = done {
            poller.report(error);
        } else if !poller.group.config.is_direct() {
            self.has_left = true;
            poller.group.set_away(true);
        }
    }

    fn come_back(&mut self, poller: &Poller, client: &ConsumerClient) {
        match client.subscribe(&poller.group.config.subscription()) {
            Ok(()) => {
                self.has_left = false;
                poller.group.set_away(false);
            }
            Err(error) => poller.report(error),
        }
    }
}

impl ConsumerClient {
    /// For partitions that no group has given: librdkafka takes them anew.
    fn assign_again(&self, partitions: &[Arc<Partition>]) -> Result<()> {
        let mut list = PartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add(&partition.topic, partition.number, OFFSET_INVALID)?;
        }
        self.unassign_some(&list)?;
        self.assign_more(&list)
    }
}
