//! By hand: a soak, and what a login costs beside another binary.

use super::honest::{Seen, sign_in};
use super::support::process::{Process, remove_configuration};
use super::support::server::Server;
use super::target::{address, start};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn of_process(id: u32, file: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

fn database_bytes(server: &Server) -> u64 {
    let length = |name: &str| std::fs::metadata(server.path(name)).map_or(0, |meta| meta.len());
    length("vestibule.db") + length("vestibule.db-wal")
}

/// `VESTIBULE_SOAK` seconds at `VESTIBULE_RATE` logins a second, with their takes.
#[test]
#[ignore = "takes an hour"]
fn soak() {
    let (seconds, rate) = (from_environment("VESTIBULE_SOAK", 3_600), from_environment("VESTIBULE_RATE", 20));
    let server = start("max_posts_per_minute = 1000000");
    let id = server.id();
    let (quarter, pause) =
        (Duration::from_secs(seconds) / 4, Duration::from_secs(1) / u32::try_from(rate).unwrap());
    println!(
        "  seconds  logins  failed  p50 us  p99 us  max us  RSS KB  descriptors  database KB  writes/login"
    );
    let (began, mut logins) = (Instant::now(), 0_u64);
    for part in 0..5 {
        let mut seen = Seen::default();
        // The first, short one warms up.
        let until = if part == 0 { began + quarter / 20 } else { began + quarter * part };
        let written = of_process(id, "io", "syscw");
        let mut due = Instant::now();
        while Instant::now() < until {
            match sign_in(&server.base_url, address(&server)) {
                Ok(waits) => seen.waits.extend(waits),
                Err(failure) => seen.failures.push(failure),
            }
            due += pause;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let in_this = seen.waits.len() as u64 / 2;
        logins += in_this;
        let descriptors = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
        println!(
            "  {:7}  {logins:6}  {:6}  {:6}  {:6}  {:6}  {:6}  {descriptors:11}  {:11}  {:12.1}",
            began.elapsed().as_secs(),
            seen.failures.len(),
            seen.percentile(50).as_micros(),
            seen.percentile(99).as_micros(),
            seen.percentile(100).as_micros(),
            of_process(id, "status", "VmRSS"),
            database_bytes(&server) / 1_024,
            (of_process(id, "io", "syscw") - written) as f64 / in_this as f64,
        );
        assert!(seen.failures.is_empty(), "{:?}", seen.failures.first());
    }
}

/// Another binary on the files and ports of a server that was stopped.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(binary: &str, server: &Server) -> Other {
    let mut command = Command::new(binary);
    // `VESTIBULE_OLD` is no option.
    remove_configuration(&mut command);
    command.arg("serve").arg("--config").arg(server.path("vestibule.toml")).current_dir(server.dir.path());
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let other = Other(command.spawn().unwrap());
    Process::wait_until_answers(&format!("{}/readyz", server.admin_url));
    other
}

/// CPU time in microseconds of one login and its take. The scheduler counts nanoseconds;
/// the ticks of `/proc/PID/stat` are samples, which short work between waits falls through.
fn cpu(id: u32, url: &str, address: SocketAddr, logins: u64) -> f64 {
    let nanoseconds = || {
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let of_thread = |thread: std::fs::DirEntry| {
            // One that has ended just now has none.
            let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            text.split_whitespace().next().map_or(0, |n| n.parse::<u64>().unwrap())
        };
        threads.map(|thread| of_thread(thread.unwrap())).sum::<u64>()
    };
    let before = nanoseconds();
    for _ in 0..logins {
        sign_in(url, address).unwrap();
    }
    (nanoseconds() - before) as f64 / 1_000.0 / logins as f64
}

/// Rounds of this binary and of `VESTIBULE_OLD`, one after the other, each on a new database.
#[test]
#[ignore = "needs another binary"]
fn cpu_of_an_honest_login_beside_another_binary() {
    let old = std::env::var("VESTIBULE_OLD").expect("VESTIBULE_OLD names another vestibule");
    let logins = from_environment("VESTIBULE_LOGINS", 1_500);
    let mut sums = [0.0; 2];
    for round in 0..from_environment("VESTIBULE_ROUNDS", 5) {
        for (which, binary) in [env!("CARGO_BIN_EXE_vestibule"), &old].into_iter().enumerate() {
            let mut server = start("");
            assert!(server.stop().success());
            for name in ["vestibule.db", "vestibule.db-wal", "vestibule.db-shm", "keys", "sts-key"] {
                let _ = std::fs::remove_file(server.path(name));
            }
            // Options that an older one does not know are not in this configuration.
            let other = run(binary, &server);
            let cost = cpu(other.0.id(), &server.base_url, address(&server), logins);
            println!("round {round}: {} {cost:.0} us", ["new", "old"][which]);
            sums[which] += cost;
        }
    }
    println!("new/old: {:.3}", sums[0] / sums[1]);
}
