//! Topics whose partitions the routes name (`assign`): no group shares them out. Offsets are committed under the group's
//! name all the same.

use std::time::{Duration, Instant};

use super::Poller;
use crate::error::Result;
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::{PartitionList, OFFSET_INVALID};

const METADATA_TIMEOUT: Duration = Duration::from_secs(2);
/// While a topic does not exist, or no broker answers.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct ManualAssignment {
    next: Option<Instant>,
}

impl ManualAssignment {
    pub(super) fn new(poller: &Poller) -> Self {
        ManualAssignment {
            next: poller.group.config.is_direct().then(Instant::now),
        }
    }

    /// Takes the partitions that exist and are not ours yet; topics may grow.
    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        if self.next.is_none_or(|next| next > Instant::now()) || poller.group.is_stopping() {
            return;
        }
        let wait = match poller.assign_directly(client) {
            Ok(true) => poller.group.config.metadata_interval(),
            Ok(false) => RETRY,
            Err(error) => {
                tracing::warn!(group = %poller.group.id, "partitions could not be assigned, it is tried again: {error}");
                RETRY
            }
        };
        self.next = Instant::now().checked_add(wait);
    }
}

impl Poller {
    /// False: a topic is not supported yet.
    fn assign_directly(&self, client: &ConsumerClient) -> Result<bool> {
        let mut complete = true;
        let mut wanted = Vec::new();
        for topic in &self.group.config.topics {
            let (Some(name), Some(given)) = (&topic.name, &topic.assign) else {
                continue;
            };
            let count = client.partition_count(name, METADATA_TIMEOUT)?;
            let numbers: Vec<i32> = match given.is_empty() {
                true => (0..count).collect(),
                false => given.iter().copied().filter(|number| *number < count).collect(),
            };
            complete &= count > 0 && numbers.len() >= given.len();
            wanted.extend(numbers.into_iter().map(|number| (name.clone(), number)));
        }
        {
            let assignment = self.group.assignment.lock();
            wanted.retain(|(name, number)| !assignment.current.contains_key(&(name.as_str().into(), *number)));
        }
        if !wanted.is_empty() {
            let mut list = PartitionList::with_capacity(wanted.len());
            for (name, number) in &wanted {
                list.add(name, *number, OFFSET_INVALID)?;
            }
            self.take_on(client, wanted, || client.assign_more(&list));
        }
        Ok(complete)
    }
}
