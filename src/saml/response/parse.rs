//! Parsing: one tree, a Response, and the one assertion in it.

use super::message::ResponseMessage;
use super::status::{SUCCESS, failure, status_code, trace_status};
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::{Step, Tracer};
use crate::saml::xml::names::{SAML, SAMLP};
use crate::saml::xml::nodes;
use crate::saml::xml::parse::tree;
use roxmltree::{Document, Node, NodeId};

impl ResponseMessage<'_> {
    /// Parses the text: the decrypted one, if there is one.
    ///
    /// # Errors
    /// A reading [`SamlRefusal`] (`NotXml` to `EncryptedAssertion`), `NotCanonicalizable`
    /// for a relative namespace URI, or `NotSuccess` where the identity provider
    /// sends its failure instead of an assertion. Only `NotDecryptable` once it
    /// was decrypted.
    pub fn parse(&self) -> Result<UnverifiedResponse<'_>, SamlRefusal> {
        self.opaque_if_decrypted(|| {
            self.trace.step(Step::Parse);
            let document = match &self.decrypted {
                Some(decrypted) => decrypted.spliced.parse(&self.limits)?,
                None => tree(&self.xml, &self.limits)?,
            };
            let response = document.root_element();
            self.trace.theirs("root", response.tag_name().name());
            if !nodes::is(response, SAMLP, "Response") {
                return Err(SamlRefusal::NotAResponse);
            }
            let assertion = only_assertion(response, self.trace)?.id();
            let response = response.id();
            Ok(UnverifiedResponse { message: self, document, response, assertion })
        })
    }
}

/// A parsed response of which nothing is verified yet. All it offers is to find
/// the identity provider that it claims to come from.
pub struct UnverifiedResponse<'m> {
    pub(super) message: &'m ResponseMessage<'m>,
    pub(super) document: Document<'m>,
    pub(super) response: NodeId,
    pub(super) assertion: NodeId,
}

/// The one assertion, a child of the Response. No other element of that name is
/// accepted at any depth, so that no later step can find another one.
fn only_assertion<'a, 'i>(response: Node<'a, 'i>, trace: Tracer<'_>) -> Result<Node<'a, 'i>, SamlRefusal> {
    let mut found = None;
    let mut others = false;
    for node in response.descendants() {
        if nodes::is(node, SAML, "EncryptedAssertion") {
            return Err(SamlRefusal::EncryptedAssertion);
        }
        if nodes::is(node, SAML, "Assertion") {
            others |= found.replace(node).is_some();
        }
    }
    match found {
        Some(assertion) if !others && assertion.parent() == Some(response) => Ok(assertion),
        None if reports_failure(response) => {
            trace_status(response, trace);
            Err(failure(response))
        }
        _ => Err(SamlRefusal::NotOneAssertion),
    }
}

/// Whether the response has a status other than success (core 3.2.2). A failure
/// has no assertion and often no signature. Reporting it as such is harmless,
/// since it only refuses, and it helps the person.
fn reports_failure(response: Node<'_, '_>) -> bool {
    status_code(response).is_some_and(|code| code != SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::refusal::Cap;
    use crate::saml::testing::{RESPONSE, encoded};
    use crate::saml::xml::limits::Limits;
    use proptest::prelude::*;

    fn refusal(xml: &str) -> Option<SamlRefusal> {
        match ResponseMessage::decode(&encoded(xml), &Limits::default(), None) {
            Ok(message) => message.parse().err(),
            Err(refusal) => Some(refusal),
        }
    }

    #[test]
    fn documents_that_are_no_response() {
        for (xml, expected) in [
            ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", SamlRefusal::Doctype),
            ("<a/><b/>", SamlRefusal::NotXml),
            ("<a>", SamlRefusal::NotXml),
            ("<a>&undefined;</a>", SamlRefusal::NotXml),
            ("<p:a/>", SamlRefusal::NotXml),
            ("<a/>trailing", SamlRefusal::NotXml),
            ("<Response/>", SamlRefusal::NotAResponse),
            ("<Response xmlns='urn:oasis:names:tc:SAML:1.0:protocol'/>", SamlRefusal::NotAResponse),
            ("<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>", SamlRefusal::NotAResponse),
        ] {
            assert_eq!(refusal(xml), Some(expected), "{xml}");
        }
        let deep = "<a>".repeat(65) + &"</a>".repeat(65);
        assert_eq!(refusal(&deep), Some(SamlRefusal::TooComplex(Cap::Depth)));
    }

    #[test]
    fn there_is_one_assertion_and_nothing_like_it() {
        let honest = RESPONSE;
        let evil = "<saml:Assertion xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion' ID='_e'/>";
        for (from, to) in [
            ("<samlp:Status>", &*format!("{evil}<samlp:Status>")),
            ("<samlp:Status>", &*format!("<samlp:Extensions>{evil}</samlp:Extensions><samlp:Status>")),
            ("</Assertion>", &*format!("</Assertion>{evil}")),
            ("</Assertion>", &*format!("{evil}</Assertion>")),
            ("<Issuer>", &*format!("<Issuer>{evil}")),
            ("<Assertion xmlns=", "<Assertion xmlns='urn:x' e="),
        ] {
            assert_eq!(refusal(&honest.replacen(from, to, 1)), Some(SamlRefusal::NotOneAssertion), "{to}");
        }
        let around = honest.replacen("<Assertion ", "<samlp:X><Assertion ", 1);
        let around = around.replacen("</Assertion>", "</Assertion></samlp:X>", 1);
        assert_eq!(refusal(&around), Some(SamlRefusal::NotOneAssertion));
        let encrypted = honest
            .replace("<Assertion ", "<EncryptedAssertion ")
            .replace("</Assertion", "</EncryptedAssertion");
        assert_eq!(refusal(&encrypted), Some(SamlRefusal::EncryptedAssertion));
    }

    #[test]
    fn a_failure_without_an_assertion_says_so() {
        let failure = |code: &str| {
            format!(
                "<samlp:Response xmlns:samlp='{SAMLP}'><samlp:Status><samlp:StatusCode Value='{code}'/>\
                 </samlp:Status></samlp:Response>"
            )
        };
        let responder = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        assert_eq!(refusal(&failure(responder)), Some(SamlRefusal::NotSuccess));
        assert_eq!(refusal(&failure(SUCCESS)), Some(SamlRefusal::NotOneAssertion));
        assert!(!SamlRefusal::NotSuccess.is_authenticated());

        // The person can do something about one of the codes below it.
        let below = |code: &str| {
            let code = format!("<samlp:StatusCode Value='urn:oasis:names:tc:SAML:2.0:status:{code}'/>");
            failure(responder).replace("Responder'/>", &format!("Responder'>{code}</samlp:StatusCode>"))
        };
        assert_eq!(refusal(&below("NoAuthnContext")), Some(SamlRefusal::NoAuthnContext));
        assert_eq!(refusal(&below("AuthnFailed")), Some(SamlRefusal::NotSuccess));
        assert!(!SamlRefusal::NoAuthnContext.is_authenticated());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[<>a=' /!?x-]{0,60}") {
            let _ = refusal(&text);
        }
    }
}
