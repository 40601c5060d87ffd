//! `POST /saml` on the embedded store with 32 clients, over real sockets:
//! logins per second, as a share of what the bare router answers and of what
//! the store alone can record, all in one run.
//!
//! ```sh
//! cargo bench --bench login
//! ```
// Measuring is reading the clock, and printing the result is the purpose.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;

use axum::Router;
use axum::routing::post;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use support::test_service::{Page, TestService, assertion};
use support::wire::saml_post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vestibule::broker::ports::{Basis, LoginStart, UsedMessage, UsedOnce};
use vestibule::broker::{AuditEvent, EventKind, Handle, Jti, LoginId, Sealed, SealedSession, Subject};
use vestibule::http::{self, Connections, ServeLimits};

const CLIENTS: usize = 32;
const LOGINS: usize = 4_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Signing is the identity provider's work: done before the clock runs.
        let requests: Vec<Vec<u8>> =
            (0..LOGINS).map(|number| request(u32::try_from(number).unwrap())).collect();
        println!("{LOGINS} posts of {} KB by {CLIENTS} clients", requests[0].len() / 1024);

        let bare =
            Router::new().route("/saml", post(|_: String| async { (axum::http::StatusCode::FOUND, "") }));
        let bare = rate("bare router, 302", serve(bare).await, &requests, "302").await;

        let dir = tempfile::tempdir().unwrap();
        let service = TestService::open(dir.path());
        let store = store_rate(&service).await;

        let dir = tempfile::tempdir().unwrap();
        let service = TestService::open(dir.path());
        let logins =
            rate("POST /saml", serve(http::router(service.app.clone())).await, &requests, "302").await;
        assert_eq!(service.count(EventKind::Issued).await, LOGINS.min(10_000 / 2));
        println!(
            "POST /saml is {:.2} of the bare router, {:.2} of the store alone",
            logins / bare,
            logins / store
        );
    });
}

/// One whole HTTP request: a login of its own.
fn request(number: u32) -> Vec<u8> {
    saml_post(&assertion(number).xml(), &Page::new(number).relay_state())
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Connections::new(ServeLimits::default());
    tokio::spawn(http::serve(listener, move || router.clone(), connections, std::future::pending()));
    address
}

/// Requests per second, all answered as expected.
async fn rate(what: &str, address: SocketAddr, requests: &[Vec<u8>], status: &str) -> f64 {
    let requests: Arc<[Vec<u8>]> = requests.into();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (requests, next, status) = (requests.clone(), next.clone(), format!("HTTP/1.1 {status}"));
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                stream.write_all(request).await.unwrap();
                let answer = answer(&mut stream).await;
                assert!(answer.starts_with(&status), "{answer}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    told(what, requests.len(), began)
}

/// Reads one answer to its end.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::with_capacity(4_096);
    loop {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the connection ended");
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return head.to_owned();
            }
        }
    }
}

/// `begin` and `put`, the two transactions of a login, straight at the store.
async fn store_rate(service: &TestService) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (ports, next) = (service.broker.ports().clone(), next.clone());
        tokio::spawn(async move {
            while let number @ 0..LOGINS = next.fetch_add(1, Ordering::Relaxed) {
                let now = ports.clock.now();
                let ends = now + time::Duration::seconds(60);
                let login = LoginId::new(now, &*ports.random);
                let session = Handle::of(&[b"session", number.to_string().as_bytes()]);
                let event = |kind| AuditEvent {
                    at: now,
                    kind,
                    login: Some(login.clone()),
                    session: Some(session.clone()),
                    reference: None,
                    source_ip: None,
                    code: None,
                    subject: Subject { name_id: Some("EXAMPLE\\paula".into()), ..Subject::default() },
                };
                let start = LoginStart {
                    login: login.clone(),
                    basis: Basis::Message(UsedMessage {
                        assertion: UsedOnce {
                            handle: Handle::of_assertion("issuer", &number.to_string()),
                            not_on_or_after: ends,
                        },
                        request: None,
                        issued_at: now,
                    }),
                    session: session.clone(),
                    reservation_ends: ends,
                    event: event(EventKind::Started),
                };
                ports.sessions.begin(&start).await.unwrap();
                let sealed = Sealed::from_ciphertext(vec![7; 1_200]);
                let jti = Jti::random(&*ports.random);
                let issued = event(EventKind::Issued);
                let waiting = SealedSession::new(login, session, jti, sealed, ends);
                ports.sessions.put(&waiting, &issued).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    told("store alone: begin, put", LOGINS, began)
}

fn told(what: &str, number: usize, began: Instant) -> f64 {
    let rate = f64::from(u32::try_from(number).unwrap()) / began.elapsed().as_secs_f64();
    println!("{rate:>9.0}/s  {what}");
    rate
}
