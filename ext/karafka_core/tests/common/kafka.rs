//! A Kafka, mock or real: its topics, what is sent to it, and what it knows of a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use karafka_core::config::{GroupConfig, TopicConfig};
use karafka_core::mock_broker::MockBroker;
use parking_lot::Mutex;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::bindings as sys;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{unique, Message, Sender, LONG};

/// Where the tests of the real tier run; None: skip.
pub fn real_brokers() -> Option<String> {
    std::env::var("KARAFKA_TEST_BROKERS")
        .ok()
        .filter(|text| !text.is_empty())
}

/// `let kafka = real_kafka!("name");` — skips the test, and says so, where there is no real Kafka.
#[macro_export]
macro_rules! real_kafka {
    ($test:expr) => {
        match $crate::common::real_brokers() {
            Some(brokers) => $crate::common::Kafka::real(brokers),
            None => {
                println!("SKIPPED: {}: KARAFKA_TEST_BROKERS is not set", $test);
                return;
            }
        }
    };
}

/// The same test twice: `name::on_the_mock` and `name::on_real_kafka`.
#[macro_export]
macro_rules! on_both {
    ($(fn $name:ident($kafka:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn run($kafka: &Kafka) $body

            #[test]
            fn on_the_mock() {
                while_time_goes_on(|| run(&Kafka::mock(1)));
            }

            #[test]
            fn on_real_kafka() {
                let kafka = $crate::real_kafka!(concat!(module_path!(), "::on_real_kafka"));
                while_time_goes_on(|| run(&kafka));
            }
        })*
    };
}

fn wait_for<T>(answer: impl std::future::Future<Output = rdkafka::error::KafkaResult<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(answer).expect("an answer of the cluster")
}

pub struct Kafka {
    pub brokers: String,
    pub mock: Option<MockBroker>,
    topics: Mutex<Vec<String>>,
}

impl Kafka {
    pub fn mock(nodes: i32) -> Self {
        let mock = MockBroker::new(nodes).expect("a mock cluster");
        Kafka {
            brokers: mock.bootstrap_servers(),
            mock: Some(mock),
            topics: Mutex::default(),
        }
    }

    pub fn real(brokers: String) -> Self {
        Kafka {
            brokers,
            mock: None,
            topics: Mutex::default(),
        }
    }

    /// A new topic, ready to use.
    pub fn topic(&self, partitions: i32) -> String {
        self.topic_named(&unique("t"), partitions)
    }

    pub fn topic_named(&self, name: &str, partitions: i32) -> String {
        match &self.mock {
            Some(mock) => mock.create_topic(name, partitions, 1).expect("a topic"),
            None => {
                let topic =
                    NewTopic::new(name, partitions, TopicReplication::Fixed(1)).set("max.message.bytes", "20000000");
                let (admin, options) = self.admin();
                let results = wait_for(admin.create_topics([&topic], &options));
                assert!(results.iter().all(Result::is_ok), "{results:?}");
                self.topics.lock().push(name.to_owned());
            }
        }
        name.to_owned()
    }

    pub fn delete_topic(&self, name: &str) {
        let (admin, options) = self.admin();
        wait_for(admin.delete_topics(&[name], &options));
    }

