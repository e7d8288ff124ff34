//! The thread of one subscription group. It owns the client, never stops polling for slow work,
//! answers rebalances, and commits what the workers have marked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use crate::client::{ConsumerClient, Polled};
use crate::error::{Error, KafkaError, Result};
use crate::event::Event;
use crate::group::Group;
use crate::native::{PartitionList, QueueEvent};
use crate::partition::Partition;

/// Upper bound of one wait; everything urgent wakes the thread.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// For commits that a rebalance or a stop waits for.
const FINAL_COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
const COMMIT_RETRY: Duration = Duration::from_millis(20);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// When the host has given up waiting.
const FORCED_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const REBUILD_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub struct Poller {
    group: Arc<Group>,
    revocation_grace: Duration,
    force: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Poller {
    /// `force` answers true once the host gave up waiting for its workers.
    pub fn new(group: Arc<Group>, revocation_grace: Duration, force: Arc<dyn Fn() -> bool + Send + Sync>) -> Self {
        Poller {
            group,
            revocation_grace,
            force,
        }
    }

    /// Until the engine stops. A client that failed for good is replaced, more slowly each time.
    pub fn run(&self, first: ConsumerClient) -> Result<()> {
        let mut backoff = REBUILD_BACKOFF.0;
        let mut next = Some(first);
        loop {
            let born = Instant::now();
            let client = match next.take() {
                Some(client) => client,
                None if self.group.is_stopping() => return Ok(()),
                None => ConsumerClient::new(&self.group.config)?,
            };
            let Some(fatal) = self.run_client(client)? else {
                return Ok(());
            };
            tracing::error!(group = %self.group.id, "the consumer failed for good, a new one starts in {backoff:?}: {fatal}");
            let until = Instant::now() + backoff;
            while !self.group.is_stopping() && Instant::now() < until {
                std::thread::park_timeout(
                    until
                        .saturating_duration_since(Instant::now())
                        .min(Duration::from_millis(100)),
                );
            }
            let healthy = born.elapsed() > REBUILD_BACKOFF.1;
            backoff = if healthy {
                REBUILD_BACKOFF.0
            } else {
                (backoff * 2).min(REBUILD_BACKOFF.1)
            };
        }
    }

    /// One client's life. Some: the error that ended it.
    fn run_client(&self, client: ConsumerClient) -> Result<Option<KafkaError>> {
        let client = Arc::new(client);
        self.group.set_client(&client);
        let subscribed = client.subscribe(&self.group.config.subscription());
        let fatal = if subscribed.is_ok() {
            self.poll_until_stopped(&client)
        } else {
            None
        };
        self.close(client, fatal.is_some());
        subscribed.map(|()| fatal)
    }

    fn poll_until_stopped(&self, client: &ConsumerClient) -> Option<KafkaError> {
        let interval = self.group.config.commit_interval();
        let mut next_commit = Instant::now() + interval;
        let mut stop_announced = false;
        loop {
            self.group.polled_now();
            if self.group.is_stopping() {
                let partitions = self.group.partitions();
                if !stop_announced {
                    stop_announced = true;
                    partitions.iter().for_each(Partition::notify);
                }
                if (self.force)() || partitions.iter().all(|partition| partition.is_finished()) {
                    return None;
                }
            }
            let wait = next_commit.saturating_duration_since(Instant::now()).min(IDLE_POLL);
            if let Some(fatal) = self.serve(client, client.poll(wait)) {
                return Some(fatal);
            }
            self.group.ready.nudge();
            if Instant::now() >= next_commit {
                next_commit = Instant::now() + interval;
                self.commit_marked(client);
                self.group
                    .assignment
                    .lock()
                    .departing
                    .retain(|partition| !partition.is_finished());
            }
        }
    }

    /// Some: an error no client recovers from.
    fn serve(&self, client: &ConsumerClient, polled: Polled) -> Option<KafkaError> {
        let group = &self.group;
        match polled {
            Polled::Nothing => {}
            Polled::Assign(event) => self.assign(client, &event),
            Polled::Revoke(event) => self.revoke(client, &event),
            Polled::Committed { offsets, error } => {
                if let Some(passing) = error.as_ref().filter(|error| passes(error)) {
                    // The next interval tries again; before a revocation and a stop it is tried until it works.
                    tracing::debug!(target: "librdkafka", "a commit came at a bad time: {passing}");
                    group.commit_again();
                    return None;
                }
                group.committed(offsets, error);
            }
            Polled::Error(error) => {
                let fatal = error.fatal.then(|| error.clone());
                group.emit(Event::Error {
                    group: group.id.clone(),
                    error,
                });
                return fatal;
            }
            Polled::Statistics(json) => group.emit(Event::Statistics {
                group: group.id.clone(),
                json,
            }),
            Polled::StrayMessages(count) => {
                let text = format!("{count} messages arrived outside of a partition's queue; please report this");
                group.emit(Event::Error {
                    group: group.id.clone(),
                    error: KafkaError::internal(text),
                });
            }
        }
        None
    }

    fn report(&self, error: Error) {
        let error = match error {
            Error::Kafka { source, .. } => *source,
            other => KafkaError::internal(other.to_string()),
        };
        self.group.emit(Event::Error {
            group: self.group.id.clone(),
            error,
        });
    }

    // ---- rebalance ---------------------------------------------------------------------------------------------

    fn assign(&self, client: &ConsumerClient, event: &QueueEvent) {
        let generation = {
            let mut assignment = self.group.assignment.lock();
            assignment.generation += 1;
            assignment.generation
        };
        let mut opened = Vec::new();
        for row in event.partitions() {
            match self.open(client, &row.topic, row.partition, generation) {
                Ok(partition) => opened.push(partition),
                Err(error) => self.report(error),
            }
        }
        if let Err(error) = client.assign(event) {
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
        partition.open(queue);
        Ok(partition)
    }

    fn revoke(&self, client: &ConsumerClient, event: &QueueEvent) {
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
            for partition in leaving {
                partition.await_settled(deadline, &*self.force);
            }
            leaving.iter().for_each(|partition| partition.fence());
            self.commit_finally(client, || leaving.to_vec(), || std::thread::park_timeout(COMMIT_RETRY));
        }
        leaving.iter().for_each(Partition::end);
    }

    // ---- commits -----------------------------------------------------------------------------------------------

    fn offsets_of(
        &self,
        partitions: &[Arc<Partition>],
        offset_of: impl Fn(&Partition) -> Option<i64>,
    ) -> PartitionList {
        let mut list = PartitionList::with_capacity(partitions.len());
        for partition in partitions {
            if let Some(offset) = offset_of(partition) {
                if let Err(error) = list.add(&partition.topic, partition.number, offset) {
                    self.report(error);
                }
            }
        }
        list
    }

    fn commit_marked(&self, client: &ConsumerClient) {
        let partitions: Vec<_> = self.group.assignment.lock().current.values().cloned().collect();
        self.commit_now(client, &partitions, Partition::take_commit);
    }

    fn commit_now(
        &self,
        client: &ConsumerClient,
        partitions: &[Arc<Partition>],
        offset_of: impl Fn(&Partition) -> Option<i64>,
    ) {
        let list = self.offsets_of(partitions, offset_of);
        if list.is_empty() {
            return;
        }
        if let Err(error) = client.commit_async(&list) {
            partitions.iter().for_each(|partition| partition.commit_failed());
            self.report(error);
        }
    }

    /// The last commit of these partitions. A group that is rebalancing refuses commits for a moment: without trying again
    /// a member that leaves at that time would leave its work uncommitted.
    fn commit_finally(
        &self,
        client: &ConsumerClient,
        partitions: impl Fn() -> Vec<Arc<Partition>>,
        mut meanwhile: impl FnMut(),
    ) {
        let deadline = Instant::now() + FINAL_COMMIT_TIMEOUT;
        loop {
            let partitions = partitions();
            let list = self.offsets_of(&partitions, Partition::unconfirmed);
            if list.is_empty() {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let error = match client.commit_sync(&list, left) {
                Ok(offsets) => return self.group.committed(offsets, None),
                Err(error) => error,
            };
            if !is_passing(&error) || Instant::now() + COMMIT_RETRY >= deadline || (self.force)() {
                return self.report(error);
            }
            meanwhile();
        }
    }

    // ---- close -------------------------------------------------------------------------------------------------

    fn close(&self, client: Arc<ConsumerClient>, failed: bool) {
        let current = || -> Vec<_> { self.group.assignment.lock().current.values().cloned().collect() };
        current().iter().for_each(|partition| partition.fence());
        if !failed && (self.force)() {
            // Nobody waits for the answer, but closing does, within its bound.
            self.commit_now(&client, &current(), Partition::unconfirmed);
        } else if !failed {
            // Polling goes on meanwhile: a rebalance has to end before its members may commit.
            self.commit_finally(&client, current, || {
                self.serve(&client, client.poll(COMMIT_RETRY));
            });
        }
        let leaving: Vec<_> = {
            let mut assignment = self.group.assignment.lock();
            let leaving: Vec<_> = assignment.current.drain().map(|(_, partition)| partition).collect();
            assignment.departing.extend(leaving.iter().cloned());
            leaving
        };
        leaving.iter().for_each(Partition::end);
        self.group.clear_client();
        let started = Instant::now();
        let limit = || {
            if (self.force)() {
                FORCED_CLOSE_TIMEOUT
            } else {
                CLOSE_TIMEOUT
            }
        };
        let closed = client.close(
            || started.elapsed() > limit(),
            |polled| {
                self.serve(&client, polled);
            },
        );
        match closed {
            Ok(true) => {}
            Ok(false) => {
                // Destroying it would wait for what has just not ended.
                tracing::error!(group = %self.group.id, "leaving the group did not end in time, its client is left behind");
                return;
            }
            Err(error) => self.report(error),
        }
        release(client, started + CLOSE_TIMEOUT);
    }
}

fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Kafka { source, .. } if passes(source))
}

