//! Who signed in: the content of an assertion that has passed every check.

use super::message::OriginalResponse;
use crate::saml::authn_request::AuthnRequestId;
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// The person who signed in, proven by one accepted assertion. Only
/// [`VerifiedAssertion::accept`](super::verify::VerifiedAssertion::accept) makes one.
/// `Debug` shows the identity provider and counts, never a value.
pub struct Identity {
    pub(super) idp: String,
    pub(super) issuer: String,
    pub(super) assertion_id: String,
    pub(super) name_id: String,
    pub(super) role_session_name: String,
    pub(super) authn_context: Option<String>,
    pub(super) authn_age: Duration,
    pub(super) session_index: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) values: BTreeMap<String, Vec<String>>,
    pub(super) issued_at: OffsetDateTime,
    pub(super) not_on_or_after: OffsetDateTime,
    pub(super) session_not_on_or_after: Option<OffsetDateTime>,
    pub(super) in_response_to: Option<InResponseTo>,
    pub(super) original: OriginalResponse,
}

/// The request of ours that an assertion answers. It has at most one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InResponseTo {
    /// Its `ID`.
    pub id: AuthnRequestId,
    /// The latest instant at which an answer would be accepted, skew included.
    pub not_on_or_after: OffsetDateTime,
}

impl Identity {
    /// The configured name of the identity provider.
    pub fn idp(&self) -> &str {
        &self.idp
    }
    /// The issuer's entity id.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
    /// The assertion's `ID`, unique per issuer (core 1.3.4).
    pub fn assertion_id(&self) -> &str {
        &self.assertion_id
    }
    /// The subject's NameID.
    pub fn name_id(&self) -> &str {
        &self.name_id
    }
    /// AWS's `RoleSessionName`, as the identity provider asserts it.
    pub fn role_session_name(&self) -> &str {
        &self.role_session_name
    }
    /// The AuthnContextClassRef: how the person signed in.
    pub fn authn_context(&self) -> Option<&str> {
        self.authn_context.as_deref()
    }
    /// How long before it was accepted the person signed in (`AuthnInstant`), by our
    /// clock. Zero where the identity provider's clock is ahead.
    pub fn authn_age(&self) -> Duration {
        self.authn_age
    }
    /// The same person so much later.
    #[must_use]
    pub fn aged_by(mut self, passed: Duration) -> Self {
        self.authn_age += passed.max(Duration::ZERO);
        self
    }
    /// The AuthnStatement's `SessionIndex`.
    pub fn session_index(&self) -> Option<&str> {
        self.session_index.as_deref()
    }
    /// AWS's `Role` values as asserted: `role,provider` in either order, unchecked.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }
    /// A further selected value (`select.NAME` in configuration); empty if absent.
    pub fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
    /// All further selected values, by their names.
    pub fn all_values(&self) -> &BTreeMap<String, Vec<String>> {
        &self.values
    }
    /// The assertion's `IssueInstant`.
    pub fn issued_at(&self) -> OffsetDateTime {
        self.issued_at
    }
    /// The latest instant at which the assertion would be accepted, skew included:
    /// after it there can be no replay.
    pub fn not_on_or_after(&self) -> OffsetDateTime {
        self.not_on_or_after
    }
    /// `SessionNotOnOrAfter`: credentials may not outlive it.
    pub fn session_not_on_or_after(&self) -> Option<OffsetDateTime> {
        self.session_not_on_or_after
    }
    /// The request of ours that it answers; `None` if the identity provider
    /// started the login.
    pub fn in_response_to(&self) -> Option<&InResponseTo> {
        self.in_response_to.as_ref()
    }
    /// The response as received, for STS.
    pub fn original(&self) -> &OriginalResponse {
        &self.original
    }
}

#[cfg(test)]
impl Identity {
    /// An identity for tests of the layers above, which cannot make one otherwise.
    pub(crate) fn for_tests(idp: &str, name_id: &str, roles: &[&str]) -> Self {
        Self {
            idp: idp.to_owned(),
            issuer: format!("urn:test:{idp}"),
            assertion_id: "_for-tests".to_owned(),
            name_id: name_id.to_owned(),
            role_session_name: "for.tests@example.com".to_owned(),
            authn_context: None,
            authn_age: Duration::ZERO,
            session_index: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            values: BTreeMap::new(),
            issued_at: OffsetDateTime::UNIX_EPOCH,
            not_on_or_after: OffsetDateTime::UNIX_EPOCH,
            session_not_on_or_after: None,
            in_response_to: None,
            original: OriginalResponse::new("Zm9yIHRlc3Rz".to_owned()),
        }
    }

    pub(crate) fn with_role_session_name(mut self, text: &str) -> Self {
        text.clone_into(&mut self.role_session_name);
        self
    }

    pub(crate) fn with_authn_context(mut self, text: &str) -> Self {
        self.authn_context = Some(text.to_owned());
        self
    }

    pub(crate) fn with_authn_age(mut self, age: Duration) -> Self {
        self.authn_age = age;
        self
    }

    pub(crate) fn with_values(mut self, name: &str, values: &[&str]) -> Self {
        self.values.insert(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        self
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("idp", &self.idp)
            .field("roles", &self.roles.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_printed() {
        let identity = Identity::for_tests("ADFS", "EXAMPLE\\paula", &["arn:one", "arn:two"]);
        assert_eq!(format!("{identity:?}"), "Identity { idp: \"ADFS\", roles: 2, .. }");
    }
}
