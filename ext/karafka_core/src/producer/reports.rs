//! The report thread `krs.dr`: serves the client's event queue, and ends the client when it is told to.

use std::any::Any;
use std::ffi::{c_char, c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::delivery::{self, DeliverySet};
use super::events::Event;
use super::native::Native;
use super::reload;
use super::shared::Shared;
use crate::error::KafkaError;

/// An idle producer wakes up this often; a close interrupts it.
const IDLE_POLL: Duration = Duration::from_secs(30);
/// While it ends it looks more often: a dispatch that was cut off gives no report.
const CLOSING_POLL: Duration = Duration::from_millis(20);
/// After the messages were given up, their reports get this long.
const PURGE_GRACE: Duration = Duration::from_secs(2);

/// More than so many panics outside of single reports, and the producer is given up.
const MOST_PANICS: usize = 10;

pub(super) fn run(shared: &Arc<Shared>) {
    // A panic here would leave every waiter waiting. One is told and survived; a bug that comes again and again is not.
    for left in (0..MOST_PANICS).rev() {
        match catch_unwind(AssertUnwindSafe(|| serve(shared))) {
            Ok(End::Idle) => return,
            Ok(End::Over) => break,
            Err(panic) => {
                tell(shared, panic.as_ref(), left == 0);
                if left == 0 {
                    shared.fail();
                }
            }
        }
    }
    // Ending librdkafka's threads may take a while: here it holds nobody up.
    let ended = catch_unwind(AssertUnwindSafe(|| drop(shared.take_native())));
    if ended.is_err() {
        shared.fail();
    }
    if shared.is_reloading() {
        // It went down between two clients.
        shared.fail();
    }
    shared.finish();
}

fn tell(shared: &Shared, panic: &(dyn Any + Send), fatal: bool) {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    let error = KafkaError::internal(format!("the producer's report thread has met a bug: {text}"));
    shared.events.push(Event::Error(KafkaError { fatal, ..error }));
}

/// How `serve` ended.
enum End {
    /// There is no client any more, or it is to end now.
    Over,
    /// It was idle and is gone; the next message makes another one, and another report thread.
    Idle,
}

fn serve(shared: &Shared) -> End {
    let mut purged_at = None;
    let mut active_at = Instant::now();
    loop {
        let Some(client) = shared.borrow_native() else {
            return End::Over;
        };
        let Ok(native) = client.get() else { return End::Over };
        let closing = shared.closing();
        if let Some(closing) = closing {
            let now = Instant::now();
            if shared.in_flight() == 0 || purged_at.is_some_and(|at| now > at + PURGE_GRACE) {
                return End::Over;
            }
            if purged_at.is_none() && now >= closing.deadline {
                shared.set_undelivered(shared.in_flight());
                native.purge();
                purged_at = Some(now);
            }
        }
        let idle = shared.idle_for(active_at);
        let patience = closing.map_or(idle.min(IDLE_POLL), |closing| match purged_at {
            None => closing
                .deadline
                .saturating_duration_since(Instant::now())
                .min(CLOSING_POLL),
            Some(_) => CLOSING_POLL,
        });
        let served = poll(shared, native, patience);
        drop(client);
        if served.reports > 0 {
            active_at = Instant::now();
            shared.events.hold_back(|| shared.closing().is_some());
        }
        if let Some(error) = served.fatal {
            if reload::run(shared, error).is_err() {
                shared.fail();
                return End::Over;
            }
        } else if shared.idle_for(active_at).is_zero() {
            if shared.disconnect_now() {
                return End::Idle;
            }
            // Not again at once.
            active_at = Instant::now();
        }
    }
}

/// What one look at the queue brought.
#[derive(Default)]
pub(super) struct Served {
    pub reports: usize,
    /// Messages that were not delivered.
    pub failed: usize,
    /// The client has failed for good.
    pub fatal: Option<KafkaError>,
}

pub(super) fn poll(shared: &Shared, native: &Native, patience: Duration) -> Served {
    // Rounded up, or the last millisecond before a deadline would be spent in a busy loop.
    let timeout = i32::try_from(patience.as_millis())
        .unwrap_or(i32::MAX)
        .saturating_add(1);
    // SAFETY: the queue is alive; the event is given back below.
    let event = unsafe { sys::rd_kafka_queue_poll(native.queue(), timeout) };
    if event.is_null() {
        return Served::default();
    }
    let mut fatal = None;
    let mut reports = Reports {
        shared,
        count: 0,
        failed: 0,
        current: std::ptr::null_mut(),
        passed_on: Vec::new(),
    };
    // SAFETY: the event is alive and of the type it says.
    unsafe {
        match sys::rd_kafka_event_type(event) {
            sys::RD_KAFKA_EVENT_DR => {
                // After a panic it goes on with the next message.
                while let Err(panic) = catch_unwind(AssertUnwindSafe(|| reports.read(event, native))) {
                    tell(shared, panic.as_ref(), false);
                    reports.give_up_current();
                }
            }
            sys::RD_KAFKA_EVENT_ERROR => {
                let error = error_of(event, native);
                fatal = error.fatal.then(|| error.clone());
                shared.events.push(Event::Error(error));
            }
            sys::RD_KAFKA_EVENT_LOG => push_log(shared, event),
            sys::RD_KAFKA_EVENT_STATS => {
                let json = text(sys::rd_kafka_event_stats(event));
                shared.events.push(Event::Statistics(json));
            }
            _ => {}
        }
        // Frees the messages: only now is there room in the queue.
        sys::rd_kafka_event_destroy(event);
    }
    let count = reports.count;
    Served {
        reports: count,
        failed: reports.done(),
        fatal,
    }
}

struct Reports<'a> {
    shared: &'a Shared,
    count: usize,
    failed: usize,
    /// The token of the message that is read just now.
    current: *mut c_void,
    passed_on: Vec<(Arc<DeliverySet>, u32)>,
}

