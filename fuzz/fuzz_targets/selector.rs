//! Selectors: what compiles says itself again, and finds nothing that panics.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vestibule::saml::{IdentityProviders, Limits, Selector};
use vestibule_fuzz::forge::{Forge, Signing, accept_field, adfs, now, p256};

static FIELD: LazyLock<String> = LazyLock::new(|| {
    let assertion_signing = Some(Signing::with(p256()));
    STANDARD.encode(Forge { assertion_signing, ..Forge::default() }.xml())
});

fuzz_target!(|text: &str| {
    let Ok(selector) = Selector::compile(text) else { return };
    assert_eq!(Selector::compile(&selector.to_string()).as_ref(), Ok(&selector));
    let mut provider = adfs();
    provider.selectors.more.insert("fuzzed".into(), selector);
    let providers = IdentityProviders::new(vec![provider]).expect("one with keys");
    let _ = accept_field(&FIELD, &Limits::default(), &providers, now());
});
