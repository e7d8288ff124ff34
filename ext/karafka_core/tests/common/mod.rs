//! What the engine's tests share. Not every program of them uses all of it.
#![allow(dead_code, unused_imports)]

mod configs;
mod coordinator_proxy;
mod harness;
mod kafka;
mod ledger;
mod log;
mod proxy;
mod random;
mod sender;
mod settle;
mod time;
mod topics_proxy;
mod waits;
mod without_id;

pub use configs::*;
pub use coordinator_proxy::*;
pub use harness::*;
pub use kafka::*;
pub use ledger::*;
pub use log::*;
pub use proxy::*;
pub use random::*;
pub use sender::*;
pub use settle::*;
pub use time::*;
pub use topics_proxy::*;
pub use waits::*;
pub use without_id::*;
