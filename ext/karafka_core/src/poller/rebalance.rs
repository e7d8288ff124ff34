//! What the poll thread answers when partitions come and go.

use std::sync::Arc;
use std::time::Instant;

use super::commits::COMMIT_RETRY;
use super::Poller;
use crate::client::ConsumerClient;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::native::QueueEvent;
use crate::partition::Partition;

impl Poller {
    pub(super) fn assign(&self, client: &ConsumerClient, event: &QueueEvent) {
        let places = event.partitions().into_iter().map(|row| (row.topic, row.partition));
        let places: Vec<_> = places.collect();
        match places.is_empty() {
            true => self.ask_for_second_round(client),
            false => self.second_round.note(),
        }
        self.take_on(client, places, || client.assign(event));
    }

    /// Opens the partitions, has librdkafka accept them with `accept`, and tells the workers.
    pub(super) fn take_on(
        &self,
        client: &ConsumerClient,
        places: Vec<(String, i32)>,
        accept: impl FnOnce() -> Result<()>,
    ) {
        let generation = {
            let mut assignment = self.group.assignment.lock();
            assignment.generation += 1;
            assignment.generation
        };
        let mut opened = Vec::new();
        for (topic, number) in places {
            match self.open(client, &topic, number, generation) {
                Ok(partition) => opened.push(partition),
                Err(error) => self.report(error),
            }
        }
        let accepted = accept();
        client.wake_fetchers();
        if let Err(error) = accepted {
            self.report(error);
            opened.iter().for_each(Partition::end);
            return;
        }
        let keys = opened
            .iter()
            .map(|partition| (partition.topic.clone(), partition.number));
        let partitions: Vec<_> = keys.collect();
        {
            let mut assignment = self.group.assignment.lock();
            assignment
                .current
                .extend(partitions.iter().cloned().zip(opened.iter().cloned()));
        }
        let group = self.group.id.clone();
        self.group.emit(Event::Assigned {
            group,
            generation,
            partitions,
        });
        opened.iter().for_each(Partition::notify);
    }

    fn open(&self, client: &ConsumerClient, topic: &str, number: i32, generation: u64) -> Result<Arc<Partition>> {
        let index = self.group.topics.find(topic).ok_or_else(|| Error::Config {
            setting: "topic".to_owned(),
            value: topic.to_owned(),
            reason: "was assigned but matches no route".to_owned(),
        })?;
        // Before the assignment is accepted: from then on messages may arrive.
        let queue = client.split_partition(topic, number)?;
        let partition = Partition::new(self.group.clone(), topic, index, number, generation)?;
        let former = self.group.assignment.lock().departing_one(topic, number);
        if let Some(former) = former {
            partition.wait_for(&former);
        }
        partition.open(queue);
        Ok(partition)
    }

    pub(super) fn revoke(&self, client: &ConsumerClient, event: &QueueEvent) {
        self.second_round.note();
        let lost = client.assignment_lost();
        let (leaving, generation) = {
            let mut assignment = self.group.assignment.lock();
            let leaving: Vec<Arc<Partition>> = event
                .partitions()
                .into_iter()
                .filter_map(|row| assignment.current.remove(&(Arc::from(row.topic), row.partition)))
                .collect();
            assignment.departing.extend(leaving.iter().cloned());
            (leaving, assignment.generation)
        };
        self.part_with(client, &leaving, lost);
        if let Err(error) = client.unassign(event) {
            self.report(error);
        }
        client.wake_fetchers();
        if !leaving.is_empty() {
            let partitions = leaving
                .iter()
                .map(|partition| (partition.topic.clone(), partition.number))
                .collect();
            let group = self.group.id.clone();
            self.group.emit(Event::Revoked {
                group,
                generation,
                partitions,
                lost,
            });
        }
    }

    /// Lets running leases end within the grace, commits what they marked, then ends the partitions.
    fn part_with(&self, client: &ConsumerClient, leaving: &[Arc<Partition>], lost: bool) {
        leaving.iter().for_each(|partition| partition.begin_revocation());
        if !lost {
            let deadline = Instant::now() + self.revocation_grace;
            // What is over its limit is why we leave: waiting for it is in vain.
            for partition in leaving.iter().filter(|partition| !partition.is_overdue()) {
                partition.await_settled(deadline, &*self.force);
            }
            leaving.iter().for_each(|partition| partition.fence());
            self.commit_finally(client, || leaving.to_vec(), || std::thread::park_timeout(COMMIT_RETRY));
        }
        leaving.iter().for_each(Partition::end);
    }
}
