//! `vestibule keys`: the key ring, for its operator.

use crate::adapters::local::LocalSts;
use crate::adapters::{self, KeyInfo};
use crate::config::Sts;
use crate::service::load::load_without_metadata;
use crate::system::{SystemClock, SystemRandom, print_message};
use clap::Subcommand;
use std::path::PathBuf;
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make the first key, unless there is one
    ///
    /// A server makes it by itself: a key file at its first start, a key that KMS
    /// protects at its first login. This is for servers that have no permission to make
    /// keys, and where keys are lost that the store has been used with. The local
    /// issuer's key is made too, where it is configured and missing.
    Create {
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Make a new key, which takes over once every server knows it
    ///
    /// No login fails: older keys verify tickets and open sessions until none
    /// of theirs can be left.
    Rotate {
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// List the keys that are valid: kid, made, in use from
    List {
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub(super) async fn run(
    command: Command,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    let (Command::Create { config } | Command::Rotate { config } | Command::List { config }) = &command;
    let config = load_without_metadata(config, environment).await?;
    let create = matches!(command, Command::Create { .. });
    let ring = adapters::open_key_ring(
        &config.store,
        &config.keys,
        create,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
    .await
    .map_err(|e| e.to_string())?;
    match command {
        Command::Create { .. } => {
            print_keys(&[ring.create().await?]);
            create_issuer_key(&config.sts)?;
        }
        Command::Rotate { .. } => print_keys(&[ring.rotate().await?]),
        Command::List { .. } => print_keys(&ring.list().await?),
    }
    Ok(())
}

/// Unless there is one.
fn create_issuer_key(sts: &Sts) -> Result<(), String> {
    let Sts::Local { path, region } = sts else { return Ok(()) };
    if !path.exists() {
        LocalSts::open(path, region.clone(), Arc::new(SystemRandom)).map_err(|e| e.to_string())?;
        print_message(&format!("{}  the local issuer's key, made", path.display()));
    }
    Ok(())
}

fn print_keys(keys: &[KeyInfo]) {
    let at = |time: time::OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
    for key in keys {
        print_message(&format!("{}  made {}  in use from {}", key.kid, at(key.created), at(key.signs_from)));
    }
}
