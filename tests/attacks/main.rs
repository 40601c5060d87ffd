//! Every row of the list of attacks on SAML that can apply here, and more.
//!
//! Each test first shows that the untampered twin is accepted, then names the
//! exact refusal. Where an attack carries a genuine signature, a careless
//! verifier shows that it really does. What is refused gives no identity, so
//! what the attacker wrote cannot come out.

#[path = "../support/mod.rs"]
mod support;

mod algorithms;
mod conditions;
mod documents;
mod encryption;
mod honest;
mod signatures;
mod values;
mod wrapping;

use base64::{Engine, engine::general_purpose::STANDARD};
use support::forge::{
    self, AUDIENCE, DSIG, EVIL, EXCLUSIVE, Forge, Hash, ISSUER, PERSON, SAML, SAMLP, Signing, accept_field,
    adfs, at, careless_verifier_accepts, element, judge, now, p256, providers, replace, role, rsa, service,
    signed_bytes, stranger, without_signature,
};
use time::Duration;
use vestibule::saml::{
    Cap, Identity, IdentityProvider, IdentityProviders, IdpMetadata, Limits, MetadataError, SamlRefusal,
    Selector,
};

/// Accepted, and about the person that the identity provider signed.
fn accepted(xml: &str) -> Identity {
    let identity = judge(xml).expect("accepted");
    assert_eq!(identity.name_id(), PERSON);
    identity
}

fn refused(xml: &str) -> SamlRefusal {
    match judge(xml) {
        Ok(identity) => panic!("accepted as {}", identity.name_id()),
        Err(refusal) => refusal,
    }
}

/// An attack that carries a genuine signature, and what it wants to be taken for.
fn wrapped(evil: &str) -> SamlRefusal {
    accepted(&Forge::default().xml());
    assert!(evil.contains(EVIL), "nothing evil in it");
    assert!(careless_verifier_accepts(evil), "no genuine signature in it");
    refused(evil)
}

/// A response around these children of `samlp:Response`.
fn response_around(children: &str) -> String {
    let honest = Forge::default().not_signed().xml();
    replace(&honest, element(&honest, "Assertion"), children)
}

fn evil_assertion() -> String {
    Forge::evil().assertion()
}

fn signed_assertion() -> String {
    Forge::default().assertion()
}

/// The evil assertion with this signature behind its Issuer.
fn evil_assertion_with(signature: &str) -> String {
    replace(&evil_assertion(), "</Issuer>", &format!("</Issuer>{signature}"))
}

fn signature_of(xml: &str) -> String {
    element(xml, "Signature").to_owned()
}

/// A response whose SignedInfo was changed before it was genuinely signed.
fn signed_info_edited(edit: fn(String) -> String) -> SamlRefusal {
    accepted(&Forge::default().xml());
    refused(
        &Forge {
            assertion_signing: Some(Signing { edit_signed_info: edit, ..Signing::default() }),
            ..Forge::default()
        }
        .xml(),
    )
}
