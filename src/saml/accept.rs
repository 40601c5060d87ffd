//! Accepting: the genuine assertion's conditions against us and the clock.
//!
//! These are the checks of the Web Browser SSO profile (profiles 4.1.4.2 and
//! 4.1.4.3). Where the specification says SHOULD or MAY, we mostly say must.

use super::instant::parse_instant;
use super::response::{SUCCESS, status_code};
use super::xml::{self, SAML};
use super::{Identity, IdentityProvider, Refusal, VerifiedAssertion};
use roxmltree::Node;
use time::{Duration, OffsetDateTime};

/// `SubjectConfirmation/@Method` of the browser profile (profiles 3.3).
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The only format an issuer may have (profiles 4.1.4.2; core 8.3.6).
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// What an assertion must be addressed to.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    /// Our entity id, as metadata publishes it.
    pub entity_id: String,
    /// The Assertion Consumer Service: `public_url` + `/saml`.
    pub acs_url: String,
    /// Audiences accepted when the identity provider's own list is empty.
    pub audiences: Vec<String>,
    /// How far clocks may differ. Applied to both ends of every window.
    pub clock_skew: Duration,
}

impl VerifiedAssertion<'_, '_> {
    /// Is it meant for us, now, and who is it about?
    ///
    /// # Errors
    /// An accepting or selecting [`Refusal`] (`NotSuccess` and below).
    pub fn accept(self, service: &ServiceProvider, now: OffsetDateTime) -> Result<Identity, Refusal> {
        let response = self.document.get_node(self.response).ok_or(Refusal::Incomplete)?;
        let assertion = self.document.get_node(self.assertion).ok_or(Refusal::Incomplete)?;
        let check = Check { service, provider: self.provider, now };

        // The Response. Where only the assertion is signed, these are claims of
        // whoever delivered it: they may refuse it, and add nothing to it.
        check.status(response)?;
        check.header(response)?;
        check.response_issuer(response)?;
        check.destination(response, self.response_is_signed)?;
        check.request(xml::attribute(response, "InResponseTo"))?;

        // The Assertion.
        check.header(assertion)?;
        check.assertion_issuer(assertion)?;
        let confirmed_until = check.subject(assertion)?;
        let valid_until = check.conditions(assertion)?;
        let session_not_on_or_after = check.authentication(assertion)?;

        let not_on_or_after = valid_until.map_or(confirmed_until, |end| end.min(confirmed_until));
        let selected = self.provider.selectors.read(assertion)?;
        Ok(Identity {
            idp: self.provider.name.clone(),
            issuer: self.provider.entity_id.clone(),
            assertion_id: required(assertion, "ID")?.to_owned(),
            name_id: selected.name_id,
            role_session_name: selected.role_session_name,
            authn_context: selected.authn_context,
            session_index: selected.session_index,
            roles: selected.roles,
            values: selected.more,
            not_on_or_after: not_on_or_after.saturating_add(service.clock_skew),
            session_not_on_or_after,
            original: self.message.base64().clone(),
        })
    }
}

struct Check<'c> {
    service: &'c ServiceProvider,
    provider: &'c IdentityProvider,
    now: OffsetDateTime,
}

