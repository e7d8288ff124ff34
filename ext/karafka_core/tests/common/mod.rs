//! What the engine's tests share. Not every program of them uses all of it.
#![allow(dead_code, unused_imports)]

mod configs;
mod harness;
mod kafka;
mod ledger;
mod log;
mod random;
mod sender;
mod time;
mod waits;

pub use configs::*;
pub use harness::*;
pub use kafka::*;
pub use ledger::*;
pub use log::*;
pub use random::*;
pub use sender::*;
pub use time::*;
pub use waits::*;
