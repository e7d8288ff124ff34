//! librdkafka's mock cluster: a Kafka in this process, for tests, the demo and `karafka broker`.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::error::{Error, KafkaError, Result};

/// An in-memory cluster. Keeps at most 5 MB or 100,000 messages a partition.
pub struct MockBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

fn lift<T>(operation: &'static str, result: rdkafka::error::KafkaResult<T>) -> Result<T> {
    result.map_err(|error| {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let source =
            KafkaError::from_code(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL).with_message(format!("{error} ({code:?})"));
        Error::Kafka {
            operation,
            source: Box::new(source),
        }
    })
}

impl MockBroker {
    pub fn new(brokers: i32) -> Result<Self> {
        Ok(MockBroker {
            cluster: lift("starting the mock cluster", MockCluster::new(brokers))?,
        })
    }

    pub fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub fn create_topic(&self, name: &str, partitions: i32, replication: i32) -> Result<()> {
        lift(
            "creating a topic",
            self.cluster.create_topic(name, partitions, replication),
        )
    }

    pub fn broker_down(&self, id: i32) -> Result<()> {
        lift("taking a broker down", self.cluster.broker_down(id))
    }

    pub fn broker_up(&self, id: i32) -> Result<()> {
        lift("bringing a broker up", self.cluster.broker_up(id))
    }

    pub fn round_trip(&self, id: i32, delay: Duration) -> Result<()> {
        lift("slowing a broker", self.cluster.broker_round_trip_time(id, delay))
    }

    /// The next requests of this kind fail with these codes, one each.
    pub fn request_errors(&self, api_key: RDKafkaApiKey, errors: &[RDKafkaRespErr]) {
        self.cluster.request_errors(api_key, errors);
    }
}
