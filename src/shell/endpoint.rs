//! A container-credentials endpoint on loopback for one command: AWS's tools ask it as they do
//! on ECS, whenever they need credentials.

use super::cache::Entry;
use super::context::Context;
use super::document::Document;
use super::exit::{Exit, Failure};
use super::obtain::{Wanted, obtain};
use crate::broker::ports::SecureRandom;
use crate::system::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// After a sign-in that failed, tools that ask again must not open a window each.
const PAUSE: time::Duration = time::Duration::minutes(1);
/// How often it looks whether a command needs new credentials. Computers sleep: a timer for the
/// moment itself would be late.
const LOOK: Duration = Duration::from_secs(15);
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// The endpoint: who has the token gets the credentials.
pub(super) struct Endpoint {
    context: Context,
    wanted: Wanted,
    host: String,
    path: String,
    token: Zeroizing<String>,
    current: RwLock<Arc<(Entry, Document)>>,
    /// Whether the command has asked for what is current: one that does not needs no renewal.
    was_asked: AtomicBool,
    /// Held by the one renewal; when the last one ended, and how.
    renewal: Mutex<Option<(OffsetDateTime, Result<(), Failure>)>>,
}

impl Endpoint {
    /// On a port that the system chooses.
    ///
    /// # Errors
    ///
    /// No port can be had.
    pub(super) async fn serve(
        context: Context,
        wanted: Wanted,
        current: (Entry, Document),
    ) -> Result<Arc<Self>, Failure> {
        let refused = |e: std::io::Error| {
            Failure::new(Exit::Failed, format!("no port of 127.0.0.1 can be had ({e}); see what forbids it"))
        };
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(any).await.map_err(refused)?;
        let host = listener.local_addr().map_err(refused)?.to_string();
        let endpoint = Arc::new(Self {
            context,
            wanted,
            host,
            path: format!("/{}", *random()),
            token: random(),
            current: RwLock::new(Arc::new(current)),
            was_asked: AtomicBool::new(false),
            renewal: Mutex::new(None),
        });
        tokio::spawn(accept(listener, Arc::clone(&endpoint)));
        tokio::spawn(Arc::clone(&endpoint).look());
        Ok(endpoint)
    }

    /// What the command must know: for its environment.
    pub(super) fn variables(&self) -> [(&'static str, Zeroizing<String>); 2] {
        let url = Zeroizing::new(format!("http://{}{}", self.host, self.path));
        [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.token.clone()),
        ]
    }

    fn current(&self) -> Arc<(Entry, Document)> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Renews what a command has asked for, before it must ask again.
    async fn look(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.was_asked.load(Ordering::Relaxed) && !self.is_fresh() {
                // Whoever asks is told; the person was.
                self.renew().await.unwrap_or_default();
            }
        }
    }

    fn is_fresh(&self) -> bool {
        self.current().0.is_fresh(self.context.now())
    }

    /// One at a time; who comes meanwhile has the same outcome.
    async fn renew(&self) -> Result<(), Failure> {
        let mut last = self.renewal.lock().await;
        if self.is_fresh() {
            return Ok(());
        }
        if let Some((at, outcome)) = &*last
            && self.context.now() - *at < PAUSE
        {
            return outcome.clone();
        }
        self.context.say("the credentials of the command end soon");
        let outcome = obtain(&self.context, &self.wanted).await.map(|found| {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
            self.was_asked.store(false, Ordering::Relaxed);
        });
        if let Err(failure) = &outcome {
            self.context.say(&failure.sentence);
        }
        *last = Some((self.context.now(), outcome.clone()));
        outcome
    }

    async fn answer<B>(self: Arc<Self>, request: Request<B>) -> Response<Full<Bytes>> {
        if let Err((status, code)) = self.judge(&request) {
            return error(status, code, "this is for the command that was started with the token");
        }
        self.was_asked.store(true, Ordering::Relaxed);
        if !self.is_fresh() {
            // Tools wait for a second or two: what still holds is given while a person signs in.
            if self.current().1.credentials.expires_at > self.context.now() {
                let endpoint = Arc::clone(&self);
                tokio::spawn(async move { endpoint.renew().await });
            } else if let Err(failure) = self.renew().await {
                return error(StatusCode::SERVICE_UNAVAILABLE, "NotSignedIn", &failure.sentence);
            }
        }
        let current = self.current();
        let json = current.1.credentials.for_container(&current.0.role);
        response(StatusCode::OK, Bytes::from_owner(json))
    }

    fn judge<B>(&self, request: &Request<B>) -> Result<(), (StatusCode, &'static str)> {
        let is = |own: &str, given: &[u8]| {
            aws_lc_rs::constant_time::verify_slices_are_equal(own.as_bytes(), given).is_ok()
        };
        let has = |name: HeaderName, own: &str| {
            let mut values = request.headers().get_all(name).iter();
            let only = values.next().filter(|_| values.next().is_none());
            only.is_some_and(|value| is(own, value.as_bytes()))
        };
        if !is(&self.path, request.uri().path().as_bytes()) || !has(HOST, &self.host) {
            return Err((StatusCode::NOT_FOUND, "NotFound"));
        }
        if request.method() != Method::GET {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"));
        }
        if !has(AUTHORIZATION, &self.token) {
            return Err((StatusCode::UNAUTHORIZED, "InvalidToken"));
        }
        Ok(())
    }
}

/// 256 bits.
fn random() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom.fill(bytes.as_mut_slice());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))
}

async fn accept(listener: TcpListener, endpoint: Arc<Endpoint>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors, perhaps: not again at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let endpoint = Arc::clone(&endpoint);
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let endpoint = Arc::clone(&endpoint);
                async move { Ok::<_, Infallible>(endpoint.answer(request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that breaks off is answered by nothing.
            connection.await.unwrap_or_default();
        });
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Full<Bytes>> {
    response(status, serde_json::json!({"code": code, "message": message}).to_string().into())
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
