//! Which requests are answered, and how.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderValue, ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{json, Value};

use super::super::host::Backtraces;
use super::super::{state, Detail, Format, Observer, Verdict};

const JSON: &str = "application/json";

/// How a request came.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Tcp { is_loopback: bool },
    Unix,
}

type Answer = Response<Full<Bytes>>;

pub(super) async fn answer<B>(observer: &Observer, request: &Request<B>, way: Way) -> Answer {
    let answer = match check(observer, request, way) {
        Some(refusal) => refusal,
        None => route(observer, request).await,
    };
    no_store(answer)
}

/// What is true now is not true later.
fn no_store(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn check<B>(observer: &Observer, request: &Request<B>, way: Way) -> Option<Answer> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(answer);
    }
    if matches!(way, Way::Tcp { is_loopback: true }) && !is_local(request) {
        // A page in a browser could point a name of its own at this machine.
        let why = "the Host header has to be localhost or an address of this machine's loopback";
        return Some(refuse(StatusCode::FORBIDDEN, why));
    }
    let path = request.uri().path();
    let is_state = path.starts_with("/v1/");
    if !is_state && path != "/metrics" {
        return None;
    }
    match (&observer.config.token, way) {
        (Some(token), _) if !has_token(request, token) => {
            let mut answer = refuse(
                StatusCode::UNAUTHORIZED,
                "send the token of config.http.token: `Authorization: Bearer TOKEN`",
            );
            answer
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            Some(answer)
        }
        (None, Way::Tcp { is_loopback: false }) if is_state => Some(refuse(
            StatusCode::FORBIDDEN,
            "where other machines can ask, /v1 needs config.http.token: set one, or bind to 127.0.0.1",
        )),
        _ => None,
    }
}

fn is_local<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(HOST) else {
        // HTTP/1.0; no browser sends that.
        return true;
    };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn has_token<B>(request: &Request<B>, token: &str) -> bool {
    let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|given| {
        let (scheme, rest) = given.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest)
    });
    given.is_some_and(|given| is_same(given, token.as_bytes()))
}

/// The time it takes does not tell how much of it is right.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given
        .iter()
        .zip(expected)
        .fold(0, |all, (one, other)| all | (one ^ other));
    given.len() == expected.len() && differences == 0
}

async fn route<B>(observer: &Observer, request: &Request<B>) -> Answer {
    let query = request.uri().query().unwrap_or_default();
    let has = |wanted: &str| query.split('&').any(|one| one == wanted);
    match request.uri().path() {
        "/livez" => probe(&observer.live()),
        "/readyz" => probe(&observer.ready()),
        "/metrics" => {
            let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
            let format = match observer.config.app_metrics {
                true => Format::Plain,
                false => Format::wanted(accept.unwrap_or_default()),
            };
            respond(StatusCode::OK, format.content_type(), observer.all_metrics(format).await)
        }
        "/v1/state" => {
            let detail = match has("detail=summary") {
                true => Detail::Summary,
                false => Detail::Full,
            };
            respond(StatusCode::OK, JSON, observer.state(detail))
        }
        "/v1/workers" => {
            let lines = match has("backtrace=1") {
                true => Some(observer.backtraces().await),
                false => None,
            };
            respond(StatusCode::OK, JSON, workers(observer, lines).to_string())
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            "there are /livez, /readyz, /metrics, /v1/state, /v1/state?detail=summary, /v1/workers and /v1/workers?backtrace=1",
        ),
    }
}

fn probe(verdict: &Verdict) -> Answer {
    let status = match verdict.ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    respond(status, JSON, serde_json::to_string(verdict).unwrap_or_default())
}

/// `lines`: None where nobody asked for them.
fn workers(observer: &Observer, lines: Option<Option<Backtraces>>) -> Value {
    let mut all = Vec::new();
    for worker in observer.workers() {
        let mut value = state::worker(&worker);
        if let Some(Some(lines)) = &lines {
            value["backtrace"] = json!(lines.get(&worker.index));
        }
        all.push(value);
    }
    let note = matches!(lines, Some(None)).then_some(
        "Ruby did not answer within half a second: its lock is held, or a subscriber does not return. `consumer` is the last known \
         place of each worker",
    );
    json!({ "workers": all, "note": note })
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    respond(status, JSON, json!({ "error": why }).to_string())
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str) -> Request<()> {
        Request::builder().uri("/livez").header(HOST, host).body(()).unwrap()
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:1234",
            "127.1.2.3",
            "[::1]:9",
            "[::1]",
        ] {
            assert!(is_local(&request(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:80",
            "10.0.0.1",
            "localhost.evil.example",
            "",
            "[::2]",
        ] {
            assert!(!is_local(&request(host)), "{host}");
        }
    }

    #[test]
    fn a_token_is_right_as_a_whole_only() {
        let with = |text: &str| Request::builder().header(AUTHORIZATION, text).body(()).unwrap();
        assert!(has_token(&with("Bearer secret"), "secret"));
        assert!(has_token(&with("bearer secret"), "secret"));
        for wrong in [
            "Bearer secre",
            "Bearer secrets",
            "Bearer ",
            "secret",
            "Basic secret",
            "",
        ] {
            assert!(!has_token(&with(wrong), "secret"), "{wrong}");
        }
    }
}
