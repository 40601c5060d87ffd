//! Values as the schema types them, and the schema's places.

use super::*;

/// `xs:anyURI` and `xs:NCName` have no white space around them (XML Schema part 2, 4.3.6).
#[test]
fn white_space_around_uris_and_names_does_not_count() {
    let blanks = "\n\t  \r\n";
    for value in [
        "<Audience>urn:amazon:webservices",
        "Recipient=\"https://vestibule.example.com/saml",
        "Destination=\"https://vestibule.example.com/saml",
        "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer",
        "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success",
        "<AuthnContextClassRef>urn:federation:authentication:windows",
    ] {
        let (name, text) = value.split_at(value.find(['"', '>']).unwrap() + 1);
        let end = if name.ends_with('>') { "<" } else { "\"" };
        let around = |blank: &str| {
            let changed = format!("{name}{blank}{text}{blank}{end}");
            sign_in(&assertion_signed(&RESPONSE.replace(&format!("{value}{end}"), &changed)), now())
        };
        let identity = around(blanks).unwrap();
        assert_eq!(identity.authn_context(), Some("urn:federation:authentication:windows"), "{value}");
        if !name.contains("ClassRef") {
            assert!(around("\u{a0}").is_err(), "a no-break space is no blank: {value}");
        }
    }
    let literal =
        RESPONSE.replace("<samlp:Response ", "<samlp:Response InResponseTo=' IdP_Initiated_Login ' ");
    assert_eq!(sign_in(&assertion_signed(&literal), now()).err(), None);
}

/// `xs:string`: white space is part of it, except where AWS itself does not count it.
#[test]
fn white_space_in_strings_counts_but_where_aws_trims() {
    let on_its_own_line = |text: &str| {
        let xml = RESPONSE.replace(&format!(">{text}<"), &format!(">\n   {text}\n  <"));
        assert_ne!(xml, RESPONSE);
        sign_in(&assertion_signed(&xml), now())
    };
    assert_eq!(on_its_own_line("jane@example.com").unwrap().role_session_name(), "jane@example.com");
    let role = "arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/ADFS-Test";
    assert_eq!(on_its_own_line(role).unwrap().roles().last().map(String::as_str), Some(role));
    // An account "admin" is not an account " admin".
    assert_eq!(on_its_own_line("EXAMPLE\\jane").unwrap().name_id(), "\n   EXAMPLE\\jane\n  ");
    let no_break = RESPONSE.replace("jane@example.com", "\u{a0}jane@example.com");
    let identity = sign_in(&assertion_signed(&no_break), now()).unwrap();
    assert_eq!(identity.role_session_name(), "\u{a0}jane@example.com");
    let issuer = RESPONSE.replacen("<Issuer>", "<Issuer> ", 1);
    assert_eq!(sign_in(&assertion_signed(&issuer), now()).err(), Some(SamlRefusal::UnknownIssuer));
}

/// Core 1.3.1 and 1.3.2: a value has at least one character that is no white space.
#[test]
fn blank_values_are_absent() {
    use SamlRefusal::*;
    let destination = "Destination=\"https://vestibule.example.com/saml\"";
    for (from, to, expected) in [
        ("EXAMPLE\\jane", " \n", Some(NoNameId)),
        ("jane@example.com", "\t", Some(NoRoleSessionName)),
        ("https://vestibule.example.com/saml\"/>", "  \"/>", Some(Incomplete)),
        (destination, "Destination=\" \"", None),
        ("SessionIndex=\"_a1\"", "SessionIndex=\" \"", None),
    ] {
        let xml = RESPONSE.replace(from, to);
        assert_ne!(xml, RESPONSE, "{from}");
        assert_eq!(sign_in(&assertion_signed(&xml), now()).err(), expected, "{to}");
    }
    let blank = RESPONSE.replace(destination, "Destination=\" \"");
    assert_eq!(sign_in(&response_signed(&blank), now()).err(), Some(WrongDestination));
}

#[test]
fn an_empty_in_response_to_is_accepted_where_it_is_configured() {
    let empty = RESPONSE
        .replace("<samlp:Response ", "<samlp:Response InResponseTo='' ")
        .replace("<SubjectConfirmationData ", "<SubjectConfirmationData InResponseTo='' ");
    let field = assertion_signed(&empty);
    assert_eq!(sign_in(&field, now()).err(), Some(SamlRefusal::UnknownRequest));
    let with = |literal: &str, idp_initiated| {
        let in_response_to_literals = vec![literal.to_owned()];
        let provider =
            IdentityProvider { in_response_to_literals, idp_initiated, ..provider(vec![EC.key()]) };
        sign_in_at(&field, now(), provider).err()
    };
    assert_eq!(with("", true), None);
    assert_eq!(with(" ", true), Some(SamlRefusal::UnknownRequest));
    assert_eq!(with("", false), Some(SamlRefusal::UnsolicitedRefused));
    // It is no answer to a request of ours.
    let sent = sent();
    let provider =
        IdentityProvider { in_response_to_literals: vec![String::new()], ..provider(vec![EC.key()]) };
    assert_eq!(answered(&empty, Expected::InResponseTo(&sent), provider), Some(SamlRefusal::UnknownRequest));
}

