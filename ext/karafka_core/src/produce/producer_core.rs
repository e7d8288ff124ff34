//! What the callers of a producer and its report thread share: its state, its client, its bookkeeping.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use std::sync::Arc;

use rdkafka::config::ClientConfig;

use super::ask::Questions;
use super::client::ProducerClient;
use super::delivery::DeliverySet;
use super::dispatch::Room;
use super::events::{Event, Events};
use super::idle::Idle;
use super::messages::Messages;
use super::reload::{Reload, ReloadPolicy};
use super::reports;
use super::resend::Resends;
use super::waiters::Waiters;
use crate::base::fork::ForkGuard;
use crate::base::sync::{Condvar, Mutex, RwLock, RwLockReadGuard};
use crate::error::{Error, Result};
use crate::kafka::troubles::Troubles;

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
pub(super) struct BorrowedClient<'a>(RwLockReadGuard<'a, Option<ProducerClient>>);

impl BorrowedClient<'_> {
    pub fn get(&self) -> Result<&ProducerClient> {
        self.0.as_ref().ok_or(Error::Closed)
    }
}

pub(super) struct ProducerCore {
    pub guard: ForkGuard,
    pub waiters: Arc<Waiters>,
    pub room: Room,
    pub resends: Resends,
    /// Messages that the broker has refused for what is in them, since the transaction began.
    pub culprits: Mutex<Vec<(Arc<DeliverySet>, u32)>>,
    pub events: Arc<Events>,
    pub troubles: Arc<Troubles>,
    config: Mutex<(ClientConfig, BTreeMap<String, String>)>,
    state: AtomicU8,
    /// Held while the client is made: two first messages at once make one client.
    starting: Mutex<()>,
    client: RwLock<Option<ProducerClient>>,
    /// Counts the clients; each knows its number.
    generation: AtomicU64,
    pub reload: Reload,
    pub idle: Idle,
    pub questions: Questions,
    /// A transaction has begun and not ended: its client is not to be given up for being idle.
    pub in_transaction: AtomicBool,
    /// For tests: the next report panics.
    pub panic_next: AtomicBool,
    /// Messages taken and not yet reported.
    in_flight: AtomicUsize,
    /// Reports in all; wraps.
    reported: AtomicUsize,
    /// See `rest`.
    pub dormant: AtomicBool,
    pub reported_at_look: AtomicUsize,
    closing: Mutex<Option<Closing>>,
    /// Messages given up by a close.
    undelivered: AtomicUsize,
    /// Emptied messages, to be filled again.
    spare: Mutex<Vec<Messages>>,
    ended: Mutex<bool>,
    end: Condvar,
}

impl ProducerCore {
    pub fn new(config: ClientConfig, settings: BTreeMap<String, String>, reload: ReloadPolicy) -> Self {
        let events = Arc::new(Events::default());
        let told = Arc::clone(&events);
        ProducerCore {
            guard: ForkGuard::new(),
            waiters: Arc::new(Waiters::default()),
            room: Room::default(),
            resends: Resends::default(),
            culprits: Mutex::default(),
            events,
            troubles: Troubles::new(move || told.push(Event::Back)),
            config: Mutex::new((config, settings)),
            state: AtomicU8::new(NEW),
            starting: Mutex::new(()),
            client: RwLock::new(None),
            generation: AtomicU64::new(0),
            reload: Reload::new(reload),
            idle: Idle::default(),
            questions: Questions::default(),
            in_transaction: AtomicBool::new(false),
            panic_next: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            reported: AtomicUsize::new(0),
            dormant: AtomicBool::new(false),
            reported_at_look: AtomicUsize::new(0),
            closing: Mutex::new(None),
            undelivered: AtomicUsize::new(0),
            spare: Mutex::new(Vec::new()),
            ended: Mutex::new(false),
            end: Condvar::new(),
        }
    }

    pub fn messages(&self, max_payload_size: usize, expected: usize) -> Messages {
        let spare = self.spare.lock().pop();
        let mut messages = spare.unwrap_or_else(|| Messages::new(max_payload_size, expected));
        messages.limit_payloads(max_payload_size);
        messages
    }

    pub fn give_back(&self, messages: Messages) {
        let mut spare = self.spare.lock();
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
        let _starting = self.starting.lock();
        if self.state.load(Ordering::SeqCst) != NEW {
            return self.check_open();
        }
        let client = self.make_client()?;
        let again = client.generation() > 1;
        *self.client.write() = Some(client);
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("krs.dr".to_owned())
            .spawn(move || reports::run(&shared));
        if let Err(error) = thread {
            let client = self.client.write().take();
            drop(client);
            return Err(Error::Internal(format!(
                "the thread for delivery reports could not be started: {error}"
            )));
        }
        // After the client was made: whoever sees RUNNING finds it. `compare_exchange`, because the report thread
        // may already have failed.
        let _ = self
            .state
            .compare_exchange(NEW, RUNNING, Ordering::SeqCst, Ordering::SeqCst);
        super::observing::began(self);
        if again {
            self.events.push(Event::Reconnected);
        }
        Ok(())
    }

    /// The only place where a client is made: the first one, and those that come after it.
    pub fn make_client(&self) -> Result<ProducerClient> {
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        let (config, settings) = self.config.lock().clone();
        ProducerClient::new(&config, &settings, generation, &self.troubles)
    }

    /// What the clients from now on are made with.
    pub fn configure(&self, config: ClientConfig, settings: BTreeMap<String, String>) {
        *self.config.lock() = (config, settings);
    }

    /// Of those that its clients are made with.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.config.lock().1.get(name).cloned()
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Never waits. None: one client is being replaced by another (see `wait_for_client`).
    pub fn client(&self) -> Result<Option<BorrowedClient<'_>>> {
        self.check_open()?;
        Ok(self.borrow_client())
    }

    /// Also while closing. Never waits: whoever writes the lock has left the state RUNNING first.
    pub fn borrow_client(&self) -> Option<BorrowedClient<'_>> {
        self.client
            .try_read()
            .filter(|client| client.is_some())
            .map(BorrowedClient)
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
        if let Some(client) = self.borrow_client() {
            if let Ok(client) = client.get() {
                client.interrupt_poll();
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
