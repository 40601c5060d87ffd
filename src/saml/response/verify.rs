//! Verifying a response with the keys of the identity provider that it claims to
//! come from.
//!
//! Signatures are accepted as children of the Response and of its one assertion,
//! and nowhere else. Each covers its parent (`dsig/verify.rs`).

use super::decrypt::visible_issuer;
use super::message::ResponseMessage;
use super::parse::UnverifiedResponse;
use super::parts::{bearers, in_response_to, instant, one};
use crate::saml::dsig::key::VerificationKey;
use crate::saml::dsig::verify::{Effort, no_duplicate_ids, verify_signature};
use crate::saml::provider::{IdentityProvider, IdentityProviders};
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::{Step, Tracer};
use crate::saml::xml::names::{DSIG, SAML};
use crate::saml::xml::nodes;
use crate::saml::xml::parse::tree;
use roxmltree::{Document, Node, NodeId};
use time::OffsetDateTime;
use zeroize::Zeroizing;

impl ResponseMessage<'_> {
    /// The identity provider that the Response names as its issuer, as everybody can read it.
    pub fn visible_issuer<'i>(&self, providers: &'i IdentityProviders) -> Option<&'i IdentityProvider> {
        let document = tree(&self.xml, &self.limits).ok()?;
        providers.by_issuer(visible_issuer(&document)?)
    }
}

impl<'m> UnverifiedResponse<'m> {
    /// Finds the identity provider that the assertion names as its issuer: the
    /// one whose keys the signatures are verified with.
    ///
    /// # Errors
    /// `UnknownIssuer`; of a decrypted message `NotDecryptable`.
    pub fn find_issuer<'i>(
        self,
        providers: &'i IdentityProviders,
    ) -> Result<ClaimedResponse<'m, 'i>, SamlRefusal> {
        let message = self.message;
        message.opaque_if_decrypted(|| {
            message.trace.step(Step::Issuer);
            let assertion = self.document.get_node(self.assertion);
            let issuer = assertion.and_then(|assertion| one(assertion, "Issuer").ok()?);
            let issuer = issuer.and_then(nodes::pure_text);
            message.trace.maybe_theirs("issuer", issuer);
            if let Some(provider) = issuer.and_then(|issuer| providers.by_issuer(issuer)) {
                message.trace.ours("provider", &provider.name);
                return Ok(ClaimedResponse { unverified: self, provider, is_known: true });
            }
            // What was decrypted is verified nevertheless, by somebody's keys, or the time
            // would tell whether there was an issuer (`stand_in.rs`).
            let decrypted = message.decrypted.as_ref().ok_or(SamlRefusal::UnknownIssuer)?;
            let visible = decrypted.visible_issuer.as_deref().and_then(|issuer| providers.by_issuer(issuer));
            let anybody = visible.or_else(|| providers.iter().next());
            let provider = anybody.ok_or(SamlRefusal::UnknownIssuer)?;
            Ok(ClaimedResponse { unverified: self, provider, is_known: false })
        })
    }
}

/// A response that claims to come from a configured identity provider. Nothing
/// of it is verified.
pub struct ClaimedResponse<'m, 'i> {
    unverified: UnverifiedResponse<'m>,
    provider: &'i IdentityProvider,
    /// Whether it does claim so. If not, it is refused in the end.
    is_known: bool,
}

