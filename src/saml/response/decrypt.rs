//! Decrypting an assertion, or values inside one. Every later check is the same
//! as for an assertion that was not encrypted.
//!
//! Anyone can encrypt for us, so an encrypted assertion proves nothing until the
//! signature *inside* it is verified (GHES CVE-2024-4985 and CVE-2024-9487,
//! Keycloak CVE-2026-2092). A signature of the Response covers the ciphertext:
//! if there is one, it is verified as well, on the message as received.
//!
//! No oracle: from the unwrapping of the key to the last check of the inner
//! signature, every failure is [`SamlRefusal::NotDecryptable`], be it a wrong key,
//! wrong padding, ill-formed XML or a changed digest; and the work is done to its end
//! either way, with a stand-in where there is no assertion (`stand_in.rs`). Who measures
//! sees the same within 1 % (`tests/linear.rs`).
//!
//! STS gets the response as received. It can read an encrypted one only if IAM's
//! SAML provider has the same private key (`AssertionEncryptionMode`,
//! `AddPrivateKey`); with a key that only we have, encryption and
//! `AssumeRoleWithSAML` exclude each other.

use super::message::{Decrypted, ResponseMessage};
use super::parts::one;
use super::stand_in::stand_in;
use crate::saml::dsig::verify::algorithms_accepted;
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::{Step, Tracer};
use crate::saml::xml::names::{DSIG, SAML, SAMLP};
use crate::saml::xml::nodes;
use crate::saml::xml::parse::tree;
use crate::saml::xmlenc::encrypted::Encrypted;
use crate::saml::xmlenc::keys::DecryptionKeys;
use crate::saml::xmlenc::splice::{Piece, Spliced};
use roxmltree::{Document, Node};
use zeroize::Zeroizing;

/// The most encrypted values in one assertion. Each costs an RSA operation per
/// key. The sender has signed them, so this bounds mistakes, not attacks.
const MAX_ENCRYPTED_VALUES: usize = 32;

impl ResponseMessage<'_> {
    /// Decrypts an encrypted assertion. A message without one is returned
    /// unchanged, and so is every message if there are no keys.
    ///
    /// # Errors
    /// A reading [`SamlRefusal`], `AlgorithmRefused` or `TransformRefused` for what a
    /// signature of the Response shows without any key, `EncryptionRefused` for structure or algorithms,
    /// and `NotDecryptable` for everything that depends on the keys.
    pub fn decrypt(mut self, keys: &DecryptionKeys) -> Result<Self, SamlRefusal> {
        // An element name has one spelling: without this text there is no such element.
        if !keys.is_empty() && self.xml.contains("EncryptedAssertion") {
            self.trace.step(Step::Decrypt);
            self.decrypted = self.open(keys)?;
        }
        if self.decrypted.as_ref().is_some_and(|decrypted| decrypted.is_stand_in) {
            // The cause is recorded; what follows takes its time and nothing else.
            self.trace = Tracer::SILENT;
        }
        Ok(self)
    }

    fn open(&self, keys: &DecryptionKeys) -> Result<Option<Decrypted>, SamlRefusal> {
        let document = tree(&self.xml, &self.limits)?;
        let Some(wrapper) = only_encrypted_assertion(&document)? else { return Ok(None) };
        // Before any key of ours is used, so it tells nothing of them.
        for signature in nodes::children(document.root_element(), DSIG, "Signature") {
            algorithms_accepted(signature).inspect_err(|_| self.trace.algorithms(signature))?;
        }
        self.trace.algorithms(wrapper);
        let encrypted = Encrypted::read(wrapper)?;
        let splice = |plaintext| {
            let spliced = Spliced::new(&self.xml, &[Piece { wrapper, name: "Assertion", plaintext }]);
            spliced.filter(|spliced| spliced.parse(&self.limits).is_ok())
        };
        let visible_issuer = visible_issuer(&document).map(str::to_owned);
        if let Some(plaintext) = keys.open(&encrypted, self.trace) {
            match splice(plaintext) {
                Some(spliced) => return Ok(Some(Decrypted { spliced, is_stand_in: false, visible_issuer })),
                None => self.trace.ours("cause", "not_one_whole_element"),
            }
        }
        let stand_in = stand_in(encrypted.ciphertext.len()).into_bytes();
        let spliced = splice(Zeroizing::new(stand_in)).ok_or(SamlRefusal::NotDecryptable)?;
        Ok(Some(Decrypted { spliced, is_stand_in: true, visible_issuer }))
    }
}

/// The Response's own Issuer: nothing of it is verified, and nothing decrypted.
pub(super) fn visible_issuer<'a>(document: &'a Document<'_>) -> Option<&'a str> {
    nodes::pure_text(one(document.root_element(), "Issuer").ok()??)
}

/// The encrypted assertion, if there is one. It must be a child of the Response
/// and the only assertion in the document, encrypted or not.
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
        // `parse` checks messages without an encrypted assertion.
        _ => Ok(None),
    }
}

/// The text of a verified tree with the encrypted values of its assertion
/// decrypted: `EncryptedID` (core 2.2.4) and `EncryptedAttribute` (core 2.7.3.2).
/// They are inside the signed element, so their content is signed. `None` if
/// there are none, or no keys: then selectors do not find them.
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
