//! The thread of one subscription group. It owns the client, never stops polling for slow work,
//! answers rebalances, and commits what the workers have marked.

mod beginnings;
mod close;
mod commits;
mod cooperative_rejoin;
mod identity;
mod lease_watchdog;
mod log_ends;
mod manual_assignment;
mod prefetch_budget;
mod pulse;
mod rebalance;
mod recommit;
mod scaling;
mod stranded;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use self::cooperative_rejoin::CooperativeRejoin;
use self::identity::{is_missing, Identity};
use self::lease_watchdog::LeaseWatchdog;
use self::log_ends::LogEnds;
use self::manual_assignment::ManualAssignment;
pub use self::prefetch_budget::Budget;
use self::prefetch_budget::Prefetch;
use self::pulse::Pulse;
use self::recommit::Recommit;
use self::stranded::Stranded;
use crate::consume::group::Group;
use crate::consume::partition::Partition;
use crate::error::{Error, KafkaError, Result};
use crate::event::Event;
use crate::kafka::client::{ConsumerClient, Polled};

/// The interval of the work that is done beside commits, where nothing is committed by interval.
const WITHOUT_COMMITS: Duration = Duration::from_secs(5);
/// Upper bound of one wait; everything urgent wakes the thread.
const IDLE_POLL: Duration = Duration::from_secs(1);
const REBUILD_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How long a stop waits for workers to come for the last leases, where none is at work either.
const NOBODY_COMES: Duration = Duration::from_secs(5);

type Question = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the poll threads ask of the engine they belong to.
pub struct Host {
    pub revocation_grace: Duration,
    pub stuck_report: Option<Duration>,
    pub budget: Arc<Budget>,
    /// The host gave up waiting for its workers.
    pub force: Question,
    /// No lease of any group is out.
    pub nothing_out: Question,
}

/// How a client's life ended.
enum End {
    Stopped,
    /// One of several clients that has nothing to do.
    NotNeeded,
    Failed(KafkaError),
}

pub struct Poller {
    group: Arc<Group>,
    revocation_grace: Duration,
    stuck_report: Option<Duration>,
    budget: Arc<Budget>,
    force: Question,
    nothing_out: Question,
    cooperative_rejoin: CooperativeRejoin,
    pulse: Pulse,
    identity: RefCell<Identity>,
    stranded: RefCell<Stranded>,
    log_ends: RefCell<LogEnds>,
    /// The ids of topics that were reported to stand in the place of others.
    recreations: RefCell<HashMap<Arc<str>, Option<Arc<str>>>>,
}

impl Poller {
    pub fn new(group: Arc<Group>, host: Host) -> Self {
        Poller {
            revocation_grace: host.revocation_grace.min(group.config.max_poll_interval() / 2),
            group,
            stuck_report: host.stuck_report,
            budget: host.budget,
            force: host.force,
            nothing_out: host.nothing_out,
            cooperative_rejoin: CooperativeRejoin::default(),
            pulse: Pulse::default(),
            identity: RefCell::new(Identity::new()),
            stranded: RefCell::default(),
            log_ends: RefCell::default(),
            recreations: RefCell::default(),
        }
    }

    /// Until the engine stops. A client that failed for good is replaced, more slowly each time.
    pub fn run(&self, first: Option<ConsumerClient>) -> Result<()> {
        let mut backoff = REBUILD_BACKOFF.0;
        let mut next = first;
        loop {
            let client = match next.take() {
                Some(client) => client,
                None => match self.await_client()? {
                    Some(client) => client,
                    None => return Ok(()),
                },
            };
            let born = Instant::now();
            let fatal = match self.run_client(client)? {
                End::Stopped => return Ok(()),
                End::NotNeeded => continue,
                End::Failed(fatal) => fatal,
            };
            if fatal.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID as i32 {
                // A new client would fence the other member in turn, forever.
                return Err(self.fenced(fatal));
            }
            self.group.emit(Event::Reset {
                group: self.group.id.clone(),
            });
            tracing::error!(group = %self.group.id, "the consumer failed for good, a new one starts in {backoff:?}: {fatal}");
            let until = Instant::now() + backoff;
            while !self.group.is_stopping() && Instant::now() < until {
                // It waits, but it is not stuck.
                self.group.polled_now();
                std::thread::park_timeout(
                    until
                        .saturating_duration_since(Instant::now())
                        .min(Duration::from_millis(100)),
                );
            }
            backoff = next_backoff(backoff, born.elapsed());
        }
    }

    /// One client's life.
    fn run_client(&self, client: ConsumerClient) -> Result<End> {
        let client = Arc::new(client);
        self.group.set_client(&client);
        self.group.set_away(false);
        *self.identity.borrow_mut() = Identity::new();
        *self.stranded.borrow_mut() = Stranded::default();
        *self.log_ends.borrow_mut() = LogEnds::default();
        let begun = match self.look_around(&client) {
            Some(end) => Ok(Some(end)),
            None if self.group.config.is_direct() => Ok(None),
            None => client.subscribe(&self.group.config.subscription()).map(|()| None),
        };
        let (subscribed, end) = match begun {
            Ok(Some(end)) => (Ok(()), end),
            Ok(None) => (Ok(()), self.poll_until_stopped(&client)),
            Err(error) => (Err(error), End::Stopped),
        };
        self.close(client, matches!(end, End::Failed(_)));
        if matches!(end, End::NotNeeded) {
            // What came in the last moment went again while it closed.
            self.group.abandon_assignment();
        }
        subscribed.map(|()| end)
    }