/// Whether the same commit may work in a moment.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaRespErr::*;
    error.retriable
        || [
            RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
            // librdkafka's answer when it had no group to commit to at that moment.
            RD_KAFKA_RESP_ERR__NO_OFFSET,
        ]
        .iter()
        .any(|code| *code as i32 == error.number)
}

/// Destroys the client once no worker is inside a call of it any more.
fn release(mut client: Arc<ConsumerClient>, deadline: Instant) {
    loop {
        match Arc::try_unwrap(client) {
            Ok(client) => return destroy(client, deadline),
            Err(shared) if Instant::now() < deadline => client = shared,
            Err(_) => return tracing::error!("a worker is still inside a call to Kafka: its client is left behind"),
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// librdkafka's destroy has no time limit of its own and was seen to wait for ever; the stop does not wait with it.
fn destroy(client: ConsumerClient, deadline: Instant) {
    let (done, destroyed) = std::sync::mpsc::channel();
    let run = move || {
        client.destroy();
        // Nobody listens any more where the time has run out.
        let _ = done.send(());
    };
    // Where no thread can be started the client is left behind.
    if std::thread::Builder::new()
        .name("krs.destroy".to_owned())
        .spawn(run)
        .is_ok()
    {
        let wait = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        if destroyed.recv_timeout(wait) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tracing::error!("librdkafka does not end: its threads are left behind");
        }
    }
}
