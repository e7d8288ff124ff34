//! What can be asked, and the answers, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::acls::{self, Acl, AclFilter};
use super::client::{Call, Client};
use super::commits::{self, list_of, CommittedOffset};
use super::configs::{self, ConfigResource, NamedResource};
use super::groups::{self, GroupDescription, GroupListing};
use super::lags::{self, Lags};
use super::metadata::{self, Cluster, TopicDescription};
use super::offsets::{self, LogOffset, OffsetQuestion, Partitions};
use super::rebalance;
use super::rights::{self, Rights};
use super::seeks::{self, SeekOutcome, Targets};
use super::topics::{self, NewTopic};
use crate::error::Result;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    CreateTopic(NewTopic),
    DeleteTopic {
        name: String,
    },
    CreatePartitions {
        name: String,
        total: u32,
        validate_only: bool,
    },
    DescribeTopics {
        names: Vec<String>,
    },
    ListTopics {},
    DescribeCluster {},
    ElectLeaders {
        partitions: Option<Partitions>,
        unclean: bool,
    },
    ListOffsets {
        offsets: Vec<OffsetQuestion>,
        committed_only: bool,
    },
    DeleteRecords {
        offsets: Vec<OffsetQuestion>,
    },
    ListGroups {},
    DescribeGroups {
        groups: Vec<String>,
    },
    DeleteGroup {
        group: String,
    },
    CommittedOffsets {
        groups: BTreeMap<String, Option<Partitions>>,
    },
    AlterOffsets {
        group: String,
        offsets: Vec<CommittedOffset>,
    },
    DeleteOffsets {
        group: String,
        partitions: Partitions,
    },
    SeekGroup {
        group: String,
        targets: Targets,
        dry_run: bool,
    },
    /// `kafka`: settings of a consumer, without its group.
    TriggerRebalance {
        group: String,
        kafka: BTreeMap<String, String>,
    },
    Lags {
        groups: BTreeMap<String, Option<Vec<String>>>,
    },
    /// What this client may do.
    Rights {
        topics: Vec<String>,
        groups: Vec<String>,
    },
    DescribeConfigs {
        resources: Vec<NamedResource>,
    },
    AlterConfigs {
        resources: Vec<NamedResource>,
        validate_only: bool,
    },
    CreateAcl(AclFilter),
    DescribeAcls(AclFilter),
    DeleteAcls(AclFilter),
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Done(bool),
    Topics(Vec<TopicDescription>),
    Cluster(Cluster),
    Elected(Vec<(String, i32)>),
    LogOffsets(Vec<LogOffset>),
    Beginnings(Vec<(String, i32, i64)>),
    Listing(Vec<GroupListing>),
    Groups(Vec<GroupDescription>),
    Committed(BTreeMap<String, Vec<CommittedOffset>>),
    Sought(SeekOutcome),
    Lags(Lags),
    Rights(Rights),
    Configs(Vec<ConfigResource>),
    Acls(Vec<Acl>),
}

