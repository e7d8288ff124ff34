//! Which lane gets which messages.

use std::time::Instant;

use super::{Entry, Lanes, NO_LANE};
use crate::consume::lease::Kind;

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    Lane(usize),
    /// Nothing before this time.
    At(Instant),
    Nothing,
}

impl<M> Lanes<M> {
    /// The lane to serve next: one with a failed message that is due, then one with chains that only it may take, then any.
    pub fn pick(&self, now: Instant) -> Pick {
        let mut found: Option<(u8, usize)> = None;
        let mut next: Option<Instant> = None;
        for (index, lane) in self.lanes.iter().enumerate() {
            if lane.out.is_some() {
                continue;
            }
            let retry = lane.retries.next_due();
            let own = !lane.ready.is_empty();
            let fresh = own || !self.ready.is_empty();
            let open = lane.blocked_until.unwrap_or(now).max(now);
            let at = match retry {
                Some(due) if !fresh => due.max(open),
                None if !fresh => continue,
                _ => open,
            };
            if at > now {
                next = Some(next.map_or(at, |next| next.min(at)));
                continue;
            }
            let rank = match retry {
                Some(due) if due <= now => 0,
                _ if own => 1,
                _ => 2,
            };
            if found.is_none_or(|(best, _)| rank < best) {
                found = Some((rank, index));
            }
        }
        match (found, next) {
            (Some((_, lane)), _) => Pick::Lane(lane),
            (None, Some(at)) => Pick::At(at),
            (None, None) => Pick::Nothing,
        }
    }

    /// Gives the lane its next messages, in `entries`. Returns the number of the attempt.
    /// A message that failed comes alone, so that it fails no other. Otherwise a lane gets its share of what waits,
    /// up to `max_messages` and `max_bytes`.
    pub fn take(
        &mut self,
        lane: usize,
        now: Instant,
        (max_messages, max_bytes): (usize, usize),
        bytes_of: impl Fn(&M) -> usize,
    ) -> u32 {
        self.hold(lane, Kind::Consume, now);
        if let Some(entry) = self.lanes[lane].retries.take(now) {
            let attempt = entry.failures.saturating_add(1);
            self.lanes[lane].delivered.insert(entry.offset, (entry.chain, true));
            self.lanes[lane].entries.push(entry);
            return attempt;
        }
        let share = self.share(max_messages);
        let mut bytes = 0;
        let mut full = false;
        while !full && self.lanes[lane].entries.len() < share {
            let own = self.lanes[lane].ready.pop_front();
            let Some(id) = own.or_else(|| self.ready.pop_front()) else {
                break;
            };
            let Some(chain) = self.chains.get_mut(&id) else {
                continue;
            };
            chain.listed = false;
            chain.lane = lane;
            while let Some(entry) = chain.waiting.front() {
                let taken = &mut self.lanes[lane];
                bytes += bytes_of(&entry.message);
                full = !taken.entries.is_empty() && (bytes > max_bytes || taken.entries.len() >= share);
                if full {
                    break;
                }
                chain.pending += 1;
                chain.blocking += 1;
                self.waiting -= 1;
                taken.delivered.insert(entry.offset, (id, true));
                taken.entries.extend(chain.waiting.pop_front());
            }
            if chain.blocking == 0 {
                // Nothing of it fitted: it stays in front.
                chain.listed = true;
                if chain.pending > 0 {
                    self.lanes[lane].ready.push_front(id);
                } else {
                    chain.lane = NO_LANE;
                    self.ready.push_front(id);
                }
            }
        }
        self.lanes[lane].entries.sort_unstable_by_key(|entry| entry.offset);
        1
    }

    /// The most that `take` gives the lane now.
    pub fn wanted(&self, lane: usize, now: Instant, max_messages: usize) -> usize {
        match self.lanes[lane].retries.next_due() {
            Some(due) if due <= now => 1,
            _ => self.share(max_messages),
        }
    }

    fn share(&self, max_messages: usize) -> usize {
        self.waiting.div_ceil(self.lanes.len()).clamp(1, max_messages.max(1))
    }

    /// Finishes those of the lane's new messages that need not go out any more. Returns their number.
    pub fn leave_out(&mut self, lane: usize, is_over: impl Fn(&M) -> bool) -> usize {
        let entries = self.lanes[lane].entries.iter();
        let over: Vec<i64> = entries
            .filter(|entry| is_over(&entry.message))
            .map(|entry| entry.offset)
            .collect();
        for offset in &over {
            self.finish(lane, *offset);
        }
        let lane = &mut self.lanes[lane];
        if !over.is_empty() {
            let delivered = &lane.delivered;
            lane.entries.retain(|entry| delivered.contains_key(&entry.offset));
        }
        over.len()
    }

    /// The lane is out, with a lease of this kind.
    pub fn hold(&mut self, lane: usize, kind: Kind, now: Instant) {
        let lane = &mut self.lanes[lane];
        lane.out = Some((kind, now));
        lane.idle_due = false;
        lane.has_consumer = true;
    }

    /// The lane is not out after all; `seen`: whether its consumer existed before.
    pub fn stay(&mut self, lane: usize, seen: bool) {
        self.lanes[lane].out = None;
        self.lanes[lane].has_consumer = seen;
    }

    pub fn entries(&self, lane: usize) -> &[Entry<M>] {
        &self.lanes[lane].entries
    }
}
