//! The document: its encoding, its text, its size, and the form field around it.

use super::forge::{EVIL, Forge, PERSON, SAML, Signing, element, replace, role};
use super::{Corpus, Expect, STANDARD, edited};
use SamlRefusal::*;
use base64::Engine;
use vestibule::saml::{Cap, SamlRefusal};

pub fn texts(corpus: &mut Corpus) {
    let genuine = Forge::default().xml();
    let id = Forge::default().assertion_id;
    let entity = format!("Assertion ID=\"{id}\"");
    for (name, doctype) in [
        ("plain", "<!DOCTYPE samlp:Response>"),
        ("lower case", "<!doctype samlp:Response>"),
        ("external", "<!DOCTYPE r SYSTEM \"http://127.0.0.1:1/x.dtd\">"),
        ("public", "<!DOCTYPE r PUBLIC \"-//W3C//DTD\" \"http://127.0.0.1:1/x.dtd\">"),
        ("ATTLIST default for ID", "<!DOCTYPE r [<!ATTLIST Assertion ID CDATA \"_evil\">]>"),
        ("ATTLIST of type ID", "<!DOCTYPE r [<!ATTLIST Assertion e ID #IMPLIED>]>"),
        ("ATTLIST that normalizes", "<!DOCTYPE r [<!ATTLIST Attribute Name NMTOKENS #IMPLIED>]>"),
        ("external entity", "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"),
        ("parameter entity", "<!DOCTYPE r [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\"> %x;]>"),
        ("entities in entities", "<!DOCTYPE r [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"),
    ] {
        corpus.refuse(format!("document/document type, {name}"), &format!("{doctype}{genuine}"), Doctype);
    }
    let inside = replace(&genuine, "<samlp:Status>", "<!DOCTYPE e><samlp:Status>");
    corpus.refuse("document/document type inside", &inside, Doctype);
    corpus.refuse("document/document type behind", &format!("{genuine}<!DOCTYPE e>"), Doctype);

    for (name, from, to) in [
        ("undeclared entity", PERSON, "&person;"),
        ("undeclared entity in ID", &*entity, "Assertion ID=\"&e;\""),
        ("undeclared prefix", "<samlp:Status>", "<samlp:Status e:e=\"\">"),
        ("undeclared prefix of an element", "<samlp:Status>", "<e:e/><samlp:Status>"),
        ("attribute twice", &*entity, &*format!("{entity} ID=\"_evil\"")),
        (
            "attribute twice by two prefixes",
            "<samlp:Status>",
            "<samlp:Status xmlns:a=\"urn:e\" xmlns:b=\"urn:e\" a:e=\"\" b:e=\"\">",
        ),
        (
            "default namespace twice",
            &*format!("<Issuer xmlns=\"{SAML}\""),
            &*format!("<Issuer xmlns=\"{SAML}\" xmlns=\"urn:e\""),
        ),
        ("prefix declared twice", "<samlp:Status>", "<samlp:Status xmlns:e=\"urn:1\" xmlns:e=\"urn:2\">"),
        ("prefix undeclared again", "<samlp:Status>", "<samlp:Status xmlns:e=\"\">"),
        ("prefix xml bound to something else", "<samlp:Status>", "<samlp:Status xmlns:xml=\"urn:e\">"),
        ("prefix xmlns declared", "<samlp:Status>", "<samlp:Status xmlns:xmlns=\"urn:e\">"),
        (
            "the namespace of xml by another prefix",
            "<samlp:Status>",
            "<samlp:Status xmlns:e=\"http://www.w3.org/XML/1998/namespace\">",
        ),
        (
            "the namespace of xmlns",
            "<samlp:Status>",
            "<samlp:Status xmlns:e=\"http://www.w3.org/2000/xmlns/\">",
        ),
        ("attribute without quotes", "Version=\"2.0\" IssueInstant", "Version=2.0 IssueInstant"),
        ("attribute without a value", "<samlp:Status>", "<samlp:Status e>"),
        ("attributes without a space", "<samlp:Status>", "<samlp:Status a=\"\"b=\"\">"),
        ("< in an attribute", "<samlp:Status>", "<samlp:Status a=\"<\">"),
        ("bare &", PERSON, "EXAMPLE & Sons"),
        ("bare & in an attribute", "<samlp:Status>", "<samlp:Status a=\"a&b\">"),
        ("character reference to nothing", PERSON, "&#;"),
        ("character reference to zero", PERSON, "&#0;"),
        ("character reference beyond Unicode", PERSON, "&#x110000;"),
        ("character reference to a surrogate", PERSON, "&#xD800;"),
        ("control character", PERSON, "EXAMPLE\u{1}paula"),
        ("zero", PERSON, "EXAMPLE\u{0}paula"),
        ("not a character", PERSON, "EXAMPLE\u{fffe}paula"),
        ("control character by reference", PERSON, "EXAMPLE&#1;paula"),
        ("]]> in text", PERSON, "EXAMPLE]]>paula"),
        ("-- in a comment", "<samlp:Status>", "<!-- a -- b --><samlp:Status>"),
        ("comment never closed", "<samlp:Status>", "<!-- <samlp:Status>"),
        ("CDATA never closed", PERSON, "<![CDATA[x"),
        ("instruction never closed", "<samlp:Status>", "<? <samlp:Status>"),
        ("instruction without a name", "<samlp:Status>", "<? e ?><samlp:Status>"),
        ("instruction called xml", "<samlp:Status>", "<?xml version=\"1.0\"?><samlp:Status>"),
        ("instruction called XML", "<samlp:Status>", "<?XML e?><samlp:Status>"),
        ("wrong end tag", "</samlp:Status>", "</samlp:status>"),
        ("end tag by another prefix", "</samlp:Status>", "</Status>"),
        ("end tag with an attribute", "</samlp:Status>", "</samlp:Status e=\"\">"),
        ("no end tag", "</samlp:Status>", ""),
        ("name beginning with a digit", "<samlp:Status>", "<1/><samlp:Status>"),
        ("two colons in a name", "<samlp:Status>", "<a:b:c xmlns:a=\"urn:e\"/><samlp:Status>"),
    ] {
        corpus.refuse(format!("document/{name}"), &replace(&genuine, from, to), NotXml);
    }
    for (name, xml) in [
        ("two roots, evil last", format!("{genuine}{}", Forge::evil().xml())),
        ("two roots, evil first", format!("{}{genuine}", Forge::evil().xml())),
        ("text behind the root", format!("{genuine}evil")),
        ("text before the root", format!("evil{genuine}")),
        ("CDATA behind the root", format!("{genuine}<![CDATA[]]>")),
        ("a character reference behind the root", format!("{genuine}&#32;")),
        ("an end tag too many", format!("{genuine}</samlp:Response>")),
        ("cut", genuine[..genuine.len() - 1].to_owned()),
        ("cut in half", genuine[..genuine.len() / 2].to_owned()),
        ("declaration behind a space", format!(" <?xml version=\"1.0\"?>{genuine}")),
        ("declaration twice", format!("<?xml version=\"1.0\"?><?xml version=\"1.0\"?>{genuine}")),
        ("byte order mark in the middle", format!("<?xml version=\"1.0\"?>\u{feff}{genuine}")),
        ("nothing but a comment", "<!-- -->".to_owned()),
        ("JSON", "{}".to_owned()),
        ("text", "Ask.".to_owned()),
    ] {
        corpus.refuse(format!("document/{name}"), &xml, NotXml);
    }
    for (name, root) in [
        ("an assertion alone", Forge::default().assertion()),
        ("a foreign element around the Response", format!("<e>{genuine}</e>")),
        ("a Response without a namespace", "<Response />".to_owned()),
        ("a Response of SAML 1.1", genuine.replace("SAML:2.0:protocol", "SAML:1.1:protocol")),
        ("a LogoutResponse", genuine.replace("samlp:Response", "samlp:LogoutResponse")),
        ("an ArtifactResponse", genuine.replace("samlp:Response", "samlp:ArtifactResponse")),
    ] {
        corpus.refuse(format!("document/{name}"), &root, NotAResponse);
    }
    for uri in ["1", "../e", "relative", "//host/e", "#e", "?e", "./e:e"] {
        let evil = replace(&genuine, "<samlp:Status>", &format!("<samlp:Status xmlns:e=\"{uri}\">"));
        corpus.refuse(format!("document/relative namespace {uri}"), &evil, NotCanonicalizable);
        // The digest of nothing, for canonicalizers that fail silently.
        let evil = Forge::evil().assertion();
        let evil = replace(&evil, "<Assertion ID", &format!("<Assertion xmlns:e=\"{uri}\" e:e=\"\" ID"));
        let nothing = Signing::default().signature("_evil", &super::forge::Hash::Sha256.of(b""));
        let evil = evil.replacen("</Issuer>", &format!("</Issuer>{nothing}"), 1);
        let evil = replace(
            &Forge::default().not_signed().xml(),
            element(&Forge::default().not_signed().xml(), "Assertion"),
            &evil,
        );
        corpus.refuse(
            format!("document/relative namespace {uri}, digest of nothing"),
            &evil,
            NotCanonicalizable,
        );
    }
    for attribute in ["ID", "Id", "id", "iD", "xml:id", "e:ID", "e:Id"] {
        let evil = format!("<samlp:Status xmlns:e=\"urn:e\" {attribute}=\"{id}\">");
        let evil = replace(&genuine, "<samlp:Status>", &evil);
        corpus
            .refuse(format!("document/the assertion's ID again, as {attribute}"), &evil, DuplicateId)
            .live = !attribute.ends_with("ID");
    }
    let same = Forge { response_id: id.clone(), ..Forge::default() };
    corpus.refuse(
        "document/one ID for both",
        &edited(&genuine, &[(&Forge::default().response_id, &same.response_id)]),
        DuplicateId,
    );
    cut_by_comments(corpus);
}

