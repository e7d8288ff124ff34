//! What the metadata says of topics and brokers.

use std::ffi::CString;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;
use serde::Serialize;

use super::client::{Call, Client, Kind, Question};
use super::raw::{about, borrowed_error, broker_ids, c_strings, error_of, rows, text};
use crate::error::{codes, KafkaError, Result};
use crate::kafka::ffi::QueueEvent;

const UNKNOWN_TOPIC: i32 = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as i32;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionDescription {
    pub partition_id: i32,
    /// -1: it has none.
    pub leader: i32,
    pub replicas: Vec<i32>,
    pub isrs: Vec<i32>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TopicDescription {
    pub topic_name: String,
    pub topic_id: Option<String>,
    pub internal: bool,
    pub partitions: Vec<PartitionDescription>,
    /// Why nothing is known of it.
    pub error: Option<KafkaError>,
}

impl TopicDescription {
    pub fn is_missing(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.number == UNKNOWN_TOPIC)
    }

    pub fn leads(&self, partitions: usize) -> bool {
        self.partitions.len() >= partitions && self.partitions.iter().all(|partition| partition.leader >= 0)
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Broker {
    pub broker_id: i32,
    pub broker_name: String,
    pub broker_port: u16,
    pub rack: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Cluster {
    pub cluster_id: Option<String>,
    /// -1: not known.
    pub controller_id: i32,
    pub brokers: Vec<Broker>,
    pub topics: Vec<TopicDescription>,
}

/// A missing topic has its error in its place.
pub fn describe(client: &Client, call: &Call, names: &[String]) -> Result<Vec<TopicDescription>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names = c_strings("topic", names)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, |question| {
        ask_for(question, &names);
        Ok(())
    })?;
    Ok(descriptions(&event))
}

/// The first error of the topics, if there is any.
pub fn checked(call: &Call, found: Vec<TopicDescription>) -> Result<Vec<TopicDescription>> {
    match found.iter().find_map(|topic| topic.error.clone()) {
        Some(error) => Err(call.failed(error)),
        None => Ok(found),
    }
}

pub fn ask_for(question: &Question<'_>, names: &[CString]) {
    let mut names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: a living client; names and options are copied, the collection is ours.
    unsafe {
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        sys::rd_kafka_DescribeTopics(question.client(), topics, question.options(), question.queue());
        sys::rd_kafka_TopicCollection_destroy(topics);
    }
}

/// Brokers and all topics.
pub fn cluster(client: &Client, call: &Call) -> Result<Cluster> {
    let mut cluster = brokers(client, call)?;
    cluster.topics = all(client, call)?;
    Ok(cluster)
}

pub fn brokers(client: &Client, call: &Call) -> Result<Cluster> {
    client.meet_cluster(call)?;
    // librdkafka (2.12.1) crashes on the answer of a cluster without an id.
    let Some(id) = client.cluster_id(Duration::ZERO) else {
        return brokers_without_id(client, call);
    };
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, |question| {
        // SAFETY: a living client.
        unsafe { sys::rd_kafka_DescribeCluster(question.client(), question.options(), question.queue()) };
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeCluster_result(event.as_ptr());
        let controller = sys::rd_kafka_DescribeCluster_result_controller(result);
        let nodes = sys::rd_kafka_DescribeCluster_result_nodes(result, &mut count);
        Ok(Cluster {
            cluster_id: Some(id),
            controller_id: if controller.is_null() {
                -1
            } else {
                sys::rd_kafka_Node_id(controller)
            },
            brokers: rows(nodes, count)
                .iter()
                .map(|node| Broker {
                    broker_id: sys::rd_kafka_Node_id(*node),
                    broker_name: text(sys::rd_kafka_Node_host(*node)).unwrap_or_default(),
                    broker_port: sys::rd_kafka_Node_port(*node),
                    rack: text(sys::rd_kafka_Node_rack(*node)),
                })
                .collect(),
            topics: Vec::new(),
        })
    }
}

/// Their racks are not known.
fn brokers_without_id(client: &Client, call: &Call) -> Result<Cluster> {
    with_metadata(client, call, Topics::Known, |metadata| {
        // SAFETY: it has as many parts as it says; a living client, which is not waited for.
        unsafe {
            let brokers = std::slice::from_raw_parts(metadata.brokers, metadata.broker_cnt.max(0) as usize);
            Cluster {
                cluster_id: None,
                controller_id: sys::rd_kafka_controllerid(client.ptr(), 0),
                brokers: brokers
                    .iter()
                    .map(|broker| Broker {
                        broker_id: broker.id,
                        broker_name: text(broker.host).unwrap_or_default(),
                        broker_port: u16::try_from(broker.port).unwrap_or_default(),
                        rack: None,
                    })
                    .collect(),
                topics: Vec::new(),
            }
        }
    })
}

/// All topics that this client may see. Creates none.
pub fn all(client: &Client, call: &Call) -> Result<Vec<TopicDescription>> {
    with_metadata(client, call, Topics::All, |metadata| {
        // SAFETY: it has as many parts as it says, which live as long as it.
        unsafe {
            let topics = std::slice::from_raw_parts(metadata.topics, metadata.topic_cnt.max(0) as usize);
            topics.iter().map(|topic| topic_of(topic)).collect()
        }
    })
}

enum Topics {
    /// That this client has asked for.
    Known = 0,
    All = 1,
}

fn with_metadata<T>(
    client: &Client,
    call: &Call,
    topics: Topics,
    read: impl FnOnce(&sys::rd_kafka_metadata) -> T,
) -> Result<T> {
    let mut metadata: *const sys::rd_kafka_metadata = std::ptr::null();
    // SAFETY: a living client. Where it succeeds there is an object with as many parts as it says, given back once.
    unsafe {
        let none = std::ptr::null_mut();
        let code = codes::raw::rd_kafka_metadata(client.ptr(), topics as i32, none, &mut metadata, call.left_ms());
        client.check()?;
        match KafkaError::from_number(code) {
            _ if code == codes::NO_ERROR => {}
            error if error.code == "transport" || error.code == "timed_out" => return Err(client.timed_out(call)),
            error => return Err(call.failed(error)),
        }
        let found = read(&*metadata);
        sys::rd_kafka_metadata_destroy(metadata);
        Ok(found)
    }
}

/// # Safety
/// A living topic of librdkafka's metadata.
unsafe fn topic_of(topic: *const sys::rd_kafka_metadata_topic) -> TopicDescription {
    // SAFETY: by contract; lists have as many parts as it says.
    unsafe {
        let ids = |list: *mut i32, count: i32| std::slice::from_raw_parts(list, count.max(0) as usize).to_vec();
        let name = text((*topic).topic).unwrap_or_default();
        let count = (*topic).partition_cnt.max(0) as usize;
        let partitions = (0..count)
            .map(|index| (*topic).partitions.add(index))
            .map(|partition| PartitionDescription {
                partition_id: (*partition).id,
                leader: (*partition).leader,
                replicas: ids((*partition).replicas, (*partition).replica_cnt),
                isrs: ids((*partition).isrs, (*partition).isr_cnt),
            });
        TopicDescription {
            topic_id: None,
            internal: name.starts_with("__"),
            partitions: partitions.collect(),
            error: error_of(codes::read(&raw const (*topic).err), std::ptr::null())
                .map(|error| about(error, &name, None)),
            topic_name: name,
        }
    }
}

pub fn descriptions(event: &QueueEvent) -> Vec<TopicDescription> {
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        rows(topics, count).iter().map(|topic| description(*topic)).collect()
    }
}

