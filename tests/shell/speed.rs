//! How long `credentials` takes from a file cache: AWS's tools wait for it at each start.
//!
//! Beside `aws configure export-credentials` of Debian's awscli, in one run: that command with keys
//! from its own file, which is its start, and with our `credential_process` behind it.

use crate::person::Computer;
use crate::support::computer::outcome;
use crate::tools::AWSCLI;
use std::process::Command;
use std::time::{Duration, Instant};

const RUNS: usize = 100;
/// In a release build.
const AT_MOST: Duration = Duration::from_millis(15);

fn median(mut run: impl FnMut(), runs: usize) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[runs / 2]
}

#[test]
fn from_a_file_cache_it_takes_milliseconds() {
    let computer = Computer::signed_in();
    let arguments = ["credentials", "--no-login"];
    let ours = median(|| drop(computer.succeeds(&arguments)), RUNS);
    println!("credentials: {ours:?}");
    if !cfg!(debug_assertions) {
        assert!(ours < AT_MOST, "{ours:?}");
    }
    computer.succeeds(&["profiles", "--write"]);
    let keys = "[own]\naws_access_key_id = AKIA\naws_secret_access_key = x\n";
    std::fs::write(computer.home.path().join(".aws/credentials"), keys).unwrap();
    for profile in ["own", "123456789012-Reader"] {
        let export = || {
            let mut command = Command::new(AWSCLI);
            computer.at_home(&mut command);
            command.args(["configure", "export-credentials", "--format", "process", "--profile", profile]);
            let (code, out, said) = outcome(&command.output().unwrap());
            assert!(code == 0 && out.contains("SecretAccessKey"), "{out}{said}");
        };
        let theirs = median(export, 7);
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        println!("aws configure export-credentials, profile {profile}: {theirs:?}, {ratio:.0} times ours");
        assert!(ours < theirs, "{ours:?} {theirs:?}");
    }
}
