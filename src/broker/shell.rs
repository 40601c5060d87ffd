//! What a program at a shell asks for: credentials that only it can read, of a role that its
//! person chooses in a browser.
//!
//! Nothing is stored until the person has signed in. What is asked is sealed by the ring and
//! travels with the browser: any process with the ring can tell that it was asked here, when,
//! from which address, and where the answer goes.

use super::ports::key_ring::KeyRingError;
use super::recipient::Recipient;
use super::refusal::{KeyError, ShellError};
use super::seal::{Purpose, Sealed};
use super::steps::Step;
use super::use_cases::Broker;
use crate::jose::PublicKey;
use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};

/// How long a person may take from the program's start to the choice of a role.
const SHELL_REQUEST_LIFETIME: Duration = Duration::minutes(10);

/// 16 bytes in base64url.
const STATE_CHARS: usize = 22;

/// The longest request is some 350 characters.
const MAX_CHARS: usize = 2_048;

/// What a program sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellAsks {
    /// Its X25519 public key.
    pub key: String,
    /// 16 random bytes in base64url: it accepts what names them, and nothing else.
    pub state: String,
    /// Where it listens. Without one it is on another device than the browser.
    pub redirect_uri: Option<String>,
}

/// What it takes to the browser.
#[derive(Debug)]
pub struct ShellRequest {
    /// Opaque; no secret.
    pub request: String,
    /// From then on nothing is chosen for it.
    pub expires_at: OffsetDateTime,
}

/// What came with the browser, as the page shows it.
#[derive(Debug, Clone)]
pub struct ShownShellRequest {
    /// The opaque one.
    pub request: String,
    /// What the person typed.
    pub number: Option<String>,
}

/// What a program asked for, as this service knows it.
#[derive(Debug, Clone)]
pub struct AskedByShell {
    key: PublicKey,
    state: String,
    redirect_uri: Option<String>,
    address: Option<IpAddr>,
    at: OffsetDateTime,
}

/// Inside the seal.
#[derive(Serialize, Deserialize)]
struct Wire {
    key: String,
    redirect_uri: Option<String>,
    address: Option<IpAddr>,
    at: i64,
}

impl Broker {
    /// What a program takes to the browser. Changes nothing anywhere.
    ///
    /// # Errors
    /// [`ShellError`].
    pub async fn ask_for_shell(
        &self,
        asks: &ShellAsks,
        address: Option<IpAddr>,
    ) -> Result<ShellRequest, ShellError> {
        let shell = self.settings.shell.ok_or(ShellError::Off)?;
        if !is_state(&asks.state) || asks.key.len() > MAX_CHARS {
            return Err(ShellError::Malformed);
        }
        match &asks.redirect_uri {
            None if !shell.other_device => return Err(ShellError::OtherDeviceOff),
            Some(uri) if loopback_port(uri).is_none() => return Err(ShellError::RedirectRefused),
            None | Some(_) => {}
        }
        let key = PublicKey::parse(&asks.key).ok_or(KeyError::Refused)?;
        let now = self.ports.clock.now();
        let wire = Wire {
            key: key.as_str().to_owned(),
            redirect_uri: asks.redirect_uri.clone(),
            address,
            at: now.unix_timestamp(),
        };
        let plaintext = serde_json::to_vec(&wire).map_err(|_| ShellError::Keys)?.into();
        let purpose = Purpose::shell(&asks.state);
        let sealed = self.ports.keys.seal(&purpose, &plaintext);
        let sealed = self.steps.measure(Step::KeysSeal, sealed).await.map_err(|_| ShellError::Keys)?;
        let request = format!("{}.{}", asks.state, URL_SAFE_NO_PAD.encode(sealed.as_bytes()));
        Ok(ShellRequest { request, expires_at: now + SHELL_REQUEST_LIFETIME })
    }

    /// What was asked for in this request.
    pub(super) async fn asked_by_shell(
        &self,
        shown: Option<&ShownShellRequest>,
    ) -> Result<AskedByShell, ShellError> {
        let shell = self.settings.shell.ok_or(ShellError::Off)?;
        let request = shown.map(|shown| shown.request.as_str()).filter(|request| request.len() <= MAX_CHARS);
        let (state, sealed) =
            request.and_then(|request| request.split_once('.')).ok_or(ShellError::Malformed)?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| ShellError::Malformed)?;
        let (purpose, sealed) = (Purpose::shell(state), Sealed::from_ciphertext(sealed));
        let opened = self.steps.measure(Step::KeysOpen, self.ports.keys.open(&purpose, &sealed)).await;
        let opened = opened.map_err(|error| match error {
            KeyRingError::BrokenSeal => ShellError::Malformed,
            KeyRingError::Unavailable => ShellError::Keys,
        })?;
        let asked = AskedByShell::read(state, opened.expose_secret()).ok_or(ShellError::Malformed)?;
        if self.ports.clock.now() >= asked.at + SHELL_REQUEST_LIFETIME {
            return Err(ShellError::Expired);
        }
        if asked.is_another_device() && !shell.other_device {
            return Err(ShellError::OtherDeviceOff);
        }
        Ok(asked)
    }
}