impl<'m, 'i> ClaimedResponse<'m, 'i> {
    /// The identity provider that it claims to come from.
    pub fn provider(&self) -> &'i IdentityProvider {
        self.provider
    }

    /// Verifies every signature in the document with this provider's keys. At
    /// least one must be there; whether it is the Response's or the
    /// Assertion's, it covers the assertion. An assertion that was encrypted
    /// needs its own.
    ///
    /// # Errors
    /// A verifying [`SamlRefusal`] (`NotSigned` to `SignatureMismatch`); of a
    /// decrypted message `NotDecryptable`.
    pub fn verify(self) -> Result<VerifiedAssertion<'m, 'i>, SamlRefusal> {
        let message = self.unverified.message;
        message.opaque_if_decrypted(|| {
            let is_known = self.is_known;
            let verified = self.verify_all(if is_known { message.trace } else { Tracer::SILENT });
            if !is_known {
                return Err(SamlRefusal::UnknownIssuer);
            }
            match &message.decrypted {
                Some(decrypted) if decrypted.is_stand_in => Err(SamlRefusal::NotDecryptable),
                _ => verified,
            }
        })
    }

    fn verify_all(self, trace: Tracer<'_>) -> Result<VerifiedAssertion<'m, 'i>, SamlRefusal> {
        let Self { unverified, provider, .. } = self;
        let UnverifiedResponse { message, document, response, assertion } = unverified;
        trace.step(Step::Signatures);
        let signatures = Signatures::find(&document, response, Some(assertion))?;
        signatures.trace(trace);
        no_duplicate_ids(&document)?;
        let was_encrypted = message.decrypted.is_some();
        if signatures.of_assertion.is_none() && (was_encrypted || signatures.of_response.is_none()) {
            return Err(SamlRefusal::NotSigned);
        }
        let response_is_signed = signatures.of_response.is_some();
        let mut canonical = Zeroizing::new(Vec::with_capacity(document.input_text().len()));
        let effort = if was_encrypted { Effort::Whole } else { Effort::Least };
        if let Some(signature) = signatures.of_response {
            trace.step(Step::ResponseSignature);
            if was_encrypted {
                verify_as_received(message, &provider.keys, &mut canonical, trace)?;
            } else {
                verify_signature(signature, &provider.keys, &mut canonical, effort, trace)?;
            }
        }
        if let Some(signature) = signatures.of_assertion {
            trace.step(Step::AssertionSignature);
            verify_signature(signature, &provider.keys, &mut canonical, effort, trace)?;
        }
        // Wiped as one block.
        canonical.clear();
        Ok(VerifiedAssertion { message, provider, document, response, assertion, response_is_signed })
    }
}

/// An assertion whose signature is verified: only [`ClaimedResponse::verify`] makes
/// one, and it reads only nodes inside the signed element, on the very tree
/// that was canonicalized.
pub struct VerifiedAssertion<'m, 'i> {
    pub(super) message: &'m ResponseMessage<'m>,
    pub(super) provider: &'i IdentityProvider,
    pub(super) document: Document<'m>,
    pub(super) response: NodeId,
    pub(super) assertion: NodeId,
    /// Whether the Response itself is signed, not its assertion alone.
    pub(super) response_is_signed: bool,
}

impl<'i> VerifiedAssertion<'_, 'i> {
    /// The identity provider whose key made the signature.
    pub fn provider(&self) -> &'i IdentityProvider {
        self.provider
    }

    /// The `InResponseTo` of the assertion, for looking up the request that it
    /// answers. Read from the assertion, which is signed, and not from the
    /// Response, which may not be; `accept` checks that both agree.
    pub fn in_response_to(&self) -> Option<&str> {
        let subject = nodes::children(self.document.get_node(self.assertion)?, SAML, "Subject");
        let is_literal = |id: &&str| self.provider.in_response_to_literals.iter().any(|l| l == id);
        subject
            .flat_map(bearers)
            .flat_map(|bearer| nodes::children(bearer, SAML, "SubjectConfirmationData"))
            .find_map(in_response_to)
            .filter(|id| !is_literal(id))
    }

    /// The assertion's `IssueInstant`, for checking it as of then.
    pub fn issue_instant(&self) -> Option<OffsetDateTime> {
        instant(self.document.get_node(self.assertion)?, "IssueInstant").ok()?
    }
}

/// Verifies the Response's signature over the message as received: it covers the
/// ciphertext, which the decrypted tree does not contain. The two trees differ
/// only in what was decrypted (`splice.rs`), so it also covers the Response that
/// is read afterwards.
fn verify_as_received(
    message: &ResponseMessage<'_>,
    keys: &[VerificationKey],
    canonical: &mut Vec<u8>,
    trace: Tracer<'_>,
) -> Result<(), SamlRefusal> {
    let document = tree(&message.xml, &message.limits)?;
    let signatures = Signatures::find(&document, document.root_element().id(), None)?;
    no_duplicate_ids(&document)?;
    let signature = signatures.of_response.ok_or(SamlRefusal::NotSigned)?;
    // Everybody sees this one: it tells nothing of what is encrypted.
    verify_signature(signature, keys, canonical, Effort::Least, trace)
}