impl Request {
    /// For errors.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Request::CreateTopic(_) => "creating a topic",
            Request::DeleteTopic { .. } => "deleting a topic",
            Request::CreatePartitions { .. } => "adding partitions",
            Request::DescribeTopics { .. } => "looking up topics",
            Request::ListTopics {} => "listing topics",
            Request::DescribeCluster {} => "looking up the cluster",
            Request::ElectLeaders { .. } => "electing leaders",
            Request::ListOffsets { .. } => "looking up offsets",
            Request::DeleteRecords { .. } => "deleting records",
            Request::ListGroups {} => "listing groups",
            Request::DescribeGroups { .. } => "looking up groups",
            Request::DeleteGroup { .. } => "deleting a group",
            Request::CommittedOffsets { .. } => "looking up committed offsets",
            Request::AlterOffsets { .. } => "committing offsets for a group",
            Request::DeleteOffsets { .. } => "deleting committed offsets",
            Request::SeekGroup { .. } => "moving a group",
            Request::TriggerRebalance { .. } => "triggering a rebalance",
            Request::Lags { .. } => "reading lags",
            Request::Rights { .. } => "looking up rights",
            Request::DescribeConfigs { .. } => "reading settings",
            Request::AlterConfigs { .. } => "changing settings",
            Request::CreateAcl(_) => "creating an ACL",
            Request::DescribeAcls(_) => "reading ACLs",
            Request::DeleteAcls(_) => "deleting ACLs",
        }
    }

    /// Some: it asks for what groups have committed, and this is one of them.
    pub(super) fn group(&self) -> Option<&str> {
        match self {
            Request::CommittedOffsets { groups } => groups.keys().next().map(String::as_str),
            Request::Lags { groups } => groups.keys().next().map(String::as_str),
            _ => None,
        }
    }

    pub(super) fn answer(&self, client: &Client, call: &Call) -> Result<Answer> {
        let done = |()| Answer::Done(true);
        match self {
            Request::CreateTopic(topic) => topics::create(client, call, topic).map(done),
            Request::DeleteTopic { name } => topics::delete(client, call, name).map(done),
            Request::CreatePartitions {
                name,
                total,
                validate_only,
            } => topics::create_partitions(client, call, name, *total, *validate_only).map(done),
            Request::DescribeTopics { names } => {
                let found = metadata::describe(client, call, names)?;
                metadata::checked(call, found).map(Answer::Topics)
            }
            Request::ListTopics {} => metadata::all(client, call).map(Answer::Topics),
            Request::DescribeCluster {} => metadata::cluster(client, call).map(Answer::Cluster),
            Request::ElectLeaders { partitions, unclean } => {
                let list = partitions.as_ref().map(list_of).transpose()?;
                topics::elect(client, call, list.as_ref(), *unclean).map(Answer::Elected)
            }
            Request::ListOffsets {
                offsets,
                committed_only,
            } => {
                let found = offsets::list(client, call, offsets, *committed_only)?;
                offsets::checked(call, found).map(Answer::LogOffsets)
            }
            Request::DeleteRecords { offsets } => offsets::delete_before(client, call, offsets).map(Answer::Beginnings),
            Request::ListGroups {} => groups::list(client, call).map(Answer::Listing),
            Request::DescribeGroups { groups } => {
                let found = groups::describe(client, call, groups)?;
                groups::checked(call, found).map(Answer::Groups)
            }
            Request::DeleteGroup { group } => groups::delete(client, call, group).map(done),
            Request::CommittedOffsets { groups } => commits::read(client, call, groups).map(Answer::Committed),
            Request::AlterOffsets { group, offsets } => commits::alter(client, call, group, offsets).map(done),
            Request::DeleteOffsets { group, partitions } => {
                commits::delete_offsets(client, call, group, partitions).map(done)
            }
            Request::SeekGroup {
                group,
                targets,
                dry_run,
            } => seeks::seek(client, call, group, targets, *dry_run).map(Answer::Sought),
            Request::TriggerRebalance { group, kafka } => {
                rebalance::trigger(client, call, group, kafka.clone()).map(Answer::Done)
            }
            Request::Lags { groups } => lags::read(client, call, groups).map(Answer::Lags),
            Request::Rights { topics, groups } => rights::read(client, call, topics, groups).map(Answer::Rights),
            Request::DescribeConfigs { resources } => configs::describe(client, call, resources).map(Answer::Configs),
            Request::AlterConfigs {
                resources,
                validate_only,
            } => configs::alter(client, call, resources, *validate_only).map(done),
            Request::CreateAcl(rule) => acls::create(client, call, rule).map(done),
            Request::DescribeAcls(filter) => acls::describe(client, call, filter).map(Answer::Acls),
            Request::DeleteAcls(filter) => acls::delete(client, call, filter).map(Answer::Acls),
        }
    }
}
