//! A cooperative rebalance has two rounds of joining: after the first one members give up what moves, in the second one
//! others get it. A member that gives something up joins the second round at once. For all others librdkafka waits until a
//! heartbeat asks for it, and then until a second has passed since they joined the first one; meanwhile nobody has what moves.
//!
//! A round that brings nothing to a member is the first of two for it, as a rule: it has just come, or others exchange
//! something. So it asks for the second one right away. Where there was nothing to exchange, that is a round more in which
//! nothing stands still.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::Poller;
use crate::kafka::client::ConsumerClient;

/// After another round it asks for none: rounds would cause rounds. Longer than one takes, with its commits and leases.
const QUIET: Duration = Duration::from_secs(10);

/// When the last round of this client was.
#[derive(Debug, Default)]
pub(super) struct CooperativeRejoin(Cell<Option<Instant>>);

impl CooperativeRejoin {
    /// A round has brought something, or it took something away: librdkafka goes on by itself.
    pub(super) fn note(&self) {
        self.0.set(Some(Instant::now()));
    }

    /// A round has brought nothing. Whether to ask for another one.
    fn is_wanted(&self, now: Instant) -> bool {
        let last = self.0.replace(Some(now));
        last.is_none_or(|last| now.saturating_duration_since(last) > QUIET)
    }
}

impl Poller {
    /// Before the empty assignment is accepted in librdkafka: a subscription that is set until then makes it join
    /// again at once. It is the one we have, so nothing else changes.
    pub(super) fn ask_for_second_round(&self, client: &ConsumerClient) {
        let wanted = self.cooperative_rejoin.is_wanted(Instant::now());
        if !wanted || self.group.is_stopping() || self.group.is_away() || !client.rebalances_in_two_rounds() {
            return;
        }
        if let Err(error) = client.subscribe(&self.group.config.subscription()) {
            self.report(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_another_one_has_caused_causes_none() {
        let rejoin = CooperativeRejoin::default();
        let start = Instant::now();
        assert!(rejoin.is_wanted(start), "the first one of a new member");
        assert!(!rejoin.is_wanted(start + Duration::from_millis(50)));
        // Each round counts, also those after which nothing was asked for.
        assert!(!rejoin.is_wanted(start + QUIET));
        assert!(rejoin.is_wanted(start + QUIET + QUIET + Duration::from_secs(1)));
        rejoin.note();
        assert!(!rejoin.is_wanted(Instant::now()));
    }
}