impl AskedByShell {
    fn read(state: &str, plaintext: &[u8]) -> Option<Self> {
        let Wire { key, redirect_uri, address, at } = serde_json::from_slice(plaintext).ok()?;
        let key = PublicKey::parse(&key)?;
        let at = OffsetDateTime::from_unix_timestamp(at).ok()?;
        Some(Self { key, state: state.to_owned(), redirect_uri, address, at })
    }

    /// To whom its answer is sealed.
    pub(super) fn recipient(&self) -> Recipient {
        Recipient { key: self.key.clone(), waits_as: self.state.clone() }
    }

    /// Whether the program runs elsewhere: nothing can be sent there, so the person pastes.
    pub fn is_another_device(&self) -> bool {
        self.redirect_uri.is_none()
    }

    /// Where the browser takes the tickets.
    pub fn redirect_uri(&self) -> Option<&str> {
        self.redirect_uri.as_deref()
    }

    /// The port of that.
    pub fn port(&self) -> Option<u16> {
        loopback_port(self.redirect_uri.as_deref()?)
    }

    /// What the program knows its answer by.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// From where it asked, as far as it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// When it asked.
    pub fn at(&self) -> OffsetDateTime {
        self.at
    }

    /// What the terminal shows.
    pub fn number(&self) -> String {
        shell_number(self.key.as_str(), &self.state)
    }

    /// Whether the person may have seen the terminal: at another device the number is typed.
    pub(super) fn is_meant(&self, typed: Option<&str>) -> Result<(), ShellError> {
        let digits = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
        let typed = typed.map(digits).unwrap_or_default();
        let is_right =
            constant_time::verify_slices_are_equal(typed.as_bytes(), digits(&self.number()).as_bytes());
        if self.is_another_device() && is_right.is_err() { Err(ShellError::NumberWrong) } else { Ok(()) }
    }
}

/// The number by which a person tells that page and terminal belong together: of the key and the
/// state, so both can work it out, and who sends somebody else's link cannot choose it.
pub fn shell_number(key: &str, state: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in ["vestibule shell number", key, state] {
        hash.update(part.as_bytes());
    }
    let hash = hash.finish();
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    let number = u32::from_be_bytes(first) % 1_000_000;
    format!("{:03} {:03}", number / 1_000, number % 1_000)
}

fn is_state(text: &str) -> bool {
    text.len() == STATE_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// The port of a loopback address (RFC 8252 section 7.3). Names, `localhost` too, can lead elsewhere.
fn loopback_port(uri: &str) -> Option<u16> {
    let rest = ["http://127.0.0.1:", "http://[::1]:"].iter().find_map(|host| uri.strip_prefix(host))?;
    let port = rest.strip_suffix("/callback")?;
    let is_plain = !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    port.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_a_redirect_that_leads_elsewhere() {
        for (uri, port) in [
            ("http://127.0.0.1:49152/callback", Some(49_152)),
            ("http://[::1]:1/callback", Some(1)),
            ("http://127.0.0.1:0/callback", None),
            ("http://127.0.0.1:049152/callback", None),
            ("http://127.0.0.1:65536/callback", None),
            ("http://127.0.0.1:+80/callback", None),
            ("http://127.0.0.1/callback", None),
            ("https://127.0.0.1:49152/callback", None),
            ("http://localhost:49152/callback", None),
            ("http://127.0.0.2:49152/callback", None),
            ("http://127.0.0.1:49152/callback/", None),
            ("http://127.0.0.1:49152/callback?x=1", None),
            ("http://127.0.0.1:49152/callback#x", None),
            ("http://127.0.0.1:49152@evil.example.com/callback", None),
            ("http://127.0.0.1:1.evil.example.com/callback", None),
            ("http://user@127.0.0.1:49152/callback", None),
            ("http://127.0.0.1:49152\\@evil.example.com/callback", None),
            ("javascript:alert(1)//callback", None),
            (" http://127.0.0.1:49152/callback", None),
            ("http://127.0.0.1:49152/callback\n", None),
            ("", None),
        ] {
            assert_eq!(loopback_port(uri), port, "{uri}");
        }
    }

    #[test]
    fn both_sides_come_to_the_same_number() {
        let number = |key: &str, state| shell_number(&key.repeat(43), state);
        assert_eq!(number("A", "3Zq9x4bJk2mVwY7tLr5NdA"), number("A", "3Zq9x4bJk2mVwY7tLr5NdA"));
        assert_ne!(number("A", "3Zq9x4bJk2mVwY7tLr5NdA"), number("B", "3Zq9x4bJk2mVwY7tLr5NdA"));
        assert_ne!(number("A", "3Zq9x4bJk2mVwY7tLr5NdA"), number("A", "4Zq9x4bJk2mVwY7tLr5NdA"));
        let shown = number("A", "3Zq9x4bJk2mVwY7tLr5NdA");
        let is_digits = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        assert!(
            shown.split_once(' ').is_some_and(|(one, other)| is_digits(one) && is_digits(other)),
            "{shown}"
        );
    }
}
