//! Authorizer events: only an event with the ticket is allowed. `TICKET` and
//! `VERIFIER` in the input are replaced by those of a waiting login.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::broker::Broker;
use vestibule::http::authorizer::authorize;
use vestibule_fuzz::{forge, keys_only};

thread_local! {
    static BROKER: (tokio::runtime::Runtime, Broker, String, String) = {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (broker, ticket, verifier) = runtime.block_on(keys_only::broker());
        (runtime, broker, ticket, verifier)
    };
}

fuzz_target!(|text: &str| {
    BROKER.with(|(runtime, broker, ticket, verifier)| {
        let event = text.replace("TICKET", ticket).replace("VERIFIER", verifier);
        let Ok(event) = serde_json::from_str(&event) else { return };
        let answer = runtime.block_on(authorize(broker, &event, forge::now()));
        assert!(answer.is_err() || text.contains("TICKET"));
    });
});
