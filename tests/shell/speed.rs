//! How long `credentials` takes from a file cache: AWS's tools wait for it at each start.
//!
//! `VESTIBULE_AWSCLI=aws cargo test --release --test shell speed -- --nocapture` compares with
//! `aws configure list`, which runs our `credential_process` and shows what it got. (PyPI's awscli
//! 1.46 has no `export-credentials`.)

use crate::person::{Computer, outcome};
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
    let Some(awscli) = std::env::var_os("VESTIBULE_AWSCLI") else { return };
    computer.succeeds(&["profiles", "--write"]);
    let list = || {
        let mut command = Command::new(&awscli);
        computer.at_home(&mut command);
        command.args(["configure", "list", "--profile", "123456789012-Reader"]);
        let (code, out, said) = outcome(&command.output().unwrap());
        assert!(code == 0 && out.contains("custom-process"), "{out}{said}");
    };
    let theirs = median(list, 15);
    println!("aws configure list: {theirs:?}, {:.0} times", theirs.as_secs_f64() / ours.as_secs_f64());
}
