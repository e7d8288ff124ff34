//! The HTTP server: a thread of its own, which needs neither the host's lock nor its threads. Whoever connects can keep it busy for
//! no longer than the limits here.

mod answers;
mod listeners;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::{rates, Observer};
use crate::base::background::Background;
use crate::base::fork::ForkGuard;
use crate::error::{Error, Result};
use answers::{answer, Way};
use listeners::Listeners;
pub use listeners::Listening;

/// For the whole head of a request, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For a connection, whatever it does.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// With more of them the oldest one ends.
const MOST_CONNECTIONS: usize = 128;
/// For the head of a request; hyper takes no less than 8 KB.
const HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// Where no connection can be taken, such as without a free file.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Dropping it ends it as well, without waiting.
pub struct Server {
    pub listening: Listening,
    stop: watch::Sender<bool>,
    thread: Background,
    guard: ForkGuard,
}

impl Server {
    /// Takes the port and the socket; what cannot be had is an error here.
    pub fn start(observer: &Arc<Observer>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::Internal(format!("the HTTP server cannot be started: {error}")))?;
        let (listeners, listening) = {
            let _inside = runtime.enter();
            Listeners::bind(&observer.config)?
        };
        let (stop, stopped) = watch::channel(false);
        let observer = observer.clone();
        let run = move || {
            runtime.block_on(serve(listeners, observer, stopped));
            // Tasks that are left wait for nothing but their connections.
            runtime.shutdown_background();
        };
        Ok(Server {
            listening,
            stop,
            thread: Background::start("krs.http", "of the HTTP server", run)?,
            guard: ForkGuard::new(),
        })
    }

    /// Takes no more requests and ends. False: it did not end in time. In a forked child it does nothing: the child has no part of it.
    pub fn close(&self, timeout: Duration) -> bool {
        if self.guard.is_foreign() {
            return true;
        }
        self.stop.send_replace(true);
        self.thread.ends_within(timeout)
    }

    pub fn is_foreign(&self) -> bool {
        self.guard.is_foreign()
    }
}

async fn serve(listeners: Listeners, observer: Arc<Observer>, mut stopped: watch::Receiver<bool>) {
    let mut connections = Connections::default();
    let mut next_sample = tokio::time::interval(rates::INTERVAL);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = next_sample.tick() => observer.sample(),
            taken = listeners.accept() => match taken {
                Ok((stream, way)) => connections.begin(stream, way, &observer),
                // Such as no free file: that does not end by asking again at once.
                Err(error) => {
                    tracing::warn!("the HTTP server cannot take a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = connections.ended() => {}
        }
    }
}

/// The oldest ones first.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    handles: Vec<AbortHandle>,
}

impl Connections {
    fn begin(&mut self, stream: Box<dyn Stream>, way: Way, observer: &Arc<Observer>) {
        self.handles.retain(|handle| !handle.is_finished());
        if self.handles.len() >= MOST_CONNECTIONS {
            self.handles.remove(0).abort();
        }
        let observer = observer.clone();
        let handle = self.tasks.spawn(async move {
            // What a client does wrong, or how it goes away, is nobody's concern.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, converse(stream, way, observer)).await;
        });
        self.handles.push(handle);
    }

    async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn converse(stream: Box<dyn Stream>, way: Way, observer: Arc<Observer>) -> hyper::Result<()> {
    let service = service_fn(move |request: Request<Incoming>| {
        let observer = observer.clone();
        async move { Ok::<Response<Full<Bytes>>, std::convert::Infallible>(answer(&observer, &request, way).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await
}
