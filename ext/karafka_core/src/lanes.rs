//! How the messages of one partition are spread over several consumers ("lanes") without losing the order of a key.
//!
//! Messages of one key form a chain. A lane that is free takes the chains that are ready, in the order of their first
//! messages. While a message of a chain is with a lane, the rest of the chain waits; so a slow message holds up its own
//! key and nothing else, and no lane is idle while any other key has work. A key is not tied to a lane for longer than that.
//!
//! Plain data behind the partition's lock: no I/O, no waiting, the time comes from outside.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::ack_table::AckTable;
use crate::lease::Kind;

mod retries;
mod seeks;

use retries::Retries;
use seeks::Seeks;
pub(crate) use seeks::Wish;

const NO_LANE: usize = usize::MAX;

/// A message in a lane's hands or on its way there. `M` is what it takes to hand it out.
#[derive(Debug, Clone)]
pub(crate) struct Entry<M> {
    pub offset: i64,
    pub message: M,
    chain: u64,
    failures: u32,
}

#[derive(Debug)]
struct Chain<M> {
    waiting: VecDeque<Entry<M>>,
    /// The lane that has messages of it.
    lane: usize,
    /// Handed out and not finished: out, failed, or held by the consumer for later (manual offset management).
    pending: usize,
    /// Those of the pending ones that hold up the rest: out, or failed.
    blocking: usize,
    /// On a list of ready chains.
    listed: bool,
}

#[derive(Debug)]
struct Lane<M> {
    out: Option<(Kind, Instant)>,
    entries: Vec<Entry<M>>,
    /// Handed out and not finished, by offset: the chain, and whether it is out right now.
    delivered: BTreeMap<i64, (u64, bool)>,
    retries: Retries<M>,
    /// Chains whose earlier messages this lane's consumer still holds.
    ready: VecDeque<u64>,
    /// Failures since something last worked.
    failures: u32,
    blocked_until: Option<Instant>,
    has_consumer: bool,
    farewell_given: bool,
    /// Its consumer is to hear that nothing comes.
    idle_due: bool,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    Lane(usize),
    /// Nothing before this time.
    At(Instant),
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Lanes<M> {
    pub acks: AckTable,
    chains: HashMap<u64, Chain<M>>,
    ready: VecDeque<u64>,
    waiting: usize,
    lanes: Vec<Lane<M>>,
    seeks: Seeks,
}

impl<M> Lanes<M> {
    pub fn new(limit: usize) -> Self {
        let lane = || Lane {
            out: None,
            entries: Vec::new(),
            delivered: BTreeMap::new(),
            retries: Retries::default(),
            ready: VecDeque::new(),
            failures: 0,
            blocked_until: None,
            has_consumer: false,
            farewell_given: false,
            idle_due: false,
        };
        Lanes {
            acks: AckTable::default(),
            chains: HashMap::new(),
            ready: VecDeque::new(),
            waiting: 0,
            lanes: std::iter::repeat_with(lane).take(limit.max(1)).collect(),
            seeks: Seeks::default(),
        }
    }

    /// Messages come in the order of their offsets. Without a key a message has an order with no other.
    /// False: an earlier assignment has finished it.
    pub fn admit(&mut self, offset: i64, key: Option<u64>, message: M) -> bool {
        if !self.acks.register(offset) {
            return false;
        }
        // Multiplying by an odd number keeps offsets apart from each other.
        let id = key.unwrap_or((offset as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let chain = self.chains.entry(id).or_insert_with(|| Chain {
            waiting: VecDeque::new(),
            lane: NO_LANE,
            pending: 0,
            blocking: 0,
            listed: false,
        });
        chain.waiting.push_back(Entry {
            offset,
            message,
            chain: id,
            failures: 0,
        });
        self.waiting += 1;
        self.list(id);
        true
    }

    /// Puts a chain where it can be taken from, or forgets it, or leaves it as it is. True: something can be taken now.
    fn list(&mut self, id: u64) -> bool {
        let Some(chain) = self.chains.get_mut(&id) else {
            return false;
        };
        if chain.waiting.is_empty() {
            if chain.pending == 0 && !chain.listed {
                self.chains.remove(&id);
            }
            return false;
        }
        if chain.blocking > 0 || chain.listed {
            return false;
        }
        chain.listed = true;
        if chain.pending > 0 {
            self.lanes[chain.lane].ready.push_back(id);
        } else {
            chain.lane = NO_LANE;
            self.ready.push_back(id);
        }
        true
    }

    /// Messages that no lane has yet.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    pub fn is_out(&self) -> bool {
        self.lanes.iter().any(|lane| lane.out.is_some())
    }

    /// Nothing is out, nothing waits, nothing failed: only new messages bring anything forward.
    pub fn is_idle(&self) -> bool {
        self.waiting == 0 && !self.is_out() && self.lanes.iter().all(|lane| lane.retries.is_empty())
    }

    /// Lane, kind, and since when.
    pub fn out(&self) -> impl Iterator<Item = (usize, Kind, Instant)> + '_ {
        let lanes = self.lanes.iter().enumerate();
        lanes.filter_map(|(index, lane)| lane.out.map(|(kind, since)| (index, kind, since)))
    }

    // ---- handing out -------------------------------------------------------------------------------------------

    /// Which lane has something to do: failed messages first, then what only that lane may take, then the first free one.
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

    /// Gives the lane its next messages; they are in `entries`. The answer is the number of the attempt.
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

    /// Of what the lane was just given, messages that need not go out any more are finished. The answer is how many.
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

    /// The lane is out with something else than messages, or about to get some.
    pub fn hold(&mut self, lane: usize, kind: Kind, now: Instant) {
        let lane = &mut self.lanes[lane];
        lane.out = Some((kind, now));
        lane.idle_due = false;
        lane.has_consumer = true;
    }

