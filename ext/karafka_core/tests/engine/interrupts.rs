//! An interrupt ends a wait at once, and costs nobody a lease.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use karafka_core::cancel::Cancel;
use karafka_core::engine::Taken;
use parking_lot::Mutex;

use crate::common::*;

#[test]
fn an_interrupt_ends_a_wait_within_50_ms() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    harness.wait_for_assignment(1);
    let once = || {
        let interrupt = Arc::new(Cancel::new());
        let (waits, engine) = (interrupt.clone(), harness.engine.clone());
        let waiter = std::thread::spawn(move || {
            (
                engine.take(&waits).map(|taken| matches!(taken, Taken::Interrupted)),
                Instant::now(),
            )
        });
        std::thread::park_timeout(Duration::from_millis(10));
        let set = Instant::now();
        harness.engine.interrupt_take(&interrupt);
        let (answer, at) = waiter.join().unwrap();
        assert!(answer.unwrap());
        at.saturating_duration_since(set)
    };
    // How late this machine lets a thread go on that is woken.
    let plain = || {
        let (wake, woken) = std::sync::mpsc::channel();
        let waiter = std::thread::spawn(move || woken.recv().map(|()| Instant::now()));
        std::thread::park_timeout(Duration::from_millis(10));
        let set = Instant::now();
        wake.send(()).unwrap();
        waiter.join().unwrap().unwrap().saturating_duration_since(set)
    };
    let target = Duration::from_millis(50);
    // The slowest of five, so that no luck makes a wait that looks up now and then pass.
    let slowest = shortest(target, || {
        let plain = (0..5).map(|_| plain()).max().unwrap_or_default();
        (0..5).map(|_| once()).max().unwrap_or_default().saturating_sub(plain)
    });
    eprintln!("slowest interrupt: {slowest:?}");
    assert!(slowest < target, "{slowest:?}");
    // The same for who waits for events.
    let interrupt = Cancel::new();
    harness.engine.interrupt_events(&interrupt);
    assert!(harness.engine.events(LONG, &interrupt).unwrap().is_some());
}

/// Workers are interrupted at random while leases go round: none is lost.
#[test]
fn interrupts_cost_no_wake_up() {
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(3);
    kafka.fill(&topic, 3, 0..30_000);
    let mut topic_config = topic_config(&topic);
    topic_config.max_messages = 3;
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config])]));
    let taken = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let current: Vec<Mutex<Arc<Cancel>>> = (0..3).map(|_| Mutex::default()).collect();
    let mut dice = Dice::new();
    std::thread::scope(|scope| {
        for mine in &current {
            let (engine, taken, done) = (&harness.engine, &taken, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    let interrupt = Arc::new(Cancel::new());
                    *mine.lock() = interrupt.clone();
                    if let Ok(Taken::Lease(lease)) = engine.take(&interrupt) {
                        taken.fetch_add(lease.messages().len(), Ordering::Relaxed);
                        lease.ack();
                    }
                }
            });
        }
        let started = Instant::now();
        while taken.load(Ordering::Relaxed) < 30_000 && started.elapsed() < LONG {
            let victim = current[dice.below(3) as usize].lock().clone();
            harness.engine.interrupt_take(&victim);
            std::thread::park_timeout(Duration::from_micros(dice.below(200)));
        }
        done.store(true, Ordering::Release);
        while current.iter().any(|mine| Arc::strong_count(&mine.lock()) > 1) && started.elapsed() < 2 * LONG {
            for mine in &current {
                harness.engine.interrupt_take(&mine.lock().clone());
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
    });
    assert_eq!(taken.load(Ordering::Relaxed), 30_000);
}
