//! What the callers of a producer and its report thread share: its state, its client, its bookkeeping.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard};

use rdkafka::config::ClientConfig;

use super::ask::Questions;
use super::dispatch::Room;
use super::events::Events;
use super::gate::Gate;
use super::idle::Idle;
use super::messages::Messages;
use super::native::Native;
use super::reload::{Reload, ReloadPolicy};
use super::reports;
use crate::error::{Error, Result};
use crate::fork::ForkGuard;

mod closing;
mod replacing;

pub(super) use closing::Closing;

/// As many as there are calls at once, mostly.
const MOST_SPARE: usize = 8;

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;
const FAILED: u8 = 4;
/// Between two clients: see `reload`.
const RELOADING: u8 = 5;

/// The client, for as long as this is held. Holding it keeps the report thread from freeing the client.
pub(super) struct Client<'a>(RwLockReadGuard<'a, Option<Native>>);

impl Client<'_> {
    pub fn get(&self) -> Result<&Native> {
        self.0.as_ref().ok_or(Error::Closed)
    }
}

pub(super) struct Shared {
    pub guard: ForkGuard,
    pub gate: Arc<Gate>,
    pub room: Room,
    pub events: Events,
    config: ClientConfig,
    settings: BTreeMap<String, String>,
    state: AtomicU8,
    /// Held while the client is made: two first messages at once make one client.
    starting: Mutex<()>,
    native: RwLock<Option<Native>>,
    /// Counts the clients; each knows its number.
    generation: AtomicU64,
    pub reload: Reload,
    pub idle: Idle,
    pub questions: Questions,
    /// For tests: the next report panics.
    pub panic_next: AtomicBool,
    /// Messages taken and not yet reported.
    in_flight: AtomicUsize,
    /// Reports in all; wraps.
    reported: AtomicUsize,
    /// See `rest`.
    pub resting: AtomicBool,
    pub reported_at_look: AtomicUsize,
    closing: Mutex<Option<Closing>>,
    /// Messages given up by a close.
    undelivered: AtomicUsize,
    /// Emptied messages, to be filled again.
    spare: Mutex<Vec<Messages>>,
    ended: Mutex<bool>,
    end: Condvar,
}

impl Shared {
    pub fn new(config: ClientConfig, settings: BTreeMap<String, String>, reload: ReloadPolicy) -> Self {
        Shared {
            guard: ForkGuard::new(),
            gate: Arc::new(Gate::default()),
            room: Room::default(),
            events: Events::default(),
            config,
            settings,
            state: AtomicU8::new(NEW),
            starting: Mutex::new(()),
            native: RwLock::new(None),
            generation: AtomicU64::new(0),
            reload: Reload::new(reload),
            idle: Idle::default(),
            questions: Questions::default(),
            panic_next: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            reported: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            reported_at_look: AtomicUsize::new(0),
            closing: Mutex::new(None),
            undelivered: AtomicUsize::new(0),
            spare: Mutex::new(Vec::new()),
            ended: Mutex::new(false),
            end: Condvar::new(),
        }
    }

    pub fn messages(&self, max_payload_size: usize, expected: usize) -> Messages {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut messages = spare.unwrap_or_else(|| Messages::new(max_payload_size, expected));
        messages.limit_payloads(max_payload_size);
        messages
    }

    pub fn give_back(&self, messages: Messages) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MOST_SPARE {
            spare.extend(messages.recycle());
        }
    }

    pub fn is_running(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RUNNING && !self.guard.is_foreign()
    }

    pub fn is_new(&self) -> bool {
        self.state.load(Ordering::SeqCst) == NEW
    }

    /// Fails where no message can be taken any more.
    pub fn check_open(&self) -> Result<()> {
        // Before anything else: in a forked child not even a lock may be touched.
        if self.guard.is_foreign() {
            return Err(Error::Forked);
        }
        match self.state.load(Ordering::SeqCst) {
            NEW | RUNNING | RELOADING => Ok(()),
            FAILED => Err(Error::Internal(
                "the producer's report thread has failed; make a new producer".to_owned(),
            )),
            _ => Err(Error::Closed),
        }
    }

    /// Makes the client and the report thread, at first use. Does not block on the network.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        self.check_open()?;
        if self.is_running() {
            return Ok(());
        }
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.state.load(Ordering::SeqCst) != NEW {
            return self.check_open();
        }
        let native = self.make_native()?;
        *self.native.write().unwrap_or_else(PoisonError::into_inner) = Some(native);
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("krs.dr".to_owned())
            .spawn(move || reports::run(&shared));
        if let Err(error) = thread {
            let native = self.native.write().unwrap_or_else(PoisonError::into_inner).take();
            drop(native);
            return Err(Error::Internal(format!("no thread for delivery reports: {error}")));
        }
        // After the client is there: whoever sees RUNNING finds it. `compare_exchange`, because the report thread
        // may already have failed.
        let _ = self
            .state
            .compare_exchange(NEW, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        Ok(())
    }

    /// The only place where a client is made: the first one, and those that come after it.
    pub fn make_native(&self) -> Result<Native> {
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        Native::new(&self.config, &self.settings, generation)
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Never waits. None: one client is being replaced by another (see `wait_for_client`).
    pub fn native(&self) -> Result<Option<Client<'_>>> {
        self.check_open()?;
        Ok(self.borrow_native())
    }

    /// Also while closing. Never waits: whoever writes the lock has left the state RUNNING first.
    pub fn borrow_native(&self) -> Option<Client<'_>> {
        self.native
            .try_read()
            .ok()
            .filter(|native| native.is_some())
            .map(Client)
    }

    pub fn taken(&self, messages: usize) {
        self.in_flight.fetch_add(messages, Ordering::SeqCst);
    }

    pub fn reported(&self, messages: usize) {
        self.reported.fetch_add(messages, Ordering::SeqCst);
        self.in_flight.fetch_sub(messages, Ordering::SeqCst);
    }

    pub fn reported_in_all(&self) -> usize {
        self.reported.load(Ordering::SeqCst)
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Makes the report thread look around.
    pub fn wake_reports(&self) {
        if let Some(native) = self.borrow_native() {
            if let Ok(native) = native.get() {
                native.interrupt_poll();
            }
        }
    }

    /// To be held for as long as this thread waits for the producer.
    pub fn waits(&self) -> Option<impl Drop + use<'_>> {
        // In a forked child not even a lock may be touched.
        (!self.guard.is_foreign()).then(|| self.events.waits())
    }

    pub fn panic_if_asked(&self) {
        assert!(
            !self.panic_next.load(Ordering::Relaxed) || !self.panic_next.swap(false, Ordering::SeqCst),
            "as asked by a test"
        );
    }
}
