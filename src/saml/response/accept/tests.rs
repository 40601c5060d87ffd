//! Every condition, met and not met.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::saml::authn_request::{
    AskedAuthn, AuthnRequestId, Comparison, RequestedAuthn, RequestedAuthnContext, ShortDigest,
};
use crate::saml::metadata::idp::Validity;
use crate::saml::provider::IdentityProviders;
use crate::saml::response::message::ResponseMessage;
use crate::saml::testing::*;
use crate::saml::xml::instant::parse_instant;
use crate::saml::xml::limits::Limits;
use time::Duration;

mod values;

/// What becomes of the honest response with one thing changed, signed afterwards.
fn changed(from: &str, to: &str) -> Option<SamlRefusal> {
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
    use SamlRefusal::*;
    let audience = "<Audience>urn:amazon:webservices</Audience>";
    let bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
    let confirmation = "<SubjectConfirmationData NotOnOrAfter";
    for (from, to, expected) in [
        ("status:Success", "status:Requester", NotSuccess),
        ("status:Success", "status:NoAuthnContext", NoAuthnContext),
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
        (confirmation, "<SubjectConfirmationData NotBefore='2026-11-23T05:00:00Z' NotOnOrAfter", Incomplete),
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
    assert_eq!(sign_in(&response_signed(&without), now()).err(), Some(SamlRefusal::WrongDestination));
}

#[test]
fn logins_started_there_can_be_switched_off() {
    let off = || IdentityProvider { idp_initiated: false, ..provider(vec![EC.key()]) };
    let literal = RESPONSE.replace("<samlp:Response ", "<samlp:Response InResponseTo='IdP_Initiated_Login' ");
    for (xml, expected) in [
        (RESPONSE, SamlRefusal::UnsolicitedRefused),
        (&*literal, SamlRefusal::UnsolicitedRefused),
        (&*literal.replace("IdP_Init", "_init"), SamlRefusal::UnknownRequest),
    ] {
        assert_eq!(sign_in_at(&assertion_signed(xml), now(), off()).err(), Some(expected));
    }
}

#[test]
fn windows_end_to_the_nanosecond_and_far_times_are_no_panic() {
    let field = assertion_signed(RESPONSE);
    let end = sign_in(&field, now()).unwrap().not_on_or_after();
    assert!(sign_in(&field, end - Duration::nanoseconds(1)).is_ok());
    assert_eq!(sign_in(&field, end).err(), Some(SamlRefusal::Expired));
    let begin = parse_instant("2026-11-23T05:45:59.123Z").unwrap() - Duration::seconds(60);
    assert!(sign_in(&field, begin).is_ok());
    assert_eq!(sign_in(&field, begin - Duration::nanoseconds(1)).err(), Some(SamlRefusal::NotYetValid));
    for far in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        assert!(sign_in(&field, parse_instant(far).unwrap()).is_err());
    }
}

#[test]
fn the_session_may_end_before_the_credentials() {
    let xml = RESPONSE.replace(" SessionIndex=", " SessionNotOnOrAfter='2026-11-23T06:00:00Z' SessionIndex=");
    let identity = sign_in(&assertion_signed(&xml), now()).unwrap();
    assert_eq!(identity.session_not_on_or_after(), parse_instant("2026-11-23T06:00:00Z"));
}

/// Rules ask how long ago a person signed in; what is ahead within the skew is now.
#[test]
fn the_sign_in_is_as_old_as_its_instant_says() {
    for (instant, age) in [
        ("2026-11-23T05:45:58.000Z", Duration::seconds(2)),
        ("2026-11-22T05:46:00Z", Duration::DAY),
        ("2026-11-23T05:46:00Z", Duration::ZERO),
        ("2026-11-23T05:46:30Z", Duration::ZERO),
    ] {
        let xml = RESPONSE.replace("2026-11-23T05:45:58.000Z", instant);
        assert_eq!(sign_in(&assertion_signed(&xml), now()).unwrap().authn_age(), age, "{instant}");
    }
    let later = sign_in(&assertion_signed(RESPONSE), now() + Duration::seconds(60)).unwrap();
    assert_eq!(later.authn_age(), Duration::seconds(62), "by our clock");
}

