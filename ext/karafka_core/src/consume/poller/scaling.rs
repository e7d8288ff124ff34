//! A client that is one of several for the same topics: it comes when there is work for it, and goes when there is none.

use std::time::{Duration, Instant};

use super::Poller;
use crate::consume::multiplexing::Told;
use crate::error::Result;
use crate::event::Event;
use crate::kafka::client::ConsumerClient;

/// How long a wait for its turn lasts in one go; everything urgent wakes the thread.
const WAIT: Duration = Duration::from_secs(1);

impl Poller {
    /// A new client, when one is wanted. None: the engine stops.
    pub(super) fn await_client(&self) -> Result<Option<ConsumerClient>> {
        let mut waited = false;
        loop {
            self.group.polled_now();
            if self.group.is_stopping() {
                return Ok(None);
            }
            if let Some((all, place)) = self.group.connections() {
                if !all.await_turn(place, WAIT, || self.group.is_stopping()) {
                    waited = true;
                    continue;
                }
            }
            match (
                ConsumerClient::new(&self.group.config, &self.group.doubt, self.group.troubles()),
                self.group.connections(),
            ) {
                (Err(error), Some((all, place))) if waited => {
                    // The others go on without it.
                    all.failed(place, Instant::now());
                    self.report(error);
                }
                (client, _) => return client.map(Some),
            }
        }
    }

    /// Says what this client has, and whether it is to go.
    pub(super) fn is_not_needed(&self) -> bool {
        let Some((all, place)) = self.group.connections() else {
            return false;
        };
        if self.group.is_winding_down() {
            return false;
        }
        let partitions = {
            let assignment = self.group.assignment.lock();
            let busy = assignment.departing.iter().any(|partition| !partition.is_finished());
            (!busy && !self.group.is_away()).then_some(assignment.current.len())
        };
        let (clients, grown) = match all.report(place, partitions, Instant::now()) {
            Told::Nothing => return false,
            Told::Leave(left) => (left, false),
            Told::Grown(count) => (count, true),
        };
        self.group.emit(Event::Scaled {
            group: self.group.id.clone(),
            clients,
            grown,
        });
        !grown
    }
}
