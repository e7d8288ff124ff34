//! Sends the metrics to a StatsD or DogStatsD agent from a thread of its own (`krs.statsd`). It waits for no agent, and needs nothing
//! of the host.

mod lines;
mod packets;

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::Observer;
use crate::base::background::Background;
use crate::base::fork::ForkGuard;
use crate::base::per_process::PerProcess;
use crate::base::sync::Mutex;
use crate::error::Result;
use lines::Sent;
use packets::Agent;

/// What the agent has got of this process: an engine that is started again goes on from there.
static SENT: PerProcess<Mutex<Sent>> = PerProcess::new(Mutex::default);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsdConfig {
    pub host: String,
    pub port: u16,
    /// A Unix socket of datagrams instead of them.
    pub socket: Option<String>,
    /// Comes before all names, with a dot.
    pub prefix: String,
    /// Of every metric, such as "env:production".
    pub tags: Vec<String>,
    /// False for an agent that knows no tags: labels become parts of the name.
    pub tagged: bool,
    pub interval_ms: u64,
}

/// Dropping it ends it as well, without waiting.
pub struct Statsd {
    stop: Sender<()>,
    thread: Background,
    guard: ForkGuard,
}

impl Statsd {
    pub fn start(observer: &Arc<Observer>, config: StatsdConfig) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let observer = observer.clone();
        let run = move || report(&observer, config, &stopped);
        Ok(Statsd {
            stop,
            thread: Background::start("krs.statsd", "that sends metrics", run)?,
            guard: ForkGuard::new(),
        })
    }

    /// Sends what is left and ends. False: it did not end in time. In a forked child it does nothing.
    pub fn close(&self, timeout: Duration) -> bool {
        if self.guard.is_foreign() {
            return true;
        }
        // Whether it has ended already does not matter.
        let _ = self.stop.send(());
        self.thread.ends_within(timeout)
    }
}

fn report(observer: &Observer, config: StatsdConfig, stopped: &Receiver<()>) {
    let interval = Duration::from_millis(config.interval_ms);
    let mut agent = Agent::new(&config);
    loop {
        let goes_on = stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout);
        let samples = observer.samples();
        let lines = SENT.get().lock().lines(&config, &samples);
        agent.send(&lines);
        if !goes_on {
            return;
        }
    }
}
