//! Which topic stands behind a name. It is asked for when partitions are assigned, after each answer about metadata that
//! librdkafka has got (`doubt`), and for topics that are missing. A topic with another id is another topic: its partitions begin
//! anew, and what was marked of the old one is not committed.

mod missing;
mod unanswered;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use self::missing::is_missing;
use self::missing::{Missing, MISSING_INTERVAL};
use self::unanswered::Unanswered;
use super::beginnings::Beginnings;
use super::{End, Poller};
use crate::config::InitialOffset;
use crate::consume::partition::Begin;
use crate::error::{Error, KafkaError, Result};
use crate::kafka::client::{Answer, ConsumerClient, Question, TopicAnswer};
use crate::kafka::topics::differ;

/// For an answer that does not come at all. librdkafka gives a time-out long before.
const LOST: Duration = Duration::from_secs(15);
/// Until some broker has a number.
const NOBODY_YET: Duration = Duration::from_millis(100);
/// As often as librdkafka itself tries to join a group.
const IDLE_DOUBT: Duration = Duration::from_secs(1);
const LISTING_TIMEOUT: Duration = Duration::from_secs(5);
const LISTING_PAUSE: Duration = Duration::from_secs(1);

/// The question that is under way.
struct Asked {
    question: Question,
    /// The answers about metadata that had come.
    seen: u64,
    at: Instant,
}

pub(super) struct Identity {
    asked: Option<Asked>,
    unanswered: Unanswered,
    not_before: Instant,
    /// While nothing is assigned.
    idle_until: Instant,
    refresh_at: Instant,
    missing: BTreeMap<Arc<str>, Missing>,
    /// Topics that were missing and that librdkafka may not have noticed yet.
    appeared: BTreeSet<Arc<str>>,
    is_joined: bool,
    /// The topics that there were when the client came. Kept for patterns only.
    before: Option<HashSet<String>>,
    beginnings: Beginnings,
}

impl Identity {
    pub(super) fn new() -> Self {
        Identity {
            asked: None,
            unanswered: Unanswered::default(),
            not_before: Instant::now(),
            idle_until: Instant::now(),
            refresh_at: Instant::now(),
            missing: BTreeMap::new(),
            appeared: BTreeSet::new(),
            is_joined: false,
            before: None,
            beginnings: Beginnings::default(),
        }
    }

    /// Before the client subscribes: what matches a pattern and does not exist yet comes later, and is read from its beginning.
    /// False: nobody has said yet which topics exist.
    pub(super) fn look_around(&mut self, poller: &Poller, client: &ConsumerClient) -> bool {
        let config = &poller.group.config;
        let patterns = config.topics.iter().any(|topic| topic.pattern.is_some());
        if !patterns || config.initial_offset() != InitialOffset::Latest {
            return true;
        }
        match client.topic_names(LISTING_TIMEOUT) {
            Ok(names) => self.before = Some(names),
            Err(error) => tracing::warn!(
                group = %poller.group.id,
                "the group is joined once it is known which topics exist, since those that match a pattern later are read from \
                 their beginning. It is asked again: {error}"
            ),
        }
        self.before.is_some()
    }

    /// How long the poll thread may wait for other things.
    pub(super) fn wait(&self) -> Duration {
        // An answer wakes it.
        let own = match &self.asked {
            Some(asked) => asked.at + LOST,
            None => self.refresh_at.max(self.not_before).max(self.idle_until),
        };
        let next = self.beginnings.next().map_or(own, |next| next.min(own));
        next.saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        if poller.group.is_stopping() {
            return;
        }
        let now = Instant::now();
        self.subscribe_again(poller, client);
        if poller.group.wants_attention() {
            begin_anew_where_read(poller, client);
            self.beginnings.look(poller);
        }
        self.beginnings.run_if_due(poller, client);
        if self.asked.as_ref().is_some_and(|asked| now - asked.at < LOST) || now < self.not_before {
            return;
        }
        if now < self.idle_until && poller.group.assignment.lock().current.is_empty() {
            return;
        }
        if self.asked.take().is_some() {
            return self.failed(poller, &KafkaError::internal("the answer is lost".to_owned()));
        }
        let doubt = &poller.group.doubt;
        if doubt.is_settled() && !self.beginnings.wants_topics() && now < self.refresh_at {
            return;
        }
        let seen = doubt.seen();
        let names = asked_names(poller);
        if names.is_empty() {
            doubt.settle(seen);
            self.refresh_at = now + poller.group.config.metadata_interval();
            return;
        }
        let Some(node) = doubt.node() else {
            self.not_before = now + NOBODY_YET;
            return;
        };
        let node = (!self.unanswered.asks_another()).then_some(node);
        match client.ask_topics(&names, node, self.unanswered.timeout()) {
            Ok(question) => {
                self.asked = Some(Asked {
                    question,
                    seen,
                    at: now,
                });
                self.beginnings.topics_asked();
            }
            Err(error) => self.failed(poller, &KafkaError::internal(error.to_string())),
        }
    }

    pub(super) fn answered(&mut self, poller: &Poller, client: &ConsumerClient, question: Question, answer: Answer) {
        if poller.group.is_stopping() {
            return;
        }
        let topics = match answer {
            Answer::Topics(topics) => topics,
            Answer::Offsets(offsets) => return self.beginnings.located(poller, client, question, offsets),
        };
        // An answer to a question that was given up may be older than what was read since.
        let Some(asked) = self.asked.take_if(|asked| asked.question == question) else {
            return;
        };
        match topics {
            Ok(topics) => self.learn(poller, client, &asked, topics),
            Err(error) => self.failed(poller, &error),
        }
    }

