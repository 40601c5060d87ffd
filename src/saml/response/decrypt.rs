//! Decrypting: what a message or an assertion holds encrypted, put in clear
//! for the very same gate.
//!
//! Anybody can encrypt for us, so an encrypted assertion is worth nothing until
//! the signature *inside* it holds (GHES CVE-2024-4985 and CVE-2024-9487,
//! Keycloak CVE-2026-2092). A signature of the Response covers the ciphertext:
//! where there is one it must hold as well, on the message as it came.
//!
//! No oracle: from the unwrapping of the key to the last check of the inner
//! signature, every failure is [`SamlRefusal::NotDecryptable`], be it a wrong key,
//! wrong padding, ill-formed XML or a changed digest. Those failures still take
//! different times; who could measure them would have to hold the ciphertext of
//! an assertion, and with it the bearer assertion itself. AES-GCM leaves nothing
//! to measure.
//!
//! STS is sent the response as it came. It can read it only if IAM's SAML
//! provider has the same private key (`AssertionEncryptionMode`, `AddPrivateKey`);
//! with a key that only we have, encryption and `AssumeRoleWithSAML` exclude
//! each other.

use super::message::ResponseMessage;
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::{Step, Tracer};
use crate::saml::xml::names::{SAML, SAMLP};
use crate::saml::xml::nodes;
use crate::saml::xml::parse::tree;
use crate::saml::xmlenc::encrypted::Encrypted;
use crate::saml::xmlenc::keys::DecryptionKeys;
use crate::saml::xmlenc::splice::{Piece, Spliced};
use roxmltree::{Document, Node};

/// The most encrypted values in one assertion. Each costs an RSA operation per
/// key, and who sends them has signed: this bounds mistakes.
const MAX_ENCRYPTED_VALUES: usize = 32;

impl ResponseMessage<'_> {
    /// Puts an encrypted assertion in clear. A message without one, and any
    /// message while there are no keys, stays as it is.
    ///
    /// # Errors
    /// A reading [`SamlRefusal`], `EncryptionRefused` for structure or algorithms,
    /// and `NotDecryptable` for everything that depends on the keys.
    pub fn decrypt(mut self, keys: &DecryptionKeys) -> Result<Self, SamlRefusal> {
        // A name has no other spelling, so a text without it has no such element.
        if !keys.is_empty() && self.xml.contains("EncryptedAssertion") {
            self.trace.step(Step::Decrypt);
            self.decrypted = self.open(keys)?;
        }
        Ok(self)
    }

    fn open(&self, keys: &DecryptionKeys) -> Result<Option<Spliced>, SamlRefusal> {
        let document = tree(&self.xml, &self.limits)?;
        let Some(wrapper) = only_encrypted_assertion(&document)? else { return Ok(None) };
        self.trace.algorithms(wrapper);
        let encrypted = Encrypted::read(wrapper)?;
        let spliced = keys.open(&encrypted, self.trace).and_then(|plaintext| {
            Spliced::new(&self.xml, &[Piece { wrapper, name: "Assertion", plaintext }])
        });
        spliced.map(Some).ok_or(SamlRefusal::NotDecryptable)
    }
}

/// The one encrypted assertion, if there is one: a child of the Response and
/// no other assertion anywhere, encrypted or not.
fn only_encrypted_assertion<'a, 'i>(document: &'a Document<'i>) -> Result<Option<Node<'a, 'i>>, SamlRefusal> {
    let response = document.root_element();
    let is_encrypted = |node: Node<'_, '_>| nodes::is(node, SAML, "EncryptedAssertion");
    let mut assertions =
        document.descendants().filter(|node| is_encrypted(*node) || nodes::is(*node, SAML, "Assertion"));
    match (assertions.next(), assertions.next()) {
        (Some(one), None) if is_encrypted(one) => {
            if !nodes::is(response, SAMLP, "Response") {
                return Err(SamlRefusal::NotAResponse);
            }
            if one.parent() != Some(response) {
                return Err(SamlRefusal::NotOneAssertion);
            }
            Ok(Some(one))
        }
        (Some(one), Some(other)) if is_encrypted(one) || is_encrypted(other) => {
            Err(SamlRefusal::NotOneAssertion)
        }
        // Plain messages are `parse`'s to judge.
        _ => Ok(None),
    }
}

/// The text of a verified tree with the encrypted values of its assertion in
/// clear: `EncryptedID` (core 2.2.4) and `EncryptedAttribute` (core 2.7.3.2).
/// They stand inside the signed element, so what is in them is signed content.
/// `None` if there are none, or no keys: then selectors do not find them.
pub(super) fn decrypt_values(
    assertion: Node<'_, '_>,
    keys: &DecryptionKeys,
    trace: Tracer<'_>,
) -> Result<Option<Spliced>, SamlRefusal> {
    let ids = nodes::children(assertion, SAML, "Subject")
        .flat_map(|subject| nodes::children(subject, SAML, "EncryptedID"))
        .map(|wrapper| (wrapper, "NameID"));
    let attributes = nodes::children(assertion, SAML, "AttributeStatement")
        .flat_map(|statement| nodes::children(statement, SAML, "EncryptedAttribute"))
        .map(|wrapper| (wrapper, "Attribute"));
    let mut wrappers: Vec<_> = ids.chain(attributes).take(MAX_ENCRYPTED_VALUES + 1).collect();
    if wrappers.is_empty() || keys.is_empty() {
        return Ok(None);
    }
    trace.step(Step::DecryptValues);
    trace.count("encrypted_values", wrappers.len());
    if wrappers.len() > MAX_ENCRYPTED_VALUES {
        return Err(SamlRefusal::ValueNotDecryptable);
    }
    wrappers.sort_by_key(|(wrapper, _)| wrapper.range().start);
    let mut pieces = Vec::with_capacity(wrappers.len());
    for (wrapper, name) in wrappers {
        trace.algorithms(wrapper);
        let encrypted = Encrypted::read(wrapper).map_err(|_| SamlRefusal::ValueNotDecryptable)?;
        let plaintext = keys.open(&encrypted, trace).ok_or(SamlRefusal::ValueNotDecryptable)?;
        pieces.push(Piece { wrapper, name, plaintext });
    }
    let spliced = Spliced::new(assertion.document().input_text(), &pieces);
    spliced.map(Some).ok_or(SamlRefusal::ValueNotDecryptable)
}
