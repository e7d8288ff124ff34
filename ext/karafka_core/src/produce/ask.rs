//! Asks a broker how many partitions a topic has. librdkafka's call for that blocks and can't be interrupted, so a thread
//! of its own makes it, for a second at a time; the caller can stop waiting for the answer. (librdkafka's call that does
//! not block, DescribeTopics, goes to the controller: one broker more that has to be up.)

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use super::messages::ANY_PARTITION;
use super::partitions::{Answer, Partitions};
use super::producer_core::ProducerCore;
use crate::base::sync::{Condvar, Mutex};
use crate::error::{Error, KafkaError, Result};

/// The client can't end for this long.
const SLICE: Duration = Duration::from_secs(1);
/// How often a caller looks whether it is to stop waiting.
const LOOK: Duration = Duration::from_millis(20);

const DESTROY: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__DESTROY as i32;
const TIMED_OUT: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT as i32;
const TRANSPORT: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT as i32;

#[derive(Default)]
pub(super) struct Questions {
    partitions: Partitions,
    open: Mutex<HashMap<CString, Arc<Question>>>,
    /// For tests: no thread can be made.
    #[cfg(test)]
    no_threads: std::sync::atomic::AtomicBool,
}

impl Questions {
    fn begin(&self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        #[cfg(test)]
        if self.no_threads.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        std::thread::Builder::new()
            .name("krs.ask".to_owned())
            .spawn(work)
            .map(|_| ())
    }
}

struct Question {
    answer: Mutex<Option<Answer>>,
    answered: Condvar,
    /// The latest of those who wait for the answer.
    deadline: Mutex<Instant>,
}

impl Question {
    fn until(deadline: Instant) -> Self {
        Question {
            answer: Mutex::default(),
            answered: Condvar::default(),
            deadline: Mutex::new(deadline),
        }
    }

    fn deadline(&self) -> Instant {
        *self.deadline.lock()
    }

    fn extend(&self, to: Instant) {
        let mut deadline = self.deadline.lock();
        *deadline = to.max(*deadline);
    }

    fn wait(&self, stop: &impl Fn() -> bool) -> Option<Answer> {
        let mut answer = self.answer.lock();
        while answer.is_none() && !stop() {
            self.answered.wait_until(&mut answer, Instant::now() + LOOK);
        }
        answer.clone()
    }
}

fn timed_out(topic: &str) -> Error {
    let source = KafkaError::from_number(TIMED_OUT).at(topic, ANY_PARTITION);
    Error::Kafka {
        operation: "counting partitions",
        source: Box::new(source),
    }
}

impl ProducerCore {
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
        let mut open = self.questions.open.lock();
        if let Some(question) = open.get(topic) {
            question.extend(deadline);
            return Ok(Arc::clone(question));
        }
        let question = Arc::new(Question::until(deadline));
        let (shared, name, asked) = (Arc::clone(self), topic.to_owned(), Arc::clone(&question));
        // It takes the question out under the lock that is held here, so not before it is in.
        let work = move || {
            let answer = shared.ask(&name, &asked);
            shared.questions.open.lock().remove(&name);
            *asked.answer.lock() = Some(answer);
            asked.answered.notify_all();
        };
        if let Err(error) = self.questions.begin(work) {
            return Err(Error::Internal(format!(
                "the thread that asks for the number of partitions of {} could not be started: {error}",
                topic.to_string_lossy()
            )));
        }
        // Only now: a question that nobody asks would never be answered.
        open.insert(topic.to_owned(), Arc::clone(&question));
        Ok(question)
    }

    fn ask(&self, topic: &CStr, question: &Question) -> Answer {
        let explain = |number| KafkaError::from_number(number).at(&topic.to_string_lossy(), ANY_PARTITION);
        loop {
            let left = question.deadline().saturating_duration_since(Instant::now());
            let asked = match self.client() {
                Ok(Some(borrowed)) => match borrowed.get() {
                    Ok(client) => client.ask_partition_count(topic, left.min(SLICE)),
                    Err(_) => Err(DESTROY),
                },
                // Between two clients.
                Ok(None) => {
                    std::thread::sleep(LOOK);
                    Err(TIMED_OUT)
                }
                Err(_) => return Err(explain(DESTROY)),
            };
            match asked {
                Ok(count) => return Ok(count),
                Err(TIMED_OUT | TRANSPORT) if !left.is_zero() => {}
                Err(code) => return Err(explain(code)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::mock_broker::MockBroker;
    use crate::kafka::settings;
    use crate::produce::reload::ReloadPolicy;

    fn shared(servers: &str) -> Arc<ProducerCore> {
        let kafka = [("bootstrap.servers".to_owned(), servers.to_owned())].into();
        let config = settings::client_config(&kafka).unwrap();
        let shared = Arc::new(ProducerCore::new(config, kafka, ReloadPolicy::never()));
        shared.start().unwrap();
        shared
    }

    #[test]
    fn a_question_without_a_thread_is_asked_again_by_the_next_one() {
        let broker = MockBroker::new(1).unwrap();
        broker.create_topic("orders", 3, 1).unwrap();
        let shared = shared(&broker.bootstrap_servers());
        shared
            .questions
            .no_threads
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let deadline = Instant::now() + Duration::from_secs(120);
        let error = shared.partition_count(c"orders", deadline, || false).unwrap_err();
        assert!(
            error.to_string().contains("the number of partitions of orders"),
            "{error}"
        );
        shared
            .questions
            .no_threads
            .store(false, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(shared.partition_count(c"orders", deadline, || false).unwrap(), Some(3));
        shared.begin_close(Duration::ZERO);
    }

    #[test]
    fn who_joins_a_question_keeps_a_later_deadline() {
        let shared = shared("127.0.0.1:1");
        let start = Instant::now();
        // Not too early: on a busy machine the second one would come when the first is over.
        let early = shared
            .question(c"orders", start + Duration::from_millis(1_500))
            .unwrap();
        let late = shared
            .question(c"orders", start + Duration::from_millis(3_000))
            .unwrap();
        assert!(Arc::ptr_eq(&early, &late));
        let answer = late
            .wait(&|| start.elapsed() > Duration::from_secs(120))
            .expect("an answer");
        assert!(answer.is_err());
        assert!(start.elapsed() >= Duration::from_millis(2_900), "{:?}", start.elapsed());
        shared.begin_close(Duration::ZERO);
    }
}
