//! The question which topics stand behind their names gets no answer. Nothing goes on as if it had one: what waits for it waits until
//! a broker answers, and after some time that is reported.

use std::time::{Duration, Instant};

use super::Identity;
use crate::consume::poller::Poller;
use crate::error::KafkaError;
use crate::event::Event;
use crate::kafka::client::LONGEST_ANSWER;

/// What one question may take. After that another broker is asked, so one that hangs holds up those who read of others for no
/// longer than this.
const SHORTEST_ANSWER: Duration = Duration::from_secs(1);
/// The pause after a question that failed.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// It is reported after this time, then after twice the time, and so on up to this much later.
const REPORT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

pub(super) struct Unanswered {
    failures: u32,
    since: Option<Instant>,
    report_after: Duration,
    timeout: Duration,
}

impl Default for Unanswered {
    fn default() -> Self {
        Unanswered {
            failures: 0,
            since: None,
            report_after: REPORT.0,
            timeout: SHORTEST_ANSWER,
        }
    }
}

impl Unanswered {
    /// What the next question may take. Brokers that answer late get the time that they need.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Every second time somebody else is asked, should that broker be away or behind.
    pub fn asks_another(&self) -> bool {
        self.failures % 2 == 1
    }

    pub fn answered(&mut self, took: Duration) {
        *self = Unanswered {
            timeout: (took * 2).clamp(SHORTEST_ANSWER, LONGEST_ANSWER),
            ..Unanswered::default()
        };
    }

    /// How long to wait before the question is asked again.
    fn failed(&mut self, now: Instant) -> Duration {
        let wait = RETRY.0 * 2u32.pow(self.failures.min(6));
        self.failures += 1;
        self.since.get_or_insert(now);
        self.timeout = (self.timeout * 2).min(LONGEST_ANSWER);
        wait.min(RETRY.1)
    }

    /// How long nobody has answered, where that is to be reported.
    fn due_report(&mut self, now: Instant) -> Option<Duration> {
        let lasting = now.duration_since(self.since?);
        (lasting >= self.report_after).then(|| {
            self.report_after = lasting + lasting.min(REPORT.1);
            lasting
        })
    }
}

impl Identity {
    pub(super) fn failed(&mut self, poller: &Poller, error: &KafkaError) {
        let now = Instant::now();
        tracing::debug!(group = %poller.group.id, "asking for topics did not work: {error}");
        self.not_before = now + self.unanswered.failed(now);
        self.beginnings.topics_unknown();
        let current = poller.group.partitions_now();
        if !self.beginnings.wants_topics() && !current.iter().any(|partition| partition.is_held_back()) {
            // Other events report what the brokers are unwell with.
            return;
        }
        if let Some(lasting) = self.unanswered.due_report(now) {
            let text = format!(
                "nothing is handed over of the group {:?}: for {} s no broker has answered which topics its names stand for, and they \
                 may have been deleted and made again. It goes on with the first answer; no message is lost meanwhile. Check that the \
                 brokers answer `kafka-topics.sh --describe`. The last attempt: {error}",
                poller.group.group_id(),
                lasting.as_secs()
            );
            poller.group.emit(Event::Error {
                group: poller.group.id.clone(),
                error: KafkaError {
                    message: text,
                    ..error.clone()
                },
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_does_not_answer_gets_more_time_and_another_one_is_asked() {
        let now = Instant::now();
        let mut unanswered = Unanswered::default();
        let mut asked = Vec::new();
        for _ in 0..5 {
            asked.push((unanswered.asks_another(), unanswered.timeout().as_secs()));
            unanswered.failed(now);
        }
        assert_eq!(asked, [(false, 1), (true, 2), (false, 4), (true, 5), (false, 5)]);
        unanswered.answered(Duration::from_millis(1_500));
        assert_eq!((unanswered.asks_another(), unanswered.timeout().as_secs()), (false, 3));
        unanswered.answered(Duration::from_millis(2));
        assert_eq!(unanswered.timeout(), SHORTEST_ANSWER);
    }

    #[test]
    fn that_nobody_answers_is_reported_less_and_less_often_and_from_the_start_after_an_answer() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut unanswered = Unanswered::default();
        unanswered.failed(start);
        let reports = |unanswered: &mut Unanswered| -> Vec<u64> {
            (0..3_000)
                .filter(|second| unanswered.due_report(at(*second)).is_some())
                .collect()
        };
        assert_eq!(
            reports(&mut unanswered),
            [10, 20, 40, 80, 160, 320, 640, 1_240, 1_840, 2_440]
        );
        unanswered.answered(Duration::ZERO);
        assert_eq!(reports(&mut unanswered), [0; 0]);
        unanswered.failed(start);
        assert_eq!(reports(&mut unanswered)[..2], [10, 20]);
    }
}
