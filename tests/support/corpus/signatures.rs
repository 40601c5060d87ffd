//! The signature: how it is built, by which algorithms, with whose key.

use super::forge::{
    DSIG, ENVELOPED, EXCLUSIVE, Forge, Hash, Key, Signing, element, p256, p384, replace, rsa, stranger,
    without_signature,
};
use super::{Corpus, STANDARD, edited};
use SamlRefusal::*;
use base64::Engine;
use vestibule::saml::SamlRefusal;

const SIGNATURE_METHOD: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A response with what the trusted key really signed, SignedInfo changed before.
fn signed_info(edits: &[(&str, &str)]) -> String {
    let edits = edits.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    signed(Signing { signed_info_edits: edits, ..Signing::default() })
}

fn signed(signing: Signing) -> String {
    Forge { assertion_signing: Some(signing), ..Forge::default() }.xml()
}

pub fn structure(corpus: &mut Corpus) {
    let id = Forge::default().assertion_id;
    let uri = format!("URI=\"#{id}\"");
    let c14n = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\" />");
    let enveloped = format!("<ds:Transform Algorithm=\"{ENVELOPED}\" />");
    let exclusive = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform>");
    let transforms = format!("<ds:Transforms>{enveloped}{exclusive}</ds:Transforms>");
    let digest_method = format!("<ds:DigestMethod Algorithm=\"{}\" />", Hash::Sha256.uri());
    let method = format!("<ds:SignatureMethod Algorithm=\"{SIGNATURE_METHOD}\" />");
    let inclusive = |attributes: &str| {
        format!(
            "<ds:Transform Algorithm=\"{EXCLUSIVE}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\"{attributes} />\
             </ds:Transform>"
        )
    };
    let transform = |uri: &str| format!("<ds:Transform Algorithm=\"{uri}\" />");
    let with_transform = |uri: &str| format!("{}{}", enveloped, transform(uri));
    let reference_to = |uri: &str| format!("URI=\"{uri}\"");
    let seventeen = inclusive(&format!(" PrefixList=\"{}\"", ["p"; 17].join(" ")));
    let elsewhere_id = reference_to(&format!("http://evil.example/#{id}"));
    let xpointer_id = reference_to(&format!("#xpointer(id('{id}'))"));
    let case_id = reference_to(&format!("#{}", id.to_uppercase()));
    let spaced_id = reference_to(&format!("# {id}"));
    let two_hashes = reference_to(&format!("##{id}"));
    let escaped_id = reference_to(&format!("#{}", id.replace('_', "%5F")));

    // Each of these is genuinely signed: whoever does not look has nothing to complain of.
    let rows: [(&str, &str, &str, SamlRefusal); 62] = [
        ("reference to the whole document", &uri, "URI=\"\"", ReferenceRefused),
        ("reference without URI", &format!(" {uri}"), "", ReferenceRefused),
        (
            "reference to the Response",
            &uri,
            &reference_to(&format!("#{}", Forge::default().response_id)),
            ReferenceRefused,
        ),
        ("reference to nothing", &uri, &reference_to("#"), ReferenceRefused),
        ("reference by xpointer to the root", &uri, &reference_to("#xpointer(/)"), ReferenceRefused),
        ("reference by xpointer to the ID", &uri, &xpointer_id, ReferenceRefused),
        ("reference to another server", &uri, &elsewhere_id, ReferenceRefused),
        ("reference to a file", &uri, &reference_to("file:///etc/passwd"), ReferenceRefused),
        ("reference in capitals", &uri, &case_id, ReferenceRefused),
        ("reference with a space", &uri, &spaced_id, ReferenceRefused),
        ("reference with two number signs", &uri, &two_hashes, ReferenceRefused),
        ("reference percent-encoded", &uri, &escaped_id, ReferenceRefused),
        ("reference by Id instead of URI", &uri, &uri.replace("URI", "Id"), ReferenceRefused),
        ("reference's URI in a namespace", &uri, &format!("xmlns:e=\"urn:e\" e:{uri}"), ReferenceRefused),
        (
            "two references",
            "</ds:Reference>",
            &format!("</ds:Reference><ds:Reference {uri} />"),
            ReferenceRefused,
        ),
        (
            "an empty reference first",
            &format!("<ds:Reference {uri}>"),
            &format!("<ds:Reference URI=\"\" /><ds:Reference {uri}>"),
            ReferenceRefused,
        ),
        (
            "reference of another namespace",
            "</ds:Reference>",
            "</ds:Reference><Reference xmlns=\"urn:e\" />",
            SignatureMalformed,
        ),
        ("no transforms", &transforms, "", TransformRefused),
        ("empty transforms", &format!("{enveloped}{exclusive}"), "", SignatureMalformed),
        ("only the enveloped transform", &exclusive, "", TransformRefused),
        ("only canonicalization", &enveloped, "", TransformRefused),
        (
            "transforms in the other order",
            &format!("{enveloped}{exclusive}"),
            &format!("{exclusive}{enveloped}"),
            TransformRefused,
        ),
        ("enveloped transform twice", &enveloped, &enveloped.repeat(2), TransformRefused),
        ("canonicalization twice", &exclusive, &exclusive.repeat(2), TransformRefused),
        (
            "base64 transform first",
            &enveloped,
            &format!("{}{enveloped}", transform("http://www.w3.org/2000/09/xmldsig#base64")),
            TransformRefused,
        ),
        (
            "XPath transform between",
            &enveloped,
            &with_transform("http://www.w3.org/TR/1999/REC-xpath-19991116"),
            TransformRefused,
        ),
        (
            "XPath Filter 2.0 transform",
            &enveloped,
            &with_transform("http://www.w3.org/2002/06/xmldsig-filter2"),
            TransformRefused,
        ),
        (
            "XSLT transform",
            &exclusive,
            &format!("{exclusive}{}", transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
            TransformRefused,
        ),
        (
            "decryption transform",
            &enveloped,
            &with_transform("http://www.w3.org/2002/07/decrypt#XML"),
            TransformRefused,
        ),
        (
            "STR transform of WS-Security",
            &enveloped,
            &with_transform(
                "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
            ),
            TransformRefused,
        ),
        ("transform without an algorithm", &enveloped, "<ds:Transform />", SignatureMalformed),
        ("transform with an empty algorithm", &enveloped, &transform(""), TransformRefused),
        (
            "transform with something inside",
            &enveloped,
            &format!("<ds:Transform Algorithm=\"{ENVELOPED}\"><ds:XPath>1</ds:XPath></ds:Transform>"),
            SignatureMalformed,
        ),
        (
            "a thousand transforms",
            "</ds:Transforms>",
            &format!("{}</ds:Transforms>", transform(EXCLUSIVE).repeat(1_000)),
            TransformRefused,
        ),
        (
            "canonicalization of the element with comments",
            &exclusive,
            &transform(&format!("{EXCLUSIVE}WithComments")),
            TransformRefused,
        ),
        (
            "inclusive canonicalization of the element",
            &exclusive,
            &transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
            TransformRefused,
        ),
        (
            "canonicalization 1.1 of the element",
            &exclusive,
            &transform("http://www.w3.org/2006/12/xml-c14n11"),
            TransformRefused,
        ),
        (
            "canonicalization 2.0 of the element",
            &exclusive,
            &transform("http://www.w3.org/2010/xml-c14n2"),
            TransformRefused,
        ),
        (
            "canonicalization of SignedInfo with comments",
            &c14n,
            &format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}WithComments\" />"),
            TransformRefused,
        ),
        (
            "inclusive canonicalization of SignedInfo",
            &c14n,
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\" />",
            TransformRefused,
        ),
        (
            "minimal canonicalization",
            &c14n,
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#minimal\" />",
            TransformRefused,
        ),
        (
            "canonicalization method without an algorithm",
            &c14n,
            "<ds:CanonicalizationMethod />",
            SignatureMalformed,
        ),
        ("no canonicalization method", &c14n, "", SignatureMalformed),
        ("two canonicalization methods", &c14n, &c14n.repeat(2), SignatureMalformed),
        ("InclusiveNamespaces without a list", &exclusive, &inclusive(""), SignatureMalformed),
        (
            "InclusiveNamespaces twice",
            &exclusive,
            &inclusive(" PrefixList=\"xs\"").replace(
                "</ds:Transform>",
                &format!("<InclusiveNamespaces xmlns=\"{EXCLUSIVE}\" PrefixList=\"xs\" /></ds:Transform>"),
            ),
            SignatureMalformed,
        ),
        (
            "InclusiveNamespaces of another namespace",
            &exclusive,
            &inclusive(" PrefixList=\"xs\"")
                .replace(&format!("xmlns:ec=\"{EXCLUSIVE}\""), "xmlns:ec=\"urn:e\""),
            SignatureMalformed,
        ),
        ("seventeen prefixes", &exclusive, &seventeen, SignatureMalformed),
        ("no signature method", &method, "", SignatureMalformed),
        ("two signature methods", &method, &method.repeat(2), SignatureMalformed),
        ("signature method without an algorithm", &method, "<ds:SignatureMethod />", SignatureMalformed),
        (
            "signature method with HMACOutputLength",
            &method,
            &format!(
                "<ds:SignatureMethod Algorithm=\"{SIGNATURE_METHOD}\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>"
            ),
            SignatureMalformed,
        ),
        ("no digest method", &digest_method, "", SignatureMalformed),
        ("two digest methods", &digest_method, &digest_method.repeat(2), SignatureMalformed),
        ("digest method without an algorithm", &digest_method, "<ds:DigestMethod />", SignatureMalformed),
        (
            "no digest",
            "<ds:DigestValue>",
            "<ds:DigestValue></ds:DigestValue><ds:DigestValue>",
            SignatureMalformed,
        ),
        (
            "two digests",
            "</ds:DigestValue>",
            "</ds:DigestValue><ds:DigestValue>AAAA</ds:DigestValue>",
            SignatureMalformed,
        ),
        (
            "digest of another namespace first",
            "<ds:DigestValue>",
            "<DigestValue xmlns=\"urn:e\">AAAA</DigestValue><ds:DigestValue>",
            SignatureMalformed,
        ),
        ("digest in an element", "<ds:DigestValue>", "<ds:DigestValue><ds:b />", SignatureMalformed),
        ("comment in the digest", "<ds:DigestValue>", "<ds:DigestValue><!-- AAAA -->", SignatureMalformed),
        ("instruction in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo><?evil?>", SignatureMalformed),
        ("text in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo>evil", SignatureMalformed),
    ];
    for (name, from, to, refusal) in rows {
        corpus.refuse(format!("signature/{name}"), &signed_info(&[(from, to)]), refusal);
    }

    let genuine = Forge::default().xml();
    let info = element(&genuine, "SignedInfo");
    let value = element(&genuine, "SignatureValue");
    let key_info = element(&genuine, "KeyInfo");
    let signature = element(&genuine, "Signature");
    let not_genuine = "<ds:SignatureValue>AAAA</ds:SignatureValue>";
    let long = format!("<ds:SignatureValue>{}</ds:SignatureValue>", "A".repeat(4_100));
    let rows: [(&str, &str, String, SamlRefusal); 24] = [
        ("SignedInfo twice", info, info.repeat(2), SignatureMalformed),
        (
            "SignedInfo last",
            signature,
            replace(signature, info, "").replace(key_info, &format!("{key_info}{info}")),
            SignatureMalformed,
        ),
        ("no SignedInfo", info, String::new(), SignatureMalformed),
        (
            "SignedInfo of another namespace",
            info,
            format!("<SignedInfo xmlns=\"urn:e\" />{info}"),
            SignatureMalformed,
        ),
        ("SignedInfo in an element", info, format!("<ds:e>{info}</ds:e>"), SignatureMalformed),
        ("SignatureValue twice", value, value.repeat(2), SignatureMalformed),
        (
            "SignatureValue first",
            signature,
            replace(signature, value, "").replace(info, &format!("{value}{info}")),
            SignatureMalformed,
        ),
        ("no SignatureValue", value, String::new(), SignatureMalformed),
        ("empty SignatureValue", value, "<ds:SignatureValue />".into(), SignatureMalformed),
        (
            "SignatureValue not base64",
            value,
            "<ds:SignatureValue>!</ds:SignatureValue>".into(),
            SignatureMalformed,
        ),
        ("SignatureValue without padding", value, value.replace("==<", "<"), SignatureMalformed),
        (
            "SignatureValue in the alphabet of URLs",
            value,
            "<ds:SignatureValue>-_-_</ds:SignatureValue>".into(),
            SignatureMalformed,
        ),
        (
            "SignatureValue with a comment",
            value,
            value.replace("Value>", "Value><!---->").replacen(
                "</ds:SignatureValue><!---->",
                "</ds:SignatureValue>",
                1,
            ),
            SignatureMalformed,
        ),
        ("SignatureValue too long", value, long, SignatureMalformed),
        ("SignatureValue of three bytes", value, not_genuine.into(), SignatureMismatch),
        (
            "SignatureValue cut",
            value,
            format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode([1; 255])),
            SignatureMismatch,
        ),
        (
            "SignatureValue of zeros",
            value,
            format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode([0; 256])),
            SignatureMismatch,
        ),
        (
            "SignatureValue of the modulus' size, all ones",
            value,
            format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode([255; 256])),
            SignatureMismatch,
        ),
        ("SignatureValue with a byte before", value, prefixed(value), SignatureMismatch),
        ("Object", key_info, format!("{key_info}<ds:Object />"), SignatureMalformed),
        ("KeyInfo twice", key_info, key_info.repeat(2), SignatureMalformed),
        (
            "KeyInfo first",
            signature,
            replace(signature, key_info, "").replace(info, &format!("{key_info}{info}")),
            SignatureMalformed,
        ),
        ("empty signature", signature, format!("<ds:Signature xmlns:ds=\"{DSIG}\" />"), SignatureMalformed),
        (
            "a manifest",
            key_info,
            format!(
                "{key_info}<ds:Object><ds:Manifest>{}</ds:Manifest></ds:Object>",
                element_of(info, "Reference")
            ),
            SignatureMalformed,
        ),
    ];
    for (name, from, to, refusal) in rows {
        corpus.refuse(format!("signature/{name}"), &replace(&genuine, from, &to), refusal);
    }
    corpus.refuse("signature/stripped", &without_signature(&genuine), NotSigned);
    corpus.refuse("signature/never there", &Forge::default().not_signed().xml(), NotSigned);
    let foreign =
        replace(&genuine, &format!("<ds:Signature xmlns:ds=\"{DSIG}\""), "<ds:Signature xmlns:ds=\"urn:e\"");
    corpus.refuse("signature/of another namespace", &foreign, NotSigned);
    corpus.refuse(
        "signature/the assertion's without its ID",
        &edited(&genuine, &[(&format!("<Assertion ID=\"{id}\""), "<Assertion")]),
        ReferenceRefused,
    );
    corpus.refuse(
        "signature/the assertion's with an empty ID",
        &edited(&genuine, &[(&format!("<Assertion ID=\"{id}\""), "<Assertion ID=\"\"")]),
        ReferenceRefused,
    );
    for other in ["Id", "id", "AssertionID", "xml:id"] {
        let evil = edited(
            &genuine,
            &[(&format!("<Assertion ID=\"{id}\""), &format!("<Assertion {other}=\"{id}\""))],
        );
        corpus.refuse(format!("signature/the assertion's ID as {other}"), &evil, ReferenceRefused);
    }
}

