//! Topics of the routes that do not exist: they are asked for more often, and reported where that lasts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::Identity;
use crate::consume::poller::Poller;
use crate::error::KafkaError;
use crate::event::Event;

/// How often topics are asked for that are missing.
pub(super) const MISSING_INTERVAL: Duration = Duration::from_secs(10);
/// That a topic is still missing is reported again after twice the time, and so on up to this much later.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

pub(super) struct Missing {
    since: Instant,
    /// None: never.
    report_after: Option<Duration>,
}

impl Identity {
    pub(super) fn miss(&mut self, poller: &Poller, name: &Arc<str>) {
        let group = &poller.group;
        let interval = group.config.metadata_interval().min(MISSING_INTERVAL);
        let text = format!(
            "the topic {name:?} does not exist. Compare the name with `karafka routes` and with Kafka's topics. It is consumed \
             within {} s of its creation",
            interval.as_secs_f64().ceil()
        );
        let is_first = group.missing.lock().insert(name.clone()) || !self.missing.contains_key(name);
        let missing = self.missing.entry(name.clone()).or_insert_with(|| Missing {
            since: Instant::now(),
            report_after: group.config.missing_error_after_ms.map(Duration::from_millis),
        });
        let lasting = missing.since.elapsed();
        if is_first && group.known_topic(name).is_none() {
            // It may be created yet.
            group.topic_missing(name);
            return tracing::warn!(group = %group.id, "{text}");
        } else if !is_first && missing.report_after.is_none_or(|after| lasting < after) {
            return;
        }
        let text = match is_first {
            true => format!("{text}. It existed before"),
            false => {
                missing.report_after = missing.report_after.map(|after| after + after.min(LONGEST_SILENCE));
                format!("for {} s now, {text}", lasting.as_secs())
            }
        };
        let code = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        let mut error = KafkaError::from_code(code).with_message(text);
        error.topic = Some(name.to_string());
        group.emit(Event::Error {
            group: group.id.clone(),
            error,
        });
    }

    /// librdkafka says that a topic is missing.
    pub(in crate::consume::poller) fn look_for_missing(&mut self) {
        self.refresh_at = Instant::now();
    }
}

pub(in crate::consume::poller) fn is_missing(error: &KafkaError) -> bool {
    error.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32
        || error.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC as i32
}
