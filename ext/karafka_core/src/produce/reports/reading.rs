//! Reading delivery reports: each goes to the set of deliveries that its message belongs to, or back to librdkafka.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::error::codes;
use crate::kafka::ffi::QueueEvent;
use crate::produce::client::ProducerClient;
use crate::produce::delivery::{self, DeliverySet};
use crate::produce::events::Event;
use crate::produce::producer_core::ProducerCore;
use crate::produce::refused::{self, Fate};
use crate::produce::resend::{Batch, Kept, Lesson, Tried};
use crate::produce::tally::Tally;

/// A message that again and again meets others in its batch fails with them.
const MOST_TIMES: u32 = 20;
/// Messages that the error of a transaction names.
const MOST_NAMED: usize = 100;

pub(super) struct Reports<'a> {
    shared: &'a ProducerCore,
    count: usize,
    failed: usize,
    /// The token of the message that is read just now.
    current: *mut c_void,
    passed_on: Vec<(Arc<DeliverySet>, u32)>,
    /// Of a refused batch: those that were not looked at yet, the last one first.
    refused: Vec<refused::Message>,
    /// Those of it that are sent again: once more, or for the first time.
    earlier: Vec<Kept>,
    others: Vec<Kept>,
    /// Some of it are not sent again yet.
    mixed: bool,
    tally: Tally,
}

impl<'a> Reports<'a> {
    pub fn new(shared: &'a ProducerCore) -> Self {
        Reports {
            shared,
            count: 0,
            failed: 0,
            current: std::ptr::null_mut(),
            passed_on: Vec::new(),
            refused: Vec::new(),
            earlier: Vec::new(),
            others: Vec::new(),
            mixed: false,
            tally: Tally::default(),
        }
    }

    /// # Safety
    /// `event` is a delivery report event of this producer.
    pub unsafe fn read(&mut self, event: &QueueEvent, client: &ProducerClient) {
        let code = event.code();
        // Brokers' codes are above 0, librdkafka's own below.
        if code > 0 {
            client.note_gap();
        }
        if refused::is_about_content(code) {
            // SAFETY: by the contract.
            return unsafe { self.judge(event, client, code) };
        }
        for message in event.messages() {
            // SAFETY: the message lives as long as the event.
            unsafe {
                self.begin(message);
                let code = codes::of_message(message);
                if code > 0 {
                    client.note_gap();
                }
                let detail = (code != codes::NO_ERROR).then(|| detail(code, client)).flatten();
                self.settle(message, code, detail);
            }
        }
        self.shared.resends.batch_answered();
    }

    /// The messages of a batch that the broker has refused, because of one of them at least.
    ///
    /// # Safety
    /// As `read`.
    unsafe fn judge(&mut self, event: &QueueEvent, client: &ProducerClient, code: i32) {
        let failed_before = self.failed;
        // Before a panic some may have been taken out of the event.
        self.refused.reverse();
        self.refused.extend(event.messages());
        // SAFETY: by the contract; the messages live as long as the event.
        unsafe {
            let fates = refused::fates(code, &self.refused);
            let bytes = self.refused.iter().map(|message| refused::size_of(*message)).sum();
            self.refused.reverse();
            let count = fates.len();
            // librdkafka lets nothing of such a transaction commit.
            let again = !self.shared.resends.is_off() && !client.is_transactional() && !client.has_failed();
            let batch = again.then(|| self.shared.resends.batch());
            for fate in fates {
                let Some(message) = self.refused.pop() else { break };
                self.begin(message);
                self.mixed |= self.shared.resends.tried((*message)._private).is_none();
                match fate {
                    Fate::Culprit => {
                        let (code, why) = refused::why(code, message);
                        if client.is_transactional() {
                            self.name(message);
                        }
                        self.settle(message, code, Some(why));
                    }
                    Fate::Innocent | Fate::Unknown if self.keep(message, batch, fate == Fate::Unknown) => {}
                    Fate::Innocent => {
                        let why = refused::why_innocent(code);
                        self.settle(message, refused::DIFFERENT_RECORD, Some(why));
                    }
                    Fate::Unknown => {
                        let why = refused::why_together(code, count, bytes);
                        self.settle(message, code, Some(why));
                    }
                }
            }
        }
        self.shared.resends.batch_answered();
        let (earlier, others) = (std::mem::take(&mut self.earlier), std::mem::take(&mut self.others));
        // One that goes in steps again, as others were in its batch, was reported before.
        let told = others.first().map(|first| Event::Resent {
            error: client.explain(code).at(&first.topic_name(), first.partition()),
            messages: others.len(),
            failed: self.failed - failed_before,
        });
        self.shared
            .resends
            .add(earlier, others, std::mem::take(&mut self.mixed));
        // Last: whoever hears of it and purges means these, too.
        if let Some(told) = told {
            self.shared.events.push(told);
        }
    }

    /// For the error of its transaction.
    ///
    /// # Safety
    /// `message` is alive, of this producer, and has no report yet.
    unsafe fn name(&self, message: refused::Message) {
        let mut culprits = self.shared.culprits.lock();
        if culprits.len() < MOST_NAMED {
            // SAFETY: by the contract.
            culprits.push(unsafe { delivery::place((*message)._private) });
        }
    }

