//! The engine against a mock cluster and real Kafka: one file a behaviour, one program, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod brokers;
mod delivery;
mod failures;
mod groups;
mod holds;
mod hostile_messages;
mod interrupts;
mod leases;
mod lessons;
mod lessons_offsets;
mod membership;
mod memory;
mod multiplexing;
mod offsets;
mod parallel;
mod positions;
mod rebalance;
mod selection;
mod settings;
mod shutdown;
mod slow_work;
mod turns;
