//! Moves the position: to where a consumer sought, or back to a failed message.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Partition, Pause, Position, State};
use crate::base::sync::MutexGuard;
use crate::consume::lanes::SeekRequest;
use crate::error::{Error, Result};
use crate::kafka::ffi::{OFFSET_BEGINNING, OFFSET_END};

/// How long one seek or time look-up may take before it is tried again.
const POSITION_TIMEOUT: Duration = Duration::from_secs(5);
const POSITION_RETRY: Duration = Duration::from_secs(1);

/// As numbers, so that they compare with offsets.
const BEGINNING: i64 = i64::MIN;
const END: i64 = i64::MAX;

impl Partition {
    /// Moves the position. No lease is out.
    pub(super) fn move_position(self: &Arc<Self>, mut state: MutexGuard<'_, State>, position: Position) {
        state.reading.seek = None;
        state.reading.drop_fetched();
        let mut requests = state.work.take_seeks();
        if requests.is_empty() {
            let request = SeekRequest {
                position,
                behind: END,
                forgets: true,
            };
            requests.insert(usize::MAX, request);
        }
        state.moving = Some(Instant::now());
        let moved = match state.unlocked(|| self.resolve(requests.values())) {
            Ok((target, request)) => {
                let processed = self.marks.marked();
                let target = self.forget_from(&mut state, target, request);
                let again = match target {
                    BEGINNING => Position::Earliest,
                    END => Position::Latest,
                    offset => Position::Offset(offset),
                };
                state
                    .unlocked(|| self.read_from(target, processed))
                    .map_err(|error| (error, again))
            }
            Err(error) => {
                state.work.put_back(requests);
                Err((error, position))
            }
        };
        state.moving = None;
        self.settled.notify_all();
        if let Err((error, again)) = moved {
            self.report(error);
            state.reading.seek.get_or_insert(again);
            // The consumer may have paused it meanwhile.
            if state.reading.pause == Pause::No {
                state.reading.pause = Pause::Until(Instant::now() + POSITION_RETRY);
            }
        }
        drop(state);
        self.look_again();
    }

    /// The earliest of the requests, so that every lane gets the messages it has asked for.
    fn resolve<'a>(&self, requests: impl Iterator<Item = &'a SeekRequest>) -> Result<(i64, SeekRequest)> {
        let mut earliest: Option<(i64, SeekRequest)> = None;
        for request in requests {
            let target = match request.position {
                Position::Offset(offset) => offset,
                Position::Earliest => BEGINNING,
                Position::Latest => END,
                Position::TimeMs(time_ms) => {
                    let client = self.group.client().ok_or(Error::Closed)?;
                    let found = client.offset_for_time(&self.topic, self.number, time_ms, POSITION_TIMEOUT)?;
                    found.unwrap_or(END)
                }
            };
            let earlier = |(known, other): &(i64, SeekRequest)| {
                (target, std::cmp::Reverse(request.behind)) < (*known, std::cmp::Reverse(other.behind))
            };
            if earliest.as_ref().is_none_or(earlier) {
                earliest = Some((target, *request));
            }
        }
        earliest.ok_or(Error::Closed)
    }

    fn forget_from(&self, state: &mut State, target: i64, request: SeekRequest) -> i64 {
        let (target, forgets) = state.work.go_to(&self.marks, target, request);
        if forgets {
            self.forget_marks_from(state, Some(target));
        }
        if target != BEGINNING && target != END {
            self.marks.rewind(target);
        }
        target
    }

    /// `processed`: the offset after what was. Only what the log has lost behind that matters.
    fn read_from(&self, target: i64, processed: i64) -> Result<()> {
        let client = self.group.client().ok_or(Error::Closed)?;
        let offset = match target {
            BEGINNING => OFFSET_BEGINNING,
            END => OFFSET_END,
            offset => offset,
        };
        client.seek(&self.topic, self.number, offset, POSITION_TIMEOUT)?;
        self.moved();
        // The next message may have any offset.
        self.fetched_to.store(-1, Ordering::Relaxed);
        let moved_to = match target {
            BEGINNING | END => -1,
            offset => offset.max(processed),
        };
        self.moved_to.store(moved_to, Ordering::Relaxed);
        Ok(())
    }

    /// Reading goes on where it is. Where that fails the next drain tries again.
    pub(super) fn put_right(&self) {
        let next = self.fetched_to.load(Ordering::Relaxed);
        let Some(client) = self.group.client().filter(|_| next >= 0) else {
            return;
        };
        match client.seek(&self.topic, self.number, next, POSITION_TIMEOUT) {
            Ok(()) => self.moved(),
            Err(error) => self.report(error),
        }
    }

    /// What was taken out of librdkafka's queue before is not of the new position.
    pub(super) fn moved(&self) {
        if let Some(fetch_queue) = self.fetch_queue.lock().as_mut() {
            fetch_queue.queue.moved();
        }
    }
}
