//! Metadata, which an operator fetches from wherever.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::saml::IdpMetadata;
use vestibule_fuzz::within;

fuzz_target!(|xml: &[u8]| {
    within(xml.len(), 200, 64 * 1024, || {
        if let Ok(metadata) = IdpMetadata::parse(xml, None) {
            assert!(!metadata.signing_keys.is_empty());
        }
    });
});
