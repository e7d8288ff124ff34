//! Looks at leases that are out for long. They are reported, and one that is out for longer than its topic's limit makes
//! this process leave the group, so that its partitions go to others.
//!
//! Leaving, rather than to stop polling: librdkafka would leave only `max.poll.interval.ms` later, and not at all while
//! workers drain other partitions, since that counts as polling. And what the other partitions have done is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::Poller;
use crate::consume::lease::Kind;
use crate::consume::partition::{Out, Partition};
use crate::error::KafkaError;
use crate::event::Event;
use crate::kafka::client::ConsumerClient;

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct LeaseWatchdog {
    next: Instant,
    first_report: Option<Duration>,
    /// Leases that were reported, by their partition: how old they were, and from which age on they are reported again.
    reported: HashMap<u64, (Duration, Duration)>,
}

impl LeaseWatchdog {
    pub(super) fn new(first_report: Option<Duration>) -> Self {
        LeaseWatchdog {
            next: Instant::now() + INTERVAL,
            first_report,
            reported: HashMap::new(),
        }
    }

    pub(super) fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        report_cut_connection(poller, client);
        let out: Vec<_> = poller
            .group
            .partitions()
            .into_iter()
            .flat_map(|partition| {
                let leases = partition.current_leases().into_iter();
                leases.map(move |lease| (partition.clone(), lease))
            })
            .filter(|(_, lease)| lease.kind != Kind::Seek)
            .collect();
        self.report(poller, &out);
        let others = poller.group.config.is_direct() || poller.stranded.borrow().has_left();
        if !poller.group.is_stopping() && !others {
            poller.leave_or_return(client, &out);
        }
    }

    fn report(&mut self, poller: &Poller, out: &[(Arc<Partition>, Out)]) {
        let Some(first) = self.first_report else { return };
        let mut reported = HashMap::new();
        for (partition, lease) in out.iter().filter(|(_, lease)| lease.age >= first) {
            let (id, age) = (lease.assignment_id, lease.age);
            let before = self.reported.get(&id).filter(|(old, _)| *old <= age);
            let due = before.map_or(first, |(_, due)| *due);
            let next = if age >= due { age * 2 } else { due };
            if age >= due {
                poller.group.emit(Event::Stuck {
                    group: poller.group.id.clone(),
                    topic: partition.topic.clone(),
                    partition: partition.number,
                    assignment_id: id,
                    kind: lease.kind.as_str(),
                    age_ms: age.as_millis() as u64,
                });
            }
            reported.insert(id, (age, next));
        }
        self.reported = reported;
    }
}

fn report_cut_connection(poller: &Poller, client: &ConsumerClient) {
    if !client.heartbeats.take_cut() {
        return;
    }
    let text = "the coordinator of the group did not answer a heartbeat in time. Its answer may have said which partitions \
                this member has, so the connection is opened anew: the next answer says it again. Nothing is lost. If this comes often \
                look at that broker";
    let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT as i32;
    poller.group.emit(Event::Error {
        group: poller.group.id.clone(),
        error: KafkaError::from_number(code).with_message(text),
    });
}

impl Partition {
    /// Whether a lease is out for longer than the topic allows.
    pub(in crate::consume) fn is_overdue(&self) -> bool {
        let limit = self.config().long_running_limit_ms.map(Duration::from_millis);
        limit.is_some_and(|limit| self.current_leases().iter().any(|lease| lease.age > limit))
    }
}

impl Poller {
    fn leave_or_return(&self, client: &ConsumerClient, out: &[(Arc<Partition>, Out)]) {
        let overdue = out.iter().find(|(partition, _)| partition.is_overdue());
        let (result, event) = match (overdue, self.group.is_away()) {
            (Some((partition, lease)), false) => {
                // The revocation that follows hands everything over; see `part_with`.
                let event = Event::Left {
                    group: self.group.id.clone(),
                    topic: partition.topic.clone(),
                    partition: partition.number,
                    age_ms: lease.age.as_millis() as u64,
                };
                (client.unsubscribe(), event)
            }
            (None, true) => {
                let group = self.group.id.clone();
                (
                    client.subscribe(&self.group.config.subscription()),
                    Event::Returned { group },
                )
            }
            _ => return,
        };
        match result {
            Ok(()) => {
                self.group.set_away(overdue.is_some());
                self.group.emit(event);
            }
            // The next look tries again.
            Err(error) => self.report(error),
        }
    }
}
