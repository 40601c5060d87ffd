//! `docs/PROTOCOL.md`, cell by cell, through the real router on real files.
//!
//! Crashes are real: the test starts itself as a child that dies at a step.

mod support;

use std::path::Path;
use std::sync::Arc;
use support::child;
use support::faults::{Fault, record};
use support::forge::{self, Forge};
use support::rotation::{TAKEN_OVER, rotate};
use support::test_service::{Page, TestService, assertion, production_that_asks};
use tempfile::TempDir;
use vestibule::broker::EventKind::{
    Abandoned, Delivered, Issued, RefusalsSummed, Refused, Started, Uncertain,
};
use vestibule::saml::{IdentityProvider, IdentityProviders};

const REPLAYED: (u16, &str) = (409, "assertion_replayed");
const WAITING: (u16, &str) = (409, "session_waiting");
const REASON_REQUIRED: (u16, &str) = (428, "reason_required");
const REASON_MALFORMED: (u16, &str) = (400, "reason_malformed");
const GONE: (u16, &str) = (404, "gone");
const STORE: (u16, &str) = (503, "store_unavailable");
const UNCERTAIN: (u16, &str) = (503, "delivery_uncertain");

/// A service of its own, removed at the end.
fn service() -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (TestService::open(dir.path()), dir)
}

macro_rules! assert_cell {
    ($answer:expr, $cell:expr) => {{
        let (answer, cell) = ($answer, $cell);
        assert_eq!(answer.cell(), (cell.0, cell.1.to_owned()), "{}", answer.body);
    }};
}

const ASK: &str = "Which incident or ticket is this for?";

/// One whose rule asks for a reason.
fn service_that_asks() -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (TestService::with(dir.path(), |settings| settings.rules = production_that_asks(Some(ASK))), dir)
}

/// The reasons that are recorded, in order.
async fn reasons(service: &TestService) -> Vec<String> {
    let events = service.audit().await;
    events.iter().filter_map(|event| event.subject.reason.as_ref()).map(|r| r.as_str().to_owned()).collect()
}

/// A login that has come to wait: its ticket.
async fn issued(service: &TestService, number: u32) -> String {
    service.post(&assertion(number), &Page::new(number)).await.ticket()
}

// ------------------------------------------------------------------ no login yet

#[tokio::test]
async fn protocol_login_then_take() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    let answer = service.take(&ticket, &page).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["Version"], 1);
    assert_eq!(json["role"], "arn:aws:iam::123456789012:role/ADFS-Production");
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);

    // One login, and the auditor can say everything about it.
    let events = service.audit().await;
    assert!(events.iter().all(|e| e.login == events[0].login && e.login.is_some()));
    assert!(events.iter().all(|e| e.subject.name_id.as_deref() == Some(forge::PERSON)), "found by person");
    let handed: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let document = ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"];
    assert_eq!(handed, [&document[..], &["account", "limited", "role", "rule", "user"]].concat());
    assert_eq!(events[1].subject.access_key_id.as_deref(), json["AccessKeyId"].as_str());
    assert_eq!(events[1].subject.assertion_id.as_deref(), Some("_assertion-1"));
    assert_eq!(events[1].subject.session_index.as_deref(), Some("_assertion-1"));
    assert_eq!(events[1].subject.in_response_to, None);
    assert_eq!(events[1].subject.rule.as_deref(), Some("production"));
}

#[tokio::test]
async fn protocol_unverified_refusal_changes_nothing() {
    let (service, _dir) = service();
    let tampered = assertion(1).xml().replace("ADFS-Production<", "ADFS-ProductionAdmin<");
    assert_cell!(service.post_xml(&tampered, &Page::new(1)).await, (403, "digest_mismatch"));
    assert_eq!(service.history().await, [""; 0]);
    assert_eq!(service.plan.issued(), 0);
    issued(&service, 1).await;
}

#[tokio::test]
async fn protocol_verified_refusal_is_audited() {
    let (service, _dir) = service();
    let developer = Forge { roles: vec![forge::role("ADFS-Dev")], ..assertion(1) };
    assert_cell!(service.post(&developer, &Page::new(1)).await, (403, "role_not_allowed"));
    let elsewhere = Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(2) };
    assert_cell!(service.post(&elsewhere, &Page::new(1)).await, (403, "wrong_audience"));
    assert_eq!(service.history().await, ["login.refused role_not_allowed", "login.refused wrong_audience"]);
    let refused = &service.audit().await[0];
    assert_eq!((refused.kind, refused.login.clone()), (Refused, None));
    assert_eq!(refused.subject.name_id.as_deref(), Some(forge::PERSON));
    assert_eq!(service.plan.issued(), 0);
    // Neither the session id nor the assertion was spent.
    service.post(&assertion(2), &Page::new(1)).await.ticket();
}

