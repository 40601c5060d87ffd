//! Who signed, with which algorithm, after which transforms.

use super::*;

// ---------------------------------------------------------------- keys and algorithms

#[test]
fn attacker_certificate_in_key_info() {
    let with = |signing: Signing| Forge { assertion_signing: Some(signing), ..Forge::default() }.xml();
    // KeyInfo is not looked at, in either direction.
    accepted(&with(Signing { key_info: Some(stranger()), ..Signing::default() }));
    accepted(&with(Signing { key_info: None, ..Signing::default() }));
    assert_eq!(refused(&with(Signing::with(stranger()))), SamlRefusal::SignatureMismatch);
    let posing = Signing { key_info: Some(rsa()), ..Signing::with(stranger()) };
    assert_eq!(refused(&with(posing)), SamlRefusal::SignatureMismatch);
}

/// `RetrievalMethod` with a transform is code and a request, where it is looked at.
#[test]
fn retrieval_method_in_key_info_is_not_followed() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let retrieval = "<RetrievalMethod URI=\"http://127.0.0.1:1/key\"><Transforms>\
         <Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\" /></Transforms>\
         </RetrievalMethod></KeyInfo>";
    accepted(&replace(&genuine, "</KeyInfo>", retrieval));
}

#[test]
fn hmac_keyed_with_the_certificate() {
    accepted(&Forge::default().xml());
    let der = STANDARD.decode(&rsa().certificate).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", rsa().certificate);
    for secret in [der, pem.into_bytes(), rsa().certificate.clone().into_bytes()] {
        let signing = Signing { hmac: Some(secret), ..Signing::default() };
        let evil = Forge { assertion_signing: Some(signing), ..Forge::evil() }.xml();
        assert_eq!(refused(&evil), SamlRefusal::AlgorithmRefused);
    }
}

fn claiming(uri: &'static str) -> SamlRefusal {
    accepted(&Forge::default().xml());
    let signing = Signing { claims: Some(uri), ..Signing::default() };
    refused(&Forge { assertion_signing: Some(signing), ..Forge::default() }.xml())
}

#[test]
fn md5() {
    assert_eq!(claiming("http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), SamlRefusal::AlgorithmRefused);
    let refusal = signed_info_edited(|info| {
        replace(&info, Hash::Sha256.uri(), "http://www.w3.org/2001/04/xmldsig-more#md5")
    });
    assert_eq!(refusal, SamlRefusal::AlgorithmRefused);
}

#[test]
fn no_algorithm() {
    for uri in ["", "none", "http://www.w3.org/2000/09/xmldsig#none"] {
        assert_eq!(claiming(uri), SamlRefusal::AlgorithmRefused, "{uri}");
    }
}

#[test]
fn other_algorithms_of_the_standard() {
    for uri in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha224",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        " http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    ] {
        assert_eq!(claiming(uri), SamlRefusal::AlgorithmRefused, "{uri}");
    }
}

/// A signature made with one algorithm, said to be made with another.
#[test]
fn another_algorithm_than_the_one_used() {
    for uri in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    ] {
        assert_eq!(claiming(uri), SamlRefusal::SignatureMismatch, "{uri}");
    }
}

/// Made by `openssl dgst -sha1 -sign` over what [`sha1`] signs: the crypto
/// library here refuses to.
const GENUINE_SHA1: &str = "\
     Iu42uY+rG9BkzIqTJTkihaO3dVsWEu7W4vsNJCAdgZgFTDNARTNtQFv5AtiMIW6nW+8223nEX9h/TJJUNSewMn\
     /4QJsmSSKKGkglPBFBKU82nWB3uhu13bJ47dqLfLIq3N5H8Qk4dovV3GHwznBU4K2UCkf7kE70TcmSpGlN2Trj\
     OUyFqiw09zYCwjDy4EHGDo7voFE0qqua/4/YSWCVrD4CnyYB/067B5Lg5cDJVhFRjUaNkc3zx9YD/es6Bb1oAF\
     qh4OpXHnp7gTcl1Mlow6rF8FM+Ye7USGlCAAPOni/r+/T+szbRl6mVS1zUmNnyCP0tNmcYg9+2UctrhYMX7Q==";

