//! The server on loopback to which the page sends the browser back (RFC 8252, section 7.3).
//!
//! One path, one method, the login's own state. Anything else is answered, and waiting goes on:
//! a page that the person has open elsewhere must not be able to end a sign-in.

use super::exit::{Exit, Failure};
use super::pages::{Shown, page, policy};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

const PATH: &str = "/callback";
/// As many as roles can be asked for at once.
const MAX_TICKETS: usize = 10;
/// A browser sends its request at once; who opens a connection and waits is none.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long the browser may take to fetch the last page.
const LAST_PAGE: Duration = Duration::from_secs(2);

/// Bound, but not yet served.
pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

/// What came back with the login's state.
pub(super) struct Arrived {
    pub(super) outcome: Outcome,
    shown: oneshot::Sender<Shown>,
}

pub(super) enum Outcome {
    /// Sealed; at least one.
    Tickets(Vec<String>),
    /// `error=access_denied`, or another error.
    Error(String),
}

impl Arrived {
    /// What the browser shows now.
    pub(super) fn show(self, shown: Shown) {
        // The browser may be gone.
        self.shown.send(shown).unwrap_or_default();
    }
}

/// What a request must have.
struct Expected {
    host: String,
    state: String,
    arrived: mpsc::Sender<Arrived>,
}

/// Serves until it is dropped or [`Serving::finish`]ed.
pub(super) struct Serving {
    connections: JoinSet<()>,
    stop: oneshot::Sender<()>,
    arrivals: mpsc::Receiver<Arrived>,
}

impl Callback {
    /// On a port that the system chooses.
    pub(super) async fn bind() -> Result<Self, Failure> {
        let refused = |e: std::io::Error| {
            Failure::new(
                Exit::Failed,
                format!("no port of 127.0.0.1 can be had ({e}); see what forbids it, or use --no-browser"),
            )
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).await.map_err(refused)?;
        let port = listener.local_addr().map_err(refused)?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for this login's state alone.
    pub(super) fn serve(self, state: &str) -> Serving {
        let (arrived, arrivals) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let host = format!("127.0.0.1:{}", self.port);
        let expected = Arc::new(Expected { host, state: state.to_owned(), arrived });
        let mut connections = JoinSet::new();
        connections.spawn(accept(self.listener, expected, stopped));
        Serving { connections, stop, arrivals }
    }
}

impl Serving {
    /// The next that comes back with the right state.
    pub(super) async fn next(&mut self) -> Result<Arrived, Failure> {
        let ended = || Failure::new(Exit::Failed, "the server on loopback ended; run this again");
        self.arrivals.recv().await.ok_or_else(ended)
    }

    /// Lets the browser have its last page.
    pub(super) async fn finish(mut self) {
        drop(self.arrivals);
        self.stop.send(()).unwrap_or_default();
        let ended = async { while self.connections.join_next().await.is_some() {} };
        // A browser that is slow gets no page; the credentials are there nevertheless.
        tokio::time::timeout(LAST_PAGE, ended).await.unwrap_or_default();
    }
}

async fn accept(listener: TcpListener, expected: Arc<Expected>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // No descriptors, perhaps: not again at once.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = &mut stopped => break,
        };
        let expected = Arc::clone(&expected);
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&expected), request));
            let connection = http1::Builder::new()
                .keep_alive(false)
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that breaks off is answered by nothing.
            connection.await.unwrap_or_default();
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn answer(
    expected: Arc<Expected>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let language = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let shown = match expected.outcome(&request) {
        Judged::Nothing => return Ok(response(StatusCode::NOT_FOUND, String::new())),
        Judged::NotExpected => Shown::NotExpected,
        Judged::Ours(outcome) => {
            let (shown, when_shown) = oneshot::channel();
            match expected.arrived.send(Arrived { outcome, shown }).await {
                // Whoever dropped it does not want it.
                Ok(()) => when_shown.await.unwrap_or(Shown::NotExpected),
                Err(_) => Shown::NotExpected,
            }
        }
    };
    let status = StatusCode::from_u16(shown.status()).unwrap_or_default();
    Ok(response(status, page(shown, language)))
}

enum Judged {
    Nothing,
    NotExpected,
    Ours(Outcome),
}

impl Expected {
    fn outcome<B>(&self, request: &Request<B>) -> Judged {
        if request.uri().path() != PATH || request.method() != Method::GET {
            return Judged::Nothing;
        }
        // A name that leads to 127.0.0.1 is another origin's (DNS rebinding).
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
        if host != Some(self.host.as_bytes()) || request.headers().get_all(HOST).iter().count() != 1 {
            return Judged::NotExpected;
        }
        let (mut states, mut errors, mut tickets) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            match &*name {
                "state" => states.push(value.into_owned()),
                "error" => errors.push(value.into_owned()),
                "ticket" => tickets.push(value.into_owned()),
                _ => {}
            }
        }
        let [state] = states.as_slice() else { return Judged::NotExpected };
        let (given, own) = (state.as_bytes(), self.state.as_bytes());
        if aws_lc_rs::constant_time::verify_slices_are_equal(given, own).is_err() {
            return Judged::NotExpected;
        }
        match (errors.pop(), tickets.len()) {
            (Some(error), 0) => Judged::Ours(Outcome::Error(error)),
            (None, 1..=MAX_TICKETS) => Judged::Ours(Outcome::Tickets(tickets)),
            _ => Judged::NotExpected,
        }
    }
}

fn response(status: StatusCode, page: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    // Of a fixed text: it has no character that a header cannot.
    if let Ok(policy) = HeaderValue::try_from(policy()) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONNECTION, "close"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(method: &str, target: &str, host: &str) -> Judged {
        let (arrived, _) = mpsc::channel(1);
        let expected = Expected { host: "127.0.0.1:1".into(), state: "right".into(), arrived };
        expected
            .outcome(&Request::builder().method(method).uri(target).header("host", host).body(()).unwrap())
    }

    #[test]
    fn only_this_logins_own_request_counts() {
        let ours = "/callback?state=right&ticket=a&ticket=b";
        assert!(matches!(
            judge("GET", ours, "127.0.0.1:1"),
            Judged::Ours(Outcome::Tickets(tickets)) if tickets == ["a", "b"]
        ));
        assert!(matches!(
            judge("GET", "/callback?state=right&error=access_denied", "127.0.0.1:1"),
            Judged::Ours(Outcome::Error(error)) if error == "access_denied"
        ));
        for (method, target) in [("POST", ours), ("GET", "/"), ("GET", "/callback/?state=right&ticket=a")] {
            assert!(matches!(judge(method, target, "127.0.0.1:1"), Judged::Nothing), "{method} {target}");
        }
        for (target, host) in [
            (ours, "localhost:1"),
            (ours, "vestibule.example.com"),
            ("/callback?state=wrong&ticket=a", "127.0.0.1:1"),
            ("/callback?state=right&state=right&ticket=a", "127.0.0.1:1"),
            ("/callback?ticket=a", "127.0.0.1:1"),
            ("/callback?state=right", "127.0.0.1:1"),
            ("/callback?state=right&error=x&ticket=a", "127.0.0.1:1"),
            ("/callback", "127.0.0.1:1"),
        ] {
            assert!(matches!(judge("GET", target, host), Judged::NotExpected), "{target} {host}");
        }
        let many = format!("/callback?state=right{}", "&ticket=a".repeat(11));
        assert!(matches!(judge("GET", &many, "127.0.0.1:1"), Judged::NotExpected));
    }
}
