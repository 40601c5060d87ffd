//! FINDINGS of 2026-11-25, each as an attack by name.

use super::honest::{ask, assertion, beside, post, sign_in};
use super::support::browser::Browser;
use super::support::server::Server;
use super::target::{ATTACKERS, address, attackers, connect, start, start_through, start_writing_into};
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const HEAD: &str = "POST /saml HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\n";
const SECONDS: Duration = Duration::from_secs(4);

/// Requests, one behind the other, and no answer is ever read.
fn slow_reader(server: &Server, from: u8) -> TcpStream {
    let mut stream = connect(server, from);
    stream.set_nonblocking(true).unwrap();
    let requests = "GET /vestibule.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20);
    // What does not fit is not needed: some hundred KB of answers fill every buffer.
    let _ = stream.write(requests.as_bytes());
    stream
}

fn slow_body(server: &Server, from: u8) -> TcpStream {
    let mut stream = connect(server, from);
    write!(stream, "{HEAD}Content-Length: 1000\r\n\r\nS").unwrap();
    stream
}

/// Whether the server has closed it: what is sent then is answered with a reset.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.write(b"x"), Err(e) if e.kind() != ErrorKind::WouldBlock)
}

/// A thousand that read nothing, and each is dropped after ten seconds.
#[test]
fn slow_readers_hold_no_connection() {
    let server = start("");
    let (seen, readers) = beside(&server, 2 * SECONDS, || {
        attackers(1_000).map(|from| slow_reader(&server, from)).collect::<Vec<_>>()
    });
    seen.assert_served("slow readers");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // Twice: the first write to a closed connection only fetches the reset.
        readers.iter().for_each(|reader| _ = is_closed(reader));
        std::thread::sleep(Duration::from_millis(200));
        let open = readers.iter().filter(|reader| !is_closed(reader)).count();
        if open == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{open} still hold their connection");
    }
}

#[test]
fn slow_readers_hold_up_no_stop() {
    let mut server = start("");
    let _readers: Vec<_> = attackers(50).map(|from| slow_reader(&server, from)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn slow_bodies_take_no_slot() {
    let server = start("");
    let (seen, _bodies) =
        beside(&server, SECONDS, || attackers(256).map(|from| slow_body(&server, from)).collect::<Vec<_>>());
    seen.assert_served("slow bodies");
}

/// More than there may be: the server was started with 1,024 descriptors, too.
#[test]
fn idle_connections_give_way() {
    let server = start("");
    let (seen, _idle) =
        beside(&server, SECONDS, || attackers(1_400).map(|from| connect(&server, from)).collect::<Vec<_>>());
    seen.assert_served("idle connections");
    let log = server.log_text();
    assert!(!log.contains("connection not accepted"), "{log}");
}

/// The limit of open files cannot be raised: what a login needs is kept free of connections.
#[test]
fn idle_connections_leave_descriptors_under_a_hard_limit() {
    let mut server = start_through("", &["prlimit", "--nofile=1024:1024"]);
    let (seen, _idle) =
        beside(&server, SECONDS, || attackers(1_400).map(|from| connect(&server, from)).collect::<Vec<_>>());
    seen.assert_served("idle connections under a hard limit");
    assert!(server.stop().success());
    let log = server.log_text();
    assert!(log.contains("server.max_connections is lowered") && !log.contains("not accepted"), "{log}");
}

/// Who is closed comes again at once, more often than there may be connections.
#[test]
fn attackers_that_reconnect_shut_nobody_out() {
    let server = start("");
    let stop = AtomicBool::new(false);
    let (seen, opened) = beside(&server, Duration::ZERO, || {
        std::thread::scope(|scope| {
            let reconnect = |from| {
                let (server, stop) = (&server, &stop);
                move || {
                    let (mut held, mut opened) = (VecDeque::new(), 0_usize);
                    while !stop.load(Ordering::Relaxed) {
                        held.push_back(connect(server, from));
                        opened += 1;
                        if held.len() > 200 {
                            held.pop_front();
                        }
                    }
                    opened
                }
            };
            let threads: Vec<_> = ATTACKERS.map(|from| scope.spawn(reconnect(from))).collect();
            std::thread::sleep(SECONDS);
            stop.store(true, Ordering::Relaxed);
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        })
    });
    assert!(opened > 1_600, "{opened}");
    seen.assert_served("attackers that reconnect");
}

/// CPU time of the process, in ticks of 10 ms.
fn ticks(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_form_of_100000_fields_costs_no_more_than_a_login() {
    let server = start("max_posts_per_minute = 1000000");
    let fields = "&a=".repeat(100_000);
    let form = format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n{fields}", fields.len());
    let before = ticks(&server);
    for _ in 0..60 {
        let answer = ask(address(&server), 2, form.as_bytes()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("form_malformed"), "{answer}");
    }
    let forms = ticks(&server) - before;
    for _ in 0..60 {
        sign_in(&server.base_url, address(&server)).unwrap();
    }
    let logins = ticks(&server) - before - forms;
    assert!(forms <= 2 * logins + 5, "{forms} ticks for 60 forms, {logins} for 60 logins");
}

/// Standard output and standard error are a pipe that nobody reads.
#[test]
fn output_that_nobody_reads_stops_nothing() {
    let (_never_read, output) = std::io::pipe().unwrap();
    let mut server = start_writing_into("", Some(output));
    let (seen, ()) = beside(&server, SECONDS, || {
        // Each leaves a line of 200 bytes; a pipe holds 64 KB.
        for _ in 0..800 {
            let request = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            assert!(ask(address(&server), 2, request).unwrap().starts_with("HTTP/1.1 404 "));
        }
    });
    seen.assert_served("output that nobody reads");
    assert_eq!(Browser::new().get(&format!("{}/healthz", server.admin_url), &[]).status, 200);
    // A stop does not wait for a reader either.
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// No client can send it, but a rotation of logs does, and so does a closed terminal. It
/// ended the process at once, with every login in it.
#[test]
fn a_hang_up_ends_nothing() {
    let mut server = start("");
    let path = server.path("vestibule.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let (seen, ()) = beside(&server, SECONDS, || {
        for round in 0..40 {
            match round % 4 {
                0 => std::fs::write(&path, &good).unwrap(),
                1 => std::fs::write(&path, &good[..good.len() / 3]).unwrap(),
                2 => std::fs::remove_file(&path).unwrap(),
                _ => std::fs::write(&path, [0xff; 1_000]).unwrap(),
            }
            server.hang_up();
            std::thread::sleep(Duration::from_millis(75));
        }
    });
    seen.assert_served("hang-ups");
    assert!(server.stop().success());
    let log = server.log_text();
    assert!(log.contains("configuration reloaded") && log.contains("is not reloaded"), "{log}");
}

#[test]
fn no_host_or_two_is_refused() {
    let server = start("");
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let request = format!("GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = ask(address(&server), 2, request.as_bytes()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
    }
}

/// Sends one request after the other from all attackers, about as many a second.
fn junk(server: &Server, request: &[u8], a_second: u64, stop: &AtomicBool) -> u64 {
    let sent = AtomicU64::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for from in ATTACKERS {
            let sent = &sent;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let due = began.elapsed().as_millis() as u64 * a_second / 1_000;
                    if sent.load(Ordering::Relaxed) >= due {
                        std::thread::sleep(Duration::from_millis(2));
                        continue;
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    let answer = ask(address(server), from, request).unwrap_or_default();
                    assert!(
                        !answer.starts_with("HTTP/1.1 5") || answer.contains("retry-after: "),
                        "{answer}"
                    );
                }
            });
        }
    });
    sent.into_inner()
}