/// A genuine SHA-1 signature of the trusted key, as an old AD FS makes it.
#[test]
fn sha1() {
    accepted(&Forge::default().xml());
    let signing = Signing {
        digest: Hash::Sha1,
        claims: Some("http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        value: Some(GENUINE_SHA1),
        ..Signing::default()
    };
    let xml = Forge { assertion_signing: Some(signing), ..Forge::default() }.xml();
    assert!(careless_verifier_accepts(&xml), "no genuine SHA-1 signature");
    assert_eq!(refused(&xml), SamlRefusal::AlgorithmRefused);
    // Half of it is enough.
    let digest_only = Signing { digest: Hash::Sha1, ..Signing::default() };
    let xml = Forge { assertion_signing: Some(digest_only), ..Forge::default() }.xml();
    assert_eq!(refused(&xml), SamlRefusal::AlgorithmRefused);
}

/// ECDSA in the other encoding, and with the trivial values that some libraries took.
#[test]
fn ecdsa_signature_of_zeros() {
    let honest = Forge { assertion_signing: Some(Signing::with(p256())), ..Forge::default() }.xml();
    accepted(&honest);
    let value = element(&honest, "SignatureValue").to_owned();
    for bytes in [vec![0; 64], [vec![0; 31], vec![1], vec![0; 31], vec![1]].concat(), vec![0; 1]] {
        let zero = format!("<ds:SignatureValue>{}</ds:SignatureValue>", STANDARD.encode(bytes));
        assert_eq!(refused(&replace(&honest, &value, &zero)), SamlRefusal::SignatureMismatch);
    }
}

#[test]
fn malformed_signature_value() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let value = element(&genuine, "SignatureValue").to_owned();
    let with = |text: &str| {
        refused(&replace(&genuine, &value, &format!("<ds:SignatureValue>{text}</ds:SignatureValue>")))
    };
    for text in ["", " ", "!!!!", "AAA", "<x/>"] {
        assert_eq!(with(text), SamlRefusal::SignatureMalformed, "{text:?}");
    }
    for text in ["AAAA", &STANDARD.encode([0; 256]), &STANDARD.encode([255; 256]), &STANDARD.encode([1; 512])]
    {
        assert_eq!(with(text), SamlRefusal::SignatureMismatch, "{text:?}");
    }
}

// ---------------------------------------------------------------- transforms

fn with_transform(transform: &'static str) -> [String; 3] {
    let honest = format!("<ds:Transform Algorithm=\"{}\" />", forge::ENVELOPED);
    let genuine = Forge::default().xml();
    accepted(&genuine);
    [
        replace(&genuine, &honest, &format!("{transform}{honest}")),
        replace(&genuine, &honest, transform),
        replace(&genuine, "</ds:Transforms>", &format!("{transform}</ds:Transforms>")),
    ]
}

/// ManageEngine CVE-2022-47966: transforms run before anything is verified.
#[test]
fn xslt_transform() {
    for evil in with_transform(
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\">\
         <xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\">\
         <xsl:template match=\"/\"><xsl:value-of select=\"document('http://127.0.0.1:1/')\" />\
         </xsl:template></xsl:stylesheet></ds:Transform>",
    ) {
        assert_eq!(refused(&evil), SamlRefusal::TransformRefused);
    }
}

#[test]
fn xpath_transform() {
    for evil in with_transform(
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
         <ds:XPath>not(ancestor-or-self::Subject)</ds:XPath></ds:Transform>",
    ) {
        assert_eq!(refused(&evil), SamlRefusal::TransformRefused);
    }
}

#[test]
fn base64_transform() {
    for evil in with_transform("<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\" />") {
        assert_eq!(refused(&evil), SamlRefusal::TransformRefused);
    }
}

#[test]
fn thousand_transforms() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let more = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\" />").repeat(1_000);
    let evil = replace(&genuine, "</ds:Transforms>", &format!("{more}</ds:Transforms>"));
    let limits = Limits { max_response_chars: 1_000_000, ..Limits::default() };
    let outcome = accept_field(&STANDARD.encode(evil), &limits, &providers(), now());
    assert_eq!(outcome.map(drop), Err(SamlRefusal::TransformRefused));
}

#[test]
fn no_transforms() {
    fn without(info: String) -> String {
        let transforms = element(&format!("<x xmlns:ds=\"{DSIG}\">{info}</x>"), "Transforms").to_owned();
        replace(&info, &transforms, "")
    }
    assert_eq!(signed_info_edited(without), SamlRefusal::TransformRefused);
}

/// Canonicalization that keeps comments, or takes in the surroundings.
#[test]
fn other_canonicalizations() {
    for method in [
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    ] {
        let genuine = Forge::default().xml();
        accepted(&genuine);
        let honest = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\" />");
        let other = format!("<ds:CanonicalizationMethod Algorithm=\"{method}\" />");
        assert_eq!(refused(&replace(&genuine, &honest, &other)), SamlRefusal::TransformRefused);
        let honest = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform>");
        let other = format!("<ds:Transform Algorithm=\"{method}\"></ds:Transform>");
        assert_eq!(refused(&replace(&genuine, &honest, &other)), SamlRefusal::TransformRefused);
    }
}
