//! Giving up what was not delivered yet.

use std::time::{Duration, Instant};

use super::reports::report_resends_as_purged;
use super::Producer;
use crate::base::cancel::Cancel;
use crate::error::Result;

/// How long the reports of what was given up are waited for.
const REPORTS: Duration = Duration::from_secs(5);

/// A purge whose reports are on their way.
#[derive(Debug)]
pub struct Purge {
    /// Messages that may be given up.
    pub messages: usize,
    /// Those of them that librdkafka had.
    expected: usize,
    reported_before: usize,
    deadline: Instant,
}

impl Producer {
    /// Gives up everything that was not delivered yet; gives how many that may be. Their handles report it: most of them
    /// when this returns, all of them where nobody sends meanwhile.
    pub fn purge(&self) -> Result<usize> {
        let purge = self.begin_purge()?;
        let never = Cancel::new();
        while !self.finish_purge(&purge, &never) {}
        Ok(purge.messages)
    }

    pub fn begin_purge(&self) -> Result<Purge> {
        self.shared.check_open()?;
        let mut purge = Purge {
            messages: 0,
            expected: 0,
            reported_before: self.shared.reported_in_all(),
            deadline: Instant::now() + REPORTS,
        };
        if let Some(borrowed) = self.shared.borrow_client() {
            let client = borrowed.get()?;
            purge.messages = self.shared.in_flight();
            // A call that waits for room has messages that librdkafka does not know: nothing reports them now.
            purge.expected = purge.messages.min(client.queue_len());
            client.purge();
            purge.expected += report_resends_as_purged(&self.shared, client);
        }
        Ok(purge)
    }

    /// Waits until the reports were taken, a few seconds at most. False: cancelled.
    pub fn finish_purge(&self, purge: &Purge, cancel: &Cancel) -> bool {
        let _waits = self.shared.waits();
        let done = || {
            let reported = self.shared.reported_in_all().wrapping_sub(purge.reported_before);
            (self.shared.in_flight() == 0 || reported >= purge.expected).then_some(())
        };
        self.shared.room.retry(Some(purge.deadline), cancel, done).is_some() || Instant::now() >= purge.deadline
    }
}
