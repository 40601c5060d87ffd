//! AWS Signature Version 4, the verifying side, for `GET /users` with an
//! `Authorization` header and no body ("Signature Version 4 signing process"
//! in the IAM User Guide). Nothing is guessed where clients differ: a request that
//! is not canonical is refused.

use super::error::PingError;
use super::form;
use aws_lc_rs::{digest, hmac};
use http::request::Parts;
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write;
use time::format_description::parse_borrowed;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use zeroize::Zeroizing;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "execute-api";

/// How far a signature's time may be from ours: AWS's own five minutes.
const MAX_SKEW: Duration = Duration::minutes(5);

/// A request with a well-formed signature that is not verified yet.
pub(super) struct SignedRequest<'r> {
    head: &'r Parts,
    access_key_id: &'r str,
    session_token: &'r str,
    /// `DATE/REGION/SERVICE/aws4_request`
    scope: &'r str,
    date: &'r str,
    region: &'r str,
    amz_date: &'r str,
    signed_headers: &'r str,
    signature: [u8; 32],
}

impl<'r> SignedRequest<'r> {
    /// Reads the request's signature, and checks everything that needs no secret.
    pub(super) fn read(head: &'r Parts, region: &str, now: OffsetDateTime) -> Result<Self, PingError> {
        let authorization = match single(&head.headers, header::AUTHORIZATION.as_str()) {
            Ok(value) => value,
            Err(PingError::NotSigned) => return Err(PingError::NotSigned),
            Err(_) => return Err(PingError::Invalid),
        };
        let fields = authorization.strip_prefix(ALGORITHM).ok_or(PingError::NotSigned)?;
        let [credential, signed_headers, signature] = fields_of(fields).ok_or(PingError::Invalid)?;

        let (access_key_id, scope) = credential.split_once('/').ok_or(PingError::Invalid)?;
        let mut parts = scope.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (date, claimed_region, service, end) = (next(), next(), next(), next());
        let amz_date = single(&head.headers, "x-amz-date").map_err(|_| PingError::Invalid)?;
        let scoped = claimed_region == region && service == SERVICE && end == "aws4_request";
        if access_key_id.is_empty() || !scoped || parts.next().is_some() || amz_date.get(..8) != Some(date) {
            return Err(PingError::Invalid);
        }

        // Session credentials are valid only with their token.
        let session_token = single(&head.headers, "x-amz-security-token").map_err(|_| PingError::Invalid)?;
        let names: Vec<&str> = signed_headers.split(';').collect();
        let required = ["host", "x-amz-date", "x-amz-security-token"];
        let canonical = names.is_sorted_by(|a, b| a < b) && !signed_headers.contains(char::is_uppercase);
        if !canonical || required.iter().any(|name| !names.contains(name)) {
            return Err(PingError::Invalid);
        }
        // The body is empty, so no other hash than that of nothing is right.
        if head.headers.contains_key("x-amz-content-sha256")
            && single(&head.headers, "x-amz-content-sha256")
                != Ok(&hex(&digest::digest(&digest::SHA256, b"")))
        {
            return Err(PingError::Invalid);
        }
        if (parse_amz_date(amz_date).ok_or(PingError::Invalid)? - now).abs() > MAX_SKEW {
            return Err(PingError::Expired);
        }
        Ok(Self {
            head,
            access_key_id,
            session_token,
            scope,
            date,
            region: claimed_region,
            amz_date,
            signed_headers,
            signature: unhex(signature).ok_or(PingError::Invalid)?,
        })
    }

    /// The access key id that the signature names.
    pub(super) fn access_key_id(&self) -> &str {
        self.access_key_id
    }

    /// The session token of the request.
    pub(super) fn session_token(&self) -> &str {
        self.session_token
    }

    /// Whether this secret made the signature, compared in constant time.
    pub(super) fn verify(&self, secret: &SecretString) -> Result<(), PingError> {
        let canonical = self.canonical_request()?;
        let hash = hex(&digest::digest(&digest::SHA256, canonical.as_bytes()));
        let string_to_sign = format!("{ALGORITHM}\n{}\n{}\n{hash}", self.amz_date, self.scope);
        let key = self.signing_key(secret);
        hmac::verify(&key, string_to_sign.as_bytes(), &self.signature).map_err(|_| PingError::Invalid)
    }

    fn signing_key(&self, secret: &SecretString) -> hmac::Key {
        let first = Zeroizing::new(["AWS4", secret.expose_secret()].concat());
        [self.date, self.region, SERVICE, "aws4_request"]
            .iter()
            .fold(hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes()), |key, part| {
                hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
            })
    }

    fn canonical_request(&self) -> Result<String, PingError> {
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            self.head.method,
            // The path is encoded once more: only S3 signs it as it is sent.
            encode(self.head.uri.path(), |b| b == b'/'),
            canonical_query(self.head.uri.query().unwrap_or_default())?,
        );
        for name in self.signed_headers.split(';') {
            let mut values = Vec::new();
            for value in self.head.headers.get_all(name) {
                let value = value.to_str().map_err(|_| PingError::Invalid)?;
                values.push(value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
            }
            if values.is_empty() {
                return Err(PingError::Invalid);
            }
            _ = writeln!(canonical, "{name}:{}", values.join(","));
        }
        let body_hash = hex(&digest::digest(&digest::SHA256, b""));
        _ = write!(canonical, "\n{}\n{body_hash}", self.signed_headers);
        Ok(canonical)
    }
}

/// ` Credential=…, SignedHeaders=…, Signature=…`, each once, in any order.
fn fields_of(fields: &str) -> Option<[&str; 3]> {
    let names = ["Credential", "SignedHeaders", "Signature"];
    let fields: Vec<(&str, &str)> =
        fields.strip_prefix(' ')?.split(',').map(|f| f.trim().split_once('=')).collect::<Option<_>>()?;
    if fields.len() != names.len() {
        return None;
    }
    let [a, b, c] = names.map(|name| fields.iter().find(|f| f.0 == name).map(|f| f.1));
    Some([a?, b?, c?])
}

/// A header that must be present once.
fn single<'r>(headers: &'r HeaderMap, name: &str) -> Result<&'r str, PingError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(PingError::NotSigned),
        (Some(value), None) => value.to_str().map_err(|_| PingError::Invalid),
        (Some(_), Some(_)) => Err(PingError::Invalid),
    }
}

/// `YYYYMMDDTHHMMSSZ`
fn parse_amz_date(text: &str) -> Option<OffsetDateTime> {
    let format = parse_borrowed::<2>("[year][month][day]T[hour][minute][second]Z").ok()?;
    PrimitiveDateTime::parse(text, &format).ok().map(PrimitiveDateTime::assume_utc)
}

fn canonical_query(query: &str) -> Result<String, PingError> {
    let mut pairs = Vec::new();
    for field in form::fields(query.as_bytes()) {
        let (name, value) = field.map_err(|form::Malformed| PingError::Invalid)?;
        pairs.push((encode(&name, |_| false), encode(&value, |_| false)));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(pairs.join("&"))
}

/// Percent-encodes everything but RFC 3986's unreserved characters and those kept.
fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || keep(byte) {
            out.push(char::from(byte));
        } else {
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hex(digest: &digest::Digest) -> String {
    digest.as_ref().iter().fold(String::with_capacity(64), |mut out, byte| {
        _ = write!(out, "{byte:02x}");
        out
    })
}

/// 64 lower-case hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
