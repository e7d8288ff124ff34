//! The messages of one partition that are sent again, and how many of them are the next step.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Kept;

/// A step without an answer holds calls for its topic back for this long.
const HOLD: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Line {
    pub waiting: VecDeque<Kept>,
    /// The step that was sent: messages without an answer, all of them, their size, and whether some were refused.
    pub under_way: usize,
    pub step_messages: usize,
    pub step_size: usize,
    pub step_refused: bool,
    /// librdkafka has nothing else for this partition.
    pub clear: bool,
    /// The largest step that was taken.
    pub taken: usize,
    /// A larger one was refused.
    pub known: bool,
    /// When the last step was sent.
    pub sent_at: Option<Instant>,
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
        let (mut count, mut size) = (1, first.size);
        for kept in alike.skip(1) {
            size += kept.size;
            let fits = size <= self.taken;
            // Those before it were taken together; with it they may be too many, but not without it.
            let one_more = grows && !self.known && size - kept.size <= self.taken;
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

    pub fn answered(&mut self, refused: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        self.step_refused |= refused;
        self.clear = true;
        if self.under_way > 0 {
            return;
        }
        if !self.step_refused {
            self.taken = self.taken.max(self.step_size);
        } else if self.step_messages > 1 {
            self.known = true;
            if self.step_size <= self.taken {
                self.taken = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::produce::client::TopicHandle;
    use crate::produce::resend::Tried;

    fn kept(size: usize, group: Option<u64>) -> Kept {
        Kept {
            topic: TopicHandle::none(),
            partition: 0,
            payload: None,
            key: None,
            headers: std::ptr::null_mut(),
            timestamp_ms: 0,
            opaque: std::ptr::null_mut(),
            size,
            tried: Tried::default(),
            group,
        }
    }

    fn line(sizes: impl IntoIterator<Item = usize>, group: Option<u64>) -> Line {
        Line {
            waiting: sizes.into_iter().map(|size| kept(size, group)).collect(),
            clear: true,
            ..Line::default()
        }
    }

    /// One step against a topic that takes `limit` bytes. Gives how many were sent, and whether they were taken.
    fn step(line: &mut Line, limit: usize, grows: bool) -> (usize, bool) {
        let count = line.ready(grows);
        let sent: Vec<Kept> = line.waiting.drain(..count).collect();
        let size = sent.iter().map(|kept| kept.size).sum::<usize>();
        (line.step_messages, line.step_size, line.step_refused) = (count, size, false);
        line.under_way = count;
        let taken = size <= limit;
        assert_eq!(line.ready(grows), 0, "nothing is sent beside a step");
        (0..count).for_each(|_| line.answered(!taken));
        if !taken && count > 1 {
            sent.into_iter().rev().for_each(|kept| line.waiting.push_front(kept));
        }
        (count, taken)
    }

    #[test]
    fn a_message_alone_goes_first_as_others_may_be_under_way() {
        let mut line = line([10; 5], Some(1));
        line.clear = false;
        assert_eq!(line.ready(true), 1);
        assert_eq!(step(&mut line, 100, true), (1, true));
        assert_eq!(line.ready(true), 4);
    }

    #[test]
    fn those_of_a_batch_that_the_broker_has_not_named_go_together() {
        let mut line = line([10; 5], Some(1));
        line.waiting.extend([kept(10, Some(2)), kept(10, None)]);
        assert_eq!(line.ready(true), 5);
        line.waiting.drain(..5);
        assert_eq!(line.ready(true), 1);
    }

    #[test]
    fn steps_grow_by_one_message_up_to_what_the_topic_takes() {
        let mut line = line([10; 40], None);
        let steps: Vec<_> =
            std::iter::from_fn(|| (!line.waiting.is_empty()).then(|| step(&mut line, 45, true))).collect();
        let expected = [(1, true), (2, true), (3, true), (4, true), (5, false)];
        assert_eq!(steps.iter().take(5).copied().collect::<Vec<_>>(), expected);
        assert!(
            steps.iter().skip(5).all(|(count, taken)| *taken && *count <= 4),
            "{steps:?}"
        );
        assert_eq!(steps.len(), 5 + 8, "30 of them in fours");
    }

    #[test]
    fn with_compression_each_step_is_one_message() {
        let mut line = line([10; 4], None);
        let steps: Vec<_> =
            std::iter::from_fn(|| (!line.waiting.is_empty()).then(|| step(&mut line, 45, false))).collect();
        assert_eq!(steps, [(1, true); 4]);
    }

    /// A step that librdkafka cuts in two must never have its second part taken and its first one refused.
    #[test]
    fn every_part_of_a_step_but_its_last_message_fits() {
        let seed = std::env::var("SEED").map_or_else(|_| u64::from(std::process::id()), |seed| seed.parse().unwrap());
        let mut state = seed | 1;
        let mut random = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for _ in 0..200 {
            let limit = 20 + random(80);
            let sizes: Vec<usize> = (0..30).map(|_| 1 + random(60)).collect();
            let mut line = line(sizes, None);
            let mut steps = 0;
            while !line.waiting.is_empty() {
                let count = line.ready(true);
                let before_last: usize = line.waiting.iter().take(count - 1).map(|kept| kept.size).sum();
                assert!(before_last <= limit, "seed {seed}: {before_last} of a limit of {limit}");
                step(&mut line, limit, true);
                steps += 1;
                assert!(steps < 200, "seed {seed}: it does not end");
            }
        }
    }
}
