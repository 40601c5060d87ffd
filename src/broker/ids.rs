//! The ids of sessions, logins, tickets and HTTP requests, and the handles by which
//! stores and logs know them.

use super::ports::system::SecureRandom;
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, UtcOffset};

/// Names one waiting place: a Cognito identity id, or a random one.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// 16 to 128 of `[A-Za-z0-9:_-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (16..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'));
        ok.then(|| Self(text.to_owned()))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The name of this session in stores.
    pub fn handle(&self) -> Handle {
        Handle::of(&[b"session", self.0.as_bytes()])
    }
    /// The name in stores of this role for this use, where it is a part of a choice of this
    /// session: of this one, and not of a later one.
    pub fn part(&self, choice: &LoginId, role: &str, for_use: &str) -> Handle {
        let parts = [self.as_str(), choice.as_str(), for_use, role].map(str::as_bytes);
        Handle::of(&[&[b"part".as_slice()], parts.as_slice()].concat())
    }
}

/// Shows the handle: a log must not name the session.
impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionId({})", self.handle().as_str())
    }
}

/// One login's own id: 16 bytes, base64url. Not a secret. Six bytes are its time, as in a
/// UUID of version 7 (RFC 9562, 5.7), so that logins of one time are neighbours in the
/// indexes of a store; ten are random.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoginId(String);

impl LoginId {
    /// A new one.
    pub fn new(now: OffsetDateTime, random: &dyn SecureRandom) -> Self {
        let mut bytes = [0_u8; 16];
        random.fill(&mut bytes);
        let milliseconds = now.unix_timestamp_nanos() / 1_000_000;
        let [.., a, b, c, d, e, f] = milliseconds.to_be_bytes();
        if let Some(time) = bytes.first_chunk_mut() {
            *time = [a, b, c, d, e, f];
        }
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }
    /// An id as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A ticket's own id: 16 random bytes, base64url. Names the one session item it can take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Jti(String);

impl Jti {
    /// A new one.
    pub fn random(random: &dyn SecureRandom) -> Self {
        Self(random_id(random))
    }
    /// An id as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person reads out on the phone: `7K3F-9QTZ`. One per login
/// ([`Reference`](super::reference::Reference)), in every log line of its requests, in
/// every answer (`X-Request-Id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SupportId(String);

impl SupportId {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// A new one: 8 characters (40 bits) that cannot be confused with one another
    /// when read out (Crockford's base32).
    pub fn random(random: &dyn SecureRandom) -> Self {
        let mut bytes = [0_u8; 8];
        random.fill(&mut bytes);
        let mut text = String::with_capacity(9);
        for (i, byte) in bytes.iter().enumerate() {
            if i == 4 {
                text.push('-');
            }
            text.push(char::from(Self::ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0')));
        }
        Self(text)
    }
    /// An id as we wrote it: two groups of four of that alphabet.
    pub fn parse(text: &str) -> Option<Self> {
        let (one, two) = text.split_once('-')?;
        let is_group = |group: &str| group.len() == 4 && group.bytes().all(|b| Self::ALPHABET.contains(&b));
        (is_group(one) && is_group(two)).then(|| Self(text.to_owned()))
    }
    /// An id as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of a name, base64url. Stores and logs have handles instead of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handle(String);

impl Handle {
    /// The handle of a name made of parts. The parts are length-prefixed:
    /// ("ab", "c") and ("a", "bc") differ.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Self(URL_SAFE_NO_PAD.encode(context.finish()))
    }
    /// The handle of an assertion: unique per issuer (core 1.3.4).
    pub fn of_assertion(issuer: &str, assertion_id: &str) -> Self {
        Self::of(&[b"assertion", issuer.as_bytes(), assertion_id.as_bytes()])
    }
    /// The handle of a request of ours, for its one answer.
    pub fn of_request(id: &str) -> Self {
        Self::of(&[b"request", id.as_bytes()])
    }
    /// The handle of a refusal of this assertion for this reason on this day (UTC).
    pub fn of_refusal(issuer: &str, assertion_id: &str, code: &str, at: OffsetDateTime) -> Self {
        let day = at.to_offset(UtcOffset::UTC).to_julian_day().to_be_bytes();
        Self::of(&[b"refusal", issuer.as_bytes(), assertion_id.as_bytes(), code.as_bytes(), &day])
    }
    /// A handle as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    /// 43 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 16 random bytes, base64url.
pub fn random_id(random: &dyn SecureRandom) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it is asked for, one after the other.
    struct Counting(std::sync::atomic::AtomicU8);

    impl SecureRandom for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn logins_of_one_time_are_neighbours_and_no_two_are_the_same() {
        let random = Counting(1.into());
        let id = |milliseconds: i64| {
            let now = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(milliseconds);
            URL_SAFE_NO_PAD.decode(LoginId::new(now, &random).as_str()).unwrap()
        };
        let (one, same, later) = (id(1_795_412_760_123), id(1_795_412_760_123), id(1_795_412_760_124));
        assert_eq!(one, [&1_795_412_760_123_u64.to_be_bytes()[2..], &[1; 10]].concat());
        assert_eq!(one[..6], same[..6]);
        assert_ne!(one, same);
        assert!(same < later);
    }
}