/// The same identity provider signed it, for somebody else: everybody has such messages.
#[tokio::test]
async fn protocol_refusal_of_a_message_for_others() {
    let (service, _dir) = service();
    let elsewhere = Forge { recipient: "https://elsewhere.example.com/saml".into(), ..assertion(1) };
    assert_cell!(service.post(&elsewhere, &Page::new(1)).await, (403, "wrong_recipient"));
    assert_eq!(service.history().await, [""; 0]);
    issued(&service, 1).await;
}

#[tokio::test]
async fn protocol_the_same_refusal_again() {
    let (service, _dir) = service();
    let refused = |number| Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(number) };
    let post = async |number| {
        assert_cell!(service.post(&refused(number), &Page::new(number)).await, (403, "wrong_audience"));
        service.count(Refused).await
    };
    assert_eq!((post(1).await, post(1).await, post(2).await, post(2).await), (1, 1, 2, 2));
    // Another reason is another row, and so is another day.
    let astray = Forge { destination: Some("https://wiki.example.com/saml".into()), ..refused(1) };
    assert_cell!(service.post(&astray, &Page::new(1)).await, (403, "wrong_destination"));
    assert_eq!(service.count(Refused).await, 3);
    service.pass(24 * 3_600);
    assert_cell!(service.post(&refused(1), &Page::new(1)).await, (403, "assertion_expired"));
    assert_cell!(service.post(&refused(1), &Page::new(1)).await, (403, "assertion_expired"));
    assert_cell!(service.post(&astray, &Page::new(1)).await, (403, "wrong_destination"));
    assert_eq!(service.count(Refused).await, 5);
}

/// What cannot be recorded is not remembered as recorded.
#[tokio::test]
async fn protocol_refusal_while_the_store_is_down() {
    let (service, _dir) = service();
    let refused = Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(1) };
    service.plan.at(&record(Refused), Fault::Down);
    assert_cell!(service.post(&refused, &Page::new(1)).await, (403, "wrong_audience"));
    assert_eq!(service.history().await, [""; 0]);
    service.plan.mend();
    assert_cell!(service.post(&refused, &Page::new(1)).await, (403, "wrong_audience"));
    assert_eq!(service.count(Refused).await, 1);
}

#[tokio::test]
async fn protocol_refusals_beyond_the_budget_are_summed() {
    let (service, _dir) = service();
    let refused = |number| Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(number) };
    for number in 0..1_003 {
        assert_cell!(service.post(&refused(number), &Page::new(number)).await, (403, "wrong_audience"));
    }
    assert_eq!((service.count(Refused).await, service.count(RefusalsSummed).await), (1_000, 0));
    // A login goes its way all the while.
    issued(&service, 5_000).await;
    // Not written before ten minutes have passed, then by the sweeper or the next refusal.
    service.pass(599);
    service.sweep().await;
    assert_eq!(service.count(RefusalsSummed).await, 0);
    service.pass(1);
    service.plan.at(&record(RefusalsSummed), Fault::Down);
    service.sweep().await;
    service.plan.mend();
    service.pass(600);
    service.sweep().await;
    service.sweep().await;
    let summed: Vec<_> =
        service.audit().await.into_iter().filter(|event| event.kind == RefusalsSummed).collect();
    let [sum] = &summed[..] else { panic!("{summed:?}") };
    assert_eq!((sum.code.as_deref(), sum.login.clone()), (Some("wrong_audience"), None));
    assert_eq!((sum.subject.idp.as_deref(), sum.subject.times), (Some("ADFS"), Some(3)));
    assert_eq!((sum.subject.from, sum.subject.until), (Some(forge::now()), Some(forge::now())));
}

/// What is only in memory is written when the process ends.
#[tokio::test]
async fn protocol_sums_are_written_at_a_stop() {
    let (service, _dir) = service();
    for number in 0..1_001 {
        let refused = Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(number) };
        service.post(&refused, &Page::new(number)).await;
    }
    service.broker.finish().await;
    service.broker.finish().await;
    assert_eq!((service.count(Refused).await, service.count(RefusalsSummed).await), (1_000, 1));
}

