//! `docs/PROTOCOL.md`, "Where several roles can be had", cell by cell, through the real
//! router on real files. `tests/http/choice.rs` has the ways to ask badly,
//! `tests/support/contract/choice.rs` what each store promises.
//!
//! Crashes are real: the test starts itself as a child that dies at a step.
#![allow(clippy::disallowed_methods)]

mod crashes;
mod ends;
mod failures;
mod killed;
mod kinds;
mod listing;
mod opening;
mod opening_again;
mod parts;
mod ports;
mod refusals;
mod repeats;
mod servers;
#[path = "../support/mod.rs"]
mod support;
mod sweeps;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ports::Faults;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use support::forge::{self, Forge};
use support::rotation::{TAKEN_OVER, rotate, rotate_at};
use support::test_service::{Answer, Page, TestService, choosing, http_settings, offering, part, role_arn};
use support::trail_file;
use support::trail_rules::assert_holds;
use tempfile::TempDir;
use vestibule::broker::ports::Held;
use vestibule::broker::{AuditEvent, Broker, BrokerSettings, EventKind, Handle, LoginId, Ports, SessionId};
use vestibule::http::App;

pub const ROLES: [&str; 3] = ["Audit", "Dev", "Prod"];

/// How long the choice of an assertion that was issued now can be made.
pub const LIFETIME: i64 = 5 * 60;

pub const REPLAYED: (u16, &str) = (409, "assertion_replayed");
pub const WAITING: (u16, &str) = (409, "session_waiting");
pub const ANSWERED: (u16, &str) = (409, "request_answered");
pub const GONE: (u16, &str) = (404, "gone");
pub const CHOICE_GONE: (u16, &str) = (404, "choice_gone");
pub const STORE: (u16, &str) = (503, "store_unavailable");
pub const KEYS: (u16, &str) = (503, "keys_unavailable");
pub const EXPIRED: (u16, &str) = (401, "ticket_expired");

macro_rules! assert_cell {
    ($answer:expr, $cell:expr) => {{
        let (answer, cell) = ($answer, $cell);
        assert_eq!(answer.cell(), (cell.0, cell.1.to_owned()), "{}", answer.body);
    }};
}
pub(crate) use assert_cell;

/// A service where people choose, with the files in this directory.
pub fn open_at(dir: &Path) -> TestService {
    TestService::with(dir, choosing)
}

/// A service of its own where people choose, removed at the end.
pub fn service() -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (open_at(dir.path()), dir)
}

/// The same process with other ports and settings.
pub fn changed(
    service: TestService,
    change: impl FnOnce(Ports) -> Ports,
    set: impl FnOnce(&mut BrokerSettings),
) -> TestService {
    let mut settings = support::test_service::settings();
    choosing(&mut settings);
    set(&mut settings);
    let broker = Arc::new(Broker::new(settings, change(service.broker.ports().clone())));
    let app = Arc::new(App::new(broker.clone(), None, http_settings()).unwrap());
    TestService { broker, app, ..service }
}

/// An assertion of its own for each number that offers all roles and is issued so many
/// seconds from now.
pub fn offering_at(number: u32, seconds: i64) -> Forge {
    let until = forge::at(seconds + 5 * 60);
    Forge {
        issued: forge::at(seconds),
        not_before: forge::at(seconds),
        confirmed_until: until.clone(),
        not_on_or_after: until,
        ..offering(number, &ROLES)
    }
}

/// The files of a service, removed at the end. Whatever a test did, the trail that it leaves
/// keeps the rules of trails.
pub struct Files(pub TempDir);

impl Files {
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_holds(&trail_file::observed(&self.path().join("vestibule.db"), []));
        }
    }
}

/// A choice among all roles that waits: its service, its ticket, and the page that has it.
pub struct Choice {
    pub service: TestService,
    pub faults: Arc<Faults>,
    pub page: Page,
    pub ticket: String,
    pub login: LoginId,
    pub dir: Files,
}

