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

#[path = "../tests/support/forge.rs"]
mod forge;

use base64::{Engine, engine::general_purpose::STANDARD};
use forge::Forge;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 32;
const LOGINS: usize = 4_000;
/// Before the clock runs: caches and branches of a server that has just started.
const WARM_UP: usize = 400;
const ROUNDS: usize = 5;

const CONFIG: &str = r#"
[server]
listen = "@LISTEN@"
admin_listen = "127.0.0.1:0"
public_url = "https://vestibule.example.com"
# All of them come from one address.
max_posts_per_minute = 1000000

[saml]
max_response_chars = 100000

[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "@METADATA@"

[sts]
kind = "local"
path = "@DIR@/sts-key"

[store]
kind = "embedded"
path = "@DIR@/vestibule.db"

[keys]
kind = "local"
path = "@DIR@/keys"

[log]
level = "error"

[[rule]]
name = "production"
when.role_name = { equals = "ADFS-Account000" }
"#;

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
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(binary, dir.path());
    // Signing is the identity provider's work: done before the clock runs.
    let requests: Vec<Vec<u8>> = (0..WARM_UP + LOGINS).map(request).collect();
    let (warm_up, requests) = requests.split_at(WARM_UP);
    post(server.address, warm_up);
    let (before, began) = (server.cpu_ticks(), Instant::now());
    let mut latencies = post(server.address, requests);
    let elapsed = began.elapsed();
    let ticks = server.cpu_ticks() - before;
    latencies.sort_unstable();
    let number = LOGINS as f64;
    Round {
        per_second: number / elapsed.as_secs_f64(),
        // A tick is a hundredth of a second (proc(5), sysconf(_SC_CLK_TCK) on Linux).
        cpu_micros: ticks as f64 * 10_000.0 / number,
        p99: latencies[LOGINS * 99 / 100],
        resident_mb: server.resident_mb(),
    }
}

/// A whole HTTP request, of a person of its own.
fn request(number: usize) -> Vec<u8> {
    let response =
        Forge { roles: Forge::of_size(7_000).roles, ..Forge::issued_now(&format!("_assertion-{number:08}")) };
    let relay_state = format!("session-of-page-{number:06}##{:A>43}", "");
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(response.xml()))
        .append_pair("RelayState", &relay_state)
        .finish();
    format!(
        "POST /saml HTTP/1.1\r\nHost: vestibule.example.com\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// How long each took.
fn post(address: SocketAddr, requests: &[Vec<u8>]) -> Vec<Duration> {
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

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(binary: &Path, dir: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let metadata = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/FederationMetadata.xml");
        let config = CONFIG
            .replace("@LISTEN@", &address.to_string())
            .replace("@METADATA@", metadata)
            .replace("@DIR@", dir.to_str().unwrap());
        let file = dir.join("vestibule.toml");
        std::fs::write(&file, config).unwrap();
        let process = Command::new(binary)
            .args(["serve", "--config"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let server = Self { process, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "{} does not start", binary.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.process.id())).unwrap()
    }

    fn cpu_ticks(&self) -> u64 {
        let stat = self.proc("stat");
        // Behind the name, which may have blanks: utime is the 14th field, stime the 15th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    fn resident_mb(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