#[tokio::test]
async fn protocol_store_down_at_begin() {
    let (service, _dir) = service();
    service.plan.at("begin", Fault::Down);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, STORE);
    assert_eq!(service.plan.issued(), 0);
    service.plan.mend();
    assert_eq!(service.history().await, [""; 0]);
    issued(&service, 1).await;
}

// ------------------------------------------------------------------ started here

/// The assertion of this number as an answer to this request.
fn answer(number: u32, request: &str) -> Forge {
    // Asserted where it counts: in the confirmation too, which is signed.
    Forge { in_response_to: Some(request.to_owned()), ..assertion(number) }
}

#[tokio::test]
async fn protocol_login_that_starts_here() {
    let dir = tempfile::tempdir().unwrap();
    // Logins that start at the identity provider are switched off, as a strict policy requires.
    let service = TestService::with(dir.path(), |settings| {
        let strict = IdentityProvider { idp_initiated: false, ..forge::adfs() };
        settings.providers = IdentityProviders::new(vec![strict]).unwrap().into();
    });
    let page = Page::new(1);
    let request = service.request(&page).await;
    assert_eq!(service.history().await, [""; 0], "a request leaves nothing behind");
    let ticket = service.post(&answer(1, &request), &page).await.ticket();
    assert_eq!(service.take(&ticket, &page).await.status, 200);
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);
    assert_eq!(service.audit().await[0].subject.in_response_to.as_deref(), Some(request.as_str()));
    assert_cell!(service.post(&assertion(2), &Page::new(2)).await, (403, "idp_initiated_off"));
}

#[tokio::test]
async fn protocol_request_answered_before() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let request = service.request(&page).await;
    let ticket = service.post(&answer(1, &request), &page).await.ticket();
    // Another assertion, and the same one, for the same request.
    assert_cell!(service.post(&answer(2, &request), &page).await, (409, "request_answered"));
    assert_cell!(service.post(&answer(1, &request), &page).await, REPLAYED);
    assert_eq!(service.take(&ticket, &page).await.status, 200);
    assert_cell!(service.post(&answer(3, &request), &page).await, (409, "request_answered"));
    assert_eq!(
        service.history().await,
        [
            "login.started",
            "login.issued",
            "login.refused request_answered",
            "login.refused assertion_replayed",
            "login.delivered",
            "login.refused request_answered",
        ]
    );
    // The second assertion was not claimed: it will do for another login.
    let again = service.request(&page).await;
    service.post(&answer(2, &again), &page).await.ticket();
}

#[tokio::test]
async fn protocol_answer_to_another_request() {
    let (service, _dir) = service();
    let (mine, thine) = (Page::new(1), Page::new(2));
    let request = service.request(&mine).await;
    // Login CSRF: an attacker makes another person's browser post the answer.
    assert_cell!(service.post(&answer(1, &request), &thine).await, (403, "unknown_request"));
    // The session id alone does not do: the challenge is bound as well.
    let other_challenge = Page { verifier: "x".repeat(43), ..mine.clone() };
    assert_cell!(service.post(&answer(1, &request), &other_challenge).await, (403, "unknown_request"));
    // Ids that were invented, changed, or made by another service.
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = TestService::open(elsewhere.path()).request(&mine).await;
    let changed = format!("_{}", if &request[1..2] == "A" { "B" } else { "A" }) + &request[2..];
    for id in ["_x", "_", "", &changed, &foreign, &request[..request.len() - 2]] {
        assert_cell!(service.post(&answer(1, id), &mine).await, (403, "unknown_request"));
    }
    assert_eq!(service.count(Started).await, 0);
    assert_eq!(service.plan.issued(), 0);
    // None of it used anything up.
    service.post(&answer(1, &request), &mine).await.ticket();
}

/// A request that one identity provider got is not answered by another.
#[tokio::test]
async fn a_request_is_the_one_identity_provider_s() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        let okta = IdentityProvider {
            name: "Okta".into(),
            entity_id: "http://okta.example.com".into(),
            ..forge::adfs()
        };
        settings.providers = IdentityProviders::new(vec![forge::adfs(), okta]).unwrap().into();
    });
    let page = Page::new(1);
    let xml = service.start("Okta", &page).await.authn_request();
    let request = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_cell!(service.post(&answer(1, request), &page).await, (403, "unknown_request"));
    assert_cell!(service.start("Shibboleth", &page).await, (404, "idp_unknown"));
}

