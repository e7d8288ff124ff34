//! The clients of one administration, and the way of asking through them while brokers come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::types::RDKafkaRespErr;

use super::call::Call;
use super::client::{Client, Role};
use super::request::{Answer, Request};
use crate::base::sync::Mutex;
use crate::error::{Error, KafkaError, Result};

/// Between two attempts, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// A coordinator, or the controller, is another broker by now, or about to begin. Such a refusal says that nothing was done.
const MOVED: [RDKafkaRespErr; 4] = [
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
];

pub struct Clients {
    kafka: BTreeMap<String, String>,
    closed: Arc<AtomicBool>,
    state: Mutex<State>,
}

struct State {
    any: Arc<Client>,
    /// Asks for what groups have committed. See `Request::group`.
    committed: Option<Arc<Client>>,
}

impl Clients {
    pub fn new(kafka: &BTreeMap<String, String>) -> Result<Self> {
        let closed = Arc::default();
        let any = Arc::new(Client::new(kafka, Role::Any, &closed)?);
        Ok(Clients {
            kafka: kafka.clone(),
            closed,
            state: Mutex::new(State { any, committed: None }),
        })
    }

    /// Asks again while what is asked moves to another broker, with a new client: librdkafka (2.12.1) keeps the coordinator that it has
    /// found for a group for as long as somebody asks for it, whatever that broker answers.
    pub fn ask(&self, request: &Request, within: Duration) -> Result<Answer> {
        let call = Call::new(request.operation(), within);
        let (mut pause, longest) = PAUSE;
        loop {
            let client = self.client(request.group())?;
            match request.answer(&client, &call) {
                Err(Error::Kafka { source, .. }) if is_of_a_move(&source) && !call.left().is_zero() => {}
                settled => return settled,
            }
            std::thread::sleep(pause.min(call.left()));
            self.replace(&client)?;
            pause = (pause * 2).min(longest);
        }
    }

    fn client(&self, group: Option<&str>) -> Result<Arc<Client>> {
        let mut state = self.state.lock();
        state.any.check()?;
        let Some(group) = group else {
            return Ok(state.any.clone());
        };
        if let Some(client) = &state.committed {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&self.kafka, Role::Committed(group), &self.closed)?);
        state.committed = Some(client.clone());
        Ok(client)
    }

    /// Where nobody else has done so.
    fn replace(&self, client: &Arc<Client>) -> Result<()> {
        let mut state = self.state.lock();
        state.any.check()?;
        if Arc::ptr_eq(&state.any, client) {
            state.any = Arc::new(Client::new(&self.kafka, Role::Any, &self.closed)?);
        } else if state
            .committed
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, client))
        {
            state.committed = None;
        }
        Ok(())
    }

    /// Code and text of what keeps them from the brokers, or did within this time.
    pub fn trouble(&self, within: Duration) -> Option<(String, String)> {
        let (any, committed) = {
            let state = self.state.lock();
            (state.any.clone(), state.committed.clone())
        };
        any.trouble(within).or_else(|| committed?.trouble(within))
    }

    pub fn is_foreign(&self) -> bool {
        self.state.lock().any.is_foreign()
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
}

fn is_of_a_move(error: &KafkaError) -> bool {
    MOVED.iter().any(|code| error.number == *code as i32)
}
