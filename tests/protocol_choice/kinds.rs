//! Credentials and a sign-in to the console of one role.

use super::ports::Console as SignIn;
use super::*;
use serde_json::json;
use vestibule::broker::{Console, ConsoleError};

const HOME: &str = "https://console.aws.amazon.com/";

/// A choice where the console can be had, from an endpoint that answers so.
pub async fn with_console(endpoint: Result<(), ConsoleError>) -> Choice {
    let change = |ports| Ports { console: Some(Arc::new(SignIn(endpoint))), ..ports };
    Choice::opened_over(change, |settings| settings.console = Some(Console::new(Vec::new()))).await
}

#[tokio::test]
async fn protocol_choice_of_both_kinds() {
    let choice = with_console(Ok(())).await;
    let answer = choice.choose(&[part("Prod", "credentials"), part("Prod", "console")]).await;
    let tickets = answer.part_tickets();
    assert_eq!(choice.service.plan.issued(), 2, "two calls of STS");
    let (credentials, console) = (choice.handle("Prod"), choice.handle_for("Prod", "console"));
    assert_eq!(read(&tickets[0]).1["part"], credentials.as_str());
    assert_eq!(read(&tickets[1]).1["part"], console.as_str());
    for (handle, for_use) in [(credentials, None), (console, Some("console"))] {
        let events = choice.service.audit().await;
        let of_part: Vec<_> = events.iter().filter(|event| event.session.as_ref() == Some(&handle)).collect();
        let kinds: Vec<EventKind> = of_part.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Started, EventKind::Issued]);
        assert!(of_part.iter().all(|event| event.subject.for_use.as_deref() == for_use));
        assert!(of_part.iter().all(|event| event.subject.choice.as_ref() == Some(&choice.login)));
    }
    let console = choice.take(&tickets[1]).await;
    assert!(console.json()["ConsoleUrl"].is_string(), "{}", console.body);
    let credentials = choice.take(&tickets[0]).await;
    assert!(credentials.json()["SecretAccessKey"].is_string(), "{}", credentials.body);
    assert_eq!(credentials.json()["ConsoleUrl"], Value::Null);
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_console_address_once() {
    let choice = with_console(Ok(())).await;
    let ticket = choice.choose(&[part("Prod", "console")]).await.part_tickets().remove(0);
    let answer = choice.take(&ticket).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    let events = choice.service.audit().await;
    assert_eq!(choice.service.history().await[1..], ["login.started", "login.issued", "login.delivered"]);
    let delivered = &events.last().unwrap().subject;
    let key = delivered.access_key_id.as_deref().unwrap();
    let address = format!("https://signin.aws.amazon.com/federation?key={key}&Destination={HOME}");
    assert_eq!(json["ConsoleUrl"], address, "the very one that was made for these credentials");
    assert_eq!((&json["role"], &json["user"]), (&json!(role_arn("Prod")), &json!("paula@example.com")));
    for secret in ["SecretAccessKey", "SessionToken", "AccessKeyId"] {
        assert_eq!(json[secret], Value::Null, "{secret} went nowhere");
    }
    assert_eq!(
        (delivered.for_use.as_deref(), delivered.choice.as_ref()),
        (Some("console"), Some(&choice.login),)
    );
    let again = choice.take(&ticket).await;
    assert_cell!(&again, GONE);
    assert!(!again.body.contains("signin.aws"));
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_of_a_console_that_is_off() {
    let choice = Choice::opened().await;
    assert!(choice.list().await.json()["roles"][0]["console"].is_null());
    let chosen = choice.choose(&[part("Prod", "console"), part("Dev", "credentials")]).await;
    assert_eq!(chosen.part_codes(), ["console_off", "ticket"]);
    assert_eq!(choice.history_of("Prod").await, [""; 0]);
    assert_eq!(choice.service.history().await, ["choice.opened", "login.started", "login.issued"]);
    assert_eq!(choice.service.plan.issued(), 1);
    choice.goes_on().await;
    choice.chosen("Prod").await;
}

/// The endpoint comes after STS: what it refuses has begun, and ends.
#[tokio::test]
async fn a_console_that_does_not_answer_fails_its_part() {
    for (error, code) in
        [(ConsoleError::Refused, "console_refused"), (ConsoleError::Unavailable, "console_unavailable")]
    {
        let choice = with_console(Err(error)).await;
        let chosen = choice.choose(&[part("Prod", "console"), part("Dev", "credentials")]).await;
        assert_eq!(chosen.part_codes(), [code, "ticket"]);
        assert_eq!(
            choice.history_of("Prod").await,
            ["login.started".to_owned(), format!("login.failed {code}")]
        );
        choice.taken(chosen.json()["parts"][1]["ticket"].as_str().unwrap()).await;
        choice.goes_on().await;
    }
}
