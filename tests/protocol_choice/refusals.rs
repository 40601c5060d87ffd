//! Parts that are refused before they begin.

use super::support::test_service::with_rules;
use super::*;
use serde_json::json;
use vestibule::roles::{Condition, Effect, Field, Matcher, Rule};

const ASK: &str = "Which incident or ticket is this for?";

fn rule(name: &str, role: &str, outcome: Effect) -> Rule {
    let conditions = vec![Condition { field: Field::RoleName, matchers: vec![Matcher::Equals(role.into())] }];
    Rule { name: name.into(), conditions, outcome }
}

fn grant(ask_reason: Option<&str>) -> Effect {
    Effect::Grant {
        role: None,
        duration: time::Duration::hours(1),
        session_policy: None,
        policy_arns: Vec::new(),
        ask_reason: ask_reason.map(str::to_owned),
    }
}

#[tokio::test]
async fn attack_choice_of_a_role_that_is_not_offered() {
    let choice = Choice::opened().await;
    let roles = ["Admin", "Prod", "prod", "Prod*", "*"];
    let chosen = choice.credentials(&roles).await;
    let not = "role_not_offered";
    assert_eq!(chosen.part_codes(), [not, "ticket", not, not, not]);
    for part in
        chosen.json()["parts"].as_array().unwrap().iter().filter(|part| part["role"] != role_arn("Prod"))
    {
        assert_eq!(part["ticket"], Value::Null);
        assert_eq!(part["refused"]["reference"], chosen.header("x-request-id"));
    }
    let mut history = choice.service.history().await;
    history.sort();
    // One assertion and one code: once.
    let expected = ["choice.opened", "login.issued", "login.refused role_not_offered", "login.started"];
    assert_eq!(history, expected);
    assert_eq!(choice.service.plan.issued(), 1);
    choice.taken(chosen.json()["parts"][1]["ticket"].as_str().unwrap()).await;
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_rules_are_asked_again() {
    let choice = Choice::opened().await;
    let refuse = || Effect::Refuse { message: "Prod is closed today.".into() };
    // A reload, while the person still reads the list.
    let Choice { service, faults, page, ticket, login, dir } = choice;
    let service = changed(
        service,
        |ports| ports,
        |settings| {
            settings.rules =
                with_rules(vec![rule("no prod", "Prod", refuse()), rule("dev", "Dev", grant(None))]);
        },
    );
    let choice = Choice { service, faults, page, ticket, login, dir };
    let listed = choice.list().await.json();
    let role = |name: &str| {
        listed["roles"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap().clone()
    };
    assert_eq!(role("Prod")["refused"]["error"], "role_refused");
    assert_eq!(role("Audit")["refused"]["error"], "role_not_allowed");
    assert_eq!((&role("Dev")["credentials"]["rule"], &role("Dev")["refused"]), (&json!("dev"), &Value::Null));
    assert_eq!(choice.service.history().await, ["choice.opened"], "the list records nothing");

    let chosen = choice.credentials(&["Prod", "Audit", "Dev"]).await;
    assert_eq!(chosen.part_codes(), ["role_refused", "role_not_allowed", "ticket"]);
    let message = chosen.json()["parts"][0]["refused"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Prod is closed today."), "{message}");
    let mut refused: Vec<String> = choice.service.history().await;
    refused.retain(|event| event.starts_with("login.refused"));
    refused.sort();
    assert_eq!(refused, ["login.refused role_not_allowed", "login.refused role_refused"]);
    assert_eq!(choice.history_of("Dev").await, ["login.started", "login.issued"]);
    assert_eq!((choice.service.count(EventKind::Started).await, choice.service.plan.issued()), (1, 1));
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_without_a_reason() {
    let choice = Choice::opened_with(|settings| {
        settings.rules =
            with_rules(vec![rule("prod", "Prod", grant(Some(ASK))), rule("dev", "Dev", grant(None))]);
    })
    .await;
    for (reason, code) in
        [(None, "reason_required"), (Some(""), "reason_malformed"), (Some("a\nb"), "reason_malformed")]
    {
        let mut prod = part("Prod", "credentials");
        if let Some(reason) = reason {
            prod["reason"] = json!(reason);
        }
        let chosen = choice.choose(&[prod, part("Dev", "credentials")]).await;
        assert_eq!(chosen.part_codes(), [code, "ticket"], "{reason:?}");
        assert_eq!(chosen.json()["parts"][0]["refused"]["ask"], ASK);
    }
    // Dev waits, and was made once.
    assert_eq!(choice.service.history().await, ["choice.opened", "login.started", "login.issued"]);
    assert_eq!(choice.history_of("Prod").await, [""; 0]);
    assert_eq!(choice.service.plan.issued(), 1);
    choice.goes_on().await;
    let mut prod = part("Prod", "credentials");
    prod["reason"] = json!("INC-1");
    choice.taken(&choice.choose(&[prod]).await.part_tickets()[0]).await;
    for event in choice.service.audit().await.iter().filter(|it| it.subject.role == Some(role_arn("Prod"))) {
        let reason = event.subject.reason.as_ref().map(|reason| reason.as_str().to_owned());
        assert_eq!(reason.as_deref(), Some("INC-1"), "{:?}", event.kind);
    }
}
