//! The honest client: signs in and takes, again and again, and notes how long it waited.

use super::support::forge::Forge;
use super::support::server::Server;
use super::support::waiting::WaitingPage;
use super::target::{HONEST, address, connect_to};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the honest client met.
#[derive(Default)]
pub struct Seen {
    pub waits: Vec<Duration>,
    pub failures: Vec<String>,
}

impl Seen {
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        waits[(waits.len() * percent / 100).min(waits.len() - 1)]
    }

    /// All succeeded, and 99 of 100 within a second.
    pub fn assert_served(&self, attack: &str) {
        let failures = &self.failures[..self.failures.len().min(3)];
        assert!(self.failures.is_empty(), "{attack}: {} failed: {failures:#?}", self.failures.len());
        assert!(self.waits.len() >= 20, "{attack}: only {} requests", self.waits.len());
        let p99 = self.percentile(99);
        assert!(p99 < Duration::from_secs(1), "{attack}: p99 {p99:?} of {}", self.waits.len());
    }
}

/// An honest request and its whole answer.
pub fn ask(address: SocketAddr, from: u8, request: &[u8]) -> std::io::Result<String> {
    let mut stream = connect_to(address, from);
    stream.write_all(request)?;
    let mut answer = Vec::new();
    // A reset after the answer is the server's way to stop an oversized sender.
    let mut buffer = [0; 8_192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) if answer.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A `POST /saml` of this response.
pub fn post(xml: &str, relay_state: &str, headers: &str) -> Vec<u8> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(xml))
        .append_pair("RelayState", relay_state)
        .finish();
    format!(
        "POST /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: application/json\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// A fresh assertion for this server.
pub fn assertion(server: &str) -> Forge {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = format!("_h{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let url = format!("{server}/saml");
    Forge { recipient: url.clone(), destination: Some(url), ..Forge::issued_now(&id) }
}

/// A login and its take; how long each took.
pub fn sign_in(server_url: &str, address: SocketAddr) -> Result<[Duration; 2], String> {
    let forge = assertion(server_url);
    let page = WaitingPage::new(&forge.assertion_id[1..]);
    let request = post(&forge.xml(), &page.relay_state(), "");
    let began = Instant::now();
    let answer = ask(address, HONEST, &request).map_err(|e| format!("login: {e}"))?;
    let login = began.elapsed();
    let ticket = answer.lines().find_map(|line| line.strip_prefix("location: ")?.split_once("#jwt="));
    let (_, ticket) = ticket.ok_or_else(|| format!("login: {answer}"))?;
    let take = format!(
        "GET /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ticket}\r\n\
         Vestibule-Verifier: {}\r\nCOGNITO_ID: {}\r\n\r\n",
        page.verifier, page.session_id
    );
    let began = Instant::now();
    let answer = ask(address, HONEST, take.as_bytes()).map_err(|e| format!("take: {e}"))?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        return Err(format!("take: {answer}"));
    }
    Ok([login, began.elapsed()])
}

/// Signs in every `pause` until told to stop.
pub fn sign_in_until(server: &Server, stop: &AtomicBool, pause: Duration) -> Seen {
    let (url, address) = (&server.base_url, address(server));
    let mut seen = Seen::default();
    while !stop.load(Ordering::Relaxed) {
        match sign_in(url, address) {
            Ok(waits) => seen.waits.extend(waits),
            Err(failure) => seen.failures.push(failure),
        }
        std::thread::sleep(pause);
    }
    seen
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The honest client's view of an attack that goes on for at least this long.
pub fn beside<T>(server: &Server, at_least: Duration, attack: impl FnOnce() -> T) -> (Seen, T) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let honest = scope.spawn(|| sign_in_until(server, &stop, Duration::from_millis(25)));
        let began = Instant::now();
        // Where the attack fails its own expectations, the honest client must stop too.
        let stopping = Stop(&stop);
        let outcome = attack();
        std::thread::sleep(at_least.saturating_sub(began.elapsed()));
        drop(stopping);
        (honest.join().unwrap(), outcome)
    })
}
