//! Answers, in the payload format of the event that they are for.

use super::event::Payload;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use std::collections::BTreeMap;

/// What goes back to the gateway. No `Debug`: it may hold credentials.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    body: String,
    is_base64_encoded: bool,
}

/// # Errors
/// The body's. Those of our routes are in memory, and have none.
pub(super) async fn answer(payload: Payload, response: Response) -> Result<Answer, axum::Error> {
    let (mut head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    // Text is what is UTF-8: no content type needs to be known, and no byte is changed.
    let (body, is_base64_encoded) = match std::str::from_utf8(&body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(&body), true),
    };
    // The gateway counts by itself. The answer to a HEAD has the length of what it leaves out.
    head.headers.remove(header::CONTENT_LENGTH);
    let mut answer = Answer {
        status_code: head.status.as_u16(),
        status_description: None,
        headers: None,
        multi_value_headers: None,
        cookies: None,
        body,
        is_base64_encoded,
    };
    match payload {
        // API Gateway merges both, so that a header in both would be there twice.
        Payload::Rest => answer.multi_value_headers = Some(lists(&head.headers)),
        Payload::Http => {
            let cookies = head.headers.get_all(header::SET_COOKIE).iter().map(text).collect();
            head.headers.remove(header::SET_COOKIE);
            answer.cookies = Some(cookies);
            answer.headers = Some(joined(&head.headers));
        }
        // With multi-value headers switched on it reads those only, else the others.
        Payload::LoadBalancer { multi_value_headers } => {
            answer.status_description = Some(description(head.status));
            if multi_value_headers {
                answer.multi_value_headers = Some(lists(&head.headers));
            } else {
                answer.headers = Some(joined(&head.headers));
            }
        }
    }
    Ok(answer)
}

/// `302 Found`.
fn description(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Unknown"))
}

fn lists(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let values = |name| headers.get_all(name).iter().map(text).collect();
    headers.keys().map(|name| (name.as_str().to_owned(), values(name))).collect()
}

/// Repeated ones joined (RFC 9110 5.3).
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    lists(headers).into_iter().map(|(name, values)| (name, values.join(", "))).collect()
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde_json::{Value, json};

    async fn shown(payload: Payload, body: &'static [u8]) -> Value {
        let response = http::Response::builder()
            .status(302)
            .header("location", "https://app.example.com/#jwt=a.b.c")
            .header("vary", "origin")
            .header("vary", "accept")
            .header("set-cookie", "a=b")
            .header("set-cookie", "c=d")
            .header("content-length", "17")
            .body(Body::from(body));
        serde_json::to_value(answer(payload, response.unwrap()).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn each_payload_has_its_own_form() {
        let location = "https://app.example.com/#jwt=a.b.c";
        let lists =
            json!({ "location": [location], "vary": ["origin", "accept"], "set-cookie": ["a=b", "c=d"] });
        let rest = json!({
            "statusCode": 302, "multiValueHeaders": lists, "body": "", "isBase64Encoded": false
        });
        assert_eq!(shown(Payload::Rest, b"").await, rest);
        let http = json!({
            "statusCode": 302, "headers": { "location": location, "vary": "origin, accept" },
            "cookies": ["a=b", "c=d"], "body": "", "isBase64Encoded": false
        });
        assert_eq!(shown(Payload::Http, b"").await, http);
        let mut balancer = rest.clone();
        balancer["statusDescription"] = json!("302 Found");
        assert_eq!(shown(Payload::LoadBalancer { multi_value_headers: true }, b"").await, balancer);
        let balancer = json!({
            "statusCode": 302, "statusDescription": "302 Found",
            "headers": { "location": location, "vary": "origin, accept", "set-cookie": "a=b, c=d" },
            "body": "", "isBase64Encoded": false
        });
        assert_eq!(shown(Payload::LoadBalancer { multi_value_headers: false }, b"").await, balancer);
    }

    #[tokio::test]
    async fn text_stays_text_and_other_bytes_are_base64() {
        let text = shown(Payload::Http, "{\"message\":\"Grüße\u{0}\"}".as_bytes()).await;
        assert_eq!(
            (&text["body"], &text["isBase64Encoded"]),
            (&json!("{\"message\":\"Grüße\u{0}\"}"), &json!(false))
        );
        let bytes = shown(Payload::Http, b"\x1f\x8b\x08").await;
        assert_eq!((&bytes["body"], &bytes["isBase64Encoded"]), (&json!("H4sI"), &json!(true)));
    }
}
