//! Accepting: the genuine assertion's conditions against us and the clock.
//!
//! These are the checks of the Web Browser SSO profile (profiles 4.1.4.2 and
//! 4.1.4.3). Where the specification says SHOULD or MAY, we mostly say must.

use super::decrypt::decrypt_values;
use super::instant::parse_instant;
use super::response::{SUCCESS, status_code};
use super::xml::{self, SAML};
use super::{
    Comparison, DecryptionKeys, Expected, Identity, IdentityProvider, OriginalResponse, Refusal, SentRequest,
    VerifiedAssertion,
};
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
    /// What identity providers encrypt for.
    pub decryption_keys: DecryptionKeys,
    /// How long ago an assertion may have been issued, skew aside. `None`: as
    /// long as it says it is valid. A stolen identity provider key (Golden SAML)
    /// signs for as long as it likes; this and the next are our own limits.
    pub max_assertion_age: Option<Duration>,
    /// From its issue, for how long an assertion may say it is valid. AD FS
    /// says 60 minutes.
    pub max_assertion_lifetime: Option<Duration>,
}

impl VerifiedAssertion<'_, '_> {
    /// The request that this assertion says it answers, for looking it up
    /// among those that were sent. Read from the assertion, which is signed,
    /// and not from the Response, which need not be; `accept` has both agree.
    pub fn in_response_to(&self) -> Option<&str> {
        let subject = xml::children(self.document.get_node(self.assertion)?, SAML, "Subject");
        let is_literal = |id: &&str| self.provider.in_response_to_literals.iter().any(|l| l == id);
        subject
            .flat_map(bearers)
            .flat_map(|bearer| xml::children(bearer, SAML, "SubjectConfirmationData"))
            .find_map(|data| xml::attribute(data, "InResponseTo"))
            .filter(|id| !is_literal(id))
    }

    /// Is it meant for us, now, and who is it about?
    ///
    /// # Errors
    /// An accepting or selecting [`Refusal`] (`NotSuccess` and below).
    pub fn accept(
        self,
        service: &ServiceProvider,
        expected: Expected<'_>,
        now: OffsetDateTime,
    ) -> Result<Identity, Refusal> {
        let check = Check { service, provider: self.provider, expected, now };
        let original = self.message.base64();
        let response = self.document.get_node(self.response).ok_or(Refusal::Incomplete)?;
        let assertion = self.document.get_node(self.assertion).ok_or(Refusal::Incomplete)?;
        let Some(in_clear) = decrypt_values(assertion, &service.decryption_keys)? else {
            return check.all(response, self.response_is_signed, assertion, original);
        };
        // The same tree, but for values that were encrypted inside the signed
        // assertion (`splice.rs`).
        let document = in_clear.parse(&self.message.limits).map_err(|_| Refusal::ValueNotDecryptable)?;
        let response = document.root_element();
        let assertion = one(response, "Assertion")?.ok_or(Refusal::Incomplete)?;
        check.all(response, self.response_is_signed, assertion, original)
    }
}

struct Check<'c> {
    service: &'c ServiceProvider,
    provider: &'c IdentityProvider,
    expected: Expected<'c>,
    now: OffsetDateTime,
}

