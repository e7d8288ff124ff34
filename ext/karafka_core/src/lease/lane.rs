//! The lease of a lane: one of several of a partition. What it settles is this lane's, not the partition's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Kind, Lease};
use crate::batch::Slice;
use crate::lanes::Wish;
use crate::partition::{Lanes, Partition, Pause, Position, State};

impl Lease {
    pub(crate) fn of_lane(partition: Arc<Partition>, kind: Kind, messages: Slice, attempt: u32, lane: usize) -> Self {
        Lease {
            partition,
            kind,
            messages,
            attempt,
            // Its attempts are of its messages already.
            failed_at: i64::MAX,
            follows: -1,
            lane: Some(lane),
            settled: AtomicBool::new(false),
            taken_by: std::thread::current().id(),
        }
    }

    /// Which consumer of the partition this is for; 0 where it has only one.
    pub fn lane(&self) -> usize {
        self.lane.unwrap_or(0)
    }

    /// Different for each lane of each assignment of a partition.
    pub fn assignment_id(&self) -> u64 {
        self.partition.id + self.lane() as u64
    }

    /// The keys of these messages (a lease of the kind `Keys`), in order. None: an order with no other message.
    pub fn spread(&self, keys: &[Option<i64>]) {
        if self.kind == Kind::Keys && !self.is_settled() && !self.partition.group.guard.is_foreign() {
            self.partition.spread(&self.messages, keys);
        }
    }

    fn settle_lane(&self, rests: bool, change: impl FnOnce(&mut State, &mut Lanes)) -> bool {
        // In a forked child the locks may be held by threads that are not there.
        if self.settled.swap(true, Ordering::AcqRel) || self.partition.group.guard.is_foreign() {
            return false;
        }
        let comes_back = self.taken_by == std::thread::current().id();
        let keys = self.kind == Kind::Keys;
        self.partition.finish_lane(comes_back, rests, keys, change)
    }

    pub(super) fn wish(&self, position: Position, forgets: bool) -> Wish {
        Wish {
            position,
            behind: self.messages.last_offset().unwrap_or(i64::MAX),
            forgets,
        }
    }

    pub(super) fn ack_lane(&self, lane: usize) -> bool {
        let kind = self.kind;
        self.settle_lane(kind == Kind::Consume, |_, lanes| {
            if kind != Kind::Keys {
                lanes.ack(lane);
            }
        })
    }

    pub(super) fn release_lane(&self, lane: usize) -> bool {
        let kind = self.kind;
        self.settle_lane(kind == Kind::Consume, |_, lanes| {
            if kind != Kind::Keys {
                lanes.release(lane);
            }
        })
    }

    /// What is not marked comes again, in this lane, one by one. The longest wait there is stands for "until resumed".
    pub(super) fn retry_lane(&self, lane: usize, delay: Duration) -> Option<Duration> {
        let config = self.partition.config();
        let rests = matches!(self.kind, Kind::Consume | Kind::Idle);
        let now = Instant::now();
        let alive = self.settle_lane(rests, |state, lanes| match self.kind {
            Kind::Consume => {
                lanes.retry(lane, now, delay, |failures| config.backoff(failures));
                if now.checked_add(delay).is_none() {
                    state.pause = Pause::UntilResumed;
                }
            }
            Kind::Keys => state.ask_again_at = now.checked_add(delay),
            _ => lanes.release(lane),
        });
        alive.then_some(delay)
    }

    pub(super) fn give_up_lane(&self, lane: usize, offset: i64, mark: bool) -> bool {
        self.settle_lane(true, |_, lanes| lanes.give_up(lane, offset, mark, Instant::now()))
    }

    pub(super) fn unmarked_lane(&self, lane: usize) -> Option<usize> {
        let state = self.partition.state.lock();
        let lanes = &state.parallel.as_ref()?.lanes;
        if lanes.wished(lane).is_some() {
            return None;
        }
        (0..self.messages.len()).find(|index| {
            let offset = self.messages.offset(*index);
            offset.is_some_and(|offset| lanes.is_delivered(lane, offset))
        })
    }

    pub(super) fn seek_offset_lane(&self, lane: usize) -> i64 {
        if self.partition.group.guard.is_foreign() {
            return self.messages.first_offset().unwrap_or(-1);
        }
        let state = self.partition.state.lock();
        let lanes = state.parallel.as_ref().map(|parallel| &parallel.lanes);
        let sought = lanes.and_then(|lanes| lanes.wished(lane));
        match (sought, lanes.map(|lanes| lanes.first_unfinished(lane))) {
            (Some(Position::Offset(sought)), _) => sought,
            (_, Some(unfinished)) if unfinished >= 0 => unfinished,
            _ => self.messages.first_offset().unwrap_or(-1),
        }
    }
}