    fn poll_until_stopped(&self, client: &ConsumerClient) -> End {
        let commit_interval = self.group.config.commit_interval();
        let interval = commit_interval.unwrap_or(WITHOUT_COMMITS);
        let mut next_commit = Instant::now() + interval;
        let mut stop_announced = false;
        let mut attendance = (self.group.ready.attendance(), Instant::now());
        let mut recommit = Recommit::new(self.group.config.recommit_interval_ms);
        let mut manual = ManualAssignment::new(self);
        let mut watchdog = LeaseWatchdog::new(self.stuck_report);
        let mut prefetch = Prefetch::new(self);
        loop {
            self.beat();
            if self.group.is_stopping() {
                let partitions = self.group.partitions();
                if !stop_announced {
                    stop_announced = true;
                    partitions.iter().for_each(Partition::notify);
                }
                if (self.force)() || partitions.iter().all(|partition| partition.is_finished()) {
                    return End::Stopped;
                }
                if self.nobody_comes(&mut attendance) {
                    tracing::error!(group = %self.group.id, "the stop does not run `shutdown`: no worker has come for {NOBODY_COMES:?}");
                    return End::Stopped;
                }
            } else if self.is_not_needed() {
                return End::NotNeeded;
            }
            manual.run_if_due(self, client);
            watchdog.run_if_due(self, client);
            recommit.run_if_due(self, client);
            prefetch.run_if_due(self, client);
            self.identity.borrow_mut().run_if_due(self, client);
            self.stranded.borrow_mut().run_if_due(self, client);
            self.log_ends.borrow_mut().run_if_due(self, client);
            let wait = next_commit.saturating_duration_since(Instant::now()).min(IDLE_POLL);
            let wait = wait.min(prefetch.wait()).min(self.pulse.wait());
            let wait = wait.min(self.identity.borrow().wait());
            if let Some(fatal) = self.serve(client, client.poll(wait)) {
                return End::Failed(fatal);
            }
            self.group.ready.nudge();
            if Instant::now() >= next_commit {
                next_commit = Instant::now() + interval;
                if commit_interval.is_some() {
                    self.commit_marked(client);
                }
                self.group
                    .assignment
                    .lock()
                    .departing
                    .retain(|partition| !partition.is_finished());
            }
        }
    }

    /// Whether the last leases wait in vain: no worker is at work, and none has come for some time.
    fn nobody_comes(&self, seen: &mut ((u64, bool), Instant)) -> bool {
        let now = self.group.ready.attendance();
        let (_, somebody_waits) = now;
        if now != seen.0 || somebody_waits || !(self.nothing_out)() {
            *seen = (now, Instant::now());
        }
        seen.1.elapsed() > NOBODY_COMES
    }

    fn fenced(&self, fatal: KafkaError) -> Error {
        let id = self.group.config.kafka.get("group.instance.id");
        let message = format!(
            "another member of the group {:?} uses the same group.instance.id {:?}, so this one was put out. Give each \
             process its own, such as \"orders-%{{hostname}}\"",
            self.group.config.kafka.get("group.id").map_or("", String::as_str),
            id.map_or("", String::as_str)
        );
        Error::Kafka {
            operation: "staying in the group",
            source: Box::new(fatal.with_message(message)),
        }
    }

    /// Some: an error no client recovers from.
    fn serve(&self, client: &ConsumerClient, polled: Polled) -> Option<KafkaError> {
        let group = &self.group;
        match polled {
            Polled::Nothing => {}
            Polled::Assign(event) => {
                self.assign(client, &event);
                self.identity.borrow_mut().set_joined(true);
            }
            Polled::Revoke(event) => {
                self.identity.borrow_mut().set_joined(false);
                self.revoke(client, &event);
            }
            Polled::Committed { offsets, error } => {
                if let Some(passing) = error.as_ref().filter(|error| commits::passes(error)) {
                    // The next interval tries again; before a revocation and a stop it is tried until it works.
                    tracing::debug!(target: "librdkafka", "a commit failed for now and is sent again: {passing}");
                    group.commit_again();
                    return None;
                }
                group.committed(offsets, error);
            }
            Polled::Answer(question, answer) => {
                let others = self.log_ends.borrow_mut().take(self, question, answer);
                if let Some(answer) = others {
                    self.identity.borrow_mut().answered(self, client, question, answer);
                }
            }
            Polled::Error(error) if is_missing(&error) => {
                tracing::debug!(target: "librdkafka", "{error}");
                self.identity.borrow_mut().look_for_missing();
            }
            Polled::Error(error) => {
                if stranded::is_report(&error) {
                    self.stranded.borrow_mut().reported(self);
                }
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
                offsets: group.partitions_now().iter().map(|one| one.offsets()).collect(),
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

/// A client that lived longer than the longest back-off was healthy.
fn next_backoff(backoff: Duration, lived: Duration) -> Duration {
    let (first, longest) = REBUILD_BACKOFF;
    if lived > longest {
        return first;
    }
    (backoff * 2).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_keeps_failing_is_replaced_after_1_to_60_seconds() {
        let soon = Duration::from_secs(3);
        let waits = std::iter::successors(Some(REBUILD_BACKOFF.0), |wait| Some(next_backoff(*wait, soon)));
        let seconds: Vec<u64> = waits.take(8).map(|wait| wait.as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(
            next_backoff(Duration::from_secs(60), Duration::from_secs(61)),
            Duration::from_secs(1)
        );
    }
}
