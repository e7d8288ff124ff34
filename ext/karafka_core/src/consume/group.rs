//! What the poll thread, the workers and the host share of one subscription group.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::base::sync::Mutex;

use crate::base::fork::ForkGuard;
use crate::config::{GroupConfig, TopicConfig, TopicTable};
use crate::consume::history::History;
use crate::consume::known_commits::KnownCommits;
use crate::consume::metadata_limit::MetadataLimit;
use crate::consume::multiplexing::Connections;
use crate::consume::operator_pauses::OperatorPauses;
use crate::consume::partition::Partition;
use crate::consume::ready_queue::ReadyQueue;
use crate::error::KafkaError;
use crate::event::PartitionRow;
use crate::event::{Event, EventQueue, TopicPartition};
use crate::filter::throttle::Throttle;
use crate::kafka::client::ConsumerClient;
use crate::kafka::doubt::Doubt;
use crate::kafka::topics::{Known, KnownTopics};
use crate::kafka::troubles::Troubles;
use crate::metrics::{registry, GroupMetrics};

mod counting;

/// Switches of the whole engine.
#[derive(Debug, Default)]
pub struct Switches {
    pub quiet: AtomicBool,
    pub stopping: AtomicBool,
    /// Somebody looks at lag: the ends of logs are asked for.
    pub watched: AtomicBool,
    pub throttles: Vec<Throttle>,
    pub holds: OperatorPauses,
    pub topics: KnownTopics,
    /// When the host gives up waiting for a stop.
    pub stop_by: Mutex<Option<Instant>>,
}

impl Switches {
    /// How long one step of the end of a client may take: at most half of what is left, so that the steps after it get their part.
    pub fn patience(&self, limit: Duration) -> Duration {
        match *self.stop_by.lock() {
            Some(at) => limit.min(at.saturating_duration_since(Instant::now()) / 2),
            None => limit,
        }
    }
}

/// Partitions by topic and number, and those that left but still have work out.
#[derive(Default)]
pub struct Assignment {
    pub current: HashMap<TopicPartition, Arc<Partition>>,
    pub departing: Vec<Arc<Partition>>,
    pub generation: u64,
    /// The group, or this member, has given up what it had, and no assignment has come since.
    pub is_lost: bool,
}

impl Assignment {
    /// The last assignment of this partition, while a worker still has something of it.
    pub fn departing_one(&self, topic: &str, number: i32) -> Option<Arc<Partition>> {
        let unfinished = |partition: &&Arc<Partition>| {
            &*partition.topic == topic && partition.number == number && !partition.is_finished()
        };
        self.departing.iter().rev().find(unfinished).cloned()
    }
}

pub struct Group {
    pub index: usize,
    pub id: Arc<str>,
    pub config: GroupConfig,
    pub topics: TopicTable,
    pub ready: Arc<ReadyQueue>,
    pub events: Arc<EventQueue>,
    pub switches: Arc<Switches>,
    pub assignment: Mutex<Assignment>,
    pub guard: ForkGuard,
    pub metadata_limit: MetadataLimit,
    pub known_commits: KnownCommits,
    pub doubt: Arc<Doubt>,
    /// Topics of the routes that do not exist.
    pub missing: Mutex<BTreeSet<Arc<str>>>,
    pub metrics: Arc<GroupMetrics>,
    pub history: History,
    /// Its name among the members of the group, since the last assignment.
    pub member: Mutex<Option<String>>,
    attention: AtomicBool,
    /// Nothing is fetched ahead, and the first that is taken wakes the poll thread.
    still: AtomicBool,
    /// The brokers' addresses.
    brokers: Arc<str>,
    /// Of those whose number changes, and which one this is.
    connections: Option<(Arc<Connections>, usize)>,
    client: Mutex<Weak<ConsumerClient>>,
    started: Instant,
    last_poll_ms: AtomicU64,
    /// Out of the group for a while: a lease is over its limit, or partitions have to be assigned anew.
    away: AtomicBool,
    /// What the end of its client is at.
    pub closing: Mutex<Option<&'static str>>,
}

