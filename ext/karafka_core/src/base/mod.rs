//! What any program needs and knows nothing of Kafka: locks, forks, threads, memory.

pub(crate) mod allocator;
pub(crate) mod arena_pool;
pub(crate) mod background;
pub mod cancel;
pub(crate) mod clock;
pub mod errand;
pub mod fork;
pub mod fork_files;
pub mod heartbeat;
pub mod memory;
pub(crate) mod per_process;
pub(crate) mod sync;
