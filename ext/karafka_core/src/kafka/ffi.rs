//! The few librdkafka objects that rust-rdkafka does not offer, each with an owner.

use std::ffi::CStr;

use rdkafka::bindings as sys;

use crate::error::codes;
use crate::error::{c_string, Error, KafkaError, Result};
use crate::event::PartitionRow;

/// librdkafka's "no offset".
pub const OFFSET_INVALID: i64 = -1001;
pub const OFFSET_BEGINNING: i64 = -2;
pub const OFFSET_END: i64 = -1;

/// What is committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub offset: i64,
    pub metadata: Option<String>,
    /// Of the last message that was read when this was committed. None: not known.
    pub leader_epoch: Option<i32>,
}

/// An owned topic partition list.
pub struct PartitionList(*mut sys::rd_kafka_topic_partition_list_t);

// SAFETY: a plain heap object without thread affinity, owned by one place.
unsafe impl Send for PartitionList {}

impl PartitionList {
    pub fn with_capacity(size: usize) -> Self {
        // SAFETY: allocates; librdkafka aborts when out of memory, it never returns null.
        PartitionList(unsafe { sys::rd_kafka_topic_partition_list_new(size as i32) })
    }

    /// Adds a row. A name with a NUL byte can't exist in Kafka and is refused.
    pub fn add(&mut self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let name = c_string("topic", topic)?;
        // SAFETY: the list is ours; librdkafka copies the name.
        unsafe {
            let row = sys::rd_kafka_topic_partition_list_add(self.0, name.as_ptr(), partition);
            (*row).offset = offset;
        }
        Ok(())
    }

    /// Adds a row with what is to be committed.
    pub fn add_commit(&mut self, topic: &str, partition: i32, commit: &Commit) -> Result<()> {
        self.add(topic, partition, commit.offset)?;
        if let Some(epoch) = commit.leader_epoch {
            // SAFETY: the row that was just added.
            unsafe {
                let row = (*self.0).elems.add((*self.0).cnt as usize - 1);
                sys::rd_kafka_topic_partition_set_leader_epoch(row, epoch);
            }
        }
        let Some(text) = commit.metadata.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        // SAFETY: the row that was just added. librdkafka frees the text with `free`; it copies it where it copies lists.
        unsafe {
            let copy = libc::malloc(text.len());
            if !copy.is_null() {
                std::ptr::copy_nonoverlapping(text.as_ptr(), copy.cast::<u8>(), text.len());
                let row = &mut *(*self.0).elems.add((*self.0).cnt as usize - 1);
                row.metadata = copy;
                row.metadata_size = text.len();
            }
        }
        Ok(())
    }

    /// What is committed, with what stands beside the offset, of a row that exists.
    pub fn commit(&self, index: usize) -> Option<Commit> {
        // SAFETY: never null; within the rows.
        unsafe { (index < (*self.0).cnt as usize).then(|| row_commit(self.0, index)) }
    }

    pub fn is_empty(&self) -> bool {
        // SAFETY: never null.
        unsafe { (*self.0).cnt == 0 }
    }

    pub fn rows(&self) -> Vec<PartitionRow> {
        // SAFETY: never null, ours.
        unsafe { copy_rows(self.0) }
    }

    /// A copy of the rows that `wanted` answers true for, with all they carry (metadata, leader epoch).
    pub fn keep(&self, wanted: impl Fn(&PartitionRow) -> bool) -> PartitionList {
        // SAFETY: never null; the copy is ours.
        let kept = PartitionList(unsafe { sys::rd_kafka_topic_partition_list_copy(self.0) });
        for (index, row) in self.rows().iter().enumerate().rev() {
            if !wanted(row) {
                // SAFETY: ours; counted down, so the index is that of the same row in the copy.
                unsafe { sys::rd_kafka_topic_partition_list_del_by_idx(kept.0, index as i32) };
            }
        }
        kept
    }

    pub fn as_ptr(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.0
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_topic_partition_list_destroy(self.0) }
    }
}

/// Copies the rows of a list that belongs to somebody else.
///
/// # Safety
/// `list` is null or a valid list for the time of the call.
pub unsafe fn copy_rows(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<PartitionRow> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: valid by contract; `elems` has `cnt` rows with NUL-terminated names.
    unsafe {
        (0..(*list).cnt as usize)
            .map(|index| {
                let row = (*list).elems.add(index);
                let (number, partition) = (codes::read(&raw const (*row).err), (*row).partition);
                let topic = CStr::from_ptr((*row).topic).to_string_lossy().into_owned();
                let error = (number != codes::NO_ERROR).then(|| KafkaError::from_number(number).at(&topic, partition));
                PartitionRow {
                    topic,
                    partition,
                    offset: (*row).offset,
                    error,
                }
            })
            .collect()
    }
}

/// The offset of a row with all that stands beside it.
///
/// # Safety
/// `list` is a valid list for the time of the call and has that row.
pub unsafe fn row_commit(list: *const sys::rd_kafka_topic_partition_list_t, index: usize) -> Commit {
    // SAFETY: by contract; a row's metadata has `metadata_size` bytes.
    unsafe {
        let row = (*list).elems.add(index);
        let epoch = sys::rd_kafka_topic_partition_get_leader_epoch(row);
        let (start, size) = ((*row).metadata.cast::<u8>(), (*row).metadata_size);
        let text = (!start.is_null() && size > 0).then(|| {
            let bytes = std::slice::from_raw_parts(start, size);
            String::from_utf8_lossy(bytes).into_owned()
        });
        Commit {
            offset: (*row).offset,
            metadata: text,
            leader_epoch: (epoch >= 0).then_some(epoch),
        }
    }
}