impl Group {
    pub fn new(
        index: usize,
        config: GroupConfig,
        ready: Arc<ReadyQueue>,
        events: Arc<EventQueue>,
        switches: Arc<Switches>,
        connections: Option<Arc<Connections>>,
    ) -> crate::error::Result<Self> {
        let place = config.multiplexing.as_ref().map(|multiplexing| multiplexing.place);
        let brokers = config.kafka.get("bootstrap.servers").map_or("", String::as_str);
        Ok(Group {
            brokers: Arc::from(brokers),
            connections: connections.zip(place),
            metrics: registry().group(config.kafka.get("group.id").map_or("", String::as_str)),
            history: History::default(),
            member: Mutex::default(),
            index,
            id: Arc::from(config.id.as_str()),
            topics: TopicTable::new(&config.topics)?,
            config,
            ready,
            events,
            switches,
            assignment: Mutex::default(),
            guard: ForkGuard::new(),
            metadata_limit: MetadataLimit::default(),
            known_commits: KnownCommits::default(),
            doubt: Arc::default(),
            missing: Mutex::default(),
            attention: AtomicBool::new(false),
            still: AtomicBool::new(false),
            client: Mutex::new(Weak::new()),
            started: Instant::now(),
            last_poll_ms: AtomicU64::new(0),
            away: AtomicBool::new(false),
            closing: Mutex::new(None),
        })
    }

    pub fn topic(&self, index: usize) -> &TopicConfig {
        &self.config.topics[index]
    }

    /// The client while it lives. Hold it for one call only: the poll thread waits for it before it closes.
    pub fn client(&self) -> Option<Arc<ConsumerClient>> {
        if self.guard.is_foreign() {
            return None;
        }
        self.client.lock().upgrade()
    }

    pub fn set_client(&self, client: &Arc<ConsumerClient>) {
        *self.client.lock() = Arc::downgrade(client);
    }

    pub fn clear_client(&self) {
        *self.client.lock() = Weak::new();
    }

    /// Those whose number changes, and which one this is.
    pub fn connections(&self) -> Option<(&Connections, usize)> {
        self.connections.as_ref().map(|(all, place)| (&**all, *place))
    }

    /// Whether its client is wanted.
    pub fn runs(&self) -> bool {
        self.connections().is_none_or(|(all, place)| all.runs(place))
    }

