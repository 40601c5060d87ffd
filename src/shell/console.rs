//! `vestibule console`: the page, asked for a sign-in to the AWS console. No credentials come here.

use super::browser;
use super::context::Context;
use super::exit::{Exit, Failure};
use super::output::write;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    /// The role; else the one that was chosen last, else the page lets you choose
    #[arg(long, value_name = "ARN")]
    role: Option<String>,
    /// The service's address; else VESTIBULE_SERVER, else the one that is remembered
    #[arg(long, value_name = "URL")]
    server: Option<String>,
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
    let server = context.server(options.server.as_deref())?;
    let role = context.role(&server, options.role.as_deref())?;
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
