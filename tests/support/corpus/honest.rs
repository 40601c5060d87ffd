//! What honest identity providers send. All of it is accepted, with exactly the
//! values that were meant: refusing honest people is a defect too.

use super::forge::{
    ACS, AUDIENCE, EXCLUSIVE, Forge, Hash, ISSUER, PERSON, SAML, Signing, Style, at, element, now, p256,
    p384, role, rsa, stranger,
};
use super::{Corpus, Expect, STANDARD, Values, edited};
use base64::Engine;
use time::Duration;

const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
const XS: &str = "xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"";

pub fn varieties(corpus: &mut Corpus) {
    shapes(corpus);
    signings(corpus);
    styles(corpus);
    before_signing(corpus);
    after_signing(corpus);
    values(corpus);
    fields(corpus);
}

fn honest(corpus: &mut Corpus, name: &str, change: impl FnOnce(&mut Forge)) {
    let mut forge = corpus.fresh();
    change(&mut forge);
    corpus.accept(format!("honest/{name}"), &forge.xml(), Values::of(&forge));
}

fn shapes(corpus: &mut Corpus) {
    honest(corpus, "in AD FS's shape", |_| {});
    honest(corpus, "only the Response signed", |f| {
        (f.response_signing, f.assertion_signing) = (Some(Signing::default()), None);
    });
    honest(corpus, "both signed", |f| f.response_signing = Some(Signing::default()));
    honest(corpus, "no Issuer on the Response", |f| f.response_issuer = None);
    honest(corpus, "no Destination", |f| f.destination = None);
    honest(corpus, "unsolicited, as pysaml2 says it", |f| {
        f.in_response_to = Some("IdP_Initiated_Login".into())
    });
    honest(corpus, "several audiences", |f| {
        f.audiences = vec!["urn:other".into(), AUDIENCE.into(), "urn:third".into()]
    });
    honest(corpus, "values on lines of their own", |f| {
        f.audiences = vec![format!("\n      {AUDIENCE}\n    ")];
        f.in_response_to = Some("\tIdP_Initiated_Login ".into());
        f.destination = Some(format!(" {ACS} "));
        f.recipient = format!("{ACS}\n");
    });
    honest(corpus, "an empty Destination where only the assertion is signed", |f| {
        f.destination = Some(String::new());
    });
    honest(corpus, "two AuthnStatements", |f| {
        f.edit = |xml| {
            let statement = element(&xml, "AuthnStatement").to_owned();
            let earlier =
                statement.replace(&at(0), &at(-600)).replace("SessionIndex=\"", "SessionIndex=\"_earlier-");
            assert_ne!(earlier, statement);
            xml.replace(&statement, &format!("{earlier}{statement}"))
        }
    });
    honest(corpus, "the last second of the confirmation", |f| f.confirmed_until = at(-59));
    honest(corpus, "a clock a minute ahead", |f| f.not_before = at(60));
    honest(corpus, "valid for ten hours", |f| f.not_on_or_after = at(36_000));
    honest(corpus, "times with fractions", |f| f.confirmed_until = at(300).replace('Z', ".123Z"));
    honest(corpus, "times with seven digits, as .NET", |f| {
        f.confirmed_until = at(300).replace('Z', ".1234567Z")
    });
    honest(corpus, "times without a zone", |f| f.confirmed_until = at(300).replace('Z', ""));
    honest(corpus, "times with an offset", |f| f.confirmed_until = "2026-11-23T11:05:00+02:00".into());
    let forge = Forge { session_not_on_or_after: Some(at(8 * 3_600)), ..corpus.fresh() };
    let values = Values { session_ends: Some(now() + Duration::hours(8)), ..Values::of(&forge) };
    corpus.accept("honest/a session that ends", &forge.xml(), values);
}

