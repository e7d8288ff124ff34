//! The leases of lanes without messages: that nothing comes, that the partition ends.

use std::time::Instant;

use super::{Lane, Lanes};
use crate::consume::lease::Kind;

impl<M> Lanes<M> {
    pub fn is_seen(&self, lane: usize) -> bool {
        self.lanes[lane].has_consumer
    }

    /// A consumer of the lane exists, so it gets a final lease.
    pub fn seen(&mut self, lane: usize) {
        self.lanes[lane].has_consumer = true;
    }

    /// The lane that speaks for the partition.
    pub fn first_lane(&self) -> usize {
        self.lanes.iter().position(|lane| lane.has_consumer).unwrap_or(0)
    }

    /// Nothing comes: each consumer gets an idle lease.
    pub fn begin_idle(&mut self) {
        for lane in &mut self.lanes {
            lane.idle_due = lane.has_consumer;
        }
    }

    pub fn has_idle(&self) -> bool {
        self.lanes.iter().any(|lane| lane.idle_due && lane.out.is_none())
    }

    /// Takes the next lane that is due an idle lease.
    pub fn next_idle(&mut self, now: Instant) -> Option<usize> {
        let found = self.lanes.iter().position(|lane| lane.idle_due && lane.out.is_none())?;
        self.hold(found, Kind::Idle, now);
        Some(found)
    }

    /// A lane with a consumer that is not out and has had no final lease; counts as having had it from now on.
    pub fn next_final(&mut self) -> Option<usize> {
        let waits = |lane: &Lane<M>| lane.has_consumer && !lane.final_given && lane.out.is_none();
        let found = self.lanes.iter().position(waits)?;
        self.lanes[found].final_given = true;
        Some(found)
    }

    /// Every lane with a consumer has had its final lease, and none is out.
    pub fn is_over(&self) -> bool {
        let over = |lane: &Lane<M>| lane.out.is_none() && (lane.final_given || !lane.has_consumer);
        self.lanes.iter().all(over)
    }
}
