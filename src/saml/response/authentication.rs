//! Accepting, continued: how and when the person signed in (core 2.7.2).

use super::accept::Check;
use super::expected::Expected;
use super::parts::{instant, one};
use crate::saml::authn_request::{Comparison, ShortDigest};
use crate::saml::refusal::SamlRefusal;
use crate::saml::select::source::Source;
use crate::saml::xml::blanks::trim_blanks;
use crate::saml::xml::names::SAML;
use crate::saml::xml::nodes;
use roxmltree::Node;
use time::{Duration, OffsetDateTime};

/// What AuthnStatements say of times.
pub(super) struct SignIn {
    /// How long ago by our clock; of the statement that selectors see.
    pub(super) age: Duration,
    /// The earliest `SessionNotOnOrAfter` of all.
    pub(super) session_not_on_or_after: Option<OffsetDateTime>,
}

impl Check<'_> {
    /// Profiles 4.1.4.2: at least one AuthnStatement; that which selectors see must be
    /// what was asked for. Core 2.7.2: no session may have ended.
    pub(super) fn authentication(&self, source: Source<'_, '_>) -> Result<SignIn, SamlRefusal> {
        let seen = source.authn_statement().ok_or(SamlRefusal::NoAuthnStatement)?;
        let mut age = None;
        let mut earliest: Option<OffsetDateTime> = None;
        for statement in nodes::children(source.assertion(), SAML, "AuthnStatement") {
            let signed_in = instant(statement, "AuthnInstant")?.ok_or(SamlRefusal::Incomplete)?;
            self.check_not_before("authn_instant", signed_in)?;
            if statement == seen {
                age = Some((self.now - signed_in).max(Duration::ZERO));
                self.requested_authn(statement, signed_in)?;
            }
            if let Some(end) = instant(statement, "SessionNotOnOrAfter")? {
                self.trace.at("session_not_on_or_after", end);
                // Without skew: STS gives no session beyond it, and would be asked with an
                // assertion that counts as used from then on.
                if self.now >= end {
                    return Err(SamlRefusal::SessionOver);
                }
                earliest = Some(earliest.map_or(end, |earlier| earlier.min(end)));
            }
        }
        Ok(SignIn { age: age.ok_or(SamlRefusal::NoAuthnStatement)?, session_not_on_or_after: earliest })
    }

    /// Core 3.3.2.2.1 and 3.4.1: the identity provider must do what the request
    /// asks. It is checked here because the browser that carries an unsigned
    /// request can change it. Only the identity provider knows the order of
    /// strength that `minimum` and the like need; rules can use the context.
    fn requested_authn(&self, statement: Node<'_, '_>, signed_in: OffsetDateTime) -> Result<(), SamlRefusal> {
        let Expected::InResponseTo(sent) = self.expected else { return Ok(()) };
        let configured = &self.provider.requested_authn;
        let request_made = sent.issued_at.saturating_sub(self.service.clock_skew);
        if (configured.force_authn || sent.asked.force_authn) && signed_in < request_made {
            self.trace.at("request_made", sent.issued_at);
            return Err(SamlRefusal::NotReauthenticated);
        }
        let configured = configured.authn_context.as_ref().filter(|c| c.comparison == Comparison::Exact);
        let asked = &sent.asked.class_refs;
        if configured.is_none() && asked.is_empty() {
            return Ok(());
        }
        if let Some(wanted) = configured {
            self.trace.all_ours("authn_context_asked", wanted.class_refs.iter().map(String::as_str));
        }
        let class = self.class_ref(statement)?.ok_or(SamlRefusal::OtherAuthnContext)?;
        // What one request asks for is among what is configured. A reload may have changed that.
        let is_configured = configured.is_none_or(|c| c.class_refs.iter().any(|wanted| wanted == class));
        let is_asked = asked.is_empty() || asked.contains(&ShortDigest::of(class));
        if is_configured && is_asked { Ok(()) } else { Err(SamlRefusal::OtherAuthnContext) }
    }

    fn class_ref<'a>(&self, statement: Node<'a, '_>) -> Result<Option<&'a str>, SamlRefusal> {
        let context = one(statement, "AuthnContext")?.ok_or(SamlRefusal::Incomplete)?;
        let class = one(context, "AuthnContextClassRef")?.and_then(nodes::pure_text).map(trim_blanks);
        self.trace.maybe_theirs("authn_context", class);
        Ok(class)
    }
}
