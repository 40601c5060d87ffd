//! `vestibule doctor`: is everything as it must be, and what to do if not.
//!
//! It changes nothing; the one exception is KMS, where a data key is made, opened
//! and discarded, since only its use shows that it can be used.

mod console;
mod files;
mod finding;
mod hub;
mod iam;
mod inspect;
mod kms;
mod permissions;
mod pin;
mod policy;
mod providers;
mod server;
mod source;
mod sts;
mod tables;
mod trust;

use super::runtime::in_runtime;
use crate::adapters::aws::Sdk;
use crate::adapters::keys_table_endpoint;
use crate::broker::ports::Clock;
use crate::config::{Config, Draft, Faults, Keys, Store, Sts, StsOperation};
use crate::roles::partition_of_region;
use crate::service::load::{fetch_metadata, fetch_parameters};
use crate::system::{SystemClock, print_result};
use clap::Args;
use finding::Report;
use inspect::{QueryService, TableInspector};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Options {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// One JSON object on standard output: the worst severity, and findings with
    /// check, severity, what and do
    #[arg(long)]
    json: bool,
    /// Exit code 1 also where something could not be looked at
    #[arg(long)]
    strict: bool,
    /// A role whose trust policy is looked at, beside those that rules name (may be repeated)
    #[arg(long = "role", value_name = "ARN")]
    roles: Vec<String>,
    /// The bucket that the page is served from: it must not be public
    #[arg(long, value_name = "NAME")]
    page_bucket: Option<String>,
}

pub(super) fn run(options: &Options, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    let mut report = Report::default();
    let ended = in_runtime(async {
        examine(options, environment, &mut report).await;
        Ok(())
    });
    if report.findings.is_empty() {
        return ended;
    }
    print_result(&if options.json { report.json() } else { report.text() });
    report.worst().exit_code(options.strict)
}

async fn examine(
    options: &Options,
    environment: impl Iterator<Item = (String, String)>,
    report: &mut Report,
) {
    let Some(config) = configuration(options, environment, report).await else { return };
    let clock = SystemClock;
    server::check(&config, report);
    providers::check(&config, clock.now(), report);
    providers::last_good(&config, clock.now(), report);
    files::check(&config, report);

    let sdk = Sdk::default();
    let mut table_arns = tables::Arns::default();
    if credentials(&sdk, &config, report).await {
        tables_and_keys(&sdk, &config, &mut table_arns, report).await;
    }
    match &config.sts {
        Sts::Aws { regions, endpoint, operation, .. } => {
            let caller = sts::check(&sdk, regions, endpoint.as_deref(), &clock, report).await;
            match operation {
                StsOperation::AssumeRoleWithSaml => {
                    iam::check(&sdk, &config, caller.as_deref(), &options.roles, &clock, report).await;
                }
                StsOperation::AssumeRole(settings) => {
                    let caller = caller.as_deref();
                    hub::check((&sdk, &clock), &config, settings, caller, &options.roles, report).await;
                }
            }
            if let (Some(caller), Some(region)) = (caller, regions.first()) {
                let simulator = QueryService::iam(&sdk, &clock, partition_of_region(region)).await;
                permissions::check(&simulator, &caller, &table_arns, report).await;
            }
        }
        Sts::Local { .. } => {}
    }
    if let Some(federation) = &config.console {
        console::check(federation, report).await;
    }
    page_bucket(&sdk, &config, options.page_bucket.as_deref(), report).await;
}

/// Whether tables and keys can be asked for at all.
async fn credentials(sdk: &Sdk, config: &Config, report: &mut Report) -> bool {
    const CHECK: &str = "credentials";
    let region = match (&config.store, &config.keys) {
        (Store::DynamoDb(settings), _) => &settings.region,
        (_, Keys::Kms(settings)) => &settings.region,
        (Store::Embedded { .. }, Keys::Local { .. }) => return false,
    };
    match inspect::credentials(sdk, region).await {
        Ok(()) => {
            report.ok(CHECK, "there are AWS credentials to ask with");
            true
        }
        Err(why) => {
            let what = format!("neither tables nor keys can be used: {why}");
            let remedy = "give the process a task role, an instance profile or a function's role; to try it \
                          from elsewhere, AWS_PROFILE or the variables that all AWS tools know";
            report.fault(CHECK, what, remedy);
            false
        }
    }
}

async fn tables_and_keys(sdk: &Sdk, config: &Config, arns: &mut tables::Arns, report: &mut Report) {
    if let Store::DynamoDb(settings) = &config.store {
        let inspector = TableInspector::open(sdk, &settings.region, settings.endpoint.as_deref()).await;
        tables::check(&inspector, &tables::of_store(settings), arns, report).await;
    }
    if let Keys::Kms(settings) = &config.keys {
        kms::check(sdk, settings, report).await;
        let endpoint = keys_table_endpoint(&config.store, settings);
        let inspector = TableInspector::open(sdk, &settings.region, endpoint).await;
        tables::check(&inspector, &[tables::of_keys(settings)], arns, report).await;
    }
}

/// The configuration, or a finding for each of its faults.
async fn configuration(
    options: &Options,
    environment: impl Iterator<Item = (String, String)>,
    report: &mut Report,
) -> Option<Config> {
    const CHECK: &str = "configuration";
    let all = |faults: Faults, report: &mut Report| {
        for fault in faults.0 {
            let mend = "mend it there; config/vestibule.toml describes every option";
            report.fault(CHECK, fault.to_string(), mend);
        }
    };
    let draft = match Draft::read(&options.config, environment) {
        Ok(draft) => draft,
        Err(faults) => {
            all(faults, report);
            return None;
        }
    };
    let config = match fetch_parameters(draft).await {
        Ok(draft) => fetch_metadata(draft, false).await.finish(),
        Err(sentence) => {
            report.fault(
                CHECK,
                sentence,
                "set ssm.region or AWS_REGION, or write the values themselves into the file",
            );
            return None;
        }
    };
    match config {
        Ok(config) => {
            if config.warnings.is_empty() {
                report.ok(CHECK, format!("{} is usable", options.config.display()));
            }
            for warning in &config.warnings {
                report.warning(CHECK, warning, "if it is not meant, change that option");
            }
            Some(config)
        }
        Err(faults) => {
            all(faults, report);
            None
        }
    }
}

async fn page_bucket(sdk: &Sdk, config: &Config, bucket: Option<&str>, report: &mut Report) {
    const CHECK: &str = "page bucket";
    let Some(bucket) = bucket else {
        // Where nothing is on AWS, there is no bucket to ask about.
        if matches!(config.sts, Sts::Aws { .. }) {
            let what = "no bucket was named (the configuration does not know one)";
            report.unknown(CHECK, what, "if the page is served from a bucket, name it with --page-bucket");
        }
        return;
    };
    match inspect::anonymous_reads(sdk, config.sts.region(), bucket).await {
        Ok(readable) if readable.is_empty() => {
            report.ok(CHECK, format!("{bucket}: nobody reads it without credentials"));
        }
        Ok(readable) => report.fault(
            CHECK,
            format!("{bucket}: anybody may read {}", readable.join(" and ")),
            "switch on all four settings of its public access block, and let CloudFront read it by origin \
             access control",
        ),
        Err(why) => report.unknown(CHECK, format!("{bucket}: {why}"), "look at the bucket's name and region"),
    }
}
