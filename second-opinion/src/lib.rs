//! What other verifiers say about the same document, asked as a careful caller
//! of each would ask.

use bergshamra::{DsigContext, KeysManager, VerifyResult, dsig, keys::loader::load_x509_cert_der};
use roxmltree::{Document, Node};
use samael::crypto::{
    AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode,
};
use samael::metadata::EntityDescriptor;
use samael::service_provider::ServiceProvider;

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Who a verifier believes has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opinion {
    /// This NameID.
    Believes(String),
    /// Nobody, for this reason.
    Refuses(String),
}

/// The other verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verifier {
    /// xmlsec1 on libxml2, through samael: what it has digested and verified.
    Xmlsec,
    /// samael's whole service provider on the same libraries, at any time.
    Samael,
    /// bergshamra, in its own parser and canonicalization.
    Bergshamra,
}

impl Verifier {
    pub const ALL: [Self; 3] = [Self::Xmlsec, Self::Samael, Self::Bergshamra];
}

/// The keys, and each verifier set up for them.
pub struct Opinions {
    certificates: Vec<CertificateDer>,
    providers: Vec<ServiceProvider>,
    context: DsigContext,
}

impl Opinions {
    /// With these certificates (DER) of this issuer, for this service.
    pub fn new(certificates: &[Vec<u8>], issuer: &str, acs_url: &str, audience: &str) -> Self {
        silence_libxml2();
        let mut manager = KeysManager::new();
        manager.add_keys(certificates.iter().map(|der| load_x509_cert_der(der).expect("a certificate")));
        Self {
            certificates: certificates.iter().cloned().map(CertificateDer::from).collect(),
            providers: certificates.iter().map(|der| service(der, issuer, acs_url, audience)).collect(),
            context: DsigContext::new(manager),
        }
    }

    /// What this verifier says.
    pub fn ask(&self, verifier: Verifier, xml: &str) -> Opinion {
        let answer = match verifier {
            Verifier::Xmlsec => self.xmlsec(xml),
            Verifier::Samael => self.samael(xml),
            Verifier::Bergshamra => self.bergshamra(xml),
        };
        answer.map_or_else(Opinion::Refuses, Opinion::Believes)
    }

    /// One key after the other: given several, it stops at the first of another kind.
    fn xmlsec(&self, xml: &str) -> Result<String, String> {
        // The very bytes that xmlsec1 has digested: of the Response, where both are signed.
        let mode = ReduceMode::PreDigest;
        let mut last = Err("no key".to_owned());
        for certificate in &self.certificates {
            let keys = std::slice::from_ref(certificate);
            let reduced =
                Crypto::reduce_xml_to_signed_with_allowed_algorithms(xml, keys, mode, Some(&ALLOWED));
            last = reduced.map_err(|error| error.to_string());
            if last.is_ok() {
                break;
            }
        }
        let reduced = last?;
        let document = Document::parse(&reduced).map_err(|_| "what is left is not XML".to_owned())?;
        person(document.root_element())
    }

    fn samael(&self, xml: &str) -> Result<String, String> {
        let mut last = Err("no key".to_owned());
        for provider in &self.providers {
            let assertion = provider.parse_xml_response(xml, None);
            last = assertion.map_err(|error| {
                // The variant alone: the rest repeats the document.
                let text = format!("{error:?}");
                text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
            });
            if last.is_ok() {
                break;
            }
        }
        let subject = last?.subject.ok_or("no subject")?;
        Ok(subject.name_id.ok_or("no NameID")?.value)
    }

    /// As its documentation asks for: pinned keys, strict, every signature, and
    /// each of them that of its parent, which is the root or a child of it.
    fn bergshamra(&self, xml: &str) -> Result<String, String> {
        let document = uppsala::parse(xml).map_err(|_| "not XML".to_owned())?;
        let results = dsig::verify::verify_all_document_with_source(&self.context, &document, Some(xml));
        let results = results.map_err(|error| match error {
            bergshamra::Error::MissingElement(_) => "no signature".to_owned(),
            other => other.to_string().split(':').next().unwrap_or_default().to_owned(),
        })?;
        let root = document.document_element().ok_or("no root")?;
        let mut signed = Err("nothing signed".to_owned());
        for result in results {
            let VerifyResult::Valid { signature_node, references, .. } = result else {
                return Err("a signature is not valid".into());
            };
            let parent = document.parent(signature_node).ok_or("no parent")?;
            let [reference] = references.as_slice() else { return Err("not one reference".into()) };
            if reference.resolved_node != Some(parent) {
                return Err("a signature is not that of its parent".into());
            }
            if parent != root && document.parent(parent) != Some(root) {
                return Err("a signature is not that of the root or a child".into());
            }
            signed = Ok(parent);
        }
        let signed = signed?;
        let named = |parent, name: &str| {
            document
                .children(parent)
                .into_iter()
                .filter(|child| {
                    document.element(*child).is_some_and(|element| {
                        element.name.local_name == name && element.name.namespace_uri.as_deref() == Some(SAML)
                    })
                })
                .collect::<Vec<_>>()
        };
        let is_response = document.element(signed).is_some_and(|e| e.name.local_name == "Response");
        let assertion = if is_response { only(named(signed, "Assertion"))? } else { signed };
        let name_id = only(named(only(named(assertion, "Subject"))?, "NameID"))?;
        Ok(document.text_content_deep(name_id))
    }
}

