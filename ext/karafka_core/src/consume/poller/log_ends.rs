//! Asks for the ends of the logs, while somebody looks at lag. What librdkafka has seen of them is as old as its last fetch: of a
//! partition that is paused, or whose queue is full, that says nothing. And of transactions only a broker knows up to where a group
//! may read.

use std::time::{Duration, Instant};

use super::Poller;
use crate::batch::now_ms;
use crate::event::PartitionRow;
use crate::kafka::client::{Answer, ConsumerClient, Question};
use crate::kafka::ffi::PartitionList;

const INTERVAL: Duration = Duration::from_secs(5);
/// After this time no answer comes any more.
const LOST: Duration = Duration::from_secs(15);
/// librdkafka's name for the end.
const END: i64 = -1;

pub(super) struct LogEnds {
    next: Instant,
    asked: Option<(Question, Instant)>,
    /// That of the assignment when they were asked for.
    generation: u64,
}

impl Default for LogEnds {
    fn default() -> Self {
        LogEnds {
            next: Instant::now(),
            asked: None,
            generation: 0,
        }
    }
}

impl LogEnds {
    pub fn run_if_due(&mut self, poller: &Poller, client: &ConsumerClient) {
        let group = &poller.group;
        if !group.is_watched() || group.is_stopping() {
            return;
        }
        let now = Instant::now();
        let waits = self.asked.is_some_and(|(_, at)| now - at < LOST);
        let generation = group.assignment.lock().generation;
        // Partitions that have just come are looked at at once.
        if waits || (now < self.next && generation == self.generation) {
            return;
        }
        self.next = now + INTERVAL;
        self.generation = generation;
        let partitions = group.partitions_now();
        let mut list = PartitionList::with_capacity(partitions.len());
        for partition in &partitions {
            if let Err(error) = list.add(&partition.topic, partition.number, END) {
                poller.report(error);
            }
        }
        self.asked = match list.is_empty() {
            true => None,
            false => Some((client.ask_offsets(&list, group.config.reads_committed_only()), now)),
        };
    }

    /// The answer, where it was asked for here.
    pub fn take(&mut self, poller: &Poller, question: Question, answer: Answer) -> Option<Answer> {
        if self.asked.is_none_or(|(asked, _)| asked != question) {
            return Some(answer);
        }
        self.asked = None;
        match answer {
            Answer::Offsets(Ok(rows)) => note(poller, &rows),
            // The next look asks again; what keeps brokers from answering is reported by others.
            Answer::Offsets(Err(error)) => {
                tracing::debug!(target: "librdkafka", "the ends of logs are not known: {error}");
            }
            Answer::Topics(_) => {}
        }
        None
    }
}

fn note(poller: &Poller, rows: &[PartitionRow]) {
    let now_ms = now_ms();
    let assignment = poller.group.assignment.lock();
    for row in rows.iter().filter(|row| row.error.is_none() && row.offset >= 0) {
        let key = (std::sync::Arc::from(row.topic.as_str()), row.partition);
        if let Some(partition) = assignment.current.get(&key) {
            partition.figures.log_end.told(row.offset, now_ms);
        }
    }
}
