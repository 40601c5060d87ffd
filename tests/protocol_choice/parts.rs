//! Parts that are chosen, wait and are taken.

use super::*;
use vestibule::broker::TicketClaims;

const ISSUED: [&str; 2] = ["login.started", "login.issued"];
const DELIVERED: [&str; 3] = ["login.started", "login.issued", "login.delivered"];

#[tokio::test]
async fn protocol_choice_of_one_part() {
    let choice = Choice::opened().await;
    let answer = choice.credentials(&["Dev"]).await;
    let [ticket] = &answer.part_tickets()[..] else { panic!("{}", answer.body) };
    let json = answer.json();
    assert_eq!(
        (&json["parts"][0]["role"], &json["parts"][0]["use"]),
        (&role_arn("Dev").into(), &"credentials".into(),)
    );
    assert_eq!(choice.service.history().await, ["choice.opened", "login.started", "login.issued"]);
    let (header, claims) = read(ticket);
    assert_eq!((&header["typ"], &claims["aud"]), (&"JWT".into(), &claims["iss"]));
    assert_eq!(claims["part"], choice.handle("Dev").as_str());

    let events = choice.service.audit().await;
    for event in &events[1..] {
        assert_eq!(event.subject.choice.as_ref(), Some(&choice.login));
        assert_ne!(event.login.as_ref(), Some(&choice.login), "a login of its own");
        assert_eq!(event.session.as_ref(), Some(&choice.handle("Dev")));
        assert_eq!(event.subject.assertion_id.as_deref(), Some("_assertion-1"));
        assert_eq!(
            (event.subject.role.clone(), event.subject.rule.as_deref()),
            (Some(role_arn("Dev")), Some("any"),)
        );
    }
    assert_eq!(choice.service.plan.issued(), 1);
    assert!(matches!(choice.held("Dev").await, Some(Held::Waiting { .. })));
    choice.goes_on().await;
    choice.taken(ticket).await;
}

