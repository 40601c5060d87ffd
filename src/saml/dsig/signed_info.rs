//! The structure of a `ds:Signature`, read by position: each element once, at
//! its place in the schema, and no others.

use super::algorithm::{ENVELOPED_SIGNATURE, Hash, SignatureAlgorithm, digest_hash, signature_algorithm};
use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::names::{DSIG, EXC_C14N};
use crate::saml::xml::nodes::{self, Children};
use roxmltree::Node;

/// The longest `SignatureValue` text: 1,024 bytes (RSA of 8,192 bits) in
/// base64 are 1,368 characters; the rest is for white space.
const MAX_VALUE_CHARS: usize = 4_096;
/// The longest `PrefixList`, in prefixes. Seen: 2. Each costs a look-up per
/// element of the document.
const MAX_PREFIXES: usize = 16;

/// The content of a `ds:Signature`: its structure is checked, nothing is verified.
pub(super) struct SignatureParts<'a, 'i> {
    pub(super) signed_info: Node<'a, 'i>,
    pub(super) signed_info_method: Canonicalization<'a>,
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) reference_uri: &'a str,
    pub(super) reference_method: Canonicalization<'a>,
    pub(super) digest_hash: Hash,
    pub(super) digest: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Exclusive canonicalization without comments, the only method accepted.
pub(super) struct Canonicalization<'a> {
    pub(super) inclusive_prefixes: Vec<&'a str>,
}

impl<'a, 'i> SignatureParts<'a, 'i> {
    /// XML Signature, 4.1 to 4.4, as core 5.4 narrows it. `KeyInfo` is not
    /// looked into: keys come from configuration. `ds:Object` is refused.
    pub(super) fn read(signature: Node<'a, 'i>) -> Result<Self, SamlRefusal> {
        let mut parts = parts_of(signature);
        let signed_info = parts.expect("SignedInfo")?;
        let value = base64_text(parts.expect("SignatureValue")?)?;
        parts.optional("KeyInfo")?;
        parts.end()?;

        let mut parts = parts_of(signed_info);
        let signed_info_method = exclusive(parts.expect("CanonicalizationMethod")?)?;
        let method = parts.expect("SignatureMethod")?;
        let algorithm = signature_algorithm(algorithm_of(method)?)?;
        parts_of(method).end()?;
        let reference = parts.expect("Reference")?;
        // CVE-2026-33487: more than one reference, and the wrong one checked.
        if parts.optional("Reference")?.is_some() {
            return Err(SamlRefusal::ReferenceRefused);
        }
        parts.end()?;

        let reference_uri = nodes::attribute(reference, "URI").ok_or(SamlRefusal::ReferenceRefused)?;
        let mut parts = parts_of(reference);
        // Without transforms, inclusive canonicalization would be implied.
        let transforms = parts.optional("Transforms")?.ok_or(SamlRefusal::TransformRefused)?;
        let reference_method = enveloped_then_exclusive(transforms)?;
        let method = parts.expect("DigestMethod")?;
        let digest_hash = digest_hash(algorithm_of(method)?)?;
        parts_of(method).end()?;
        let digest = base64_text(parts.expect("DigestValue")?)?;
        parts.end()?;

        Ok(Self {
            signed_info,
            signed_info_method,
            algorithm,
            reference_uri,
            reference_method,
            digest_hash,
            digest,
            value,
        })
    }
}

/// Core 5.4.4, exactly: the enveloped signature first, then exclusive
/// canonicalization without comments.
fn enveloped_then_exclusive<'a>(transforms: Node<'a, '_>) -> Result<Canonicalization<'a>, SamlRefusal> {
    let mut parts = parts_of(transforms);
    let enveloped = parts.expect("Transform")?;
    if algorithm_of(enveloped)? != ENVELOPED_SIGNATURE {
        return Err(SamlRefusal::TransformRefused);
    }
    parts_of(enveloped).end()?;
    let method = exclusive(parts.optional("Transform")?.ok_or(SamlRefusal::TransformRefused)?)?;
    if parts.optional("Transform")?.is_some() {
        return Err(SamlRefusal::TransformRefused);
    }
    parts.end()?;
    Ok(method)
}

/// A Transform or CanonicalizationMethod that is exclusive canonicalization,
/// and its `InclusiveNamespaces` (Exclusive C14N, 3).
fn exclusive<'a>(method: Node<'a, '_>) -> Result<Canonicalization<'a>, SamlRefusal> {
    if algorithm_of(method)? != EXC_C14N {
        return Err(SamlRefusal::TransformRefused);
    }
    let mut parts = parts_of(method);
    let mut inclusive_prefixes = Vec::new();
    if let Some(inclusive) = parts.next_if(EXC_C14N, "InclusiveNamespaces")? {
        let list = nodes::attribute(inclusive, "PrefixList").ok_or(SamlRefusal::SignatureMalformed)?;
        inclusive_prefixes.extend(list.split_ascii_whitespace().take(MAX_PREFIXES + 1));
        parts_of(inclusive).end()?;
    }
    parts.end()?;
    if inclusive_prefixes.len() > MAX_PREFIXES {
        return Err(SamlRefusal::SignatureMalformed);
    }
    Ok(Canonicalization { inclusive_prefixes })
}