/// The signature with a zero before it: the same number, and not the same bytes.
fn prefixed(value: &str) -> String {
    let text = value.split(['>', '<']).nth(2).unwrap();
    let bytes = [vec![0], STANDARD.decode(text).unwrap()].concat();
    value.replace(text, &STANDARD.encode(bytes))
}

fn element_of(info: &str, name: &str) -> String {
    let whole = format!("<x xmlns:ds=\"{DSIG}\">{info}</x>");
    element(&whole, name).to_owned()
}

pub fn algorithms(corpus: &mut Corpus) {
    for uri in [
        "",
        "none",
        "rsa-sha256",
        " http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 ",
        "https://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha224",
        "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
    ] {
        let xml = signed(Signing { claims: Some(uri), ..Signing::default() });
        corpus.refuse(format!("algorithm/signature by {uri:?}"), &xml, AlgorithmRefused);
    }
    for uri in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
    ] {
        let xml = signed(Signing { claims: Some(uri), ..Signing::default() });
        corpus.refuse(format!("algorithm/claims {uri}, made by rsa-sha256"), &xml, SignatureMismatch);
    }
    for uri in [
        "",
        "http://www.w3.org/2000/09/xmldsig#sha1",
        "http://www.w3.org/2001/04/xmldsig-more#md5",
        "http://www.w3.org/2001/04/xmldsig-more#sha224",
        "http://www.w3.org/2001/04/xmlenc#ripemd160",
        "http://www.w3.org/2001/04/xmlenc#SHA256",
        "http://www.w3.org/2007/05/xmldsig-more#sha3-256",
    ] {
        let xml = signed_info(&[(Hash::Sha256.uri(), uri)]);
        corpus.refuse(format!("algorithm/digest by {uri:?}"), &xml, AlgorithmRefused);
    }
    let confused = signed_info(&[(Hash::Sha256.uri(), Hash::Sha512.uri())]);
    corpus.refuse("algorithm/a SHA-256 digest called SHA-512", &confused, DigestMismatch);
    let der = STANDARD.decode(&rsa().certificate).unwrap();
    for (name, secret) in [
        ("the certificate", der),
        ("the certificate's text", rsa().certificate.clone().into_bytes()),
        ("the public key", rsa().public()),
        ("nothing", Vec::new()),
    ] {
        let signing = Signing { hmac: Some(secret), ..Signing::default() };
        let evil = Forge { assertion_signing: Some(signing), ..Forge::evil() };
        corpus.refuse(format!("algorithm/HMAC keyed with {name}"), &evil.xml(), AlgorithmRefused);
    }
}