/// The CVE-2017-11427 family: canonicalization drops the comment, so what is
/// signed still holds; the value must not end there.
fn cut_by_comments(corpus: &mut Corpus) {
    let evil = Forge {
        name_id: format!("{EVIL}.evil"),
        roles: vec![role("ADFS-ProductionAdmin.evil")],
        ..Forge::default()
    };
    for (name, within, forge) in [
        ("NameID", "administrator.evil", evil.clone()),
        ("a role", "ProductionAdmin.evil", evil.clone()),
        ("the session name", "paula@example.com", Forge::default()),
        ("a group", "Domain Users", Forge::default()),
        ("the audience", "urn:amazon:webservices", Forge::default()),
        ("the authentication context", "urn:federation:authentication:windows", Forge::default()),
    ] {
        let genuine = forge.xml();
        for (kind, what) in [("comment", "<!---->"), ("comment with markup", "<!--<e>&-->")] {
            for at in [0, 1, within.len() - 5, within.len()] {
                let to = [&within[..at], what, &within[at..]].concat();
                let case = corpus.refuse(
                    format!("document/{kind} in {name} at {at}"),
                    &replace(&genuine, within, &to),
                    ValueNotText,
                );
                case.live = true;
            }
        }
    }
    let genuine = Forge::default().xml();
    for what in ["<!---->", "<?e?>", "<e/>", "<![CDATA[]]>.evil"] {
        let issuer = "</Issuer><ds:Signature";
        let evil = replace(&genuine, issuer, &format!("{what}{issuer}"));
        corpus.refuse(format!("document/{what} in the issuer"), &evil, UnknownIssuer);
    }
    // Genuinely signed with an instruction or element in it: still no value.
    for what in ["<?e?>", "<e/>", "<e>x</e>", "<!----><?e?>"] {
        let unsigned = Forge::default().not_signed().xml();
        let odd = replace(&unsigned, PERSON, &format!("{PERSON}{what}"));
        let xml = Signing::default().sign(&odd, &Forge::default().assertion_id);
        corpus.refuse(format!("document/{what} in NameID, signed so"), &xml, ValueNotText);
    }
}

