//! What librdkafka has fetched for one partition, message by message.
//!
//! In a cooperative rebalance librdkafka (2.12.1) pauses the partitions that stay, and goes on from the offset that it noted when
//! messages were taken. Two of its calls take them:
//!
//! * `rd_kafka_consume_batch_queue` is cheap, but it takes errors and ends of the partition for messages, and it never lowers the
//!   offset that it has noted. Where the last one taken is no message, or is one before an offset that was read already, a pause
//!   would skip a message, or go on behind the end of the log and from there at its beginning.
//! * `rd_kafka_consume_queue` notes the offset behind each message, and behind messages only. It reads the clock three times for
//!   each of them, which costs half as much again as all the rest.
//!
//! So the first one takes what waits in order, except for the last of it, and the second one what remains, until a message has put
//! right what is noted. Where none is left that could, the reader moves to where it is (`is_astray`).

use rdkafka::bindings as sys;

use super::fetched::Fetched;
use super::ffi::Queue;
use crate::error::codes;

/// At most this many messages are taken in one call.
const AT_ONCE: usize = 128;
/// Fewer are taken one by one.
const WORTH_A_CALL: usize = 8;

/// The queue of one partition. Its client outlives it.
pub struct FetchQueue {
    queue: Queue,
    /// Taken out of librdkafka's queue; the first ones of them, `given`, are done with.
    taken: Vec<Fetched>,
    given: usize,
    noted: Noted,
}

/// The offset from which librdkafka goes on after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noted {
    /// None: it goes on where it was to begin.
    Nothing,
    /// The one behind the last message that was taken.
    Right(i64),
    Wrong,
}

/// What to do after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    GoOn,
    Stop,
}

impl FetchQueue {
    pub fn new(queue: Queue) -> Self {
        FetchQueue {
            queue,
            taken: Vec::new(),
            given: 0,
            noted: Noted::Nothing,
        }
    }

    /// Messages, errors and ends that wait in it.
    pub fn len(&self) -> usize {
        self.taken.len() - self.given + self.queue.len()
    }

    pub fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// Hands what is queued to `take`, until it says stop. True: it did, and there may be more. `wanted`: about how many it takes.
    pub fn each(&mut self, wanted: usize, mut take: impl FnMut(&Fetched) -> Then) -> bool {
        let mut wanted = wanted;
        loop {
            while let Some(message) = self.taken.get(self.given) {
                self.given += 1;
                wanted = wanted.saturating_sub(1);
                if take(message) == Then::Stop {
                    self.taken.drain(..std::mem::take(&mut self.given));
                    return true;
                }
            }
            // Freed together: one by one costs more.
            self.taken.clear();
            self.given = 0;
            if !self.refill(wanted) {
                return false;
            }
        }
    }

    /// A pause would make librdkafka go on from a wrong offset, and no message is left that would put that right. It is right after
    /// a seek to the offset to read next.
    pub fn is_astray(&self) -> bool {
        self.noted == Noted::Wrong
    }

    /// Reading was moved: what was taken before it is outdated.
    pub fn moved(&mut self) {
        self.taken.clear();
        self.given = 0;
        self.noted = Noted::Nothing;
    }

    /// False: nothing waits.
    fn refill(&mut self, wanted: usize) -> bool {
        if let Noted::Right(before) = self.noted {
            // All but the last one, which shall put right what is noted where these end with an error.
            let count = wanted.min(self.queue.len().saturating_sub(1)).min(AT_ONCE);
            if count >= WORTH_A_CALL {
                self.take_many(count);
                self.noted = noted_after(before, self.taken.iter().map(|one| (one.code(), one.offset())));
                if !self.taken.is_empty() {
                    return true;
                }
            }
        }
        self.take_one()
    }

    fn take_many(&mut self, count: usize) {
        self.taken.reserve(count);
        // SAFETY: a living queue and room for that many; `Fetched` is the pointer that librdkafka writes, and from then on ours.
        unsafe {
            let room = self.taken.as_mut_ptr().cast();
            let found = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, room, count);
            self.taken.set_len(usize::try_from(found).unwrap_or(0));
        }
    }

    fn take_one(&mut self) -> bool {
        // SAFETY: a living queue.
        let message = unsafe { sys::rd_kafka_consume_queue(self.queue.as_ptr(), 0) };
        if message.is_null() {
            return false;
        }
        // SAFETY: a message, or an error, of our own.
        let message = unsafe { Fetched::from_ptr(message) };
        if message.code() == codes::NO_ERROR {
            self.noted = Noted::Right(message.offset() + 1);
        }
        self.taken.push(message);
        true
    }
}

/// What librdkafka has noted after it gave these in one call: code and offset of each.
fn noted_after(before: i64, taken: impl Iterator<Item = (i32, i64)>) -> Noted {
    let mut highest = before;
    let mut last = (codes::NO_ERROR, before - 1);
    for (code, offset) in taken {
        highest = highest.max(offset + 1);
        last = (code, offset);
    }
    match last {
        (codes::NO_ERROR, offset) if offset + 1 == highest => Noted::Right(highest),
        _ => Noted::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: i32 = -191;

    fn after(taken: &[(i32, i64)]) -> Noted {
        noted_after(10, taken.iter().copied())
    }

    #[test]
    fn messages_in_order_are_noted_rightly() {
        assert_eq!(after(&[(0, 10), (0, 11), (0, 15)]), Noted::Right(16));
        assert_eq!(after(&[]), Noted::Right(10));
    }

    #[test]
    fn an_end_or_an_error_counts_where_it_is_the_last() {
        assert_eq!(after(&[(0, 10), (END, 11)]), Noted::Wrong);
        assert_eq!(after(&[(29, -1001)]), Noted::Wrong);
        assert_eq!(after(&[(END, 10), (0, 10), (0, 11)]), Noted::Right(12));
    }

    #[test]
    fn what_is_noted_is_wrong_after_reading_went_back() {
        assert_eq!(after(&[(0, 3), (0, 4)]), Noted::Wrong);
        assert_eq!(
            after(&[(1, 90), (0, 10)]),
            Noted::Wrong,
            "an error of an offset that is higher"
        );
    }
}
