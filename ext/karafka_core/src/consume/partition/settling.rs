//! The end of a lease. What it means for the messages is in `Work`; here the partition goes on.

use std::sync::Arc;
use std::time::Duration;

use super::{Partition, State, Step};
use crate::base::sync::MutexGuard;
use crate::consume::lease::{Delivery, Kind, Settlement, Wait};
use crate::event::Event;

impl Partition {
    /// See `Lease::settle`. `took`: how long it was out. `comes_back`: this thread takes the next lease itself, so no other has to be woken.
    pub(crate) fn settle(
        self: &Arc<Self>,
        delivery: &Delivery,
        settlement: Settlement,
        (took, comes_back): (Duration, bool),
    ) -> Option<Duration> {
        if settlement == Settlement::Dropped && delivery.kind == Kind::Consume {
            self.report_abandoned(delivery);
        }
        let delay = self.delay(delivery, settlement);
        let mut state = self.state.lock();
        if self.restarts_idle_timer(delivery.kind, settlement) {
            self.start_idle_timer(&mut state);
        }
        let State { work, reading, .. } = &mut *state;
        let outcome = work.outcome(&self.marks, reading, (delivery, settlement));
        work.settle(self, reading, (delivery, settlement, delay));
        // Under the lock: `fence` comes before or after, not between the mark and this answer.
        let alive = self.is_alive();
        self.count_end(delivery, settlement, outcome, took);
        if state.work.is_shared() {
            self.lane_let_go(state, comes_back);
        } else if delivery.kind.is_final() {
            self.finish(state);
        } else {
            self.let_go(state, comes_back);
        }
        alive.then_some(delay)
    }

    fn report_abandoned(&self, delivery: &Delivery) {
        self.group.emit(Event::Abandoned {
            topic: self.topic.clone(),
            partition: self.number,
            offset: delivery.messages.first_offset().unwrap_or(-1),
        });
    }

    /// How long unprocessed messages wait. `Duration::MAX` stands for "until resumed".
    fn delay(&self, delivery: &Delivery, settlement: Settlement) -> Duration {
        match settlement {
            Settlement::Retry { wait, .. } => match wait {
                Wait::BackOff => self.config().backoff(self.attempt(delivery)),
                Wait::For(delay) => delay,
                Wait::UntilResumed => Duration::MAX,
            },
            Settlement::Untried { times } => self.config().backoff(times),
            Settlement::Ack | Settlement::Release | Settlement::SkipMessage { .. } | Settlement::Dropped => {
                Duration::ZERO
            }
        }
    }

    /// Whether `idle` comes after this lease: it had messages, or it was `idle` itself and failed.
    fn restarts_idle_timer(&self, kind: Kind, settlement: Settlement) -> bool {
        match kind {
            Kind::Consume => true,
            Kind::Idle => !matches!(settlement, Settlement::Ack | Settlement::Release),
            _ => false,
        }
    }

    /// The worker lets go of the partition, which is queued again if it has a next step. Else a notification queues it.
    fn let_go(self: &Arc<Self>, mut state: MutexGuard<'_, State>, comes_back: bool) {
        let again = match self.next_step(&mut state) {
            Step::Final(_) | Step::Seek(_) => true,
            Step::Messages => state.reading.has_more() || self.is_idle_due(&mut state),
            Step::At(at) => {
                self.wake_at(&mut state, at);
                false
            }
            Step::Wait => false,
        };
        drop(state);
        self.settled.notify_all();
        if again && comes_back {
            self.look_again();
        } else if again {
            self.requeue();
        } else {
            self.park();
        }
    }

    fn lane_let_go(self: &Arc<Self>, state: MutexGuard<'_, State>, comes_back: bool) {
        drop(state);
        self.settled.notify_all();
        if comes_back {
            self.notify_own();
        } else {
            self.notify();
        }
    }
}
