//! What starts, what the sweeper does, and metadata between events.

use crate::support::cloud::{Cloud, form, metadata, rest};
use crate::support::forge;
use crate::support::process::free_port;
use crate::support::wire::{Reply, WireServer};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn the_sweeper_runs_on_a_schedule() {
    let cloud = Cloud::start();
    let event = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": "2026-11-23T09:00:00Z",
        "region": "eu-central-1", "resources": [], "detail": {}
    });
    assert_eq!(cloud.function("sweeper").invoke(&event).unwrap()["swept"], true);
}

/// Nothing runs between events: metadata whose time has come is looked at before
/// a login, and the functions that need none ask nobody.
#[test]
fn metadata_at_a_url_is_looked_at_again_before_a_login() {
    let cloud = Cloud::start();
    let answer = Arc::new(Mutex::new(Some(metadata())));
    let (asked, shared) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&answer));
    let (port, counter) = (free_port(), Arc::clone(&asked));
    let _source = WireServer::start(port, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Some(Reply::new(200, "application/samlmetadata+xml", shared.lock().unwrap().clone()?))
    });
    let path = cloud.dir.path().join("vestibule.toml");
    let file = format!("metadata = {:?}", cloud.dir.path().join("adfs.xml").display().to_string());
    let url = format!("metadata = \"http://127.0.0.1:{port}/\"");
    let text = std::fs::read_to_string(&path).unwrap().replace(&file, &url);
    assert!(text.contains(&url));
    std::fs::write(&path, text.replace("[log]", "[saml]\nmetadata_refresh = \"1s\"\n[log]")).unwrap();

    let http_function = cloud.function("http");
    let post = |assertion_id: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        http_function.invoke(&rest("POST", "/saml", &headers, Some(&form(assertion_id)))).unwrap()
    };
    assert_eq!(post("_before")["statusCode"], 302);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "at its start");
    *answer.lock().unwrap() = Some(metadata().replace(&forge::rsa().certificate, &forge::p256().certificate));
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let refused = post("_after");
    assert_eq!(refused["statusCode"], 403, "{refused}");
    assert!(refused["body"].as_str().unwrap().contains("signature_mismatch"), "{refused}");
    assert!(asked.load(Ordering::SeqCst) >= 2);

    *answer.lock().unwrap() = None;
    let before = asked.load(Ordering::SeqCst);
    let swept = cloud.function("sweeper").invoke(&json!({})).unwrap();
    assert_eq!(swept["swept"], true, "{swept}");
    assert_eq!(asked.load(Ordering::SeqCst), before, "a sweeper needs no identity provider");
}

/// A handler that is not exactly one of three ends the process before anything else.
#[test]
fn another_handler_does_not_start() {
    for handler in [Some("authoriser"), Some("bootstrap"), Some("HTTP"), Some("http "), Some(""), None] {
        let mut function = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
        function.env_clear().env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9");
        function.envs(handler.map(|handler| ("_HANDLER", handler)));
        let output = function.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let sentence = format!(
            "vestibule: the function's Handler is {:?}, and must be one of http, authorizer and sweeper\n",
            handler.unwrap_or_default()
        );
        assert_eq!((output.status.code(), said), (Some(1), sentence));
    }
}
