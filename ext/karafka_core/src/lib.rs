//! The engine of karafka-rs: fetch, assignment, batches, leases, offsets. No Ruby.

pub mod error;
pub mod fork;
pub mod mock_broker;
pub mod producer;
pub mod settings;
