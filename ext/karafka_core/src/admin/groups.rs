//! Consumer groups: which there are, and their members.

use rdkafka::bindings as sys;
use serde::Serialize;

use super::client::{Call, Client, Kind};
use super::names::{GROUP_TYPES, STATES};
use super::offsets::Partitions;
use super::raw::{
    borrowed_error, c_strings, rd_kafka_ConsumerGroupDescription_state, rd_kafka_ConsumerGroupDescription_type,
    rd_kafka_ConsumerGroupListing_state, rd_kafka_ConsumerGroupListing_type, rows, text,
};
use crate::error::{c_string, KafkaError, Result};
use crate::kafka::ffi::copy_rows;

#[derive(Debug, Clone, Serialize)]
pub struct GroupListing {
    pub group: String,
    pub state: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Nobody ever joined it: offsets were committed in its name.
    pub simple: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub member_id: String,
    pub client_id: String,
    pub instance_id: Option<String>,
    pub host: String,
    pub assignment: Partitions,
}

#[derive(Debug, Clone, Serialize)]
pub struct GroupDescription {
    pub group: String,
    pub state: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub assignor: String,
    /// The broker that coordinates it. -1: not known.
    pub coordinator: i32,
    pub members: Vec<Member>,
    pub error: Option<KafkaError>,
}

impl GroupDescription {
    pub fn has_members(&self) -> bool {
        !self.members.is_empty()
    }
}

pub fn list(client: &Client, call: &Call) -> Result<Vec<GroupListing>> {
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, |question| {
        // SAFETY: a living client.
        unsafe { sys::rd_kafka_ListConsumerGroups(question.client(), question.options(), question.queue()) };
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind; everything in it lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroups_result(event.as_ptr());
        let errors = sys::rd_kafka_ListConsumerGroups_result_errors(result, &mut count);
        let mut errors = rows(errors, count).iter().filter_map(|error| borrowed_error(*error));
        // The groups of a broker that is down have another coordinator by now. Without any answer it is a failure.
        let valid = sys::rd_kafka_ListConsumerGroups_result_valid(result, &mut count);
        if let Some(error) = errors.find(|error| count == 0 || !error.retryable) {
            return Err(client.failed(call, error));
        }
        let groups = rows(valid, count).iter().map(|group| GroupListing {
            group: text(sys::rd_kafka_ConsumerGroupListing_group_id(*group)).unwrap_or_default(),
            state: STATES.name(rd_kafka_ConsumerGroupListing_state(*group)),
            kind: GROUP_TYPES.name(rd_kafka_ConsumerGroupListing_type(*group)),
            simple: sys::rd_kafka_ConsumerGroupListing_is_simple_consumer_group(*group) != 0,
        });
        let mut groups: Vec<_> = groups.collect();
        groups.sort_by(|one, other| one.group.cmp(&other.group));
        Ok(groups)
    }
}

/// A group that does not exist is "dead", without members.
pub fn describe(client: &Client, call: &Call, groups: &[String]) -> Result<Vec<GroupDescription>> {
    let names = c_strings("group", groups)?;
    let kind = Kind::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let events = client.ask_all(call, kind, names.len(), |index, question| {
        let mut name = names[index].as_ptr();
        let (options, queue) = (question.options(), question.queue());
        // SAFETY: a living client; the name is copied.
        unsafe { sys::rd_kafka_DescribeConsumerGroups(question.client(), &mut name, 1, options, queue) };
        Ok(())
    })?;
    let mut found = Vec::with_capacity(groups.len());
    for event in &events {
        if let Some(error) = event.error() {
            return Err(call.failed(error));
        }
        let mut count = 0;
        // SAFETY: an answer of this kind; everything in it lives as long as it.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
            let rows = rows(
                sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count),
                count,
            );
            found.extend(rows.iter().map(|row| description(*row)));
        }
    }
    for group in &mut found {
        // Brokers from 4.0 on say so of a group that they do not have; older ones call it dead.
        if group
            .error
            .as_ref()
            .is_some_and(|error| error.code == "group_id_not_found")
        {
            group.error = None;
            group.state = STATES.name(4);
        }
    }
    Ok(found)
}

