//! The end of a lane's lease, and the offset that may be committed.

use std::time::{Duration, Instant};

use super::window::Parallel;
use crate::batch::Slice;
use crate::consume::lanes::SeekRequest;
use crate::consume::lease::{Delivery, Kind, Settlement};
use crate::consume::marks::Marks;
use crate::consume::partition::{Partition, Pause, Position, Reading};

impl Parallel {
    pub fn settle(
        &mut self,
        partition: &Partition,
        reading: &mut Reading,
        (delivery, settlement, delay): (&Delivery, Settlement, Duration),
    ) {
        let (lane, now) = (delivery.lane(), Instant::now());
        if delivery.kind == Kind::Keys {
            self.asked = None;
        }
        let counts = !matches!(settlement, Settlement::Untried { .. });
        match (settlement, delivery.kind) {
            (Settlement::Ack | Settlement::Release, Kind::Keys) => {}
            (Settlement::Ack, _) => self.lanes.ack(lane),
            (Settlement::Release, _) => self.lanes.release(lane),
            (Settlement::SkipMessage { offset, mark }, _) => self.lanes.skip_message(lane, offset, mark, now),
            (_, Kind::Consume) => {
                // Unmarked messages come again, in this lane, one by one.
                let pause = |failures| partition.config().backoff(failures);
                self.lanes.retry(lane, now, delay, counts, pause);
                if now.checked_add(delay).is_none() {
                    reading.pause = Pause::UntilResumed;
                }
            }
            (_, Kind::Keys) => self.ask_again_at = now.checked_add(delay),
            (_, _) => self.lanes.release(lane),
        }
        self.publish(&partition.marks);
    }

    pub fn end_back_off(&mut self, reading: &mut Reading) {
        if self.lanes.end_back_offs(Instant::now()) && reading.pause == Pause::UntilResumed {
            reading.pause = Pause::No;
        }
    }

    /// Marks everything before the first message that is not finished.
    pub fn publish(&self, marks: &Marks) {
        let frontier = self.lanes.acks.frontier();
        if frontier >= 0 {
            marks.mark(frontier - 1);
        }
    }

    /// See `Work::go_to`.
    pub fn go_to(&mut self, marks: &Marks, target: i64, request: SeekRequest) -> (i64, bool) {
        self.unspread = None;
        let target = self.lanes.go_to(target, request.behind);
        let nothing_before = self.lanes.acks.unfinished() == 0;
        self.publish(marks);
        // Else the marks are right already: the first unfinished message bounds them.
        (target, request.forgets && nothing_before && target <= marks.marked())
    }

    /// One for each lane with a consumer.
    pub fn final_delivery(&mut self, kind: Kind) -> Option<Delivery> {
        self.unspread = None;
        self.lanes.drop_waiting();
        let lane = self.lanes.next_final()?;
        self.lanes.hold(lane, kind, Instant::now());
        Some(Delivery::of_lane(lane, kind, Slice::empty(), 1))
    }

    pub fn is_over(&self) -> bool {
        self.lanes.is_over() && self.asked.is_none()
    }

    pub fn abandon(&mut self) {
        self.asked = None;
        self.lanes.abandon();
    }

    pub fn unmarked_index(&self, delivery: &Delivery) -> Option<usize> {
        if self.lanes.sought(delivery.lane()).is_some() {
            return None;
        }
        (0..delivery.messages.len()).find(|index| {
            let offset = delivery.messages.offset(*index);
            offset.is_some_and(|offset| self.lanes.is_delivered(delivery.lane(), offset))
        })
    }

    pub fn seek_offset(&self, delivery: &Delivery) -> i64 {
        let unfinished = || Some(self.lanes.first_unfinished(delivery.lane())).filter(|offset| *offset >= 0);
        let offset = match self.lanes.sought(delivery.lane()) {
            Some(Position::Offset(sought)) => Some(sought),
            _ => unfinished(),
        };
        offset.or_else(|| delivery.messages.first_offset()).unwrap_or(-1)
    }
}