/// How many a second are answered at most, measured for a second.
fn capacity(server: &Server, request: &[u8]) -> u64 {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let junk = scope.spawn(|| junk(server, request, 1_000_000, &stop));
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        junk.join().unwrap()
    })
}

/// Half of the measured capacity, for some seconds.
fn beside_junk(server: &Server, attack: &str, request: &[u8]) {
    let half = capacity(server, request) / 2;
    let (seen, sent) = beside(server, Duration::ZERO, || {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let junk = scope.spawn(|| junk(server, request, half, &stop));
            std::thread::sleep(SECONDS);
            stop.store(true, Ordering::Relaxed);
            junk.join().unwrap()
        })
    });
    assert!(sent > half, "{attack}: {sent} sent, {half} a second wanted");
    seen.assert_served(attack);
}

/// A genuine response, changed in one byte: everything up to the signature is done.
fn junk_post(server: &Server) -> Vec<u8> {
    let xml = assertion(&server.base_url).xml().replacen("paula", "paulo", 1);
    post(&xml, "page-junk-junk-junk-junk##xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "")
}

#[test]
fn junk_posts_at_half_of_the_capacity_shut_nobody_out() {
    let server = start("max_posts_per_minute = 1000000");
    beside_junk(&server, "junk posts", &junk_post(&server));
}

#[test]
fn junk_tickets_do_not_shut_takes() {
    let server = start("max_posts_per_minute = 1000000");
    let request = "GET /saml HTTP/1.1\r\nHost: x\r\nConnection: close\r\nVestibule-Verifier: x\r\n\
                   Authorization: Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.e30.x\r\n\r\n";
    beside_junk(&server, "junk tickets", request.as_bytes());
}

/// As shipped, one address gets so far.
#[test]
fn one_address_meets_its_limit_and_nobody_else_does() {
    let server = start("");
    let request = junk_post(&server);
    let (seen, refused) = beside(&server, Duration::ZERO, || {
        let answers = (0..600).map(|_| ask(address(&server), 2, &request).unwrap());
        answers.filter(|answer| answer.starts_with("HTTP/1.1 429 ")).count()
    });
    assert!(refused > 100, "{refused} of 600");
    seen.assert_served("one address");
}

/// Where the proxy is trusted, its clients are told apart.
#[test]
fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own() {
    let server =
        start("trusted_proxies = [\"127.0.0.1/8\"]\nmax_posts_per_minute = 8".replace("/8", "/32").as_str());
    let junk = |client: &str| {
        let headers = format!("X-Forwarded-For: {client}\r\n");
        let request = post("<x/>", "none", &headers);
        ask(address(&server), 1, &request).unwrap().get(9..12).unwrap().to_owned()
    };
    assert_eq!([junk("192.0.2.1"), junk("192.0.2.1"), junk("192.0.2.1")], ["400", "400", "429"]);
    assert_eq!([junk("192.0.2.2"), junk("2001:db8::1"), junk("2001:db8::2")], ["400"; 3]);
    assert_eq!(junk("2001:db8::3"), "429", "a /64 is one client");
}

#[test]
fn all_together() {
    let server = start("max_posts_per_minute = 1000000");
    let junk_request = junk_post(&server);
    let half = capacity(&server, &junk_request) / 2;
    let fields = "&".repeat(100_000);
    let form = format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n{fields}", fields.len());
    let (seen, _held) = beside(&server, Duration::ZERO, || {
        let mut held: Vec<_> = attackers(400).map(|from| connect(&server, from)).collect();
        held.extend(attackers(128).map(|from| slow_body(&server, from)));
        held.extend(attackers(400).map(|from| slow_reader(&server, from)));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let junk = scope.spawn(|| junk(&server, &junk_request, half / 2, &stop));
            let forms = scope.spawn(|| junk_forms(&server, form.as_bytes(), &stop));
            std::thread::sleep(SECONDS);
            stop.store(true, Ordering::Relaxed);
            junk.join().unwrap();
            forms.join().unwrap();
        });
        held
    });
    seen.assert_served("all together");
}

