//! The short way of a message that comes alone: from the caller's memory straight into librdkafka, which copies it. What
//! is not plain and does not fit at once goes the long way, through `dispatch`.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::delivery::{Open, Ticket};
use super::messages::{Draft, Messages, ANY_PARTITION};
use super::producer_core::ProducerCore;
use super::Producer;
use crate::base::sync::Mutex;
use crate::error::codes;
use crate::trace;

/// Topics that are written to in turn, mostly few.
const MOST_OPEN: usize = 8;

#[derive(Default)]
pub(super) struct Singles(Mutex<Vec<Open>>);

impl Singles {
    fn send(&self, shared: &ProducerCore, draft: &Draft<'_>, partition: i32, tag: u64) -> Option<Ticket> {
        let name = draft.topic?;
        let borrowed = shared.client().ok()??;
        let client = borrowed.get().ok()?;
        let mut all = self.0.lock();
        let fits = |open: &Open| open.topic().is_some_and(|topic| topic.as_str().as_bytes() == name);
        let at = match all.iter().position(fits) {
            Some(at) => at,
            None => {
                if all.len() >= MOST_OPEN {
                    all.remove(0).close();
                }
                all.push(Open::new(Arc::new(Messages::topic_named(name)?), tag, &shared.waiters));
                all.len() - 1
            }
        };
        let open = all.get_mut(at)?;
        if open.is_full() || open.tag() != tag || !open.topic().is_some_and(|topic| client.knows(topic)) {
            let topic = open.topic().filter(|topic| client.knows(topic)).cloned();
            let topic = topic.unwrap_or(Arc::new(Messages::topic_named(name)?));
            std::mem::replace(open, Open::new(topic, tag, &shared.waiters)).close();
        }
        let handle = client.handle(open.topic()?).ok()?;
        if shared.resends.holds_back(handle) {
            return None;
        }
        shared.taken(1);
        let ticket = open
            .add(|opaque| client.produce_plain(handle, partition, draft.payload, draft.key, opaque) == codes::NO_ERROR);
        if ticket.is_none() {
            shared.reported(1);
        }
        ticket
    }

    fn close(&mut self) {
        let all = std::mem::take(&mut *self.0.lock());
        all.into_iter().for_each(Open::close);
    }
}

impl Producer {
    /// Takes one message without headers, without blocking. None: `dispatch` has to do it, and will say what is wrong; also
    /// at rest, where somebody has to keep the producer first. `tag` as in `DeliverySet::tag`.
    pub fn send_single(&self, draft: &Draft<'_>, max_payload_size: usize, tag: u64) -> Option<Ticket> {
        let size = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let longest = size(draft.payload).max(size(draft.key));
        // A traced one has a header.
        let plain = draft.timestamp_ms.is_none() && draft.partition_key.is_none() && !trace::is_on();
        let ready = self.shared.is_running() && !self.shared.dormant.load(Ordering::SeqCst);
        if !plain || !ready || size(draft.payload) > max_payload_size || longest > i32::MAX as usize {
            return None;
        }
        let partition = draft
            .partition
            .map_or(Some(ANY_PARTITION), |partition| i32::try_from(partition).ok())?;
        if partition < ANY_PARTITION {
            return None;
        }
        self.singles.send(&self.shared, draft, partition, tag)
    }

    /// Nothing is added to the sets any more. Not in a forked child: their locks may be held there forever.
    pub(super) fn close_singles(&mut self) {
        self.singles.close();
    }

    /// No two producers of a process have the same.
    pub fn serial(&self) -> u64 {
        self.shared.waiters.serial()
    }
}
