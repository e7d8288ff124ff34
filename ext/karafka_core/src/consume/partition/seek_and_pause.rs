//! A consumer's requests while it has a lease: where and when reading goes on once that is settled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Pause, Position, State};
use crate::consume::lanes::SeekRequest;
use crate::consume::lease::Delivery;

impl Partition {
    /// See `Lease::seek`.
    pub(crate) fn seek(self: &Arc<Self>, delivery: &Delivery, position: Position, forgets: bool) -> bool {
        self.change(|state| {
            if state.work.request_seek(delivery, request(delivery, position, forgets)) {
                self.forget_marks_from(state, position.lower_bound());
            }
            state.reading.seek = Some(position);
        })
    }

    /// See `Lease::is_seeking`.
    pub(crate) fn is_seeking(&self) -> bool {
        !self.group.guard.is_foreign() && self.state.lock().reading.seek.is_some()
    }

    /// See `Lease::pause`.
    pub(crate) fn pause(
        self: &Arc<Self>,
        delivery: &Delivery,
        offset: Option<i64>,
        duration: Option<Duration>,
    ) -> bool {
        self.change(|state| {
            let until = duration.and_then(|duration| Instant::now().checked_add(duration));
            state.reading.pause = until.map_or(Pause::UntilResumed, Pause::Until);
            if let Some(offset) = offset {
                let position = Position::Offset(offset);
                state.work.request_seek(delivery, request(delivery, position, false));
                state.reading.seek = Some(position);
            }
        })
    }

    /// See `Lease::resume`.
    pub(crate) fn resume(self: &Arc<Self>, delivery: &Delivery) -> bool {
        self.change(|state| {
            state.reading.pause = Pause::No;
            state.work.resume(delivery);
        })
    }

    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) -> bool {
        if !self.is_alive() {
            return false;
        }
        change(&mut self.state.lock());
        self.notify();
        self.is_alive()
    }
}

fn request(delivery: &Delivery, position: Position, forgets: bool) -> SeekRequest {
    SeekRequest {
        position,
        behind: delivery.messages.last_offset().unwrap_or(i64::MAX),
        forgets,
    }
}
