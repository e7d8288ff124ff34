//! What the consumers of lanes are told beside messages: that nothing comes, and that it is over.

use std::time::Instant;

use super::{Lane, Lanes};
use crate::lease::Kind;

impl<M> Lanes<M> {
    pub fn is_seen(&self, lane: usize) -> bool {
        self.lanes[lane].has_consumer
    }

    /// Somebody knows of the lane, and has to be told of its end.
    pub fn seen(&mut self, lane: usize) {
        self.lanes[lane].has_consumer = true;
    }

    /// The lane that speaks for the partition.
    pub fn first_lane(&self) -> usize {
        self.lanes.iter().position(|lane| lane.has_consumer).unwrap_or(0)
    }

    /// Nothing comes: each consumer may hear of it.
    pub fn begin_idle(&mut self) {
        for lane in &mut self.lanes {
            lane.idle_due = lane.has_consumer;
        }
    }

    pub fn has_idle(&self) -> bool {
        self.lanes.iter().any(|lane| lane.idle_due && lane.out.is_none())
    }

    /// Takes the next lane whose consumer is to hear that nothing comes.
    pub fn next_idle(&mut self, now: Instant) -> Option<usize> {
        let found = self.lanes.iter().position(|lane| lane.idle_due && lane.out.is_none())?;
        self.hold(found, Kind::Idle, now);
        Some(found)
    }

    /// A lane that somebody has seen, that is not out and that was not told yet; and marks it as told.
    pub fn farewell(&mut self) -> Option<usize> {
        let waits = |lane: &Lane<M>| lane.has_consumer && !lane.farewell_given && lane.out.is_none();
        let found = self.lanes.iter().position(waits)?;
        self.lanes[found].farewell_given = true;
        Some(found)
    }

    /// Every lane was told, and has come back.
    pub fn is_over(&self) -> bool {
        let over = |lane: &Lane<M>| lane.out.is_none() && (lane.farewell_given || !lane.has_consumer);
        self.lanes.iter().all(over)
    }
}