#[tokio::test]
async fn protocol_answer_too_late() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let lifetime = service.broker.settings().service.request_lifetime.whole_seconds();
    let (on_time, too_late) = (service.request(&page).await, service.request(&Page::new(2)).await);
    service.pass(lifetime);
    let issued_now = |number, request: &str| Forge {
        in_response_to: Some(request.to_owned()),
        issued: forge::at(lifetime),
        confirmed_until: forge::at(lifetime + 300),
        ..assertion(number)
    };
    service.post(&issued_now(1, &on_time), &page).await.ticket();
    service.pass(60);
    assert_cell!(service.post(&issued_now(2, &too_late), &Page::new(2)).await, (403, "request_expired"));
}

// ------------------------------------------------------------------ started

#[tokio::test]
async fn protocol_64_posts_one_session() {
    let (service, _dir) = service();
    let service = Arc::new(service);
    let posts = (0..64).map(|number| {
        let service = service.clone();
        // Half of them for the same session id, half for others.
        tokio::spawn(
            async move { service.post(&assertion(1), &Page::new(number % 33)).await.status.as_u16() },
        )
    });
    let mut statuses = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        statuses.push(post.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 302);
    assert_eq!(statuses[1..], [409; 63]);
    assert_eq!(service.plan.issued(), 1);
    assert_eq!(
        (service.count(Started).await, service.count(Issued).await, service.count(Refused).await),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn protocol_issuer_failure_releases() {
    let (service, _dir) = service();
    service.plan.at("issue", Fault::Down);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, (503, "sts_unavailable"));
    service.plan.mend();
    assert_eq!(service.history().await, ["login.started", "login.failed sts_unavailable"]);
    // The assertion is spent, the session id is free.
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    service.post(&assertion(2), &Page::new(1)).await.ticket();
}

#[tokio::test]
async fn protocol_key_failure_releases() {
    let (service, _dir) = service();
    for (number, step) in [(1, "seal"), (2, "sign")] {
        service.plan.at(step, Fault::Down);
        assert_cell!(service.post(&assertion(number), &Page::new(1)).await, (503, "keys_unavailable"));
        service.plan.mend();
    }
    let failed = ["login.started", "login.failed keys_unavailable"];
    assert_eq!(service.history().await, [failed, failed].concat());
    service.post(&assertion(3), &Page::new(1)).await.ticket();
}

#[tokio::test]
async fn protocol_put_after_reservation_ended() {
    let (service, _dir) = service();
    service.plan.at("issue", Fault::Slow(61));
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, (503, "login_too_slow"));
    service.plan.mend();
    assert_eq!(service.history().await, ["login.started", "login.failed login_too_slow"]);
    service.sweep().await;
    assert_eq!(service.count(Abandoned).await, 0, "a login ends once");
}

#[tokio::test]
async fn protocol_store_down_at_put() {
    let (service, _dir) = service();
    service.plan.at("put", Fault::Down);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, STORE);
    service.plan.at("release", Fault::Down);
    assert_cell!(service.post(&assertion(2), &Page::new(2)).await, STORE);
    service.plan.mend();
    assert_eq!(service.history().await, ["login.started", "login.failed store_unavailable", "login.started"]);
    service.pass(61);
    service.sweep().await;
    assert_eq!(service.history().await.last().unwrap(), "login.abandoned");
    assert_eq!(service.count(Abandoned).await, 1);
}

#[tokio::test]
async fn protocol_rotation_during_login() {
    let (service, dir) = service();
    let before = issued(&service, 1).await;
    // Another process rotates. What knew the old key alone signs by it, until it is told.
    rotate(dir.path());
    let meanwhile = issued(&service, 2).await;
    assert_eq!(kid(&meanwhile), kid(&before));
    service.pass(TAKEN_OVER);
    let after = issued(&service, 3).await;
    assert_ne!(kid(&after), kid(&before));
    for (ticket, number) in [(meanwhile, 2), (after, 3)] {
        assert_eq!(service.take(&ticket, &Page::new(number)).await.status, 200);
    }
}

/// The key that signed.
fn kid(ticket: &str) -> String {
    jsonwebtoken::decode_header(ticket).unwrap().kid.unwrap()
}

// ------------------------------------------------------------------ issued

