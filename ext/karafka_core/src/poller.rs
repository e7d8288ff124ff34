//! The thread of one subscription group. It owns the client, never stops polling for slow work,
//! answers rebalances, and commits what the workers have marked.

mod close;
mod commits;
mod rebalance;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{ConsumerClient, Polled};
use crate::error::{Error, KafkaError, Result};
use crate::event::Event;
use crate::group::Group;
use crate::partition::Partition;

/// Upper bound of one wait; everything urgent wakes the thread.
const IDLE_POLL: Duration = Duration::from_secs(1);
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
                if let Some(passing) = error.as_ref().filter(|error| commits::passes(error)) {
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
}
