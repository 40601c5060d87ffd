//! `vestibule serve`: everything wired together, run, and stopped gracefully.

use crate::config::Config;
use crate::service::load::load;
use crate::service::log::{self, LogHandle, Output};
use crate::service::{Front, HangUp, Reloader, Service, listen, stop_signal};
use crate::system::{SystemClock, SystemRandom};
use std::path::Path;
use std::sync::Arc;

pub(super) async fn run(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    // First of all: a signal while the configuration is read ends nothing.
    let hang_up = HangUp::catch()?;
    let environment: Vec<_> = environment.collect();
    let config = load(path, environment.iter().cloned()).await?;
    let log = log::start(config.log, Output::Queued);
    let reloader = Reloader::new(path, environment, &config, &log, hang_up);
    let served = serve(config, &log, reloader).await;
    // What the process prints from here on comes after its last line.
    log.flush();
    served
}

async fn serve(config: Config, log: &LogHandle, reloader: Reloader) -> Result<(), String> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(warning) = config.server.unnamed_proxy() {
        tracing::warn!("{warning}");
    }
    let (public, admin) = (listen(config.server.listen).await?, listen(config.server.admin_listen).await?);
    let service =
        Service::open(config, log, Front::Listener, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    service.run(public, admin, stop_signal()?, Some(reloader)).await;
    Ok(())
}
