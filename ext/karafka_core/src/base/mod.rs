//! What any program needs and knows nothing of Kafka: locks, forks, threads, memory.

pub(crate) mod allocator;
pub(crate) mod arena_pool;
pub mod cancel;
pub mod errand;
pub mod fork;
pub mod fork_files;
pub mod heartbeat;
pub(crate) mod sync;
