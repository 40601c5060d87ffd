//! By hand: a soak, and what a login costs beside another binary.

use super::honest::{Seen, sign_in};
use super::support::process::{Process, remove_configuration};
use super::support::server::Server;
use super::target::{address, start};
use std::net::SocketAddr;
use std::path::Path;
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
    let server = start(OF_THIS);
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

/// An option that the other binary may not know.
const OF_THIS: &str = "max_posts_per_minute = 1000000";

/// Another binary on the files and ports of a server that was stopped.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(binary: &str, config: &Path, server: &Server) -> Other {
    let mut command = Command::new(binary);
    // `VESTIBULE_OLD` is no option.
    remove_configuration(&mut command);
    command.arg("serve").arg("--config").arg(config).current_dir(server.dir.path());
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

/// This binary and `VESTIBULE_OLD`, both running, in blocks of logins by turns: how fast the
/// machine is changes within seconds. Each has a new database, whose write-ahead log has
/// grown to its length: until it starts over, each commit writes the file's new length too.
#[test]
#[ignore = "needs another binary"]
fn cpu_of_an_honest_login_beside_another_binary() {
    let old = std::env::var("VESTIBULE_OLD").expect("VESTIBULE_OLD names another vestibule");
    let block = from_environment("VESTIBULE_LOGINS", 50);
    let started = [env!("CARGO_BIN_EXE_vestibule"), &old].map(|binary| {
        let mut server = start(OF_THIS);
        assert!(server.stop().success());
        for name in ["vestibule.db", "vestibule.db-wal", "vestibule.db-shm", "keys", "sts-key"] {
            let _ = std::fs::remove_file(server.path(name));
        }
        let config = server.path("other.toml");
        let mut text = std::fs::read_to_string(server.path("vestibule.toml")).unwrap();
        if binary == old {
            text = text.replace(OF_THIS, "");
        }
        std::fs::write(&config, text).unwrap();
        (run(binary, &config, &server), server)
    });
    let cost_of = |(process, server): &(Other, Server), logins| {
        cpu(process.0.id(), &server.base_url, address(server), logins)
    };
    for server in &started {
        cost_of(server, 500);
    }
    let mut ratios = Vec::new();
    let mut sums = [0.0; 2];
    for _ in 0..from_environment("VESTIBULE_ROUNDS", 60) {
        let costs = started.each_ref().map(|server| cost_of(server, block));
        let [new, old] = costs;
        ratios.push(new / old);
        sums = [sums[0] + new, sums[1] + old];
    }
    ratios.sort_by(f64::total_cmp);
    let [new, old] = sums.map(|sum| sum / ratios.len() as f64);
    println!(
        "{new:.0} us, the other {old:.0} us; median of {}: {:.3}",
        ratios.len(),
        ratios[ratios.len() / 2]
    );
}
