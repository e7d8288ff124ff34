//! Following a single message without an allocation of its own: several calls share one set of deliveries.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::count::count_down;
use super::{DeliverySet, Token};
use crate::produce::messages::Topic;
use crate::produce::waiters::Waiters;

/// Messages that share a set. One handle that is kept keeps 2 KB.
const SHARED_BY: usize = 64;

/// One message of a set, and a reference to the set, in the size of a pointer.
#[derive(Debug)]
pub struct Ticket(*const Token);

// SAFETY: a reference to a DeliverySet, which may be shared by threads.
unsafe impl Send for Ticket {}
// SAFETY: as above.
unsafe impl Sync for Ticket {}

impl Ticket {
    /// Takes over one reference to the set of the token.
    fn new(set: Arc<DeliverySet>, index: usize) -> Option<Self> {
        let token: *const Token = set.tokens().get(index)?;
        std::mem::forget(set);
        Some(Ticket(token))
    }

    fn token(&self) -> &Token {
        // SAFETY: the token lives in the set, which our reference keeps alive.
        unsafe { &*self.0 }
    }

    pub fn index(&self) -> usize {
        let first = self.token().set;
        // SAFETY: the set is alive (see `token`), and both pointers belong to its tokens.
        (self.0 as usize - unsafe { &*first }.opaque(0) as usize) / std::mem::size_of::<Token>()
    }

    /// The message's set, for as long as the caller wants.
    pub fn deliveries(&self) -> Arc<DeliverySet> {
        let set = self.token().set;
        // SAFETY: the set came out of an Arc and is alive.
        unsafe {
            Arc::increment_strong_count(set);
            Arc::from_raw(set)
        }
    }

    /// Of the producer that made it.
    pub fn serial(&self) -> u64 {
        // SAFETY: as in `index`.
        unsafe { &*self.token().set }.waiters.serial()
    }

    /// For whoever can keep a pointer only; `from_raw` takes it back.
    pub fn into_raw(self) -> *const c_void {
        ManuallyDrop::new(self).0.cast()
    }

    /// # Safety
    /// `raw` came from `into_raw` and was not taken back yet.
    pub unsafe fn from_raw(raw: *const c_void) -> Self {
        Ticket(raw.cast())
    }

    /// A look at it without taking it back.
    ///
    /// # Safety
    /// As `from_raw`, and it is not taken back while the result lives.
    pub unsafe fn borrow(raw: *const c_void) -> impl Deref<Target = Ticket> {
        ManuallyDrop::new(Ticket(raw.cast()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that `new` took over.
        unsafe { Arc::decrement_strong_count(self.token().set) };
    }
}

/// A set that still has room. It counts as one of its reports, so that it does not end while messages are added.
#[derive(Debug)]
pub(in crate::produce) struct Open {
    set: Arc<DeliverySet>,
    next: usize,
    tag: u64,
}

impl Open {
    /// `tag` as in `DeliverySet::tag`.
    pub fn new(topic: Arc<Topic>, tag: u64, waiters: &Arc<Waiters>) -> Self {
        let set = DeliverySet::with_tokens((SHARED_BY, 1), super::Topics::Same(topic), None, tag, waiters);
        Open { set, next: 0, tag }
    }

    pub fn topic(&self) -> Option<&Arc<Topic>> {
        self.set.topics.first()
    }

    /// What it was made with. Somebody may have asked for events under another one since.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    pub fn is_full(&self) -> bool {
        self.next >= SHARED_BY
    }

    /// Sends a message with the next place as its opaque. None: `send` did not take it.
    pub fn add(&mut self, send: impl FnOnce(*mut c_void) -> bool) -> Option<Ticket> {
        // Before it is sent: its report may come at once.
        self.set.remaining.fetch_add(1, Ordering::SeqCst);
        if !send(self.set.opaque(self.next)) {
            // Not the last one, as ours is still there.
            self.set.remaining.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        let ticket = Ticket::new(Arc::clone(&self.set), self.next);
        self.next += 1;
        ticket
    }

    /// No more messages come.
    pub fn close(self) {
        // SAFETY: our own count is written down once, here.
        unsafe { count_down(Arc::as_ptr(&self.set), 1) };
    }
}
