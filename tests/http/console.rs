//! A login for the AWS console: what a page asks for, and what is remembered of it.

use super::support::forge::Forge;
use super::support::test_service::{Page, TestService, assertion};
use tempfile::TempDir;
use vestibule::broker::Console;

fn service(console: Option<Console>) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| settings.console = console);
    (service, dir)
}

async fn config_json(service: &TestService) -> serde_json::Value {
    let request = super::request("GET", "/config.json", &[], axum::body::Body::empty());
    serde_json::from_str(&service.send(request).await.body).unwrap()
}

#[tokio::test]
async fn a_login_can_be_for_the_console_where_that_is_on() {
    let (service, _dir) = service(Some(Console::default()));
    assert_eq!(config_json(&service).await["console"], true);
    for (number, for_use) in [(1, None), (2, Some("page")), (3, Some("console"))] {
        let page = Page::new(number);
        let more = for_use.map(|name| ("use", name));
        let xml = service.start_with("ADFS", &page, more.as_slice()).await.authn_request();
        let id = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let before = service.audit().await.len();
        service.post(&Forge { in_response_to: Some(id), ..assertion(number) }, &page).await;
        // Whatever became of it, it is known what it was for.
        let events = service.audit().await.split_off(before);
        assert!(!events.is_empty());
        for event in events {
            let expected = for_use.filter(|name| *name == "console");
            assert_eq!(event.subject.for_use.as_deref(), expected, "{}", event.kind.as_str());
        }
    }
}

#[tokio::test]
async fn a_console_that_is_off_is_refused_before_anybody_signs_in() {
    let (service, _dir) = service(None);
    assert_eq!(config_json(&service).await["console"], false);
    let page = Page::new(1);
    service.start_with("ADFS", &page, &[("use", "console")]).await.refused(403, "console_off");
    assert_eq!(service.start_with("ADFS", &page, &[("use", "page")]).await.status, 302);
}

#[tokio::test]
async fn an_unknown_use_is_refused() {
    let (service, _dir) = service(Some(Console::default()));
    let page = Page::new(1);
    for wrong in ["", "Shell", "Console", "console ", "built-in"] {
        service.start_with("ADFS", &page, &[("use", wrong)]).await.refused(400, "use_unknown");
    }
    let twice = [("use", "console"), ("use", "page")];
    service.start_with("ADFS", &page, &twice).await.refused(400, "duplicate_field");
}