/// The signatures of a document, by their parent.
struct Signatures<'a, 'i> {
    of_response: Option<Node<'a, 'i>>,
    of_assertion: Option<Node<'a, 'i>>,
}

impl<'a, 'i> Signatures<'a, 'i> {
    /// Core 5.4.1 and 5.4.2: a signature is a child of the element that it signs,
    /// which has only one. We are stricter than the specification: a signature
    /// anywhere else in the document is refused.
    fn find(
        document: &'a Document<'i>,
        response: NodeId,
        assertion: Option<NodeId>,
    ) -> Result<Self, SamlRefusal> {
        let mut found = Self { of_response: None, of_assertion: None };
        for signature in document.descendants().filter(|node| nodes::is(*node, DSIG, "Signature")) {
            let place = match signature.parent().map(|parent| parent.id()) {
                Some(parent) if parent == response => &mut found.of_response,
                Some(parent) if Some(parent) == assertion => &mut found.of_assertion,
                _ => return Err(SamlRefusal::SignatureMisplaced),
            };
            if place.replace(signature).is_some() {
                return Err(SamlRefusal::SignatureMisplaced);
            }
        }
        Ok(found)
    }

    fn trace(&self, trace: Tracer<'_>) {
        let places = [(self.of_response, "Response"), (self.of_assertion, "Assertion")];
        trace.all_ours("signed", places.iter().filter(|(there, _)| there.is_some()).map(|(_, name)| *name));
    }
}

#[cfg(test)]
mod tests {
    use crate::saml::dsig::key::VerificationKey;
    use crate::saml::provider::IdentityProvider;
    use crate::saml::refusal::SamlRefusal;
    use crate::saml::testing::*;

    fn unsigned() -> String {
        RESPONSE.replace("{assertion-signature}", "").replace("{response-signature}", "")
    }

    fn signed() -> String {
        EC.put(RESPONSE, "{assertion-signature}", "_a1").replace("{response-signature}", "")
    }

    fn refusal(xml: &str) -> Option<SamlRefusal> {
        sign_in(&encoded(xml), now()).err()
    }

    #[test]
    fn either_signature_suffices_and_both_must_hold() {
        assert!(sign_in(&assertion_signed(RESPONSE), now()).is_ok());
        assert!(sign_in(&response_signed(RESPONSE), now()).is_ok());
        let inner = EC.put(RESPONSE, "{assertion-signature}", "_a1");
        let both = EC.put(&inner, "{response-signature}", "_r1");
        assert_eq!(refusal(&both), None);

        let stranger = RSA.put(&inner, "{response-signature}", "_r1");
        assert_eq!(refusal(&stranger), Some(SamlRefusal::SignatureMismatch));
        let tampered = both.replace("<samlp:Status>", "<samlp:Status> ");
        assert_eq!(refusal(&tampered), Some(SamlRefusal::DigestMismatch));
        assert_eq!(refusal(&unsigned()), Some(SamlRefusal::NotSigned));
    }

    #[test]
    fn all_keys_of_the_issuer_are_tried() {
        for signer in [&*EC, &*EC384, &*RSA] {
            // The P-384 key signs with SHA-384 here.
            let xml =
                signer.put(RESPONSE, "{assertion-signature}", "_a1").replace("{response-signature}", "");
            let keys = || vec![EC.key(), EC384.key(), RSA.key()];
            assert_eq!(sign_in_at(&encoded(&xml), now(), provider(keys())).err(), None);
            let others: Vec<VerificationKey> =
                keys().into_iter().filter(|key| key.fingerprint() != signer.key().fingerprint()).collect();
            let refused = sign_in_at(&encoded(&xml), now(), provider(others)).err();
            assert_eq!(refused, Some(SamlRefusal::SignatureMismatch));
        }
    }