pub fn sizes(corpus: &mut Corpus) {
    let genuine = Forge::default().xml();
    let with = |what: &str| {
        let what = format!("<samlp:Extensions>{what}</samlp:Extensions><samlp:Status>");
        replace(&genuine, "<samlp:Status>", &what)
    };
    for (name, what, refusal) in [
        ("65 levels", nested(63), TooComplex(Cap::Depth)),
        ("5,000 levels", nested(5_000), TooComplex(Cap::Depth)),
        ("5,000 levels never closed", "<a>".repeat(5_000), TooComplex(Cap::Depth)),
        ("65 attributes", format!("<a{} />", numbered(" a#=\"\"", 65)), TooComplex(Cap::Attributes)),
        ("3,000 attributes", format!("<a{} />", numbered(" a#=\"\"", 3_000)), TooComplex(Cap::Attributes)),
        (
            "65 namespaces on one element",
            format!("<a{} />", numbered(" xmlns:n#=\"u:\"", 65)),
            TooComplex(Cap::Attributes),
        ),
        ("1,100 namespaces", numbered("<a xmlns:n#=\"u:\"/>", 1_100), TooComplex(Cap::Namespaces)),
        (
            "namespaces in scope of many",
            format!(
                "<a{0}><a{1}><a{2}>{3}</a></a></a>",
                numbered(" xmlns:a#=\"u:\"", 63),
                numbered(" xmlns:b#=\"u:\"", 63),
                numbered(" xmlns:c#=\"u:\"", 63),
                "<b c=\"\" d=\"\" e=\"\"/>".repeat(2_000)
            ),
            TooComplex(Cap::Namespaces),
        ),
        ("22,000 nodes", "<a/>x".repeat(11_000), TooComplex(Cap::Nodes)),
        ("30,000 elements", "<a/>".repeat(30_000), TooLong),
    ] {
        corpus.refuse(format!("size/{name}"), &with(&what), refusal);
    }
    corpus.refuse("size/150 KB of text", &with(&"x".repeat(150_000)), TooLong);
    let over = STANDARD.encode(&genuine);
    let over = format!("{over}{}", " ".repeat(100_001 - over.len()));
    corpus.push("size/100,001 characters, most of them spaces", over, Expect::Refuse(TooLong));
}