impl Check<'_> {
    fn all(
        &self,
        response: Node<'_, '_>,
        response_is_signed: bool,
        assertion: Node<'_, '_>,
        original: &OriginalResponse,
    ) -> Result<Identity, Refusal> {
        // The Response. Where only the assertion is signed, these are claims of
        // whoever delivered it: they may refuse it, and add nothing to it.
        self.status(response)?;
        self.header(response)?;
        self.response_issuer(response)?;
        self.destination(response, response_is_signed)?;
        self.request(xml::attribute(response, "InResponseTo"))?;

        // The Assertion.
        let issued = self.header(assertion)?;
        self.assertion_issuer(assertion)?;
        let confirmed_until = self.subject(assertion)?;
        let valid_until = self.conditions(assertion)?;
        self.limits(issued, valid_until.map_or(confirmed_until, |end| end.max(confirmed_until)))?;
        let session_not_on_or_after = self.authentication(assertion)?;

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
            not_on_or_after: not_on_or_after.saturating_add(self.service.clock_skew),
            session_not_on_or_after,
            original: original.clone(),
        })
    }

    /// Core 3.2.2.2: the one top-level status code is that of success.
    fn status(&self, response: Node<'_, '_>) -> Result<(), Refusal> {
        match status_code(response) {
            Some(SUCCESS) => Ok(()),
            Some(_) => Err(Refusal::NotSuccess),
            None => Err(Refusal::Incomplete),
        }
    }

    /// Core 2.3.3 and 3.2.2: `ID`, `Version`, `IssueInstant`, all required.
    /// Returns when it was issued.
    fn header(&self, message: Node<'_, '_>) -> Result<OffsetDateTime, Refusal> {
        required(message, "ID")?;
        if required(message, "Version")? != "2.0" {
            return Err(Refusal::WrongVersion);
        }
        let issued = instant(message, "IssueInstant")?.ok_or(Refusal::Incomplete)?;
        self.begun(issued)?;
        Ok(issued)
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
    /// subject confirmation, must have (an answer) or may have (none asked).
    /// A request is the one identity provider's that it was sent to.
    fn request(&self, in_response_to: Option<&str>) -> Result<(), Refusal> {
        match self.expected {
            Expected::Answer(SentRequest { id, idp, .. }) => {
                let answers = in_response_to == Some(id.as_str()) && *idp == self.provider.name;
                if answers { Ok(()) } else { Err(Refusal::UnknownRequest) }
            }
            Expected::Unsolicited => {
                let literals = &self.provider.in_response_to_literals;
                if !in_response_to.is_none_or(|value| literals.iter().any(|literal| literal == value)) {
                    return Err(Refusal::UnknownRequest);
                }
                if self.provider.idp_initiated { Ok(()) } else { Err(Refusal::UnsolicitedRefused) }
            }
        }
    }

    /// Our own limits on what an identity provider's key can sign.
    fn limits(&self, issued: OffsetDateTime, end: OffsetDateTime) -> Result<(), Refusal> {
        let ServiceProvider { clock_skew, max_assertion_age, max_assertion_lifetime, .. } = self.service;
        if max_assertion_age.is_some_and(|max| self.now - issued > max.saturating_add(*clock_skew)) {
            return Err(Refusal::TooOld);
        }
        if max_assertion_lifetime.is_some_and(|max| end - issued > max) {
            return Err(Refusal::LivesTooLong);
        }
        Ok(())
    }

    /// Profiles 4.1.4.2: at least one bearer confirmation must hold. Returns
    /// until when, of those that do, the last one does.
    fn subject(&self, assertion: Node<'_, '_>) -> Result<OffsetDateTime, Refusal> {
        let subject = one(assertion, "Subject")?.ok_or(Refusal::Incomplete)?;
        let mut outcome = Err(Refusal::NotBearer);
        for bearer in bearers(subject) {
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
            let signed_in = instant(statement, "AuthnInstant")?.ok_or(Refusal::Incomplete)?;
            self.begun(signed_in)?;
            self.demands(statement, signed_in)?;
            if let Some(end) = instant(statement, "SessionNotOnOrAfter")? {
                self.not_over(end, Refusal::SessionOver)?;
                earliest = Some(earliest.map_or(end, |earlier| earlier.min(end)));
            }
        }
        if statements == 0 { Err(Refusal::NoAuthnStatement) } else { Ok(earliest) }
    }

    /// Core 3.3.2.2.1 and 3.4.1: what we asked for. The identity provider has to
    /// heed it, but a request that is not signed can be changed by the browser
    /// that carries it. Orders of strength (`minimum` and the like) only the
    /// identity provider knows; rules can look at the outcome.
    fn demands(&self, statement: Node<'_, '_>, signed_in: OffsetDateTime) -> Result<(), Refusal> {
        let Expected::Answer(sent) = self.expected else { return Ok(()) };
        let demands = &self.provider.demands;
        let asked = sent.issued_at.saturating_sub(self.service.clock_skew);
        if demands.force_authn && signed_in < asked {
            return Err(Refusal::NotReauthenticated);
        }
        if let Some(wanted) = demands.authn_context.as_ref().filter(|c| c.comparison == Comparison::Exact) {
            let context = one(statement, "AuthnContext")?.ok_or(Refusal::Incomplete)?;
            let class = one(context, "AuthnContextClassRef")?.and_then(xml::pure_text);
            if !class.is_some_and(|class| wanted.class_refs.iter().any(|wanted| wanted == class)) {
                return Err(Refusal::OtherAuthnContext);
            }
        }
        Ok(())
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

/// The bearer confirmations of a subject (profiles 3.3).
fn bearers<'a, 'i: 'a>(subject: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    xml::children(subject, SAML, "SubjectConfirmation")
        .filter(|confirmation| xml::attribute(*confirmation, "Method") == Some(BEARER))
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
    use crate::saml::{
        Demands, IdentityProviders, Limits, RequestId, RequestedAuthnContext, ResponseMessage,
    };

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

    fn sent() -> SentRequest {
        SentRequest { id: RequestId::from_random([7; 20]), idp: "ADFS".to_owned(), issued_at: now() }
    }

    /// The honest response as an answer to this request.
    fn answer_to(id: &str) -> String {
        let named = format!(" InResponseTo='{id}' ");
        RESPONSE
            .replace("<samlp:Response ", &format!("<samlp:Response{named}"))
            .replace("<SubjectConfirmationData ", &format!("<SubjectConfirmationData{named}"))
            .replace("AuthnInstant=\"2026-11-23T05:45:58.000Z\"", "AuthnInstant=\"2026-11-23T05:46:00Z\"")
    }

    fn answered(xml: &str, expected: Expected<'_>, provider: IdentityProvider) -> Option<Refusal> {
        sign_in_as(&assertion_signed(xml), provider, &service(), expected, now()).err()
    }

    #[test]
    fn an_answer_is_to_the_request_that_was_sent_to_its_identity_provider() {
        let (sent, adfs) = (sent(), || provider(vec![EC.key()]));
        let id = sent.id.as_str();
        let expected = Expected::Answer(&sent);
        let honest = answer_to(id);
        assert_eq!(answered(&honest, expected, adfs()), None);
        let sp_initiated_only = IdentityProvider { idp_initiated: false, ..adfs() };
        assert_eq!(answered(&honest, expected, sp_initiated_only), None);

        let of_another = SentRequest { idp: "Okta".to_owned(), ..sent.clone() };
        let other_id = RequestId::from_random([8; 20]);
        let other = SentRequest { id: other_id, ..sent.clone() };
        let named = format!(" InResponseTo='{id}' ");
        let unnamed_response = honest.replacen(&named, " ", 1);
        let unnamed_confirmation =
            honest.replace(&format!("SubjectConfirmationData{named}"), "SubjectConfirmationData ");
        for (xml, expected) in [
            (&honest, Expected::Unsolicited),
            (&honest, Expected::Answer(&of_another)),
            (&honest, Expected::Answer(&other)),
            (&unnamed_response, expected),
            (&unnamed_confirmation, expected),
            (&answer_to("IdP_Initiated_Login"), expected),
            (&RESPONSE.to_owned(), expected),
            // An unsolicited assertion in a response that claims to answer.
            (&unnamed_confirmation, Expected::Unsolicited),
        ] {
            assert_eq!(answered(xml, expected, adfs()), Some(Refusal::UnknownRequest));
        }
    }

    #[test]
    fn the_request_is_read_from_what_is_signed() {
        let providers = IdentityProviders::new(vec![provider(vec![EC.key()])]).unwrap();
        let named = |xml: &str| {
            let message = ResponseMessage::decode(&assertion_signed(xml), &Limits::default()).unwrap();
            let verified = message.parse().unwrap().verify(&providers).unwrap();
            verified.in_response_to().map(str::to_owned)
        };
        assert_eq!(named(RESPONSE), None);
        assert_eq!(named(&answer_to("IdP_Initiated_Login")), None);
        assert_eq!(named(&answer_to("_x")), Some("_x".to_owned()));
        assert_eq!(named(&RESPONSE.replace("<samlp:Response ", "<samlp:Response InResponseTo='_x' ")), None);
    }

    #[test]
    fn what_was_asked_is_what_is_answered() {
        let sent = sent();
        let context = |comparison, class: &str| {
            let class_refs = vec!["urn:mfa".to_owned(), class.to_owned()];
            Some(RequestedAuthnContext { comparison, class_refs })
        };
        let windows = "urn:federation:authentication:windows";
        let fresh = answer_to(sent.id.as_str());
        let earlier =
            fresh.replace("AuthnInstant=\"2026-11-23T05:46:00Z", "AuthnInstant=\"2026-11-23T05:44:59Z");
        for (force_authn, authn_context, xml, expected) in [
            (true, context(Comparison::Exact, windows), &fresh, None),
            (false, context(Comparison::Exact, windows), &earlier, None),
            (true, None, &earlier, Some(Refusal::NotReauthenticated)),
            (false, context(Comparison::Exact, "urn:other"), &fresh, Some(Refusal::OtherAuthnContext)),
            (false, context(Comparison::Minimum, "urn:other"), &fresh, None),
        ] {
            let demands = Demands { force_authn, authn_context };
            let provider = IdentityProvider { demands: demands.clone(), ..provider(vec![EC.key()]) };
            assert_eq!(answered(xml, Expected::Answer(&sent), provider), expected, "{demands:?}");
        }
        // Nobody was asked for what the identity provider began by itself.
        let demands = Demands { force_authn: true, authn_context: context(Comparison::Exact, "urn:other") };
        let provider = IdentityProvider { demands, ..provider(vec![EC.key()]) };
        assert_eq!(answered(RESPONSE, Expected::Unsolicited, provider), None);
    }

    #[test]
    fn a_stolen_key_cannot_sign_for_long() {
        let field = assertion_signed(RESPONSE);
        let limited = |age, lifetime, now| {
            let service =
                ServiceProvider { max_assertion_age: age, max_assertion_lifetime: lifetime, ..service() };
            sign_in_as(&field, provider(vec![EC.key()]), &service, Expected::Unsolicited, now).err()
        };
        let issued = parse_instant("2026-11-23T05:45:59.123Z").unwrap();
        let (minute, hour) = (Some(Duration::minutes(1)), Some(Duration::hours(1)));
        assert_eq!(limited(minute, hour, issued + Duration::minutes(2)), None);
        let late = issued + Duration::minutes(2) + Duration::nanoseconds(1);
        assert_eq!(limited(minute, hour, late), Some(Refusal::TooOld));
        assert_eq!(limited(None, hour, late), None);
        let less = hour.map(|hour| hour - Duration::nanoseconds(1));
        assert_eq!(limited(None, less, now()), Some(Refusal::LivesTooLong));
        // Ten hours of confirmation, in whatever window.
        let ten = RESPONSE.replace("05:50:59.123Z", "15:45:59.123Z");
        let service = ServiceProvider { max_assertion_lifetime: hour, ..service() };
        let field = assertion_signed(&ten);
        let refusal =
            sign_in_as(&field, provider(vec![EC.key()]), &service, Expected::Unsolicited, now()).err();
        assert_eq!(refusal, Some(Refusal::LivesTooLong));
    }
}
