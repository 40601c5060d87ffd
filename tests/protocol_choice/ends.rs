//! The end of a choice, and what goes on after it.

use super::support::test_service::offering;
use super::*;
use vestibule::broker::EventKind::{ChoiceEnded, Expired, Started};

/// Chooses the credentials of Prod in a task.
fn choosing_prod(choice: &Arc<Choice>) -> tokio::task::JoinHandle<Answer> {
    let choice = choice.clone();
    tokio::spawn(async move { choice.credentials(&["Prod"]).await })
}

#[tokio::test]
async fn protocol_choice_chosen_after_its_end() {
    let choice = Choice::opened().await;
    choice.service.pass(LIFETIME);
    choice.is_refused(EXPIRED).await;
    assert_eq!(choice.service.history().await, ["choice.opened"]);
    choice.service.sweep().await;
    choice.is_refused(EXPIRED).await;
    assert_eq!(choice.service.history().await, ["choice.opened", "choice.ended"]);
    assert_eq!(choice.service.plan.issued(), 0);
}

#[tokio::test]
async fn protocol_choice_ends_during_the_request() {
    // Before the sweep: it was found, and is over when the part begins.
    let choice = Arc::new(Choice::opened().await);
    choice.service.pass(LIFETIME - 1);
    let gate = choice.faults.gate("look", "");
    let chosen = choosing_prod(&choice);
    gate.came().await;
    choice.service.pass(1);
    gate.open();
    assert_eq!(chosen.await.unwrap().part_codes(), ["choice_gone"]);
    assert_eq!(choice.service.history().await, ["choice.opened"]);

    // After the sweep: it is not found, in the list neither, or the part does not begin.
    for step in ["look", "begin"] {
        let choice = Arc::new(Choice::opened().await);
        choice.service.pass(LIFETIME - 1);
        let gate = choice.faults.gate(step, if step == "begin" { "Prod" } else { "" });
        let chosen = choosing_prod(&choice);
        gate.came().await;
        let listed = (step == "look").then(|| {
            let choice = choice.clone();
            tokio::spawn(async move { choice.list().await })
        });
        if listed.is_some() {
            gate.came().await;
        }
        choice.service.pass(1);
        choice.service.sweep().await;
        gate.open();
        let chosen = chosen.await.unwrap();
        if let Some(listed) = listed {
            assert_cell!(listed.await.unwrap(), CHOICE_GONE);
            assert_cell!(chosen, CHOICE_GONE);
        } else {
            assert_eq!(chosen.part_codes(), ["choice_gone"]);
        }
        assert_eq!(choice.service.history().await, ["choice.opened", "choice.ended"]);
        assert_eq!(choice.service.plan.issued(), 0);
    }
}

#[tokio::test]
async fn protocol_choice_session_id_is_free_again() {
    for roles in [&ROLES[..], &["Prod"]] {
        let choice = Arc::new(Choice::opened().await);
        choice.service.pass(LIFETIME - 1);
        // A request of the former that is slow.
        let gate = choice.faults.gate("begin", "Prod");
        let slow = choosing_prod(&choice);
        gate.came().await;
        choice.service.pass(1);
        choice.faults.mend();
        let new = Forge { roles: offering(2, roles).roles, ..offering_at(2, LIFETIME) };
        let answer = choice.service.post(&new, &choice.page).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        gate.open();
        assert_eq!(slow.await.unwrap().part_codes(), ["choice_gone"]);
        choice.is_refused(EXPIRED).await;
        choice.service.sweep().await;
        choice.service.sweep().await;
        assert_eq!(choice.service.count(ChoiceEnded).await, 1);
        let ended = choice.service.audit().await.into_iter().find(|event| event.kind == ChoiceEnded);
        assert_eq!(ended.unwrap().login.as_ref(), Some(&choice.login), "of the former");
        // The new one holds the session id, whichever it is.
        assert_cell!(choice.service.post(&offering_at(3, LIFETIME), &choice.page).await, WAITING);
        let location = answer.header("location").to_owned();
        if roles.len() > 1 {
            let ticket = location.split_once("#choice=").unwrap().1;
            assert_eq!(choice.service.list(ticket, &choice.page).await.status, 200);
        } else {
            choice.taken(location.split_once("#jwt=").unwrap().1).await;
        }
    }
}

/// Somebody else opens a choice with a session id that was another's, and chooses what the
/// other has chosen: the ticket that he gets must not take the other's credentials.
#[tokio::test]
async fn attack_choice_meets_the_part_of_a_former_choice() {
    let choice = Choice::opened().await;
    choice.service.pass(LIFETIME - 5);
    let former = choice.chosen("Prod").await;
    choice.service.pass(5);
    let thief = Page { verifier: Page::new(666).verifier, ..choice.page.clone() };
    let ticket = choice.service.post(&offering_at(2, LIFETIME), &thief).await.choice_ticket();
    let chosen = choice.service.choose(&ticket, &thief, &[part("Prod", "credentials")]).await;
    let own = chosen.part_tickets().remove(0);
    assert_ne!((jti(&own), &read(&own).1["part"]), (jti(&former), &read(&former).1["part"]));
    assert_eq!((choice.service.count(Started).await, choice.service.plan.issued()), (2, 2));
    let taken = choice.service.take(&own, &thief).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert_cell!(choice.service.take(&former, &thief).await, (401, "verifier_mismatch"));
    assert_ne!(choice.taken(&former).await, taken.json()["AccessKeyId"], "each has his own");
}

