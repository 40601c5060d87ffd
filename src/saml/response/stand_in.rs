//! What is read in place of an assertion that could not be decrypted.
//!
//! Whoever can measure how long a refusal takes could else tell wrong padding from a wrong
//! signature, and decrypt an assertion that is not theirs, byte by byte (Jager and
//! Somorovsky, "How to Break XML Encryption", 2011). So the work goes on: with this, which
//! is about as long, in the shape of AD FS's, and verifies under no key.

use std::fmt::Write;

/// What is repeated until the length is reached.
const VALUE: &str = "<AttributeValue>arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/ADFS-Production</AttributeValue>";
const END: &str = r#"</Attribute></AttributeStatement><AuthnStatement AuthnInstant="2000-01-01T00:00:00.000Z" SessionIndex="_00000000-0000-0000-0000-000000000000"><AuthnContext><AuthnContextClassRef>urn:federation:authentication:windows</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion>"#;
/// Characters of base64 of a certificate of AD FS.
const CERTIFICATE_CHARS: usize = 1_000;

/// An assertion of about so many bytes.
pub(super) fn stand_in(length: usize) -> String {
    let mut xml = String::with_capacity(length.saturating_add(4_096));
    // 2,048 bits of a number that is neither zero nor one, the same for the digest.
    let (value, digest) = ("A".repeat(340) + "AAI=", "A".repeat(43) + "=");
    // Writing to a text does not fail.
    let _ = write!(
        xml,
        r##"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_00000000-0000-0000-0000-000000000000" IssueInstant="2000-01-01T00:00:00.000Z" Version="2.0"><Issuer>http://stand-in.invalid/adfs/services/trust</Issuer><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#_00000000-0000-0000-0000-000000000000"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></ds:Signature><Subject><NameID>nobody</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="2000-01-01T00:00:00.000Z" Recipient="https://stand-in.invalid/saml"/></SubjectConfirmation></Subject><Conditions NotBefore="2000-01-01T00:00:00.000Z" NotOnOrAfter="2000-01-01T00:00:00.000Z"><AudienceRestriction><Audience>urn:amazon:webservices</Audience></AudienceRestriction></Conditions><AttributeStatement><Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><AttributeValue>nobody@stand-in.invalid</AttributeValue></Attribute><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">"##,
        "A".repeat(CERTIFICATE_CHARS)
    );
    while xml.len().saturating_add(VALUE.len() + END.len()) <= length {
        xml.push_str(VALUE);
    }
    xml.push_str(END);
    xml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::refusal::SamlRefusal;
    use crate::saml::testing::*;

    #[test]
    fn it_is_as_long_as_asked_for_and_verifies_under_no_key() {
        for length in [4_000, 7_000, 70_000] {
            let assertion = stand_in(length);
            assert!(assertion.len() <= length && assertion.len() + VALUE.len() > length, "{length}");
            let (start, end) =
                (RESPONSE.find("<Assertion ").unwrap(), RESPONSE.find("</samlp:Response>").unwrap());
            let xml = RESPONSE.replace(&RESPONSE[start..end], &assertion).replace("{response-signature}", "");
            let xml = xml.replace("http://stand-in.invalid/adfs/services/trust", ISSUER);
            let keys = || vec![RSA.key(), EC.key(), EC384.key()];
            let refusal = sign_in_at(&encoded(&xml), now(), provider(keys())).err();
            assert_eq!(refusal, Some(SamlRefusal::SignatureMismatch));
        }
        assert!(stand_in(0).len() < 4_096);
    }
}