fn sent() -> SentAuthnRequest {
    SentAuthnRequest {
        id: AuthnRequestId::from_bytes(&[7; 20]),
        idp: "ADFS".to_owned(),
        issued_at: now(),
        asked: AskedAuthn::default(),
    }
}

/// The honest response as an answer to this request.
fn answer_to(id: &str) -> String {
    let named = format!(" InResponseTo='{id}' ");
    RESPONSE
        .replace("<samlp:Response ", &format!("<samlp:Response{named}"))
        .replace("<SubjectConfirmationData ", &format!("<SubjectConfirmationData{named}"))
        .replace("AuthnInstant=\"2026-11-23T05:45:58.000Z\"", "AuthnInstant=\"2026-11-23T05:46:00Z\"")
}

fn answered(xml: &str, expected: Expected<'_>, provider: IdentityProvider) -> Option<SamlRefusal> {
    sign_in_as(&assertion_signed(xml), provider, &service(), expected, now()).err()
}

#[test]
fn an_answer_is_to_the_request_that_was_sent_to_its_identity_provider() {
    let (sent, adfs) = (sent(), || provider(vec![EC.key()]));
    let id = sent.id.as_str();
    let expected = Expected::InResponseTo(&sent);
    let honest = answer_to(id);
    assert_eq!(answered(&honest, expected, adfs()), None);
    let sp_initiated_only = IdentityProvider { idp_initiated: false, ..adfs() };
    assert_eq!(answered(&honest, expected, sp_initiated_only), None);

    let of_another = SentAuthnRequest { idp: "Okta".to_owned(), ..sent.clone() };
    let other_id = AuthnRequestId::from_bytes(&[8; 20]);
    let other = SentAuthnRequest { id: other_id, ..sent.clone() };
    let named = format!(" InResponseTo='{id}' ");
    let unnamed_response = honest.replacen(&named, " ", 1);
    let unnamed_confirmation =
        honest.replace(&format!("SubjectConfirmationData{named}"), "SubjectConfirmationData ");
    for (xml, expected) in [
        (&honest, Expected::Unsolicited),
        (&honest, Expected::InResponseTo(&of_another)),
        (&honest, Expected::InResponseTo(&other)),
        (&unnamed_response, expected),
        (&unnamed_confirmation, expected),
        (&answer_to("IdP_Initiated_Login"), expected),
        (&RESPONSE.to_owned(), expected),
        // An unsolicited assertion in a response that claims to answer.
        (&unnamed_confirmation, Expected::Unsolicited),
    ] {
        assert_eq!(answered(xml, expected, adfs()), Some(SamlRefusal::UnknownRequest));
    }
}

#[test]
fn a_request_is_answered_in_time() {
    let id = sent().id;
    let honest = answer_to(id.as_str());
    let made = |age| SentAuthnRequest { issued_at: now() - age, ..sent() };
    let lifetime = service().request_lifetime + service().clock_skew;
    let tick = Duration::nanoseconds(1);
    for (age, expected) in [
        (lifetime - tick, None),
        (lifetime, Some(SamlRefusal::RequestExpired)),
        (-service().clock_skew, None),
        (-service().clock_skew - tick, Some(SamlRefusal::NotYetValid)),
    ] {
        let sent = made(age);
        let outcome = answered(&honest, Expected::InResponseTo(&sent), provider(vec![EC.key()]));
        assert_eq!(outcome, expected, "{age}");
    }
    let sent = sent();
    let (provider, expected) = (provider(vec![EC.key()]), Expected::InResponseTo(&sent));
    let identity = sign_in_as(&assertion_signed(&honest), provider, &service(), expected, now()).unwrap();
    assert_eq!(identity.in_response_to(), Some(&InResponseTo { id, not_on_or_after: now() + lifetime }));
    assert_eq!(sign_in(&assertion_signed(RESPONSE), now()).unwrap().in_response_to(), None);
}