/// A handle of one of librdkafka's queues.
pub struct Queue(*mut sys::rd_kafka_queue_t);

// SAFETY: librdkafka's queues are internally locked; the handle may be used from any thread.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// Messages (and errors) that wait in it.
    pub fn len(&self) -> usize {
        // SAFETY: a living handle.
        unsafe { sys::rd_kafka_queue_length(self.as_ptr()) }
    }

    /// Takes ownership. None for null.
    ///
    /// # Safety
    /// `queue` is null or a handle that nobody else destroys. Its client outlives it.
    pub unsafe fn from_ptr(queue: *mut sys::rd_kafka_queue_t) -> Option<Self> {
        (!queue.is_null()).then(|| Queue(queue))
    }

    pub fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.0
    }

    /// Makes a blocked poll of this queue return at once.
    pub fn wake(&self) {
        // SAFETY: a valid handle.
        unsafe { sys::rd_kafka_queue_yield(self.0) }
    }

    /// Next event, waiting up to `timeout_ms`.
    pub fn poll(&self, timeout_ms: i32) -> Option<QueueEvent> {
        // SAFETY: a valid handle; the event is ours and destroyed by QueueEvent.
        let event = unsafe { sys::rd_kafka_queue_poll(self.0, timeout_ms) };
        (!event.is_null()).then(|| QueueEvent(event))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// An event taken from a queue.
pub struct QueueEvent(*mut sys::rd_kafka_event_t);

impl QueueEvent {
    pub fn as_ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.0
    }

    pub fn kind(&self) -> i32 {
        // SAFETY: a valid event.
        unsafe { sys::rd_kafka_event_type(self.0) }
    }

    pub fn code(&self) -> i32 {
        // SAFETY: a valid event.
        unsafe { codes::raw::rd_kafka_event_error(self.0) }
    }

    /// The error this event carries, with librdkafka's own text. None when it carries none.
    pub fn error(&self) -> Option<KafkaError> {
        let code = self.code();
        if code == codes::NO_ERROR {
            return None;
        }
        // SAFETY: a valid event; the string lives as long as the event.
        unsafe {
            let text = sys::rd_kafka_event_error_string(self.0);
            let mut error = KafkaError::from_number(code);
            if !text.is_null() {
                error.message = CStr::from_ptr(text).to_string_lossy().into_owned();
            }
            // librdkafka reads the flag of any event, but only an error event is that large: of another one, such as a
            // refused commit, it reads beyond the memory of the event.
            error.fatal = self.kind() == sys::RD_KAFKA_EVENT_ERROR && sys::rd_kafka_event_error_is_fatal(self.0) != 0;
            Some(error)
        }
    }

    /// The messages of a fetch or of delivery reports that were not taken yet. They live as long as the event.
    pub fn messages(&self) -> impl Iterator<Item = *const sys::rd_kafka_message_t> + use<'_> {
        std::iter::from_fn(|| {
            // SAFETY: a valid event; the messages belong to it.
            let message = unsafe { sys::rd_kafka_event_message_next(self.0) };
            (!message.is_null()).then_some(message)
        })
    }

    pub fn partitions(&self) -> Vec<PartitionRow> {
        // SAFETY: null or a list that lives as long as the event.
        unsafe { copy_rows(sys::rd_kafka_event_topic_partition_list(self.0)) }
    }

    pub fn partition_list_ptr(&self) -> *const sys::rd_kafka_topic_partition_list_t {
        // SAFETY: a valid event.
        unsafe { sys::rd_kafka_event_topic_partition_list(self.0) }
    }

    pub fn statistics(&self) -> String {
        // SAFETY: null or a NUL-terminated text that lives as long as the event.
        unsafe {
            let text = sys::rd_kafka_event_stats(self.0);
            if text.is_null() {
                return String::new();
            }
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

impl Drop for QueueEvent {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0) }
    }
}

/// Why a client works no more; None: it works.
///
/// # Safety
/// `rk` is a living client.
pub unsafe fn fatal_error(rk: *mut sys::rd_kafka_t) -> Option<KafkaError> {
    let mut text = [0 as libc::c_char; 512];
    // SAFETY: by contract; librdkafka writes a NUL-terminated text of at most the given size.
    let (code, text) = unsafe {
        let code = codes::raw::rd_kafka_fatal_error(rk, text.as_mut_ptr(), text.len());
        (code, CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
    };
    (code != codes::NO_ERROR).then(|| KafkaError {
        fatal: true,
        ..KafkaError::from_number(code).with_message(text)
    })
}

/// librdkafka's fatal errors are an envelope: gives what is inside, and any other error as it is.
///
/// # Safety
/// `rk` is a living client.
pub unsafe fn explain_fatal(rk: *mut sys::rd_kafka_t, error: KafkaError) -> KafkaError {
    if !error.fatal && error.number != codes::FATAL {
        return error;
    }
    // SAFETY: by contract.
    unsafe { fatal_error(rk) }.unwrap_or(error)
}

/// Reads a native error object into a Result.
///
/// # Safety
/// `error` is null or ours.
pub unsafe fn error_result(operation: &'static str, error: *mut sys::rd_kafka_error_t) -> Result<()> {
    // SAFETY: by contract.
    match unsafe { KafkaError::from_native(error) } {
        None => Ok(()),
        Some(source) => Err(Error::Kafka {
            operation,
            source: Box::new(source),
        }),
    }
}
