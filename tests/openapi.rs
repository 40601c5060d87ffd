//! `/openapi.json` says what the router does: every operation in it is answered,
//! every route is in it, and real answers are of its schemas.
#![allow(clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

mod support;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use support::test_service::{Answer, Page, TestService, assertion, choosing, production_that_asks};
use tempfile::TempDir;
use vestibule::roles::{Condition, Field, Matcher, Rules};

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// A service of its own, removed at the end.
fn service() -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (TestService::open(dir.path()), dir)
}

async fn document(service: &TestService) -> Value {
    let answer = service.send(Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.headers["content-type"] == "application/json"), (200, true));
    serde_json::from_str(&answer.body).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(|(method, op)| (path.clone(), method.clone(), op.clone()))
        })
        .collect()
}

/// Looks `#/components/…` up.
fn resolved<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => schema,
    }
}

/// What of JSON Schema the document uses; a key that is not among it is a fault.
fn fault(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = resolved(document, schema).as_object().unwrap();
    let known = [
        "type",
        "description",
        "required",
        "properties",
        "items",
        "enum",
        "nullable",
        "format",
        "oneOf",
        "maxLength",
        "pattern",
    ];
    if let Some(key) = schema.keys().find(|key| !known.contains(&key.as_str())) {
        return Some(format!("{at}: {key} is not checked by this test"));
    }
    if let Some(alternatives) = schema.get("oneOf") {
        let fitting = alternatives.as_array().unwrap().iter();
        let fitting = fitting.filter(|each| fault(document, each, value, at).is_none()).count();
        return (fitting != 1).then(|| format!("{at}: {fitting} alternatives fit"));
    }
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return None;
    }
    let of_type = match schema["type"].as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("type {other}"),
    };
    if !of_type {
        return Some(format!("{at} is not of type {}", schema["type"]));
    }
    if schema.get("enum").is_some_and(|allowed| !allowed.as_array().unwrap().contains(value)) {
        return Some(format!("{at} is {value}"));
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        return values.iter().find_map(|each| fault(document, items, each, &format!("{at}[]")));
    }
    let (Some(fields), Some(properties)) =
        (value.as_object(), schema.get("properties").and_then(Value::as_object))
    else {
        return None;
    };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if let Some(missing) =
        required.map(|name| name.as_str().unwrap()).find(|name| !fields.contains_key(*name))
    {
        return Some(format!("{at} has no {missing}"));
    }
    fields.iter().find_map(|(name, value)| match properties.get(name) {
        Some(schema) => fault(document, schema, value, &format!("{at}.{name}")),
        None => Some(format!("{at}.{name} is not described")),
    })
}

/// The schema of an answer.
fn schema<'v>(document: &'v Value, path: &str, method: &str, status: u16) -> &'v Value {
    let answer = &document["paths"][path][method]["responses"][status.to_string()];
    assert!(answer.is_object(), "{method} {path} {status} is not described");
    let content = answer["content"].as_object().unwrap();
    let json = content.iter().find(|(kind, _)| kind.ends_with("json")).unwrap();
    &json.1["schema"]
}

#[tokio::test]
async fn every_operation_is_answered() {
    let (service, _dir) = service();
    let document = document(&service).await;
    for (path, method, operation) in operations(&document) {
        let request = Request::builder().method(method.to_uppercase().as_str()).uri(&path);
        let answer = service.send(request.body(Body::empty()).unwrap()).await;
        // A claim without a ticket is 401: 404 comes from a route that is not there.
        assert!(![404, 405].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.status);
        let described = operation["responses"].as_object().unwrap();
        assert!(
            described.contains_key(answer.status.as_str()),
            "{method} {path} answers {}, which is not described",
            answer.status
        );
    }
}

/// No method beside those in the document.
#[tokio::test]
async fn nothing_else_is_answered() {
    let (service, _dir) = service();
    let document = document(&service).await;
    for path in document["paths"].as_object().unwrap().keys() {
        for method in METHODS.iter().filter(|method| document["paths"][path][**method].is_null()) {
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
            let answer = service.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status.as_u16(), 405, "{method} {path}");
        }
    }
}

/// A gateway in front passes on what is in the document. A page of another origin whose preflight is
/// not in it may not ask at all.
#[tokio::test]
async fn every_preflight_that_a_page_needs_is_described() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), choosing);
    let document = document(&service).await;
    let mut needed = BTreeSet::new();
    for (path, _, operation) in operations(&document) {
        if operation["tags"][0] == "api" {
            let preflight = Request::options(&path)
                .header("origin", "https://app.example.com")
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "authorization");
            let answer = service.send(preflight.body(Body::empty()).unwrap()).await;
            // Without them a page sends only what needs no preflight.
            if answer.headers.contains_key("access-control-allow-headers") {
                needed.insert(path);
            }
        }
    }
    let described = operations(&document).into_iter().filter(|(_, method, _)| method == "options");
    assert_eq!(needed, described.map(|(path, _, _)| path).collect());
}