fn signings(corpus: &mut Corpus) {
    for (name, signing) in [
        ("RSA with SHA-384", Signing::hashing(Hash::Sha384)),
        ("RSA with SHA-512", Signing::hashing(Hash::Sha512)),
        ("RSA with SHA-256 and a digest of SHA-512", Signing { digest: Hash::Sha512, ..Signing::default() }),
        ("RSA with SHA-512 and a digest of SHA-256", Signing { hash: Hash::Sha512, ..Signing::default() }),
        ("ECDSA on P-256", Signing::with(p256())),
        ("ECDSA on P-256 and a digest of SHA-384", Signing { digest: Hash::Sha384, ..Signing::with(p256()) }),
        ("ECDSA on P-384", Signing { hash: Hash::Sha384, digest: Hash::Sha384, ..Signing::with(p384()) }),
        ("no KeyInfo", Signing { key_info: None, ..Signing::default() }),
        ("another certificate in KeyInfo", Signing { key_info: Some(stranger()), ..Signing::default() }),
        ("an EC certificate in KeyInfo", Signing { key_info: Some(p256()), ..Signing::with(rsa()) }),
    ] {
        honest(corpus, name, |f| f.assertion_signing = Some(signing.clone()));
        honest(corpus, &format!("{name}, on the Response"), |f| {
            (f.response_signing, f.assertion_signing) = (Some(signing), None);
        });
    }
    honest(corpus, "an ID that is no NCName", |f| f.assertion_id = format!("1{}", f.assertion_id));
    honest(corpus, "two signatures by two keys of one issuer", |f| {
        f.response_signing = Some(Signing::with(p256()));
    });
    let exclusive = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\" />");
    for (name, from, to) in [
        ("white space in SignedInfo", "<ds:Reference ".to_owned(), "\n  <ds:Reference ".to_owned()),
        ("white space in Transforms", "</ds:Transforms>".to_owned(), "\n</ds:Transforms>".to_owned()),
        ("a digest in lines", "<ds:DigestValue>".to_owned(), "<ds:DigestValue>\n  ".to_owned()),
        ("an Id on SignedInfo", "<ds:SignedInfo>".to_owned(), "<ds:SignedInfo Id=\"_signed-info\">".to_owned()),
        ("an Id on Reference", "<ds:Reference ".to_owned(), "<ds:Reference Id=\"_reference\" ".to_owned()),
        ("a Type on Reference", "<ds:Reference ".to_owned(), "<ds:Reference Type=\"http://www.w3.org/2000/09/xmldsig#Object\" ".to_owned()),
        ("a PrefixList for SignedInfo", exclusive.clone(), exclusive.replace(" />", &format!("><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"ec\" /></ds:CanonicalizationMethod>"))),
        ("an empty PrefixList", format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform>"), format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"\" /></ds:Transform>")),
        ("an algorithm by character references", EXCLUSIVE.to_owned() + "\" /><ds:S", EXCLUSIVE.replace('#', "&#35;") + "\" /><ds:S"),
    ] {
        honest(corpus, name, |f| {
            f.assertion_signing = Some(Signing { signed_info_edits: vec![(from, to)], ..Signing::default() });
        });
    }
}

fn styles(corpus: &mut Corpus) {
    for (protocol, assertion, prefix, declared_above, whose) in [
        ("samlp", "saml", "ds", false, "SimpleSAMLphp"),
        ("saml2p", "saml2", "ds", false, "Shibboleth and Okta"),
        ("samlp", "", "", false, "Entra ID"),
        ("samlp", "saml", "dsig", true, "Keycloak"),
        ("ns0", "ns1", "ns2", true, "pysaml2"),
        ("samlp", "", "ds", true, "AD FS with declarations above"),
        ("saml2p", "saml2", "", true, "declared above, signature by default namespace"),
        ("p", "a", "s", true, "one letter"),
        ("SAML-P.2_0", "é", "ds", true, "odd letters"),
    ] {
        for both in [false, true] {
            let signing = Signing { prefix, ..Signing::default() };
            honest(
                corpus,
                &format!("prefixes of {whose}, {}", if both { "both signed" } else { "assertion signed" }),
                |f| {
                    f.style = Style { protocol, assertion, declared_above };
                    f.assertion_signing = Some(signing.clone());
                    f.response_signing = both.then_some(signing);
                },
            );
        }
    }
    for prefix_list in ["xs", "xs xsi", "#default xs", "unknown", "saml2", "  xs\n xsi "] {
        let forge = Forge {
            style: Style { protocol: "saml2p", assertion: "saml2", declared_above: true },
            assertion_signing: Some(Signing { prefix_list, ..Signing::default() }),
            edit: |xml| {
                xml.replace("<saml2:AttributeValue>", "<saml2:AttributeValue xsi:type=\"xs:string\">")
            },
            ..corpus.fresh()
        };
        corpus.accept(format!("honest/PrefixList {prefix_list:?}"), &forge.xml(), Values::of(&forge));
    }
}

