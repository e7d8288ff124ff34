//! A line of librdkafka's log, as consumers and producers read and pass it on.

use std::ffi::CStr;

use rdkafka::bindings as sys;

use crate::kafka::ffi::QueueEvent;

/// One line of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct LogLine {
    pub facility: String,
    pub text: String,
    /// syslog's number.
    pub level: i32,
}

impl LogLine {
    /// None: the event is not one of the log.
    pub fn of(event: &QueueEvent) -> Option<Self> {
        let (mut facility, mut text, mut level) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: a valid event; where librdkafka answers 0 both texts end with NUL and live as long as it.
        unsafe {
            if sys::rd_kafka_event_log(event.as_ptr(), &mut facility, &mut text, &mut level) != 0 {
                return None;
            }
            Some(LogLine {
                facility: CStr::from_ptr(facility).to_string_lossy().into_owned(),
                text: CStr::from_ptr(text).to_string_lossy().into_owned(),
                level,
            })
        }
    }

    /// To whoever listens to the engine's log.
    pub fn forward(&self) {
        let LogLine { facility, text, level } = self;
        match level {
            // These repeat what arrives as an event too.
            _ if matches!(facility.as_str(), "ERROR" | "COMMITFAIL") => self.forward_for_debugging(),
            0..=3 => tracing::error!(target: "librdkafka", "{facility}: {text}"),
            4 => tracing::warn!(target: "librdkafka", "{facility}: {text}"),
            5..=6 => tracing::info!(target: "librdkafka", "{facility}: {text}"),
            _ => self.forward_for_debugging(),
        }
    }

    /// It says what is reported otherwise.
    pub fn forward_for_debugging(&self) {
        tracing::debug!(target: "librdkafka", "{}: {}", self.facility, self.text);
    }
}
