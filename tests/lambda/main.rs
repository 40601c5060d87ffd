//! The binary as Lambda functions, on DynamoDB, KMS and a strict STS: events of every
//! kind in the shapes of API Gateway and of load balancers, and what goes back to them.

mod balancer;
mod front;
mod functions;
mod logins;
mod odd;
mod ping;
mod sealed;
#[path = "../support/mod.rs"]
mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// An event of an HTTP API at a stage (payload format 2.0), or of a function URL.
pub fn http(stage: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    // HTTP APIs write names of headers in lower case.
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_lowercase(), json!(value))).collect();
    let raw = if stage == "$default" { path.to_owned() } else { format!("/{stage}{path}") };
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": raw, "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abc123",
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com", "domainPrefix": "abc123",
            "http": {
                "method": method, "path": raw, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.9", "userAgent": "Mozilla/5.0"
            },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("{method} {path}"), "stage": stage,
            "time": "23/Nov/2026:09:00:00 +0000", "timeEpoch": 1_795_424_400_000_i64
        },
        "body": body.map(|body| STANDARD.encode(body)), "isBase64Encoded": body.is_some()
    })
}

/// An event of an Application Load Balancer, whose target group has multi-value headers
/// switched on or not. It encodes a body as AWS documents it: a form is no text to it.
pub fn balancer(
    lists: bool,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Value {
    let all = headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), if lists { json!([value]) } else { json!(value) }));
    let all: serde_json::Map<String, Value> = all.collect();
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/vestibule/6d0ecf831eec9f09";
    let (headers, query) = match lists {
        true => ("multiValueHeaders", "multiValueQueryStringParameters"),
        false => ("headers", "queryStringParameters"),
    };
    json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": method, "path": path, query: {}, headers: all,
        "body": STANDARD.encode(body.unwrap_or_default()), "isBase64Encoded": body.is_some()
    })
}
