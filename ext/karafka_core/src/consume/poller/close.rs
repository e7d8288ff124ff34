//! The end of a client: the last commit, leaving the group, destroying. Each step has a time limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commits::COMMIT_RETRY;
use super::Poller;
use crate::base::background::Background;
use crate::consume::partition::Partition;
use crate::kafka::client::ConsumerClient;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// When the host has given up waiting.
const FORCED_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl Poller {
    pub(super) fn close(&self, client: Arc<ConsumerClient>, failed: bool) {
        self.close_in_steps(client, failed);
        *self.group.closing.lock() = None;
    }

    fn begin_step(&self, step: &'static str) {
        *self.group.closing.lock() = Some(step);
    }

    fn close_in_steps(&self, client: Arc<ConsumerClient>, failed: bool) {
        self.begin_step("committing");
        let began = Instant::now();
        let current = || -> Vec<_> { self.group.assignment.lock().current.values().cloned().collect() };
        self.say_revoking(&current(), failed);
        current().iter().for_each(|partition| partition.fence());
        if !failed && (self.force)() {
            // Nobody waits for the answer, but closing does, within its bound.
            self.commit_now(&client, &current(), Partition::unconfirmed);
        } else if !failed {
            // Polling goes on meanwhile: a rebalance has to end before its members may commit.
            self.commit_finally(&client, current, || {
                self.serve(&client, client.poll(COMMIT_RETRY));
            });
        }
        let (leaving, generation) = {
            let mut assignment = self.group.assignment.lock();
            let leaving: Vec<_> = assignment.current.drain().map(|(_, partition)| partition).collect();
            assignment.departing.extend(leaving.iter().cloned());
            assignment.is_lost |= failed;
            (leaving, assignment.generation)
        };
        leaving.iter().for_each(Partition::end);
        self.count_leaving(&leaving, failed, began);
        self.say_revoked(&leaving, generation, failed);
        self.group.clear_client();
        self.begin_step("leaving its group");
        let started = Instant::now();
        let patience = self.group.switches.patience(CLOSE_TIMEOUT);
        let limit = || match (self.force)() {
            true => FORCED_CLOSE_TIMEOUT,
            false => patience,
        };
        let closed = client.close(
            || started.elapsed() > limit(),
            |polled| {
                self.serve(&client, polled);
            },
        );
        match closed {
            Ok(true) => {}
            Ok(false) => {
                // Destroying it would wait for what has just not ended.
                tracing::error!(group = %self.group.id, "the client did not leave its group in time: it stays open until the process ends");
                return;
            }
            Err(error) => self.report(error),
        }
        self.begin_step("ending its client");
        release(client, Instant::now() + self.group.switches.patience(CLOSE_TIMEOUT));
    }
}

/// Destroys the client once no worker is inside a call of it any more.
fn release(mut client: Arc<ConsumerClient>, deadline: Instant) {
    loop {
        match Arc::try_unwrap(client) {
            Ok(client) => return destroy(client, deadline),
            Err(shared) if Instant::now() < deadline => client = shared,
            Err(_) => {
                return tracing::error!(
                    "a worker is still inside a call to Kafka: the client stays open until the process ends"
                )
            }
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// librdkafka's destroy has no time limit of its own and was seen to wait forever; the stop does not wait with it.
fn destroy(client: ConsumerClient, deadline: Instant) {
    // Where no thread can be started the client keeps running until the process ends.
    if let Ok(thread) = Background::start("krs.destroy", "that ends a client", move || client.destroy()) {
        let wait = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        if !thread.ends_within(wait) {
            tracing::error!(
                "librdkafka's client was not destroyed in time: its threads keep running until the process ends"
            );
        }
    }
}
