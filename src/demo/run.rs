//! `vestibule demo`: the service and the look-alike in one process, until it is
//! interrupted.

use super::idp::DemoIdp;
use super::panel::Panel;
use super::people::{COMPANY, PROVIDER_ARN};
use super::relying_party::RelyingParty;
use super::trail::TrailPrinter;
use crate::broker::ports::SecureRandom;
use crate::config::Log;
use crate::http::{self, Connections, ServeLimits};
use crate::service::load::load;
use crate::service::log::{self, Output};
use crate::service::{Front, Service, listen, stop_signal};
use crate::system::{SystemClock, SystemRandom, print_message};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The rules for the people of [`PEOPLE`](super::PEOPLE), to be appended to the demo's configuration.
pub const RULES: &str = include_str!("rules.toml");

/// The options of `vestibule demo`.
#[derive(clap::Args)]
pub struct Options {
    /// Where the page is; another port is taken if this one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where the AD FS look-alike is; another port is taken if this one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    idp_listen: SocketAddr,
}

/// Runs the demo until it is interrupted.
///
/// # Errors
/// A sentence for the operator.
pub(crate) async fn run(options: &Options) -> Result<(), String> {
    let log = log::start(Log { json: false, level: tracing::Level::WARN }, Output::Direct);
    // First of all: everything made from here on is removed again.
    let stop = end_signal()?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let public = listen_near(options.listen).await?;
    let idp_listener = listen_near(options.idp_listen).await?;
    let admin = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let (public_url, idp_url) = (url_of(&public)?, url_of(&idp_listener)?);

    let relying_party = RelyingParty {
        id: RELYING_PARTY.to_owned(),
        acs_url: format!("{public_url}/saml"),
        home_url: format!("{public_url}/"),
    };
    let idp = DemoIdp::generate(&idp_url, relying_party, clock.clone(), random.clone())
        .map_err(|e| format!("the look-alike did not start: {e}"))?;

    let dir = TemporaryDirectory::make(random.as_ref())?;
    let metadata = dir.write("FederationMetadata.xml", idp.metadata())?;
    let config = configuration(&dir, &metadata, &public_url, &admin, &idp)?;
    let config = dir.write("vestibule.toml", &config)?;
    // The environment stays out: the demo is the same everywhere.
    let config = load(&config, std::iter::empty()).await?;
    let service = Service::open(config, &log, Front::Listener, clock, random.clone()).await?;

    let connections =
        Connections::new(ServeLimits { grace: Duration::from_secs(1), ..ServeLimits::default() });
    let idp = Arc::new(idp);
    let panel = Panel {
        idp: idp.clone(),
        service: http::router(service.app.clone()),
        broker: service.broker.clone(),
        random,
    };
    let pages = idp.pages().merge(panel.router());
    let idp =
        tokio::spawn(http::serve(idp_listener, move || pages.clone(), connections, std::future::pending()));
    let (stopped, until_stopped) = oneshot::channel::<()>();
    let printer = TrailPrinter::new(service.broker.clone()).print_until(async {
        // The sender is dropped, which is an error, and the signal.
        let _ = until_stopped.await;
    });
    let printer = tokio::spawn(printer);
    print_message(&format!(
        "\n  Vestibule demo: {public_url}/\n\n  Ctrl-C ends it; nothing is kept. Times are UTC.\n"
    ));
    service.run(public, admin, stop, None).await;
    idp.abort();
    drop(stopped);
    // Both end at once; a panic in either is no reason to keep the directory.
    let _ = tokio::join!(idp, printer);
    Ok(())
}

/// As every command stops, and when the terminal is closed.
fn end_signal() -> Result<impl Future<Output = ()>, String> {
    let stop = stop_signal()?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(|e| format!("cannot handle signals: {e}"))?;
    Ok(async move {
        tokio::select! {
            () = stop => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// AWS's relying party id, as AD FS knows it.
const RELYING_PARTY: &str = "urn:amazon:webservices";

/// Binds this address or, if its port is in use, any port of the same address.
async fn listen_near(address: SocketAddr) -> Result<TcpListener, String> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => listen(SocketAddr::new(address.ip(), 0)).await,
        Err(e) => Err(format!("cannot listen on {address}: {e}")),
    }
}

fn url_of(listener: &TcpListener) -> Result<String, String> {
    let address = listener.local_addr().map_err(|e| format!("the listener has no address: {e}"))?;
    // Browsers treat `localhost` as trustworthy, which WebCrypto needs; so is 127.0.0.1.
    Ok(format!("http://{address}"))
}

/// The configuration of the demo: what a small company would write.
fn configuration(
    dir: &TemporaryDirectory,
    metadata: &Path,
    public_url: &str,
    admin: &TcpListener,
    idp: &DemoIdp,
) -> Result<String, String> {
    let admin = admin.local_addr().map_err(|e| format!("the listener has no address: {e}"))?;
    let listen = public_url.trim_start_matches("http://");
    let path = |name: &str| dir.path.join(name).display().to_string();
    Ok(format!(
        r#"[server]
listen = "{listen}"
admin_listen = "{admin}"
public_url = "{public_url}"
redirect_url = "{public_url}/"
allowed_origins = ["{public_url}"]
contact = "the help desk of {COMPANY}, extension 4711"

[[saml.idp]]
name = "ADFS"
provider_arn = "{PROVIDER_ARN}"
metadata = {metadata:?}
sign_on_url = "{sign_on_url}"
relying_party_id = "{RELYING_PARTY}"
idp_initiated = true

[shell]
enabled = true
other_device = true

[sts]
kind = "local"
path = {sts:?}
region = "eu-central-1"

[store]
kind = "embedded"
path = {store:?}

[keys]
kind = "local"
path = {keys:?}

{RULES}"#,
        sign_on_url = idp.sign_on_url(),
        sts = path("sts-key"),
        store = path("vestibule.db"),
        keys = path("keys"),
    ))
}

/// A directory of mode 0700, removed at the end.
struct TemporaryDirectory {
    path: PathBuf,
}

impl TemporaryDirectory {
    fn make(random: &dyn SecureRandom) -> Result<Self, String> {
        use std::os::unix::fs::DirBuilderExt;
        let mut suffix = [0_u8; 8];
        random.fill(&mut suffix);
        let path = std::env::temp_dir().join(format!("vestibule-demo-{:016x}", u64::from_be_bytes(suffix)));
        // `create` fails if the path exists, so another user's directory is never used.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|e| format!("cannot make {}: {e}", path.display()))?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, content: &str) -> Result<PathBuf, String> {
        let path = self.path.join(name);
        std::fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        Ok(path)
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        // A directory that cannot be removed is in the system's temporary directory.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
