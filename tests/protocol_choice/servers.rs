//! Two servers, two tabs, and a store that is restored.

use super::*;

#[tokio::test]
async fn protocol_choice_at_two_servers() {
    let choice = Choice::opened().await;
    let other = open_at(choice.dir.path());
    let (ticket, page) = (&choice.ticket, &choice.page);
    assert_eq!(other.list(ticket, page).await.body, choice.list().await.body);
    let here = choice.chosen("Prod").await;
    let there = other.choose(ticket, page, &[part("Prod", "credentials")]).await.part_tickets().remove(0);
    assert_eq!(jti(&here), jti(&there));
    assert_eq!(other.take(&here, page).await.status, 200);
    assert_cell!(choice.take(&there).await, GONE);

    // Both at once: one makes it, the other waits for that.
    let parts = [part("Dev", "credentials")];
    let (here, there) = tokio::join!(choice.choose(&parts), other.choose(ticket, page, &parts));
    let (here, there) = (here.part_tickets().remove(0), there.part_tickets().remove(0));
    assert_eq!(jti(&here), jti(&there));
    choice.taken(&there).await;
    assert_cell!(other.take(&here, page).await, GONE);
    assert_eq!(choice.service.plan.issued() + other.plan.issued(), 2);
    for role in ["Prod", "Dev"] {
        assert_eq!(choice.history_of(role).await, ["login.started", "login.issued", "login.delivered"]);
    }
    assert_eq!(other.history().await, choice.service.history().await);
    choice.goes_on().await;
}

#[tokio::test]
async fn protocol_choice_in_two_tabs() {
    let choice = Choice::opened().await;
    let (one, two) = tokio::join!(choice.credentials(&["Prod"]), choice.credentials(&["Dev", "Audit"]));
    let tickets = [one.part_tickets(), two.part_tickets()].concat();
    for role in ROLES {
        assert_eq!(choice.history_of(role).await, ["login.started", "login.issued"]);
        assert!(matches!(choice.held(role).await, Some(Held::Waiting { .. })));
    }
    assert_eq!(choice.service.plan.issued(), 3);
    for (ticket, role) in tickets.iter().zip(["Prod", "Dev", "Audit"]) {
        let taken = choice.take(ticket).await;
        assert_eq!((taken.status.as_u16(), taken.json()["role"].as_str()), (200, Some(&*role_arn(role))));
    }
    choice.goes_on().await;
}

/// The copy is put where the original was, into the same file: nothing tells them apart but
/// how long ago the copy was in use.
#[tokio::test]
async fn protocol_choice_store_restored_from_a_copy() {
    let choice = Choice::opened().await;
    choice.service.sweep().await;
    let (path, copy) = (choice.dir.path().join("vestibule.db"), choice.dir.path().join("copy.db"));
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(reader);
    choice.service.pass(100);
    // The copy does not know of this one.
    choice.taken(&choice.chosen("Prod").await).await;
    let Choice { service, page, ticket, login, dir, .. } = choice;
    drop(service);
    std::fs::copy(&copy, &path).unwrap();
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(path.with_extension(suffix));
    }

    let faults = Faults::new();
    let choice = Choice { service: open_at(dir.path()), faults, page, ticket, login, dir };
    choice.service.pass(102);
    choice.goes_on().await;
    let before = "assertion_before_restore";
    assert_eq!(choice.credentials(&["Prod", "Dev"]).await.part_codes(), [before, before]);
    assert_eq!(choice.service.history().await, ["choice.opened", "login.refused assertion_before_restore"]);
    assert_eq!(choice.service.plan.issued(), 0, "STS is not asked");
    choice.goes_on().await;
    choice.service.pass(LIFETIME - 102);
    choice.service.sweep().await;
    assert_eq!(choice.service.history().await.last().unwrap(), "choice.ended");
    assert_eq!(choice.service.count(EventKind::Started).await, 0);
}
