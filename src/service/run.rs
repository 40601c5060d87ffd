//! A running service: listeners, background tasks, and a graceful end.

use super::reload::Reloader;
use super::wire::Service;
use crate::http::{self, Connections, ServeLimits};
use axum::Router;
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
    /// Serves until `stop` completes, then lets running requests finish. Meanwhile the
    /// reloader, if there is one, replaces the service by another configuration's.
    pub(crate) async fn run(
        self,
        public: TcpListener,
        admin: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
        reloader: Option<Reloader>,
    ) {
        let connections = self.connections.clone();
        let grace = connections.limits().grace;
        let (stopping, stopped) = watch::channel(false);
        let until_stopped = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that the sender is gone, which is a stop too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let address = public.local_addr().map(|a| a.to_string()).unwrap_or_default();
        self.summary.log("serving", Some(&address));
        let (newest, current) = watch::channel(Arc::new(Current::of(self)));
        let sweeper = tokio::spawn(sweep_until(current.clone(), until_stopped(stopped.clone())));
        let refresher = tokio::spawn(refresh_until(current.clone(), until_stopped(stopped.clone())));
        // The admin listener stays to the end: a stopping server is monitored too.
        let admin_connections = Connections::new(ServeLimits {
            max_connections: 64,
            max_connections_per_client: 64,
            grace: Duration::from_secs(1),
            ..ServeLimits::default()
        });
        let routers = current.clone();
        let admin_router = move || routers.borrow().admin.clone();
        let admin_server =
            tokio::spawn(http::serve(admin, admin_router, admin_connections, until_stopped(stopped)));
        let reloading = tokio::spawn(reload(newest, reloader));

        let routers = current.clone();
        let public_router = move || routers.borrow().public.clone();
        // A task, like its connections: on the thread that waits for the service, each
        // connection would be handed from one thread to another.
        let public_server = tokio::spawn(http::serve(public, public_router, connections, stop));
        if let Err(error) = public_server.await {
            tracing::error!(%error, "the listener has ended by itself");
        }
        tracing::info!("stopping");
        reloading.abort();
        let Service { broker, app, .. } = &current.borrow().clone().service;
        // Requests of every configuration have the same slots.
        if tokio::time::timeout(grace, app.idle()).await.is_err() {
            tracing::warn!(
                "logins were still running when the grace period ended; the next start reports them"
            );
        }
        stopping.send_replace(true);
        let _ = tokio::join!(sweeper, refresher, admin_server);
        broker.finish().await;
        tracing::info!("stopped");
    }
}

/// What serves at the moment.
struct Current {
    service: Service,
    public: Router,
    admin: Router,
}

impl Current {
    fn of(service: Service) -> Self {
        let public = http::router(service.app.clone());
        let admin = http::admin_router(service.app.clone());
        Self { service, public, admin }
    }
}

/// Replaces the service whenever there is another configuration. Requests under way
/// end as they began.
async fn reload(newest: watch::Sender<Arc<Current>>, reloader: Option<Reloader>) {
    // Also without a reloader the channel stays open.
    let Some(mut reloader) = reloader else { return newest.closed().await };
    loop {
        let current = newest.borrow().clone();
        let next = Arc::new(Current::of(reloader.next(&current.service).await));
        newest.send_replace(next.clone());
        // Not before it is so.
        next.service.app.note_reload(true);
        next.service.summary.log("configuration reloaded", None);
    }
}

/// Fetches metadata at once, since keys may have changed before this process or this
/// configuration, and then whenever a source is due.
async fn refresh_until(mut current: watch::Receiver<Arc<Current>>, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    loop {
        let broker = current.borrow_and_update().service.broker.clone();
        // A stop cancels a fetch: the known keys are still valid. Another configuration does
        // not: a change of keys that is being recorded would be lost.
        tokio::select! {
            () = &mut stopped => return,
            () = broker.refresh_metadata() => {}
        }
        // In parts: the clock may be set, or may stop while the machine sleeps.
        let wait = broker.metadata_due().map_or(MOST_REFRESH_WAIT, |due| {
            let wait = Duration::try_from(due - broker.ports().clock.now()).unwrap_or_default();
            wait.clamp(LEAST_REFRESH_WAIT, MOST_REFRESH_WAIT)
        });
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(wait) => {}
            changed = current.changed() => if changed.is_err() { return },
        }
    }
}

/// Sweeps at once, since a crashed process may have left something, then regularly.
async fn sweep_until(current: watch::Receiver<Arc<Current>>, stopped: impl Future<Output = ()>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        let broker = current.borrow().service.broker.clone();
        if broker.sweep().await.is_err() {
            tracing::warn!("sweep postponed: the store is unavailable");
        }
    }
}