    /// To be sent again. False: it is not, and has to be reported.
    ///
    /// # Safety
    /// `message` is alive, of this producer, and has no report yet.
    unsafe fn keep(&mut self, message: refused::Message, batch: Option<Batch>, nobody_named: bool) -> bool {
        let Some(batch) = batch else { return false };
        // SAFETY: by the contract.
        unsafe {
            let before = self.shared.resends.tried((*message)._private);
            let times = before.map_or(1, |before| before.times + 1);
            if (before.is_none() && !batch.room) || times > MOST_TIMES {
                return false;
            }
            self.shared.resends.answered((*message)._private, Lesson::Refused);
            let group = before.and_then(|before| before.group).unwrap_or(batch.group);
            let kept = Kept::new(
                message,
                Tried {
                    latency_us: before.unwrap_or_default().latency_us.saturating_add(latency(message)),
                    times,
                    group: (!nobody_named).then_some(group),
                },
            );
            if before.is_some() {
                self.earlier.push(kept);
            } else {
                self.others.push(kept);
            }
        }
        self.current = std::ptr::null_mut();
        true
    }

    /// # Safety
    /// `message` is alive.
    unsafe fn begin(&mut self, message: refused::Message) {
        // SAFETY: by the contract.
        self.current = unsafe { (*message)._private };
        self.shared.panic_if_asked();
    }

    /// # Safety
    /// `message` is alive, of this producer, and has no report yet.
    unsafe fn settle(&mut self, message: refused::Message, code: i32, detail: Option<String>) {
        // SAFETY: by the contract.
        unsafe {
            let opaque = (*message)._private;
            let refused = refused::is_about_content(code) || code == refused::DIFFERENT_RECORD;
            let lesson = match code {
                codes::NO_ERROR => Lesson::Taken,
                _ if refused => Lesson::Refused,
                _ => Lesson::Nothing,
            };
            let before = self.shared.resends.answered(opaque, lesson).unwrap_or_default();
            let latency_us = before.latency_us.saturating_add(latency(message));
            self.tally.add(message, code != codes::NO_ERROR, latency_us);
            let trouble = || self.shared.troubles.during(Duration::from_micros(latency_us.into()));
            let report = delivery::NativeReport {
                partition: (*message).partition,
                offset: (*message).offset,
                code,
                latency_us,
                detail,
                cause: (code < codes::NO_ERROR && !refused).then(trouble).flatten(),
            };
            self.report(opaque, report);
        }
    }

    /// # Safety
    /// `opaque` is the token of a message that has no report yet.
    pub unsafe fn report(&mut self, opaque: *mut c_void, report: delivery::NativeReport) {
        let failed = report.code != codes::NO_ERROR;
        let failures_are_read = failed && self.shared.events.is_read();
        // SAFETY: by the contract; librdkafka gives one report for each message it has taken.
        let passed = unsafe { delivery::report(opaque, report, |set| set.tag() != 0 || failures_are_read) };
        self.current = std::ptr::null_mut();
        self.count += 1;
        self.failed += usize::from(failed);
        self.passed_on.extend(passed);
    }

    /// After a panic: whoever waits for that message must not wait forever.
    pub fn abandon_after_panic(&mut self) {
        if self.current.is_null() {
            // Of a batch that could not be judged: one of them less, so that it ends.
            let Some(message) = self.refused.pop() else { return };
            // SAFETY: alive as long as the event, without a report.
            self.current = unsafe { (*message)._private };
        }
        let lost = delivery::NativeReport {
            partition: -1,
            offset: -1,
            code: RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL as i32,
            latency_us: 0,
            detail: Some("its report was lost by a bug of the producer; it may be delivered".to_owned()),
            cause: None,
        };
        let _ = self.shared.resends.answered(self.current, Lesson::Nothing);
        // SAFETY: the token of a message that has no report: `current` is null as soon as it has.
        unsafe { self.report(self.current, lost) };
    }

    /// Messages with a report.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Gives how many messages were not delivered.
    pub fn done(mut self) -> usize {
        // First: once nothing is under way all of it is counted.
        self.tally.done();
        if self.count > self.failed {
            self.shared.reload.delivered();
        }
        if self.count > 0 {
            // An event first: nobody must see that nothing is under way, and nothing to be told.
            self.shared.events.push_reports(self.passed_on);
            self.shared.reported(self.count);
            self.shared.room.made();
        }
        self.failed
    }
}

/// From the produce call to the broker's answer, in microseconds.
///
/// # Safety
/// `message` is alive.
unsafe fn latency(message: refused::Message) -> u32 {
    // SAFETY: by the contract.
    u32::try_from(unsafe { sys::rd_kafka_message_latency(message) }.max(0)).unwrap_or(u32::MAX)
}

/// What is behind librdkafka's envelope of fatal errors.
///
/// The broker's own words are not to be had: `rd_kafka_message_produce_errstr` points into an answer that librdkafka
/// (2.12.1, `rd_kafka_dr_msgq0`) has freed by then.
pub(super) fn detail(code: i32, client: &ProducerClient) -> Option<String> {
    if code == codes::FATAL {
        return Some(client.explain(code).to_string());
    }
    client.replacement_reason().map(str::to_owned)
}
