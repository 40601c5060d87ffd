//! RelayState, which anybody can send.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::broker::{Binding, RelayState};

fuzz_target!(|text: &str| {
    for binding in [Binding::Challenge, Binding::Sealed, Binding::Plain] {
        if let Ok(relay_state) = RelayState::parse(Some(text), binding) {
            assert!(text.starts_with(relay_state.session.as_str()));
        }
    }
});