#[tokio::test]
async fn protocol_choice_of_several_parts() {
    let choice = Choice::opened().await;
    let answer = choice.credentials(&["Prod", "Audit", "Dev"]).await;
    let tickets = answer.part_tickets();
    let asked: Vec<Value> = ["Prod", "Audit", "Dev"].iter().map(|role| role_arn(role).into()).collect();
    let json = answer.json();
    let answered: Vec<&Value> = json["parts"].as_array().unwrap().iter().map(|p| &p["role"]).collect();
    assert_eq!(answered, asked.iter().collect::<Vec<_>>(), "in the order of the request");
    for role in ROLES {
        assert_eq!(choice.history_of(role).await, ISSUED);
    }
    assert_eq!((choice.service.audit().await.len(), choice.service.plan.issued()), (7, 3));
    let mut keys = Vec::new();
    // Last first: each by its own ticket, whatever becomes of the others.
    for (ticket, role) in tickets.iter().zip(&asked).rev() {
        let taken = choice.take(ticket).await;
        assert_eq!((taken.status.as_u16(), &taken.json()["role"]), (200, role));
        keys.push(taken.json()["AccessKeyId"].clone());
        assert_cell!(choice.take(ticket).await, GONE);
    }
    keys.sort_by_key(Value::to_string);
    keys.dedup();
    assert_eq!(keys.len(), 3);
    for role in ROLES {
        assert_eq!(choice.history_of(role).await, DELIVERED);
    }
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_part_is_taken_once() {
    let choice = Choice::opened().await;
    let ticket = choice.chosen("Prod").await;
    let key = choice.taken(&ticket).await;
    assert_cell!(choice.take(&ticket).await, GONE);
    let events = choice.service.audit().await;
    assert_eq!(choice.service.history().await, [&["choice.opened"][..], &DELIVERED].concat());
    let delivered = events.last().unwrap();
    assert_eq!(delivered.subject.choice.as_ref(), Some(&choice.login));
    assert_eq!(delivered.session.as_ref(), Some(&choice.handle("Prod")));
    assert_eq!(delivered.subject.access_key_id.as_ref(), Some(&key));
    assert!(choice.held("Prod").await.is_none());
    choice.goes_on().await;
}

/// A ticket takes what its handle names by its jti. Nobody makes such a ticket.
#[tokio::test]
async fn attack_choice_ticket_of_another_part() {
    let choice = Choice::opened().await;
    let tickets = choice.credentials(&["Prod", "Dev"]).await.part_tickets();
    let keys = &choice.service.broker.ports().keys;
    let prod = keys.verify(&tickets[0]).await.unwrap();
    let dev = choice.handle("Dev");
    for part in [Some(dev), Some(choice.handle("Audit")), None] {
        let forged = TicketClaims { part, ..prod.clone() };
        let ticket = keys.sign(&forged).await.unwrap();
        assert_cell!(choice.take(ticket.expose()).await, GONE);
    }
    for role in ["Prod", "Dev"] {
        assert_eq!(choice.history_of(role).await, ISSUED, "it waits");
    }
    for ticket in &tickets {
        choice.taken(ticket).await;
    }
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_again_after_the_take() {
    let choice = Choice::opened().await;
    let first = choice.chosen("Prod").await;
    let first_key = choice.taken(&first).await;
    let second = choice.chosen("Prod").await;
    assert_ne!(jti(&first), jti(&second));
    assert_ne!(read(&first).1["login"], read(&second).1["login"]);
    assert_eq!(choice.service.plan.issued(), 2, "a new call of STS");
    assert_cell!(choice.take(&first).await, GONE);
    assert_ne!(choice.taken(&second).await, first_key);
    assert_eq!(choice.history_of("Prod").await, [DELIVERED, DELIVERED].concat());
    let kinds = choice.service.count(EventKind::Delivered).await;
    assert_eq!(kinds, 2, "each set of credentials once");
}

#[tokio::test]
async fn protocol_choice_again_after_expiry() {
    // A ticket that outlives its session, so that only the session's own time can refuse.
    let choice =
        Choice::opened_with(|settings| settings.tickets.lifetime = time::Duration::seconds(120)).await;
    let first = choice.chosen("Prod").await;
    choice.service.pass(60);
    assert!(choice.held("Prod").await.is_none(), "its time is over");
    let before_sweep = choice.chosen("Prod").await;
    assert_ne!(jti(&first), jti(&before_sweep));
    assert_cell!(choice.take(&first).await, GONE);
    choice.service.sweep().await;
    choice.service.sweep().await;
    assert_eq!(choice.history_of("Prod").await, [&ISSUED[..], &ISSUED, &["login.expired"]].concat());
    choice.service.pass(60);
    choice.service.sweep().await;
    let after_sweep = choice.chosen("Prod").await;
    assert_cell!(choice.take(&before_sweep).await, GONE);
    choice.taken(&after_sweep).await;
    assert_eq!(choice.service.count(EventKind::Expired).await, 2);
    assert_eq!(choice.service.plan.issued(), 3);
    // Each expired by itself, the one that was taken did not.
    choice.service.pass(60);
    choice.service.sweep().await;
    assert_eq!(choice.service.count(EventKind::Expired).await, 2);
}

#[tokio::test]
async fn protocol_choice_rotation_during_a_part() {
    let choice = Arc::new(Choice::opened().await);
    let gate = choice.faults.gate("issue", "Prod");
    let chosen = tokio::spawn({
        let choice = choice.clone();
        async move { choice.chosen("Prod").await }
    });
    gate.came().await;
    rotate(choice.dir.path());
    choice.service.pass(TAKEN_OVER);
    gate.open();
    let first = chosen.await.unwrap();
    let kid = |ticket: &str| read(ticket).0["kid"].clone();
    assert_ne!(kid(&first), kid(&choice.ticket), "sealed and signed by the new key");
    // And once more before the take, by this process, or by one that starts now.
    choice.faults.mend();
    let second = choice.chosen("Dev").await;
    rotate_at(choice.dir.path(), TAKEN_OVER);
    choice.service.pass(TAKEN_OVER);
    choice.taken(&first).await;
    let other = open_at(choice.dir.path());
    other.pass(2 * TAKEN_OVER);
    assert_eq!(other.take(&second, &choice.page).await.status, 200);
    assert_ne!(kid(&choice.chosen("Audit").await), kid(&second));
    assert_eq!(choice.history_of("Prod").await, DELIVERED);
    assert_eq!(choice.history_of("Dev").await, DELIVERED);
}
