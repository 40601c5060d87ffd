//! Genuine assertions that are not meant for us, not now, or not by this issuer.

use super::*;

// ---------------------------------------------------------------- issuers

fn idp_b() -> IdentityProvider {
    IdentityProvider {
        name: "B".into(),
        entity_id: "https://b.example.com/idp".into(),
        keys: vec![stranger().verification()],
        ..adfs()
    }
}

/// Sustainsys CVE-2023-41890: a trusted identity provider speaks for another.
#[test]
fn issuer_mix_up_idp_b_signs_as_a() {
    let both = IdentityProviders::new(vec![adfs(), idp_b()]).unwrap();
    let judge = |forge: &Forge| {
        accept_field(&STANDARD.encode(forge.xml()), &Limits::default(), &both, now())
            .map(|i| i.idp().to_owned())
    };
    assert_eq!(judge(&Forge::default()), Ok("ADFS".to_owned()));
    let b = idp_b().entity_id;
    let honest_b = Forge {
        issuer: b.clone(),
        response_issuer: Some(b),
        assertion_signing: Some(Signing::with(stranger())),
        ..Forge::default()
    };
    assert_eq!(judge(&honest_b), Ok("B".to_owned()));
    let as_a = Forge { assertion_signing: Some(Signing::with(stranger())), ..Forge::default() };
    assert_eq!(judge(&as_a), Err(SamlRefusal::SignatureMismatch));
    let half = Forge { response_issuer: Some(ISSUER.into()), ..honest_b.clone() };
    assert_eq!(judge(&half), Err(SamlRefusal::IssuerMismatch));
    // Both signed, by two identity providers that are both trusted.
    let mixed = Forge { response_signing: Some(Signing::default()), ..honest_b };
    assert_eq!(judge(&mixed), Err(SamlRefusal::SignatureMismatch));
}

/// Keycloak CVE-2026-2603: an old assertion of an identity provider that was removed.
#[test]
fn removed_identity_provider() {
    let xml = Forge::default().xml();
    accepted(&xml);
    let only_b = IdentityProviders::new(vec![idp_b()]).unwrap();
    let outcome = accept_field(&STANDARD.encode(xml), &Limits::default(), &only_b, now());
    assert_eq!(outcome.map(drop), Err(SamlRefusal::UnknownIssuer));
}

#[test]
fn issuer_in_other_spelling() {
    accepted(&Forge::default().xml());
    for issuer in [ISSUER.to_uppercase(), format!("{ISSUER}/"), format!(" {ISSUER}"), String::new()] {
        let forge =
            Forge { issuer: issuer.clone(), response_issuer: Some(issuer.clone()), ..Forge::default() };
        assert_eq!(refused(&forge.xml()), SamlRefusal::UnknownIssuer, "{issuer:?}");
    }
}

/// WHD CVE-2026-28323, Keycloak CVE-2026-16443: nothing to verify with is not "verified".
#[test]
fn metadata_without_keys() {
    let metadata = |keys: &str| {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ISSUER}\">\
             <IDPSSODescriptor protocolSupportEnumeration=\"{SAMLP}\">{keys}</IDPSSODescriptor></EntityDescriptor>"
        )
    };
    let key = |usage: &str, certificate: &str| {
        format!(
            "<KeyDescriptor use=\"{usage}\"><KeyInfo xmlns=\"{DSIG}\"><X509Data><X509Certificate>{certificate}\
             </X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        )
    };
    let parse =
        |keys: &str| IdpMetadata::parse(metadata(keys).as_bytes(), None).map(|m| m.signing_keys.len());
    assert_eq!(parse(&key("signing", &rsa().certificate)), Ok(1));
    for keys in [
        "",
        "<KeyDescriptor use=\"signing\" />",
        &key("encryption", &rsa().certificate),
        &key("signing", "AAAA"),
    ] {
        let read = parse(keys);
        assert!(matches!(read, Err(MetadataError::NoSigningKey { .. })), "{keys}: {read:?}");
    }
    assert!(IdentityProviders::new(vec![IdentityProvider { keys: Vec::new(), ..adfs() }]).is_err());
}

