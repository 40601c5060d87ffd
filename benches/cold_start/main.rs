//! The part of a cold start that is ours: from the start of the process until it
//! asks for its first event, and from that event to its answer. Ours beside the
//! least function that the same runtime can be, in turns, all in one run.
//!
//! ```sh
//! cargo bench --bench cold_start
//! ```
// Measuring is reading the clock, and printing the result is the purpose.
#![allow(clippy::disallowed_methods)]

#[path = "../../tests/support/mod.rs"]
mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::cloud::{Cloud, FORM, VERIFIER, form, rest, ticket_of};
use support::lambda_runtime::LambdaHost;

const RUNS: usize = 40;
/// For what asks the emulators, whose time is in it.
const LOGINS: usize = 10;

fn main() {
    let (ours, least) = (Path::new(env!("CARGO_BIN_EXE_vestibule")), minimal());
    let megabytes = |path: &Path| std::fs::metadata(path).unwrap().len() as f64 / 1e6;
    println!("binaries: ours {:.1} MB, the least {:.1} MB", megabytes(ours), megabytes(&least));

    let cloud = Cloud::start();
    let page = rest("GET", "/saml/metadata", &[], None);
    let (mut ours, mut least) = (Times::default(), Times::default());
    // Whichever comes first has the colder machine.
    for run in 0..RUNS {
        for turn in [run % 2, (run + 1) % 2] {
            if turn == 0 {
                ours.add(&cloud.function("http"), &page);
            } else {
                least.add(&LambdaHost::start(&minimal_path(), &[], &[]), &page);
            }
        }
    }
    println!("median (and 90th percentile) of {RUNS}, in turns:");
    compare("init", &mut ours.init, &mut least.init);
    compare("first event (ours: GET /saml/metadata)", &mut ours.first, &mut least.first);

    let mut logins: Vec<_> = (0..LOGINS).map(|run| login(&cloud, run)).collect();
    println!("first event, a whole login (STS, DynamoDB and KMS on loopback): {}", both(&mut logins));
}

/// The first login that a new function sees, and its session out of the way.
fn login(cloud: &Cloud, run: usize) -> Duration {
    let function = cloud.function("http");
    let event = rest("POST", "/saml", &[FORM], Some(&form(&format!("_cold_{run}"))));
    let (time, answer) = timed(&function, &event);
    assert_eq!(answer["statusCode"], 302, "{answer}");
    let bearer = format!("Bearer {}", ticket_of(&answer));
    let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
    assert_eq!(function.invoke(&rest("GET", "/saml", &headers, None)).unwrap()["statusCode"], 200);
    time
}

#[derive(Default)]
struct Times {
    init: Vec<Duration>,
    first: Vec<Duration>,
}

impl Times {
    fn add(&mut self, function: &LambdaHost, event: &Value) {
        self.init.push(function.init);
        let (time, answer) = timed(function, event);
        assert_eq!(answer["statusCode"], 200, "{answer}");
        self.first.push(time);
    }
}

fn timed(function: &LambdaHost, event: &Value) -> (Duration, Value) {
    let sent = Instant::now();
    let answer = function.invoke(event).unwrap();
    (sent.elapsed(), answer)
}

fn compare(what: &str, ours: &mut [Duration], least: &mut [Duration]) {
    let ratio = median(ours).as_secs_f64() / median(least).as_secs_f64();
    println!("{what}: ours {}, the least {}, ratio {ratio:.2}", both(ours), both(least));
}

fn both(times: &mut [Duration]) -> String {
    format!("{} ({})", shown(median(times)), shown(times[times.len() * 9 / 10]))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn minimal_path() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_vestibule")).with_file_name("examples").join("minimal_lambda")
}

/// Built as ours was: beside it, by the same profile.
fn minimal() -> PathBuf {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--quiet", "--example", "minimal_lambda"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    minimal_path()
}
