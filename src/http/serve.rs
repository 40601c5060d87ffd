//! The accept loop: HTTP/1.1 on a listener, with bounds on everything that a client
//! can make large or slow. (`axum::serve` bounds none of it.)

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// The other end of the socket; an extension of each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The limits of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// Open connections; more wait in the kernel's queue.
    pub max_connections: usize,
    /// The time limit for receiving a request's head, and for an idle connection.
    pub header_timeout: Duration,
    /// The time limit for running requests once the shutdown has begun.
    pub grace: Duration,
}

/// Request line and headers. A ticket is 0.5 KB, a session token 1 to 2 KB, and the
/// other headers of browsers stay below 8 KB; beyond this cap hyper answers 431.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// hyper's default, stated because docs/ERRORS.md promises it: beyond it, 431.
const MAX_HEADERS: usize = 100;

/// Read and write buffer of one connection; hyper's default is 400 KB.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// The pause after a failed accept (mostly out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is ready, then lets running requests end within the
/// grace period.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let connections = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = connections.watch(connection(stream, peer, router.clone(), &limits));
        tokio::spawn(async move {
            let _slot = slot;
            if let Err(error) = connection.await {
                // Clients break connections all the time: no warning.
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.grace, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the grace period ended");
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: &ServeLimits,
) -> http1::Connection<
    TokioIo<TcpStream>,
    impl hyper::service::HttpService<Incoming, ResBody = Body, Error: Into<BoxError>, Future: Send> + use<>,
> {
    // Answers are small and complete: waiting to fill a packet only delays them.
    _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
