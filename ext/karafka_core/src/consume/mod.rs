//! Consuming: a group's poll thread, its partitions, the batches they hand out as leases, and their offsets.

pub(crate) mod ack_table;
pub(crate) mod beginning;
pub mod commit_metadata;
pub(crate) mod drain;
pub mod eligibility;
pub mod engine;
pub(crate) mod fair_queue;
pub(crate) mod group;
pub mod history;
pub(crate) mod known_commits;
pub(crate) mod lanes;
pub(crate) mod leader_epochs;
pub mod lease;
pub(crate) mod mailbox;
pub(crate) mod marks;
pub(crate) mod metadata_limit;
pub(crate) mod multiplexing;
pub mod operator_pauses;
pub mod partition;
pub(crate) mod poller;
pub(crate) mod ready_queue;
pub(crate) mod retry_state;
pub mod transaction_offsets;
pub mod workers;
