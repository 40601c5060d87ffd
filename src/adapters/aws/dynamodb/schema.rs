//! The tables, their keys and their items.
//!
//! **`SAMLSessions`**, everything that lives minutes. Key `identityhash`:
//! - a session's handle, or that of a part of a choice: the *session item*, `phase` =
//!   `reserved` | `waiting` | `choosing`, `login_id`, `ends_at`, and once waiting, or where it
//!   is a choice, `jti` and `sealed`;
//! - `login:` + login id: the *marker* of an open login, `phase` = `started` |
//!   `issued` | `replaced` (another login has the session id, and this
//!   one's session was never taken), `login_id`, `session_handle`, `ends_at`; of a choice
//!   `choosing` | `over` (another login has the session id), and `issued_at`, when its assertion
//!   was issued. The sweeper finds what never ended by it, and a part of a choice is begun on
//!   condition of its choice's. It has no TTL: an open login is not forgotten;
//! - `readiness`: written by the readiness probe.
//!
//! **`SAMLClaims`**. Key `handle` (of issuer and assertion id, or of a request that
//! was answered): `login_id`, `ends_at`. DynamoDB's TTL removes them. The item `meta` has
//! `alive_at`, `accept_issued_from` and `layout`.
//!
//! **`SAMLUsers`**. Key `CognitoID` = `idp#NameID`: `name`, `last_authentication`,
//! `authentications` (how many), `last_role`, `last_session`, `last_login`; and for each role
//! that was chosen in a choice, the newest 20, when it was had last: `role:` + its ARN.
//!
//! **`SAMLAudit`**, append-only: no role needs a permission to update or delete in
//! it. Key `login_id`, `step`: the key itself lets each login have each step once
//! and one end. A refusal, which opened no login, has an id of its own
//! (`refused:…`). Index `by-time` (`trail`, always `all`; `recorded`): the newest,
//! or those of a day (`begins_with(recorded, '2026-11-23')`). Index `by-person`
//! (`person` = `idp#NameID`; `recorded`). Index `by-access-key`
//! (`access_key_id`; `recorded`): from a CloudTrail event to its person.
//!
//! **`SAMLKeys`**: see [`kms`](crate::adapters::aws::kms).
//!
//! Instants in conditions (`ends_at`, `at`) are numbers, nanoseconds since 1970,
//! so that a condition decides exactly as the caller's clock would. `expires` is
//! the TTL attribute, in seconds since 1970 as DynamoDB wants it, later than
//! `ends_at`: it cleans up, and decides nothing.
//!
//! No attribute that occurs in an expression is a reserved word, except `name`.

use crate::broker::{Handle, LoginId};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;
use time::{Duration, OffsetDateTime};

/// The TTL attribute of [`Tables::sessions`] and [`Tables::claims`].
pub const TTL_ATTRIBUTE: &str = "expires";

/// Index of [`Tables::audit`].
pub const BY_TIME: &str = "by-time";
/// Index of [`Tables::audit`].
pub const BY_PERSON: &str = "by-person";
/// Index of [`Tables::audit`].
pub const BY_ACCESS_KEY: &str = "by-access-key";

/// The value of `trail`, the key of the index by time. One partition takes a thousand
/// events a second, three hundred logins; beyond that, trails would be numbered.
pub(super) const TRAIL: &str = "all";

/// How much longer than its end DynamoDB's TTL leaves an item: longer than the
/// sweeper's interval, since a session that the TTL removed first looks as if
/// it had been taken (and is reported as uncertain, not as expired).
pub(super) const TTL_GRACE: Duration = Duration::hours(1);

/// The same for names used once: a day, whatever our clocks and those of identity
/// providers do meanwhile.
pub(super) const CLAIM_TTL_GRACE: Duration = Duration::days(1);

/// The names of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// `SAMLSessions`
    pub sessions: String,
    /// `SAMLClaims`
    pub claims: String,
    /// `SAMLUsers`
    pub users: String,
    /// `SAMLAudit`
    pub audit: String,
}

/// The default names, after an environment's prefix (`test-`), if any.
impl Tables {
    /// `prefix` + `SAMLSessions` and so on.
    pub fn prefixed(prefix: &str) -> Self {
        let table = |name| format!("{prefix}{name}");
        Self {
            sessions: table("SAMLSessions"),
            claims: table("SAMLClaims"),
            users: table("SAMLUsers"),
            audit: table("SAMLAudit"),
        }
    }
}

pub(in crate::adapters::aws) type Item = HashMap<String, AttributeValue>;

/// Where the marker of an open login is, among the sessions. No handle has a `:`.
pub(super) fn marker(login: &LoginId) -> AttributeValue {
    text(format!("login:{}", login.as_str()))
}

pub(super) fn key(name: &str, value: AttributeValue) -> Item {
    HashMap::from([(name.to_owned(), value)])
}

pub(in crate::adapters::aws) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn handle(handle: &Handle) -> AttributeValue {
    text(handle.as_str())
}

pub(super) fn id(login: &LoginId) -> AttributeValue {
    text(login.as_str())
}

/// Exact to the nanosecond.
pub(in crate::adapters::aws) fn instant(at: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(at.unix_timestamp_nanos().to_string())
}

/// For the TTL attribute of a name used once.
pub(super) fn claim_expires(ends_at: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(ends_at.saturating_add(CLAIM_TTL_GRACE).unix_timestamp().to_string())
}

/// For the TTL attribute.
pub(super) fn expires(ends_at: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(ends_at.saturating_add(TTL_GRACE).unix_timestamp().to_string())
}

pub(in crate::adapters::aws) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(in crate::adapters::aws) fn instant_of(item: &Item, name: &str) -> Option<OffsetDateTime> {
    let nanos = item.get(name)?.as_n().ok()?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// An instant as people read and DynamoDB sorts it: UTC, always nine digits of a second.
pub(super) fn sortable(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, nano) = at.time().as_hms_nano();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z")
}
