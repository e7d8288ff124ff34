//! Messages that are sent again, because they were in a batch that the broker refused because of others.
//!
//! Each partition has a line of them, in their order. They go in steps, one after the other was answered, and while there is a
//! line, calls for its topic wait for room. The first step is one message. When it was answered, so was everything that
//! librdkafka had for that partition before: from then on a step has its batches to itself. Where the broker has named who was at
//! fault, the others of that batch are the next step. Where it has not (a batch that is too large) steps grow by one message each
//! time, up to what the topic takes, and a message that the topic may refuse for its key or its timestamp goes alone. Should librdkafka
//! cut a step in two, either both parts are taken, or the first one at least: so no message is taken before an earlier one is refused.

mod kept;
mod line;

pub(super) use kept::Kept;
use kept::Traits;
pub(super) use line::Lesson;
use line::Line;

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::client::{ProducerClient, TopicHandle};
use crate::base::sync::{Mutex, MutexGuard};
use crate::error::codes;

/// Above this the innocent messages of a batch fail with it.
const MOST_BYTES: usize = 64 << 20;

/// What came of a message before it was sent again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub latency_us: u32,
    /// How often it was sent again.
    pub times: u32,
    /// As in `Kept`.
    pub group: Option<u64>,
}

/// What is the same for all messages of a refused batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub group: u64,
    /// For messages that were not sent again yet.
    pub room: bool,
}

/// Topic and partition.
type Place = (usize, i32);

struct UnderWay {
    place: Place,
    tried: Tried,
    traits: Traits,
}

#[derive(Default)]
struct Lines {
    all: HashMap<Place, Line>,
    /// Those under way, by their tokens.
    under_way: HashMap<usize, UnderWay>,
    /// Of all that wait.
    size: usize,
    last_group: u64,
}

#[derive(Default)]
pub(super) struct Resends {
    /// A batch fails as a whole: nothing of it is sent again.
    off: AtomicBool,
    /// There are lines. Nothing else is looked at for a report, or for a call, where there are none.
    busy: AtomicBool,
    lines: Mutex<Lines>,
}

/// What `Resends::go_on` has met.
#[derive(Default)]
pub(super) struct Sent {
    /// librdkafka takes these no more: code and message.
    pub refused: Vec<(Kept, i32)>,
    /// A step is under way: it is not to linger.
    pub hurry: bool,
}

impl Resends {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock()
    }

    pub fn turn_off(&self) {
        self.off.store(true, Ordering::SeqCst);
    }

    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::SeqCst)
    }

    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// A call for that topic has to wait, so that a step has its batches to itself.
    pub fn holds_back(&self, topic: TopicHandle) -> bool {
        self.is_busy() && {
            let (lines, now) = (self.lock(), Instant::now());
            let mut all = lines.all.iter();
            all.any(|(place, line)| place.0 == topic.address() && line.gets_on(now))
        }
    }

    /// For a batch that was refused.
    pub fn batch(&self) -> Batch {
        let mut lines = self.lock();
        lines.last_group += 1;
        Batch {
            group: lines.last_group,
            room: lines.size < MOST_BYTES,
        }
    }

    /// Some: the message was sent again, and has no answer yet.
    pub fn tried(&self, opaque: *mut c_void) -> Option<Tried> {
        self.lock()
            .under_way
            .get(&(opaque as usize))
            .map(|message| message.tried)
    }

    /// Some: the message was sent again, and this is its answer. `batch_answered` follows.
    pub fn answered(&self, opaque: *mut c_void, lesson: Lesson) -> Option<Tried> {
        if !self.is_busy() {
            return None;
        }
        let mut lines = self.lock();
        let message = lines.under_way.remove(&(opaque as usize))?;
        if let Some(line) = lines.all.get_mut(&message.place) {
            line.answered(message.traits, lesson);
        }
        Some(message.tried)
    }

    /// All messages of one batch have their answers. Before `add`.
    pub fn batch_answered(&self) {
        if self.is_busy() {
            self.lock().all.values_mut().for_each(Line::batch_answered);
        }
    }

    /// `earlier` were sent again before: they come first. `mixed`: their batch had others in it.
    pub fn add(&self, earlier: Vec<Kept>, others: Vec<Kept>, mixed: bool) {
        let mut lines = self.lock();
        for kept in earlier.into_iter().rev() {
            lines.size += kept.traits.size;
            let line = lines.all.entry(kept.place()).or_default();
            line.clear &= !mixed;
            line.waiting.push_front(kept);
        }
        for kept in others {
            lines.size += kept.traits.size;
            let line = lines.all.entry(kept.place()).or_default();
            line.waiting.push_back(kept);
            // There may be more where this came from.
            line.clear = false;
        }
        self.look(&mut lines);
    }

    /// Sends what may be sent.
    pub fn go_on(&self, client: &ProducerClient) -> Sent {
        let mut sent = Sent::default();
        let mut lines = self.lock();
        let Lines {
            all, under_way, size, ..
        } = &mut *lines;
        for (place, line) in all.iter_mut() {
            for _ in 0..line.ready(client.grows()) {
                let Some(mut kept) = line.waiting.pop_front() else {
                    break;
                };
                match kept.send(client) {
                    codes::NO_ERROR => {
                        line.sent(Instant::now());
                        *size -= kept.traits.size;
                        sent.hurry = true;
                        let (place, tried, traits) = (*place, kept.tried, kept.traits);
                        under_way.insert(kept.opaque as usize, UnderWay { place, tried, traits });
                    }
                    codes::QUEUE_FULL => {
                        line.waiting.push_front(kept);
                        break;
                    }
                    code => {
                        *size -= kept.traits.size;
                        sent.refused.push((kept, code));
                    }
                }
            }
        }
        self.look(&mut lines);
        sent
    }

    /// Everything that waits.
    pub fn take_all(&self) -> Vec<Kept> {
        if !self.is_busy() {
            return Vec::new();
        }
        let mut lines = self.lock();
        let given_up = lines
            .all
            .values_mut()
            .flat_map(|line| std::mem::take(&mut line.waiting))
            .collect();
        lines.size = 0;
        self.look(&mut lines);
        given_up
    }

    fn look(&self, lines: &mut Lines) {
        lines
            .all
            .retain(|_, line| line.under_way > 0 || !line.waiting.is_empty());
        self.busy.store(!lines.all.is_empty(), Ordering::SeqCst);
    }
}
