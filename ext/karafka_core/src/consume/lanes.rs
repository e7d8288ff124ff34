//! How the messages of one partition are spread over several consumers ("lanes") without losing the order of a key.
//!
//! Messages of one key form a chain. A lane that is free takes the chains that are ready, in the order of their first
//! messages. While a message of a chain is with a lane, the rest of the chain waits; so a slow message holds up its own
//! key and nothing else, and no lane is idle while any other key has work. A key is not tied to a lane for longer than that.
//!
//! Plain data behind the partition's lock: no I/O, no waiting, the time comes from outside.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use crate::consume::ack_table::AckTable;
use crate::consume::lease::Kind;

mod lifecycle;
mod next_batch;
mod retries;
mod seeks;
mod settling;

pub(crate) use next_batch::Pick;
use retries::Retries;
pub(crate) use seeks::SeekRequest;
use seeks::Seeks;

const NO_LANE: usize = usize::MAX;

/// A message that a lane has, or that waits for one. `M` is the payload that is handed out.
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
    /// Handed out and not finished: out, failed, or held by the consumer (manual offset management).
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
    final_given: bool,
    /// Its consumer gets an idle lease next.
    idle_due: bool,
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
            final_given: false,
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

    /// Lists a chain that is ready, or removes it if it is empty. True: it can be taken now.
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

    /// Of the lane that has failed most often in a row.
    pub fn attempt(&self) -> u32 {
        let failures = self.lanes.iter().map(|lane| lane.failures).max().unwrap_or(0);
        failures.saturating_add(1)
    }

    pub fn is_out(&self) -> bool {
        self.lanes.iter().any(|lane| lane.out.is_some())
    }

    /// No lane is out and no message waits or has failed: only new messages give work.
    pub fn is_idle(&self) -> bool {
        self.waiting == 0 && !self.is_out() && self.lanes.iter().all(|lane| lane.retries.is_empty())
    }

    /// Lane, kind, and since when.
    pub fn out(&self) -> impl Iterator<Item = (usize, Kind, Instant)> + '_ {
        let lanes = self.lanes.iter().enumerate();
        lanes.filter_map(|(index, lane)| lane.out.map(|(kind, since)| (index, kind, since)))
    }
}

#[cfg(test)]
mod tests;
