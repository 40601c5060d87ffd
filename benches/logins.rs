//! Whole logins, by servers as they are deployed: each binary named is started with
//! everything embedded, and 32 clients post distinct assertions of 7 KB. Several binaries,
//! of two commits for example, take turns in one run; the first is the one that the others
//! are compared with.
//!
//! ```sh
//! cargo bench --bench logins                          # this one alone
//! cargo bench --bench logins -- BEFORE/vestibule target/release/vestibule
//! ```
//!
//! Clients and server share the cores, as on the machine that is to be compared. CPU is the
//! server's own, user and system, from /proc.
// A benchmark is about the clock.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::forge::Forge;
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::test_service::Page;
use support::wire::saml_post;

const CLIENTS: usize = 32;
const LOGINS: usize = 4_000;
/// Before the clock runs: caches and branches of a server that has just started.
const WARM_UP: usize = 400;
const ROUNDS: usize = 5;

/// All of them come from one address, and the forge's responses are for another one.
const SERVER: &str = "[server]\nmax_posts_per_minute = 1000000";
const PUBLIC_URL: &str = "public_url = \"https://vestibule.example.com\"";

fn main() {
    let mut binaries: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").map(PathBuf::from).collect();
    if binaries.is_empty() {
        binaries.push(env!("CARGO_BIN_EXE_vestibule").into());
    }
    println!("{LOGINS} logins by {CLIENTS} clients, the best of {ROUNDS} rounds");
    let mut best = vec![Round::WORST; binaries.len()];
    for _ in 0..ROUNDS {
        for (best, binary) in best.iter_mut().zip(&binaries) {
            let round = round(binary);
            best.per_second = best.per_second.max(round.per_second);
            best.cpu_micros = best.cpu_micros.min(round.cpu_micros);
            best.p99 = best.p99.min(round.p99);
            best.resident_mb = round.resident_mb;
        }
    }
    println!(
        "{:>10} {:>8} {:>14} {:>8} {:>10}",
        "logins/s", "of first", "CPU us/login", "of first", "p99 ms, MB"
    );
    let first = best[0];
    for (round, binary) in best.iter().zip(&binaries) {
        println!(
            "{:>10.0} {:>8.2} {:>14.0} {:>8.2} {:>6.1} {:>3}  {}",
            round.per_second,
            round.per_second / first.per_second,
            round.cpu_micros,
            round.cpu_micros / first.cpu_micros,
            round.p99.as_secs_f64() * 1_000.0,
            round.resident_mb,
            binary.display()
        );
    }
}

#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    cpu_micros: f64,
    p99: Duration,
    resident_mb: u64,
}

impl Round {
    const WORST: Self = Self { per_second: 0.0, cpu_micros: f64::MAX, p99: Duration::MAX, resident_mb: 0 };
}

/// One server, from an empty store.
fn round(binary: &Path) -> Round {
    let config = format!("{EMBEDDED}{}", ADFS.replace("contains = \"Prod\"", "equals = \"ADFS-Account000\""));
    let config = config.replace("[server]", SERVER).replace("public_url = \"@URL@\"", PUBLIC_URL);
    let config = format!("{config}\n[log]\nlevel = \"error\"\n");
    let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).binary(binary).start();
    // Signing is the identity provider's work: done before the clock runs.
    let requests: Vec<Vec<u8>> = (0..WARM_UP + LOGINS).map(request).collect();
    let (warm_up, requests) = requests.split_at(WARM_UP);
    let address = server.base_url.trim_start_matches("http://");
    post(address, warm_up);
    let (before, began) = (cpu_ticks(&server), Instant::now());
    let mut latencies = post(address, requests);
    let elapsed = began.elapsed();
    let ticks = cpu_ticks(&server) - before;
    latencies.sort_unstable();
    let number = LOGINS as f64;
    Round {
        per_second: number / elapsed.as_secs_f64(),
        // A tick is a hundredth of a second (proc(5), sysconf(_SC_CLK_TCK) on Linux).
        cpu_micros: ticks as f64 * 10_000.0 / number,
        p99: latencies[LOGINS * 99 / 100],
        resident_mb: resident_mb(&server),
    }
}

/// A whole HTTP request, of a person of its own.
fn request(number: usize) -> Vec<u8> {
    let response =
        Forge { roles: Forge::of_size(7_000).roles, ..Forge::issued_now(&format!("_assertion-{number:08}")) };
    saml_post(&response.xml(), &Page::new(u32::try_from(number).unwrap()).relay_state())
}

/// How long each took.
fn post(address: &str, requests: &[Vec<u8>]) -> Vec<Duration> {
    let (next, latencies) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(requests.len())));
    std::thread::scope(|threads| {
        for _ in 0..CLIENTS {
            threads.spawn(|| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut own, mut answer) = (Vec::new(), vec![0; 16 * 1024]);
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    stream.write_all(request).unwrap();
                    let mut length = 0;
                    // A redirect has no body.
                    while !answer[..length].ends_with(b"\r\n\r\n") {
                        let read = stream.read(&mut answer[length..]).unwrap();
                        assert!(read > 0, "the connection ended");
                        length += read;
                        let is_login = answer.starts_with(b"HTTP/1.1 302");
                        assert!(is_login, "{}", String::from_utf8_lossy(&answer[..length]));
                    }
                    own.push(began.elapsed());
                }
                latencies.lock().unwrap().append(&mut own);
            });
        }
    });
    latencies.into_inner().unwrap()
}

fn proc(server: &Server, name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{name}", server.id())).unwrap()
}

fn cpu_ticks(server: &Server) -> u64 {
    let stat = proc(server, "stat");
    // Behind the name, which may have blanks: utime is the 14th field, stime the 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn resident_mb(server: &Server) -> u64 {
    let status = proc(server, "status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