/// The first error of the groups, if there is any.
pub fn checked(call: &Call, found: Vec<GroupDescription>) -> Result<Vec<GroupDescription>> {
    match found.iter().find_map(|group| group.error.clone()) {
        Some(error) => Err(call.failed(error)),
        None => Ok(found),
    }
}

/// # Safety
/// A living description.
unsafe fn description(group: *const sys::rd_kafka_ConsumerGroupDescription_t) -> GroupDescription {
    // SAFETY: by contract; what belongs to it lives as long as it.
    unsafe {
        let coordinator = sys::rd_kafka_ConsumerGroupDescription_coordinator(group);
        let count = sys::rd_kafka_ConsumerGroupDescription_member_count(group);
        let members = (0..count).map(|index| member(sys::rd_kafka_ConsumerGroupDescription_member(group, index)));
        GroupDescription {
            group: text(sys::rd_kafka_ConsumerGroupDescription_group_id(group)).unwrap_or_default(),
            state: STATES.name(rd_kafka_ConsumerGroupDescription_state(group)),
            kind: GROUP_TYPES.name(rd_kafka_ConsumerGroupDescription_type(group)),
            assignor: text(sys::rd_kafka_ConsumerGroupDescription_partition_assignor(group)).unwrap_or_default(),
            coordinator: if coordinator.is_null() {
                -1
            } else {
                sys::rd_kafka_Node_id(coordinator)
            },
            members: members.collect(),
            error: borrowed_error(sys::rd_kafka_ConsumerGroupDescription_error(group)),
        }
    }
}

/// # Safety
/// A living member.
unsafe fn member(member: *const sys::rd_kafka_MemberDescription_t) -> Member {
    let mut assignment = Partitions::new();
    // SAFETY: by contract.
    unsafe {
        let assigned = sys::rd_kafka_MemberDescription_assignment(member);
        if !assigned.is_null() {
            for row in copy_rows(sys::rd_kafka_MemberAssignment_partitions(assigned)) {
                assignment.entry(row.topic).or_default().push(row.partition);
            }
        }
        assignment
            .values_mut()
            .for_each(|partitions| partitions.sort_unstable());
        Member {
            member_id: text(sys::rd_kafka_MemberDescription_consumer_id(member)).unwrap_or_default(),
            client_id: text(sys::rd_kafka_MemberDescription_client_id(member)).unwrap_or_default(),
            instance_id: text(sys::rd_kafka_MemberDescription_group_instance_id(member)).filter(|id| !id.is_empty()),
            host: text(sys::rd_kafka_MemberDescription_host(member)).unwrap_or_default(),
            assignment,
        }
    }
}

pub fn delete(client: &Client, call: &Call, group: &str) -> Result<()> {
    let name = c_string("group", group)?;
    let event = client.ask(call, Kind::RD_KAFKA_ADMIN_OP_DELETEGROUPS, |question| {
        // SAFETY: a living client; what is made here is copied and destroyed once.
        unsafe {
            let mut made = sys::rd_kafka_DeleteGroup_new(name.as_ptr());
            sys::rd_kafka_DeleteGroups(question.client(), &mut made, 1, question.options(), question.queue());
            sys::rd_kafka_DeleteGroup_destroy(made);
        }
        Ok(())
    })?;
    let mut count = 0;
    // SAFETY: an answer of this kind, which is alive.
    unsafe {
        let result = sys::rd_kafka_event_DeleteGroups_result(event.as_ptr());
        check(
            call,
            sys::rd_kafka_DeleteGroups_result_groups(result, &mut count),
            count,
        )
    }
}

/// The first error of the groups and their partitions.
///
/// # Safety
/// The rows of a living answer.
pub unsafe fn check(call: &Call, groups: *mut *const sys::rd_kafka_group_result_t, count: usize) -> Result<()> {
    // SAFETY: by contract.
    let found = unsafe {
        rows(groups, count).iter().find_map(|group| {
            let whole = borrowed_error(sys::rd_kafka_group_result_error(*group));
            whole.or_else(|| {
                let rows = copy_rows(sys::rd_kafka_group_result_partitions(*group));
                rows.into_iter().find_map(|row| row.error)
            })
        })
    };
    found.map_or(Ok(()), |error| Err(call.failed(error)))
}
