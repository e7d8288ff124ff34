//! librdkafka's mock cluster: a Kafka in this process, for tests, the demo and `karafka broker`.

use std::ffi::CStr;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr, RDKafkaType};

use crate::error::c_string;
use crate::error::{check, Error, Result};

/// How long the first member of a group waits for others. librdkafka's 3 s would be added to every start.
const REBALANCE_DELAY_MS: i32 = 0;

/// Of KIP-848; the crate's list of requests has not got it yet.
const CONSUMER_GROUP_HEARTBEAT: i16 = 68;

/// An in-memory cluster. Keeps at most 5 MB or 100,000 messages a partition.
pub struct MockBroker {
    cluster: *mut sys::rd_kafka_mock_cluster_t,
    // The cluster lives in a thread of this client.
    _client: Client<DefaultClientContext>,
}

// SAFETY: librdkafka runs every change of the mock cluster in the cluster's own thread; the pointer has no thread affinity.
unsafe impl Send for MockBroker {}
// SAFETY: as above.
unsafe impl Sync for MockBroker {}

impl MockBroker {
    pub fn new(brokers: i32) -> Result<Self> {
        let refused = |reason: String| Error::Config {
            setting: "brokers".to_owned(),
            value: brokers.to_string(),
            reason,
        };
        let config = ClientConfig::new();
        let native = config
            .create_native_config()
            .map_err(|error| refused(error.to_string()))?;
        let client = Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, DefaultClientContext)
            .map_err(|error| refused(error.to_string()))?;
        // SAFETY: a living client, which outlives the cluster.
        unsafe {
            let cluster = sys::rd_kafka_mock_cluster_new(client.native_ptr(), brokers);
            if cluster.is_null() {
                return Err(refused("librdkafka could not start its mock cluster".to_owned()));
            }
            sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, REBALANCE_DELAY_MS);
            Ok(MockBroker {
                cluster,
                _client: client,
            })
        }
    }

    pub fn bootstrap_servers(&self) -> String {
        // SAFETY: a living cluster; the text lives as long as it.
        unsafe { CStr::from_ptr(sys::rd_kafka_mock_cluster_bootstraps(self.cluster)) }
            .to_string_lossy()
            .into_owned()
    }

    pub fn create_topic(&self, name: &str, partitions: i32, replication: i32) -> Result<()> {
        let name = c_string("topic", name)?;
        // SAFETY: a living cluster; the name is copied.
        check("creating a topic", unsafe {
            sys::rd_kafka_mock_topic_create(self.cluster, name.as_ptr(), partitions, replication)
        })
    }

    pub fn broker_down(&self, id: i32) -> Result<()> {
        // SAFETY: a living cluster.
        check("taking a broker down", unsafe {
            sys::rd_kafka_mock_broker_set_down(self.cluster, id)
        })
    }

    pub fn broker_up(&self, id: i32) -> Result<()> {
        // SAFETY: a living cluster.
        check("bringing a broker up", unsafe {
            sys::rd_kafka_mock_broker_set_up(self.cluster, id)
        })
    }

    /// From now on that broker is the coordinator of the group.
    pub fn coordinator(&self, group: &str, id: i32) -> Result<()> {
        let group = c_string("group", group)?;
        // SAFETY: a living cluster; the names are copied.
        check("moving a group", unsafe {
            sys::rd_kafka_mock_coordinator_set(self.cluster, c"group".as_ptr(), group.as_ptr(), id)
        })
    }

    pub fn round_trip(&self, id: i32, delay: Duration) -> Result<()> {
        let delay_ms = delay.as_millis().min(i32::MAX as u128) as i32;
        // SAFETY: a living cluster.
        check("slowing a broker", unsafe {
            sys::rd_kafka_mock_broker_set_rtt(self.cluster, id, delay_ms)
        })
    }

    /// The next requests of this kind fail with these codes, one each.
    pub fn request_errors(&self, request: &str, codes: &[i32]) -> Result<()> {
        let key = request_key(request)?;
        let errors = codes.iter().map(error_code).collect::<Result<Vec<RDKafkaRespErr>>>()?;
        // SAFETY: a living cluster; the codes are copied.
        unsafe {
            sys::rd_kafka_mock_push_request_errors_array(self.cluster, key, errors.len(), errors.as_ptr());
        }
        Ok(())
    }

    /// As `request_errors`, for requests that go to this broker.
    pub fn broker_errors(&self, id: i32, request: &str, codes: &[i32]) -> Result<()> {
        let key = request_key(request)?;
        for code in codes {
            let error = error_code(code)?;
            // SAFETY: a living cluster; one error and its delay follow, as the count says.
            check("having a broker refuse", unsafe {
                let no_delay: libc::c_int = 0;
                sys::rd_kafka_mock_broker_push_request_error_rtts(
                    self.cluster,
                    id,
                    key,
                    1,
                    error as libc::c_int,
                    no_delay,
                )
            })?;
        }
        Ok(())
    }
}

fn request_key(request: &str) -> Result<i16> {
    Ok(match request {
        "produce" => RDKafkaApiKey::Produce as i16,
        "fetch" => RDKafkaApiKey::Fetch as i16,
        "list_offsets" => RDKafkaApiKey::ListOffsets as i16,
        "metadata" => RDKafkaApiKey::Metadata as i16,
        "offset_commit" => RDKafkaApiKey::OffsetCommit as i16,
        "offset_fetch" => RDKafkaApiKey::OffsetFetch as i16,
        "find_coordinator" => RDKafkaApiKey::FindCoordinator as i16,
        "join_group" => RDKafkaApiKey::JoinGroup as i16,
        "heartbeat" => RDKafkaApiKey::Heartbeat as i16,
        "consumer_group_heartbeat" => CONSUMER_GROUP_HEARTBEAT,
        "init_producer_id" => RDKafkaApiKey::InitProducerId as i16,
        "add_partitions_to_txn" => RDKafkaApiKey::AddPartitionsToTxn as i16,
        "txn_offset_commit" => RDKafkaApiKey::TxnOffsetCommit as i16,
        "end_txn" => RDKafkaApiKey::EndTxn as i16,
        _ => return Err(Error::Config {
            setting: "request".to_owned(),
            value: request.to_owned(),
            reason:
                "must be one of produce, fetch, list_offsets, metadata, offset_commit, offset_fetch, find_coordinator, \
                         join_group, heartbeat, consumer_group_heartbeat, init_producer_id, add_partitions_to_txn, \
                         txn_offset_commit, end_txn"
                    .to_owned(),
        }),
    })
}

fn error_code(code: &i32) -> Result<RDKafkaRespErr> {
    RDKafkaRespErr::try_from(*code).map_err(|_| Error::Config {
        setting: "code".to_owned(),
        value: code.to_string(),
        reason: "is no error code of Kafka".to_owned(),
    })
}

impl Drop for MockBroker {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once, before the client it runs in.
        unsafe { sys::rd_kafka_mock_cluster_destroy(self.cluster) }
    }
}
