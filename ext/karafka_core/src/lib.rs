//! The engine of karafka-rs: fetch, assignment, batches, leases, offsets. No Ruby.
//!
//! One batch, start to end: librdkafka fills a queue per partition and calls back (`partition`), the partition goes
//! on the `ready_queue`, a worker `take`s it (`engine`), drains it into a `batch`, gets a `lease`, settles it; the
//! `poller` commits what was marked.

mod ack_table;
mod arena_pool;
pub mod batch;
mod client;
pub mod commit_metadata;
pub mod config;
pub(crate) mod connections;
mod creation;
mod drain;
pub mod engine;
pub mod error;
pub mod event;
mod failures;
pub mod fork;
mod group;
pub mod holds;
pub mod json;
mod known_commits;
mod lanes;
mod leader_epochs;
pub mod lease;
mod mailbox;
mod marks;
mod metadata_limit;
pub mod mock_broker;
mod native;
pub mod only;
pub mod partition;
mod poller;
pub mod producer;
mod ready_queue;
mod resolver;
pub mod selection;
pub mod settings;
mod sync;
mod telemetry;
pub mod throttle;
pub mod transaction_offsets;
mod turns;

pub use native::PartitionRow;
