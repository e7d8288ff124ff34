//! The engine of karafka-rs: fetch, assignment, batches, leases, offsets. No Ruby.
//!
//! One batch, start to end: librdkafka fills a queue per partition and calls back (`partition`), the partition goes
//! on the `ready_queue`, a worker `take`s it (`engine`), drains it into a `batch`, gets a `lease`, settles it; the
//! `poller` commits what was marked.

pub mod admin;
mod base;
pub mod batch;
pub mod config;
mod consume;
pub mod error;
pub mod event;
pub mod filter;
pub mod json;
mod kafka;
pub mod metrics;
pub mod observe;
pub mod produce;
pub mod trace;

pub use base::{cancel, errand, fork, fork_files, heartbeat, memory};
pub use consume::{
    commit_metadata, eligibility, engine, history, lease, operator_pauses, partition, transaction_offsets, workers,
};
pub use event::PartitionRow;
pub use kafka::{mock_broker, oauth, settings};
