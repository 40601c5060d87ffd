//! A running service: listeners, background tasks, and a graceful end.

use super::wire::Service;
use crate::broker::Broker;
use crate::http::{self, Connections, ServeLimits};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How often abandoned and expired logins are closed. Credentials expire without
/// it; this is how late the audit trail and the log say so.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Bounds of the wait between two checks for metadata that is due.
const LEAST_REFRESH_WAIT: Duration = Duration::from_millis(250);
const MOST_REFRESH_WAIT: Duration = Duration::from_secs(60);

/// Binds the address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| format!("cannot listen on {address}: {e}"))
}

/// Completes when the process is asked to stop.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let handler = |kind| signal(kind).map_err(|e| format!("cannot handle signals: {e}"));
    let (mut terminate, mut interrupt) =
        (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

impl Service {
    /// Serves until `stop` completes, then lets running requests finish.
    pub(crate) async fn run(self, public: TcpListener, admin: TcpListener, stop: impl Future<Output = ()>) {
        let connections = self.connections;
        let grace = connections.limits().grace;
        let (stopping, stopped) = watch::channel(false);
        let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that the sender is gone, which is a stop too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let sweeper = tokio::spawn(sweep_until(self.broker.clone(), until_stopped(stopped.clone())));
        let refresher = tokio::spawn(refresh_until(self.broker.clone(), until_stopped(stopped.clone())));
        // The admin listener stays to the end: a stopping server is monitored too.
        let admin_connections = Connections::new(ServeLimits {
            max_connections: 64,
            max_connections_per_client: 64,
            grace: Duration::from_secs(1),
            ..ServeLimits::default()
        });
        let admin_server = tokio::spawn(http::serve(
            admin,
            http::admin_router(self.app.clone()),
            admin_connections,
            until_stopped(stopped),
        ));

        let address = public.local_addr().map(|a| a.to_string()).unwrap_or_default();
        self.summary.log("serving", Some(&address));
        http::serve(public, http::router(self.app.clone()), connections, stop).await;
        tracing::info!("stopping");
        if tokio::time::timeout(grace, self.app.idle()).await.is_err() {
            tracing::warn!(
                "logins were still running when the grace period ended; the next start reports them"
            );
        }
        stopping.send_replace(true);
        let _ = tokio::join!(sweeper, refresher, admin_server);
        self.broker.finish().await;
        tracing::info!("stopped");
    }
}

/// Fetches metadata at once, since keys may have changed before this process
/// started, and then whenever a source is due.
async fn refresh_until(broker: Arc<Broker>, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    loop {
        // A stop cancels a fetch: the known keys are still valid.
        tokio::select! {
            () = &mut stopped => return,
            () = broker.refresh_metadata() => {}
        }
        let Some(due) = broker.metadata_due() else { return };
        let wait = Duration::try_from(due - broker.ports().clock.now()).unwrap_or_default();
        tokio::select! {
            () = &mut stopped => return,
            // In parts: the clock may be set, or may stop while the machine sleeps.
            () = tokio::time::sleep(wait.clamp(LEAST_REFRESH_WAIT, MOST_REFRESH_WAIT)) => {}
        }
    }
}

/// Sweeps at once, since a crashed process may have left something, then regularly.
async fn sweep_until(broker: Arc<Broker>, stopped: impl Future<Output = ()>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        if broker.sweep().await.is_err() {
            tracing::warn!("sweep postponed: the store is unavailable");
        }
    }
}
