//! One request at a time to the collector, over a connection that is kept.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderName, HeaderValue, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{wire, OtlpConfig};
use crate::base::fork;
use crate::error::{Error, Result};

const PATH: &str = "/v1/traces";
/// An answer is a few bytes.
const MOST_ANSWER_BYTES: usize = 64 * 1024;

/// What became of a request.
pub(super) enum Answer {
    Taken {
        rejected: u64,
    },
    /// It will not take these spans; trying again is of no use.
    Refused(String),
    /// It is away, or has too much to do.
    Later(String),
}

pub(super) struct Collector {
    runtime: Runtime,
    uri: Uri,
    address: (String, u16),
    headers: HeaderMap,
    timeout: Duration,
    connection: Option<SendRequest<Full<Bytes>>>,
}

fn refused(setting: &str, value: &str, reason: &str) -> Error {
    Error::Config {
        setting: format!("config.tracing.{setting}"),
        value: value.to_owned(),
        reason: reason.to_owned(),
    }
}

impl Collector {
    pub fn new(config: &OtlpConfig) -> Result<Self> {
        let wrong = |reason: &str| refused("endpoint", &config.endpoint, reason);
        let base: Uri = config.endpoint.parse().map_err(|_| wrong("is no URL"))?;
        let host = base.host().ok_or_else(|| wrong("names no host"))?;
        if base.scheme_str() != Some("http") {
            return Err(wrong("has to begin with http://"));
        }
        let address = (host.trim_matches(['[', ']']).to_owned(), base.port_u16().unwrap_or(80));
        let path = base.path().trim_end_matches('/');
        let path = format!("{}{PATH}", path.strip_suffix(PATH).unwrap_or(path));
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            // The value may be secret.
            let given = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(value).ok());
            let (header, mut value) =
                given.ok_or_else(|| refused("headers", name, "cannot be a header of HTTP, or its value cannot"))?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("karafka-rs/", env!("CARGO_PKG_VERSION"))),
        );
        let authority = base
            .authority()
            .map_or_else(String::new, |authority| authority.host().to_owned());
        let host = match base.port_u16() {
            Some(port) => format!("{authority}:{port}"),
            None => authority,
        };
        headers.insert(HOST, HeaderValue::from_str(&host).map_err(|_| wrong("names no host"))?);
        Ok(Collector {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build()
                .map_err(|error| Error::Internal(format!("spans cannot be exported: {error}")))?,
            uri: path.parse().map_err(|_| wrong("has a path that cannot be asked for"))?,
            address,
            headers,
            timeout: Duration::from_millis(config.timeout_ms),
            connection: None,
        })
    }

    pub fn post(&mut self, body: &Bytes) -> Answer {
        let kept = self.connection.take();
        let was_kept = kept.is_some();
        let answer = self.attempt(kept, body);
        match answer {
            // A connection that was kept may have ended meanwhile, which says nothing about the collector.
            Err(_) if was_kept => self.attempt(None, body),
            answer => answer,
        }
        .unwrap_or_else(Answer::Later)
    }

    fn attempt(&mut self, kept: Option<SendRequest<Full<Bytes>>>, body: &Bytes) -> std::result::Result<Answer, String> {
        let body = body.clone();
        let (address, uri, headers) = (&self.address, &self.uri, &self.headers);
        let exchange = async {
            let mut connection = match kept {
                Some(connection) => connection,
                None => connect(address).await?,
            };
            let mut request = Request::post(uri.clone())
                .body(Full::new(body))
                .map_err(|error| error.to_string())?;
            *request.headers_mut() = headers.clone();
            connection.ready().await.map_err(|error| error.to_string())?;
            let answer = connection
                .send_request(request)
                .await
                .map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MOST_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok::<_, String>((judge(status, &body), connection))
        };
        let timeout = self.timeout;
        let done = self
            .runtime
            .block_on(async { tokio::time::timeout(timeout, exchange).await });
        let (answer, connection) = done.map_err(|_| format!("no answer within {} ms", timeout.as_millis()))??;
        self.connection = Some(connection);
        Ok(answer)
    }
}

async fn connect(address: &(String, u16)) -> std::result::Result<SendRequest<Full<Bytes>>, String> {
    let (host, port) = address;
    let found = resolve(host, *port).map_err(|error| format!("{host} has no address: {error}"))?;
    let stream = reach(&found).await;
    let stream = stream.map_err(|error| format!("{host}:{port} cannot be reached: {error}"))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // It ends with the sender; what goes wrong on it the request hears.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// In this thread: a fork waits until its locks are free.
fn resolve(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
    let _postponed = fork::postpone();
    Ok((host, port).to_socket_addrs()?.collect())
}

async fn reach(addresses: &[SocketAddr]) -> std::io::Result<TcpStream> {
    let mut last = std::io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// As OTLP's specification has it: these may be tried again, others not.
fn judge(status: StatusCode, body: &[u8]) -> Answer {
    match status.as_u16() {
        200..=299 => Answer::Taken {
            rejected: wire::rejected(body),
        },
        429 | 502 | 503 | 504 => Answer::Later(format!("it answered {status}")),
        404 => Answer::Refused(format!(
            "it answered {status}: is it a collector of OTLP over HTTP? Its port mostly is 4318"
        )),
        _ => Answer::Refused(format!("it answered {status}")),
    }
}