#[tokio::test]
async fn protocol_replay_while_issued() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    assert_cell!(service.post(&assertion(1), &Page::new(2)).await, REPLAYED);
    assert_eq!(service.plan.issued(), 1);
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
}

#[tokio::test]
async fn protocol_second_login_while_issued() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    assert_cell!(service.post(&assertion(2), &Page::new(1)).await, WAITING);
    assert_eq!(service.plan.issued(), 1, "STS was not asked");
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
    // The refused assertion was not spent.
    service.post(&assertion(2), &Page::new(1)).await.ticket();
}

#[tokio::test]
async fn protocol_64_takes_one_winner() {
    let (service, _dir) = service();
    let service = Arc::new(service);
    for round in 1..=5 {
        let ticket = issued(&service, round).await;
        let takes = (0..64).map(|_| {
            let (service, ticket) = (service.clone(), ticket.clone());
            tokio::spawn(async move { service.take(&ticket, &Page::new(round)).await.cell() })
        });
        let mut cells = Vec::new();
        for take in takes.collect::<Vec<_>>() {
            cells.push(take.await.unwrap());
        }
        assert_eq!(cells.iter().filter(|(status, _)| *status == 200).count(), 1);
        assert_eq!(cells.iter().filter(|cell| **cell == (404, "gone".to_owned())).count(), 63);
        assert_eq!(service.count(Delivered).await, round as usize);
    }
}

#[tokio::test]
async fn protocol_take_without_its_reason() {
    let (service, _dir) = service_that_asks();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    for _ in 0..3 {
        let answer = service.take(&ticket, &page).await;
        assert_cell!(&answer, REASON_REQUIRED);
        assert_eq!(answer.json()["ask"], ASK);
        let answer = service.take_because(&ticket, &page, Some("%0A")).await;
        assert_cell!(&answer, REASON_MALFORMED);
        assert_eq!(answer.json()["ask"], ASK);
    }
    assert_eq!(service.history().await, ["login.started", "login.issued"]);
    assert_eq!(reasons(&service).await, [""; 0]);
    assert_eq!(service.take_because(&ticket, &page, Some("INC-1")).await.status, 200, "it still waited");
}

#[tokio::test]
async fn protocol_take_with_its_reason() {
    let (service, _dir) = service_that_asks();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    // Longer than any other ticket lives, as long as it takes to write a sentence.
    service.pass(299);
    let reason = Some("%20INC-4711%3A%20caf%C3%A9%2C%20%F0%9F%94%91+%20");
    assert_eq!(service.take_because(&ticket, &page, reason).await.status, 200);
    assert_cell!(service.take_because(&ticket, &page, reason).await, GONE);
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);
    let events = service.audit().await;
    assert_eq!(events[2].subject.reason.as_ref().unwrap().as_str(), "INC-4711: caf\u{e9}, \u{1f511}+");
    assert_eq!(reasons(&service).await.len(), 1, "in the delivery's record alone");
}

/// Where nobody asks, what somebody says is recorded all the same.
#[tokio::test]
async fn protocol_take_with_a_reason_that_nobody_asked_for() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    let answer = service.take_because(&ticket, &page, Some("")).await;
    assert_cell!(&answer, REASON_MALFORMED);
    assert_eq!(answer.json()["ask"], serde_json::Value::Null);
    assert_eq!(service.take_because(&ticket, &page, Some("just%20so")).await.status, 200);
    assert_eq!(reasons(&service).await, ["just so"]);
}

#[tokio::test]
async fn protocol_nobody_gives_a_reason() {
    let (service, _dir) = service_that_asks();
    let (page, other) = (Page::new(1), Page::new(2));
    let ticket = issued(&service, 1).await;
    assert_cell!(service.take(&ticket, &page).await, REASON_REQUIRED);
    service.pass(1);
    let later = issued(&service, 2).await;
    service.pass(299);
    service.sweep().await;
    assert_cell!(service.take_because(&ticket, &page, Some("INC-1")).await, (401, "ticket_expired"));
    assert_eq!(service.take_because(&later, &other, Some("INC-2")).await.status, 200, "a second is left");
    let expected = ["login.started", "login.issued", "login.started", "login.issued"];
    assert_eq!(service.history().await, [&expected[..], &["login.expired", "login.delivered"]].concat());
    assert_eq!(reasons(&service).await, ["INC-2"]);
}