// ---------------------------------------------------------------- conditions

fn refused_as(forge: Forge) -> SamlRefusal {
    accepted(&Forge::default().xml());
    refused(&forge.xml())
}

#[test]
fn audience_other() {
    for other in ["urn:other", "urn:amazon:webservices.evil", "urn:amazon", "URN:AMAZON:WEBSERVICES", ""] {
        let forge = Forge { audiences: vec![other.into()], ..Forge::default() };
        assert_eq!(refused_as(forge), SamlRefusal::WrongAudience, "{other:?}");
    }
    accepted(&Forge { audiences: vec!["urn:other".into(), AUDIENCE.into()], ..Forge::default() }.xml());
}

#[test]
fn audience_none() {
    let none = |xml: String| replace(&xml, element(&xml, "AudienceRestriction"), "");
    assert_eq!(refused_as(Forge { edit: none, ..Forge::default() }), SamlRefusal::WrongAudience);
    assert_eq!(refused_as(Forge { audiences: Vec::new(), ..Forge::default() }), SamlRefusal::WrongAudience);
    let no_conditions = |xml: String| replace(&xml, element(&xml, "Conditions"), "");
    assert_eq!(refused_as(Forge { edit: no_conditions, ..Forge::default() }), SamlRefusal::WrongAudience);
}

/// Core 2.5.1.4: several restrictions must each hold.
#[test]
fn audience_of_a_second_restriction() {
    let second = |xml: String| {
        let first = element(&xml, "AudienceRestriction").to_owned();
        replace(&xml, &first, &format!("{first}{}", first.replace(AUDIENCE, "urn:other")))
    };
    assert_eq!(refused_as(Forge { edit: second, ..Forge::default() }), SamlRefusal::WrongAudience);
}

fn judged_at(forge: &Forge, seconds: i64) -> Result<(), SamlRefusal> {
    let field = STANDARD.encode(forge.xml());
    accept_field(&field, &Limits::default(), &providers(), now() + Duration::seconds(seconds)).map(drop)
}

#[test]
fn expired() {
    let skew = service().clock_skew.whole_seconds();
    let forge = Forge::default();
    assert_eq!(judged_at(&forge, 300 + skew - 1), Ok(()), "the confirmation's last second");
    assert_eq!(judged_at(&forge, 300 + skew), Err(SamlRefusal::Expired));
    let conditions = Forge { not_on_or_after: at(60), ..Forge::default() };
    assert_eq!(judged_at(&conditions, 60 + skew - 1), Ok(()), "the conditions' last second");
    assert_eq!(judged_at(&conditions, 60 + skew), Err(SamlRefusal::Expired));
}

#[test]
fn not_yet_valid() {
    let skew = service().clock_skew.whole_seconds();
    assert_eq!(judged_at(&Forge::default(), -skew), Ok(()));
    assert_eq!(judged_at(&Forge::default(), -skew - 1), Err(SamlRefusal::NotYetValid));
    let later = Forge { not_before: at(600), confirmed_until: at(3_600), ..Forge::default() };
    assert_eq!(judged_at(&later, 0), Err(SamlRefusal::NotYetValid));
    assert_eq!(judged_at(&later, 600 - skew), Ok(()));
}

#[test]
fn session_at_the_identity_provider_is_over() {
    // Without skew: STS gives no session beyond it.
    let forge = Forge { session_not_on_or_after: Some(at(120)), ..Forge::default() };
    assert_eq!(judged_at(&forge, 119), Ok(()));
    assert_eq!(judged_at(&forge, 120), Err(SamlRefusal::SessionOver));
}

#[test]
fn times_that_are_none() {
    for evil in ["", "tomorrow", "2026-11-23", "9999999999", "2026-13-45T25:61:61Z", "+2026-11-23T09:00:00Z"]
    {
        let forge = Forge { confirmed_until: evil.into(), ..Forge::default() };
        assert_eq!(refused_as(forge), SamlRefusal::Incomplete, "{evil:?}");
        let forge = Forge { not_on_or_after: evil.into(), ..Forge::default() };
        assert_eq!(refused_as(forge), SamlRefusal::Incomplete, "{evil:?}");
    }
}

