//! A partition's queue of librdkafka's, and the call-back that says when there is something in it.

use std::sync::Arc;

use rdkafka::bindings as sys;

use super::Partition;
use crate::client::ConsumerClient;
use crate::error::Result;
use crate::native::Queue;

/// A partition's queue while its call-back is on. Dropping it switches the call-back off and gives the queue back.
pub(super) struct Listening {
    pub queue: Queue,
    opaque: *mut Arc<Partition>,
}

// SAFETY: the queue is thread-safe, the pointer is only handed to librdkafka and taken back once.
unsafe impl Send for Listening {}

impl Listening {
    pub fn start(queue: Queue, partition: Arc<Partition>) -> Self {
        let opaque = Box::into_raw(Box::new(partition));
        // SAFETY: a living handle; the pointer stays valid until Drop has switched the call-back off.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(on_filled), opaque.cast()) };
        Listening { queue, opaque }
    }
}

impl Partition {
    /// How many messages librdkafka has fetched, and how large one was on average.
    pub(crate) fn fetched(&self) -> (usize, usize) {
        let average = self.state.lock().average_bytes;
        let listening = self.listening.lock();
        (listening.as_ref().map_or(0, |listening| listening.queue.len()), average)
    }

    /// What was fetched is dropped, and fetched again once `client` resumes it. Not during a drain: that would take messages
    /// whose position librdkafka has not noted yet, and they would come twice.
    pub(crate) fn stop_fetching(&self, client: &ConsumerClient) -> Result<()> {
        let _no_drain = self.listening.lock();
        client.stop_fetching(&self.topic, self.number)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // SAFETY: librdkafka calls back under the lock that switching off takes: after it no call runs or will run.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, std::ptr::null_mut());
            drop(Box::from_raw(self.opaque));
        }
    }
}

unsafe extern "C" fn on_filled(_: *mut sys::rd_kafka_t, opaque: *mut libc::c_void) {
    // SAFETY: the pointer of `Listening::start`, valid while the call-back is on.
    let partition = unsafe { &*opaque.cast::<Arc<Partition>>() };
    partition.notify();
}
