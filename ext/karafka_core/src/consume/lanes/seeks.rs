//! A seek where several lanes have messages: reading goes on elsewhere, and unfinished messages of any lane stay unfinished.
//! A lane's request only concerns its own messages.

use std::collections::BTreeMap;

use super::{Entry, Lanes};
use crate::consume::partition::Position;

/// A lane's request to go on reading elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeekRequest {
    pub position: Position,
    /// The last message the lane was handed. A seek forward skips messages that wait behind it, none that are before it.
    pub behind: i64,
    /// Marks beyond the new position are forgotten.
    pub forgets: bool,
}

#[derive(Debug, Default)]
pub(super) struct Seeks {
    requests: BTreeMap<usize, SeekRequest>,
    /// Messages acknowledged by lanes with a request: finished if they are before the new position, else they come again.
    processed: Vec<(usize, i64)>,
}

impl<M> Lanes<M> {
    /// Reading goes on there once no lane is out. A later request of the same lane replaces it.
    pub fn request_seek(&mut self, lane: usize, request: SeekRequest) {
        self.seeks.requests.insert(lane, request);
    }

    pub fn sought(&self, lane: usize) -> Option<Position> {
        self.seeks.requests.get(&lane).map(|request| request.position)
    }

    /// Takes the requests, to move there. Requests that come from now on are for the next move.
    pub fn take_seeks(&mut self) -> BTreeMap<usize, SeekRequest> {
        std::mem::take(&mut self.seeks.requests)
    }

    /// The move failed: the requests stay, unless a lane has made a newer one.
    pub fn put_back(&mut self, requests: BTreeMap<usize, SeekRequest>) {
        for (lane, request) in requests {
            self.seeks.requests.entry(lane).or_insert(request);
        }
    }

    /// Acknowledges a lane that has requested a seek: its messages are finished only if reading goes on behind them.
    pub(super) fn ack_later(&mut self, lane: usize) {
        let out = self.lanes[lane].delivered.iter().filter(|(_, (_, out))| *out);
        let offsets: Vec<(usize, i64)> = out.map(|(offset, _)| (lane, *offset)).collect();
        self.seeks.processed.extend(offsets);
        self.release(lane);
    }

    /// Reading goes on at `target`, while no lane is out. Messages from there on are forgotten, since they come again. Before
    /// it, messages behind `behind` that no lane has had yet are skipped; all other unfinished messages stay unfinished.
    /// Returns where reading has to go on: before `target` if a message up to `behind` has not been read again yet.
    pub fn go_to(&mut self, target: i64, behind: i64) -> i64 {
        let unread = self.acks.next();
        let target = if unread >= 0 && unread <= behind && behind != i64::MAX {
            target.min(unread)
        } else {
            target
        };
        for (lane, offset) in std::mem::take(&mut self.seeks.processed) {
            if offset < target {
                self.finish(lane, offset);
            }
        }
        for lane in &mut self.lanes {
            let held = lane.delivered.split_off(&target);
            let gone = held.into_values().chain(lane.retries.drop_from(target));
            for (id, blocking) in gone {
                if let Some(chain) = self.chains.get_mut(&id) {
                    chain.blocking -= usize::from(blocking);
                    chain.pending -= 1;
                }
            }
            lane.ready.clear();
        }
        self.ready.clear();
        self.waiting = 0;
        let mut order = Vec::new();
        for (id, chain) in &mut self.chains {
            let acks = &mut self.acks;
            chain.listed = false;
            chain.waiting.retain(|entry: &Entry<M>| {
                let stays = entry.offset < target && entry.offset <= behind;
                if !stays && entry.offset < target {
                    acks.finish(entry.offset);
                }
                stays
            });
            self.waiting += chain.waiting.len();
            order.push((chain.waiting.front().map_or(i64::MAX, |entry| entry.offset), *id));
        }
        self.acks.go_to(target);
        order.sort_unstable();
        for (_, id) in order {
            self.list(id);
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn request(offset: i64, behind: i64) -> SeekRequest {
        SeekRequest {
            position: Position::Offset(offset),
            behind,
            forgets: true,
        }
    }

    fn world(limit: usize, count: i64) -> (Lanes<()>, Instant) {
        let mut lanes = Lanes::new(limit);
        (0..count).for_each(|offset| assert!(lanes.admit(offset, None, ())));
        (lanes, Instant::now())
    }

    fn take(lanes: &mut Lanes<()>, now: Instant) -> Option<(usize, Vec<i64>)> {
        let crate::consume::lanes::Pick::Lane(lane) = lanes.pick(now) else {
            return None;
        };
        lanes.take(lane, now, (1, usize::MAX), |()| 1);
        Some((lane, lanes.entries(lane).iter().map(|entry| entry.offset).collect()))
    }

    #[test]
    fn what_other_lanes_have_not_finished_stays_unfinished() {
        let (mut lanes, now) = world(3, 3);
        let taken: Vec<_> = std::iter::from_fn(|| take(&mut lanes, now)).collect();
        assert_eq!(taken, [(0, vec![0]), (1, vec![1]), (2, vec![2])]);
        lanes.request_seek(2, request(2, 2));
        lanes.ack(2);
        lanes.retry(0, now, Duration::ZERO, true, |_| Duration::ZERO);
        lanes.release(1);
        lanes.go_to(2, 2);
        assert_eq!((lanes.acks.frontier(), lanes.acks.unfinished()), (-1, 2));
        assert!(lanes.admit(2, None, ()), "it comes again");
        assert_eq!(take(&mut lanes, now), Some((0, vec![0])), "so does what failed");
        lanes.ack(0);
        assert_eq!(lanes.acks.frontier(), 1, "what a consumer holds is passed by nothing");
        lanes.mark(1, 1);
        assert_eq!(lanes.acks.frontier(), 2);
    }

    #[test]
    fn what_is_processed_before_the_new_position_is_finished_and_what_waits_there_is_skipped() {
        let (mut lanes, now) = world(2, 6);
        assert_eq!(take(&mut lanes, now), Some((0, vec![0])));
        assert_eq!(take(&mut lanes, now), Some((1, vec![1])));
        lanes.request_seek(1, request(10, 1));
        lanes.ack(1);
        assert_eq!(
            lanes.acks.finished_beyond(),
            [],
            "not before it is known where reading goes on"
        );
        lanes.retry(0, now, Duration::ZERO, true, |_| Duration::ZERO);
        lanes.go_to(10, 1);
        assert_eq!((lanes.acks.frontier(), lanes.waiting()), (0, 0));
        assert_eq!(take(&mut lanes, now), Some((0, vec![0])));
        assert!(lanes.admit(10, None, ()));
        lanes.ack(0);
        assert_eq!(lanes.acks.frontier(), 10);
    }

    #[test]
    fn what_nobody_has_had_yet_and_is_before_the_lane_is_not_skipped() {
        let now = Instant::now();
        let mut lanes = Lanes::new(2);
        [(0, 1), (1, 1), (2, 2), (3, 3)].into_iter().for_each(|(offset, key)| {
            lanes.admit(offset, Some(key), ());
        });
        assert_eq!(take(&mut lanes, now), Some((0, vec![0])));
        assert_eq!(take(&mut lanes, now), Some((1, vec![2])));
        lanes.request_seek(1, request(20, 2));
        lanes.ack(1);
        lanes.ack(0);
        lanes.go_to(20, 2);
        assert_eq!(take(&mut lanes, now), Some((0, vec![1])), "it waits for its key");
        assert_eq!(take(&mut lanes, now), None);
        assert_eq!(lanes.acks.frontier(), 1);
    }
}