fn algorithm_of<'a>(method: Node<'a, '_>) -> Result<&'a str, SamlRefusal> {
    nodes::attribute(method, "Algorithm").ok_or(SamlRefusal::SignatureMalformed)
}

/// The bytes of an element that holds base64 and nothing else.
fn base64_text(element: Node<'_, '_>) -> Result<Vec<u8>, SamlRefusal> {
    let bytes = nodes::base64_text(element, MAX_VALUE_CHARS).filter(|bytes| !bytes.is_empty());
    bytes.ok_or(SamlRefusal::SignatureMalformed)
}

/// The parts of an element of XML Signature.
fn parts_of<'a, 'i>(parent: Node<'a, 'i>) -> Children<'a, 'i> {
    Children::of(parent, DSIG, SamlRefusal::SignatureMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    const HONEST: &str = r##"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"> <SignedInfo>
        <CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
        <SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
        <Reference URI="#_1"><Transforms>
            <Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
            <Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><InclusiveNamespaces
                xmlns="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs  #default"/></Transform>
        </Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
        <DigestValue>AA
            AA</DigestValue></Reference></SignedInfo>
        <SignatureValue>AAAA</SignatureValue><KeyInfo>anything <at/> all</KeyInfo></Signature>"##;

    fn refusal(xml: &str) -> Option<SamlRefusal> {
        let document = Document::parse(xml).unwrap();
        SignatureParts::read(document.root_element()).err()
    }

    #[test]
    fn an_honest_signature_is_read() {
        let document = Document::parse(HONEST).unwrap();
        let parts = SignatureParts::read(document.root_element()).ok().unwrap();
        assert_eq!(parts.algorithm, SignatureAlgorithm::Rsa(Hash::Sha256));
        assert_eq!(parts.reference_uri, "#_1");
        assert_eq!(parts.reference_method.inclusive_prefixes, ["xs", "#default"]);
        assert!(parts.signed_info_method.inclusive_prefixes.is_empty());
        assert_eq!((parts.digest, parts.value), (vec![0; 3], vec![0; 3]));
    }

    #[test]
    fn as_many_prefixes_as_there_may_be() {
        let most = HONEST.replacen("xs  #default", "a b c d e f g h i j k l m n o p", 1);
        assert_eq!(refusal(&most), None);
    }

    #[test]
    fn everything_else_is_refused() {
        use SamlRefusal::{AlgorithmRefused, ReferenceRefused, SignatureMalformed, TransformRefused};
        let reference = "<Reference URI=\"#_1\"><Transforms>";
        for (honest, evil, expected) in [
            ("<SignatureValue>AAAA", "<SignatureValue>AA<!---->AA", SignatureMalformed),
            ("<SignatureValue>AAAA", "<SignatureValue>", SignatureMalformed),
            ("<SignatureValue>AAAA", "<SignatureValue>AAA", SignatureMalformed),
            ("<SignatureValue>AAAA", "<SignatureValue><b/>AAAA", SignatureMalformed),
            ("<DigestValue>AA", "<DigestValue>BBBB<!-- -->AA", SignatureMalformed),
            ("<DigestValue>", "<DigestValue>AAAA</DigestValue><DigestValue>", SignatureMalformed),
            ("</KeyInfo>", "</KeyInfo><Object/>", SignatureMalformed),
            ("</KeyInfo>", "</KeyInfo><KeyInfo/>", SignatureMalformed),
            ("</SignedInfo>", "</SignedInfo><SignedInfo/>", SignatureMalformed),
            ("<SignedInfo>", "<SignedInfo>text", SignatureMalformed),
            ("<SignedInfo>", "<SignedInfo><?p?>", SignatureMalformed),
            ("xml-exc-c14n#\"/>", "xml-exc-c14n#WithComments\"/>", TransformRefused),
            (
                "http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
                "http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>",
                TransformRefused,
            ),
            ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-md5", AlgorithmRefused),
            (
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
                AlgorithmRefused,
            ),
            ("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256", AlgorithmRefused),
            (
                "xmldsig-more#rsa-sha256\"/>",
                "xmldsig-more#rsa-sha256\"><X/></SignatureMethod>",
                SignatureMalformed,
            ),
            (
                "http://www.w3.org/2001/04/xmlenc#sha256",
                "http://www.w3.org/2000/09/xmldsig#sha1",
                AlgorithmRefused,
            ),
            (
                " Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256",
                " xmlns:e=\"urn:e\" e:Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256",
                SignatureMalformed,
            ),
            ("</Reference>", "</Reference><Reference/>", ReferenceRefused),
            (" URI=\"#_1\"", "", ReferenceRefused),
            ("#enveloped-signature", "#base64", TransformRefused),
            (
                "</Transforms>",
                "<Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/></Transforms>",
                TransformRefused,
            ),
            ("#enveloped-signature\"/>", "#enveloped-signature\"><XPath/></Transform>", SignatureMalformed),
            ("PrefixList=", "Prefixes=", SignatureMalformed),
            ("xs  #default", "a b c d e f g h i j k l m n o p q", SignatureMalformed),
            (reference, "<Reference URI=\"#_1\"><X/><Transforms>", TransformRefused),
        ] {
            assert!(HONEST.contains(honest), "{honest}");
            assert_eq!(refusal(&HONEST.replacen(honest, evil, 1)), Some(expected), "{evil}");
        }
    }
}