/// STS gives no session beyond it: what skew let pass here would be refused there.
#[test]
fn a_session_that_is_over_by_a_second_is_over() {
    let at = |end: &str| {
        let attribute = format!(" SessionNotOnOrAfter='{end}' SessionIndex=");
        sign_in(&assertion_signed(&RESPONSE.replace(" SessionIndex=", &attribute)), now()).err()
    };
    assert_eq!(at("2026-11-23T05:46:00.001Z"), None);
    assert_eq!(at("2026-11-23T05:46:00Z"), Some(SamlRefusal::SessionOver));
    assert_eq!(at("2026-11-23T05:45:59Z"), Some(SamlRefusal::SessionOver));
}

/// Core 2.3.3: one for each time that the person signed in.
#[test]
fn of_several_authn_statements_the_latest_is_read() {
    let statement = |at: &str, session: &str, class: &str, more: &str| {
        format!(
            "<AuthnStatement AuthnInstant='{at}' SessionIndex='{session}'{more}><AuthnContext>\
             <AuthnContextClassRef>{class}</AuthnContextClassRef></AuthnContext></AuthnStatement>"
        )
    };
    let with = |before: &str, after: &str| {
        let xml = RESPONSE
            .replace("<AuthnStatement ", &format!("{before}<AuthnStatement "))
            .replace("</AuthnStatement></Assertion>", &format!("</AuthnStatement>{after}</Assertion>"));
        sign_in(&assertion_signed(&xml), now())
    };
    let read = |before: &str, after: &str| {
        let identity = with(before, after).unwrap();
        (identity.session_index().unwrap().to_owned(), identity.authn_context().unwrap().to_owned())
    };
    let pair = |session: &str, class: &str| (session.to_owned(), class.to_owned());
    let windows = "urn:federation:authentication:windows";
    let earlier = statement("2026-11-23T05:40:00Z", "_old", "urn:password", "");
    let later = statement("2026-11-23T05:45:59Z", "_new", "urn:mfa", "");
    let equal = statement("2026-11-23T05:45:58Z", "_too", "urn:mfa", "");
    assert_eq!(read(&earlier, ""), pair("_a1", windows));
    assert_eq!(read("", &earlier), pair("_a1", windows));
    assert_eq!(read(&earlier, &later), pair("_new", "urn:mfa"));
    assert_eq!(read(&later, &earlier), pair("_new", "urn:mfa"));
    assert_eq!(read("", &equal), pair("_a1", windows));
    assert_eq!(read(&equal, ""), pair("_too", "urn:mfa"));
    let age = |before: &str, after: &str| with(before, after).unwrap().authn_age().whole_seconds();
    assert_eq!([age("", ""), age(&earlier, ""), age("", &later), age(&later, &earlier)], [2, 2, 1, 1]);

    // Each of them must hold, and the session that ends first ends it.
    let over =
        statement("2026-11-23T05:40:00Z", "_o", "urn:x", " SessionNotOnOrAfter='2026-11-23T05:45:00Z'");
    assert_eq!(with(&over, "").err(), Some(SamlRefusal::SessionOver));
    let ahead = statement("2026-11-23T06:45:00Z", "_o", "urn:x", "");
    assert_eq!(with("", &ahead).err(), Some(SamlRefusal::NotYetValid));
    assert_eq!(with("", &statement("soon", "_o", "urn:x", "")).err(), Some(SamlRefusal::Incomplete));
    let ends =
        statement("2026-11-23T05:40:00Z", "_o", "urn:x", " SessionNotOnOrAfter='2026-11-23T06:00:00Z'");
    let later_end = ends.replace("06:00:00Z", "06:30:00Z");
    assert_ne!(later_end, ends);
    for (before, after) in [("", &*ends), (&*later_end, &*ends), (&*ends, &*later_end)] {
        let identity = with(before, after).unwrap();
        assert_eq!(identity.session_not_on_or_after(), parse_instant("2026-11-23T06:00:00Z"));
    }

    // What a request asks for is asked of the one that is read.
    let sent = sent();
    let answered = |before: &str| {
        let class_refs = vec![windows.to_owned()];
        let authn_context = Some(RequestedAuthnContext { comparison: Comparison::Exact, class_refs });
        let requested_authn = RequestedAuthn { force_authn: true, authn_context };
        let xml =
            answer_to(sent.id.as_str()).replace("<AuthnStatement ", &format!("{before}<AuthnStatement "));
        let provider = IdentityProvider { requested_authn, ..provider(vec![EC.key()]) };
        answered(&xml, Expected::InResponseTo(&sent), provider)
    };
    assert_eq!(answered(&earlier), None);
    let newer = statement("2026-11-23T05:46:30Z", "_new", "urn:password", "");
    assert_eq!(answered(&newer), Some(SamlRefusal::OtherAuthnContext));
}