    fn learn(&mut self, poller: &Poller, client: &ConsumerClient, asked: &Asked, topics: Vec<TopicAnswer>) {
        let group = &poller.group;
        let mut late = false;
        for topic in topics {
            match &topic.error {
                None if topic.partitions > 0 => {
                    if self.missing.remove(&topic.name).is_some() {
                        self.appeared.insert(topic.name.clone());
                    }
                    group.missing.lock().remove(&topic.name);
                    let is_named = group.topics.is_named(&topic.name);
                    let is_new = !is_named && self.before.as_ref().is_some_and(|names| !names.contains(&*topic.name));
                    late |= !group.note_topic(&topic.name, topic.id, topic.partitions, is_new);
                }
                Some(error) if is_missing(error) => self.miss(poller, &topic.name),
                _ => {}
            }
        }
        compare(poller, client);
        if late {
            let error = KafkaError::internal("that broker has not heard of the new topic yet".to_owned());
            return self.failed(poller, &error);
        }
        self.unanswered.answered(asked.at.elapsed());
        self.beginnings.topics_known();
        group.doubt.settle_answered(asked.seen);
        release(poller);
        if !group.doubt.is_settled() && group.assignment.lock().current.is_empty() {
            // A member that its group refuses joins again at each answer about metadata, and asks for some more: without a pause this
            // question, that join and its refusal would follow each other a thousand times a second. Nothing is held back meanwhile:
            // what is assigned ends the pause.
            self.idle_until = Instant::now() + IDLE_DOUBT;
        }
        let interval = group.config.metadata_interval();
        let interval = if self.missing.is_empty() {
            interval
        } else {
            interval.min(MISSING_INTERVAL)
        };
        self.refresh_at = Instant::now() + interval;
    }

    /// Whether the group has answered this member, and no rebalance is under way.
    pub(super) fn set_joined(&mut self, is_joined: bool) {
        self.is_joined = is_joined;
    }

    /// Has librdkafka look for itself, which a member would do at its next refresh only. Until it is one it looks once a second, and
    /// must not be disturbed: to subscribe again takes no notice of the first answer to a join, so the id that is in it would be left
    /// behind, and the group would wait for that member for as long as a session lasts.
    fn subscribe_again(&mut self, poller: &Poller, client: &ConsumerClient) {
        let group = &poller.group;
        if self.appeared.is_empty() || !(self.is_joined || group.is_away() || group.config.is_direct()) {
            return;
        }
        let mut appeared = std::mem::take(&mut self.appeared);
        for (topic, _) in group.assignment.lock().current.keys() {
            appeared.remove(topic);
        }
        if appeared.is_empty() || group.is_away() || group.config.is_direct() {
            return;
        }
        if let Err(error) = client.subscribe(&group.config.subscription()) {
            poller.report(error);
        }
    }
}

impl Poller {
    /// Some: the client ended before brokers have said which topics exist.
    pub(super) fn look_around(&self, client: &ConsumerClient) -> Option<End> {
        while !self.identity.borrow_mut().look_around(self, client) {
            self.beat();
            if self.group.is_stopping() {
                return Some(End::Stopped);
            } else if self.is_not_needed() {
                return Some(End::NotNeeded);
            }
            if let Some(fatal) = self.serve(client, client.poll(LISTING_PAUSE)) {
                return Some(End::Failed(fatal));
            }
        }
        None
    }
}

/// Those that are assigned, and those of the routes.
fn asked_names(poller: &Poller) -> Vec<Arc<str>> {
    let assignment = poller.group.assignment.lock();
    let mut names: BTreeSet<Arc<str>> = assignment.current.keys().map(|(topic, _)| topic.clone()).collect();
    if !poller.group.config.is_direct() {
        let named = poller
            .group
            .config
            .topics
            .iter()
            .filter_map(|topic| topic.name.as_deref());
        names.extend(named.map(Arc::from));
    }
    names.into_iter().collect()
}

/// What waited for the answer goes on.
fn release(poller: &Poller) {
    for partition in poller.group.partitions_now() {
        if partition.was_held_back() {
            partition.notify();
        }
    }
}

/// Whether the partitions that are read are of the topics that exist now.
fn compare(poller: &Poller, client: &ConsumerClient) {
    let current: Vec<_> = poller.group.assignment.lock().current.values().cloned().collect();
    let mut others = Vec::new();
    for partition in current {
        let Some(id) = poller.group.known_topic(&partition.topic).and_then(|known| known.id) else {
            continue;
        };
        match partition.topic_id() {
            None if partition.stage() == Begin::Known => partition.learn_topic_id(&id),
            old if differ(&old, &Some(id)) => others.push(partition),
            _ => {}
        }
    }
    poller.begin_anew(client, others);
}

/// Where workers have seen that the log is another one.
fn begin_anew_where_read(poller: &Poller, client: &ConsumerClient) {
    let current: Vec<_> = poller.group.assignment.lock().current.values().cloned().collect();
    let anew = current.into_iter().filter(|partition| partition.stage() == Begin::Anew);
    poller.begin_anew(client, anew.collect());
}

impl ConsumerClient {
    /// All topics that there are.
    fn topic_names(&self, timeout: Duration) -> Result<HashSet<String>> {
        self.all_topics(timeout).map_err(|error| Error::Kafka {
            operation: "listing topics",
            source: Box::new(KafkaError::internal(error.to_string())),
        })
    }
}
