//! Questions that nobody waits for: their answers come on the main queue. (What is committed is asked of the group's coordinator
//! with `committed`, see `consume/poller/beginnings.rs`.)

use std::ffi::{c_void, CStr, CString};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as sys;

use super::ConsumerClient;
use crate::error::c_string;
use crate::error::codes;
use crate::error::{KafkaError, Result};
use crate::event::PartitionRow;
use crate::kafka::ffi::{PartitionList, QueueEvent};

/// An answer that comes later is none: librdkafka gives a time-out instead.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// Which question it is: an answer has the number of its question, so one that was given up is not taken for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question(usize);

/// What a broker says of a topic.
#[derive(Debug, Clone)]
pub struct TopicAnswer {
    pub name: Arc<str>,
    /// None: brokers before Kafka 2.8 have none.
    pub id: Option<Arc<str>>,
    pub partitions: i32,
    pub error: Option<KafkaError>,
}

#[derive(Debug)]
pub enum Answer {
    Topics(std::result::Result<Vec<TopicAnswer>, KafkaError>),
    Offsets(std::result::Result<Vec<PartitionRow>, KafkaError>),
}

struct Options(*mut sys::rd_kafka_AdminOptions_t);

impl Options {
    fn new(client: &ConsumerClient, kind: sys::rd_kafka_admin_op_t, timeout: Duration) -> (Self, Question) {
        let mut text = [0 as libc::c_char; 128];
        let question = Question(client.questions.fetch_add(1, Ordering::Relaxed));
        // SAFETY: a living client; the options are ours, and the text outlives the call. A time in this range is taken. The opaque
        // pointer is a number that nobody follows.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(client.ptr(), kind);
            let timeout_ms = timeout.min(LONGEST_ANSWER).as_millis() as i32;
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text.as_mut_ptr(), text.len());
            sys::rd_kafka_AdminOptions_set_opaque(options, question.0 as *mut c_void);
            (Options(options), question)
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) }
    }
}

/// # Safety
/// `error` is null or ours to free.
unsafe fn free_error(error: *mut sys::rd_kafka_error_t) {
    if !error.is_null() {
        // SAFETY: by contract.
        unsafe { sys::rd_kafka_error_destroy(error) }
    }
}

impl ConsumerClient {
    /// Which topics there are under these names, asked of that broker, else of the controller. The answer is also news to
    /// librdkafka itself.
    pub fn ask_topics(&self, names: &[Arc<str>], node: Option<i32>, timeout: Duration) -> Result<Question> {
        let names: Vec<CString> = names
            .iter()
            .map(|name| c_string("topic", name))
            .collect::<Result<_>>()?;
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let (options, question) = Options::new(self, kind, timeout);
        let mut text = [0 as libc::c_char; 128];
        // SAFETY: a living client and its queue; names and options are copied, and the text outlives the call.
        unsafe {
            if let Some(node) = node {
                sys::rd_kafka_AdminOptions_set_broker(options.0, node, text.as_mut_ptr(), text.len());
            }
            let topics = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(self.ptr(), topics, options.0, self.queue.as_ptr());
            sys::rd_kafka_TopicCollection_destroy(topics);
        }
        Ok(question)
    }

    /// Where logs begin (rows with `OFFSET_BEGINNING`) or end (`OFFSET_END`).
    pub fn ask_offsets(&self, partitions: &PartitionList, committed_only: bool) -> Question {
        let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        let (options, question) = Options::new(self, kind, LONGEST_ANSWER);
        let level = match committed_only {
            true => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            false => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        };
        // SAFETY: a living client and its queue; list and options are copied.
        unsafe {
            free_error(sys::rd_kafka_AdminOptions_set_isolation_level(options.0, level));
            sys::rd_kafka_ListOffsets(self.ptr(), partitions.as_ptr(), options.0, self.queue.as_ptr());
        }
        question
    }

    /// As `seek` for several partitions at once. The answer has a row for each, with its error.
    pub fn seek_all(&self, partitions: &PartitionList) -> Result<Vec<PartitionRow>> {
        // SAFETY: a living client; the list is ours and gets the results.
        unsafe {
            let timeout_ms = LONGEST_ANSWER.as_millis() as i32;
            let error = sys::rd_kafka_seek_partitions(self.ptr(), partitions.as_ptr(), timeout_ms);
            crate::kafka::ffi::error_result("seeking", error)?;
        }
        Ok(partitions.rows())
    }
}

impl QueueEvent {
    /// None: it is no answer to a question.
    pub(super) fn answer(&self) -> Option<(Question, Answer)> {
        let failed = self.error();
        let answer = match self.kind() {
            sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => Answer::Topics(match failed {
                Some(error) => Err(error),
                None => Ok(self.topics()),
            }),
            sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => Answer::Offsets(match failed {
                Some(error) => Err(error),
                None => Ok(self.log_offsets()),
            }),
            _ => return None,
        };
        // SAFETY: a valid event of this kind, which has the opaque pointer of its options: a number.
        let question = unsafe { sys::rd_kafka_event_opaque(self.as_ptr()) } as usize;
        Some((Question(question), answer))
    }

    fn topics(&self) -> Vec<TopicAnswer> {
        let mut count = 0;
        // SAFETY: an event of this kind; everything in it lives as long as the event, and `count` says how many there are.
        unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(self.as_ptr());
            let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            (0..count)
                .map(|index| {
                    let topic = *topics.add(index);
                    let name = CStr::from_ptr(sys::rd_kafka_TopicDescription_name(topic));
                    let id = sys::rd_kafka_TopicDescription_topic_id(topic);
                    let zero = sys::rd_kafka_Uuid_most_significant_bits(id) == 0
                        && sys::rd_kafka_Uuid_least_significant_bits(id) == 0;
                    let id = (!zero).then(|| CStr::from_ptr(sys::rd_kafka_Uuid_base64str(id)));
                    let mut partitions = 0;
                    sys::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
                    TopicAnswer {
                        name: Arc::from(&*name.to_string_lossy()),
                        id: id.map(|id| Arc::from(&*id.to_string_lossy())),
                        partitions: partitions as i32,
                        error: borrowed_error(sys::rd_kafka_TopicDescription_error(topic)),
                    }
                })
                .collect()
        }
    }

    fn log_offsets(&self) -> Vec<PartitionRow> {
        let mut count = 0;
        // SAFETY: as above.
        unsafe {
            let result = sys::rd_kafka_event_ListOffsets_result(self.as_ptr());
            let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
            (0..count)
                .map(|index| {
                    let row = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(index));
                    let number = codes::read(&raw const (*row).err);
                    let topic = CStr::from_ptr((*row).topic).to_string_lossy().into_owned();
                    let error = (number != codes::NO_ERROR)
                        .then(|| KafkaError::from_number(number).at(&topic, (*row).partition));
                    PartitionRow {
                        topic,
                        partition: (*row).partition,
                        offset: (*row).offset,
                        error,
                    }
                })
                .collect()
        }
    }
}

/// # Safety
/// `error` is null or valid for the time of the call.
unsafe fn borrowed_error(error: *const sys::rd_kafka_error_t) -> Option<KafkaError> {
    if error.is_null() {
        return None;
    }
    // SAFETY: by contract.
    let number = unsafe { codes::raw::rd_kafka_error_code(error) };
    (number != codes::NO_ERROR).then(|| KafkaError::from_number(number))
}