    /// Makes the poll thread look at the state of the group.
    pub fn wake_poller(&self) {
        if let Some((all, _)) = self.connections() {
            all.wake();
        }
        if let Some(client) = self.client() {
            client.wake();
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.switches.stopping.load(Ordering::Acquire)
    }

    /// Its name in Kafka.
    pub fn group_id(&self) -> &str {
        self.config.kafka.get("group.id").map_or("", String::as_str)
    }

    /// A partition has something for the poll thread.
    pub fn attend(&self) {
        self.attention.store(true, Ordering::Release);
        self.wake_poller();
    }

    pub fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Acquire) && self.attention.swap(false, Ordering::AcqRel)
    }

    /// Something that was fetched is taken.
    pub fn stir(&self) {
        if self.still.load(Ordering::Relaxed) && self.still.swap(false, Ordering::AcqRel) {
            self.wake_poller();
        }
    }

    /// Whether the wait that `expect_stir` began is over.
    pub fn is_stirred(&self) -> bool {
        !self.still.load(Ordering::Acquire)
    }

    pub fn expect_stir(&self) {
        self.still.store(true, Ordering::Release);
    }

    /// What this process knows of a topic.
    pub fn known_topic(&self, topic: &Arc<str>) -> Option<Known> {
        self.switches.topics.find(&self.brokers, topic)
    }

    pub fn topic_missing(&self, topic: &Arc<str>) {
        self.switches.topics.missing(&self.brokers, topic);
    }

    /// See `KnownTopics::note`.
    pub fn note_topic(&self, topic: &Arc<str>, id: Option<Arc<str>>, partitions: i32, is_new: bool) -> bool {
        self.switches.topics.note(&self.brokers, topic, id, partitions, is_new)
    }

    /// Whether an operator has paused that partition.
    pub fn is_held(&self, topic: &str, partition: i32) -> bool {
        let holds = &self.switches.holds;
        // First, since it is asked for each batch, and the group's id has to be looked up.
        holds.any() && holds.covers(self.group_id(), topic, partition)
    }

    /// Quiet or stopping: no batch begins any more, and each consumer gets its `shutdown`.
    pub fn is_winding_down(&self) -> bool {
        self.is_stopping() || self.switches.quiet.load(Ordering::Acquire)
    }

    pub fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    pub fn emit(&self, event: Event) {
        if let Event::Error { error, .. } = &event {
            self.history.failed(error);
        }
        self.events.push(event);
    }

    /// Of a client that is about to be made.
    pub fn troubles(&self) -> Arc<Troubles> {
        let (events, group) = (self.events.clone(), self.id.clone());
        Troubles::new(move || events.push(Event::Back { group: group.clone() }))
    }

    pub fn polled_now(&self) {
        self.last_poll_ms
            .store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Milliseconds since the poll thread last asked librdkafka.
    pub fn last_poll_age_ms(&self) -> u64 {
        (self.started.elapsed().as_millis() as u64).saturating_sub(self.last_poll_ms.load(Ordering::Relaxed))
    }

    /// Notes the answer to a commit with the partitions it is about, and tells the host.
    pub fn committed(&self, offsets: Vec<PartitionRow>, error: Option<KafkaError>) {
        let refusal = error
            .as_ref()
            .or_else(|| offsets.iter().find_map(|row| row.error.as_ref()));
        if let Some(refusal) = refusal {
            self.metadata_limit.learn(&self.id, refusal);
        }
        self.count_commit(&offsets, refusal.is_some());
        if error.is_some() {
            self.commit_again();
        } else {
            let assignment = self.assignment.lock();
            for row in &offsets {
                let key = (Arc::from(row.topic.as_str()), row.partition);
                if row.error.is_none() && row.offset >= 0 {
                    self.known_commits.note(key.clone(), row.offset);
                }
                match assignment.current.get(&key) {
                    Some(partition) if row.error.is_some() => partition.commit_failed(),
                    Some(partition) if partition.confirm(row.offset) => partition.notify(),
                    _ => {}
                }
            }
        }
        self.emit(Event::Committed {
            group: self.id.clone(),
            offsets,
            error,
        });
    }

    /// A commit did not work, and its answer may name no partition: the next interval takes all that is not confirmed.
    pub fn commit_again(&self) {
        let assignment = self.assignment.lock();
        assignment
            .current
            .values()
            .for_each(|partition| partition.commit_failed());
    }

    /// No poll thread is left to serve it. Forgets the partitions, which hold this group in turn, except those a
    /// worker is still inside: they show what blocks.
    pub fn abandon_assignment(&self) {
        let mut assignment = self.assignment.lock();
        let left: Vec<_> = assignment.current.drain().map(|(_, partition)| partition).collect();
        assignment
            .departing
            .retain(|partition| !partition.current_leases().is_empty());
        drop(assignment);
        left.iter().for_each(Partition::end);
    }

    /// The partitions that are assigned.
    pub fn partitions_now(&self) -> Vec<Arc<Partition>> {
        self.assignment.lock().current.values().cloned().collect()
    }

    /// Every partition that may still have work out: assigned ones and those that left.
    pub fn partitions(&self) -> Vec<Arc<Partition>> {
        let assignment = self.assignment.lock();
        assignment
            .current
            .values()
            .chain(assignment.departing.iter())
            .cloned()
            .collect()
    }
}