    #[test]
    fn a_change_anywhere_in_the_assertion_shows() {
        let honest = signed();
        for (from, to) in [
            ("role/ADFS-Production", "role/ADFS-Administrator"),
            ("EXAMPLE\\jane", "EXAMPLE\\root"),
            ("<Subject>", "<Subject> "),
            ("2026-11-23T06:45:59.123Z", "2036-11-23T06:45:59.123Z"),
        ] {
            assert_ne!(honest.replace(from, to), honest);
            assert_eq!(refusal(&honest.replace(from, to)), Some(SamlRefusal::DigestMismatch), "{to}");
        }
        let forged = honest.replace("#_a1", "#_r1");
        assert_eq!(refusal(&forged), Some(SamlRefusal::ReferenceRefused));
        let forged = honest.replace("URI=\"#_a1\"", "URI=\"\"");
        assert_eq!(refusal(&forged), Some(SamlRefusal::ReferenceRefused));
        // Comments are not signed, and harmless where no value is.
        assert_eq!(refusal(&honest.replace("<Subject>", "<Subject><!-- hello -->")), None);
        assert_eq!(refusal(&honest.replace("EXAMPLE", "EXA<!-- -->MPLE")), Some(SamlRefusal::ValueNotText));
    }

    #[test]
    fn signatures_stand_in_their_place_only() {
        let honest = signed();
        let start = honest.find("<ds:Signature").unwrap();
        let end = honest.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        let signature = honest.get(start..end).unwrap();
        let without = honest.replace(signature, "");
        for place in ["<samlp:Status>", "<Subject>", "<samlp:Response"] {
            let moved = match place {
                "<samlp:Response" => {
                    honest.replace("</samlp:Response>", &format!("{signature}</samlp:Response>"))
                }
                place => without.replace(place, &format!("{place}{signature}")),
            };
            let expected = if place == "<samlp:Response" {
                SamlRefusal::ReferenceRefused
            } else {
                SamlRefusal::SignatureMisplaced
            };
            assert_eq!(refusal(&moved), Some(expected), "{place}");
        }
        assert_eq!(
            refusal(&honest.replace(signature, &signature.repeat(2))),
            Some(SamlRefusal::SignatureMisplaced)
        );
        // Anywhere as a direct child will do: the digest leaves it out.
        assert_eq!(refusal(&without.replace("</Assertion>", &format!("{signature}</Assertion>"))), None);
        let nested = honest.replace("<KeyName>", "<ds:Signature/><KeyName>");
        assert_eq!(refusal(&nested), Some(SamlRefusal::SignatureMisplaced));
    }

    #[test]
    fn an_id_is_there_once_in_any_spelling() {
        let honest = signed();
        for (from, to) in [
            ("ID=\"_r1\"", "ID=\"_a1\""),
            ("<samlp:Status>", "<samlp:Status xml:id='_a1'>"),
            ("<samlp:Status>", "<samlp:Status xmlns:evil='urn:evil' evil:Id='_a1'>"),
            ("<ds:Signature ", "<ds:Signature Id='_r1' "),
        ] {
            assert_eq!(refusal(&honest.replacen(from, to, 1)), Some(SamlRefusal::DuplicateId), "{to}");
        }
        let evil = honest.replacen("<Assertion ", "<Assertion xmlns:e='urn:e' e:ID='_other' ", 1);
        assert_eq!(refusal(&evil), Some(SamlRefusal::DigestMismatch));
    }

    #[test]
    fn keys_belong_to_their_issuer() {
        let other = || IdentityProvider { entity_id: "urn:other".to_owned(), ..provider(vec![EC.key()]) };
        assert_eq!(sign_in_at(&encoded(&signed()), now(), other()).err(), Some(SamlRefusal::UnknownIssuer));
        let commented = signed().replace("adfs/services", "adfs<!---->/services");
        assert_eq!(refusal(&commented), Some(SamlRefusal::UnknownIssuer));
    }
}