pub fn keys(corpus: &mut Corpus) {
    let evil = |signing: Signing| Forge { assertion_signing: Some(signing), ..Forge::evil() }.xml();
    corpus.refuse(
        "key/a stranger's, with its certificate",
        &evil(Signing::with(stranger())),
        SignatureMismatch,
    );
    let posing = Signing { key_info: Some(rsa()), ..Signing::with(stranger()) };
    corpus.refuse("key/a stranger's, with the trusted certificate", &evil(posing), SignatureMismatch);
    let silent = Signing { key_info: None, ..Signing::with(stranger()) };
    corpus.refuse("key/a stranger's, without a certificate", &evil(silent), SignatureMismatch);
    let by = |key: &'static Key, of: &'static Key| Signing { key_info: Some(of), ..Signing::with(key) };
    let both = Forge::both_signed;
    let outer = Forge { response_signing: Some(Signing::with(stranger())), ..both() };
    corpus.refuse(
        "key/a stranger's on the Response, genuine on the assertion",
        &outer.xml(),
        SignatureMismatch,
    );
    let inner = Forge { assertion_signing: Some(by(stranger(), rsa())), ..both() };
    corpus.refuse(
        "key/a stranger's on the assertion, genuine on the Response",
        &inner.xml(),
        SignatureMismatch,
    );
    let ecdsa = Forge { assertion_signing: Some(Signing::with(p256())), ..Forge::default() }.xml();
    let value = element(&ecdsa, "SignatureValue").to_owned();
    let one = |n: u8| [vec![0; 31], vec![n]].concat();
    for (name, bytes) in [
        ("zeros (CVE-2022-21449)", vec![0; 64]),
        ("ones", [one(1), one(1)].concat()),
        ("one byte", vec![0; 1]),
        ("the order of the curve", [P256_ORDER.to_vec(), P256_ORDER.to_vec()].concat()),
        ("a DER sequence of zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ] {
        let to = format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode(bytes));
        corpus.refuse(
            format!("key/ECDSA signature of {name}"),
            &replace(&ecdsa, &value, &to),
            SignatureMismatch,
        );
    }
    // P-384's key claims what only P-256's could have made.
    let other = Signing {
        claims: Some("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        ..Signing::with(p384())
    };
    let other = Signing { hash: Hash::Sha384, ..other };
    corpus.refuse("key/ECDSA with another hash than claimed", &signed(other), SignatureMismatch);
}

const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