impl Check<'_> {
    /// Core 3.2.2.2: the one top-level status code is that of success.
    fn status(&self, response: Node<'_, '_>) -> Result<(), Refusal> {
        match status_code(response) {
            Some(SUCCESS) => Ok(()),
            Some(_) => Err(Refusal::NotSuccess),
            None => Err(Refusal::Incomplete),
        }
    }

    /// Core 2.3.3 and 3.2.2: `ID`, `Version`, `IssueInstant`, all required.
    fn header(&self, message: Node<'_, '_>) -> Result<(), Refusal> {
        required(message, "ID")?;
        if required(message, "Version")? != "2.0" {
            return Err(Refusal::WrongVersion);
        }
        self.begun(instant(message, "IssueInstant")?.ok_or(Refusal::Incomplete)?)
    }

    /// Profiles 4.1.4.2: a response's issuer may be omitted where only the
    /// assertion is signed; bindings 3.5.5.2 aside, a present one must agree.
    fn response_issuer(&self, response: Node<'_, '_>) -> Result<(), Refusal> {
        one(response, "Issuer")?.map_or(Ok(()), |issuer| self.issuer(issuer))
    }

    /// Profiles 4.1.4.2: the assertion's issuer is the identity provider.
    fn assertion_issuer(&self, assertion: Node<'_, '_>) -> Result<(), Refusal> {
        self.issuer(one(assertion, "Issuer")?.ok_or(Refusal::Incomplete)?)
    }

    fn issuer(&self, issuer: Node<'_, '_>) -> Result<(), Refusal> {
        if xml::attribute(issuer, "Format").is_some_and(|format| format != ENTITY) {
            return Err(Refusal::Incomplete);
        }
        if xml::pure_text(issuer) != Some(&self.provider.entity_id) {
            return Err(Refusal::IssuerMismatch);
        }
        Ok(())
    }

    /// Bindings 3.5.5.2: a signed message must have a `Destination`. Core
    /// 3.2.2: where there is one, it must be the place the message came to.
    fn destination(&self, response: Node<'_, '_>, is_signed: bool) -> Result<(), Refusal> {
        match xml::attribute(response, "Destination") {
            Some(destination) if destination == self.service.acs_url => Ok(()),
            None if !is_signed => Ok(()),
            _ => Err(Refusal::WrongDestination),
        }
    }

    /// Profiles 4.1.4.3 and 4.1.5: which `InResponseTo` a response, or its
    /// subject confirmation, may have. The one place that will also know the
    /// requests made here, once logins can start here.
    fn request(&self, in_response_to: Option<&str>) -> Result<(), Refusal> {
        let is_literal = |value: &str| self.provider.in_response_to_literals.iter().any(|l| l == value);
        if !in_response_to.is_none_or(is_literal) {
            return Err(Refusal::UnknownRequest);
        }
        if self.provider.idp_initiated { Ok(()) } else { Err(Refusal::UnsolicitedRefused) }
    }

    /// Profiles 4.1.4.2: at least one bearer confirmation must hold. Returns
    /// until when, of those that do, the last one does.
    fn subject(&self, assertion: Node<'_, '_>) -> Result<OffsetDateTime, Refusal> {
        let subject = one(assertion, "Subject")?.ok_or(Refusal::Incomplete)?;
        let bearers = xml::children(subject, SAML, "SubjectConfirmation")
            .filter(|confirmation| xml::attribute(*confirmation, "Method") == Some(BEARER));
        let mut outcome = Err(Refusal::NotBearer);
        for bearer in bearers {
            outcome = match (outcome, self.bearer(bearer)) {
                (Ok(one), Ok(other)) => Ok(one.max(other)),
                (Ok(end), Err(_)) | (Err(_), Ok(end)) => Ok(end),
                // The first reason tells most: a second bearer is rare.
                (Err(Refusal::NotBearer), Err(reason)) => Err(reason),
                (Err(reason), Err(_)) => Err(reason),
            };
        }
        outcome
    }

    /// Profiles 4.1.4.2: `Recipient` is our ACS, `NotOnOrAfter` is there and
    /// ahead, `NotBefore` is not there, `InResponseTo` is as asked. `Address`
    /// is not looked at: behind proxies it says nothing.
    fn bearer(&self, confirmation: Node<'_, '_>) -> Result<OffsetDateTime, Refusal> {
        let data = one(confirmation, "SubjectConfirmationData")?.ok_or(Refusal::Incomplete)?;
        if required(data, "Recipient")? != self.service.acs_url {
            return Err(Refusal::WrongRecipient);
        }
        if xml::attribute(data, "NotBefore").is_some() {
            return Err(Refusal::Incomplete);
        }
        let end = instant(data, "NotOnOrAfter")?.ok_or(Refusal::Incomplete)?;
        self.not_over(end, Refusal::Expired)?;
        self.request(xml::attribute(data, "InResponseTo"))?;
        Ok(end)
    }

    /// Core 2.5.1: every condition must hold, and one that is not understood
    /// does not. Returns the end of the window, if there is one here too.
    fn conditions(&self, assertion: Node<'_, '_>) -> Result<Option<OffsetDateTime>, Refusal> {
        // Without conditions there would be no audience.
        let conditions = one(assertion, "Conditions")?.ok_or(Refusal::WrongAudience)?;
        // Core 2.5.1.2.
        if let Some(begin) = instant(conditions, "NotBefore")? {
            self.begun(begin)?;
        }
        let end = instant(conditions, "NotOnOrAfter")?;
        if let Some(end) = end {
            self.not_over(end, Refusal::Expired)?;
        }
        let mut restricted = false;
        for condition in conditions.children().filter(Node::is_element) {
            if xml::is(condition, SAML, "AudienceRestriction") {
                self.audience(condition)?;
                restricted = true;
            } else if !xml::is(condition, SAML, "OneTimeUse") && !xml::is(condition, SAML, "ProxyRestriction")
            {
                // Core 2.5.1.5: every assertion is used once here anyway.
                // Core 2.5.1.6: no assertion is ever issued from it.
                return Err(Refusal::UnknownCondition);
            }
        }
        // Profiles 4.1.4.2: a bearer assertion must restrict its audience.
        if restricted { Ok(end) } else { Err(Refusal::WrongAudience) }
    }

    /// Core 2.5.1.4: one of this restriction's audiences is us. Several
    /// restrictions must each hold.
    fn audience(&self, restriction: Node<'_, '_>) -> Result<(), Refusal> {
        let own = &self.provider.audiences;
        let ours = if own.is_empty() { &self.service.audiences } else { own };
        let mut found = false;
        for audience in xml::children(restriction, SAML, "Audience") {
            let audience = xml::pure_text(audience).ok_or(Refusal::ValueNotText)?;
            found |= ours.iter().any(|ours| ours == audience);
        }
        if found { Ok(()) } else { Err(Refusal::WrongAudience) }
    }

    /// Profiles 4.1.4.2: at least one AuthnStatement. Core 2.7.2: the session
    /// there must not be over. Returns the earliest end.
    fn authentication(&self, assertion: Node<'_, '_>) -> Result<Option<OffsetDateTime>, Refusal> {
        let mut statements = 0;
        let mut earliest: Option<OffsetDateTime> = None;
        for statement in xml::children(assertion, SAML, "AuthnStatement") {
            statements += 1;
            self.begun(instant(statement, "AuthnInstant")?.ok_or(Refusal::Incomplete)?)?;
            if let Some(end) = instant(statement, "SessionNotOnOrAfter")? {
                self.not_over(end, Refusal::SessionOver)?;
                earliest = Some(earliest.map_or(end, |earlier| earlier.min(end)));
            }
        }
        if statements == 0 { Err(Refusal::NoAuthnStatement) } else { Ok(earliest) }
    }

    /// Not in the future, but for the skew. Saturating: the year 9999 is no panic.
    fn begun(&self, begin: OffsetDateTime) -> Result<(), Refusal> {
        if self.now < begin.saturating_sub(self.service.clock_skew) {
            Err(Refusal::NotYetValid)
        } else {
            Ok(())
        }
    }

    /// Core 2.5.1.2: at `NotOnOrAfter` it is over, but for the skew.
    fn not_over(&self, end: OffsetDateTime, refusal: Refusal) -> Result<(), Refusal> {
        if self.now >= end.saturating_add(self.service.clock_skew) { Err(refusal) } else { Ok(()) }
    }
}