#[tokio::test]
async fn protocol_64_takes_with_reasons_one_winner() {
    let (service, _dir) = service_that_asks();
    let service = Arc::new(service);
    let ticket = issued(&service, 1).await;
    let takes = (0..64).map(|number| {
        let (service, ticket) = (service.clone(), ticket.clone());
        let reason = format!("INC-{number}");
        tokio::spawn(async move {
            (service.take_because(&ticket, &Page::new(1), Some(&reason)).await.cell(), reason)
        })
    });
    let mut winners = Vec::new();
    for take in takes.collect::<Vec<_>>() {
        let (cell, reason) = take.await.unwrap();
        if cell.0 == 200 {
            winners.push(reason);
        } else {
            assert_eq!(cell, (GONE.0, GONE.1.to_owned()));
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(reasons(&service).await, winners, "and no loser's");
}

#[tokio::test]
async fn protocol_bad_ticket_with_a_reason() {
    let (service, _dir) = service_that_asks();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    let other = Page { verifier: Page::new(2).verifier, ..page.clone() };
    for reason in [None, Some("INC-1"), Some("%0A")] {
        // Who is not the browser that began is asked nothing.
        let answer = service.take_because(&ticket, &other, reason).await;
        assert_cell!(&answer, (401, "verifier_mismatch"));
        assert_eq!(answer.json()["ask"], serde_json::Value::Null);
    }
    assert_eq!(service.history().await, ["login.started", "login.issued"]);
    assert_eq!(service.take_because(&ticket, &page, Some("INC-2")).await.status, 200, "it still waited");
    assert_eq!(reasons(&service).await, ["INC-2"]);
}

#[tokio::test]
async fn protocol_bad_ticket_consumes_nothing() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    let other = Page { verifier: Page::new(2).verifier, ..page.clone() };
    assert_cell!(service.take(&ticket, &other).await, (401, "verifier_mismatch"));
    assert_cell!(service.take("not.a.ticket", &page).await, (401, "ticket_malformed"));
    let mut forged = ticket.clone().into_bytes();
    let middle = forged.len() - 20;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    assert_cell!(service.take(&String::from_utf8(forged).unwrap(), &page).await, (401, "ticket_invalid"));
    service.pass(30);
    assert_cell!(service.take(&ticket, &page).await, (401, "ticket_expired"));
    service.pass(-1);
    assert_eq!(service.take(&ticket, &page).await.status, 200);
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);
}

#[tokio::test]
async fn protocol_sweeper_reports_expiry() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    service.pass(61);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.expired"]);
    service.pass(-61);
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
}

#[tokio::test]
async fn protocol_expired_before_sweep() {
    let dir = tempfile::tempdir().unwrap();
    // A ticket that outlives its session, so that only the session's own time can refuse.
    let service =
        TestService::with(dir.path(), |settings| settings.tickets.lifetime = time::Duration::seconds(120));
    let ticket = issued(&service, 1).await;
    service.pass(60);
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
    service.sweep().await;
    assert_eq!(service.history().await.last().unwrap(), "login.expired");
}

#[tokio::test]
async fn protocol_take_outcome_unknown() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    service.plan.at("take", Fault::AnswerLost);
    assert_cell!(service.take(&ticket, &page).await, UNCERTAIN);
    service.plan.mend();
    assert_eq!(service.history().await.last().unwrap(), "login.uncertain take_outcome_unknown");
    assert_cell!(service.take(&ticket, &page).await, GONE);

    // The other way the unknown can turn out: the delete did not happen.
    let ticket = issued(&service, 2).await;
    service.plan.at("take", Fault::DownUnknown);
    assert_cell!(service.take(&ticket, &Page::new(2)).await, UNCERTAIN);
    service.plan.mend();
    assert_cell!(service.take(&ticket, &Page::new(2)).await, GONE);
    assert_eq!(service.history().await.last().unwrap(), "login.uncertain take_outcome_unknown");

    service.pass(600);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.count(Uncertain).await, 2, "one for each login");
}

#[tokio::test]
async fn protocol_store_down_at_take() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    service.plan.at("take", Fault::Down);
    assert_cell!(service.take(&ticket, &Page::new(1)).await, STORE);
    service.plan.mend();
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
}

#[tokio::test]
async fn protocol_open_failure_hands_out_nothing() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    service.plan.at("open", Fault::Down);
    assert_cell!(service.take(&ticket, &Page::new(1)).await, UNCERTAIN);
    service.plan.mend();
    assert_eq!(service.history().await.last().unwrap(), "login.uncertain seal_not_opened");
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
    service.pass(600);
    service.sweep().await;
    assert_eq!(service.count(Uncertain).await, 1);
}