fn nested(levels: usize) -> String {
    "<a>".repeat(levels) + &"</a>".repeat(levels)
}

fn numbered(text: &str, count: usize) -> String {
    (0..count).map(|n| text.replace('#', &n.to_string())).collect()
}

pub fn fields(corpus: &mut Corpus) {
    let genuine = Forge::default().xml();
    let field = STANDARD.encode(&genuine);
    let mut refuse = |name: &str, field: String, refusal: SamlRefusal| {
        corpus.push(format!("field/{name}"), field, Expect::Refuse(refusal));
    };
    refuse("white space", " \r\n\t".into(), Empty);
    refuse("plain XML", genuine.clone(), NotBase64);
    refuse("one character too few", field[1..].to_owned(), NotBase64);
    refuse(
        "without padding",
        STANDARD.encode(format!("{genuine} ")).trim_end_matches('=').to_owned() + "A",
        NotBase64,
    );
    refuse("padding in the middle", format!("PGE+PGE=PGE+{field}"), NotBase64);
    refuse("something behind the padding", format!("{}PGE+", STANDARD.encode("<a/>")), NotBase64);
    refuse("stray bits in the last character", "PGEvPh==".into(), NotBase64);
    refuse("the alphabet of URLs", "PGE-_-8=".into(), NotBase64);
    refuse("not ASCII", format!("{field}é"), NotBase64);
    refuse("an asterisk", format!("*{field}"), NotBase64);
    refuse("base64 twice", STANDARD.encode(&field), NotXml);
    refuse("zlib", "eJyzKU7MzSmwCkotLsjPK05VqMjNySu2AgvaKpUW5VnlJxZnFlvlJeamFluVJFsFO/r6WBnpGVgVFOWX5Cfn5ygpeLrYKsUbKimEpRYVZ+bn2SoBpZX07QDKKR45".into(), Compressed);
    refuse("raw DEFLATE", "sylOzM0psApKLS7IzytOVajIzckrtgIL2iqVFuVZ5ScWZxZb5SXmphZblSRbBTv6+lgZ6RlYFRTll+Qn5+coKXi62CrFGyophKUWFWfm59kqAaWV9O0A".into(), Compressed);
    refuse("gzip", STANDARD.encode(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"), Compressed);
    let utf16 = |units: fn(u16) -> [u8; 2], mark: bool| {
        let text = if mark { format!("\u{feff}{genuine}") } else { genuine.clone() };
        STANDARD.encode(text.encode_utf16().flat_map(units).collect::<Vec<_>>())
    };
    refuse("UTF-16, little end first", utf16(u16::to_le_bytes, true), NotUtf8);
    refuse("UTF-16, big end first", utf16(u16::to_be_bytes, true), NotUtf8);
    refuse("UTF-16 without a mark", utf16(u16::to_le_bytes, false), NotUtf8);
    refuse(
        "UTF-32",
        STANDARD.encode(genuine.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect::<Vec<_>>()),
        NotUtf8,
    );
    for encoding in ["ISO-8859-1", "UTF-16", "UTF-7", "windows-1252", "EBCDIC-CP-US", ""] {
        let xml = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{genuine}");
        refuse(&format!("declared as {encoding:?}"), STANDARD.encode(xml), NotUtf8);
    }
    let bytes = |with: &[u8]| {
        let at = genuine.find("Domain Users").unwrap();
        STANDARD.encode([&genuine.as_bytes()[..at], with, &genuine.as_bytes()[at..]].concat())
    };
    refuse("Latin-1", bytes(b"\xe4"), NotUtf8);
    refuse("an overlong slash", bytes(b"\xc0\xaf"), NotUtf8);
    refuse("a surrogate in UTF-8", bytes(b"\xed\xa0\x80"), NotUtf8);
    refuse("half a character", bytes(b"\xe2\x82"), NotUtf8);
}
