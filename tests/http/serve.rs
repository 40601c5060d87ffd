//! The accept loop, over real sockets.

use super::{Vestibule, settings};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vestibule::broker::Binding;
use vestibule::config::Network;
use vestibule::http::{Connections, HttpSettings, ServeLimits, router, serve};

struct Server {
    vestibule: Vestibule,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

const TIMEOUT: Duration = Duration::from_millis(300);

async fn server(max_connections: usize, header_timeout: Duration) -> Server {
    let grace = Duration::from_secs(10);
    let limits = ServeLimits { max_connections, header_timeout, grace, ..Default::default() };
    server_with(limits, HttpSettings { request_timeout: TIMEOUT, ..settings() }).await
}

async fn server_with(limits: ServeLimits, settings: HttpSettings) -> Server {
    let vestibule = Vestibule::with(Binding::Challenge, settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let router = router(vestibule.service.app.clone());
    let running = tokio::spawn(serve(listener, move || router.clone(), Connections::new(limits), shutdown));
    Server { vestibule, address, stop, running }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// The server ended it, by [`TIMEOUT`], and not the client by its own, since `began`: before
/// the server could begin to count.
fn assert_in_time(began: Instant) {
    let took = began.elapsed();
    assert!((TIMEOUT..Duration::from_secs(9)).contains(&took), "{took:?}");
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
    let began = Instant::now();
    let mut stream = connect(server.address);
    write!(stream, "{HEAD}Content-Length: 1000\r\n\r\nSAMLResponse=").unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("body_timeout"));
    assert_in_time(began);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_or_an_idle_connection_is_closed() {
    let server = server(10, TIMEOUT).await;
    for sent in ["GET / HTTP/1.1\r\nHost: x\r\nX-Slow", ""] {
        let began = Instant::now();
        let mut stream = connect(server.address);
        stream.write_all(sent.as_bytes()).unwrap();
        rest(stream);
        assert_in_time(began);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_headers_is_431() {
    let server = server(10, TIMEOUT).await;
    let many = (0..200).map(|i| format!("X-{i}: y\r\n")).collect::<String>();
    let large = format!("X-Large: {}\r\n", "y".repeat(33 * 1024));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(33 * 1024));
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
async fn an_idle_connection_gives_way_to_a_new_one() {
    let server = server(1, Duration::from_secs(60)).await;
    let first = connect(server.address);
    let mut second = connect(server.address);
    second.write_all(b"GET /config.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(rest(second).starts_with("HTTP/1.1 200 OK"));
    assert_eq!(rest(first), "", "closed without a word");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_beyond_the_limit_is_refused_while_all_others_work() {
    let server = server(1, TIMEOUT).await;
    let waiting = server.vestibule.waiting().await;
    let gate = server.vestibule.service.plan.hold_takes().await;
    let mut first = connect(server.address);
    write!(
        first,
        "GET /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nVestibule-Verifier: {}\r\n\r\n",
        waiting.ticket, waiting.verifier
    )
    .unwrap();
    server.vestibule.service.plan.take_came().await;
    let refused = rest(connect(server.address));
    assert!(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"), "{refused}");
    drop(gate);
    assert!(rest(first).starts_with("HTTP/1.1 200 OK"));
}

/// Requests, one behind the other, and no answer is ever read.
fn never_reads(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.set_nonblocking(true).unwrap();
    let requests = "GET /vestibule.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    for _ in 0..200 {
        if stream.write(requests.as_bytes()).is_err() {
            break;
        }
    }
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Whether the server closes it soon.
fn is_closed_within(mut stream: &TcpStream, patience: Duration) -> bool {
    // What is sent to a closed connection is answered with a reset, and then writing fails.
    let deadline = Instant::now() + patience;
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    while Instant::now() < deadline {
        match stream.write(b"x") {
            Err(e) if !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return true,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_is_dropped() {
    let limits = ServeLimits { write_timeout: TIMEOUT, ..Default::default() };
    let server = server_with(limits, settings()).await;
    let stream = never_reads(server.address);
    assert!(is_closed_within(&stream, Duration::from_secs(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_does_not_hold_up_a_stop() {
    let limits = ServeLimits { stop_patience: TIMEOUT, ..Default::default() };
    let server = server_with(limits, settings()).await;
    let _stream = never_reads(server.address);
    let _idle = connect(server.address);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_an_age() {
    let limits = ServeLimits { max_age: TIMEOUT, header_timeout: TIMEOUT, ..Default::default() };
    let server = server_with(limits, settings()).await;
    let began = Instant::now();
    let mut stream = connect(server.address);
    let mut buffer = [0; 64 * 1024];
    loop {
        // Never idle, so only its age can end it.
        if stream.write_all(b"GET /config.json HTTP/1.1\r\nHost: x\r\n\r\n").is_err() {
            break;
        }
        let Ok(1..) = stream.read(&mut buffer) else { break };
        assert!(began.elapsed() < Duration::from_secs(10), "it lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() >= TIMEOUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_hold_no_slot() {
    let settings = HttpSettings { max_concurrent_requests: 2, ..settings() };
    let server = server_with(ServeLimits::default(), settings).await;
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = connect(server.address);
            write!(stream, "{HEAD}Content-Length: 1000\r\n\r\nS").unwrap();
            stream
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut honest = connect(server.address);
    write!(honest, "{HEAD}Connection: close\r\nContent-Length: 3\r\n\r\na=b").unwrap();
    let answer = rest(honest);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("response_missing"), "{answer}");
    drop(slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_s_requests_in_progress_are_bounded() {
    let trusted_proxies = vec![Network { address: "127.0.0.1".parse().unwrap(), prefix: 32 }];
    let settings = HttpSettings { max_requests_per_client: 2, trusted_proxies, ..settings() };
    let server = server_with(ServeLimits::default(), settings).await;
    let begin = |client: &str| {
        let mut stream = connect(server.address);
        write!(stream, "{HEAD}X-Forwarded-For: {client}\r\nContent-Length: 1000\r\n\r\nS").unwrap();
        stream
    };
    let slow = [begin("2001:db8:0:1::1"), begin("2001:db8:0:1::2")];
    tokio::time::sleep(Duration::from_millis(100)).await;
    let ask = |client: &str, accept: &str| {
        let mut stream = connect(server.address);
        let head = HEAD.replace("application/json", accept);
        write!(
            stream,
            "{head}Connection: close\r\nX-Forwarded-For: {client}\r\nContent-Length: 3\r\n\r\na=b"
        )
        .unwrap();
        rest(stream)
    };
    for (accept, content) in
        [("application/json", "\"retry_after\":1"), ("text/html", "<code>too_many_requests</code>")]
    {
        let answer = ask("2001:db8:0:1::3", accept);
        assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains(content), "{answer}");
    }
    // Another network behind the same proxy.
    assert!(ask("2001:db8:0:2::1", "*/*").starts_with("HTTP/1.1 400 "));
    drop(slow);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(ask("2001:db8:0:1::3", "*/*").starts_with("HTTP/1.1 400 "), "when they are over there is room");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_s_requests_a_minute_are_bounded() {
    let settings = HttpSettings { max_posts_per_minute: 8, ..settings() };
    let server = server_with(ServeLimits::default(), settings).await;
    let post = format!("{HEAD}Connection: close\r\nContent-Length: 3\r\n\r\na=b");
    let take = "GET /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned();
    for (request, status) in [(post, "400"), (take, "401")] {
        let ask = || {
            let mut stream = connect(server.address);
            stream.write_all(request.as_bytes()).unwrap();
            rest(stream)
        };
        // A quarter of a minute's may come at once.
        for _ in 0..2 {
            let answer = ask();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        let answer = ask();
        assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("too_many_requests"), "{answer}");
        // 8 a minute: one every 7.5 s.
        let wait = answer.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
        assert!((5..=8).contains(&wait.parse::<u32>().unwrap()), "{wait}");
    }
    // Documents are not counted.
    let mut stream = connect(server.address);
    stream.write_all(b"GET /config.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(rest(stream).starts_with("HTTP/1.1 200 "));
}

/// A gateway asks for many people from one address.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_no_client_and_any_other_authorizer_s_caller_is() {
    let trusted = vec![Network { address: "127.0.0.1".parse().unwrap(), prefix: 32 }];
    for (trusted_proxies, limited) in [(trusted, false), (Vec::new(), true)] {
        let settings = HttpSettings { max_posts_per_minute: 8, trusted_proxies, ..settings() };
        let server = server_with(ServeLimits::default(), settings).await;
        let statuses: Vec<String> = (0..4)
            .map(|_| {
                let mut stream = connect(server.address);
                write!(
                    stream,
                    "POST /authorizer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
                )
                .unwrap();
                rest(stream)[9..12].to_owned()
            })
            .collect();
        assert_eq!(statuses.contains(&"429".to_owned()), limited, "{statuses:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_exactly_one_host_is_400() {
    let server = server(10, TIMEOUT).await;
    for (hosts, version, accepted) in [
        ("", "1.1", false),
        ("Host: a\r\nHost: b\r\n", "1.1", false),
        ("Host: a\r\nHost: a\r\n", "1.1", false),
        ("Host: a b\r\n", "1.1", false),
        ("Host: a/b\r\n", "1.1", false),
        ("Host:\r\n", "1.1", false),
        ("Host: a\r\n", "1.1", true),
        ("Host: [::1]:8080\r\n", "1.1", true),
        ("", "1.0", true),
        ("Host: a\r\nHost: b\r\n", "1.0", false),
    ] {
        let mut stream = connect(server.address);
        write!(
            stream,
            "GET /config.json HTTP/{version}\r\n{hosts}Accept: application/json\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let answer = rest(stream);
        let expected = if accepted { " 200 " } else { " 400 " };
        assert!(answer.get(8..).unwrap_or_default().starts_with(expected), "{hosts:?} {version}: {answer}");
        assert_eq!(answer.contains("host_malformed"), !accepted, "{answer}");
    }
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

/// One file of the page, over a socket: its head, and its body as it came.
fn file(address: SocketAddr, path: &str, more: &str) -> (String, Vec<u8>) {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    (String::from_utf8(answer[..end].to_vec()).unwrap() + "\r\n", answer[end + 4..].to_vec())
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_compressed_to_whoever_takes_it() {
    let server = server(10, TIMEOUT).await;
    for path in ["/", "/page.js", "/vestibule.js", "/style.css", "/words.json"] {
        let (head, plain) = file(server.address, path, "");
        assert!(!head.contains("content-encoding"), "{head}");
        let plain_tag = header(&head, "etag").to_owned();
        for takes in ["gzip, deflate, br", "Deflate;q=0.5", "br\r\nAccept-Encoding: deflate"] {
            let (head, body) = file(server.address, path, &format!("Accept-Encoding: {takes}\r\n"));
            assert_eq!(
                (header(&head, "content-encoding"), header(&head, "vary")),
                ("deflate", "accept-encoding")
            );
            assert!(body.len() * 2 < plain.len(), "{path}: {} of {}", body.len(), plain.len());
            assert_eq!(miniz_oxide::inflate::decompress_to_vec_zlib(&body).unwrap(), plain, "{path}");
            let tag = header(&head, "etag").to_owned();
            assert_ne!(tag, plain_tag, "they are different representations");
            let known = format!("Accept-Encoding: {takes}\r\nIf-None-Match: {tag}\r\n");
            let (head, body) = file(server.address, path, &known);
            assert!(head.starts_with("HTTP/1.1 304") && body.is_empty(), "{head}");
        }
        for refuses in ["gzip, br", "deflate;q=0", "deflate; q=0.000", "*", "xdeflate", ""] {
            let (head, body) = file(server.address, path, &format!("Accept-Encoding: {refuses}\r\n"));
            assert!(!head.contains("content-encoding") && body == plain, "{refuses}: {head}");
            assert_eq!(header(&head, "vary"), "accept-encoding");
        }
    }
    // What is secret is never compressed beside what somebody else can choose.
    let (head, _) = file(server.address, "/config.json", "Accept-Encoding: deflate\r\n");
    assert!(!head.contains("content-encoding"), "{head}");
}