#[tokio::test]
async fn protocol_no_delivery_without_record() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    service.plan.at(&record(Delivered), Fault::Down);
    let answer = service.take(&ticket, &Page::new(1)).await;
    assert!(!answer.body.contains("SecretAccessKey"));
    assert_cell!(&answer, UNCERTAIN);
    service.plan.mend();
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
    service.pass(600);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.uncertain"]);
}

#[tokio::test]
async fn protocol_rotation_between_issue_and_take() {
    let (service, dir) = service();
    let ticket = issued(&service, 1).await;
    rotate(dir.path());
    // A process that starts now knows both keys; so does the old one, also when it signs by the
    // new one.
    assert_eq!(TestService::open(dir.path()).take(&ticket, &Page::new(1)).await.status, 200);
    let before = issued(&service, 2).await;
    rotate(dir.path());
    service.pass(TAKEN_OVER);
    assert_ne!(kid(&issued(&service, 3).await), kid(&before));
    assert_eq!(service.take(&before, &Page::new(2)).await.status, 200);
}

// ------------------------------------------------------------------ final states

#[tokio::test]
async fn protocol_take_twice() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
    assert_eq!(service.count(Delivered).await, 1);
}

#[tokio::test]
async fn protocol_replay_after_delivery() {
    let (service, _dir) = service();
    let ticket = issued(&service, 1).await;
    service.take(&ticket, &Page::new(1)).await;
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    // Until the very end of its life, sweeps or not.
    service.pass(5 * 60 + 59);
    service.sweep().await;
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    service.pass(1);
    service.sweep().await;
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, (403, "assertion_expired"));
}

#[tokio::test]
async fn protocol_session_id_is_free_again() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = issued(&service, 1).await;
    assert_eq!(service.take(&ticket, &page).await.status, 200);
    // Delivered; then expired, before any sweep; then failed.
    let ticket = service.post(&assertion(2), &page).await.ticket();
    service.pass(60);
    service.plan.at("issue", Fault::Down);
    assert_cell!(service.post(&assertion(3), &page).await, (503, "sts_unavailable"));
    service.plan.mend();
    let newest = service.post(&assertion(4), &page).await.ticket();
    assert_cell!(service.take(&ticket, &page).await, (401, "ticket_expired"));
    assert_eq!(service.take(&newest, &page).await.status, 200);
}

#[tokio::test]
async fn protocol_replay_after_failure() {
    let (service, _dir) = service();
    service.plan.at("issue", Fault::Down);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, (503, "sts_unavailable"));
    service.plan.mend();
    service.pass(120);
    service.sweep().await;
    assert_cell!(service.post(&assertion(1), &Page::new(2)).await, REPLAYED);
}

// ------------------------------------------------------------------ crashes

/// One login and its take in a process that dies at the step.
fn login_that_dies(dir: &Path, step: &str) {
    child::dies("the_child_that_dies", dir, step);
}

/// Does nothing by itself: [`login_that_dies`] runs it as a child.
#[tokio::test]
async fn the_child_that_dies() {
    let Some((dir, step)) = child::wanted() else { return };
    let service = TestService::open(&dir);
    service.plan.at(&step, Fault::DieAfter);
    let ticket = issued(&service, 1).await;
    std::fs::write(Path::new(&dir).join("ticket"), &ticket).unwrap();
    service.take(&ticket, &Page::new(1)).await;
    panic!("did not die at {step}");
}

/// After a crash between `begin` and `put`: nothing can be taken, the session
/// id comes free by itself, the assertion stays spent, and the sweeper says so.
async fn nothing_but_an_abandoned_start(dir: &Path) {
    let service = TestService::open(dir);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    assert_cell!(service.post(&assertion(2), &Page::new(1)).await, WAITING);
    service.sweep().await;
    assert_eq!(service.count(Abandoned).await, 0, "it could still be under way in another process");
    service.pass(60);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.count(Abandoned).await, 1);
    assert_cell!(service.post(&assertion(1), &Page::new(1)).await, REPLAYED);
    let ticket = service.post(&assertion(2), &Page::new(1)).await.ticket();
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
}

