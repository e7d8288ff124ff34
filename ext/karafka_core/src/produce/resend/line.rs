//! The messages of one partition that are sent again, and how many of them are the next step.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::kept::{Kept, Traits};
use crate::produce::refused::close_timestamps;

/// A step without an answer holds calls for its topic back for this long.
const HOLD: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Line {
    pub waiting: VecDeque<Kept>,
    /// Messages of the step that have no answer yet.
    pub under_way: usize,
    /// librdkafka has nothing else for this partition.
    pub clear: bool,
    /// When the last step was sent.
    pub sent_at: Option<Instant>,
    /// What librdkafka has made one batch of, as far as its answer was read.
    answered: Answered,
    /// The size of the largest batch that was taken.
    taken: usize,
    /// A larger one was refused.
    known: bool,
    /// What is unusual in the messages that were taken.
    known_unusual: Unusual,
}

/// Of one batch: a step may be cut in several.
#[derive(Debug, Clone, Copy, Default)]
struct Answered {
    messages: usize,
    size: usize,
    /// All of them were; and whether one was refused.
    taken: bool,
    refused: bool,
    unusual: Unusual,
}

/// What an answer teaches about the limits of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::produce) enum Lesson {
    Taken,
    Refused,
    /// No broker may have seen the message.
    Nothing,
}

/// What some topics refuse in a message, and others take: no key, or a timestamp far from the broker's clock.
#[derive(Debug, Clone, Copy, Default)]
struct Unusual {
    keyless: bool,
    /// Milliseconds since 1970.
    timestamps: Option<(i64, i64)>,
}

impl Unusual {
    fn of(message: Traits) -> Self {
        Unusual {
            keyless: !message.has_key,
            timestamps: (message.timestamp_ms > 0).then_some((message.timestamp_ms, message.timestamp_ms)),
        }
    }

    fn and(self, other: Unusual) -> Self {
        let widest = |(earliest, latest): (i64, i64), other: (i64, i64)| (earliest.min(other.0), latest.max(other.1));
        Unusual {
            keyless: self.keyless || other.keyless,
            timestamps: match (self.timestamps, other.timestamps) {
                (Some(ours), Some(theirs)) => Some(widest(ours, theirs)),
                (ours, theirs) => ours.or(theirs),
            },
        }
    }

    /// A topic that takes all this takes that message as well, as far as its key and timestamp go.
    fn covers(self, message: Traits, close: &RangeInclusive<i64>) -> bool {
        let (earliest, latest) = self.timestamps.unwrap_or((*close.start(), *close.end()));
        let taken = earliest.min(*close.start())..=latest.max(*close.end());
        (self.keyless || message.has_key) && (message.timestamp_ms <= 0 || taken.contains(&message.timestamp_ms))
    }
}

impl Line {
    /// How many of those that wait are the next step.
    pub fn ready(&self, grows: bool) -> usize {
        let Some(first) = self.waiting.front() else { return 0 };
        if self.under_way > 0 {
            return 0;
        }
        if !self.clear {
            return 1;
        }
        let alike = self.waiting.iter().take_while(|kept| kept.group == first.group);
        if first.group.is_some() {
            return alike.count();
        }
        // The broker looks at the size first: some of them may be at fault. They go alone.
        let close = close_timestamps();
        let is_usual = |kept: &&Kept| self.known_unusual.covers(kept.traits, &close);
        // What one message is compressed to says nothing of the others.
        if !grows || !is_usual(&first) {
            return 1;
        }
        // Once the limit is known to be near, sizes must not be underestimated.
        let bytes = |message: Traits| message.size + if self.known { message.slack } else { 0 };
        let (mut count, mut size) = (1, bytes(first.traits));
        for kept in alike.skip(1).take_while(is_usual) {
            let before = size;
            size += bytes(kept.traits);
            let fits = size <= self.taken;
            // Those before it were taken together; with it they may be too many, but not without it.
            let one_more = !self.known && before <= self.taken;
            count += usize::from(fits || one_more);
            if !fits {
                break;
            }
        }
        count
    }

    /// Without an answer it holds up nobody for long: the broker may be gone.
    pub fn gets_on(&self, now: Instant) -> bool {
        self.sent_at.is_none_or(|at| now.saturating_duration_since(at) < HOLD)
    }

    /// librdkafka has taken a message.
    pub fn sent(&mut self, now: Instant) {
        self.under_way += 1;
        self.sent_at = Some(now);
    }

    /// A message has its answer; `batch_answered` follows.
    pub fn answered(&mut self, message: Traits, lesson: Lesson) {
        self.under_way = self.under_way.saturating_sub(1);
        self.clear = true;
        self.answered.taken = lesson == Lesson::Taken && (self.answered.taken || self.answered.messages == 0);
        self.answered.refused |= lesson == Lesson::Refused;
        self.answered.messages += 1;
        self.answered.size += message.size;
        self.answered.unusual = self.answered.unusual.and(Unusual::of(message));
    }

    /// All messages of a batch have their answers.
    pub fn batch_answered(&mut self) {
        let batch = std::mem::take(&mut self.answered);
        if batch.taken {
            self.taken = self.taken.max(batch.size);
            self.known_unusual = self.known_unusual.and(batch.unusual);
        } else if batch.refused && batch.messages > 1 {
            self.known = true;
            if batch.size <= self.taken {
                self.taken = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests;
