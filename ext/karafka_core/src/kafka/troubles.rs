//! What keeps one client from its brokers, of consumers and of producers. librdkafka says some of it in errors and some
//! only in its log; it repeats several times a second that all brokers are down, also where a broker has closed connections
//! that nobody needed; and it never says that a broker is back.

mod text;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::types::RDKafkaRespErr;

use crate::base::sync::Mutex;
use crate::error::KafkaError;
use crate::kafka::log::LogLine;
use crate::kafka::resolver::{self, Family};

/// A connection that holds for this long works. One that a broker refuses after the first answer (it wants SASL) ends sooner.
const HOLDS: Duration = Duration::from_secs(1);
/// That all brokers are down is reported again after this long.
const ALL_DOWN_PAUSE: Duration = Duration::from_secs(1);
/// This many connections in a row that a broker closed while they were set up are no coincidence, such as its restart.
const TOO_MANY_CLOSED: u32 = 2;

/// A connection that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub code: String,
    pub text: String,
    at: Instant,
}

impl Trouble {
    fn new(error: &KafkaError, at: Instant) -> Self {
        Trouble {
            code: error.code.clone(),
            text: error.message.clone(),
            at,
        }
    }
}

#[derive(Default)]
struct State {
    last: Option<Arc<Trouble>>,
    /// It was an error, not a line of the log.
    last_is_an_error: bool,
    /// Brokers whose connection failed and that were not reached since.
    failing: BTreeSet<String>,
    all_down: bool,
    said_all_down: Option<Instant>,
    /// When the last of them was reached again.
    up_since: Option<Instant>,
    closed_in_a_row: u32,
    /// Which addresses of a broker were tried in vain, where others of it are left.
    tried: BTreeMap<String, BTreeSet<IpAddr>>,
    /// The last of these failures. It is not reported, and may be the cause of what fails meanwhile.
    withheld: Option<Arc<Trouble>>,
    family: Family,
    /// Why the last certificate was refused; librdkafka's error does not say.
    certificate: Option<String>,
}

/// Called by librdkafka's threads when a broker is reached again.
type Back = Box<dyn Fn() + Send + Sync>;

pub struct Troubles {
    state: Mutex<State>,
    back: Back,
}

