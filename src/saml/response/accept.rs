//! Accepting: is the verified assertion meant for us, and valid now?
//!
//! These are the checks of the Web Browser SSO profile (profiles 4.1.4.2 and
//! 4.1.4.3). Most of its SHOULD and MAY are a must here.

use super::decrypt::decrypt_values;
use super::expected::{Expected, ServiceProvider};
use super::identity::{Identity, InResponseTo};
use super::message::OriginalResponse;
use super::parts::{bearers, id, in_response_to, instant, one, uri};
use super::refused::RefusedAssertion;
use super::status::{SUCCESS, failure, status_code, trace_status};
use super::verify::VerifiedAssertion;
use crate::saml::authn_request::SentAuthnRequest;
use crate::saml::provider::IdentityProvider;
use crate::saml::refusal::SamlRefusal;
use crate::saml::select::source::Source;
use crate::saml::trace::{Step, Tracer};
use crate::saml::xml::blanks::{is_blank, trim_blanks};
use crate::saml::xml::names::{DSIG, SAML, SAMLP};
use crate::saml::xml::nodes;
use roxmltree::{Node, NodeType};
use time::OffsetDateTime;

/// The only format an issuer may have (profiles 4.1.4.2; core 8.3.6).
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

impl VerifiedAssertion<'_, '_> {
    /// Checks that the assertion is meant for us and valid now, and reads who
    /// signed in.
    ///
    /// # Errors
    /// `MetadataExpired`, or an accepting or selecting [`SamlRefusal`] (`NotSuccess`
    /// and below), with what the assertion says of itself.
    pub fn accept(
        self,
        service: &ServiceProvider,
        expected: Expected<'_>,
        now: OffsetDateTime,
    ) -> Result<Identity, Box<RefusedAssertion>> {
        let trace = self.message.trace;
        let nodes = self.document.get_node(self.response).zip(self.document.get_node(self.assertion));
        let Some((response, assertion)) = nodes else {
            return Err(RefusedAssertion::unread(SamlRefusal::Incomplete));
        };
        let refused =
            |refusal, assertion| RefusedAssertion::new(refusal, assertion, self.provider, &service.acs_url);
        trace.step(Step::Metadata);
        if let Some(end) = self.provider.validity.until {
            trace.at("valid_until", end);
            if end <= now {
                return Err(refused(SamlRefusal::MetadataExpired, assertion));
            }
        }
        let check = Check { service, provider: self.provider, expected, now, trace };
        let original = self.message.base64();
        let decrypted = decrypt_values(assertion, &service.decryption_keys, trace)
            .map_err(|refusal| refused(refusal, assertion))?;
        let Some(decrypted) = decrypted else {
            let accepted = check.all(response, self.response_is_signed, assertion, original);
            return accepted.map_err(|refusal| refused(refusal, assertion));
        };
        // The same tree, except for the values that were encrypted inside the
        // signed assertion (`splice.rs`).
        let document = decrypted
            .parse(&self.message.limits)
            .map_err(|_| refused(SamlRefusal::ValueNotDecryptable, assertion))?;
        let response = document.root_element();
        let Ok(Some(assertion)) = one(response, "Assertion") else {
            return Err(refused(SamlRefusal::Incomplete, assertion));
        };
        let accepted = check.all(response, self.response_is_signed, assertion, original);
        accepted.map_err(|refusal| refused(refusal, assertion))
    }
}

pub(super) struct Check<'c> {
    pub(super) service: &'c ServiceProvider,
    pub(super) provider: &'c IdentityProvider,
    pub(super) expected: Expected<'c>,
    pub(super) now: OffsetDateTime,
    pub(super) trace: Tracer<'c>,
}

