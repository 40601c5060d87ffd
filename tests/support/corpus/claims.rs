//! What the assertion claims: changed after it was signed, or genuinely signed
//! and not meant for us, not now, not by this identity provider.

use super::forge::{ACS, AUDIENCE, EVIL, Forge, ISSUER, PERSON, Signing, at, element, replace, role};
use super::{Corpus, edited};
use SamlRefusal::*;
use vestibule::saml::SamlRefusal;

/// Every value of the assertion, changed after it was signed.
pub fn tampered(corpus: &mut Corpus) {
    let production = role("ADFS-Production");
    let admin = role("ADFS-Administrator");
    let data = format!("<SubjectConfirmationData NotOnOrAfter=\"{}\"", at(300));
    let conditions = format!("<Conditions NotBefore=\"{}\" NotOnOrAfter=\"{}\"", at(0), at(3_600));
    let audience = format!("<Audience>{AUDIENCE}</Audience>");
    let recipient = format!("Recipient=\"{ACS}\"");
    let production_value = format!("<AttributeValue>{production}</AttributeValue>");
    let rows: Vec<(&str, &str, String)> = vec![
        ("NameID", PERSON, EVIL.into()),
        ("a letter of NameID", PERSON, PERSON.to_uppercase()),
        ("NameID by a space", PERSON, format!("{PERSON} ")),
        ("NameID's format", "nameid-format:persistent", "nameid-format:transient".into()),
        ("a role", &production, admin.clone()),
        ("a role's account", &production, production.replace("123456789012", "999999999999")),
        (
            "another role added",
            &production_value,
            format!("{production_value}<AttributeValue>{admin}</AttributeValue>"),
        ),
        ("a role taken away", &production_value, String::new()),
        ("the session name", "paula@example.com", "administrator@example.com".into()),
        (
            "an attribute's name",
            "http://schemas.xmlsoap.org/claims/Group",
            "https://aws.amazon.com/SAML/Attributes/Role".into(),
        ),
        ("a group", "Domain Users", "Domain Admins".into()),
        ("the recipient", &recipient, "Recipient=\"https://evil.example/saml\"".into()),
        ("the confirmation's end", &data, data.replace("2026", "2036")),
        ("the method of confirmation", "cm:bearer", "cm:sender-vouches".into()),
        ("the conditions' end", &conditions, conditions.replace("2026", "2036")),
        ("the conditions' begin", &conditions, conditions.replacen("2026", "2016", 1)),
        ("the audience", &audience, "<Audience>urn:evil</Audience>".into()),
        ("another audience added", &audience, format!("{audience}<Audience>urn:evil</Audience>")),
        (
            "the authentication context",
            "urn:federation:authentication:windows",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:X509".into(),
        ),
        ("an attribute added", "<AttributeStatement>", "<AttributeStatement e=\"\">".into()),
        (
            "a namespace that an attribute uses",
            "<AttributeStatement>",
            "<AttributeStatement xmlns:e=\"urn:e\" e:e=\"\">".into(),
        ),
        (
            "the default namespace below",
            "<AttributeStatement>",
            "<AttributeStatement xmlns=\"urn:e\">".into(),
        ),
        ("white space between elements", "<AttributeStatement>", " <AttributeStatement>".into()),
        ("a line end", "<AttributeStatement>", "\r\n<AttributeStatement>".into()),
        ("a carriage return by reference", PERSON, format!("{PERSON}&#13;")),
        (
            "the order of two values",
            "<AttributeValue>Domain Users</AttributeValue><AttributeValue>AWS-Production</AttributeValue>",
            "<AttributeValue>AWS-Production</AttributeValue><AttributeValue>Domain Users</AttributeValue>"
                .into(),
        ),
    ];
    let genuine = Forge::default().xml();
    for (name, from, to) in rows {
        let evil = genuine.replacen(from, &to, 1);
        assert_ne!(evil, genuine, "{name}");
        corpus.refuse(format!("tampered/{name}"), &evil, DigestMismatch);
    }
    let issuer = format!("<Issuer>{ISSUER}</Issuer><ds:Signature");
    corpus.refuse(
        "tampered/the issuer",
        &replace(&genuine, &issuer, "<Issuer>http://evil.example</Issuer><ds:Signature"),
        UnknownIssuer,
    );
    let id = format!("Assertion ID=\"{}\"", Forge::default().assertion_id);
    corpus.refuse("tampered/the ID", &replace(&genuine, &id, "Assertion ID=\"_another\""), ReferenceRefused);
    // The Response, where it is signed.
    let genuine = Forge::response_signed().xml();
    for (name, from, to) in [
        (
            "Destination",
            format!("Destination=\"{ACS}\""),
            "Destination=\"https://evil.example/saml\"".to_owned(),
        ),
        ("Destination taken away", format!(" Destination=\"{ACS}\""), String::new()),
        ("InResponseTo added", "Consent=".to_owned(), "InResponseTo=\"_stolen\" Consent=".to_owned()),
        ("Status", "status:Success".to_owned(), "status:Responder".to_owned()),
        ("a value in it", PERSON.to_owned(), EVIL.to_owned()),
        (
            "its Issuer",
            format!("{ISSUER}</Issuer><ds:Signature"),
            "http://evil.example</Issuer><ds:Signature".to_owned(),
        ),
    ] {
        corpus.refuse(
            format!("tampered/signed Response, {name}"),
            &replace(&genuine, &from, &to),
            DigestMismatch,
        );
    }
    // And where it is not, it may refuse and add nothing.
    let genuine = Forge::default().xml();
    for (name, from, to, refusal) in [
        ("Destination", format!("Destination=\"{ACS}\""), "Destination=\"https://evil.example/saml\"".to_owned(), WrongDestination),
        ("InResponseTo added", "Consent=".to_owned(), "InResponseTo=\"_stolen\" Consent=".to_owned(), UnknownRequest),
        ("Status", "status:Success".to_owned(), "status:Responder".to_owned(), NotSuccess),
        ("Status below success", "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\" />".to_owned(), "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\" /></samlp:StatusCode>".to_owned(), NotSuccess),
        ("no Status", element(&genuine, "Status").to_owned(), String::new(), Incomplete),
        ("two Status", "<samlp:Status>".to_owned(), "<samlp:Status /><samlp:Status>".to_owned(), Incomplete),
        ("no StatusCode", element(&genuine, "StatusCode").to_owned(), String::new(), Incomplete),
        ("Version 1.1", "Version=\"2.0\" IssueInstant".to_owned(), "Version=\"1.1\" IssueInstant".to_owned(), WrongVersion),
        ("no Version", "Version=\"2.0\" IssueInstant".to_owned(), "IssueInstant".to_owned(), Incomplete),
        ("no ID", format!("ID=\"{}\" ", Forge::default().response_id), String::new(), Incomplete),
        ("IssueInstant in ten minutes", format!("IssueInstant=\"{}\" Destination", at(0)), format!("IssueInstant=\"{}\" Destination", at(600)), NotYetValid),
        ("IssueInstant that is none", format!("IssueInstant=\"{}\" Destination", at(0)), "IssueInstant=\"now\" Destination".to_owned(), Incomplete),
        ("another Issuer", format!("{ISSUER}</Issuer><samlp:Status>"), "http://evil.example</Issuer><samlp:Status>".to_owned(), IssuerMismatch),
        ("an Issuer of another format", format!(">{ISSUER}</Issuer><samlp:Status>"), format!(" Format=\"urn:e\">{ISSUER}</Issuer><samlp:Status>"), Incomplete),
    ] {
        corpus.refuse(format!("unsigned Response/{name}"), &replace(&genuine, &from, &to), refusal);
    }
}

