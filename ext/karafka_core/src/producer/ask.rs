//! Asks a broker how many partitions a topic has. librdkafka's call for that blocks and can't be interrupted, so a thread
//! of its own makes it, for a second at a time; who waits for the answer can stop waiting. (librdkafka's call that does
//! not block, DescribeTopics, goes to the controller: one broker more that has to be up.)

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::messages::ANY_PARTITION;
use super::partitions::{Answer, Partitions};
use super::shared::Shared;
use crate::error::{Error, KafkaError, Result};

/// For so long the client can't end.
const SLICE: Duration = Duration::from_secs(1);
/// Who waits looks so often whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct Questions {
    partitions: Partitions,
    open: Mutex<HashMap<CString, Arc<Question>>>,
}

#[derive(Default)]
struct Question {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
}

impl Question {
    fn wait(&self, stop: &impl Fn() -> bool) -> Option<Answer> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        while answer.is_none() && !stop() {
            answer = self
                .answered
                .wait_timeout(answer, LOOK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        answer.clone()
    }
}

fn timed_out(topic: &str) -> Error {
    let source = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT).at(topic, ANY_PARTITION);
    Error::Kafka {
        operation: "counting partitions",
        source: Box::new(source),
    }
}

impl Shared {
    /// From a cache or a broker. None: stopped; the question stays open until its deadline.
    pub(super) fn partition_count(
        self: &Arc<Self>,
        topic: &CStr,
        deadline: Instant,
        stop: impl Fn() -> bool,
    ) -> Result<Option<i32>> {
        let name = topic.to_string_lossy();
        if let Some(known) = self.questions.partitions.known(&name, Instant::now())? {
            return Ok(Some(known));
        }
        let question = self.question(topic, deadline)?;
        // The question may be somebody else's, with a later deadline.
        let over = || Instant::now() >= deadline;
        let Some(answer) = question.wait(&|| stop() || over()) else {
            return if over() { Err(timed_out(&name)) } else { Ok(None) };
        };
        self.questions.partitions.learn(&name, Instant::now(), answer).map(Some)
    }

    /// The open one about that topic, or a new one.
    fn question(self: &Arc<Self>, topic: &CStr, deadline: Instant) -> Result<Arc<Question>> {
        let mut open = self.questions.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(question) = open.get(topic) {
            return Ok(Arc::clone(question));
        }
        let question = Arc::new(Question::default());
        let (shared, topic, asked) = (Arc::clone(self), topic.to_owned(), Arc::clone(&question));
        open.insert(topic.clone(), Arc::clone(&question));
        let thread = std::thread::Builder::new().name("krs.ask".to_owned()).spawn(move || {
            let answer = shared.ask(&topic, deadline);
            shared
                .questions
                .open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&topic);
            *asked.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            asked.answered.notify_all();
        });
        match thread {
            Ok(_) => Ok(question),
            Err(error) => Err(Error::Internal(format!("no thread for a question: {error}"))),
        }
    }

    fn ask(&self, topic: &CStr, deadline: Instant) -> Answer {
        use RDKafkaRespErr::*;
        let explain = |code| KafkaError::from_code(code).at(&topic.to_string_lossy(), ANY_PARTITION);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let asked = match self.native() {
                Ok(Some(client)) => match client.get() {
                    Ok(native) => native.ask_partition_count(topic, left.min(SLICE)),
                    Err(_) => Err(RD_KAFKA_RESP_ERR__DESTROY),
                },
                // Between two clients.
                Ok(None) => {
                    std::thread::sleep(LOOK);
                    Err(RD_KAFKA_RESP_ERR__TIMED_OUT)
                }
                Err(_) => return Err(explain(RD_KAFKA_RESP_ERR__DESTROY)),
            };
            match asked {
                Ok(count) => return Ok(count),
                Err(RD_KAFKA_RESP_ERR__TIMED_OUT | RD_KAFKA_RESP_ERR__TRANSPORT) if !left.is_zero() => {}
                Err(code) => return Err(explain(code)),
            }
        }
    }
}
