//! The form field as it comes: base64, encodings, caps, one parse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::saml::{Limits, ResponseMessage};
use vestibule_fuzz::within;

fuzz_target!(|field: &str| {
    within(field.len(), 100, 64 * 1024, || {
        let _ = ResponseMessage::decode(field, &Limits::default(), None).map(|message| message.parse().is_ok());
    });
});
