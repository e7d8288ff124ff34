//! What is counted while the engine works. Each part keeps a handle to its own numbers, so nothing is looked up on the way of a
//! batch. The numbers belong to the process: an engine that is started again goes on with them, and a forked child begins anew.

mod catalogue;
mod registry;
mod values;

pub use catalogue::{find, json, Kind, Metric, CATALOGUE};
pub use registry::{registry, Cause, GroupMetrics, ProducedMetrics, Registry, TopicMetrics, CAUSES, OTHER};
pub use values::{Counter, Histogram, Reading};
