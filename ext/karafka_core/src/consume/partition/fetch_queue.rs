//! A partition's queue in librdkafka, and the call-back when its first message comes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use rdkafka::bindings as sys;

use super::pieces::{Ahead, Pieces};
use super::Partition;
use crate::base::sync::Mutex;
use crate::kafka::fetch_queue::FetchQueue;

/// What is known of the messages that librdkafka has fetched.
#[derive(Default)]
pub(super) struct Prefetched {
    /// Of a message, running; 0: none was drained yet.
    average_bytes: AtomicUsize,
    pieces: Mutex<Pieces>,
}

/// A partition's queue while its call-back is on. Dropping it switches the call-back off and gives the queue back.
pub(super) struct FetchCallback {
    pub queue: FetchQueue,
    opaque: *mut Arc<Partition>,
}

// SAFETY: the queue is thread-safe, the pointer is only handed to librdkafka and taken back once.
unsafe impl Send for FetchCallback {}

impl FetchCallback {
    pub fn start(queue: FetchQueue, partition: Arc<Partition>) -> Self {
        let opaque = Box::into_raw(Box::new(partition));
        // SAFETY: a living handle; the pointer stays valid until Drop has switched the call-back off.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_filled), opaque.cast()) };
        FetchCallback { queue, opaque }
    }
}

impl Partition {
    /// The messages that librdkafka has fetched, and those that are in memory for them.
    pub(crate) fn fetched(&self) -> Ahead {
        let queued = self
            .fetch_queue
            .lock()
            .as_ref()
            .map_or(0, |fetch_queue| fetch_queue.queue.len());
        self.prefetched.pieces.lock().look(queued)
    }

    /// The average size of a message. 0: no message was taken yet.
    pub(crate) fn average_bytes(&self) -> usize {
        self.prefetched.average_bytes.load(Ordering::Relaxed)
    }

    /// Notes the size of messages that were just taken.
    pub(crate) fn note_sizes(&self, messages: usize, bytes: usize) {
        self.prefetched.pieces.lock().take(messages);
        let size = (bytes / messages).max(1);
        let average = match self.average_bytes() {
            0 => size,
            before => (3 * before + size) / 4,
        };
        self.prefetched.average_bytes.store(average, Ordering::Relaxed);
    }
}

impl Drop for FetchCallback {
    fn drop(&mut self) {
        // SAFETY: librdkafka calls back under the lock that switching off takes: after it no call runs or will run.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, std::ptr::null_mut());
            drop(Box::from_raw(self.opaque));
        }
    }
}

unsafe extern "C" fn on_filled(_: *mut sys::rd_kafka_t, opaque: *mut libc::c_void) {
    // SAFETY: the pointer of `FetchCallback::start`, valid while the call-back is on.
    let partition = unsafe { &*opaque.cast::<Arc<Partition>>() };
    partition.arrived();
    partition.notify();
}