const ALLOWED: [Algorithm; 6] = [
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];

/// samael with one key: given several of different kinds, it refuses what one of them signed.
fn service(certificate: &[u8], issuer: &str, acs_url: &str, audience: &str) -> ServiceProvider {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{issuer}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data><ds:X509Certificate>{}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor></md:IDPSSODescriptor>\
         </md:EntityDescriptor>",
        STANDARD.encode(certificate)
    );
    let metadata: EntityDescriptor = metadata.parse().expect("metadata");
    ServiceProvider {
        entity_id: Some(audience.to_owned()),
        acs_url: Some(acs_url.to_owned()),
        idp_metadata: metadata,
        allow_idp_initiated: true,
        // It reads the clock itself; the documents are of a time of their own.
        max_issue_delay: chrono::Duration::days(36_500),
        max_clock_skew: chrono::Duration::days(36_500),
        allowed_signature_algorithms: Some(ALLOWED.to_vec()),
        ..ServiceProvider::default()
    }
}

/// Whether libxml2, asked to be strict, finds the text well-formed, namespaces included.
pub fn is_well_formed(xml: &str) -> bool {
    let Ok(length) = i32::try_from(xml.len()) else { return false };
    // SAFETY: the pointer and the length are those of `xml`, which outlives the
    // call; the context is freed once, and so is the document that it made.
    unsafe {
        let context = libxml::bindings::xmlNewParserCtxt();
        let document = libxml::bindings::xmlCtxtReadMemory(
            context,
            xml.as_ptr().cast(),
            length,
            std::ptr::null(),
            c"UTF-8".as_ptr(),
            0,
        );
        let well_formed = (*context).wellFormed == 1 && (*context).nsWellFormed == 1;
        libxml::bindings::xmlFreeDoc(document);
        libxml::bindings::xmlFreeParserCtxt(context);
        well_formed
    }
}

/// The NameID of the one assertion at or directly below `root`.
fn person(root: Node<'_, '_>) -> Result<String, String> {
    let named = |node: Node<'_, '_>, name| node.children().filter(|n| n.has_tag_name((SAML, name))).count();
    let child = |node: Node<'_, '_>, name| match named(node, name) {
        1 => Ok(()),
        count => Err(format!("{count} of {name}")),
    };
    let assertion = if root.has_tag_name((SAML, "Assertion")) {
        root
    } else {
        child(root, "Assertion")?;
        root.children().find(|n| n.has_tag_name((SAML, "Assertion"))).ok_or("none")?
    };
    child(assertion, "Subject")?;
    let subject = assertion.children().find(|n| n.has_tag_name((SAML, "Subject"))).ok_or("none")?;
    child(subject, "NameID")?;
    let name_id = subject.children().find(|n| n.has_tag_name((SAML, "NameID"))).ok_or("none")?;
    Ok(name_id.descendants().filter(Node::is_text).filter_map(|n| n.text()).collect())
}

fn only<T: Copy>(found: Vec<T>) -> Result<T, String> {
    match found.as_slice() {
        [one] => Ok(*one),
        other => Err(format!("{} of what is there once", other.len())),
    }
}

/// libxml2 and xmlsec1 write every complaint to stderr; thousands here.
fn silence_libxml2() {
    // SAFETY: both strings end with zero; a stream is what the default handler,
    // which a null function stands for, takes as its context. It is never closed.
    unsafe {
        let stream = libc::fopen(c"/dev/null".as_ptr(), c"w".as_ptr());
        libxml::bindings::xmlSetGenericErrorFunc(stream.cast(), None);
    }
}