/// Where servers' clocks differ, a ticket can outlive its choice at one of them, while another
/// has given the session id away.
#[tokio::test]
async fn attack_choice_of_somebody_else_by_the_ticket_of_a_former_one() {
    let choice = Choice::opened().await;
    let ahead = open_at(choice.dir.path());
    ahead.sweep().await;
    choice.service.pass(LIFETIME - 1);
    ahead.pass(LIFETIME);
    let other = Page { verifier: Page::new(2).verifier, ..choice.page.clone() };
    let ticket = ahead.post(&offering_at(2, LIFETIME), &other).await.choice_ticket();
    choice.is_refused(CHOICE_GONE).await;
    assert_eq!((choice.service.count(Started).await, choice.service.plan.issued()), (0, 0));
    assert_eq!(ahead.list(&ticket, &other).await.status, 200);
}

#[tokio::test]
async fn protocol_choice_part_is_taken_after_its_end() {
    let choice = Choice::opened().await;
    choice.service.pass(LIFETIME - 1);
    let tickets = choice.credentials(&["Prod", "Dev"]).await.part_tickets();
    choice.service.pass(1);
    choice.taken(&tickets[0]).await;
    choice.service.pass(20);
    choice.service.sweep().await;
    assert_eq!(choice.service.count(ChoiceEnded).await, 1);
    choice.taken(&tickets[1]).await;
    for role in ["Prod", "Dev"] {
        assert_eq!(choice.history_of(role).await, ["login.started", "login.issued", "login.delivered"]);
        assert!(choice.held(role).await.is_none());
    }
}

#[tokio::test]
async fn protocol_choice_part_issued_after_its_end() {
    for swept in [false, true] {
        let choice = Arc::new(Choice::opened().await);
        choice.service.pass(LIFETIME - 1);
        let gate = choice.faults.gate("issue", "Prod");
        let chosen = choosing_prod(&choice);
        gate.came().await;
        choice.service.pass(2);
        if swept {
            choice.service.sweep().await;
        }
        gate.open();
        let ticket = chosen.await.unwrap().part_tickets().remove(0);
        assert_eq!(choice.history_of("Prod").await, ["login.started", "login.issued"]);
        assert!(matches!(choice.held("Prod").await, Some(Held::Waiting { .. })));
        choice.service.sweep().await;
        choice.taken(&ticket).await;
        assert_eq!(choice.service.count(ChoiceEnded).await, 1);
    }
}

#[tokio::test]
async fn protocol_choice_lost_answer_at_its_end() {
    let choice = Choice::opened().await;
    choice.service.pass(LIFETIME - 1);
    choice.chosen("Prod").await;
    choice.service.pass(1);
    choice.is_refused(EXPIRED).await;
    choice.service.pass(60);
    choice.service.sweep().await;
    choice.service.sweep().await;
    assert_eq!(choice.history_of("Prod").await, ["login.started", "login.issued", "login.expired"]);
    assert_eq!((choice.service.count(Expired).await, choice.service.plan.issued()), (1, 1));
    choice.service.post(&offering_at(2, LIFETIME + 60), &choice.page).await.choice_ticket();
}

/// Five minutes after its issue STS takes it no more, so a choice is not even asked for; of a
/// clock that is ahead the store says what became of it.
#[tokio::test]
async fn protocol_choice_replay_after_its_end() {
    const TOO_OLD: (u16, &str) = (403, "assertion_too_old");
    let choice = Choice::opened().await;
    let ahead = Page::new(2);
    choice.service.post(&offering_at(2, 30), &ahead).await.choice_ticket();
    let other = open_at(choice.dir.path());
    for service in [&choice.service, &other] {
        service.pass(LIFETIME);
        // Before the sweep, and after it.
        for page in [&choice.page, &ahead] {
            assert_cell!(service.post(&offering(1, &ROLES), page).await, TOO_OLD);
            assert_cell!(service.post(&offering_at(2, 30), page).await, REPLAYED);
        }
        service.sweep().await;
    }
    let mut history = choice.service.history().await;
    history.sort();
    let refused = ["login.refused assertion_replayed", "login.refused assertion_too_old"];
    let [ended, opened] = ["choice.ended", "choice.opened"];
    assert_eq!(history, [&[ended, ended, opened, opened][..], &refused].concat());
    assert_eq!(choice.service.plan.issued(), 0);
}
