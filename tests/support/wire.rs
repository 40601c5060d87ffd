//! A server of the tests' own: HTTP/1.1 on loopback, one thread per connection,
//! and an answer may be that there is none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// As they came.
    pub headers: Vec<(String, String)>,
    /// Without any transfer encoding.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let first = line(stream)?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let header = line(stream)?;
            let Some((name, value)) = header.split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut request = Self { method, target, headers, body: Vec::new() };
        if request.header("transfer-encoding").is_some() {
            while let size @ 1.. = usize::from_str_radix(&line(stream)?, 16).ok()? {
                request.body.extend(bytes(stream, size)?);
                line(stream)?;
            }
            // Trailers, if any, end with an empty line as the last chunk does.
            while !line(stream)?.is_empty() {}
        } else if let Some(length) = request.header("content-length") {
            request.body = bytes(stream, length.parse().ok()?)?;
        }
        Some(request)
    }
}

/// `None`: the connection has ended.
fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|&length| length > 0)?;
    Some(line.trim_end().to_owned())
}

fn bytes(stream: &mut BufReader<TcpStream>, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// What it gets.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Without those that say how long the body is.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// With this type of content.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    fn write(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        // In one write, so that no packet waits for the acknowledgement of the one before.
        let mut bytes = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        bytes += "\r\n";
        stream.write_all(&[bytes.as_bytes(), &self.body].concat())
    }
}

/// A running server; dropping it closes its port and all its connections.
pub struct WireServer {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl WireServer {
    /// Answers every request with what `handler` says; `None` hangs up without an answer.
    pub fn start(port: u16, handler: impl Fn(Request) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = bind(port);
        let (shared, handler) = (Arc::new(Shared::default()), Arc::new(handler));
        let ours = Arc::clone(&shared);
        let acceptor = spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ours.stopped.load(Ordering::SeqCst) {
                    return;
                }
                ours.connections.lock().unwrap().push(stream.try_clone().unwrap());
                let handler = Arc::clone(&handler);
                spawn(move || serve(&stream, &*handler));
            }
        });
        Self { port, shared, acceptor: Some(acceptor) }
    }
}

/// Whoever had the port before may be a moment from letting it go.
fn bind(port: u16) -> TcpListener {
    for _ in 0..100 {
        match TcpListener::bind(("127.0.0.1", port)) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            bound => return bound.unwrap(),
        }
    }
    panic!("port {port} stays in use")
}

fn serve(stream: &TcpStream, handler: &impl Fn(Request) -> Option<Reply>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = Request::read(&mut reader) {
        let Some(reply) = handler(request) else { break };
        if reply.write(stream).is_err() {
            break;
        }
    }
    // The list of connections holds a copy: dropping this one would close nothing.
    let _ = stream.shutdown(Shutdown::Both);
}

impl Drop for WireServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then drops the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.acceptor.take().map(JoinHandle::join);
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// The whole of a `POST /saml`, as a browser sends it.
pub fn saml_post(xml: &str, relay_state: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(xml))
        .append_pair("RelayState", relay_state)
        .finish();
    format!(
        "POST /saml HTTP/1.1\r\nHost: vestibule.example.com\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
