//! What concerns the whole process, one after the other: fork, log lines, processor time.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/mod.rs"]
mod common;

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use common::*;
use karafka_core::cancel::Cancel;
use karafka_core::engine::Engine;
use karafka_core::event::Event;
use karafka_core::heartbeat::{Heartbeat, Settings};
use parking_lot::{Mutex, MutexGuard};

fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock()
}

/// Runs `child` in a forked process; its exit status.
fn fork(child: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child only touches what `child` touches and leaves by _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
        // SAFETY: ends the child without the parent's exit handlers.
        unsafe { libc::_exit(if good { 0 } else { 1 }) };
    }
    let mut status = 0;
    let deadline = Instant::now() + LONG;
    // SAFETY: our own child.
    while unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > deadline {
            // SAFETY: our own child, which hangs.
            unsafe {
                libc::kill(pid, libc::SIGKILL);
                libc::waitpid(pid, &mut status, 0);
            }
            panic!("the child hangs");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    status
}

#[test]
fn a_forked_child_is_refused_everything_and_exits_and_the_parent_goes_on() {
    let _alone = alone();
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..1_000);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![topic_config(&topic)])]));
    let lease = harness.take();
    let harness = harness.with_workers(2, ack);
    for round in 0..20 {
        // Under load, so that locks are held by other threads at the moment of the fork.
        kafka.fill(&topic, 2, 0..200);
        let mut lease = (round == 0).then_some(&lease);
        let status = fork(|| {
            let engine = &harness.engine;
            let refused = engine.take(&Cancel::new()).is_err()
                && engine.events(Duration::ZERO, &Cancel::new()).is_err()
                && engine.join(Duration::ZERO).is_err()
                && engine.state().is_err()
                && engine.start().is_err();
            engine.stop();
            engine.force_stop();
            let untouched = lease.take().is_none_or(|lease| {
                let readable = lease.messages().payload(0).is_some();
                readable
                    && !lease.seek(karafka_core::partition::Position::Earliest, true)
                    && !lease.ack()
                    && lease.nack().is_none()
            });
            drop(engine.clone());
            refused && untouched
        });
        assert_eq!(status, 0, "round {round}");
    }
    // What the child did to its copy is nothing to us.
    assert!(lease.ack());
    harness.wait_for_messages(5_000);
    harness.stop();
}

#[test]
fn a_forked_child_can_run_an_engine_of_its_own() {
    let _alone = alone();
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let harness = Harness::start(engine_config(vec![kafka.group(vec![topic_config(&topic)])]), 1, ack);
    harness.wait_for_messages(10);
    let config = engine_config(vec![kafka.group(vec![whole_batches(&topic, 10)])]);
    let status = fork(|| {
        let engine = Engine::new(config).expect("valid");
        engine.start().expect("starts");
        let interrupt = Cancel::new();
        let Ok(karafka_core::engine::Taken::Lease(lease)) = engine.take(&interrupt) else {
            return false;
        };
        let good = lease.messages().len() == 10 && lease.ack();
        engine.force_stop();
        engine.join(LONG).unwrap_or(false) && good
    });
    assert_eq!(status, 0);
    harness.stop();
}

#[test]
fn the_log_lines_of_librdkafka_reach_the_events_of_each_engine_in_turn() {
    let _alone = alone();
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    for round in 0..2 {
        let mut group = kafka.group(vec![topic_config(&topic)]);
        group.kafka.insert("debug".into(), "cgrp".into());
        let harness = Harness::start(engine_config(vec![group]), 1, ack);
        harness.wait_for_assignment(1);
        wait_until("a line of librdkafka", || {
            harness
                .log
                .has_event(|event| matches!(event, Event::Log { target, .. } if target == "librdkafka"))
        });
        let (_, log) = harness.stop();
        assert!(
            log.count_events(|event| matches!(event, Event::Log { .. })) > 5,
            "round {round}"
        );
    }
}

fn threads() -> Vec<String> {
    let mut names = karafka_core::memory::thread_names();
    names.retain(|name| name.starts_with("krs.") || name.starts_with("rdk:"));
    names.sort();
    names
}

#[test]
fn a_stopped_engine_leaves_no_thread_behind_and_none_starts_before_it_does() {
    let _alone = alone();
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(2);
    kafka.fill(&topic, 2, 0..100);
    wait_until("the producer is gone", || {
        threads().iter().filter(|name| *name == "rdk:main").count() == 1
    });
    let before = threads();
    let config = || {
        engine_config(vec![
            kafka.group(vec![topic_config(&topic)]),
            kafka.group(vec![topic_config(&topic)]),
        ])
    };
    drop(Engine::new(config()).unwrap());
    assert_eq!(threads(), before, "nothing runs before the start");
    for _ in 0..3 {
        let harness = Harness::start(config(), 2, ack);
        harness.wait_for_messages(200);
        assert_eq!(threads().iter().filter(|name| name.starts_with("krs.poll")).count(), 2);
        harness.stop();
    }
    wait_until("the threads are gone", || threads() == before);
}

