//! Where partitions begin that were assigned. What the group has committed is asked for at once for all of them, and for the other
//! partitions of their topics; then it is decided (`beginning`). Where reading has to be moved, that position is committed before
//! the first message goes out.

mod committed;
mod starts;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use self::committed::Asked;
use self::starts::Start;
use super::Poller;
use crate::consume::beginning::Refusal as Reason;
use crate::consume::partition::{Begin, Partition};
use crate::error::{Error, KafkaError};
use crate::event::Event;
use crate::kafka::client::{ConsumerClient, Question};

const SHORT: Duration = Duration::from_millis(50);
const LOST: Duration = Duration::from_secs(15);
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
const REFUSED: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Which topics the partitions are of, asked after they were assigned.
#[derive(Default, PartialEq, Eq, Clone, Copy)]
enum Topics {
    #[default]
    Unknown,
    Asked,
    Known,
}

/// Reported again and again, less and less often.
struct Refusal {
    next: Instant,
    wait: Duration,
}

#[derive(Default)]
pub(super) struct Beginnings {
    topics: Topics,
    unknown: Vec<Arc<Partition>>,
    asked: Option<Asked>,
    starts: Vec<Start>,
    starts_asked: Option<(Question, Vec<Start>, Instant)>,
    found: Vec<Start>,
    committing: Vec<Arc<Partition>>,
    commit_again: Option<(Instant, Duration)>,
    refusals: HashMap<u64, Refusal>,
    next: Option<Instant>,
    failures: u32,
}

impl Beginnings {
    /// Something has to be looked at then.
    pub(super) fn next(&self) -> Option<Instant> {
        let refusal = self.refusals.values().map(|refusal| refusal.next).min();
        let busy = !(self.unknown.is_empty()
            && self.starts.is_empty()
            && self.starts_asked.is_none()
            && self.found.is_empty()
            && self.committing.is_empty());
        let own = busy.then(|| self.next.unwrap_or_else(|| Instant::now() + SHORT));
        [refusal, own].into_iter().flatten().min()
    }

    pub(super) fn wants_topics(&self) -> bool {
        !self.unknown.is_empty() && self.topics == Topics::Unknown
    }

    pub(super) fn topics_asked(&mut self) {
        self.topics = Topics::Asked;
    }

    /// Unless others were assigned since that was asked.
    pub(super) fn topics_known(&mut self) {
        if self.topics == Topics::Asked {
            self.topics = Topics::Known;
        }
    }

    /// The question has failed.
    pub(super) fn topics_unknown(&mut self) {
        self.topics = Topics::Unknown;
    }

    /// Partitions were assigned, or have something to say.
    pub(super) fn look(&mut self, poller: &Poller) {
        let current: Vec<_> = poller.group.assignment.lock().current.values().cloned().collect();
        for partition in &current {
            if partition.stage() == Begin::Unknown {
                self.find_out(partition);
            }
        }
        self.unknown.retain(|partition| partition.is_alive());
        for partition in &current {
            if matches!(partition.stage(), Begin::Refused(_)) {
                self.refusals.entry(partition.id).or_insert_with(|| Refusal {
                    next: Instant::now(),
                    wait: REFUSED.0,
                });
            }
        }
    }

    fn find_out(&mut self, partition: &Arc<Partition>) {
        if !self.unknown.iter().any(|known| known.id == partition.id) {
            self.topics = Topics::Unknown;
            self.unknown.push(partition.clone());
        }
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let now = Instant::now();
        self.report_refusals(poller, now);
        if let Some(answer) = self.asked.as_ref().and_then(|asked| asked.errand.answer()) {
            self.committed(poller, answer);
        }
        if self.next.is_some_and(|next| next > now) {
            return;
        }
        self.next = None;
        self.move_to_found(poller, client);
        self.commit(poller, client);
        if self.starts_asked.as_ref().is_some_and(|(_, _, at)| now - *at > LOST) {
            self.put_back();
        }
        if !self.starts.is_empty() && self.starts_asked.is_none() {
            self.ask_offsets(poller, client, now);
        }
        // There is always an answer.
        if self.topics == Topics::Known && !self.unknown.is_empty() && self.asked.is_none() {
            self.ask_commits(poller);
        }
    }

    fn again(&mut self, after: Duration) {
        let at = Instant::now() + after;
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn failed(&mut self, poller: &Poller, error: Error) {
        let wait = RETRY.0 * 2u32.pow(self.failures.min(6));
        self.failures += 1;
        self.again(wait.min(RETRY.1));
        match &error {
            Error::Kafka { operation, source } if source.retryable && self.failures < 4 => {
                tracing::debug!(group = %poller.group.id, "{operation} did not work yet: {source}");
            }
            _ => poller.report(error),
        }
    }

    // ---- what people have to decide ----------------------------------------------------------------------------------

    fn report_refusals(&mut self, poller: &Poller, now: Instant) {
        if self.refusals.values().all(|refusal| refusal.next > now) {
            return;
        }
        let current: Vec<_> = poller.group.assignment.lock().current.values().cloned().collect();
        self.refusals
            .retain(|id, _| current.iter().any(|partition| partition.id == *id));
        for partition in current {
            let Some(refusal) = self
                .refusals
                .get_mut(&partition.id)
                .filter(|refusal| refusal.next <= now)
            else {
                continue;
            };
            let Begin::Refused(reason) = partition.stage() else {
                self.refusals.remove(&partition.id);
                continue;
            };
            refusal.next = now + refusal.wait;
            refusal.wait = (refusal.wait * 2).min(REFUSED.1);
            poller.refused(&partition, reason);
            if !matches!(reason, Reason::Deleted(_)) {
                // Somebody may have committed something.
                self.find_out(&partition);
            }
        }
    }
}

impl Poller {
    fn refused(&self, partition: &Partition, reason: Reason) {
        let (topic, number, group) = (&partition.topic, partition.number, self.group.group_id());
        let (setting, others) = match reason {
            Reason::Recreated => ("on_topic_recreated", "\"beginning\" or \"end\""),
            _ => ("initial_offset", "\"earliest\" or \"latest\""),
        };
        let what = match reason {
            Reason::Deleted(at) => format!(
                "offset {at} of {topic}/{number}, where the group {group:?} goes on, is not in the log any more: it begins at {}",
                partition.seen_of_log().0
            ),
            Reason::NothingCommitted => format!("the group {group:?} has committed no offset for {topic}/{number}"),
            Reason::Recreated => format!("{topic}/{number} belongs to a topic that was deleted and made again under its name"),
        };
        let text = format!(
            "{what}. `{setting}` is \"error\", so nothing of it is consumed. Stop the group's processes, set the offset \
             (`karafka groups seek {group} --topic {topic} --partition {number} --to PLACE`), and start them; or set \
             `{setting}` to {others}"
        );
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
        self.group.emit(Event::Error {
            group: self.group.id.clone(),
            error: KafkaError::from_code(code).with_message(text).at(topic, number),
        });
    }
}
