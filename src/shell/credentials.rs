//! `vestibule credentials`: what AWS's tools read from a `credential_process`.

use super::context::Context;
use super::exit::{Exit, Failure};
use super::obtain::{Wanted, WantedOptions, obtain};
use super::output::write;
use super::runtime::block_on;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    wanted: WantedOptions,
    /// Fail rather than sign in, when nothing is cached that lasts 5 minutes more
    #[arg(long)]
    no_login: bool,
}

/// From a cache no runtime is started, and nothing asked of the network: tools wait for this at
/// each of their starts.
///
/// # Errors
///
/// Nothing is cached, and nobody signs in.
pub(super) fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let wanted = Wanted::new(context, &options.wanted)?;
    let (_, document) = match wanted.cached(context)? {
        Some(found) => found,
        None if options.no_login => {
            return Err(Failure::new(
                Exit::NothingCached,
                "nothing is cached that lasts 5 minutes more; run `vestibule login`",
            ));
        }
        None => block_on(obtain(context, &wanted))?,
    };
    write(&document.credentials.for_process())
}
