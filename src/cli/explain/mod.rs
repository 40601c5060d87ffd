//! `vestibule explain`: why a response would be accepted or refused, step by step.
//!
//! Offline, and by the very functions that judge in the service (`judge.rs`):
//! the steps printed are those that they traced. What only the service can know (used
//! assertions, AuthnRequests, STS) is listed as not checked.

mod input;
mod judge;
mod report;

pub use judge::{Clock, InTime, Judged, Judgement, judge};

use super::runtime::{EX_CONFIG, in_runtime};
use crate::config::Config;
use crate::http::can_start;
use crate::service::load::{self, fetch_metadata, fetch_parameters};
use crate::system::{SystemClock, print_message, print_result};
use clap::Args;
use input::Input;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

/// Far beyond every limit on a response; only keeps a wrong FILE out of memory.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Exit code for a FILE that cannot be read, as for any wrong argument.
const EX_USAGE: u8 = 2;

#[derive(Args)]
pub(super) struct Options {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "config/vestibule.toml")]
    config: PathBuf,
    /// Ask the Parameter Store for values that are references (ssm:…), and the
    /// URLs that metadata stands at; else a configuration that needs them is not usable
    #[arg(long)]
    resolve: bool,
    /// Judge as of this instant: RFC 3339 (2026-11-23T09:00:00Z), `now`, or
    /// `issued`, when the assertion says it was issued
    #[arg(long, value_name = "INSTANT", default_value = "now", value_parser = instant)]
    at: At,
    /// The RelayState that came with it, where FILE does not have it
    #[arg(long, value_name = "TEXT")]
    relay_state: Option<String>,
    /// Also print the values about the person (NameID, roles, groups …)
    #[arg(long)]
    show_values: bool,
    /// One JSON object instead of words (docs/OPERATING.md describes it)
    #[arg(long)]
    json: bool,
    /// The response: XML, the base64 field, or the form from a browser's
    /// developer tools (SAMLResponse=…&RelayState=…); `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// `--at`
#[derive(Clone, Copy)]
enum At {
    Now,
    Issued,
    Instant(OffsetDateTime),
}

fn instant(text: &str) -> Result<At, String> {
    match text {
        "now" => Ok(At::Now),
        "issued" => Ok(At::Issued),
        text => OffsetDateTime::parse(text, &Rfc3339)
            .map(At::Instant)
            .map_err(|_| "neither `now` nor `issued` nor an instant like 2026-11-23T09:00:00Z".to_owned()),
    }
}

pub(super) fn run(options: &Options, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    let file = match read(&options.file) {
        Ok(file) => file,
        Err(sentence) => {
            print_message(&format!("vestibule: {sentence}"));
            return ExitCode::from(EX_USAGE);
        }
    };
    let mut code = ExitCode::from(EX_CONFIG);
    let ended = in_runtime(async {
        let config = configuration(options, environment).await?;
        code = explain(options, &config, &file);
        Ok(())
    });
    if ended == ExitCode::SUCCESS { code } else { ended }
}

fn explain(options: &Options, config: &Config, file: &[u8]) -> ExitCode {
    use crate::broker::ports::Clock as _;
    let input = Input::read(file, options.relay_state.as_deref());
    let clock = match options.at {
        At::Now => Clock::At(SystemClock.now()),
        At::Issued => Clock::Issued { otherwise: SystemClock.now() },
        At::Instant(at) => Clock::At(at),
    };
    let asked = match options.at {
        At::Now => "now",
        At::Issued => "issued",
        At::Instant(_) => "given",
    };
    let judgement = match &input.posted {
        Ok(posted) => {
            let (response, relay_state) = (&posted.saml_response, posted.relay_state.as_ref());
            let relay_state = relay_state.map(|text| text.as_str());
            let judged = judge(&config.broker, response, relay_state, clock, options.show_values);
            // As `http/login.rs` does for a person's browser.
            let portal = relay_state.and_then(|text| config.broker.portal(response, Some(text)));
            let sign_on = portal.and_then(|idp| config.sign_on.iter().find(|sign_on| sign_on.name == idp));
            match sign_on.filter(|sign_on| can_start(&config.broker, sign_on)) {
                Some(sign_on) => judged.of_a_portal(sign_on.name.clone()),
                None => judged,
            }
        }
        Err(refusal) => Judgement::of_no_form(refusal.clone(), clock),
    };
    let report = report::Report { form: input.form, asked, service: &config.broker.service, judgement };
    print_result(&if options.json { report.json() } else { report.text() });
    ExitCode::from(u8::from(report.is_refused()))
}

/// Offline like `check`, with every fault at once.
async fn configuration(
    options: &Options,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    let mut draft = load::read(&options.config, environment)?;
    if options.resolve {
        draft = fetch_metadata(fetch_parameters(draft).await?, false).await;
    }
    let checked = load::check(&options.config, draft)?;
    for (key, parameter) in &checked.unknown {
        print_message(&format!("{key} stands in the Parameter Store ({parameter}); --resolve asks it"));
    }
    for (key, url) in &checked.unfetched {
        print_message(&format!("{key} stands at {url}; --resolve asks it"));
    }
    checked.config.ok_or_else(|| format!("{} is not complete without them", options.config.display()))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(Vec::new());
    let (name, outcome) = if path == Path::new("-") {
        ("standard input".to_owned(), std::io::stdin().take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
    } else {
        let opened = std::fs::File::open(path);
        let read = opened.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        (path.display().to_string(), read)
    };
    match outcome {
        Err(e) => Err(format!("{name} cannot be read: {e}")),
        Ok(0) => Err(format!("{name} is empty; it must hold a response: XML, base64, or the posted form")),
        Ok(_) if bytes.len() as u64 > MAX_FILE_BYTES => {
            Err(format!("{name} is longer than any response; is it the right file?"))
        }
        Ok(_) => Ok(bytes),
    }
}
