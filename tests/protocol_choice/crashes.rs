//! Processes that die, and what the next one finds.

use super::ports::Then;
use super::support::child;
use super::support::faults::Fault;
use super::*;
use vestibule::broker::EventKind::{Abandoned, Issued};

/// A choice and its first parts in a process that dies at the step.
fn dies(dir: &Path, step: &str) {
    child::dies("crashes::the_child_that_dies", dir, step);
}

/// Does nothing by itself: [`dies`] runs it as a child.
#[tokio::test]
async fn the_child_that_dies() {
    let Some((dir, step)) = child::wanted() else { return };
    let dir = dir.as_path();
    let faults = Faults::new();
    let service = Arc::new(changed(open_at(dir), |ports| faults.over(ports), |_| {}));
    if step != "second part" && step != "waits" {
        service.plan.at(&step, Fault::DieAfter);
    }
    let page = Page::new(1);
    let ticket = service.post(&offering(1, &ROLES), &page).await.choice_ticket();
    std::fs::write(dir.join("ticket"), &ticket).unwrap();
    if step == "waits" {
        std::process::abort();
    }
    if step == "second part" {
        // Dead before Prod begins, as soon as Dev waits.
        faults.at("begin", "Prod", Then::Wait(ports::Gate::new()));
        tokio::spawn({
            let service = service.clone();
            async move {
                while service.count(Issued).await == 0 {
                    tokio::task::yield_now().await;
                }
                std::process::abort();
            }
        });
        service.choose(&ticket, &page, &["Dev", "Prod"].map(|role| part(role, "credentials"))).await;
    }
    service.choose(&ticket, &page, &[part("Prod", "credentials")]).await;
    panic!("did not die at {step}");
}

/// The choice that the dead process had opened, at a new one.
async fn found(dir: TempDir) -> Choice {
    let ticket = std::fs::read_to_string(dir.path().join("ticket")).unwrap();
    let service = open_at(dir.path());
    let login = opened_in(&service).await.login.unwrap();
    let choice =
        Choice { service, faults: Faults::new(), page: Page::new(1), ticket, login, dir: Files(dir) };
    choice.restarted(0)
}

#[tokio::test]
async fn protocol_choice_crash_after_open() {
    let dir = tempfile::tempdir().unwrap();
    dies(dir.path(), "open_choice");
    let service = open_at(dir.path());
    assert_eq!(service.history().await, ["choice.opened"]);
    assert!(!dir.path().join("ticket").exists(), "nobody has it");
    opening::opened_without_a_ticket(&service).await;
}

#[tokio::test]
async fn protocol_choice_crash_while_it_waits() {
    let dir = tempfile::tempdir().unwrap();
    dies(dir.path(), "waits");
    let choice = found(dir).await;
    choice.goes_on().await;
    choice.taken(&choice.chosen("Prod").await).await;
    let expected = ["choice.opened", "login.started", "login.issued", "login.delivered"];
    assert_eq!(choice.service.history().await, expected);
}

#[tokio::test]
async fn protocol_choice_crash_after_begin_of_a_part() {
    let begun = async |step: &str| {
        let dir = tempfile::tempdir().unwrap();
        dies(dir.path(), step);
        let choice = found(dir).await;
        assert_eq!(choice.service.history().await, ["choice.opened", "login.started"]);
        choice.goes_on().await;
        // It could still be under way in another process. Other parts are not concerned.
        let (again, dev) = tokio::join!(choice.credentials(&["Prod"]), choice.chosen("Dev"));
        assert_eq!(again.part_codes(), ["choice_in_progress"]);
        choice.taken(&dev).await;
        choice.service.sweep().await;
        assert_eq!(choice.service.count(Abandoned).await, 0);
        choice.service.pass(60);
        let ticket = choice.chosen("Prod").await;
        choice.service.sweep().await;
        choice.service.sweep().await;
        choice.taken(&ticket).await;
        assert_eq!(choice.service.count(Abandoned).await, 1);
        let mut history = choice.history_of("Prod").await;
        history.sort();
        let expected =
            ["login.abandoned", "login.delivered", "login.issued", "login.started", "login.started"];
        assert_eq!(history, expected);
    };
    // Before STS was asked, and after it has answered.
    tokio::join!(begun("begin"), begun("issue"));
}

#[tokio::test]
async fn protocol_choice_crash_between_parts() {
    let dir = tempfile::tempdir().unwrap();
    dies(dir.path(), "second part");
    let choice = found(dir).await;
    assert_eq!(choice.service.history().await, ["choice.opened", "login.started", "login.issued"]);
    assert!(matches!(choice.held("Dev").await, Some(Held::Waiting { .. })));
    assert!(choice.held("Prod").await.is_none());
    let tickets = choice.credentials(&["Dev", "Prod"]).await.part_tickets();
    assert_eq!(choice.service.plan.issued(), 1, "STS was asked for the second only");
    for ticket in &tickets {
        choice.taken(ticket).await;
    }
    for role in ["Dev", "Prod"] {
        assert_eq!(choice.history_of(role).await, ["login.started", "login.issued", "login.delivered"]);
    }
}
