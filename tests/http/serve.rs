//! The accept loop, over real sockets.

use super::{Vestibule, settings};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vestibule::broker::Binding;
use vestibule::http::{ServeLimits, router, serve};

struct Server {
    vestibule: Vestibule,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

const TIMEOUT: Duration = Duration::from_millis(300);

async fn server(max_connections: usize, header_timeout: Duration) -> Server {
    let mut settings = settings();
    settings.request_timeout = TIMEOUT;
    let vestibule = Vestibule::with(Binding::Challenge, settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ServeLimits { max_connections, header_timeout, grace: Duration::from_secs(10) };
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let running = tokio::spawn(serve(listener, router(vestibule.service.app.clone()), limits, shutdown));
    Server { vestibule, address, stop, running }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    // A reset after the answer is the server's way to stop an oversized sender.
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const HEAD: &str = "POST /saml HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_over_a_socket_is_audited_with_the_client_s_address() {
    let server = server(10, TIMEOUT).await;
    let waiting = server.vestibule.waiting().await;
    let mut stream = connect(server.address);
    write!(
        stream,
        "GET /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.9\r\n\
         Authorization: Bearer {}\r\nVestibule-Verifier: {}\r\n\r\n",
        waiting.ticket, waiting.verifier
    )
    .unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let delivered = server.vestibule.service.audit().await.pop().unwrap();
    // The peer is no trusted proxy: what it forwards does not count.
    assert_eq!(delivered.source_ip, Some("127.0.0.1".parse().unwrap()));
    assert!(answer.contains(delivered.reference.unwrap().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_408_after_the_timeout() {
    let server = server(10, TIMEOUT).await;
    let mut stream = connect(server.address);
    write!(stream, "{HEAD}Content-Length: 1000\r\n\r\nSAMLResponse=").unwrap();
    let began = Instant::now();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("body_timeout"));
    assert!(began.elapsed() >= TIMEOUT && began.elapsed() < TIMEOUT * 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_or_an_idle_connection_is_closed() {
    let server = server(10, TIMEOUT).await;
    for sent in ["GET / HTTP/1.1\r\nHost: x\r\nX-Slow", ""] {
        let mut stream = connect(server.address);
        stream.write_all(sent.as_bytes()).unwrap();
        let began = Instant::now();
        rest(stream);
        assert!(began.elapsed() >= TIMEOUT && began.elapsed() < TIMEOUT * 10, "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_headers_is_431() {
    let server = server(10, TIMEOUT).await;
    let many = (0..200).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    let large = format!("X-Large: {}\r\n", "y".repeat(17 * 1024));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(17 * 1024));
    for head in [
        format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{large}\r\n"),
        long_path,
    ] {
        let mut stream = connect(server.address);
        let _ = stream.write_all(head.as_bytes());
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_chunked_body_is_413() {
    let server = server(10, TIMEOUT).await;
    let mut stream = connect(server.address);
    let mut reader = stream.try_clone().unwrap();
    write!(stream, "{HEAD}Transfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    // 5 chunks of 64 KiB pass the cap of 316,384 bytes.
    for _ in 0..5 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    let mut answer = [0; 4_096];
    let length = reader.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn smuggled_lengths_and_broken_requests_are_400() {
    let server = server(10, TIMEOUT).await;
    for request in [
        format!("{HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        format!("{HEAD}Content-Length: -1\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\nX-Bad: a\0b\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let mut stream = connect(server.address);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{request:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let server = server(1, Duration::from_secs(60)).await;
    let first = connect(server.address);
    // Time for the first to be accepted; then it holds the only slot until it is closed.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = connect(server.address);
    second.write_all(b"GET /config.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    second.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(second.read(&mut [0; 1]).is_err(), "no answer while the first is there");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(rest(second).starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_requests_end() {
    let server = server(10, TIMEOUT).await;
    let waiting = server.vestibule.waiting().await;
    let gate = server.vestibule.service.plan.hold_takes().await;
    let mut stream = connect(server.address);
    write!(
        stream,
        "GET /saml HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nVestibule-Verifier: {}\r\n\r\n",
        waiting.ticket, waiting.verifier
    )
    .unwrap();
    server.vestibule.service.plan.take_came().await;
    server.stop.send(()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(server.address).is_ok() {
        assert!(Instant::now() < deadline, "nobody new may be let in");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!server.running.is_finished());
    drop(gate);
    assert!(rest(stream).starts_with("HTTP/1.1 200 OK"));
    server.running.await.unwrap();
}
