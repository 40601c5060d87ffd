//! A part that is chosen again while it waits or is in progress.

use super::ports::Then;
use super::*;
use std::time::Duration;
use vestibule::broker::EventKind::{Issued, Started};
use vestibule::broker::ports::TokenServiceError;

const ONE: [&str; 3] = ["choice.opened", "login.started", "login.issued"];

/// Chooses the credentials of Prod in a task.
fn choosing_prod(choice: &Arc<Choice>) -> tokio::task::JoinHandle<Answer> {
    let choice = choice.clone();
    tokio::spawn(async move { choice.credentials(&["Prod"]).await })
}

#[tokio::test]
async fn protocol_choice_repeated_is_one_part() {
    // Either ticket takes it.
    for taker in [0, 1] {
        let choice = Choice::opened().await;
        let first = choice.chosen("Prod").await;
        choice.service.pass(1);
        let second = choice.chosen("Prod").await;
        assert_ne!(first, second, "signed anew");
        let same = |claim: &str| assert_eq!(read(&first).1[claim], read(&second).1[claim], "{claim}");
        ["jti", "login", "part", "sub", "challenge"].into_iter().for_each(same);
        assert_eq!(choice.service.history().await, ONE, "nothing was written");
        assert_eq!(choice.service.plan.issued(), 1);
        let tickets = [first, second];
        choice.taken(&tickets[taker]).await;
        for ticket in &tickets {
            assert_cell!(choice.take(ticket).await, GONE);
        }
        assert_eq!(choice.service.history().await.len(), 4);
    }
}

#[tokio::test]
async fn protocol_choice_repeated_after_the_tickets_end() {
    let choice = Choice::opened().await;
    let first = choice.chosen("Prod").await;
    choice.service.pass(30);
    assert_cell!(choice.take(&first).await, EXPIRED);
    let second = choice.chosen("Prod").await;
    assert_eq!(jti(&first), jti(&second));
    assert_eq!(
        (choice.service.history().await, choice.service.plan.issued()),
        (ONE.map(str::to_owned).to_vec(), 1,)
    );
    // The session's end stays.
    choice.service.pass(15);
    let third = choice.chosen("Prod").await;
    let end = forge::now().unix_timestamp() + 60;
    assert_eq!((&read(&second).1["exp"], &read(&third).1["exp"]), (&end.into(), &end.into()));
    choice.service.pass(14);
    choice.taken(&third).await;
}

#[tokio::test]
async fn protocol_choice_repeated_while_in_progress() {
    let choice = Arc::new(Choice::opened().await);
    let gate = choice.faults.gate("issue", "Prod");
    let first = choosing_prod(&choice);
    gate.came().await;
    let repeats = [choosing_prod(&choice), choosing_prod(&choice)];
    // Long enough for them to have looked.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(repeats.iter().all(|repeat| !repeat.is_finished()), "they wait");
    gate.open();
    let ticket = first.await.unwrap().part_tickets().remove(0);
    for repeat in repeats {
        assert_eq!(jti(&repeat.await.unwrap().part_tickets()[0]), jti(&ticket));
    }
    assert_eq!(choice.service.history().await, ONE);
    assert_eq!(choice.service.plan.issued(), 1);
    choice.taken(&ticket).await;
}

#[tokio::test]
async fn protocol_choice_in_progress_for_too_long() {
    let in_progress = |answer: &Answer| {
        assert_eq!(answer.part_codes(), ["choice_in_progress"]);
        assert_eq!(answer.json()["parts"][0]["refused"]["retry_after"], 1);
    };
    // It does not come to wait in those seconds.
    let slow = async {
        let choice = Arc::new(Choice::opened().await);
        let gate = choice.faults.gate("issue", "Prod");
        let first = choosing_prod(&choice);
        gate.came().await;
        in_progress(&choice.credentials(&["Prod"]).await);
        assert_eq!(choice.service.history().await, ["choice.opened", "login.started"]);
        gate.open();
        choice.taken(&first.await.unwrap().part_tickets()[0]).await;
        assert_eq!(choice.service.plan.issued(), 1);
        choice.goes_on().await;
    };
    // Or it ends otherwise.
    let failing = async {
        let choice = Arc::new(Choice::opened().await);
        let gate = choice.faults.gate("release", "Prod");
        choice.faults.at("issue", "Prod", Then::Sts(TokenServiceError::Refused));
        let first = choosing_prod(&choice);
        gate.came().await;
        let repeat = choosing_prod(&choice);
        tokio::time::sleep(Duration::from_millis(300)).await;
        choice.faults.mend();
        gate.open();
        assert_eq!(first.await.unwrap().part_codes(), ["sts_refused"]);
        in_progress(&repeat.await.unwrap());
        let failed = ["choice.opened", "login.started", "login.failed sts_refused"];
        assert_eq!(choice.service.history().await, failed, "the repeat began nothing");
        assert_eq!(choice.service.plan.issued(), 0);
        choice.taken(&choice.chosen("Prod").await).await;
    };
    tokio::join!(slow, failing);
}

#[tokio::test]
async fn protocol_choice_64_at_once_one_call() {
    let choice = Arc::new(Choice::opened().await);
    let requests: Vec<_> = (0..64).map(|_| choosing_prod(&choice)).collect();
    let mut tickets = Vec::new();
    for request in requests {
        let answer = request.await.unwrap();
        match &answer.part_codes()[0][..] {
            "ticket" => tickets.extend(answer.part_tickets()),
            other => assert_eq!(other, "choice_in_progress"),
        }
    }
    assert!(!tickets.is_empty());
    assert!(tickets.iter().all(|ticket| jti(ticket) == jti(&tickets[0])));
    assert_eq!((choice.service.count(Started).await, choice.service.count(Issued).await), (1, 1));
    assert_eq!(choice.service.plan.issued(), 1, "one call of STS");
    choice.taken(&tickets[0]).await;
    for ticket in &tickets {
        assert_cell!(choice.take(ticket).await, GONE);
    }
    assert_eq!(choice.service.count(EventKind::Delivered).await, 1);
}

#[tokio::test]
async fn protocol_choice_lost_answer_of_the_post() {
    let choice = Choice::opened().await;
    let lost = choice.credentials(&["Prod", "Dev"]).await.part_tickets();
    // The page asks again. It may name them in another order, and one more.
    let repeated = choice.credentials(&["Dev", "Prod"]).await.part_tickets();
    let jtis = |tickets: &[String]| tickets.iter().map(|ticket| jti(ticket)).collect::<Vec<_>>();
    assert_eq!(jtis(&repeated), jtis(&[lost[1].clone(), lost[0].clone()]));
    assert_eq!((choice.service.plan.issued(), choice.service.audit().await.len()), (2, 5));
    for ticket in &repeated {
        choice.taken(ticket).await;
    }
    for ticket in &lost {
        assert_cell!(choice.take(ticket).await, GONE);
    }
    assert_eq!(choice.service.count(EventKind::Delivered).await, 2);
    for role in ["Prod", "Dev"] {
        assert_eq!(choice.history_of(role).await, ["login.started", "login.issued", "login.delivered"]);
    }
}