impl Check<'_> {
    fn all(
        &self,
        response: Node<'_, '_>,
        response_is_signed: bool,
        assertion: Node<'_, '_>,
        original: &OriginalResponse,
    ) -> Result<Identity, SamlRefusal> {
        // The Response. Where only the assertion is signed, its sender controls
        // these values: they can get it refused, and add nothing to it.
        self.trace.step(Step::Status);
        self.status(response)?;
        self.trace.step(Step::Response);
        only_known_children(response)?;
        self.header(response)?;
        self.response_issuer(response)?;
        self.trace.step(Step::Destination);
        self.destination(response, response_is_signed)?;
        self.trace.step(Step::Request);
        self.request(in_response_to(response))?;

        // The Assertion.
        self.trace.step(Step::Assertion);
        let issued = self.header(assertion)?;
        self.assertion_issuer(assertion)?;
        self.trace.step(Step::Subject);
        let confirmed_until = self.subject(assertion)?;
        self.trace.step(Step::Conditions);
        let valid_until = self.conditions(assertion)?;
        self.trace.step(Step::Limits);
        self.limits(issued, valid_until.map_or(confirmed_until, |end| end.max(confirmed_until)))?;
        self.trace.step(Step::Authentication);
        let source = Source::of(assertion);
        let sign_in = self.authentication(source)?;

        let not_on_or_after = valid_until.map_or(confirmed_until, |end| end.min(confirmed_until));
        self.trace.step(Step::Values);
        let selected = self.provider.selectors.read(source, self.trace)?;
        Ok(Identity {
            idp: self.provider.name.clone(),
            issuer: self.provider.entity_id.clone(),
            assertion_id: id(assertion)?.to_owned(),
            name_id: selected.name_id,
            role_session_name: selected.role_session_name,
            authn_context: selected.authn_context,
            authn_age: sign_in.age,
            session_index: selected.session_index,
            roles: selected.roles,
            values: selected.more,
            issued_at: issued,
            not_on_or_after: not_on_or_after.saturating_add(self.service.clock_skew),
            session_not_on_or_after: sign_in.session_not_on_or_after,
            in_response_to: match self.expected {
                Expected::InResponseTo(sent) => Some(InResponseTo {
                    id: sent.id.clone(),
                    not_on_or_after: self
                        .service
                        .request_not_on_or_after(sent.issued_at)
                        .saturating_add(self.service.clock_skew),
                }),
                Expected::Unsolicited => None,
            },
            original: original.clone(),
        })
    }

    /// Core 3.2.2.2: the one top-level status code is that of success.
    fn status(&self, response: Node<'_, '_>) -> Result<(), SamlRefusal> {
        trace_status(response, self.trace);
        match status_code(response) {
            Some(SUCCESS) => Ok(()),
            Some(_) => Err(failure(response)),
            None => Err(SamlRefusal::Incomplete),
        }
    }

    /// Core 2.3.3 and 3.2.2: `ID`, `Version` and `IssueInstant` are required.
    /// Returns the last.
    fn header(&self, message: Node<'_, '_>) -> Result<OffsetDateTime, SamlRefusal> {
        id(message)?;
        let version = nodes::attribute(message, "Version");
        self.trace.maybe_theirs("version", version);
        if version.ok_or(SamlRefusal::Incomplete)? != "2.0" {
            return Err(SamlRefusal::WrongVersion);
        }
        let issued = instant(message, "IssueInstant")?.ok_or(SamlRefusal::Incomplete)?;
        self.check_not_before("issue_instant", issued)?;
        Ok(issued)
    }

    /// Profiles 4.1.4.2: the Response may have no issuer where only the assertion
    /// is signed. If it has one, it must be the identity provider.
    fn response_issuer(&self, response: Node<'_, '_>) -> Result<(), SamlRefusal> {
        one(response, "Issuer")?.map_or(Ok(()), |issuer| self.issuer(issuer))
    }

    /// Profiles 4.1.4.2: the assertion's issuer is the identity provider.
    fn assertion_issuer(&self, assertion: Node<'_, '_>) -> Result<(), SamlRefusal> {
        self.issuer(one(assertion, "Issuer")?.ok_or(SamlRefusal::Incomplete)?)
    }

    fn issuer(&self, issuer: Node<'_, '_>) -> Result<(), SamlRefusal> {
        if uri(issuer, "Format").is_some_and(|format| format != ENTITY) {
            return Err(SamlRefusal::Incomplete);
        }
        self.trace.maybe_theirs("issuer", nodes::pure_text(issuer));
        if nodes::pure_text(issuer) != Some(&self.provider.entity_id) {
            return Err(SamlRefusal::IssuerMismatch);
        }
        Ok(())
    }

    /// Bindings 3.5.5.2: a signed message must have a `Destination`. Core
    /// 3.2.2: if there is one, it must be the address that received the message.
    fn destination(&self, response: Node<'_, '_>, is_signed: bool) -> Result<(), SamlRefusal> {
        let destination = uri(response, "Destination");
        self.trace.maybe_theirs("destination", destination);
        self.trace.ours("ours", &self.service.acs_url);
        match destination {
            Some(destination) if destination == self.service.acs_url => Ok(()),
            None if !is_signed => Ok(()),
            _ => Err(SamlRefusal::WrongDestination),
        }
    }

    /// Profiles 4.1.4.3 and 4.1.5: the `InResponseTo` of the Response and of the
    /// subject confirmation. It names the request that was sent, to this identity
    /// provider; an unsolicited response has none, or one of the literals.
    fn request(&self, in_response_to: Option<&str>) -> Result<(), SamlRefusal> {
        self.trace.maybe_private("in_response_to", in_response_to);
        match self.expected {
            Expected::InResponseTo(SentAuthnRequest { id, idp, issued_at, asked: _ }) => {
                if in_response_to != Some(id.as_str()) || *idp != self.provider.name {
                    return Err(SamlRefusal::UnknownRequest);
                }
                self.check_not_before("request_made", *issued_at)?;
                self.check_not_on_or_after(
                    "request_ends",
                    self.service.request_not_on_or_after(*issued_at),
                    SamlRefusal::RequestExpired,
                )
            }
            Expected::Unsolicited => {
                let literals = &self.provider.in_response_to_literals;
                if !in_response_to.is_none_or(|value| literals.iter().any(|literal| literal == value)) {
                    return Err(SamlRefusal::UnknownRequest);
                }
                if self.provider.idp_initiated { Ok(()) } else { Err(SamlRefusal::UnsolicitedRefused) }
            }
        }
    }

    /// Our own limits on the age and the lifetime of an assertion.
    fn limits(&self, issued: OffsetDateTime, end: OffsetDateTime) -> Result<(), SamlRefusal> {
        let ServiceProvider { clock_skew, max_assertion_age, max_assertion_lifetime, .. } = self.service;
        if let Some(max) = max_assertion_age {
            self.trace.at("max_assertion_age_ends", issued.saturating_add(*max));
        }
        if let Some(max) = max_assertion_lifetime {
            self.trace.at("max_assertion_lifetime_ends", issued.saturating_add(*max));
            self.trace.at("assertion_ends", end);
        }
        if max_assertion_age.is_some_and(|max| self.now - issued > max.saturating_add(*clock_skew)) {
            return Err(SamlRefusal::TooOld);
        }
        if max_assertion_lifetime.is_some_and(|max| end - issued > max) {
            return Err(SamlRefusal::LivesTooLong);
        }
        Ok(())
    }

    /// Profiles 4.1.4.2: at least one bearer confirmation must hold. Returns the
    /// latest end of those that do.
    fn subject(&self, assertion: Node<'_, '_>) -> Result<OffsetDateTime, SamlRefusal> {
        let subject = one(assertion, "Subject")?.ok_or(SamlRefusal::Incomplete)?;
        let mut outcome = Err(SamlRefusal::NotBearer);
        for bearer in bearers(subject) {
            outcome = match (outcome, self.bearer(bearer)) {
                (Ok(one), Ok(other)) => Ok(one.max(other)),
                (Ok(end), Err(_)) | (Err(_), Ok(end)) => Ok(end),
                // The first reason is the useful one: a second bearer is rare.
                (Err(SamlRefusal::NotBearer), Err(reason)) => Err(reason),
                (Err(reason), Err(_)) => Err(reason),
            };
        }
        outcome
    }

    /// Profiles 4.1.4.2: `Recipient` is our ACS, `NotOnOrAfter` is present and
    /// in the future, `NotBefore` is absent, `InResponseTo` is the expected one.
    /// `Address` is not checked: behind proxies it has no meaning.
    fn bearer(&self, confirmation: Node<'_, '_>) -> Result<OffsetDateTime, SamlRefusal> {
        let data = one(confirmation, "SubjectConfirmationData")?.ok_or(SamlRefusal::Incomplete)?;
        let recipient = uri(data, "Recipient");
        self.trace.maybe_theirs("recipient", recipient);
        self.trace.ours("ours", &self.service.acs_url);
        if recipient.ok_or(SamlRefusal::Incomplete)? != self.service.acs_url {
            return Err(SamlRefusal::WrongRecipient);
        }
        if nodes::attribute(data, "NotBefore").is_some() {
            return Err(SamlRefusal::Incomplete);
        }
        let end = instant(data, "NotOnOrAfter")?.ok_or(SamlRefusal::Incomplete)?;
        self.check_not_on_or_after("not_on_or_after", end, SamlRefusal::Expired)?;
        self.request(in_response_to(data))?;
        Ok(end)
    }

    /// Core 2.5.1: every condition must hold, and one that is not understood
    /// does not. Returns `NotOnOrAfter`, if present.
    fn conditions(&self, assertion: Node<'_, '_>) -> Result<Option<OffsetDateTime>, SamlRefusal> {
        // Without conditions there would be no audience.
        let conditions = one(assertion, "Conditions")?.ok_or(SamlRefusal::WrongAudience)?;
        // Core 2.5.1.2.
        if let Some(begin) = instant(conditions, "NotBefore")? {
            self.check_not_before("not_before", begin)?;
        }
        let end = instant(conditions, "NotOnOrAfter")?;
        if let Some(end) = end {
            self.check_not_on_or_after("not_on_or_after", end, SamlRefusal::Expired)?;
        }
        let mut restricted = false;
        for condition in conditions.children().filter(Node::is_element) {
            if nodes::is(condition, SAML, "AudienceRestriction") {
                self.audience(condition)?;
                restricted = true;
            } else if !nodes::is(condition, SAML, "OneTimeUse")
                && !nodes::is(condition, SAML, "ProxyRestriction")
            {
                // Core 2.5.1.5: every assertion is used only once here anyway.
                // Core 2.5.1.6: no further assertion is issued from this one.
                self.trace.theirs("condition", condition.tag_name().name());
                return Err(SamlRefusal::UnknownCondition);
            }
        }
        // Profiles 4.1.4.2: a bearer assertion must restrict its audience.
        if restricted { Ok(end) } else { Err(SamlRefusal::WrongAudience) }
    }

    /// Core 2.5.1.4: one of the audiences of this restriction is ours. If there
    /// are several restrictions, each must hold.
    fn audience(&self, restriction: Node<'_, '_>) -> Result<(), SamlRefusal> {
        let own = &self.provider.audiences;
        let ours = if own.is_empty() { &self.service.audiences } else { own };
        self.trace.all_ours("audience_accepted", ours.iter().map(String::as_str));
        let mut found = false;
        for audience in nodes::children(restriction, SAML, "Audience") {
            let audience = nodes::pure_text(audience).map(trim_blanks).ok_or(SamlRefusal::ValueNotText)?;
            self.trace.theirs("audience", audience);
            found |= ours.iter().any(|ours| ours == audience);
        }
        if found { Ok(()) } else { Err(SamlRefusal::WrongAudience) }
    }

    /// Refuses an instant in the future, skew aside. Saturating, so that the year
    /// 9999 does not panic.
    pub(super) fn check_not_before(
        &self,
        name: &'static str,
        begin: OffsetDateTime,
    ) -> Result<(), SamlRefusal> {
        self.trace.at(name, begin);
        if self.now < begin.saturating_sub(self.service.clock_skew) {
            Err(SamlRefusal::NotYetValid)
        } else {
            Ok(())
        }
    }

    /// Core 2.5.1.2: refuses at and after `NotOnOrAfter`, skew aside.
    fn check_not_on_or_after(
        &self,
        name: &'static str,
        end: OffsetDateTime,
        refusal: SamlRefusal,
    ) -> Result<(), SamlRefusal> {
        self.trace.at(name, end);
        if self.now >= end.saturating_add(self.service.clock_skew) { Err(refusal) } else { Ok(()) }
    }
}

/// Core 3.2.2 and 3.3.3: what a Response may have as children.
fn only_known_children(response: Node<'_, '_>) -> Result<(), SamlRefusal> {
    let known = [
        (SAML, "Issuer"),
        (DSIG, "Signature"),
        (SAMLP, "Extensions"),
        (SAMLP, "Status"),
        (SAML, "Assertion"),
    ];
    let is_known = |child: Node<'_, '_>| match child.node_type() {
        NodeType::Element => known.iter().any(|(namespace, name)| nodes::is(child, namespace, name)),
        NodeType::Text => child.text().is_some_and(is_blank),
        NodeType::Comment => true,
        NodeType::PI | NodeType::Root => false,
    };
    if response.children().all(is_known) { Ok(()) } else { Err(SamlRefusal::Incomplete) }
}

#[cfg(test)]
mod tests;