impl Troubles {
    pub fn new(back: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Troubles {
            state: Mutex::default(),
            back: Box::new(back),
        })
    }

    /// An error that librdkafka reports. None: nobody has to hear of it.
    pub fn error(&self, error: KafkaError) -> Option<KafkaError> {
        self.error_at(error, Instant::now())
    }

    fn error_at(&self, mut error: KafkaError, now: Instant) -> Option<KafkaError> {
        let mut state = self.state.lock();
        if error.number == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN as i32 {
            return state.all_down(now).then_some(error);
        }
        if is_of_a_connection(&error) && !error.fatal {
            if state.has_other_addresses(&error.message) {
                state.withheld = Some(Arc::new(Trouble::new(&error, now)));
                return None;
            }
            if let Some(reason) = text::is_of_a_certificate(&error.message)
                .then_some(state.certificate.as_ref())
                .flatten()
            {
                error.message = format!("{}: {reason}", error.message);
            }
            state.failed(&error, now);
            state.last_is_an_error = true;
        }
        Some(error)
    }

    /// A line of librdkafka's log about a connection, which is not for the log then. Some: an error that librdkafka reports there only.
    pub fn line(&self, line: &LogLine) -> Line {
        self.line_at(line, Instant::now())
    }

    fn line_at(&self, line: &LogLine, now: Instant) -> Line {
        if line.facility == "SSLCERTVRFY" {
            self.state.lock().certificate = text::certificate(&line.text);
            return Line::Known;
        }
        // Level 7 is what a user's `debug` says besides.
        if line.facility != "FAIL" || line.level >= 7 {
            return Line::Other;
        }
        // The others come as errors, too.
        if line.level > 3 {
            if let Some(error) = self.closed(text::without_thread(&line.text), now) {
                return Line::Error(error);
            }
        }
        Line::Known
    }

    /// A broker does not answer, or has closed a connection. Where that was being set up, again and again, it speaks another
    /// protocol.
    fn closed(&self, line: &str, now: Instant) -> Option<KafkaError> {
        let mut state = self.state.lock();
        if !line.contains("Disconnected") {
            let error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT).with_message(line);
            state.failed(&error, now);
            state.last_is_an_error = true;
            return Some(error);
        }
        if !text::was_being_set_up(line) {
            state.closed_in_a_row = 0;
            return None;
        }
        state.closed_in_a_row += 1;
        // Where an error came before, that says more.
        if state.closed_in_a_row < TOO_MANY_CLOSED || state.knows_better(line) {
            return None;
        }
        let error = KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT).with_message(line);
        state.failed(&error, now);
        Some(error)
    }

    /// What may be behind the failure of a message, or of a call, that waited for this long.
    pub fn during(&self, waited: Duration) -> Option<Arc<Trouble>> {
        let state = self.state.lock();
        let lasts = state.up_since.is_none_or(|at| at.elapsed() < HOLDS);
        let recent = |trouble: &&Arc<Trouble>| trouble.at.elapsed() <= waited;
        let last = state.last.as_ref().filter(|last| lasts || recent(last));
        last.or(state.withheld.as_ref().filter(recent)).cloned()
    }

    /// What keeps it from all brokers just now.
    pub fn now(&self) -> Option<String> {
        let state = self.state.lock();
        let last = state.last.as_ref().filter(|_| state.all_down)?;
        Some(last.text.clone())
    }

    fn reached(&self, broker: &str) {
        let is_back = self.state.lock().reached(broker, Instant::now());
        if is_back {
            (self.back)();
        }
    }
}

/// What becomes of a line of librdkafka's log.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing: it comes as an error, or is no trouble.
    Known,
    Error(KafkaError),
    Other,
}

impl State {
    fn failed(&mut self, error: &KafkaError, now: Instant) {
        self.up_since = None;
        self.last_is_an_error = false;
        self.failing.insert(text::broker(&error.message).to_owned());
        self.last = Some(Arc::new(Trouble::new(error, now)));
    }

    /// librdkafka tries the next address of the broker at once. `localhost` may be ::1 first, where Kafka listens on IPv4 only.
    fn has_other_addresses(&mut self, text: &str) -> bool {
        let Some(address) = text::address(text) else {
            return false;
        };
        let tried = self.tried.entry(text::broker(text).to_owned()).or_default();
        // An address that comes round again: this client uses no others of its name.
        let left = tried.insert(address) && tried.len() < resolver::addresses_beside(address, self.family);
        if !left {
            tried.clear();
        }
        left
    }

    fn knows_better(&self, line: &str) -> bool {
        self.last_is_an_error && self.failing.contains(text::broker(line))
    }

    /// Whether that is news: not where connections were closed, and none has failed.
    fn all_down(&mut self, now: Instant) -> bool {
        if self.failing.is_empty() {
            return false;
        }
        self.all_down = true;
        let due = self
            .said_all_down
            .is_none_or(|at| now.saturating_duration_since(at) >= ALL_DOWN_PAUSE);
        if due {
            self.said_all_down = Some(now);
        }
        due
    }

    /// Whether that ends a trouble.
    fn reached(&mut self, broker: &str, now: Instant) -> bool {
        self.tried.remove(broker);
        self.withheld = None;
        let was_failing = self.failing.remove(broker);
        if !self.all_down && !was_failing {
            return false;
        }
        if self.all_down {
            self.failing.clear();
        }
        self.all_down = false;
        self.up_since = Some(now);
        self.failing.is_empty()
    }
}

fn is_of_a_connection(error: &KafkaError) -> bool {
    matches!(
        error.code.as_str(),
        "transport" | "resolve" | "ssl" | "authentication" | "timed_out" | "bad_msg"
    )
}

#[cfg(test)]
mod tests;
