//! Holds up answers to the engine's question which topics stand behind their names, and where a test says so all answers about
//! metadata.

use std::sync::Arc;
use std::time::Duration;

use karafka_core::config::GroupConfig;
use parking_lot::{Condvar, Mutex};

use super::proxy::{api_key, start_proxy, HoldUp, Pass};
use super::with;

const METADATA: i16 = 3;
/// From this version on (Kafka 2.8) a request ends with three bytes: whether topics are created, whether rights are described, tags.
const SINCE: i16 = 11;

pub struct TopicsProxy {
    address: String,
    answers: Arc<Answers>,
}

#[derive(Default)]
struct Answers {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Nobody hears anything about metadata.
    all_wait: bool,
    /// Of answers to the question. None: they never arrive.
    delay: Option<Duration>,
    asked: usize,
}

impl TopicsProxy {
    /// In front of a broker that is known as `host:port`; holds nothing up yet.
    pub fn start(broker: &str) -> Self {
        let answers = Arc::<Answers>::default();
        answers.state.0.lock().delay = Some(Duration::ZERO);
        let address = start_proxy(broker, answers.clone());
        TopicsProxy { address, answers }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The group behind this proxy. librdkafka's own requests allow that topics are created, so they are told from the question.
    pub fn group(&self, group: GroupConfig) -> GroupConfig {
        let settings = [
            ("bootstrap.servers", &*self.address),
            ("allow.auto.create.topics", "true"),
        ];
        with(group, &settings)
    }

    /// Until `go_on` no answer about metadata arrives.
    pub fn hold_all(&self) {
        self.answers.state.0.lock().all_wait = true;
    }

    pub fn go_on(&self) {
        self.answers.state.0.lock().all_wait = false;
        self.answers.state.1.notify_all();
    }

    /// From now on each answer to the question comes that much later; None: it never arrives.
    pub fn delay(&self, delay: Option<Duration>) {
        self.answers.state.0.lock().delay = delay;
    }

    /// How often the broker has answered the question.
    pub fn asked(&self) -> usize {
        self.answers.state.0.lock().asked
    }
}

impl HoldUp for Answers {
    fn wants_answer(&self, request: &mut [u8]) -> Option<&'static str> {
        if api_key(request) != METADATA {
            return None;
        }
        let version = i16::from_be_bytes([request[2], request[3]]);
        assert!(version >= SINCE, "metadata are asked for as by an old client");
        let name = usize::from(u16::from_be_bytes([request[8], request[9]]));
        // One more than the topics that it names, behind the client's name and tags.
        let names_topics = request[10 + name + 1] > 1;
        let allows = request.len() - 3;
        // Only told apart: nothing is to be created.
        let is_own = std::mem::take(&mut request[allows]) == 1;
        Some(if names_topics && !is_own { QUESTION } else { "metadata" })
    }

    fn pass(&self, kind: &'static str, _answer: &mut Vec<u8>) -> Pass {
        let mut state = self.state.0.lock();
        let delay = match kind {
            QUESTION => {
                state.asked += 1;
                state.delay
            }
            _ => Some(Duration::ZERO),
        };
        let Some(delay) = delay else {
            return Pass::Never;
        };
        if delay.is_zero() && !state.all_wait {
            return Pass::Now;
        }
        let shared = self.state.clone();
        Pass::After(Box::new(move || {
            let mut state = shared.0.lock();
            while state.all_wait {
                shared.1.wait(&mut state);
            }
            drop(state);
            std::thread::sleep(delay);
        }))
    }
}

const QUESTION: &str = "question";
