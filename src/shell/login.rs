//! `vestibule login`: a sign-in that somebody asked for.

use super::cache::Entry;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::keys::KeyPlace;
use super::names::role_arn;
use super::output::{write, write_json};
use super::remote::printable;
use super::settings::Settings;
use super::sign_in::{Wish, sign_in};
use serde_json::json;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    /// The service's address, remembered for later
    #[arg(value_name = "SERVER")]
    server: Option<String>,
    /// The role to ask for; again for more of them. Without it the page lets you choose
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    role: Vec<String>,
    /// The identity provider to sign in at, where the service knows several
    #[arg(long, value_name = "NAME")]
    idp: Option<String>,
    /// Print an address to open elsewhere, and read a text that is pasted back
    #[arg(long)]
    no_browser: bool,
    /// Say what was obtained as JSON (no secret is in it)
    #[arg(long)]
    json: bool,
    /// Where to keep the key that opens what is cached, remembered for later
    #[arg(long, value_name = "PLACE")]
    cache: Option<KeyPlace>,
}

const MAX_ROLES: usize = 10;

/// # Errors
///
/// Nobody is signed in, or not with every role.
pub(super) async fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let server = context.server(options.server.as_deref())?;
    if options.role.len() > MAX_ROLES {
        return Err(Failure::new(
            Exit::Usage,
            format!("at most {MAX_ROLES} roles at once; sign in again for more"),
        ));
    }
    if options.no_browser && options.role.len() > 1 {
        return Err(Failure::new(Exit::Usage, "--no-browser hands over one role; name one"));
    }
    let wish = Wish {
        server: &server,
        roles: &options.role,
        idp: options.idp.as_deref(),
        other_device: options.no_browser,
        key_place: options.cache,
    };
    let entries = sign_in(context, &wish).await?;
    // Before anything else can fail: the credentials are there.
    if options.json {
        write_json(&entries.iter().map(told).collect())?;
    } else {
        let lines: Vec<String> = entries.iter().map(line).collect();
        write(lines.concat().as_bytes())?;
    }
    Settings::remember(&context.environment, options.server.as_ref().map(|_| &server), options.cache)?;
    if let Some(first) = entries.first() {
        context.cache.remember_role(&server, &first.role)?;
    }
    let is_missing = |role: &&String| !entries.iter().any(|entry| entry.role == **role);
    match options.role.iter().find(is_missing) {
        None => Ok(()),
        Some(role) => {
            Err(Failure::new(Exit::Refused, format!("{role} was not handed over; the page said why")))
        }
    }
}

fn line(entry: &Entry) -> String {
    format!(
        "signed in as {}: {} until {} (its key is in {})\n",
        printable(&entry.user),
        printable(&entry.role),
        entry.expiration,
        entry.key_place.described()
    )
}

fn told(entry: &Entry) -> serde_json::Value {
    json!({
        "server": entry.server,
        "role": entry.role,
        "account": entry.account,
        "user": entry.user,
        "expiration": entry.expiration,
        "region": entry.region,
        "cache": entry.key_place,
    })
}
