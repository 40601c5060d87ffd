//! Whatever is fuzzed is genuinely signed first, so that what lies behind the
//! signature is reached: conditions, instants, selectors.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vestibule::saml::{IdentityProviders, Limits, SamlRefusal, canonicalize};
use vestibule_fuzz::forge::{DSIG, Signing, accept_field, now, p256, providers};
use vestibule_fuzz::within;

static PROVIDERS: LazyLock<IdentityProviders> = LazyLock::new(providers);

/// The document without any signature: those in it are not of what it is now.
fn unsigned(xml: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let mut rest = xml.to_owned();
    let signatures = document.descendants().filter(|node| node.has_tag_name((DSIG, "Signature")));
    let outermost = signatures
        .filter(|node| node.ancestors().skip(1).all(|ancestor| !ancestor.has_tag_name((DSIG, "Signature"))));
    let ranges: Vec<_> = outermost.map(|node| node.range()).collect();
    ranges.into_iter().rev().for_each(|range| rest.replace_range(range, ""));
    Some(rest)
}

/// The first assertion's `ID`, where a signature can be put.
fn place(xml: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let assertion = document.descendants().find(|node| node.tag_name().name() == "Assertion")?;
    assertion.first_element_child()?;
    // A relative namespace cannot be signed.
    canonicalize(assertion, None, &[], &mut Vec::new()).ok()?;
    let id = assertion.attribute("ID")?;
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let first = document.descendants().find(|node| node.attribute("ID") == Some(id))?;
    (plain && first == assertion && !xml.contains('\r')).then(|| id.to_owned())
}

fuzz_target!(|xml: &str| {
    let providers = &*PROVIDERS;
    let Some(xml) = unsigned(xml) else { return };
    let Some(id) = place(&xml) else { return };
    let signed = Signing::with(p256()).sign(&xml, &id);
    let field = STANDARD.encode(&signed);
    let outcome =
        within(field.len(), 100, 64 * 1024, || accept_field(&field, &Limits::default(), providers, now()));
    // It is genuine, so it is never called changed.
    assert_ne!(outcome.err(), Some(SamlRefusal::DigestMismatch));
});
