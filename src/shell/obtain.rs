//! Credentials that are fresh: from the cache, or by one sign-in for all who wait.

use super::attempt::{Turn, Waited};
use super::cache::{Entry, id};
use super::context::Context;
use super::document::Document;
use super::exit::{Exit, Failure};
use super::names::role_arn;
use super::remote::printable;
use super::server::Server;
use super::sign_in::{Wish, sign_in};

/// How a command is told whose credentials it is about.
#[derive(clap::Args)]
pub(super) struct WantedOptions {
    /// The role; else the one that was chosen last, else the page lets you choose
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    role: Option<String>,
    /// The service's address; else VESTIBULE_SERVER, else the one that is remembered
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// Whose credentials.
pub(super) struct Wanted {
    pub(super) server: Server,
    /// None: whichever the person chooses.
    pub(super) role: Option<String>,
}

impl Wanted {
    /// The role that was named, else as [`Context::role`] finds one.
    pub(super) fn new(context: &Context, options: &WantedOptions) -> Result<Self, Failure> {
        let server = context.server(options.server.as_deref())?;
        let role = context.role(&server, options.role.as_deref())?;
        Ok(Self { server, role })
    }

    /// What is cached, with enough left.
    pub(super) fn cached(&self, context: &Context) -> Result<Option<(Entry, Document)>, Failure> {
        match &self.role {
            Some(role) => context.cache.fresh(&self.server, role, context.now()),
            None => Ok(None),
        }
    }
}

/// What is cached, else what a sign-in brings.
///
/// # Errors
///
/// There is nothing fresh, and the sign-in failed: this process's own, or the one that it
/// waited for.
pub(super) async fn obtain(context: &Context, wanted: &Wanted) -> Result<(Entry, Document), Failure> {
    if let Some(found) = wanted.cached(context)? {
        return Ok(found);
    }
    let lock = id(wanted.server.as_str(), wanted.role.as_deref().unwrap_or_default());
    let waiting = || context.progress("another process is signing in; waiting for it");
    let mut turn = match Turn::take(&context.cache.directory, &lock, &context.clock, waiting).await? {
        Waited::Turn(turn) => turn,
        Waited::Failed(failure) => return Err(failure),
    };
    // While this process waited, another may have signed in.
    let outcome = match found_meanwhile(context, wanted) {
        Ok(Some(found)) => return Ok(found),
        Ok(None) => {
            turn.begin();
            by_sign_in(context, wanted).await
        }
        Err(failure) => Err(failure),
    };
    turn.end(&outcome, context.now());
    outcome
}

fn found_meanwhile(context: &Context, wanted: &Wanted) -> Result<Option<(Entry, Document)>, Failure> {
    match &wanted.role {
        Some(_) => wanted.cached(context),
        None => match context.cache.last_role(&wanted.server)? {
            Some(role) => context.cache.fresh(&wanted.server, &role, context.now()),
            None => Ok(None),
        },
    }
}

async fn by_sign_in(context: &Context, wanted: &Wanted) -> Result<(Entry, Document), Failure> {
    let roles: Vec<String> = wanted.role.iter().cloned().collect();
    let wish =
        Wish { server: &wanted.server, roles: &roles, idp: None, other_device: false, key_place: None };
    let entries = sign_in(context, &wish).await?;
    let entry = match &wanted.role {
        Some(role) => entries.into_iter().find(|entry| entry.role == *role).ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                format!("another role than {role} was chosen at the page; it is cached: name it by --role"),
            )
        })?,
        None => {
            let first = entries.into_iter().next();
            let entry = first.ok_or_else(|| Failure::new(Exit::Refused, "no role was handed over"))?;
            context.cache.remember_role(&wanted.server, &entry.role)?;
            entry
        }
    };
    let (user, role) = (printable(&entry.user), printable(&entry.role));
    context.progress(&format!("signed in as {user}, role {role}, until {}", entry.expiration));
    // With little left from the start it is given all the same: the service gives no more.
    let document = context.cache.open(&entry)?.ok_or_else(|| {
        Failure::new(
            Exit::Keyring,
            "the key was stored and cannot be read; sign in with `vestibule login --cache file`",
        )
    })?;
    Ok((entry, document))
}