/// Signed by the trusted key, and still refused.
pub fn genuine(corpus: &mut Corpus) {
    let mut refuse = |name: &str, change: &dyn Fn(&mut Forge), refusal: SamlRefusal| {
        let mut forge = Forge::default();
        change(&mut forge);
        corpus.refuse(format!("claim/{name}"), &forge.xml(), refusal);
    };
    for other in [
        "urn:other",
        "urn:amazon:webservices.evil",
        "urn:amazon",
        "URN:AMAZON:WEBSERVICES",
        "urn:amazon: webservices",
        "\u{a0}urn:amazon:webservices",
        "",
    ] {
        refuse(&format!("audience {other:?}"), &|f| f.audiences = vec![other.into()], WrongAudience);
    }
    refuse("no audience", &|f| f.audiences.clear(), WrongAudience);
    for other in [
        "https://evil.example/saml",
        "https://vestibule.example.com/saml/",
        "https://vestibule.example.com/SAML",
        "https://vestibule.example.com/saml?",
        "http://vestibule.example.com/saml",
        "https://vestibule.example.com:443/saml",
    ] {
        refuse(&format!("recipient {other}"), &|f| f.recipient = other.into(), WrongRecipient);
        refuse(&format!("destination {other}"), &|f| f.destination = Some(other.into()), WrongDestination);
    }
    refuse("no recipient", &|f| f.recipient.clear(), Incomplete);
    let signed_response = |f: &mut Forge| f.response_signing = Some(Signing::default());
    refuse(
        "a signed Response without Destination",
        &|f| {
            signed_response(f);
            f.destination = None
        },
        WrongDestination,
    );
    refuse(
        "a signed Response with another Destination",
        &|f| {
            signed_response(f);
            f.destination = Some("https://evil.example/saml".into())
        },
        WrongDestination,
    );
    for (name, issuer, refusal) in [
        ("another issuer", "https://evil.example", UnknownIssuer),
        ("no issuer", "", UnknownIssuer),
        ("the issuer with a slash", "http://adfs.example.com/adfs/services/trust/", UnknownIssuer),
        ("the issuer in capitals", "HTTP://ADFS.EXAMPLE.COM/ADFS/SERVICES/TRUST", UnknownIssuer),
        ("the issuer in white space", "\n http://adfs.example.com/adfs/services/trust\n ", UnknownIssuer),
    ] {
        refuse(
            name,
            &|f| {
                f.issuer = issuer.into();
                f.response_issuer = Some(issuer.into())
            },
            refusal,
        );
    }
    refuse(
        "two issuers that differ",
        &|f| f.response_issuer = Some("https://evil.example".into()),
        IssuerMismatch,
    );
    refuse(
        "over for a minute and more",
        &|f| {
            f.confirmed_until = at(-60);
        },
        Expired,
    );
    refuse("conditions over", &|f| f.not_on_or_after = at(-60), Expired);
    refuse(
        "over for a year",
        &|f| {
            f.confirmed_until = at(-31_536_000);
            f.not_on_or_after = at(-31_536_000)
        },
        Expired,
    );
    refuse("not yet", &|f| f.not_before = at(61), NotYetValid);
    refuse("in the year 9999", &|f| f.not_before = "9999-12-31T23:59:59Z".into(), NotYetValid);
    refuse("session over", &|f| f.session_not_on_or_after = Some(at(-60)), SessionOver);
    for evil in [
        "",
        "tomorrow",
        "2026-11-23",
        "9999999999",
        "2026-13-45T25:61:61Z",
        "+2026-11-23T09:00:00Z",
        "2026-11-23 09:00:00Z",
        "-2026-11-23T09:00:00Z",
        "2026-11-23T09:00:00Z[UTC]",
    ] {
        refuse(&format!("confirmation ends {evil:?}"), &|f| f.confirmed_until = evil.into(), Incomplete);
        refuse(&format!("conditions end {evil:?}"), &|f| f.not_on_or_after = evil.into(), Incomplete);
        refuse(&format!("conditions begin {evil:?}"), &|f| f.not_before = evil.into(), Incomplete);
        refuse(
            &format!("session ends {evil:?}"),
            &|f| f.session_not_on_or_after = Some(evil.into()),
            Incomplete,
        );
    }
    for status in [
        "urn:oasis:names:tc:SAML:2.0:status:Responder",
        "urn:oasis:names:tc:SAML:2.0:status:success",
        "Success",
    ] {
        refuse(&format!("status {status:?}"), &|f| f.status = status.into(), NotSuccess);
    }
    refuse("status \"\"", &|f| f.status.clear(), Incomplete);
    for request in ["_stolen", "", "idp_initiated_login", "IdP_Initiated_Login.", "IdP_Initiated_Login\u{a0}"]
    {
        refuse(
            &format!("answers request {request:?}"),
            &|f| f.in_response_to = Some(request.into()),
            UnknownRequest,
        );
    }
    refuse("nobody", &|f| f.name_id.clear(), NoNameId);
    refuse("no session name", &|f| f.session_name.clear(), NoRoleSessionName);

    let mut refuse = |name: &str, from: &str, to: &str, refusal: SamlRefusal| {
        let forge = Forge::default();
        let unsigned = edited(&forge.clone().not_signed().xml(), &[(from, to)]);
        let xml = Signing::default().sign(&unsigned, &forge.assertion_id);
        corpus.refuse(format!("claim/{name}"), &xml, refusal);
    };
    let whole = Forge::default().not_signed().xml();
    let part = |name: &str| element(&whole, name).to_owned();
    let without = |name: &str| (part(name), String::new());
    for (name, (from, to), refusal) in [
        ("no Subject", without("Subject"), Incomplete),
        ("two Subjects", (part("Subject"), part("Subject").repeat(2)), Incomplete),
        ("no NameID", without("NameID"), NoNameId),
        ("two NameIDs", (part("NameID"), part("NameID").repeat(2)), ValueNotSingle),
        ("NameID nil", ("<NameID ".to_owned(), "<NameID xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\" ".to_owned()), NoNameId),
        ("an EncryptedID instead of NameID", (part("NameID"), "<EncryptedID />".to_owned()), ValueNotDecryptable),
        ("an encrypted attribute without a key for it", ("<AttributeStatement>".to_owned(), "<AttributeStatement><EncryptedAttribute />".to_owned()), ValueNotDecryptable),
        ("no confirmation", without("SubjectConfirmation"), NotBearer),
        ("no confirmation data", without("SubjectConfirmationData"), Incomplete),
        ("two confirmation data", (part("SubjectConfirmationData"), part("SubjectConfirmationData").repeat(2)), Incomplete),
        ("holder of key", ("cm:bearer".to_owned(), "cm:holder-of-key".to_owned()), NotBearer),
        ("sender vouches", ("cm:bearer".to_owned(), "cm:sender-vouches".to_owned()), NotBearer),
        ("bearer of SAML 1.0", ("urn:oasis:names:tc:SAML:2.0:cm:bearer".to_owned(), "urn:oasis:names:tc:SAML:1.0:cm:bearer".to_owned()), NotBearer),
        ("confirmation without an end", (format!("<SubjectConfirmationData NotOnOrAfter=\"{}\"", at(300)), "<SubjectConfirmationData".to_owned()), Incomplete),
        ("confirmation with a begin", ("<SubjectConfirmationData".to_owned(), format!("<SubjectConfirmationData NotBefore=\"{}\"", at(-60))), Incomplete),
        ("confirmation without a recipient", (format!(" Recipient=\"{ACS}\""), String::new()), Incomplete),
        ("confirmation answers a request", ("<SubjectConfirmationData".to_owned(), "<SubjectConfirmationData InResponseTo=\"_stolen\"".to_owned()), UnknownRequest),
        ("recipient in a namespace", (format!(" Recipient=\"{ACS}\""), format!(" xmlns:e=\"urn:e\" e:Recipient=\"{ACS}\"")), Incomplete),
        ("no Conditions", without("Conditions"), WrongAudience),
        ("two Conditions", (part("Conditions"), part("Conditions").repeat(2)), Incomplete),
        ("no AudienceRestriction", without("AudienceRestriction"), WrongAudience),
        ("an empty AudienceRestriction", (part("AudienceRestriction"), "<AudienceRestriction />".to_owned()), WrongAudience),
        ("a second AudienceRestriction of another", (part("AudienceRestriction"), format!("{0}{1}", part("AudienceRestriction"), part("AudienceRestriction").replace(AUDIENCE, "urn:other"))), WrongAudience),
        ("Audience in another namespace", (format!("<Audience>{AUDIENCE}"), format!("<Audience xmlns=\"urn:e\">{AUDIENCE}")), WrongAudience),
        ("Audience two elements down", (format!("<Audience>{AUDIENCE}</Audience>"), format!("<e><Audience>{AUDIENCE}</Audience></e>")), WrongAudience),
        ("audience split by an element", (format!("<Audience>{AUDIENCE}"), format!("<Audience>{AUDIENCE}<e/>")), ValueNotText),
        ("a condition that nobody knows", ("</Conditions>".to_owned(), "<Condition xmlns:e=\"urn:e\" e:only=\"on Mondays\" /></Conditions>".to_owned()), UnknownCondition),
        ("a condition of another namespace", ("</Conditions>".to_owned(), "<OneTimeUse xmlns=\"urn:e\" /></Conditions>".to_owned()), UnknownCondition),
        ("a condition of SAML 1.1", ("</Conditions>".to_owned(), "<DoNotCacheCondition /></Conditions>".to_owned()), UnknownCondition),
        ("no AuthnStatement", without("AuthnStatement"), NoAuthnStatement),
        ("AuthnStatement without an instant", (format!(" AuthnInstant=\"{}\"", at(0)), String::new()), Incomplete),
        ("signed in tomorrow", (format!("AuthnInstant=\"{}\"", at(0)), format!("AuthnInstant=\"{}\"", at(86_400))), NotYetValid),
        ("two authentication contexts", (part("AuthnContextClassRef"), part("AuthnContextClassRef").repeat(2)), ValueNotSingle),
        ("a second AuthnStatement that is over", (part("AuthnStatement"), format!("{0}{0}", part("AuthnStatement")).replacen(" SessionIndex", &format!(" SessionNotOnOrAfter=\"{}\" SessionIndex", at(-61)), 1)), SessionOver),
        ("Version 1.1", (format!("{}\" Version=\"2.0\" xmlns", at(0)), format!("{}\" Version=\"1.1\" xmlns", at(0))), WrongVersion),
        ("Version 2.1", (format!("{}\" Version=\"2.0\" xmlns", at(0)), format!("{}\" Version=\"2.1\" xmlns", at(0))), WrongVersion),
        ("no Version", (format!("{}\" Version=\"2.0\" xmlns", at(0)), format!("{}\" xmlns", at(0))), Incomplete),
        ("no IssueInstant", (format!("IssueInstant=\"{}\" Version", at(0)), "Version".to_owned()), Incomplete),
        ("issued in ten minutes", (format!("IssueInstant=\"{}\" Version", at(0)), format!("IssueInstant=\"{}\" Version", at(600))), NotYetValid),
        ("issuer of another format", (format!("<Issuer>{ISSUER}</Issuer><Subject>"), format!("<Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">{ISSUER}</Issuer><Subject>")), Incomplete),
        ("issuer twice", (format!("<Issuer>{ISSUER}</Issuer><Subject>"), format!("<Issuer>{ISSUER}</Issuer><Issuer>{ISSUER}</Issuer><Subject>")), UnknownIssuer),
        ("issuer of another namespace", (format!("<Issuer>{ISSUER}</Issuer><Subject>"), format!("<Issuer xmlns=\"urn:e\">{ISSUER}</Issuer><Subject>")), UnknownIssuer),
        ("session name twice", ("<AttributeValue>paula@example.com</AttributeValue>".to_owned(), "<AttributeValue>paula@example.com</AttributeValue><AttributeValue>evil@example.com</AttributeValue>".to_owned()), ValueNotSingle),
        ("session name in an element", ("<AttributeValue>paula@example.com</AttributeValue>".to_owned(), "<AttributeValue><e>paula@example.com</e></AttributeValue>".to_owned()), ValueNotText),
        ("session name under another name", ("Attributes/RoleSessionName".to_owned(), "Attributes/rolesessionname".to_owned()), NoRoleSessionName),
        ("session name under a name in a namespace", ("<Attribute Name=\"https://aws.amazon.com/SAML/Attributes/RoleSessionName\"".to_owned(), "<Attribute xmlns:e=\"urn:e\" e:Name=\"https://aws.amazon.com/SAML/Attributes/RoleSessionName\"".to_owned()), NoRoleSessionName),
        ("no AttributeStatement", without("AttributeStatement"), NoRoleSessionName),
    ] {
        refuse(name, &from, &to, refusal);
    }
}
