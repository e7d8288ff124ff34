//! Administration of a cluster: topics, consumer groups, offsets, settings and rights. Clients of its own for as long as it is
//! used; a request is data, and so is its answer. Blocking calls with a deadline, ended early by `close`.

mod acls;
mod advice;
mod call;
mod client;
mod clients;
mod commits;
mod configs;
mod groups;
mod lags;
mod leaders;
mod metadata;
mod names;
mod offsets;
mod places;
mod question;
mod raw;
mod reader;
mod rebalance;
mod request;
mod rights;
mod seeks;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use acls::{Acl, AclFilter};
pub use commits::CommittedOffset;
pub use configs::{ConfigEntry, ConfigResource, NamedResource};
pub use groups::{GroupDescription, GroupListing, Member};
pub use lags::{Lag, Lags};
pub use metadata::{Broker, Cluster, PartitionDescription, TopicDescription};
pub use offsets::{LogOffset, OffsetQuestion};
pub use places::{Place, ReaderConfig};
pub use reader::{Read, ReadBatch, Reader};
pub use request::{Answer, Request};
pub use rights::{Right, Rights};
pub use seeks::{SeekOutcome, Target};
pub use topics::NewTopic;

use crate::error::Result;
use clients::Clients;

/// Clones ask through the same clients.
#[derive(Clone)]
pub struct Admin(Arc<Clients>);

impl Admin {
    /// librdkafka starts its threads and begins to connect. The settings are those that producers and consumers share.
    pub fn new(kafka: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Admin(Arc::new(Clients::new(kafka)?)))
    }

    /// Blocks until there is an answer, `within` has passed, or the client is closed.
    pub fn ask(&self, request: Request, within: Duration) -> Result<Answer> {
        self.0.ask(&request, within)
    }

    /// Code and text of what keeps it from its brokers, or did within this time.
    pub fn trouble(&self, within: Duration) -> Option<(String, String)> {
        self.0.trouble(within)
    }

    /// True in a process forked after this client was made: it must be forgotten there.
    pub fn is_foreign(&self) -> bool {
        self.0.is_foreign()
    }

    /// Ends whatever is being asked. The native client ends with the last clone, which may take librdkafka some time.
    pub fn close(self) {
        self.0.close();
    }
}