impl Choice {
    pub async fn opened() -> Self {
        Self::opened_with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn opened_with(set: impl FnOnce(&mut BrokerSettings)) -> Self {
        Self::opened_over(|ports| ports, set).await
    }

    /// The same with other ports.
    pub async fn opened_over(
        change: impl FnOnce(Ports) -> Ports,
        set: impl FnOnce(&mut BrokerSettings),
    ) -> Self {
        let (service, dir) = service();
        let faults = Faults::new();
        let service = changed(service, |ports| faults.over(change(ports)), set);
        let page = Page::new(1);
        let ticket = service.post(&offering(1, &ROLES), &page).await.choice_ticket();
        let login = opened_in(&service).await.login.unwrap();
        Self { service, faults, page, ticket, login, dir: Files(dir) }
    }

    pub async fn list(&self) -> Answer {
        self.service.list(&self.ticket, &self.page).await
    }

    pub async fn choose(&self, parts: &[Value]) -> Answer {
        self.service.choose(&self.ticket, &self.page, parts).await
    }

    /// Chooses the credentials of these roles.
    pub async fn credentials(&self, roles: &[&str]) -> Answer {
        let parts: Vec<Value> = roles.iter().map(|role| part(role, "credentials")).collect();
        self.choose(&parts).await
    }

    /// Chooses the credentials of one role: the ticket for it.
    pub async fn chosen(&self, role: &str) -> String {
        self.credentials(&[role]).await.part_tickets().remove(0)
    }

    pub async fn take(&self, ticket: &str) -> Answer {
        self.service.take(ticket, &self.page).await
    }

    /// Takes it, or fails: the access key's id.
    pub async fn taken(&self, ticket: &str) -> String {
        let answer = self.take(ticket).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["AccessKeyId"].as_str().unwrap().to_owned()
    }

    /// The choice is as it was: it lists its roles.
    pub async fn goes_on(&self) {
        let answer = self.list().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["roles"].as_array().unwrap().len(), ROLES.len());
    }

    /// Nothing has happened to it, and it goes on.
    pub async fn is_undisturbed(&self) {
        assert_eq!(self.service.history().await, ["choice.opened"]);
        assert_eq!(self.service.plan.issued(), 0);
        self.goes_on().await;
        self.chosen("Prod").await;
    }

    /// Neither list nor choose gives anything but this refusal.
    pub async fn is_refused(&self, cell: (u16, &str)) {
        assert_cell!(self.list().await, cell);
        assert_cell!(self.credentials(&["Prod"]).await, cell);
    }

    /// What happened to the parts of this role.
    pub async fn history_of(&self, role: &str) -> Vec<String> {
        history_of(&self.service, role).await
    }

    /// The handle at which the credentials of this role wait.
    pub fn handle(&self, role: &str) -> Handle {
        self.handle_for(role, "page")
    }

    pub fn handle_for(&self, role: &str, for_use: &str) -> Handle {
        SessionId::parse(&self.page.session).unwrap().part(&self.login, &role_arn(role), for_use)
    }

    /// What holds the place of this role's credentials.
    pub async fn held(&self, role: &str) -> Option<Held> {
        let ports = self.service.broker.ports();
        ports.sessions.look(&self.handle(role), ports.clock.now()).await.unwrap()
    }

    /// The same choice after a restart of the service.
    pub fn restarted(self, passed: i64) -> Self {
        let Self { service, page, ticket, login, dir, .. } = self;
        drop(service);
        let faults = Faults::new();
        let service = changed(open_at(dir.path()), |ports| faults.over(ports), |_| {});
        service.pass(passed);
        Self { service, faults, page, ticket, login, dir }
    }
}

/// The one choice that was opened.
pub async fn opened_in(service: &TestService) -> AuditEvent {
    let events = service.audit().await;
    let mut opened = events.into_iter().filter(|event| event.kind == EventKind::ChoiceOpened);
    let one = opened.next().expect("a choice was opened");
    assert_eq!(opened.next(), None, "and one only");
    one
}

/// What happened to logins of this role.
pub async fn history_of(service: &TestService, role: &str) -> Vec<String> {
    let role = role_arn(role);
    let events = service.audit().await.into_iter().filter(|event| event.login.is_some());
    events
        .filter(|event| event.subject.role.as_ref() == Some(&role))
        .map(|event| match event.code {
            Some(code) => format!("{} {code}", event.kind.as_str()),
            None => event.kind.as_str().to_owned(),
        })
        .collect()
}

/// What a ticket says: header and claims.
pub fn read(ticket: &str) -> (Value, Value) {
    let mut parts =
        ticket.split('.').take(2).map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()));
    (parts.next().unwrap().unwrap(), parts.next().unwrap().unwrap())
}

pub fn jti(ticket: &str) -> String {
    read(ticket).1["jti"].as_str().unwrap().to_owned()
}
