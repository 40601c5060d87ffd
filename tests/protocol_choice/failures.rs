//! Parts that begin and fail, and the others that go on.

use super::ports::Then;
use super::support::faults::Fault;
use super::*;
use vestibule::broker::ports::TokenServiceError;

/// One of two parts fails with this code; the other is taken, the failed one's place is free,
/// and it can be chosen again once all is well.
async fn fails_and_the_other_goes_on(choice: Choice, code: &str, step: &'static str, then: Then) {
    choice.faults.at(step, "Prod", then);
    let chosen = choice.credentials(&["Prod", "Dev"]).await;
    assert_eq!(chosen.part_codes(), [code, "ticket"]);
    let failed = ["login.started".to_owned(), format!("login.failed {code}")];
    assert_eq!(choice.history_of("Prod").await, failed);
    assert_eq!(choice.history_of("Dev").await, ["login.started", "login.issued"]);
    let events = choice.service.audit().await;
    assert!(events[1..].iter().all(|event| event.subject.choice.as_ref() == Some(&choice.login)));
    assert!(choice.held("Prod").await.is_none(), "its place is free");
    choice.goes_on().await;
    choice.taken(chosen.json()["parts"][1]["ticket"].as_str().unwrap()).await;
    choice.faults.mend();
    choice.taken(&choice.chosen("Prod").await).await;
}

#[tokio::test]
async fn protocol_choice_part_fails_and_others_go_on() {
    use TokenServiceError::{Refused, Timeout, Unavailable};
    for error in [Refused, Timeout, Unavailable] {
        let choice = Choice::opened().await;
        fails_and_the_other_goes_on(choice, error.code(), "issue", Then::Sts(error)).await;
    }
    let choice = Choice::opened().await;
    fails_and_the_other_goes_on(choice, "store_unavailable", "put", Then::Down).await;

    // The keys have no role: what waits already goes on.
    for step in ["seal", "sign"] {
        let choice = Choice::opened().await;
        let dev = choice.chosen("Dev").await;
        choice.service.plan.at(step, Fault::Down);
        assert_eq!(choice.credentials(&["Prod"]).await.part_codes(), [KEYS.1], "{step}");
        choice.service.plan.mend();
        assert_eq!(choice.history_of("Prod").await, ["login.started", "login.failed keys_unavailable"]);
        assert!(choice.held("Prod").await.is_none());
        choice.goes_on().await;
        choice.taken(&dev).await;
        choice.taken(&choice.chosen("Prod").await).await;
    }
}

#[tokio::test]
async fn protocol_choice_again_after_a_failure() {
    let choice = Choice::opened().await;
    choice.service.plan.at("issue", Fault::Down);
    assert_eq!(choice.credentials(&["Prod"]).await.part_codes(), ["sts_unavailable"]);
    assert_eq!(choice.credentials(&["Prod"]).await.part_codes(), ["sts_unavailable"]);
    choice.service.plan.mend();
    let ticket = choice.chosen("Prod").await;
    let failed = ["login.started", "login.failed sts_unavailable"];
    let issued = ["login.started", "login.issued"];
    assert_eq!(choice.history_of("Prod").await, [failed, failed, issued].concat());
    let events = choice.service.audit().await;
    let mut logins: Vec<&str> = events[1..].iter().map(|it| it.login.as_ref().unwrap().as_str()).collect();
    logins.dedup();
    assert_eq!(logins.len(), 3, "a login of its own each time");
    assert!(matches!(choice.held("Prod").await, Some(Held::Waiting { .. })));
    choice.taken(&ticket).await;
}

#[tokio::test]
async fn protocol_choice_store_down_at_begin_of_a_part() {
    let choice = Choice::opened().await;
    choice.faults.at("begin", "Prod", Then::Down);
    let chosen = choice.credentials(&["Prod", "Dev"]).await;
    assert_eq!(chosen.part_codes(), ["store_unavailable", "ticket"]);
    choice.faults.mend();
    assert_eq!(choice.history_of("Prod").await, [""; 0]);
    assert_eq!(choice.service.history().await, ["choice.opened", "login.started", "login.issued"]);
    assert_eq!(choice.service.plan.issued(), 1, "STS was asked for the other only");
    assert!(choice.held("Prod").await.is_none());
    choice.goes_on().await;
    choice.taken(&choice.chosen("Prod").await).await;
}

#[tokio::test]
async fn protocol_choice_begin_of_a_part_repeated_is_one_begin() {
    let choice = Choice::opened().await;
    choice.faults.at("begin", "Prod", Then::Twice);
    let ticket = choice.chosen("Prod").await;
    assert_eq!(choice.history_of("Prod").await, ["login.started", "login.issued"]);
    assert_eq!(choice.service.plan.issued(), 1);
    choice.taken(&ticket).await;
    assert!(choice.held("Prod").await.is_none(), "there was one reservation");
    choice.service.pass(61);
    choice.service.sweep().await;
    assert_eq!(choice.history_of("Prod").await, ["login.started", "login.issued", "login.delivered"]);
}

#[tokio::test]
async fn protocol_choice_store_down_at_put_of_a_part() {
    let choice = Choice::opened().await;
    choice.faults.at("put", "Prod", Then::Down);
    choice.faults.at("put", "Audit", Then::Down);
    choice.faults.at("release", "Audit", Then::Down);
    let chosen = choice.credentials(&["Prod", "Audit", "Dev"]).await;
    assert_eq!(chosen.part_codes(), ["store_unavailable", "store_unavailable", "ticket"]);
    choice.faults.mend();
    assert_eq!(choice.history_of("Prod").await, ["login.started", "login.failed store_unavailable"]);
    assert_eq!(choice.history_of("Audit").await, ["login.started"]);
    assert!(choice.held("Prod").await.is_none());
    assert!(matches!(choice.held("Audit").await, Some(Held::Reserved)), "nobody could say that it ended");
    choice.taken(chosen.json()["parts"][2]["ticket"].as_str().unwrap()).await;
    choice.goes_on().await;
    choice.service.pass(60);
    choice.service.sweep().await;
    choice.service.sweep().await;
    assert_eq!(choice.history_of("Audit").await, ["login.started", "login.abandoned"]);
    assert_eq!(choice.history_of("Prod").await.len(), 2, "a login ends once");
    choice.taken(&choice.chosen("Audit").await).await;
}
