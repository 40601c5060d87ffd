//! The sweeper and a choice.

use super::ports::Then;
use super::*;
use vestibule::broker::EventKind::ChoiceEnded;
use vestibule::broker::ports::TokenServiceError;

#[tokio::test]
async fn protocol_choice_not_swept_early() {
    let choice = Choice::opened().await;
    choice.service.sweep().await;
    choice.goes_on().await;
    // One is taken, one fails, one expires.
    choice.faults.at("issue", "Dev", Then::Sts(TokenServiceError::Refused));
    let chosen = choice.credentials(&["Prod", "Dev", "Audit"]).await;
    assert_eq!(chosen.part_codes(), ["ticket", "sts_refused", "ticket"]);
    choice.faults.mend();
    choice.taken(chosen.json()["parts"][0]["ticket"].as_str().unwrap()).await;
    for seconds in [0, 61, LIFETIME - 62] {
        choice.service.pass(seconds);
        choice.service.sweep().await;
        assert_eq!(choice.service.count(ChoiceEnded).await, 0);
        choice.goes_on().await;
    }
    assert_eq!(choice.history_of("Audit").await, ["login.started", "login.issued", "login.expired"]);
    choice.taken(&choice.chosen("Dev").await).await;
}

#[tokio::test]
async fn protocol_choice_nobody_chooses() {
    let choice = Choice::opened().await;
    choice.goes_on().await;
    choice.service.pass(LIFETIME);
    choice.service.sweep().await;
    choice.service.sweep().await;
    assert_eq!(choice.service.history().await, ["choice.opened", "choice.ended"]);
    let events = choice.service.audit().await;
    assert_eq!((&events[1].login, &events[1].session), (&events[0].login, &events[0].session));
    assert_eq!(events[1].subject.name_id.as_deref(), Some(forge::PERSON));
    assert_eq!(choice.service.plan.issued(), 0);
    // It is removed: not even a clock that is set back finds it.
    choice.service.pass(-LIFETIME);
    choice.is_refused(CHOICE_GONE).await;
    choice.service.pass(24 * 3_600);
    choice.service.sweep().await;
    assert_eq!(choice.service.count(ChoiceEnded).await, 1);
}

#[tokio::test]
async fn protocol_choice_sweep_is_idempotent() {
    let choice = Choice::opened().await;
    let other = open_at(choice.dir.path());
    choice.taken(&choice.chosen("Prod").await).await;
    choice.chosen("Dev").await;
    choice.service.pass(LIFETIME);
    other.pass(LIFETIME);
    for _ in 0..2 {
        tokio::join!(choice.service.sweep(), other.sweep());
    }
    let mut history = choice.service.history().await.split_off(1);
    history.sort();
    let (ended, started) = (["choice.ended", "login.delivered", "login.expired"], "login.started");
    assert_eq!(history, [&ended[..], &["login.issued", "login.issued", started, started]].concat());
    choice.restarted(LIFETIME + 60).service.sweep().await;
    assert_eq!(other.count(ChoiceEnded).await, 1);
}
