//! What each worker of the host is doing, readable by any thread: nothing here waits for the host's language.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::base::sync::Mutex;
use crate::consume::lease::{Delivery, Kind};
use crate::consume::partition::Partition;

/// The code that serves a partition, as the host names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub class: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

struct Working {
    partition: Weak<Partition>,
    lane: usize,
    kind: Kind,
    attempt: u32,
    first_offset: Option<i64>,
    messages: usize,
    since: Instant,
}

enum Doing {
    Waiting(Instant),
    Working(Working),
}

/// One worker's slot. Written at the begin and the end of each of its leases.
pub(crate) struct Slot {
    index: usize,
    doing: Mutex<Doing>,
}

/// A worker, as others see it.
#[derive(Debug, Clone)]
pub struct WorkerState {
    pub index: usize,
    /// How long it has been doing that.
    pub age: Duration,
    /// None: it waits.
    pub work: Option<WorkState>,
}

#[derive(Debug, Clone)]
pub struct WorkState {
    pub group: String,
    pub topic: Arc<str>,
    pub partition: i32,
    pub assignment_id: u64,
    pub kind: &'static str,
    pub attempt: u32,
    pub first_offset: Option<i64>,
    pub messages: usize,
    pub place: Option<Arc<Place>>,
}

thread_local! {
    static OWN: RefCell<Option<Arc<Slot>>> = const { RefCell::new(None) };
}

/// The slots of all workers that live: one ends with its thread.
#[derive(Default)]
pub(crate) struct Workers(Mutex<Vec<Weak<Slot>>>);

impl Workers {
    /// The calling thread is that worker from now on.
    pub fn enter(&self, index: usize) {
        let slot = Arc::new(Slot {
            index,
            doing: Mutex::new(Doing::Waiting(Instant::now())),
        });
        let mut slots = self.0.lock();
        slots.retain(|known| known.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        drop(slots);
        OWN.with(|own| *own.borrow_mut() = Some(slot));
    }

    /// The calling thread takes no more leases.
    pub fn leave() {
        OWN.with(|own| *own.borrow_mut() = None);
    }

    pub fn list(&self) -> Vec<WorkerState> {
        let slots: Vec<_> = self.0.lock().iter().filter_map(Weak::upgrade).collect();
        let mut states: Vec<_> = slots.iter().map(|slot| slot.state()).collect();
        states.sort_by_key(|state| state.index);
        states
    }
}

/// That of the calling thread, if it is a worker.
pub(crate) fn own_slot() -> Option<Arc<Slot>> {
    OWN.with(|own| own.borrow().clone())
}

impl Slot {
    pub fn begin(&self, partition: &Arc<Partition>, delivery: &Delivery, since: Instant) {
        *self.doing.lock() = Doing::Working(Working {
            partition: Arc::downgrade(partition),
            lane: delivery.lane(),
            kind: delivery.kind,
            attempt: delivery.attempt,
            first_offset: delivery.messages.first_offset(),
            messages: delivery.messages.len(),
            since,
        });
    }

    /// `since`: of the lease that has ended. The worker may have another one by now.
    pub fn end(&self, since: Instant) {
        let mut doing = self.doing.lock();
        if matches!(&*doing, Doing::Working(working) if working.since == since) {
            *doing = Doing::Waiting(Instant::now());
        }
    }

    fn state(&self) -> WorkerState {
        let doing = self.doing.lock();
        let (since, work) = match &*doing {
            Doing::Waiting(since) => (*since, None),
            Doing::Working(working) => (working.since, working.state()),
        };
        WorkerState {
            index: self.index,
            age: since.elapsed(),
            work,
        }
    }
}

impl Working {
    fn state(&self) -> Option<WorkState> {
        let partition = self.partition.upgrade()?;
        Some(WorkState {
            group: partition.group.group_id().to_owned(),
            topic: partition.topic.clone(),
            partition: partition.number,
            assignment_id: partition.id + self.lane as u64,
            kind: self.kind.as_str(),
            attempt: self.attempt,
            first_offset: self.first_offset,
            messages: self.messages,
            place: partition.place_of(self.lane),
        })
    }
}