fn junk_forms(server: &Server, form: &[u8], stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        // It may be told that there are too many, in the middle of its form.
        let _ = ask(address(server), 3, form);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Requests with some bytes changed, cut out, or doubled: each is answered or closed, soon,
/// and none is a fault of ours.
#[test]
fn requests_with_random_changes_get_an_answer_or_a_close() {
    const LONGEST: Duration = Duration::from_secs(5);
    let server = start("max_posts_per_minute = 1000000");
    let seeds = [
        junk_post(&server),
        b"GET /saml HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\nCOGNITO_ID: x\r\n\r\n".to_vec(),
        b"GET /saml/login?idp=ADFS&RelayState=x%23%23y HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n".to_vec(),
        b"POST /saml HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n".to_vec(),
        b"OPTIONS /saml HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nConnection: close\r\n\r\n".to_vec(),
    ];
    // Splitmix64 from a fixed seed: what fails, fails again.
    let mut state = 0x5EED_u64;
    let mut random = |below: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from(mixed ^ (mixed >> 31)).unwrap() % below
    };
    for round in 0..400 {
        let mut request = seeds[round % seeds.len()].clone();
        for _ in 0..=random(4) {
            // Most of it is in the head, whatever the body's length.
            let head = request.len().min(400);
            let at = random(head);
            match random(4) {
                0 => request[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(request.drain(at..(at + 1 + random(20)).min(head))),
                2 => request.insert(at, [b'\r', b'\n', b':', 0, b' ', 0xff][random(6)]),
                _ => {
                    let part = request[at..(at + 1 + random(60)).min(head)].to_vec();
                    request.splice(at..at, part);
                }
            }
        }
        let mut stream = connect(&server, 2);
        let began = Instant::now();
        // It may be refused and closed before all of it is there.
        let _ = stream.write_all(&request).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
        let (answer, sent) = (String::from_utf8_lossy(&answer), String::from_utf8_lossy(&request));
        let sent: String = sent.chars().take(200).collect();
        assert!(began.elapsed() < LONGEST, "{round}: no end of {sent:?}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{round}: {sent:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 5"), "{round}: {sent:?}: {answer}");
    }
    sign_in(&server.base_url, address(&server)).unwrap();
    let log = server.log_text();
    assert!(!log.contains("ERROR") && !log.contains("panic"), "{log}");
}

/// Bytes that are no request, or an odd one.
#[test]
fn nothing_that_a_client_sends_is_our_fault() {
    let server = start("");
    let long = "a".repeat(20_000);
    let heads = [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /saml< HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET //evil.example/%2f.. HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "BREW /saml HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /saml HTTP/1.1\r\nHost: \r\n\r\n",
        "GET /saml HTTP/1.1\r\nHost: x\r\nAuthorization: \u{ff}\u{fe}\r\n\r\n",
        "GET /saml/login?%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /saml/login?RelayState=%00&idp=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /saml HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /saml HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST /saml HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /authorizer HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]",
        "POST /authorizer HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{\"a\"",
        "GET /users HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=////, SignedHeaders=;;, Signature=\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nRange: bytes=9-1\r\nIf-None-Match: \"\r\nAccept: ;;;q=x\r\n\r\n",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {}\r\n\r\n", "1,".repeat(5_000)),
    ]);
    for head in heads {
        let mut stream = connect(&server, 2);
        stream.write_all(head.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let head: String = head.chars().take(80).collect();
        assert!(!answer.starts_with("HTTP/1.1 5"), "{head:?}: {answer}");
    }
    sign_in(&server.base_url, address(&server)).unwrap();
    let log = server.log_text();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
