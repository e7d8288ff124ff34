//! What librdkafka has fetched for one partition, message by message.
//!
//! Not `rd_kafka_consume_batch_queue`: that call (2.12.1) takes an error and the end of the partition for messages, and notes the
//! offset behind them as the one to go on from after a pause. So a pause (for memory, or of librdkafka's own in a cooperative
//! rebalance) skipped a message, or went on behind the end of the log and from there to its beginning. The call-back's way notes
//! messages only. That of a queue (`rd_kafka_consume_callback_queue`) takes everything out of the queue for as long as it runs, and
//! the queue's length is what tells librdkafka to fetch no more; that of a topic has a limit.

use std::any::Any;
use std::ffi::{c_void, CStr};
use std::mem::ManuallyDrop;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};

use rdkafka::bindings as sys;

use super::fetched::Fetched;
use super::ffi::Queue;

/// The number of messages that are out of the queue at a time.
pub const AT_ONCE: i32 = 128;

/// The queue of one partition. Its client outlives it.
pub struct FetchQueue {
    queue: Queue,
    client: *mut sys::rd_kafka_t,
    topic: *mut sys::rd_kafka_topic_t,
    partition: i32,
}

// SAFETY: librdkafka's handles are internally locked and may be used from any thread.
unsafe impl Send for FetchQueue {}

/// What to do after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    GoOn,
    Stop,
}

struct Call<F> {
    client: *mut sys::rd_kafka_t,
    take: F,
    stopped: bool,
    panic: Option<Box<dyn Any + Send>>,
}

impl FetchQueue {
    /// None where librdkafka refuses the topic's name.
    ///
    /// # Safety
    /// A living client, which outlives this, and its queue of that partition.
    pub unsafe fn new(client: *mut sys::rd_kafka_t, topic: &CStr, partition: i32, queue: Queue) -> Option<Self> {
        // SAFETY: a living client; the name is copied. Without a configuration it is the client's own.
        let topic = unsafe { sys::rd_kafka_topic_new(client, topic.as_ptr(), std::ptr::null_mut()) };
        (!topic.is_null()).then_some(FetchQueue {
            queue,
            client,
            topic,
            partition,
        })
    }

    /// Messages, errors and ends that wait in it.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }

    /// Hands what is queued to `take`, until it says stop. True: it did, and there may be more.
    pub fn each<F: FnMut(&Fetched) -> Then>(&self, take: F) -> bool {
        let mut call = Call {
            client: self.client,
            take,
            stopped: false,
            panic: None,
        };
        loop {
            // SAFETY: a living topic; `call` outlives the call.
            let served = unsafe {
                let opaque = (&raw mut call).cast();
                sys::rd_kafka_consume_callback(self.topic, self.partition, 0, Some(on_message::<F>), opaque)
            };
            if let Some(panic) = call.panic.take() {
                resume_unwind(panic);
            }
            if call.stopped || served < AT_ONCE {
                return call.stopped;
            }
        }
    }
}

impl Drop for FetchQueue {
    fn drop(&mut self) {
        // SAFETY: ours, given back once.
        unsafe { sys::rd_kafka_topic_destroy(self.topic) }
    }
}

unsafe extern "C" fn on_message<F: FnMut(&Fetched) -> Then>(
    message: *mut sys::rd_kafka_message_t,
    opaque: *mut c_void,
) {
    // SAFETY: that of `each`, in whose call this runs.
    let call = unsafe { &mut *opaque.cast::<Call<F>>() };
    // SAFETY: a valid message, or an error, for the time of this call. librdkafka destroys it.
    let fetched = ManuallyDrop::new(unsafe { Fetched::from_ptr(message) });
    let then = catch_unwind(AssertUnwindSafe(|| (call.take)(&fetched))).unwrap_or_else(|panic| {
        call.panic = Some(panic);
        Then::Stop
    });
    if then == Then::Stop {
        call.stopped = true;
        // SAFETY: a living client. What was taken out of the queue and not handed over goes back to its front.
        unsafe { sys::rd_kafka_yield(call.client) };
    }
}