/// A request that asks for more than is configured is answered as it asks.
#[test]
fn an_answer_does_what_its_own_request_asked_for() {
    let windows = "urn:federation:authentication:windows";
    let answered = |asked: &[&str], force_authn, configured: Option<&str>, signed_in: &str| {
        let class_refs = asked.iter().map(|class_ref| ShortDigest::of(class_ref)).collect();
        let sent = SentAuthnRequest { asked: AskedAuthn { force_authn, class_refs }, ..sent() };
        let authn_context = configured.map(|class_ref| RequestedAuthnContext {
            comparison: Comparison::Exact,
            class_refs: vec![class_ref.to_owned()],
        });
        let requested_authn = RequestedAuthn { force_authn: false, authn_context };
        let xml = answer_to(sent.id.as_str()).replace("T05:46:00Z\"", signed_in);
        let provider = IdentityProvider { requested_authn, ..provider(vec![EC.key()]) };
        answered(&xml, Expected::InResponseTo(&sent), provider)
    };
    let (now, long_ago) = ("T05:46:00Z\"", "T04:46:00Z\"");
    let other = Some(SamlRefusal::OtherAuthnContext);
    for (asked, force_authn, configured, signed_in, expected) in [
        (&[windows][..], false, None, now, None),
        (&["urn:mfa", windows], false, None, now, None),
        (&["urn:mfa"], false, None, now, other),
        // And as is configured.
        (&[windows], false, Some("urn:mfa"), now, other),
        (&["urn:mfa"], false, Some(windows), now, other),
        (&[windows], false, Some(windows), now, None),
        (&[], false, Some("urn:mfa"), now, other),
        (&[], false, Some(windows), now, None),
        (&[], false, None, long_ago, None),
        (&[], true, None, now, None),
        (&[], true, None, long_ago, Some(SamlRefusal::NotReauthenticated)),
        (&[windows], true, None, long_ago, Some(SamlRefusal::NotReauthenticated)),
        (&["urn:mfa"], true, None, now, other),
    ] {
        assert_eq!(
            answered(asked, force_authn, configured, signed_in),
            expected,
            "{asked:?} {force_authn} {configured:?} {signed_in}"
        );
    }
}

#[test]
fn an_id_is_a_name() {
    let named = |id: &str| {
        let xml = RESPONSE.replace("ID=\"_r1\"", &format!("ID=\"{id}\""));
        sign_in(&assertion_signed(&xml), now()).err()
    };
    for id in ["_1", "a.b-c", "0123abcd", "urn:uuid:6ba7b810", "\u{e9}t\u{e9}"] {
        assert_eq!(named(id), None, "{id}");
    }
    for id in ["", " ", "a b", "a\u{a0}b", "#a", "a/b", "a&lt;b", "a=b"] {
        assert_eq!(named(id), Some(SamlRefusal::Incomplete), "{id}");
    }
}

/// Core 3.2.2 and 3.3.3.
#[test]
fn a_response_has_only_the_children_of_its_schema() {
    let status = "<samlp:Status>";
    for child in [
        "<samlp:Unknown/>",
        "<Unknown xmlns=''/>",
        "<samlp:StatusDetail/>",
        "<samlp:Issuer/>",
        "<saml:Status xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion'/>",
        "<saml:Subject xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion'/>",
        "text",
        "\u{a0}",
        "<![CDATA[x]]>",
        "<?instruction?>",
    ] {
        assert_eq!(changed(status, &format!("{child}{status}")), Some(SamlRefusal::Incomplete), "{child}");
    }
    for child in ["<samlp:Extensions><x xmlns='urn:x'/></samlp:Extensions>", "\n  ", "<!-- comment -->"] {
        assert_eq!(changed(status, &format!("{child}{status}")), None, "{child}");
    }
}