/// Differences that are signed.
fn before_signing(corpus: &mut Corpus) {
    let whole = Forge::default().not_signed().xml();
    let part = |name: &str| element(&whole, name).to_owned();
    let confirmation = part("SubjectConfirmation");
    let statement = part("AttributeStatement");
    let authn = part("AuthnStatement");
    let instant = at(0);
    let rows: Vec<(&str, String, String)> = vec![
        ("OneTimeUse", "</Conditions>".into(), "<OneTimeUse /></Conditions>".into()),
        ("ProxyRestriction", "</Conditions>".into(), "<ProxyRestriction Count=\"0\" /></Conditions>".into()),
        ("two audience restrictions that both hold", part("AudienceRestriction"), part("AudienceRestriction").repeat(2)),
        ("Conditions without times", format!(" NotBefore=\"{}\" NotOnOrAfter=\"{}\"", at(0), at(3_600)), String::new()),
        ("two bearer confirmations", confirmation.clone(), confirmation.repeat(2)),
        ("a holder-of-key confirmation first", confirmation.clone(), format!("{}{confirmation}", confirmation.replace("bearer", "holder-of-key"))),
        ("a bearer confirmation for somebody else first", confirmation.clone(), format!("{}{confirmation}", confirmation.replace(ACS, "https://other.example/saml"))),
        ("an expired bearer confirmation last", confirmation.clone(), format!("{confirmation}{}", confirmation.replace(&at(300), &at(-300)))),
        ("a confirmation with a NameID of its own", "<SubjectConfirmationData".into(), "<NameID>urn:confirmer</NameID><SubjectConfirmationData".into()),
        ("an Address in the confirmation", "<SubjectConfirmationData ".into(), "<SubjectConfirmationData Address=\"192.0.2.7\" ".into()),
        ("the confirmation says it is unsolicited", "<SubjectConfirmationData ".into(), "<SubjectConfirmationData InResponseTo=\"IdP_Initiated_Login\" ".into()),
        ("SubjectLocality", "<AuthnContext>".into(), "<SubjectLocality Address=\"192.0.2.7\" DNSName=\"pc.example\" /><AuthnContext>".into()),
        ("AuthenticatingAuthority", "</AuthnContext>".into(), "<AuthenticatingAuthority>urn:upstream</AuthenticatingAuthority></AuthnContext>".into()),
        ("AuthnContextDeclRef", "</AuthnContext>".into(), "<AuthnContextDeclRef>urn:decl</AuthnContextDeclRef></AuthnContext>".into()),
        ("Advice", "</Conditions>".into(), "</Conditions><Advice><AssertionIDRef>_other</AssertionIDRef></Advice>".into()),
        ("AuthnStatement before AttributeStatement", format!("{statement}{authn}"), format!("{authn}{statement}")),
        ("two attribute statements", format!("{statement}{authn}"), format!("{statement}<AttributeStatement><Attribute Name=\"urn:more\"><AttributeValue>1</AttributeValue></Attribute></AttributeStatement>{authn}")),
        ("an AuthzDecisionStatement", authn.clone(), format!("{authn}<AuthzDecisionStatement Resource=\"urn:r\" Decision=\"Permit\"><Action Namespace=\"urn:a\">Read</Action></AuthzDecisionStatement>")),
        ("an attribute without values", "<AttributeStatement>".into(), "<AttributeStatement><Attribute Name=\"urn:empty\" />".into()),
        ("an attribute with elements as its value", "<AttributeStatement>".into(), "<AttributeStatement><Attribute Name=\"urn:structured\"><AttributeValue><e xmlns=\"urn:e\">x</e></AttributeValue></Attribute>".into()),
        ("NameFormat and FriendlyName", "<Attribute Name=\"http://schemas".into(), "<Attribute NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\" FriendlyName=\"Groups\" Name=\"http://schemas".into()),
        ("xsi:type", "<AttributeValue>Domain".into(), format!("<AttributeValue {XSI} {XS} xsi:type=\"xs:string\">Domain")),
        ("a nil value beside", "<AttributeValue>Domain".into(), format!("<AttributeValue {XSI} xsi:nil=\"true\" /><AttributeValue>Domain")),
        ("an empty value beside", "<AttributeValue>Domain".into(), "<AttributeValue></AttributeValue><AttributeValue>Domain".into()),
        ("NameQualifier and SPNameQualifier", "<NameID ".into(), format!("<NameID NameQualifier=\"{ISSUER}\" SPNameQualifier=\"{AUDIENCE}\" ")),
        ("a NameID without a format", " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"".into(), String::new()),
        ("an Issuer with the format of entities", format!("<Issuer>{ISSUER}</Issuer><Subject>"), format!("<Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">{ISSUER}</Issuer><Subject>")),
        ("an instruction between elements", "<AttributeStatement>".into(), "<?adfs claims?><AttributeStatement>".into()),
        ("attributes in another order", format!("IssueInstant=\"{instant}\" Version=\"2.0\" xmlns"), format!("Version=\"2.0\" IssueInstant=\"{instant}\" xmlns")),
        ("apostrophes around an attribute", format!("SubjectConfirmationData NotOnOrAfter=\"{}\"", at(300)), format!("SubjectConfirmationData NotOnOrAfter='{}'", at(300))),
        ("white space in tags", "<AttributeStatement>".into(), "<AttributeStatement\n\t>".into()),
        ("a namespace that nobody uses", "<AttributeStatement>".into(), "<AttributeStatement xmlns:unused=\"urn:unused\">".into()),
        ("the default namespace declared again", "<AttributeStatement>".into(), format!("<AttributeStatement xmlns=\"{SAML}\">")),
        ("xml:lang and xml:space", "<AttributeStatement>".into(), "<AttributeStatement xml:lang=\"de\" xml:space=\"preserve\">".into()),
        ("CDATA", PERSON.into(), format!("<![CDATA[{PERSON}]]>")),
        ("CDATA in pieces", PERSON.into(), "EXAMPLE<![CDATA[\\]]>pau<![CDATA[la]]>".into()),
        ("character references", PERSON.into(), "EXAMPLE&#92;p&#x61;ula".into()),
        ("references in an attribute", "Recipient=\"https://".into(), "Recipient=\"https&#58;&#x2F;/".into()),
    ];
    for (name, from, to) in rows {
        let forge = corpus.fresh();
        let own = |text: &str| text.replace(&Forge::default().assertion_id, &forge.assertion_id);
        let unsigned = edited(&forge.clone().not_signed().xml(), &[(&own(&from), &own(&to))]);
        let values = Values::of(&forge);
        for (how, id) in [("", &forge.assertion_id), (", only the Response signed", &forge.response_id)] {
            // The same assertion twice would be a replay.
            let id_of = |text: &str| {
                text.replace(&forge.assertion_id, &format!("{}{}", forge.assertion_id, how.len()))
            };
            let xml = Signing::default().sign(&id_of(&unsigned), &id_of(id));
            let id = id_of(&forge.assertion_id);
            let values = Values { session_index: Some(id.clone()), assertion_id: id, ..values.clone() };
            corpus.accept(format!("honest/{name}{how}"), &xml, values);
        }
    }
    for (name, edit) in [
        ("indented", (|xml| xml.replace("><", ">\n  <")) as fn(String) -> String),
        ("indented by tabs", |xml| xml.replace("><", ">\n\t<")),
    ] {
        honest(corpus, name, |f| f.edit = edit);
        honest(corpus, &format!("{name}, both signed"), |f| {
            f.edit = edit;
            f.response_signing = Some(Signing::default());
        });
    }
}

/// Differences that no signature sees.
fn after_signing(corpus: &mut Corpus) {
    let rows: Vec<(&str, fn(&str) -> String)> = vec![
        ("XML declaration", |xml| format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n")),
        ("XML declaration, standalone", |xml| {
            format!("<?xml version='1.0' encoding='utf-8' standalone='yes'?>{xml}")
        }),
        ("XML declaration without an encoding", |xml| format!("<?xml version=\"1.0\"?>{xml}")),
        ("XML declaration of US-ASCII", |xml| format!("<?xml version=\"1.0\" encoding=\"US-ASCII\"?>{xml}")),
        ("byte order mark", |xml| format!("\u{feff}{xml}")),
        ("byte order mark and declaration", |xml| {
            format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>{xml}")
        }),
        ("white space around", |xml| format!("\n {xml}\r\n")),
        ("comments around", |xml| format!("<!-- before -->{xml}<!-- after -->")),
        ("instructions around", |xml| format!("<?before?>{xml}<?after?>")),
        ("comments between elements", |xml| {
            xml.replace("<AttributeStatement>", "<!-- claims --><AttributeStatement>")
        }),
        ("line ends of another system", |xml| xml.replace('\n', "\r\n")),
        ("line ends of an old system", |xml| xml.replace('\n', "\r")),
        ("two tags for an empty element", |xml| {
            xml.replace(
                "Recipient=\"https://vestibule.example.com/saml\" />",
                "Recipient=\"https://vestibule.example.com/saml\"></SubjectConfirmationData>",
            )
        }),
        ("an empty element without the space", |xml| xml.replace(" />", "/>")),
        ("references where characters were", |xml| xml.replace("Domain Users", "D&#111;main&#x20;Users")),
        ("CDATA where text was", |xml| xml.replace("Domain Users", "<![CDATA[Domain Users]]>")),
        ("attributes in another order", |xml| {
            xml.replace(
                "Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"",
                "xmlns:unused='urn:unused' Method='urn:oasis:names:tc:SAML:2.0:cm:bearer'",
            )
        }),
        ("KeyInfo with anything", |xml| {
            xml.replace("</KeyInfo>", "<KeyName>adfs</KeyName><e xmlns=\"urn:e\"><!-- --></e></KeyInfo>")
        }),
        ("a SignatureValue in lines", |xml| {
            xml.replace("==</ds:SignatureValue>", "\r\n=\n=\n</ds:SignatureValue>")
        }),
        ("a SignatureValue in lines by reference, as Java writes it", |xml| {
            xml.replace("==</ds:SignatureValue>", "&#13;\n==&#xD;\n</ds:SignatureValue>")
        }),
        ("Extensions", |xml| {
            xml.replace(
                "<samlp:Status>",
                "<samlp:Extensions><e xmlns=\"urn:e\">x</e></samlp:Extensions><samlp:Status>",
            )
        }),
        ("15,000 elements in Extensions", |xml| {
            xml.replace(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", "<a/>".repeat(15_000)),
            )
        }),
        ("a namespace name that is no URI", |xml| {
            let extensions = "<samlp:Extensions><e xmlns=\"urn:e>\">x</e></samlp:Extensions><samlp:Status>";
            xml.replace("<samlp:Status>", extensions)
        }),
        ("a status with a message", |xml| {
            xml.replace(
                "</samlp:Status>",
                "<samlp:StatusMessage>Welcome</samlp:StatusMessage></samlp:Status>",
            )
        }),
        ("a second-level status", |xml| {
            xml.replace(
                "status:Success\" />",
                "status:Success\"><samlp:StatusCode Value=\"urn:more\" /></samlp:StatusCode>",
            )
        }),
        ("no Consent", |xml| xml.replace(" Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\"", "")),
    ];
    for (name, change) in rows {
        let forge = Forge { edit: |xml| xml.replace("><Audience", ">\n<Audience"), ..corpus.fresh() };
        let xml = forge.xml();
        let changed = change(&xml);
        assert_ne!(changed, xml, "{name}");
        corpus.accept(format!("honest/{name}, after signing"), &changed, Values::of(&forge));
    }
}

fn values(corpus: &mut Corpus) {
    let production = role("ADFS-Production");
    let reversed = |role: &str| {
        let (provider, role) = role.split_once(',').unwrap();
        format!("{role},{provider}")
    };
    for count in [1, 2, 50, 200, 600] {
        let mut roles: Vec<String> = (1..count).map(|n| role(&format!("R{n}"))).collect();
        roles.push(production.clone());
        honest(corpus, &format!("{count} roles"), |f| (f.roles, f.groups) = (roles, Vec::new()));
    }
    honest(corpus, "the role before the provider", |f| f.roles = vec![reversed(&production)]);
    honest(corpus, "no groups", |f| f.groups.clear());
    honest(corpus, "two hundred groups", |f| f.groups = (0..200).map(|n| format!("Group {n}")).collect());
    honest(corpus, "groups that are not ASCII", |f| {
        f.groups = vec![
            "Domänen-Benutzer".into(),
            "利用者".into(),
            "𝔊roup".into(),
            "שלום".into(),
            "a\u{301}".into(),
        ];
    });
    honest(corpus, "a name that is not ASCII", |f| f.name_id = "EXAMPLE\\Åsa Öberg".into());
    honest(corpus, "a name with spaces around", |f| f.name_id = " paula ".into());
    honest(corpus, "a mail address for a name", |f| f.name_id = "paula+aws@example.com".into());
    honest(corpus, "a long persistent name", |f| f.name_id = "A1b2".repeat(64));
    honest(corpus, "the longest session name", |f| f.session_name = "p".repeat(64));
    honest(corpus, "the shortest session name", |f| f.session_name = "pa".into());
    honest(corpus, "another authentication context", |f| {
        f.authn_context = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport".into();
    });
    // Escaped in the document, plain in the value.
    for (name, written, meant) in [
        ("markup in a group", "R&amp;D &lt;all&gt; &quot;x&quot; &apos;y&apos;", "R&D <all> \"x\" 'y'"),
        ("a line break in a group", "one\ntwo", "one\ntwo"),
        ("a tab by reference in a group", "one&#9;two", "one\ttwo"),
        ("a carriage return by reference in a group", "one&#13;two", "one\rtwo"),
        ("a line break by reference in a group", "one&#10;two", "one\ntwo"),
    ] {
        let forge = Forge { groups: vec![written.to_owned()], ..corpus.fresh() };
        let values = Values { groups: vec![meant.to_owned()], ..Values::of(&forge) };
        corpus.accept(format!("honest/{name}"), &forge.xml(), values);
    }
}

fn fields(corpus: &mut Corpus) {
    for (name, width, end) in
        [("CRLF", 76, "\r\n"), ("LF", 64, "\n"), ("spaces", 60, " "), ("tabs", 100, "\t")]
    {
        let forge = corpus.fresh();
        let field = STANDARD.encode(forge.xml());
        let lines: Vec<&str> =
            field.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).unwrap()).collect();
        let values = Expect::Accept(Box::new(Values::of(&forge)));
        corpus.push(format!("honest/base64 in lines by {name}"), lines.join(end) + end, values);
    }
}
