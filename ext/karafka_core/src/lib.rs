//! The engine of karafka-rs: fetch, assignment, batches, leases, offsets. No Ruby.
