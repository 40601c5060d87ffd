//! The whole validation of a document: an accepted identity was signed by the trusted key.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use vestibule::saml::{IdentityProviders, Limits};
use vestibule_fuzz::forge::{EVIL, accept_field, now, providers};
use vestibule_fuzz::within;

static PROVIDERS: LazyLock<IdentityProviders> = LazyLock::new(providers);

fuzz_target!(|xml: &[u8]| {
    let providers = &*PROVIDERS;
    let field = STANDARD.encode(xml);
    within(field.len(), 100, 64 * 1024, || {
        if let Ok(identity) = accept_field(&field, &Limits::default(), providers, now()) {
            assert_ne!(identity.name_id(), EVIL);
        }
    });
});
