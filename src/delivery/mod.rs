//! How credentials are written out. Pure; each format is a file of this layer.
//!
//! A format is one function from a [`HandOver`](crate::broker::HandOver), or from the
//! [`Credentials`](crate::broker::Credentials) where it knows no others, to bytes that are wiped once they have been sent. A new one is a file here and
//! a route that offers it.

pub mod credential_process;
pub mod dynamodb;
mod json;

pub use json::rfc3339;

#[cfg(test)]
fn credentials() -> crate::broker::Credentials {
    crate::broker::Credentials {
        access_key_id: "ASIAEXAMPLE".into(),
        secret_access_key: "wJalr/\"quoted\"".into(),
        session_token: "IQoJb3JpZ2lu+/=".into(),
        expiration: time::OffsetDateTime::from_unix_timestamp(1_795_417_200).unwrap(),
    }
}

#[cfg(test)]
fn example() -> crate::broker::HandOver {
    crate::broker::HandOver {
        handed_over: crate::broker::HandedOver::Credentials(credentials()),
        role: "arn:aws:iam::123456789012:role/ADFS-Production".into(),
        account: "123456789012".into(),
        user: "alice@example.com".into(),
        idp: "ADFS".into(),
        name_id: Some("alice".into()),
        rule: "production".into(),
        limited: Some(true),
        reason: None,
        choice: None,
    }
}
