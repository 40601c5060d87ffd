//! `vestibule console`: the page, asked for a sign-in to the AWS console. No credentials come here.

use super::browser;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::obtain::{Wanted, WantedOptions};
use super::output::write;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    wanted: WantedOptions,
    /// The identity provider to sign in at, where the service knows several
    #[arg(long, value_name = "NAME")]
    idp: Option<String>,
    /// Print the address, and open nothing
    #[arg(long)]
    no_browser: bool,
}

/// # Errors
///
/// No server is known, or no browser opens.
pub(super) async fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let Wanted { server, role } = Wanted::new(context, &options.wanted)?;
    let mut address = server.url("/#console");
    for (name, value) in [("role", role.as_deref()), ("idp", options.idp.as_deref())] {
        if let Some(value) = value {
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            address = format!("{address}&{pair}");
        }
    }
    if options.no_browser {
        return write(format!("{address}\n").as_bytes());
    }
    context.say(&format!("the console opens in your browser; if none opens: {address}"));
    if browser::open(&context.environment, &address).await {
        return Ok(());
    }
    Err(Failure::new(Exit::NotCompleted, "no browser opens here; open the address yourself"))
}
