//! librdkafka behind safe types: clients, their settings and errors, and what it lacks.

pub(crate) mod authorities;
pub(crate) mod client;
pub(crate) mod connector;
pub(crate) mod creation;
pub(crate) mod doubt;
pub(crate) mod fetch_limits;
pub(crate) mod fetch_queue;
pub(crate) mod fetched;
pub(crate) mod ffi;
pub(crate) mod heartbeats;
pub(crate) mod interceptors;
pub(crate) mod log;
pub(crate) mod meeting;
pub mod mock_broker;
pub mod oauth;
pub(crate) mod resolver;
pub mod settings;
pub(crate) mod topics;
pub(crate) mod troubles;