/// An attribute that must be there and not be empty.
fn required<'a>(element: Node<'a, '_>, name: &str) -> Result<&'a str, Refusal> {
    xml::attribute(element, name).filter(|value| !value.is_empty()).ok_or(Refusal::Incomplete)
}

/// An instant, if the attribute is there; a value that is none is not ignored.
fn instant(element: Node<'_, '_>, name: &str) -> Result<Option<OffsetDateTime>, Refusal> {
    xml::attribute(element, name).map(|text| parse_instant(text).ok_or(Refusal::Incomplete)).transpose()
}

/// The element that may be there once.
fn one<'a, 'i: 'a>(parent: Node<'a, 'i>, name: &'static str) -> Result<Option<Node<'a, 'i>>, Refusal> {
    xml::at_most_one(parent, SAML, name).map_err(|_| Refusal::Incomplete)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::saml::testing::*;

    /// What becomes of the honest response with one thing changed, signed afterwards.
    fn changed(from: &str, to: &str) -> Option<Refusal> {
        assert!(RESPONSE.contains(from), "{from}");
        sign_in(&assertion_signed(&RESPONSE.replace(from, to)), now()).err()
    }

    #[test]
    fn an_honest_response_is_an_identity() {
        let field = assertion_signed(RESPONSE);
        let identity = sign_in(&field, now()).unwrap();
        assert_eq!((identity.idp(), identity.issuer()), ("ADFS", ISSUER));
        assert_eq!((identity.assertion_id(), identity.session_index()), ("_a1", Some("_a1")));
        assert_eq!((identity.name_id(), identity.role_session_name()), ("EXAMPLE\\jane", "jane@example.com"));
        assert_eq!(identity.authn_context(), Some("urn:federation:authentication:windows"));
        assert_eq!(identity.roles().len(), 2);
        assert!(identity.values("groups").is_empty());
        let confirmed_until = parse_instant("2026-11-23T05:50:59.123Z").unwrap();
        assert_eq!(identity.not_on_or_after(), confirmed_until + Duration::seconds(60));
        assert_eq!(identity.session_not_on_or_after(), None);
        assert_eq!(identity.original().expose(), field);
        assert!(!format!("{identity:?}").contains("jane"));
    }

    #[test]
    fn every_check_refuses() {
        use Refusal::*;
        let audience = "<Audience>urn:amazon:webservices</Audience>";
        let bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
        let confirmation = "<SubjectConfirmationData NotOnOrAfter";
        for (from, to, expected) in [
            ("status:Success", "status:Requester", NotSuccess),
            ("<samlp:StatusCode Value=", "<samlp:StatusCode V=", Incomplete),
            ("<samlp:Status>", "<samlp:Status><samlp:StatusCode Value='x'/>", Incomplete),
            ("ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\" Version=\"1.1\"", WrongVersion),
            ("Z\" Version=\"2.0\"", "Z\" Version=\"2\"", WrongVersion),
            ("Z\" Version=\"2.0\"", "Z\"", Incomplete),
            ("05:45:59.123Z\" Destination", "05:47:01Z\" Destination", NotYetValid),
            ("05:45:59.123Z\" Version", "05:47:01Z\" Version", NotYetValid),
            ("05:45:59.123Z\" Version", "\" Version", Incomplete),
            (
                "\"urn:oasis:names:tc:SAML:2.0:assertion\">http://adfs",
                "\"urn:oasis:names:tc:SAML:2.0:assertion\">http://evil",
                IssuerMismatch,
            ),
            ("<Issuer>", "<Issuer Format='urn:x'>", Incomplete),
            (" Destination=\"https://v", " Destination=\"https://w", WrongDestination),
            ("<samlp:Response ", "<samlp:Response InResponseTo='_x' ", UnknownRequest),
            (confirmation, "<SubjectConfirmationData InResponseTo='_x' NotOnOrAfter", UnknownRequest),
            (confirmation, "<SubjectConfirmationData InResponseTo='' NotOnOrAfter", UnknownRequest),
            (
                confirmation,
                "<SubjectConfirmationData NotBefore='2026-11-23T05:00:00Z' NotOnOrAfter",
                Incomplete,
            ),
            (confirmation, "<SubjectConfirmationData xmlns:e='urn:e' e:NotOnOrAfter", Incomplete),
            (" Recipient=\"https://vest", " Recipient=\"https://evil", WrongRecipient),
            (" Recipient=", " xmlns:e='urn:e' e:Recipient=", Incomplete),
            ("05:50:59.123Z", "05:45:00Z", Expired),
            ("06:45:59.123Z", "05:45:00Z", Expired),
            ("06:45:59.123Z", "soon", Incomplete),
            ("NotBefore=\"2026-11-23T05:45:59.123Z", "NotBefore=\"2026-11-23T05:47:01Z", NotYetValid),
            (bearer, "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches", NotBearer),
            ("<Audience>urn:amazon", "<Audience>urn:evil", WrongAudience),
            ("<Audience>", "<Audience>not<!-- -->", ValueNotText),
            (audience, "", WrongAudience),
            (&*format!("<AudienceRestriction>{audience}</AudienceRestriction>"), "", WrongAudience),
            (
                "<AudienceRestriction>",
                "<AudienceRestriction><Audience>urn:x</Audience></AudienceRestriction><AudienceRestriction>",
                WrongAudience,
            ),
            ("<AudienceRestriction>", "<Condition/><AudienceRestriction>", UnknownCondition),
            ("<Conditions ", "<Conditions/><Conditions ", Incomplete),
            ("AuthnStatement", "OtherStatement", NoAuthnStatement),
            (" SessionIndex=", " SessionNotOnOrAfter='2026-11-23T05:44:59Z' SessionIndex=", SessionOver),
            (" AuthnInstant=", " Instant=", Incomplete),
            ("<NameID>EXAMPLE\\jane</NameID>", "", NoNameId),
            ("<NameID>EXAMPLE\\jane</NameID>", "<NameID>a</NameID><NameID>b</NameID>", ValueNotSingle),
            ("EXAMPLE\\jane", "a<b/>", ValueNotText),
            ("jane@example.com", "", NoRoleSessionName),
            ("jane@", "admin<!-- -->@", ValueNotText),
        ] {
            assert_eq!(changed(from, to), Some(expected), "{from} -> {to}");
        }
    }

    #[test]
    fn what_the_profile_allows_is_accepted() {
        let bearer = "<SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">";
        let two = format!(
            "<SubjectConfirmation Method='urn:x'/>{bearer}<SubjectConfirmationData/></SubjectConfirmation>{bearer}"
        );
        for (from, to) in [
            (bearer, &*two),
            ("<AudienceRestriction>", "<OneTimeUse/><ProxyRestriction Count='0'/><AudienceRestriction>"),
            ("<Audience>", "<Audience>urn:other</Audience><Audience>"),
            (" Destination=\"https://vestibule.example.com/saml\"", ""),
            (
                "<Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">http://adfs.example.com/adfs/services/trust</Issuer>",
                "",
            ),
            ("<samlp:Response ", "<samlp:Response InResponseTo='IdP_Initiated_Login' "),
            ("<Issuer>", "<Issuer Format='urn:oasis:names:tc:SAML:2.0:nameid-format:entity'>"),
            (" NotBefore=\"2026-11-23T05:45:59.123Z\" NotOnOrAfter=\"2026-11-23T06:45:59.123Z\"", ""),
            ("2026-11-23T06:45:59.123Z", "9999-12-31T23:59:59.999999999999Z"),
            ("2026-11-23T06:45:59.123Z", "2026-11-23T14:45:59+08:00"),
        ] {
            assert_eq!(changed(from, to), None, "{to}");
        }
    }

    #[test]
    fn a_signed_response_needs_its_destination() {
        assert_eq!(sign_in(&response_signed(RESPONSE), now()).err(), None);
        let without = RESPONSE.replace(" Destination=\"https://vestibule.example.com/saml\"", "");
        assert_eq!(sign_in(&response_signed(&without), now()).err(), Some(Refusal::WrongDestination));
    }

    #[test]
    fn logins_started_there_can_be_switched_off() {
        let off = || IdentityProvider { idp_initiated: false, ..provider(vec![EC.key()]) };
        let literal =
            RESPONSE.replace("<samlp:Response ", "<samlp:Response InResponseTo='IdP_Initiated_Login' ");
        for (xml, expected) in [
            (RESPONSE, Refusal::UnsolicitedRefused),
            (&*literal, Refusal::UnsolicitedRefused),
            (&*literal.replace("IdP_Init", "_init"), Refusal::UnknownRequest),
        ] {
            assert_eq!(sign_in_at(&assertion_signed(xml), now(), off()).err(), Some(expected));
        }
    }

    #[test]
    fn windows_end_to_the_nanosecond_and_far_times_are_no_panic() {
        let field = assertion_signed(RESPONSE);
        let end = sign_in(&field, now()).unwrap().not_on_or_after();
        assert!(sign_in(&field, end - Duration::nanoseconds(1)).is_ok());
        assert_eq!(sign_in(&field, end).err(), Some(Refusal::Expired));
        let begin = parse_instant("2026-11-23T05:45:59.123Z").unwrap() - Duration::seconds(60);
        assert!(sign_in(&field, begin).is_ok());
        assert_eq!(sign_in(&field, begin - Duration::nanoseconds(1)).err(), Some(Refusal::NotYetValid));
        for far in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert!(sign_in(&field, parse_instant(far).unwrap()).is_err());
        }
    }

    #[test]
    fn the_session_may_end_before_the_credentials() {
        let xml =
            RESPONSE.replace(" SessionIndex=", " SessionNotOnOrAfter='2026-11-23T06:00:00Z' SessionIndex=");
        let identity = sign_in(&assertion_signed(&xml), now()).unwrap();
        assert_eq!(identity.session_not_on_or_after(), parse_instant("2026-11-23T06:00:00Z"));
    }
}
