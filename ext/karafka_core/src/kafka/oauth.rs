//! Tokens of OAUTHBEARER that the host gets: which client wants one, and where it goes. librdkafka asks on a thread of its own
//! (`rd_kafka_sasl_background_callbacks_enable`), so the question waits behind no report and no event.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use crate::base::cancel::Cancel;
use crate::base::fork::ForkGuard;
use crate::base::sync::{Condvar, Mutex};
use crate::error::c_string;
use crate::error::{Error, KafkaError, Result};

/// A setting of ours: the number under which the host knows who gets the tokens.
pub const LISTENER: &str = "oauth.listener";

/// A client that wants a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub client: u64,
    pub listener: u64,
    /// librdkafka's name of the client.
    pub name: String,
    /// `sasl.oauthbearer.config`
    pub config: String,
}

/// A token and what it says of itself. Without `Debug`: it is a secret.
pub struct Token {
    pub value: String,
    /// Since 1970.
    pub expires_ms: i64,
    pub principal: String,
    pub extensions: Vec<(String, String)>,
}

struct Known {
    rk: *mut sys::rd_kafka_t,
    client: u64,
    listener: u64,
}

// SAFETY: librdkafka's handles may be used from any thread. One that is in the table is alive: it is taken out before its end.
unsafe impl Send for Known {}

#[derive(Default)]
struct State {
    known: Vec<Known>,
    wanted: VecDeque<Wanted>,
    last: u64,
}

/// One for each process: a forked child has its own, the parent's clients are none of it.
struct Desk {
    guard: ForkGuard,
    state: Mutex<State>,
    changed: Condvar,
}

static DESK: AtomicPtr<Desk> = AtomicPtr::new(ptr::null_mut());

fn desk() -> &'static Desk {
    loop {
        let current = DESK.load(Ordering::Acquire);
        // SAFETY: null, or from `Box::into_raw` and never freed.
        if let Some(desk) = unsafe { current.as_ref() }.filter(|desk| !desk.guard.is_foreign()) {
            return desk;
        }
        let own = Box::into_raw(Box::new(Desk {
            guard: ForkGuard::new(),
            state: Mutex::new(State::default()),
            changed: Condvar::default(),
        }));
        if DESK
            .compare_exchange(current, own, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(own) });
        }
    }
}

/// Before the client is made: it is to ask us.
///
/// # Safety
/// `conf` is a living configuration that no client has taken.
pub(crate) unsafe fn prepare(conf: *mut sys::rd_kafka_conf_t, settings: &BTreeMap<String, String>) {
    if settings.contains_key(LISTENER) {
        // SAFETY: by the contract above.
        unsafe {
            sys::rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, Some(ask));
            sys::rd_kafka_conf_enable_sasl_queue(conf, 1);
        }
    }
}

/// The client that is in the table for as long as this lives.
pub(crate) struct Registration(u64);

impl Registration {
    /// None: it needs no tokens from us.
    ///
    /// # Safety
    /// `rk` lives for as long as what this gives.
    pub unsafe fn of(rk: *mut sys::rd_kafka_t, settings: &BTreeMap<String, String>) -> Option<Self> {
        let listener = settings.get(LISTENER)?.parse().ok()?;
        let mut state = desk().state.lock();
        state.last += 1;
        let client = state.last;
        state.known.push(Known { rk, client, listener });
        drop(state);
        // SAFETY: a living client. Its first question waits in its queue until now.
        let refused = unsafe { KafkaError::from_native(sys::rd_kafka_sasl_background_callbacks_enable(rk)) };
        if let Some(error) = refused {
            tracing::error!("no tokens for this client: {error}");
        }
        Some(Registration(client))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut state = desk().state.lock();
        state.known.retain(|known| known.client != self.0);
        state.wanted.retain(|wanted| wanted.client != self.0);
    }
}

/// librdkafka's thread: it only leaves a note. One note for a client is enough.
unsafe extern "C" fn ask(rk: *mut sys::rd_kafka_t, config: *const libc::c_char, _: *mut libc::c_void) {
    let text = |pointer: *const libc::c_char| match pointer.is_null() {
        true => String::new(),
        // SAFETY: a NUL-terminated text of librdkafka's.
        false => unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned(),
    };
    // SAFETY: a living client.
    let name = text(unsafe { sys::rd_kafka_name(rk) });
    let desk = desk();
    let mut state = desk.state.lock();
    let Some((client, listener)) = state
        .known
        .iter()
        .find(|it| it.rk == rk)
        .map(|it| (it.client, it.listener))
    else {
        return;
    };
    if state.wanted.iter().all(|wanted| wanted.client != client) {
        let config = text(config);
        state.wanted.push_back(Wanted {
            client,
            listener,
            name,
            config,
        });
        desk.changed.notify_all();
    }
}

/// Waits for clients that want a token; empty: the time is over, or `cancel` was set.
pub fn wait(timeout: Duration, cancel: &Cancel) -> Vec<Wanted> {
    let desk = desk();
    let deadline = Instant::now() + timeout;
    let mut state = desk.state.lock();
    while state.wanted.is_empty() && !cancel.is_set() && Instant::now() < deadline {
        desk.changed.wait_until(&mut state, deadline);
    }
    state.wanted.drain(..).collect()
}

/// Ends a `wait` with that `cancel`.
pub fn wake(cancel: &Cancel) {
    let desk = desk();
    // Else it could be set between the look and the sleep.
    let _state = desk.state.lock();
    cancel.set();
    desk.changed.notify_all();
}

/// Gives the client its token. A client that has ended meanwhile needs none: false.
pub fn set_token(client: u64, token: &Token) -> Result<bool> {
    let (value, principal) = (
        c_string("token", &token.value)?,
        c_string("principal_name", &token.principal)?,
    );
    let mut extensions: Vec<CString> = Vec::with_capacity(token.extensions.len() * 2);
    for (name, value) in &token.extensions {
        extensions.push(c_string("extensions", name)?);
        extensions.push(c_string("extensions", value)?);
    }
    let mut pointers: Vec<*const libc::c_char> = extensions.iter().map(|it| it.as_ptr()).collect();
    let mut reason = [0 as libc::c_char; 512];
    let state = desk().state.lock();
    let Some(known) = state.known.iter().find(|known| known.client == client) else {
        return Ok(false);
    };
    // SAFETY: what is in the table is alive while it is locked; all texts outlive the call, which copies them.
    let code = unsafe {
        sys::rd_kafka_oauthbearer_set_token(
            known.rk,
            value.as_ptr(),
            token.expires_ms,
            principal.as_ptr(),
            pointers.as_mut_ptr(),
            pointers.len(),
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    drop(state);
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(true);
    }
    // SAFETY: librdkafka wrote a NUL-terminated text into the zeroed array.
    let text = unsafe { CStr::from_ptr(reason.as_ptr()) }
        .to_string_lossy()
        .into_owned();
    Err(Error::Kafka {
        operation: "oauthbearer_set_token",
        source: Box::new(KafkaError::from_code(code).with_message(text)),
    })
}

/// Says that there is no token; librdkafka asks again 10 seconds later. False: the client has ended.
pub fn set_failure(client: u64, reason: &str) -> Result<bool> {
    let reason = c_string("reason", reason)?;
    let state = desk().state.lock();
    let Some(known) = state.known.iter().find(|known| known.client == client) else {
        return Ok(false);
    };
    // SAFETY: as above.
    unsafe { sys::rd_kafka_oauthbearer_set_token_failure(known.rk, reason.as_ptr()) };
    Ok(true)
}
