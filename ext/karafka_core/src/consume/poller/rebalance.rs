//! What the poll thread answers when partitions come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::commits::COMMIT_RETRY;
use super::Poller;
use crate::consume::partition::Partition;
use crate::error::{Error, Result};
use crate::event::{Event, TopicPartition};
use crate::kafka::client::ConsumerClient;
use crate::kafka::ffi::QueueEvent;
use crate::metrics::Cause;

impl Poller {
    pub(super) fn assign(&self, client: &ConsumerClient, event: &QueueEvent) {
        let places = event.partitions().into_iter().map(|row| (row.topic, row.partition));
        let places: Vec<_> = places.collect();
        match places.is_empty() {
            true => self.ask_for_second_round(client),
            false => self.cooperative_rejoin.note(),
        }
        *self.group.member.lock() = client.member_id();
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
        let began = Instant::now();
        let mut opened = Vec::new();
        self.group.emit(Event::Assigning {
            group: self.group.id.clone(),
            partitions: named(&places),
        });
        for (topic, number) in places {
            match self.open(client, &topic, number, generation) {
                Ok(partition) => opened.push(partition),
                Err(error) => self.report(error),
            }
        }
        self.group.stir();
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
            assignment.is_lost = false;
            assignment
                .current
                .extend(partitions.iter().cloned().zip(opened.iter().cloned()));
        }
        if !partitions.is_empty() {
            self.group
                .rebalanced(Cause::Assigned, partitions.len(), began.elapsed());
        }
        let group = self.group.id.clone();
        self.group.emit(Event::Assigned {
            group,
            generation,
            partitions,
        });
        self.group.attend();
        opened.iter().for_each(Partition::notify);
    }

    /// The topics of these partitions are others than those that were read. For the consumers that is as if the partitions
    /// were lost and assigned again: what the old ones were and had marked dies with their objects, and is not committed.
    pub(super) fn begin_anew(&self, client: &ConsumerClient, former: Vec<Arc<Partition>>) {
        if former.is_empty() {
            return;
        }
        let mut of_topics: BTreeMap<Arc<str>, Vec<&Arc<Partition>>> = BTreeMap::new();
        for partition in &former {
            of_topics.entry(partition.topic.clone()).or_default().push(partition);
        }
        for (topic, partitions) in of_topics {
            let old_id = partitions.iter().find_map(|partition| partition.topic_id());
            self.recreated(
                &topic,
                partitions.iter().map(|partition| partition.number).collect(),
                old_id,
            );
        }
        let generation = {
            let mut assignment = self.group.assignment.lock();
            assignment.departing.extend(former.iter().cloned());
            assignment.generation
        };
        self.say_revoking(&former, true);
        former.iter().for_each(|partition| partition.begin_revocation());
        former.iter().for_each(Partition::end);
        self.say_revoked(&former, generation, true);
        {
            let mut assignment = self.group.assignment.lock();
            former.iter().for_each(|partition| {
                assignment.current.remove(&partition.place());
            });
        }
        for partition in &former {
            self.group.known_commits.forget(&partition.place());
        }
        let places = former
            .iter()
            .map(|partition| (partition.topic.to_string(), partition.number));
        self.take_on(client, places.collect(), || Ok(()));
        let assignment = self.group.assignment.lock();
        former
            .iter()
            .filter_map(|partition| assignment.current.get(&partition.place()))
            .for_each(|partition| partition.set_anew());
    }

    pub(super) fn recreated(&self, topic: &Arc<str>, mut partitions: Vec<i32>, old_id: Option<Arc<str>>) {
        partitions.sort_unstable();
        let new_id = self.group.known_topic(topic).and_then(|known| known.id);
        self.recreations.borrow_mut().insert(topic.clone(), new_id.clone());
        let on_recreated = self
            .group
            .topics
            .find(topic)
            .map(|index| self.group.topic(index).on_recreated);
        self.group.emit(Event::Recreated {
            on_recreated: on_recreated.unwrap_or_default(),
            group: self.group.id.clone(),
            topic: topic.clone(),
            partitions,
            old_id,
            new_id,
        });
    }

    /// Whether an event has reported that this topic stands in the place of another one.
    pub(super) fn has_reported(&self, topic: &Arc<str>, id: &Option<Arc<str>>) -> bool {
        id.is_some()
            && self
                .recreations
                .borrow()
                .get(topic)
                .is_some_and(|reported| reported == id)
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
        let began = Instant::now();
        self.cooperative_rejoin.note();
        let lost = client.assignment_lost();
        let (leaving, generation) = {
            let mut assignment = self.group.assignment.lock();
            let leaving: Vec<Arc<Partition>> = event
                .partitions()
                .into_iter()
                .filter_map(|row| assignment.current.remove(&(Arc::from(row.topic), row.partition)))
                .collect();
            assignment.departing.extend(leaving.iter().cloned());
            assignment.is_lost |= lost || self.group.is_away();
            (leaving, assignment.generation)
        };
        self.say_revoking(&leaving, lost);
        self.part_with(client, &leaving, lost);
        if let Err(error) = client.unassign(event) {
            self.report(error);
        }
        client.wake_fetchers();
        self.count_leaving(&leaving, lost, began);
        self.say_revoked(&leaving, generation, lost);
    }

    pub(super) fn count_leaving(&self, leaving: &[Arc<Partition>], lost: bool, began: Instant) {
        let cause = match () {
            () if lost => Cause::Lost,
            () if self.group.is_stopping() => Cause::Stopping,
            () if self.group.is_away() => Cause::OverLimit,
            () => Cause::Revoked,
        };
        if !leaving.is_empty() {
            self.group.rebalanced(cause, leaving.len(), began.elapsed());
        }
    }

    pub(super) fn say_revoking(&self, leaving: &[Arc<Partition>], lost: bool) {
        if leaving.is_empty() {
            return;
        }
        self.group.emit(Event::Revoking {
            group: self.group.id.clone(),
            partitions: places_of(leaving),
            lost,
        });
    }

    pub(super) fn say_revoked(&self, leaving: &[Arc<Partition>], generation: u64, lost: bool) {
        if leaving.is_empty() {
            return;
        }
        self.group.emit(Event::Revoked {
            group: self.group.id.clone(),
            generation,
            partitions: places_of(leaving),
            lost,
        });
    }

    /// Lets running leases end within the grace, commits what they marked, then ends the partitions.
    fn part_with(&self, client: &ConsumerClient, leaving: &[Arc<Partition>], lost: bool) {
        leaving.iter().for_each(|partition| partition.begin_revocation());
        if !lost {
            let deadline = Instant::now() + self.revocation_grace;
            // What is over its limit is why we leave: waiting for it is in vain.
            for partition in leaving.iter().filter(|partition| !partition.is_overdue()) {
                self.await_settled(client, partition, deadline);
            }
            leaving.iter().for_each(|partition| partition.fence());
            self.commit_finally(client, || leaving.to_vec(), || std::thread::park_timeout(COMMIT_RETRY));
        }
        leaving.iter().for_each(Partition::end);
    }
    /// The group waits for us meanwhile, but its other partitions go on here, and what they do is committed as ever.
    fn await_settled(&self, client: &ConsumerClient, partition: &Partition, deadline: Instant) {
        let interval = self.group.config.commit_interval();
        let mut next_commit = interval.map_or(deadline, |interval| Instant::now() + interval);
        loop {
            self.beat();
            let look = deadline.min(next_commit).min(Instant::now() + self.pulse.wait());
            if partition.await_settled(look, &*self.force) || Instant::now() >= deadline {
                return;
            }
            if let Some(interval) = interval.filter(|_| Instant::now() >= next_commit) {
                next_commit = Instant::now() + interval;
                self.commit_marked(client);
            }
        }
    }
}

fn places_of(partitions: &[Arc<Partition>]) -> Vec<TopicPartition> {
    partitions.iter().map(|partition| partition.place()).collect()
}

fn named(places: &[(String, i32)]) -> Vec<TopicPartition> {
    let name = |(topic, number): &(String, i32)| (Arc::from(topic.as_str()), *number);
    places.iter().map(name).collect()
}