/// # Safety
/// A living description.
unsafe fn description(topic: *const sys::rd_kafka_TopicDescription_t) -> TopicDescription {
    let mut count = 0;
    // SAFETY: by contract; a Uuid's text lives as long as it.
    unsafe {
        let name = text(sys::rd_kafka_TopicDescription_name(topic)).unwrap_or_default();
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let is_zero = id.is_null()
            || (sys::rd_kafka_Uuid_most_significant_bits(id) == 0
                && sys::rd_kafka_Uuid_least_significant_bits(id) == 0);
        let partitions = sys::rd_kafka_TopicDescription_partitions(topic, &mut count);
        let mut partitions: Vec<_> = rows(partitions, count).iter().map(|row| partition(*row)).collect();
        partitions.sort_by_key(|partition| partition.partition_id);
        TopicDescription {
            topic_id: (!is_zero)
                .then(|| text(sys::rd_kafka_Uuid_base64str(id)).map(url_safe))
                .flatten(),
            internal: sys::rd_kafka_TopicDescription_is_internal(topic) != 0,
            partitions,
            error: borrowed_error(sys::rd_kafka_TopicDescription_error(topic)).map(|error| about(error, &name, None)),
            topic_name: name,
        }
    }
}

/// # Safety
/// A living partition of a description.
unsafe fn partition(row: *const sys::rd_kafka_TopicPartitionInfo_t) -> PartitionDescription {
    let (mut replicas, mut isrs) = (0, 0);
    // SAFETY: by contract.
    unsafe {
        let leader = sys::rd_kafka_TopicPartitionInfo_leader(row);
        let replica_nodes = sys::rd_kafka_TopicPartitionInfo_replicas(row, &mut replicas);
        let isr_nodes = sys::rd_kafka_TopicPartitionInfo_isr(row, &mut isrs);
        PartitionDescription {
            partition_id: sys::rd_kafka_TopicPartitionInfo_partition(row),
            leader: if leader.is_null() {
                -1
            } else {
                sys::rd_kafka_Node_id(leader)
            },
            replicas: broker_ids(replica_nodes, replicas),
            isrs: broker_ids(isr_nodes, isrs),
        }
    }
}

/// Kafka's own tools write ids so.
fn url_safe(id: String) -> String {
    id.replace('+', "-").replace('/', "_")
}
