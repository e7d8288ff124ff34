//! Makes a group share its partitions anew: a member joins, and leaves again. Kafka has no request for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::bindings as sys;
use rdkafka::client::{Client as Native, DefaultClientContext};
use rdkafka::types::RDKafkaType;

use super::client::{Call, Client};
use super::groups::{self, GroupDescription};
use crate::error::{check, Result};
use crate::kafka::ffi::PartitionList;
use crate::kafka::meeting::Meeting;
use crate::kafka::troubles::Troubles;
use crate::kafka::{creation, oauth, settings};

const SERVE: Duration = Duration::from_millis(20);

/// False: it has no members, so there is nothing to share.
pub fn trigger(client: &Client, call: &Call, group: &str, mut kafka: BTreeMap<String, String>) -> Result<bool> {
    let Some(before) = describe(client, call, group)?.filter(GroupDescription::has_members) else {
        return Ok(false);
    };
    let name = format!("karafka-rebalance-{}-{}", std::process::id(), nanoseconds());
    kafka.insert("client.id".to_owned(), name.clone());
    kafka.insert("group.id".to_owned(), group.to_owned());
    kafka.insert("enable.auto.commit".to_owned(), "false".to_owned());
    kafka.insert("enable.auto.offset.store".to_owned(), "false".to_owned());
    match before.kind {
        "consumer" => drop(kafka.insert("group.protocol".to_owned(), "consumer".to_owned())),
        // Members have to agree on one.
        _ if !before.assignor.is_empty() => {
            kafka.insert("partition.assignment.strategy".to_owned(), before.assignor.clone());
        }
        _ => {}
    }
    let topics: BTreeSet<&String> = before
        .members
        .iter()
        .flat_map(|member| member.assignment.keys())
        .collect();
    let member = Member::join(&kafka, &topics)?;
    let mut stable = false;
    client.wait_until(call, || {
        member.serve();
        let found = describe(client, call, group)?;
        stable = found.is_some_and(|group| {
            group.state == "stable" && group.members.iter().any(|member| member.client_id == name)
        });
        Ok(stable)
    })?;
    drop(member);
    Ok(stable)
}

fn describe(client: &Client, call: &Call, group: &str) -> Result<Option<GroupDescription>> {
    let found = groups::describe(client, call, &[group.to_owned()])?;
    Ok(groups::checked(call, found)?.pop())
}

fn nanoseconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.subsec_nanos())
}

/// A consumer that takes whatever partitions it gets and processes none.
struct Member {
    tokens: Option<oauth::Registration>,
    client: Native<DefaultClientContext>,
    /// Outlives the client.
    _troubles: Arc<Troubles>,
}

impl Member {
    fn join(kafka: &BTreeMap<String, String>, topics: &BTreeSet<&String>) -> Result<Self> {
        let config = settings::client_config(kafka)?;
        let native = config
            .create_native_config()
            .map_err(|error| creation::refused(&error, kafka))?;
        let troubles = Troubles::new(|| {});
        let client = creation::create(
            &config,
            native,
            RDKafkaType::RD_KAFKA_CONSUMER,
            kafka,
            &troubles,
            Meeting::Quiet,
        )?;
        let mut list = PartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add(topic, -1, -1001)?;
        }
        // SAFETY: a living client; the list is copied. The registration is given back before the client.
        unsafe {
            let tokens = oauth::Registration::of(client.native_ptr(), kafka);
            sys::rd_kafka_poll_set_consumer(client.native_ptr());
            let joined = check(
                "joining a group",
                sys::rd_kafka_subscribe(client.native_ptr(), list.as_ptr()),
            );
            let member = Member {
                tokens,
                client,
                _troubles: troubles,
            };
            joined.map(|()| member)
        }
    }

    /// Without rebalance events librdkafka answers its rebalances itself, while it is polled.
    fn serve(&self) {
        // SAFETY: a living client; a message is ours to destroy.
        unsafe {
            let message = sys::rd_kafka_consumer_poll(self.client.native_ptr(), SERVE.as_millis() as i32);
            if !message.is_null() {
                sys::rd_kafka_message_destroy(message);
            }
        }
    }
}

impl Drop for Member {
    /// Leaves the group.
    fn drop(&mut self) {
        self.tokens = None;
        // SAFETY: a living client, which ends after this.
        unsafe { sys::rd_kafka_consumer_close(self.client.native_ptr()) };
    }
}
