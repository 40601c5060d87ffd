//! The accept loop: HTTP/1.1 on a listener, with bounds on everything that a client
//! can make large or slow. (`axum::serve` bounds none of it.)

use super::connections::{Connection, Connections, Full, ServeLimits};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// The other end of the socket; an extension of each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Request line and headers. A ticket is 0.5 KB, a session token 1 to 4 KB, and the
/// other headers of browsers stay below 8 KB; where a company's applications share a domain,
/// their cookies may be 20 KB. Beyond this cap hyper answers 431, without a page.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// hyper's default, stated because docs/ERRORS.md promises it: beyond it, 431.
const MAX_HEADERS: usize = 100;

/// Read and write buffer of one connection; hyper's default is 400 KB.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// What the kernel keeps of answers that a client does not read. By itself it would grow
/// to megabytes for each connection (`net.ipv4.tcp_wmem`).
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The pause after a failed accept (mostly out of file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `shutdown` is ready, then lets running requests end within the
/// grace period. `router` is asked for each request, since a new configuration brings
/// another one.
pub async fn serve(
    listener: TcpListener,
    router: impl Fn() -> Router + Clone + Send + Sync + 'static,
    connections: Arc<Connections>,
    shutdown: impl Future<Output = ()>,
) {
    // Each connection has them from its listener.
    let socket = socket2::SockRef::from(&listener);
    // Answers are small and complete: waiting to fill a packet only delays them.
    _ = socket.set_tcp_nodelay(true);
    _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
    let mut tasks = JoinSet::new();
    let (stopping, stopped) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        while tasks.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match connections.open(peer, Instant::now()) {
            Ok(connection) => {
                let (router, connections) = (router.clone(), Arc::clone(&connections));
                let stopped = stopped.clone();
                tasks.spawn(async move {
                    // Also where a panic ends it.
                    let open = Open { connections: &connections, connection: &connection };
                    run(stream, peer, router, open.connection, connections.limits(), stopped).await;
                });
            }
            Err(full) => refuse(&stream, full),
        }
    }
    drop(listener);
    stopping.send_replace(true);
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(connections.limits().grace, all_ended).await.is_err() {
        tracing::warn!("requests were still running when the grace period ended");
    }
}

/// A connection in the table, until it ends.
struct Open<'a> {
    connections: &'a Connections,
    connection: &'a Arc<Connection>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.connections.close(self.connection);
    }
}

/// There is no request yet, so there is no envelope. The answer fits into the empty send buffer.
fn refuse(stream: &TcpStream, full: Full) {
    let status = match full {
        Full::Client => "429 Too Many Requests",
        Full::Listener => "503 Service Unavailable",
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain\r\n\
         Content-Length: 39\r\n\r\nToo many connections. Try again later.\n"
    );
    // The client may be gone, and a slow one is not waited for.
    _ = stream.try_write(answer.as_bytes());
}

/// One connection, until it ends by itself, has to give way, or is too old.
async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    router: impl Fn() -> Router + Send + Sync + 'static,
    connection: &Arc<Connection>,
    limits: &ServeLimits,
    mut stopped: watch::Receiver<bool>,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_timeout));

    let extension = Arc::clone(connection);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        extension.wait_for_client();
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(Arc::clone(&extension));
        router().oneshot(request)
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut http = pin!(http);

    // An error means that the listener is gone, which is a stop too.
    let stop = async { _ = stopped.wait_for(|stopped| *stopped).await };
    let patience = tokio::select! {
        ended = &mut http => return log(ended),
        () = connection.ended.notified() => return,
        () = stop => limits.stop_patience,
        () = sleep(limits.max_age) => limits.header_timeout,
    };
    // No further request; the one under way is answered.
    http.as_mut().graceful_shutdown();
    tokio::select! {
        ended = &mut http => log(ended),
        () = connection.ended.notified() => {}
        () = waited_for_client(connection, patience) => {}
    }
}

/// Completes when the client has been waited for as long as this without a break.
async fn waited_for_client(connection: &Connection, patience: Duration) {
    let mut from = Instant::now();
    loop {
        sleep(patience.saturating_sub(from.elapsed())).await;
        match connection.waits_since() {
            Some(since) if since.max(from).elapsed() >= patience => return,
            Some(since) => from = since.max(from),
            None => from = Instant::now(),
        }
    }
}

fn log(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        // Clients break connections all the time: no warning.
        tracing::debug!(%error, "connection ended");
    }
}