impl Reports<'_> {
    /// # Safety
    /// `event` is a live delivery report event of this producer.
    unsafe fn read(&mut self, event: *mut sys::rd_kafka_event_t, native: &Native) {
        let failures_are_read = self.shared.events.is_read();
        loop {
            // SAFETY: by the contract; the message lives until the event is destroyed.
            let message = unsafe { sys::rd_kafka_event_message_next(event) };
            if message.is_null() {
                return;
            }
            self.count += 1;
            // SAFETY: the message is alive.
            self.current = unsafe { (*message)._private };
            self.shared.panic_if_asked();
            // SAFETY: the message is alive.
            let failed = unsafe { (*message).err } != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
            self.failed += usize::from(failed);
            // SAFETY: not null, and each opaque is a token that is reported once: librdkafka gives one report a message.
            let passed = unsafe {
                let report = delivery::Native {
                    partition: (*message).partition,
                    offset: (*message).offset,
                    code: (*message).err,
                    latency_us: u32::try_from(sys::rd_kafka_message_latency(message).max(0)).unwrap_or(u32::MAX),
                    detail: if failed { detail(message, native) } else { None },
                };
                delivery::report((*message)._private, report, |set| {
                    set.tag() != 0 || (failed && failures_are_read)
                })
            };
            self.passed_on.extend(passed);
        }
    }

    /// After a panic: whoever waits for that message must not wait for ever.
    fn give_up_current(&mut self) {
        let lost = delivery::Native {
            partition: -1,
            offset: -1,
            code: RDKafkaRespErr::RD_KAFKA_RESP_ERR__FAIL,
            latency_us: 0,
            detail: Some("its report was lost by a bug of the producer; it may be delivered".to_owned()),
        };
        self.failed += 1;
        // SAFETY: the token of a message whose report was not counted: nothing panics after that.
        let passed = unsafe { delivery::report(self.current, lost, |_| true) };
        self.passed_on.extend(passed);
    }

    /// Gives how many messages were not delivered.
    fn done(self) -> usize {
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

/// What is behind librdkafka's envelope of fatal errors.
///
/// The broker's own words are not to be had: `rd_kafka_message_produce_errstr` points into an answer that librdkafka
/// (2.12.1, `rd_kafka_dr_msgq0`) has freed by then.
///
/// # Safety
/// `message` is alive.
unsafe fn detail(message: *const sys::rd_kafka_message_t, native: &Native) -> Option<String> {
    // SAFETY: by the contract.
    unsafe {
        if (*message).err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL {
            return Some(native.explain((*message).err).to_string());
        }
    }
    native.epitaph().map(str::to_owned)
}

/// # Safety
/// `event` is a live error event.
unsafe fn error_of(event: *mut sys::rd_kafka_event_t, native: &Native) -> KafkaError {
    // SAFETY: by the contract.
    unsafe {
        if sys::rd_kafka_event_error_is_fatal(event) != 0 {
            return native.explain(RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL);
        }
        let code = sys::rd_kafka_event_error(event);
        KafkaError::from_code(code).with_message(text(sys::rd_kafka_event_error_string(event)))
    }
}

/// # Safety
/// `event` is a live log event.
unsafe fn push_log(shared: &Shared, event: *mut sys::rd_kafka_event_t) {
    let (mut facility, mut words, mut level): (*const c_char, *const c_char, i32) =
        (std::ptr::null(), std::ptr::null(), 6);
    // SAFETY: by the contract; the texts live as long as the event.
    unsafe {
        if sys::rd_kafka_event_log(event, &mut facility, &mut words, &mut level) == 0 {
            let (target, message) = (text(facility), text(words));
            shared.events.push(Event::Log { level, target, message });
        }
    }
}

/// # Safety
/// `words` is null or ends with NUL.
unsafe fn text(words: *const c_char) -> String {
    if words.is_null() {
        return String::new();
    }
    // SAFETY: by the contract.
    unsafe { CStr::from_ptr(words) }.to_string_lossy().into_owned()
}
