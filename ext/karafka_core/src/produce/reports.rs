//! The report thread `krs.dr`: serves the client's event queue, and ends the client when it has to.

mod reading;

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::client::ProducerClient;
use super::delivery;
use super::events::Event;
use super::producer_core::ProducerCore;
use super::reload;
use super::resend::Kept;
use crate::error::KafkaError;
use crate::kafka::ffi::QueueEvent;
use crate::kafka::log::LogLine;
use crate::kafka::troubles::Line;
use reading::{detail, Reports};

/// An idle producer wakes up this often; a close interrupts it.
const IDLE_POLL: Duration = Duration::from_secs(30);
/// While it ends it looks more often: a dispatch that was cut off gives no report.
const CLOSING_POLL: Duration = Duration::from_millis(20);
/// Messages that are to be sent again and find no room look for some this often.
const RESEND_POLL: Duration = Duration::from_millis(10);
/// As `Producer::wait` does: a message that the next ones wait for does not linger.
const HURRY: Duration = Duration::from_millis(1);
/// After the messages were given up, their reports get this long.
const PURGE_GRACE: Duration = Duration::from_secs(2);

/// More panics than this outside of single reports, and the producer is given up.
const MOST_PANICS: usize = 10;

pub(super) fn run(shared: &Arc<ProducerCore>) {
    // A panic here would leave every waiter waiting. One is reported and survived; a bug that comes again and again is not.
    for left in (0..MOST_PANICS).rev() {
        match catch_unwind(AssertUnwindSafe(|| serve(shared))) {
            Ok(End::Idle) => return,
            Ok(End::Over) => break,
            Err(panic) => {
                report_panic(shared, panic.as_ref(), left == 0);
                if left == 0 {
                    shared.fail();
                }
            }
        }
    }
    // Ending librdkafka's threads may take a while: here it holds nobody up.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        if let Some(client) = shared.take_client() {
            report_resends_as_purged(shared, &client);
        }
    }));
    if ended.is_err() {
        shared.fail();
    }
    if shared.is_reloading() {
        // It went down between two clients.
        shared.fail();
    }
    shared.finish();
}

fn report_panic(shared: &ProducerCore, panic: &(dyn Any + Send), fatal: bool) {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    let error = KafkaError::internal(format!("the producer's report thread panicked: {text}"));
    shared.events.push(Event::Error(KafkaError { fatal, ..error }));
}

/// How `serve` ended.
enum End {
    /// There is no client any more, or it is to end now.
    Over,
    /// It was idle and is gone; the next message makes another one, and another report thread.
    Idle,
}

fn serve(shared: &ProducerCore) -> End {
    let mut purged_at = None;
    let mut active_at = Instant::now();
    loop {
        let Some(borrowed) = shared.borrow_client() else {
            return End::Over;
        };
        let Ok(client) = borrowed.get() else { return End::Over };
        let closing = shared.closing();
        if let Some(closing) = closing {
            let now = Instant::now();
            if shared.in_flight() == 0 || purged_at.is_some_and(|at| now > at + PURGE_GRACE) {
                return End::Over;
            }
            if purged_at.is_none() && now >= closing.deadline {
                shared.set_undelivered(shared.in_flight());
                client.purge();
                report_resends_as_purged(shared, client);
                purged_at = Some(now);
            }
        }
        let idle = shared.idle_for(active_at);
        let mut patience = closing.map_or(idle.min(IDLE_POLL), |closing| match purged_at {
            None => closing
                .deadline
                .saturating_duration_since(Instant::now())
                .min(CLOSING_POLL),
            Some(_) => CLOSING_POLL,
        });
        if shared.resends.is_busy() {
            patience = patience.min(RESEND_POLL);
        }
        let served = poll(shared, client, patience);
        drop(borrowed);
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

pub(super) fn poll(shared: &ProducerCore, client: &ProducerClient, patience: Duration) -> Served {
    // Rounded up, or the last millisecond before a deadline would be spent in a busy loop.
    let timeout = i32::try_from(patience.as_millis())
        .unwrap_or(i32::MAX)
        .saturating_add(1);
    let Some(event) = client.queue().poll(timeout) else {
        return Served {
            failed: resend(shared, client),
            ..Served::default()
        };
    };
    let mut fatal = None;
    let mut reports = Reports::new(shared);
    match event.kind() {
        sys::RD_KAFKA_EVENT_DR => {
            // After a panic it goes on with the next message.
            // SAFETY: a delivery report event of this producer.
            while let Err(panic) = catch_unwind(AssertUnwindSafe(|| unsafe { reports.read(&event, client) })) {
                report_panic(shared, panic.as_ref(), false);
                reports.abandon_after_panic();
            }
        }
        sys::RD_KAFKA_EVENT_ERROR => {
            let error = event.error().map(|error| client.explain_fatal(error));
            if let Some(error) = error.and_then(|error| shared.troubles.error(error)) {
                fatal = error.fatal.then(|| error.clone());
                shared.events.push(Event::Error(error));
            }
        }
        sys::RD_KAFKA_EVENT_LOG => push_log(shared, &event),
        sys::RD_KAFKA_EVENT_STATS => shared.events.push_statistics(event.statistics()),
        sys::RD_KAFKA_EVENT_CREATETOPICS_RESULT => client.connected(),
        _ => {}
    }
    // Frees the messages: only now there is room in the queue.
    drop(event);
    let count = reports.count();
    Served {
        reports: count,
        failed: reports.done() + resend(shared, client),
        fatal,
    }
}

/// Sends what is to be sent again, as far as it may go now. Gives how many failed.
fn resend(shared: &ProducerCore, client: &ProducerClient) -> usize {
    if !shared.resends.is_busy() {
        return 0;
    }
    let sent = shared.resends.go_on(client);
    let failed = fail(shared, client, sent.refused);
    // Calls for its topic may be held back.
    shared.room.made();
    if sent.hurry {
        client.flush(HURRY);
    }
    failed
}

/// Reports what waits to be sent again as purged. Gives how many.
pub(super) fn report_resends_as_purged(shared: &ProducerCore, client: &ProducerClient) -> usize {
    let purged = RDKafkaRespErr::RD_KAFKA_RESP_ERR__PURGE_QUEUE as i32;
    let given_up = shared
        .resends
        .take_all()
        .into_iter()
        .map(|kept| (kept, purged))
        .collect();
    fail(shared, client, given_up)
}

/// Reports messages that are not sent again after all.
fn fail(shared: &ProducerCore, client: &ProducerClient, messages: Vec<(Kept, i32)>) -> usize {
    let mut reports = Reports::new(shared);
    for (kept, code) in messages {
        let report = delivery::NativeReport {
            partition: kept.partition(),
            detail: detail(code, client),
            ..delivery::NativeReport::unsent(code)
        };
        // SAFETY: the token of a message that has no report yet, and is not under way.
        unsafe { reports.report(kept.opaque(), report) };
    }
    reports.done()
}

fn push_log(shared: &ProducerCore, event: &QueueEvent) {
    let Some(line) = LogLine::of(event) else { return };
    match shared.troubles.line(&line) {
        Line::Error(error) => shared.events.push(Event::Error(error)),
        Line::Known if line.level < 7 => {}
        _ => shared.events.push(Event::Log {
            level: line.level,
            target: line.facility,
            message: line.text,
        }),
    }
}