#[tokio::test]
async fn protocol_crash_after_begin() {
    let dir = tempfile::tempdir().unwrap();
    login_that_dies(dir.path(), "begin");
    nothing_but_an_abandoned_start(dir.path()).await;
}

#[tokio::test]
async fn protocol_crash_after_issue() {
    let dir = tempfile::tempdir().unwrap();
    login_that_dies(dir.path(), "issue");
    nothing_but_an_abandoned_start(dir.path()).await;
}

#[tokio::test]
async fn protocol_crash_after_put() {
    let dir = tempfile::tempdir().unwrap();
    login_that_dies(dir.path(), "put");
    // The answer never left, so no ticket exists. The session waits, and expires.
    let service = TestService::open(dir.path());
    assert_eq!(service.history().await, ["login.started", "login.issued"]);
    assert_cell!(service.post(&assertion(2), &Page::new(1)).await, WAITING);
    service.pass(61);
    service.sweep().await;
    assert_eq!(service.history().await.last().unwrap(), "login.expired");
    service.post(&assertion(3), &Page::new(1)).await.ticket();
}

#[tokio::test]
async fn protocol_crash_after_take() {
    let dir = tempfile::tempdir().unwrap();
    login_that_dies(dir.path(), "take");
    let ticket = std::fs::read_to_string(dir.path().join("ticket")).unwrap();
    let service = TestService::open(dir.path());
    assert_cell!(service.take(&ticket, &Page::new(1)).await, GONE);
    service.pass(600);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.uncertain"]);
}

#[tokio::test]
async fn protocol_crash_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    login_that_dies(dir.path(), &record(Delivered));
    let service = TestService::open(dir.path());
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);
    service.pass(600);
    service.sweep().await;
    assert_eq!(service.count(Uncertain).await, 0);
}

// ------------------------------------------------------------------ restores

/// The assertion of this number, from an identity provider whose clock is ahead by so much.
fn issued_at(number: u32, seconds: i64) -> Forge {
    let until = forge::at(seconds + 5 * 60);
    Forge {
        issued: forge::at(seconds),
        not_before: forge::at(seconds),
        confirmed_until: until.clone(),
        not_on_or_after: until,
        ..assertion(number)
    }
}

/// The copy is put where the original was, into the same file: nothing tells them apart but
/// how long ago the copy was in use. The identity provider's clock is 30 s ahead, which is
/// within `clock_skew`: its assertion says that it was issued after the restart.
#[tokio::test]
async fn protocol_store_restored_from_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("vestibule.db"), dir.path().join("copy.db"));
    let service = TestService::open(dir.path());
    service.sweep().await;
    issued(&service, 1).await;
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(reader);
    service.pass(300);
    let used = issued_at(2, 300 + 30);
    let ticket = service.post(&used, &Page::new(2)).await.ticket();
    assert_eq!(service.take(&ticket, &Page::new(2)).await.status, 200);
    drop(service);
    std::fs::copy(&copy, &path).unwrap();
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(path.with_extension(suffix));
    }

    let service = TestService::open(dir.path());
    service.pass(302);
    let before = service.history().await;
    assert_eq!(before, ["login.started", "login.issued"], "the trail is the copy's");
    assert_cell!(service.post(&used, &Page::new(3)).await, (409, "assertion_before_restore"));
    assert_eq!(service.plan.issued(), 0, "STS is not asked");
    assert_eq!(service.history().await.last().unwrap(), "login.refused assertion_before_restore");
    // Once no clock within the skew can have issued it before, everything is as always.
    service.pass(61);
    service.post(&issued_at(4, 302 + 61), &Page::new(4)).await.ticket();
    assert_cell!(service.post(&used, &Page::new(5)).await, (409, "assertion_before_restore"));
}

// ------------------------------------------------------------------ the page itself

/// Every test that the table names exists, so that no cell is a promise only.
#[test]
fn every_cell_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/PROTOCOL.md")).unwrap();
    let mut code = String::new();
    let mut files = vec![root.join("tests"), root.join("src")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            code += &std::fs::read_to_string(path).unwrap();
        }
    }
    let is_name = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let names: Vec<&str> = table
        .split('`')
        .filter(|word| {
            ["protocol_", "attack_"].iter().any(|kind| word.len() > kind.len() && word.starts_with(kind))
        })
        .filter(is_name)
        .collect();
    assert!(names.len() > 120, "the table was read: {}", names.len());
    let missing: Vec<&&str> = names.iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
