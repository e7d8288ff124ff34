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

// SAFETY: librdkafka locks the mock cluster in every call; the pointer has no thread affinity.
unsafe impl Send for MockBroker {}
// SAFETY: as above.
unsafe impl Sync for MockBroker {}

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
    pub fn request_errors(&self, request: &str, codes: &[i32]) -> Result<()> {
        let key = match request {
            "produce" => RDKafkaApiKey::Produce,
            "fetch" => RDKafkaApiKey::Fetch,
            "list_offsets" => RDKafkaApiKey::ListOffsets,
            "metadata" => RDKafkaApiKey::Metadata,
            "offset_commit" => RDKafkaApiKey::OffsetCommit,
            "offset_fetch" => RDKafkaApiKey::OffsetFetch,
            "find_coordinator" => RDKafkaApiKey::FindCoordinator,
            "join_group" => RDKafkaApiKey::JoinGroup,
            "heartbeat" => RDKafkaApiKey::Heartbeat,
            _ => {
                return Err(Error::Config {
                    setting: "request".to_owned(),
                    value: request.to_owned(),
                    reason: "must be one of produce, fetch, list_offsets, metadata, offset_commit, offset_fetch, \
                             find_coordinator, join_group, heartbeat"
                        .to_owned(),
                })
            }
        };
        let errors: Vec<RDKafkaRespErr> = codes
            .iter()
            .filter_map(|code| RDKafkaRespErr::try_from(*code).ok())
            .collect();
        self.cluster.request_errors(key, &errors);
        Ok(())
    }
}
