//! The memory of a partition with lanes: how much may be fetched, and how it becomes messages of the lanes.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use crate::batch::{Picked, Slice};
use crate::config::{ParallelConfig, Spread};
use crate::consume::commit_metadata::room;
use crate::consume::lanes;
use crate::consume::leader_epochs::LeaderEpochs;
use crate::consume::lease::Kind;
use crate::consume::partition::restored_acks::{is_newer, Restored};

/// The limits of the messages in memory for the lanes of one partition. A batch counts until its last message is finished.
const WINDOW_MESSAGES: usize = 10_000;
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes that one unfinished message costs in the commit metadata: two lengths.
const BYTES_PER_UNFINISHED: usize = 4;

/// The bytes of a batch, counted while any lane has a message of it.
struct Pinned {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

pub(in crate::consume::partition) type Lanes = lanes::Lanes<Message>;

#[derive(Clone)]
pub(in crate::consume::partition) struct Message {
    pub(super) picked: Picked,
    _pinned: Arc<Pinned>,
}

pub(in crate::consume::partition) struct Parallel {
    pub lanes: Lanes,
    by: Spread,
    /// Fetched; the host has to give the keys.
    pub(super) unspread: Option<Slice>,
    /// Since when a lease of the kind `Keys` is out.
    pub(super) asked: Option<Instant>,
    /// When the host may be asked for keys again, after it failed to give them.
    pub(super) ask_again_at: Option<Instant>,
    window_messages: usize,
    window_bytes: usize,
    pinned_bytes: Arc<AtomicUsize>,
    hasher: RandomState,
    /// The committed offset that was taken over, or -1, and the leader's epoch. None: not yet.
    restored: Option<(i64, Option<i32>)>,
}

impl Parallel {
    pub fn new(config: &ParallelConfig, max_messages: usize, max_bytes: usize) -> Self {
        Parallel {
            lanes: Lanes::new(config.limit),
            by: config.by,
            unspread: None,
            asked: None,
            ask_again_at: None,
            // Enough for each lane to have a batch, and another while it works.
            window_messages: (2 * config.limit * max_messages).clamp(max_messages, WINDOW_MESSAGES.max(max_messages)),
            window_bytes: WINDOW_BYTES.max(2 * max_bytes),
            pinned_bytes: Arc::default(),
            hasher: RandomState::new(),
            restored: None,
        }
    }

    pub fn is_out(&self) -> bool {
        self.asked.is_some() || self.lanes.is_out()
    }

    /// Lane, kind, and since when.
    pub fn out(&self) -> impl Iterator<Item = (usize, Kind, Instant)> + '_ {
        self.lanes.out().chain(self.asked.map(|since| (0, Kind::Keys, since)))
    }

    /// Whether more may be fetched: bounded by memory, and by the room in the commit metadata.
    pub(super) fn has_room(&self, user_metadata: &str, max_bytes: usize) -> bool {
        // `pinned_bytes` includes messages that are out.
        if self.unspread.is_some()
            || self.lanes.waiting() >= self.window_messages
            || self.pinned_bytes.load(Ordering::Relaxed) >= self.window_bytes
        {
            return false;
        }
        if max_bytes == 0 {
            // The broker takes no metadata, so its room is no limit.
            return true;
        }
        let room = room(max_bytes, user_metadata);
        let fits =
            self.lanes.acks.span() < 8 * room as i64 / 2 || self.lanes.acks.unfinished() * BYTES_PER_UNFINISHED < room;
        // Where consumers hold messages and wait for more, stopping would last forever.
        fits || self.lanes.is_idle()
    }

    /// Takes a fetched batch into the window.
    pub(super) fn admit(&mut self, slice: Slice, epochs: &LeaderEpochs) {
        match self.by {
            Spread::Host => self.unspread = Some(slice),
            Spread::None => self.spread(&slice, epochs, |_| None),
            Spread::Key => {
                let hasher = self.hasher.clone();
                self.spread(&slice, epochs, |index| slice.key(index).map(|key| hasher.hash_one(key)));
            }
        }
    }

    fn spread(&mut self, slice: &Slice, epochs: &LeaderEpochs, key_of: impl Fn(usize) -> Option<u64>) {
        let bytes = slice.memory_bytes();
        self.pinned_bytes.fetch_add(bytes, Ordering::Relaxed);
        let pinned = Arc::new(Pinned {
            bytes,
            total: self.pinned_bytes.clone(),
        });
        for (index, picked) in slice.pick().enumerate() {
            let Some(offset) = slice.offset(index) else { break };
            if self.lanes.acks.has_restored() {
                self.doubt_restored(offset, epochs.at(offset));
            }
            let message = Message {
                picked,
                _pinned: pinned.clone(),
            };
            self.lanes.admit(offset, key_of(index), message);
        }
    }

    /// The keys that the host gives, in order.
    pub fn spread_by(&mut self, keys: &[Option<i64>], slice: &Slice, epochs: &LeaderEpochs) {
        // A seek may have dropped the batch meanwhile.
        if self.unspread.as_ref().is_some_and(|waiting| waiting.same_batch(slice)) {
            self.unspread = None;
            let hasher = self.hasher.clone();
            self.spread(slice, epochs, |index| {
                keys.get(index).copied().flatten().map(|key| hasher.hash_one(key))
            });
        }
    }

    pub fn has_restored(&self) -> bool {
        self.restored.is_some()
    }

    pub fn restore(&mut self, found: Restored) {
        self.restored = Some((found.offset, found.leader_epoch));
        self.lanes.acks.restore(found.finished);
    }

    /// Forgets the list of finished messages where it cannot be about this message and those after it.
    fn doubt_restored(&mut self, offset: i64, leader_epoch: Option<i32>) {
        let (committed, committed_epoch) = self.restored.unwrap_or((-1, None));
        // Before the committed offset: the position was reset, or the topic is another one.
        let before = offset < committed;
        if before || is_newer(committed_epoch, leader_epoch) {
            tracing::info!(
                "what was processed beyond offset {committed} says nothing about the messages from offset {offset} on \
                 (leader epoch {leader_epoch:?})"
            );
            self.lanes.acks.forget_restored();
        }
    }
}