#[test]
fn confirmation_without_an_end() {
    let edit = |xml: String| {
        let end = format!("<SubjectConfirmationData NotOnOrAfter=\"{}\"", at(300));
        replace(&xml, &end, "<SubjectConfirmationData")
    };
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::Incomplete);
}

#[test]
fn recipient_other() {
    for other in ["https://evil.example/saml", "https://vestibule.example.com/saml/", ""] {
        let forge = Forge { recipient: other.into(), ..Forge::default() };
        let expected = if other.is_empty() { SamlRefusal::Incomplete } else { SamlRefusal::WrongRecipient };
        assert_eq!(refused_as(forge), expected, "{other:?}");
    }
}

#[test]
fn destination_other() {
    for forge in [Forge::default(), Forge::response_signed()] {
        accepted(&forge.xml());
        let evil = Forge { destination: Some("https://evil.example/saml".into()), ..forge };
        assert_eq!(refused(&evil.xml()), SamlRefusal::WrongDestination);
    }
    let none = Forge { destination: None, ..Forge::response_signed() };
    assert_eq!(refused_as(none), SamlRefusal::WrongDestination, "bindings 3.5.5.2");
    accepted(&Forge { destination: None, ..Forge::default() }.xml());
}

#[test]
fn not_bearer() {
    let edit = |xml: String| replace(&xml, "cm:bearer", "cm:holder-of-key");
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::NotBearer);
}

#[test]
fn answer_to_a_request_that_was_never_made() {
    let forge = Forge { in_response_to: Some("_somebody_elses".into()), ..Forge::default() };
    assert_eq!(refused_as(forge), SamlRefusal::UnknownRequest);
    accepted(&Forge { in_response_to: Some("IdP_Initiated_Login".into()), ..Forge::default() }.xml());
    // Only the part that is signed says so: taking it off the Response does not help.
    let edit = |xml: String| {
        replace(&xml, "<SubjectConfirmationData ", "<SubjectConfirmationData InResponseTo=\"_stolen\" ")
    };
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::UnknownRequest);
}

#[test]
fn idp_initiated_where_it_is_off() {
    let xml = Forge::default().xml();
    accepted(&xml);
    let off = IdentityProviders::new(vec![IdentityProvider { idp_initiated: false, ..adfs() }]).unwrap();
    let outcome = accept_field(&STANDARD.encode(xml), &Limits::default(), &off, now());
    assert_eq!(outcome.map(drop), Err(SamlRefusal::UnsolicitedRefused));
}

#[test]
fn status_other_than_success() {
    for (status, refusal) in [
        ("urn:oasis:names:tc:SAML:2.0:status:Responder", SamlRefusal::NotSuccess),
        ("urn:oasis:names:tc:SAML:2.0:status:success", SamlRefusal::NotSuccess),
        ("", SamlRefusal::Incomplete),
    ] {
        let forge = Forge { status: status.into(), ..Forge::default() };
        assert_eq!(refused_as(forge), refusal, "{status:?}");
    }
}

#[test]
fn version_other() {
    let edit = |xml: String| xml.replace("Version=\"2.0\"", "Version=\"1.1\"");
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::WrongVersion);
}

#[test]
fn condition_that_is_not_understood() {
    let edit = |xml: String| {
        replace(&xml, "</Conditions>", "<Condition xmlns:x=\"urn:x\" x:only=\"on Mondays\" /></Conditions>")
    };
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::UnknownCondition);
}

#[test]
fn no_authn_statement() {
    let edit = |xml: String| replace(&xml, element(&xml, "AuthnStatement"), "");
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::NoAuthnStatement);
}

#[test]
fn no_name_id() {
    let edit = |xml: String| replace(&xml, element(&xml, "NameID"), "");
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::NoNameId);
}

#[test]
fn two_name_ids() {
    let edit = |xml: String| {
        let one = element(&xml, "NameID").to_owned();
        replace(&xml, &one, &format!("{one}{}", one.replace(PERSON, EVIL)))
    };
    assert_eq!(refused_as(Forge { edit, ..Forge::default() }), SamlRefusal::ValueNotSingle);
}