    /// The lane is not out after all; `seen`: whether somebody knew of it before.
    pub fn stay(&mut self, lane: usize, seen: bool) {
        self.lanes[lane].out = None;
        self.lanes[lane].has_consumer = seen;
    }

    pub fn is_seen(&self, lane: usize) -> bool {
        self.lanes[lane].has_consumer
    }

    /// Somebody knows of the lane, and has to be told of its end.
    pub fn seen(&mut self, lane: usize) {
        self.lanes[lane].has_consumer = true;
    }

    pub fn entries(&self, lane: usize) -> &[Entry<M>] {
        &self.lanes[lane].entries
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

    // ---- settling ----------------------------------------------------------------------------------------------

    /// One message is finished: out of the lane's hands.
    fn finish(&mut self, lane: usize, offset: i64) -> bool {
        let Some((id, out)) = self.lanes[lane].delivered.remove(&offset) else {
            return false;
        };
        self.acks.finish(offset);
        self.let_go(id, out, true)
    }

    fn let_go(&mut self, id: u64, blocking: bool, pending: bool) -> bool {
        if let Some(chain) = self.chains.get_mut(&id) {
            chain.blocking -= usize::from(blocking);
            chain.pending -= usize::from(pending);
        }
        self.list(id)
    }

    /// Everything this lane was handed up to and including `offset`, except what failed, is finished.
    /// True: that freed something for a lane.
    pub fn mark(&mut self, lane: usize, offset: i64) -> bool {
        let mut freed = false;
        while let Some((first, _)) = self.lanes[lane].delivered.first_key_value() {
            if *first > offset {
                break;
            }
            let first = *first;
            freed |= self.finish(lane, first);
        }
        freed
    }

    /// What is out with this lane and not finished.
    fn unfinished_entries(&mut self, lane: usize) -> Vec<Entry<M>> {
        let lane = &mut self.lanes[lane];
        lane.out = None;
        let delivered = &lane.delivered;
        let mut entries = std::mem::take(&mut lane.entries);
        entries.retain(|entry| delivered.contains_key(&entry.offset));
        entries
    }

    pub fn ack(&mut self, lane: usize) {
        if self.wished(lane).is_some() {
            return self.ack_later(lane);
        }
        for entry in self.unfinished_entries(lane) {
            self.finish(lane, entry.offset);
        }
        self.worked(lane);
    }

    /// The consumer holds what it has not marked. New messages of those keys go to the same lane.
    pub fn release(&mut self, lane: usize) {
        for entry in self.unfinished_entries(lane) {
            if let Some((_, out)) = self.lanes[lane].delivered.get_mut(&entry.offset) {
                *out = false;
            }
            self.let_go(entry.chain, true, false);
        }
        self.worked(lane);
    }

    fn worked(&mut self, lane: usize) {
        self.lanes[lane].failures = 0;
        self.lanes[lane].blocked_until = None;
    }

    /// What is out and not finished comes again after `wait`, one by one, and the lane does nothing for `pause`, which
    /// is told how often this lane has failed in a row.
    pub fn retry(&mut self, lane: usize, now: Instant, wait: Duration, pause: impl FnOnce(u32) -> Duration) {
        let due = now.checked_add(wait);
        for mut entry in self.unfinished_entries(lane) {
            entry.failures = entry.failures.saturating_add(1);
            self.lanes[lane].delivered.remove(&entry.offset);
            self.lanes[lane].retries.add(entry, due.unwrap_or(now));
        }
        let lane = &mut self.lanes[lane];
        lane.failures = lane.failures.saturating_add(1);
        lane.blocked_until = now.checked_add(pause(lane.failures).min(wait));
    }

    /// The message at `offset` is not delivered again: it is finished, or else the consumer holds it. What else is out and
    /// not finished comes again at once.
    pub fn give_up(&mut self, lane: usize, offset: i64, finished: bool, now: Instant) {
        if finished {
            self.finish(lane, offset);
        } else if let Some(given_up) = self.lanes[lane].delivered.get_mut(&offset) {
            given_up.1 = false;
            let id = given_up.0;
            self.let_go(id, true, false);
        }
        for mut entry in self.unfinished_entries(lane) {
            if entry.offset == offset {
                continue;
            }
            entry.failures = 0;
            self.lanes[lane].delivered.remove(&entry.offset);
            self.lanes[lane].retries.add(entry, now);
        }
        self.worked(lane);
    }

    /// The first message this lane has that is not finished; else the first of all.
    pub fn first_unfinished(&self, lane: usize) -> i64 {
        let first = self.lanes[lane].delivered.first_key_value();
        first.map_or_else(|| self.acks.first_unfinished(), |(offset, _)| *offset)
    }

    pub fn is_delivered(&self, lane: usize, offset: i64) -> bool {
        self.lanes[lane].delivered.contains_key(&offset)
    }

    /// Ends the back-off of a lane.
    pub fn resume(&mut self, lane: usize, now: Instant) {
        self.lanes[lane].blocked_until = None;
        self.lanes[lane].retries.all_due(now);
    }

    /// Nothing more goes out; what consumers hold can still be marked.
    pub fn drop_waiting(&mut self) {
        self.waiting = 0;
        self.ready.clear();
        for chain in self.chains.values_mut() {
            chain.waiting.clear();
            chain.listed = false;
        }
        for lane in &mut self.lanes {
            lane.ready.clear();
            lane.retries = Retries::default();
        }
    }

    /// No worker will come back with any of them.
    pub fn abandon(&mut self) {
        for lane in &mut self.lanes {
            lane.out = None;
            lane.has_consumer = false;
        }
    }
}

#[cfg(test)]
mod tests;
