//! What formats write.

use time::OffsetDateTime;

/// What a login ends with.
pub struct HandOver<'a> {
    pub handed_over: HandedOver<'a>,
    /// When it ends.
    pub expiration: OffsetDateTime,
    /// The role's ARN.
    pub role: &'a str,
    /// The 12-digit account.
    pub account: &'a str,
    /// The role session name.
    pub user: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
    /// Whether the rule narrows what the role may do. `None` where nobody knows.
    pub limited: Option<bool>,
}

/// Credentials, or what signs in by them.
pub enum HandedOver<'a> {
    Credentials(Credentials<'a>),
    /// To the AWS console, by this address.
    Console(&'a str),
}

/// What AWS's tools sign with.
pub struct Credentials<'a> {
    pub access_key_id: &'a str,
    pub secret_access_key: &'a str,
    pub session_token: &'a str,
}

#[cfg(test)]
pub(super) const CREDENTIALS: Credentials<'static> = Credentials {
    access_key_id: "ASIAEXAMPLE",
    secret_access_key: "wJalr/\"quoted\"",
    session_token: "IQoJb3JpZ2lu+/=",
};

#[cfg(test)]
pub(super) fn example() -> HandOver<'static> {
    HandOver {
        handed_over: HandedOver::Credentials(CREDENTIALS),
        expiration: OffsetDateTime::from_unix_timestamp(1_795_417_200).unwrap(),
        role: "arn:aws:iam::123456789012:role/ADFS-Production",
        account: "123456789012",
        user: "alice@example.com",
        rule: "production",
        limited: Some(true),
    }
}