    /// Another topic of the same name, as soon as the old one is gone.
    pub fn recreate_topic(&self, name: &str, partitions: i32) {
        self.delete_topic(name);
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let (admin, options) = self.admin();
        let deadline = Instant::now() + LONG;
        while !wait_for(admin.create_topics([&topic], &options))
            .iter()
            .all(Result::is_ok)
        {
            assert!(Instant::now() < deadline, "{name} could not be created again");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Commits for partition 0 of the topic, as somebody else would.
    pub fn commit(&self, group: &str, topic: &str, offset: i64, metadata: &str) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", group)
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        let mut row = list.add_partition(topic, 0);
        row.set_offset(Offset::Offset(offset)).expect("an offset");
        row.set_metadata(metadata);
        consumer.commit(&list, CommitMode::Sync).expect("a commit");
    }

    /// Everything before `offset` is deleted, as by the topic's retention.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) {
        let (admin, options) = self.admin();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))
            .expect("an offset");
        wait_for(admin.delete_records(&list, &options));
    }

    pub fn add_partitions(&self, name: &str, total: usize) {
        let (admin, options) = self.admin();
        wait_for(admin.create_partitions([&rdkafka::admin::NewPartitions::new(name, total)], &options));
    }

    /// The next requests of this kind fail, each with one of these codes of Kafka. The mock's only.
    pub fn refuse(&self, request: &str, codes: &[i32]) {
        let mock = self.mock.as_ref().expect("a mock cluster");
        mock.request_errors(request, codes).expect("a request of that name");
    }

    fn admin(&self) -> (AdminClient<DefaultClientContext>, AdminOptions) {
        let admin = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .expect("an admin client");
        (admin, AdminOptions::new().operation_timeout(Some(LONG)))
    }

    pub fn producer(&self) -> Sender {
        // What is sent once is there once and in order, also when a busy broker answers late: tests compute with offsets.
        Sender::new(&self.brokers, self.mock.is_none())
    }

    /// Messages 0...count, spread in turn over the partitions; the payload is the number.
    pub fn fill(&self, topic: &str, partitions: i32, numbers: std::ops::Range<u64>) {
        let sender = self.producer();
        for number in numbers {
            let partition = (number % partitions as u64) as i32;
            sender.send(&Message {
                partition,
                payload: Some(number.to_string().into_bytes()),
                ..Message::to(topic)
            });
        }
        sender.flush();
    }

    /// One row: what the group has committed, as the broker knows it.
    fn committed_row(&self, group: &str, topic: &str, partition: i32) -> TopicPartitionList {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", group)
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let deadline = Instant::now() + LONG;
        loop {
            // A busy cluster may be looking for a coordinator just now.
            match consumer.committed_offsets(list.clone(), LONG) {
                Ok(found) => return found,
                Err(error) => assert!(Instant::now() < deadline, "committed offsets: {error}"),
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// The offset that the group has committed.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let found = self.committed_row(group, topic, partition);
        match found.find_partition(topic, partition).expect("the partition").offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// What stands beside the offset that the group has committed.
    pub fn committed_metadata(&self, group: &str, topic: &str, partition: i32) -> String {
        let found = self.committed_row(group, topic, partition);
        let row = found.find_partition(topic, partition).expect("the partition");
        row.metadata().to_owned()
    }

    /// The leader epoch beside what the group has committed; -1: none.
    pub fn committed_epoch(&self, group: &str, topic: &str, partition: i32) -> i32 {
        let found = self.committed_row(group, topic, partition);
        // SAFETY: the list has one row.
        unsafe { sys::rd_kafka_topic_partition_get_leader_epoch((*found.ptr()).elems) }
    }

    /// A group on this Kafka with short intervals.
    pub fn group(&self, topics: Vec<TopicConfig>) -> GroupConfig {
        let id = unique("g");
        let mut kafka = BTreeMap::new();
        for (key, value) in [
            ("bootstrap.servers", self.brokers.as_str()),
            ("group.id", &id),
            ("auto.offset.reset", "earliest"),
            ("auto.commit.interval.ms", "100"),
            ("session.timeout.ms", "6000"),
            ("heartbeat.interval.ms", "200"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.wait.max.ms", "100"),
            ("reconnect.backoff.max.ms", "1000"),
            ("topic.metadata.refresh.interval.ms", "2000"),
        ] {
            kafka.insert(key.to_owned(), value.to_owned());
        }
        GroupConfig {
            id,
            kafka,
            topics,
            ..GroupConfig::default()
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut *self.topics.lock()) {
            self.delete_topic(&topic);
        }
    }
}
