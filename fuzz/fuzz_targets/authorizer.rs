//! Authorizer events: nobody is let in who does not show the ticket.
//! `TICKET`, `VERIFIER` in the input stand for those of a waiting login.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use vestibule::broker::{Binding, Broker};
use vestibule::http::authorizer::authorize;
use vestibule_fuzz::fake_world::{FakeWorld, start_of_time};

thread_local! {
    static WORLD: (tokio::runtime::Runtime, Arc<Broker>, String, String) = {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let world = FakeWorld::new();
        let waiting = runtime.block_on(world.waiting(Binding::Challenge));
        (runtime, world.broker(Binding::Challenge), waiting.ticket, waiting.verifier)
    };
}

fuzz_target!(|text: &str| {
    WORLD.with(|(runtime, broker, ticket, verifier)| {
        let event = text.replace("TICKET", ticket).replace("VERIFIER", verifier);
        let Ok(event) = serde_json::from_str(&event) else { return };
        let answer = runtime.block_on(authorize(broker, &event, start_of_time()));
        assert!(answer.is_err() || text.contains("TICKET"));
    });
});
