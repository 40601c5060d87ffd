//! Verifying one signature.
//!
//! The signed element is the signature's parent, and the signature's `Reference`
//! must name it by `ID`. There is no look-up that could find another element
//! than the one read afterwards.

use super::key::VerificationKey;
use super::signed_info::{Canonicalization, SignatureParts};
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::Tracer;
use crate::saml::xml::canonicalization::canonicalize;
use crate::saml::xml::nodes;
use roxmltree::{Document, Node, NodeId};

/// How much is done before a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::saml) enum Effort {
    /// Nothing after the first thing that is wrong.
    Least,
    /// As much as before it would be accepted: nobody may tell by the time what was wrong.
    Whole,
}

/// XML Signature, 3.2, in the order that interprets least before anything is
/// authenticated: the signature over SignedInfo, then the digest in it.
pub(in crate::saml) fn verify_signature(
    signature: Node<'_, '_>,
    keys: &[VerificationKey],
    canonical: &mut Vec<u8>,
    effort: Effort,
    trace: Tracer<'_>,
) -> Result<(), SamlRefusal> {
    trace.algorithms(signature);
    let signed = signature.parent().ok_or(SamlRefusal::SignatureMisplaced)?;
    let parts = SignatureParts::read(signature)?;

    // Core 5.4.2: the reference names the parent. An empty URI (the whole
    // document) would be another element for an assertion's signature.
    let id =
        nodes::attribute(signed, "ID").filter(|id| !id.is_empty()).ok_or(SamlRefusal::ReferenceRefused)?;
    if parts.reference_uri.strip_prefix('#') != Some(id) {
        return Err(SamlRefusal::ReferenceRefused);
    }

    // 3.2.2, signature validation.
    canonicalize_into(canonical, parts.signed_info, None, &parts.signed_info_method)?;
    let mut signer = None;
    for key in keys {
        if key.verifies(parts.algorithm, canonical, &parts.value) {
            signer = signer.or(Some(key));
        } else if effort == Effort::Whole && !key.is_for(parts.algorithm) {
            key.take_its_time(canonical);
        }
        if signer.is_some() && effort == Effort::Least {
            break;
        }
    }
    match signer {
        Some(key) => trace.ours("key", key.fingerprint()),
        None => trace.all_ours("key_tried", keys.iter().map(VerificationKey::fingerprint)),
    }
    if signer.is_none() && effort == Effort::Least {
        return Err(SamlRefusal::SignatureMismatch);
    }

    // 3.2.1, reference validation.
    canonicalize_into(canonical, signed, Some(signature.id()), &parts.reference_method)?;
    let digest = parts.digest_hash.digest(canonical);
    match signer {
        None => Err(SamlRefusal::SignatureMismatch),
        Some(_) if digest.as_ref() != parts.digest.as_slice() => Err(SamlRefusal::DigestMismatch),
        Some(_) => Ok(()),
    }
}

/// What anybody can see of a signature without any key: are its algorithms accepted?
pub(in crate::saml) fn algorithms_accepted(signature: Node<'_, '_>) -> Result<(), SamlRefusal> {
    match SignatureParts::read(signature) {
        Err(refusal @ (SamlRefusal::AlgorithmRefused | SamlRefusal::TransformRefused)) => Err(refusal),
        _ => Ok(()),
    }
}

fn canonicalize_into(
    canonical: &mut Vec<u8>,
    apex: Node<'_, '_>,
    without: Option<NodeId>,
    method: &Canonicalization<'_>,
) -> Result<(), SamlRefusal> {
    canonical.clear();
    canonicalize(apex, without, &method.inclusive_prefixes, canonical)
        .map_err(|_| SamlRefusal::NotCanonicalizable)
}

/// No two attributes that a reader could take for identifiers have the same
/// value, in any namespace or spelling (core 1.3.4; XML 1.0, 3.3.1).
pub(in crate::saml) fn no_duplicate_ids(document: &Document<'_>) -> Result<(), SamlRefusal> {
    let attributes = document.descendants().flat_map(|node| node.attributes());
    let mut ids: Vec<&str> = attributes.filter(nodes::is_identifier).map(|id| id.value()).collect();
    ids.sort_unstable();
    let duplicate = ids.iter().zip(ids.iter().skip(1)).any(|(one, next)| one == next);
    if duplicate { Err(SamlRefusal::DuplicateId) } else { Ok(()) }
}