/// axum cannot list its routes; its source can.
#[tokio::test]
async fn every_route_is_described() {
    let (service, _dir) = service();
    let document = document(&service).await;
    let described: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let quoted_after = |source: &str, marker: &str| -> Vec<String> {
        let source: String = source.split_whitespace().collect::<Vec<_>>().join("");
        let parts: Vec<&str> = source.split(marker).skip(1).collect();
        parts.iter().map(|part| part.split('"').next().unwrap().to_owned()).collect()
    };
    let read = |path| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut routed = quoted_after(&read("src/http/router.rs"), ".route(\"");
    routed.extend(quoted_after(&read("src/http/pages.rs"), "asset(\""));
    assert_eq!(routed.iter().map(String::as_str).collect::<BTreeSet<_>>(), described);
}

#[tokio::test]
async fn real_answers_are_of_their_schemas() {
    let (service, _dir) = service();
    let document = document(&service).await;
    let check = |path: &str, method: &str, answer: &Answer, status: u16| {
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        let value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(fault(&document, schema(&document, path, method, status), &value, path), None);
    };
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    check("/config.json", "get", &service.send(get("/config.json")).await, 200);
    check("/.well-known/jwks.json", "get", &service.send(get("/.well-known/jwks.json")).await, 200);
    check("/users", "get", &service.send(get("/users")).await, 403);
    check("/saml", "get", &service.send(get("/saml")).await, 401);

    let page = Page::new(1);
    let response = assertion(1);
    let issued = service.post(&response, &page).await;
    assert_eq!(issued.status.as_u16(), 302, "{}", issued.body);
    let ticket = issued.ticket();
    check("/saml", "get", &service.take(&ticket, &page).await, 200);
    check("/saml", "get", &service.take(&ticket, &page).await, 404);
    check("/saml", "post", &service.post(&response, &page).await, 409);

    let dir = tempfile::tempdir().unwrap();
    let asks = TestService::with(dir.path(), |settings| settings.rules = production_that_asks(Some("Why?")));
    let ticket = asks.post(&response, &page).await.ticket();
    check("/saml", "get", &asks.take(&ticket, &page).await, 428);
    check("/saml", "get", &asks.take_because(&ticket, &page, Some("")).await, 400);

    // A rule that asks for a second factor.
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        let mut rules: Vec<_> = settings.rules.iter().cloned().collect();
        let matchers = vec![Matcher::Equals("urn:mfa".into())];
        rules[0].conditions.push(Condition { field: Field::AuthnContext, matchers });
        let provider = settings.rules.provider_arns().next().unwrap().1.clone();
        settings.rules = Rules::new(rules, [("ADFS".to_owned(), [provider].into())].into());
    });
    let refused = service.post(&assertion(2), &page).await;
    assert!(refused.json()["sign_in_again"].is_object(), "{}", refused.body);
    check("/saml", "post", &refused, 403);
}

#[test]
fn a_wrong_answer_is_seen() {
    let document: Value = serde_json::from_str(include_str!("../src/http/openapi.json")).unwrap();
    let schema = &document["components"]["schemas"]["Error"];
    let fault = |value| fault(&document, schema, &value, "x");
    let mut error = Map::from_iter(["error", "message", "reference"].map(|k| (k.to_owned(), "a".into())));
    assert_eq!(fault(Value::Object(error.clone())), None);
    error.insert("detail".into(), "a".into());
    assert!(fault(Value::Object(error.clone())).is_some(), "not described");
    error.remove("detail");
    error.insert("error".into(), 7.into());
    assert!(fault(Value::Object(error.clone())).is_some(), "of another type");
    error.remove("error");
    assert!(fault(Value::Object(error)).is_some(), "missing");
}

/// Every `$ref` leads somewhere; operation ids are unique; the version is ours.
#[test]
fn the_document_holds_together() {
    let document: Value = serde_json::from_str(include_str!("../src/http/openapi.json")).unwrap();
    assert_eq!(document["openapi"], "3.0.1");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let operations = operations(&document);
    let ids: BTreeSet<&str> =
        operations.iter().map(|(_, _, op)| op["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
        match value {
            Value::Object(map) => {
                if map.contains_key("$ref") {
                    found.push(value);
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    found.into_iter().for_each(|schema| assert!(resolved(&document, schema).is_object()));
}