#[test]
fn an_idle_engine_costs_no_processor_time() {
    let _alone = alone();
    let (kafka, name) = match real_brokers() {
        Some(brokers) => (Kafka::real(brokers), "real Kafka"),
        None => (Kafka::mock(1), "the mock, which runs in this process"),
    };
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let measure = |workers: usize| {
        let group = with(kafka.group(vec![topic_config(&topic)]), &LIBRDKAFKAS_TIMES);
        let harness = Harness::start(engine_config(vec![group.clone()]), 1, ack);
        harness.wait_for_assignment(1);
        wait_until("the first commit is over", || {
            harness.log.messages() == 10 || kafka.committed(&group.id, &topic, 0) == Some(10)
        });
        let harness = harness.with_workers(workers, ack);
        std::thread::park_timeout(Duration::from_secs(1));
        let before = (cpu_time(), Instant::now());
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            std::thread::park_timeout(end.saturating_duration_since(Instant::now()));
        }
        let used = cpu_time() - before.0;
        harness.stop();
        used
    };
    let target = Duration::from_millis(150);
    let few = shortest(target, || measure(0));
    let no_more = few + Duration::from_millis(50);
    let many = shortest(no_more, || measure(63));
    eprintln!("idle for 10 s on {name}: 1 worker {few:?}, 64 workers {many:?}");
    assert!(few < target, "{few:?}");
    assert!(many < no_more, "{many:?} with 64 workers, {few:?} with one");
}

/// A child with a heartbeat, whose parent lets go of the lifeline. `stop`: what the child does about TERM.
fn orphan(stop: libc::sighandler_t) -> i32 {
    let _alone = alone();
    let (beats, said) = std::os::unix::net::UnixStream::pair().unwrap();
    let (lifeline, life) = std::os::unix::net::UnixStream::pair().unwrap();
    // SAFETY: always succeeds.
    let parent = unsafe { libc::getpid() };
    let (life_fd, lifeline_fd, beats_fd) = (life.as_raw_fd(), lifeline.as_raw_fd(), beats.as_raw_fd());
    let parted = std::thread::spawn(move || {
        use std::io::BufRead;
        // It lives, so it can lose its parent.
        let line = std::io::BufReader::new(said).lines().next().unwrap().unwrap();
        drop(life);
        line
    });
    let status = fork(move || {
        // SAFETY: the child's own descriptor and signal.
        unsafe {
            libc::close(life_fd);
            libc::signal(libc::SIGTERM, stop);
        }
        let settings = Settings {
            beats: beats_fd,
            lifeline: lifeline_fd,
            parent,
            interval: Duration::from_millis(20),
            longest_stop: Some(Duration::from_millis(200)),
            exit_status: 3,
        };
        let _heartbeat = Heartbeat::start(settings, || "alive".to_owned()).unwrap();
        std::thread::park_timeout(LONG);
        false
    });
    assert_eq!(parted.join().unwrap(), "alive");
    status
}

#[test]
fn a_process_whose_parent_is_gone_is_told_to_stop() {
    let status = orphan(libc::SIG_DFL);
    assert!(
        libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGTERM,
        "{status}"
    );
}

#[test]
fn a_process_whose_parent_is_gone_and_that_does_not_stop_is_ended() {
    let status = orphan(libc::SIG_IGN);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 3, "{status}");
}

#[test]
fn health_follows_the_engine_and_names_a_batch_over_its_limit() {
    let _alone = alone();
    let kafka = Kafka::mock(1);
    let topic = kafka.topic(1);
    kafka.fill(&topic, 1, 0..10);
    let mut limited = topic_config(&topic);
    limited.long_running_limit_ms = Some(500);
    let harness = Harness::without_workers(engine_config(vec![kafka.group(vec![limited])]));
    let lease = harness.take();
    let health = harness.engine.health();
    assert!(
        health.state == "running" && health.joined && !health.quiet,
        "{health:?}"
    );
    wait_until("the limit", || harness.engine.health().overdue.is_some());
    let overdue = harness.engine.health().overdue.unwrap();
    assert!(
        overdue.topic == topic && overdue.partition == 0 && overdue.age_ms >= 500,
        "{overdue:?}"
    );
    assert!(harness.engine.health().poll_age_ms < 30_000);
    lease.ack();
    wait_until("no limit", || harness.engine.health().overdue.is_none());
    harness.engine.quiet();
    let harness = harness.with_workers(1, ack);
    wait_until("quiet", || harness.engine.health().quiet);
    harness.engine.stop();
    wait_until("the stop", || harness.engine.health().state == "stopping");
}
