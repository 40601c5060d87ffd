//! An identity provider's metadata at a URL, over http or TLS, behaving or not.

use super::forge::{ISSUER, Key, Signing};
use super::process::free_port;
use super::wire::{Reply, Request, WireServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::Duration;

/// What the source does when it is asked.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The document, with an ETag; 304 to whoever has it.
    Document(String),
    Status(u16),
    Redirect,
    Compressed,
    HangUp,
    /// Longer than anything that is read.
    Huge,
    /// The honest document, after a minute.
    Slow,
}

/// A running source; gone when it is dropped.
pub struct MetadataServer {
    pub url: String,
    /// Of the certificate authority, in PEM, if it speaks TLS.
    pub authority: String,
    state: Arc<State>,
    _server: Option<WireServer>,
}

struct State {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<Request>>,
}

impl State {
    fn reply(&self, request: Request) -> Option<Reply> {
        let answer = self.answer.lock().unwrap().clone();
        let known = request.header("if-none-match").map(str::to_owned);
        self.requests.lock().unwrap().push(request);
        let reply = |status, body: String| Reply::new(status, "application/samlmetadata+xml", body);
        Some(match answer {
            Answer::HangUp => return None,
            Answer::Slow => {
                std::thread::sleep(Duration::from_secs(60));
                return None;
            }
            Answer::Status(status) => reply(status, String::new()),
            Answer::Redirect => {
                let mut redirect = reply(302, String::new());
                redirect.headers.push(("location".to_owned(), "https://evil.example.com/".to_owned()));
                redirect
            }
            Answer::Compressed => {
                let mut compressed = reply(200, "not really".to_owned());
                compressed.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
                compressed
            }
            Answer::Huge => reply(200, " ".repeat((32 << 20) + 1)),
            Answer::Document(document) => {
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, document.as_bytes());
                let etag = format!("\"{:02x?}\"", &digest.as_ref()[..4]).replace([' ', ',', '[', ']'], "");
                if known.as_ref() == Some(&etag) {
                    return Some(reply(304, String::new()));
                }
                let mut full = reply(200, document);
                full.headers.push(("etag".to_owned(), etag));
                full
            }
        })
    }
}

impl MetadataServer {
    pub fn start(document: String) -> Self {
        let state = Self::state(document);
        let (port, shared) = (free_port(), Arc::clone(&state));
        let server = WireServer::start(port, move |request| shared.reply(request));
        let url = format!("http://127.0.0.1:{port}/FederationMetadata.xml");
        Self { url, authority: String::new(), state, _server: Some(server) }
    }

    /// With a certificate for this host from an authority of its own.
    pub fn start_tls(document: String, host: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let state = Self::state(document);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url =
            format!("https://localhost:{}/FederationMetadata.xml", listener.local_addr().unwrap().port());
        let (config, shared) = (Arc::new(config), Arc::clone(&state));
        spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve_once(stream, &config, &shared);
            }
        });
        let authority = pem(authority.der());
        Self { url, authority, state, _server: None }
    }

    fn state(document: String) -> Arc<State> {
        Arc::new(State { answer: Mutex::new(Answer::Document(document)), requests: Mutex::default() })
    }

    /// From now on.
    pub fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    /// All that it was asked.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }
}

/// One request without a body, one answer; a client that hangs up is left alone.
fn serve_once(stream: TcpStream, config: &Arc<ServerConfig>, state: &State) {
    let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match tls.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let request = Request { method: "GET".into(), target: "/".into(), headers: Vec::new(), body: Vec::new() };
    let Some(reply) = state.reply(request) else { return };
    let head = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n\r\n", reply.status, reply.body.len());
    let _ = tls.write_all(&[head.as_bytes(), &reply.body].concat()).and_then(|()| tls.flush());
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

fn pem(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

/// Of the identity provider that the forge speaks for, with these keys.
pub fn metadata(keys: &[&'static Key]) -> String {
    let keys: String = keys
        .iter()
        .map(|key| {
            format!(
                "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
                 <X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>",
                key.certificate
            )
        })
        .collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_metadata\" entityID=\"{ISSUER}\">\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://adfs.example.com/adfs/ls/\"/></IDPSSODescriptor></EntityDescriptor>"
    )
}

pub fn signed(metadata: &str, key: &'static Key) -> String {
    Signing::with(key).sign(metadata, "_metadata")
}
