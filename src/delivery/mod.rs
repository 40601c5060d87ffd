//! How credentials are written out. Pure; a format is a file in this room.
//!
//! A format is one function from a [`HandOver`](crate::broker::HandOver) to
//! bytes that are wiped when they have been sent. To add one: a file here, and
//! the place that offers it.

pub mod credential_process;
pub mod dynamodb;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

/// Room for the secrets and everything beside them: a buffer that grows leaves
/// copies of what it held behind.
fn to_wiped_json(document: &impl Serialize, secret_chars: usize) -> Zeroizing<Vec<u8>> {
    let mut json = Zeroizing::new(Vec::with_capacity(8 * 1024 + 2 * secret_chars));
    // Only a map with other than text keys or a failing writer could fail; there is neither.
    serde_json::to_writer(&mut *json, document).unwrap_or_default();
    json
}

/// `2026-11-23T06:00:00Z`, as AWS's tools write it.
fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
fn example() -> crate::broker::HandOver {
    crate::broker::HandOver {
        credentials: crate::broker::Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "wJalr/\"quoted\"".into(),
            session_token: "IQoJb3JpZ2lu+/=".into(),
            expiration: OffsetDateTime::from_unix_timestamp(1_795_417_200).unwrap(),
        },
        role: "arn:aws:iam::123456789012:role/ADFS-Production".into(),
        account: "123456789012".into(),
        user: "alice@example.com".into(),
        idp: "ADFS".into(),
        name_id: Some("alice".into()),
        rule: "production".into(),
    }
}
