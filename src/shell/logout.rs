//! `vestibule logout`: what is cached goes, and its keys first.

use super::context::Context;
use super::exit::Failure;
use super::output::{write, write_json};
use super::remote::printable;
use super::server::Server;
use serde_json::json;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    /// This role alone; else all that is cached
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// What this server gave alone; else what any gave
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Say what was removed as JSON
    #[arg(long)]
    json: bool,
}

/// # Errors
///
/// Something is still there; the rest is gone.
pub(super) fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let server = options.server.as_deref().map(Server::parse).transpose()?;
    let (mut removed, mut failures) = (Vec::new(), Vec::new());
    for entry in context.cache.entries()? {
        let is_other_server = server.as_ref().is_some_and(|server| server.as_str() != entry.server);
        let is_other_role = options.role.as_ref().is_some_and(|role| *role != entry.role);
        if is_other_server || is_other_role {
            continue;
        }
        match context.cache.remove(&entry) {
            Ok(()) => removed.push(entry),
            Err(failure) => failures.push(failure),
        }
    }
    for entry in &removed {
        let of = Server::parse(&entry.server)?;
        if context.cache.last_role(&of)?.is_some_and(|role| role == entry.role) {
            context.cache.forget_role(&of)?;
        }
    }
    if options.json {
        let told = removed.iter().map(|entry| json!({"server": entry.server, "role": entry.role}));
        write_json(&told.collect())?;
    } else {
        let lines: Vec<String> = removed
            .iter()
            .map(|entry| format!("removed: {} of {}\n", printable(&entry.role), printable(&entry.server)))
            .collect();
        write(if lines.is_empty() { "nothing was cached\n".to_owned() } else { lines.concat() }.as_bytes())?;
    }
    failures.into_iter().next().map_or(Ok(()), Err)
}
