//! The conditions under which a choice opens: those of `begin`.

use super::support::forge::Forge;
use super::support::test_service::{Page, offering};
use super::*;
use vestibule::broker::EventKind::{ChoiceOpened, Refused};

/// The assertion of this number as an answer to this request.
fn answer(number: u32, request: &str) -> Forge {
    Forge { in_response_to: Some(request.to_owned()), ..offering(number, &ROLES) }
}

#[tokio::test]
async fn protocol_choice_open_has_the_conditions_of_begin() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let request = service.request(&page).await;
    service.post(&answer(1, &request), &page).await.choice_ticket();
    // All three hold, then two, then one.
    assert_cell!(service.post(&answer(1, &request), &page).await, REPLAYED);
    assert_cell!(service.post(&answer(2, &request), &page).await, ANSWERED);
    assert_cell!(service.post(&offering(3, &ROLES), &page).await, WAITING);
    let refused = ["assertion_replayed", "request_answered", "session_waiting"];
    let refused: Vec<String> = refused.iter().map(|code| format!("login.refused {code}")).collect();
    assert_eq!(service.history().await, [&["choice.opened".to_owned()][..], &refused].concat());

    // The same where a login of one role came before.
    let page = Page::new(2);
    let request = service.request(&page).await;
    let one = Forge { roles: offering(4, &["Prod"]).roles, ..answer(4, &request) };
    let ticket = service.post(&one, &page).await.ticket();
    assert_cell!(service.post(&answer(4, &request), &page).await, REPLAYED);
    assert_cell!(service.post(&answer(5, &request), &page).await, ANSWERED);
    assert_cell!(service.post(&offering(6, &ROLES), &page).await, WAITING);
    assert_eq!(service.count(ChoiceOpened).await, 1);
    assert_eq!(service.take(&ticket, &page).await.status, 200, "as it was");
    // What was not used is not used.
    service.post(&offering(6, &ROLES), &page).await.choice_ticket();
}

#[tokio::test]
async fn protocol_choice_replay_while_choosing() {
    let choice = Choice::opened().await;
    for page in [Page::new(1), Page::new(2), Page::new(2)] {
        assert_cell!(choice.service.post(&offering(1, &ROLES), &page).await, REPLAYED);
    }
    let again = open_at(choice.dir.path());
    assert_cell!(again.post(&offering(1, &ROLES), &Page::new(3)).await, REPLAYED);
    assert_eq!(choice.service.history().await, ["choice.opened", "login.refused assertion_replayed"]);
    choice.goes_on().await;
    choice.taken(&choice.chosen("Prod").await).await;
}

#[tokio::test]
async fn protocol_choice_64_posts_one_choice() {
    let (service, _dir) = service();
    let service = Arc::new(service);
    let posts = (0..64).map(|number| {
        let service = service.clone();
        // Half of them for the same session id, half for others.
        tokio::spawn(async move {
            service.post(&offering(1, &ROLES), &Page::new(number % 33)).await.status.as_u16()
        })
    });
    let mut statuses = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        statuses.push(post.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 302);
    assert_eq!(statuses[1..], [409; 63]);
    assert_eq!(service.plan.issued(), 0);
    assert_eq!((service.count(ChoiceOpened).await, service.count(Refused).await), (1, 1));
    assert_eq!(service.audit().await.len(), 2);
}

#[tokio::test]
async fn protocol_choice_second_login_while_choosing() {
    let choice = Choice::opened().await;
    let service = &choice.service;
    assert_cell!(service.post(&offering(2, &ROLES), &choice.page).await, WAITING);
    assert_cell!(service.post(&offering(3, &["Prod"]), &choice.page).await, WAITING);
    let refused = "login.refused session_waiting";
    assert_eq!(service.history().await, ["choice.opened", refused, refused]);
    assert_eq!(service.plan.issued(), 0);
    choice.goes_on().await;
    choice.taken(&choice.chosen("Prod").await).await;
    // Neither assertion was used.
    service.post(&offering(2, &ROLES), &Page::new(2)).await.choice_ticket();
    service.post(&offering(3, &["Prod"]), &Page::new(3)).await.ticket();
}

#[tokio::test]
async fn protocol_choice_request_answered_before() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let request = service.request(&page).await;
    let ticket = service.post(&answer(1, &request), &page).await.choice_ticket();
    assert_cell!(service.post(&answer(2, &request), &page).await, ANSWERED);
    assert_eq!(service.history().await, ["choice.opened", "login.refused request_answered"]);
    assert_eq!(service.list(&ticket, &page).await.status, 200);
    let chosen = service.choose(&ticket, &page, &[part("Prod", "credentials")]).await;
    assert_eq!(chosen.part_codes(), ["ticket"]);
    let events = service.audit().await;
    assert!(events.iter().all(|event| event.subject.in_response_to.as_ref() == Some(&request)));
    // The second assertion was not used.
    let other = Page::new(2);
    let again = service.request(&other).await;
    service.post(&answer(2, &again), &other).await.choice_ticket();
}