#[test]
fn the_request_is_read_from_what_is_signed() {
    let providers = IdentityProviders::new(vec![provider(vec![EC.key()])]).unwrap();
    let named = |xml: &str| {
        let message = ResponseMessage::decode(&assertion_signed(xml), &Limits::default(), None).unwrap();
        let verified = message.parse().unwrap().find_issuer(&providers).unwrap().verify().unwrap();
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
    let signed_in =
        |at: &str| fresh.replace("AuthnInstant=\"2026-11-23T05:46:00Z", &format!("AuthnInstant=\"{at}"));
    // A minute of skew before the request is still after it.
    let (skewed, earlier) = (signed_in("2026-11-23T05:45:00Z"), signed_in("2026-11-23T05:44:59Z"));
    for (force_authn, authn_context, xml, expected) in [
        (true, context(Comparison::Exact, windows), &fresh, None),
        (false, context(Comparison::Exact, windows), &earlier, None),
        (true, None, &skewed, None),
        (true, None, &earlier, Some(SamlRefusal::NotReauthenticated)),
        (false, context(Comparison::Exact, "urn:other"), &fresh, Some(SamlRefusal::OtherAuthnContext)),
        (false, context(Comparison::Minimum, "urn:other"), &fresh, None),
    ] {
        let requested_authn = RequestedAuthn { force_authn, authn_context };
        let provider =
            IdentityProvider { requested_authn: requested_authn.clone(), ..provider(vec![EC.key()]) };
        assert_eq!(answered(xml, Expected::InResponseTo(&sent), provider), expected, "{requested_authn:?}");
    }
    // A login that the identity provider starts has no request that asks for anything.
    let requested_authn =
        RequestedAuthn { force_authn: true, authn_context: context(Comparison::Exact, "urn:other") };
    let provider = IdentityProvider { requested_authn, ..provider(vec![EC.key()]) };
    assert_eq!(answered(RESPONSE, Expected::Unsolicited, provider), None);
}

/// Metadata 2.3.1.
#[test]
fn metadata_that_has_ended_proves_nothing() {
    let field = assertion_signed(RESPONSE);
    let until = |end| {
        let validity = Validity { until: Some(end), ..Validity::default() };
        IdentityProvider { validity, ..provider(vec![EC.key()]) }
    };
    assert!(sign_in_at(&field, now(), until(now() + Duration::nanoseconds(1))).is_ok());
    assert_eq!(sign_in_at(&field, now(), until(now())).err(), Some(SamlRefusal::MetadataExpired));
}

#[test]
fn the_instant_of_issue_is_read_before_anything_is_accepted() {
    let providers = IdentityProviders::new(vec![provider(vec![EC.key()])]).unwrap();
    let message = ResponseMessage::decode(&assertion_signed(RESPONSE), &Limits::default(), None).unwrap();
    let verified = message.parse().unwrap().find_issuer(&providers).unwrap().verify().unwrap();
    assert_eq!(verified.issue_instant(), parse_instant("2026-11-23T05:45:59.123Z"));
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
    assert_eq!(limited(minute, hour, late), Some(SamlRefusal::TooOld));
    assert_eq!(limited(None, hour, late), None);
    let less = hour.map(|hour| hour - Duration::nanoseconds(1));
    assert_eq!(limited(None, less, now()), Some(SamlRefusal::LivesTooLong));
    // Ten hours of confirmation, in whatever window.
    let ten = RESPONSE.replace("05:50:59.123Z", "15:45:59.123Z");
    let service = ServiceProvider { max_assertion_lifetime: hour, ..service() };
    let field = assertion_signed(&ten);
    let refusal = sign_in_as(&field, provider(vec![EC.key()]), &service, Expected::Unsolicited, now()).err();
    assert_eq!(refusal, Some(SamlRefusal::LivesTooLong));
}
