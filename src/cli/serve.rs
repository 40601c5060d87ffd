//! `vestibule serve`: everything wired together, run, and stopped gracefully.

use crate::adapters::local::{SystemClock, SystemRandom};
use crate::service::load::load;
use crate::service::{Front, Service, listen, log, stop_signal};
use std::path::Path;
use std::sync::Arc;

pub(super) async fn run(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    let config = load(path, environment).await?;
    log::start(config.log);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(warning) = config.server.unnamed_proxy() {
        tracing::warn!("{warning}");
    }
    let (public, admin) = (listen(config.server.listen).await?, listen(config.server.admin_listen).await?);
    let service =
        Service::open(config, Front::Listener, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    service.run(public, admin, stop_signal()?).await;
    Ok(())
}
