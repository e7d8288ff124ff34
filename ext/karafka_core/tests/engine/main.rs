//! The engine against a mock cluster and real Kafka: one file a behaviour, one program, so that it is linked once.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod after_pauses;
mod brokers;
mod coordinators;
mod delivery;
mod ends_of_logs;
mod failures;
mod fair_queue;
mod groups;
mod heartbeats;
mod hostile_messages;
mod identity;
mod interrupts;
mod leases;
mod lessons;
mod lessons_offsets;
mod membership;
mod memory;
mod multiplexing;
mod observing;
mod observing_http;
mod offsets;
mod operator_pauses;
mod parallel;
mod positions;
mod rebalance;
mod recreated;
mod selection;
mod settings;
mod shutdown;
mod slow_work;
mod taking;
