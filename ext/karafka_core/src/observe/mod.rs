//! What a process shows of itself: metrics, state, probes; and the HTTP server that answers with them. Nothing here waits for the
//! host's language.

mod config;
mod health;
mod host;
mod http;
#[cfg(feature = "otlp")]
pub mod otlp;
mod parts;
mod rates;
mod repeats;
mod samples;
mod state;
mod statsd;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

pub use config::ObserverConfig;
pub use health::{Reason, Verdict};
pub use http::{Listening, Server};
pub use samples::{Sample, Value};
pub use state::Detail;
pub use statsd::{Statsd, StatsdConfig};
pub use text::Format;

use crate::base::sync::Mutex;
use crate::batch::now_ms;
use crate::consume::engine::{Engine, Look};
use crate::consume::workers::WorkerState;
use crate::event::Event;
use host::{Backtraces, Question};
use rates::Rates;

/// Looks at the engine that runs, and at all producers of the process.
pub struct Observer {
    pub config: ObserverConfig,
    engine: Mutex<Weak<Engine>>,
    rates: Mutex<Rates>,
    backtraces: Question<Backtraces>,
    app_metrics: Question<String>,
    asked: AtomicBool,
    began: Instant,
    began_ms: i64,
}

impl Observer {
    pub fn new(config: ObserverConfig) -> Arc<Self> {
        Arc::new(Observer {
            config,
            engine: Mutex::default(),
            rates: Mutex::default(),
            backtraces: Question::default(),
            app_metrics: Question::default(),
            asked: AtomicBool::new(false),
            began: Instant::now(),
            began_ms: now_ms(),
        })
    }

    /// From now on it looks at this one.
    pub fn watch(&self, engine: &Arc<Engine>) {
        *self.engine.lock() = Arc::downgrade(engine);
        if self.asked.load(Ordering::Acquire) {
            engine.watch();
        }
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.lock().upgrade()
    }

    fn look(&self) -> Option<Look> {
        Some(self.engine()?.look())
    }

    /// Lag is wanted from now on.
    fn asked(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            if let Some(engine) = self.engine() {
                engine.watch();
            }
        }
    }

    /// What metrics say just now.
    pub fn metrics(&self, format: Format) -> String {
        text::render(&self.samples(), format)
    }

    /// The same as data.
    pub fn samples(&self) -> Vec<Sample> {
        self.asked();
        samples::collect(self, self.look().as_ref())
    }

    /// JSON for programs and people, see docs/state.schema.json.
    pub fn state(&self, detail: Detail) -> String {
        self.asked();
        let look = self.look();
        let mut rates = self.rates.lock();
        if let Some(look) = &look {
            rates.sample(look);
        }
        let state = state::state(self, look.as_ref(), &rates, detail);
        serde_json::to_string(&state).unwrap_or_default()
    }

    /// Remembers how far everything is, for rates.
    fn sample(&self) {
        if !self.asked.load(Ordering::Acquire) {
            return;
        }
        if let Some(look) = self.look() {
            self.rates.lock().sample(&look);
        }
    }

    pub fn live(&self) -> Verdict {
        health::live(self)
    }

    pub fn ready(&self) -> Verdict {
        if self.config.ready_lag.is_some() {
            self.asked();
        }
        health::ready(self)
    }

    fn workers(&self) -> Vec<WorkerState> {
        self.engine().map(|engine| engine.workers()).unwrap_or_default()
    }

    /// None: the host did not answer.
    async fn backtraces(&self) -> Option<Backtraces> {
        let engine = self.engine()?;
        let ask = |question| engine.ask_host(Event::Backtraces(question));
        self.backtraces.ask(ask).await
    }

    /// The host's answer to the event `Backtraces`: the lines of each worker.
    pub fn give_backtraces(&self, question: u64, lines: BTreeMap<usize, Vec<String>>) {
        self.backtraces.give(question, lines);
    }

    /// As `metrics`, with those of the application where it has some.
    async fn all_metrics(&self, format: Format) -> String {
        let own = self.metrics(format);
        if !self.config.app_metrics {
            return own;
        }
        let theirs = match self.engine() {
            Some(engine) => {
                self.app_metrics
                    .ask(|question| engine.ask_host(Event::AppMetrics(question)))
                    .await
            }
            None => None,
        };
        own + theirs
            .as_deref()
            .unwrap_or("# The application's metrics are missing: Ruby did not answer.\n")
    }

    /// The host's answer to the event `AppMetrics`: text in the format 0.0.4.
    pub fn give_app_metrics(&self, question: u64, text: String) {
        self.app_metrics.give(question, text);
    }
}
