//! What a client can send to `POST /saml` that never becomes a SAML message.

use super::{Answer, Vestibule, request, settings};
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use vestibule::broker::Binding;

const FORM: &str = "application/x-www-form-urlencoded";

/// Three times 100,000 characters, and 16 KiB.
const CAP: usize = 300_000 + 16 * 1024;

async fn post_as(vestibule: &Vestibule, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut all = vec![("accept", "application/json")];
    all.extend_from_slice(headers);
    vestibule.ask(request("POST", "/saml", &all, body.into())).await
}

type Polled = Poll<Option<Result<Frame<Bytes>, std::io::Error>>>;

/// A body without a declared length.
struct Chunks {
    left: usize,
    then: fn() -> Polled,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;
    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Polled {
        if self.left == 0 {
            return (self.then)();
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1_024])))))
    }
}

#[tokio::test]
async fn another_content_type_is_415() {
    let vestibule = Vestibule::new();
    for content_type in [
        "text/xml",
        "application/json",
        "multipart/form-data; boundary=x",
        "",
        "text/plain",
        "x-www-form-urlencoded",
    ] {
        let answer = post_as(&vestibule, &[("content-type", content_type)], "SAMLResponse=a").await;
        answer.refused(415, "content_type");
    }
    post_as(&vestibule, &[], "SAMLResponse=a").await.refused(415, "content_type");
    let twice = [("content-type", FORM), ("content-type", "text/xml")];
    post_as(&vestibule, &twice, "SAMLResponse=a").await.refused(415, "content_type");
}

#[tokio::test]
async fn parameters_and_case_of_the_content_type_do_not_matter() {
    let vestibule = Vestibule::new();
    for content_type in
        [FORM, "Application/X-WWW-Form-URLencoded; charset=UTF-8", " application/x-www-form-urlencoded ;x"]
    {
        let answer = post_as(&vestibule, &[("content-type", content_type)], "SAMLResponse=a").await;
        answer.refused(400, "relay_state_missing");
    }
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    let vestibule = Vestibule::new();
    for encoding in ["gzip", "deflate", "br", "identity, gzip", "x"] {
        let headers = [("content-type", FORM), ("content-encoding", encoding)];
        post_as(&vestibule, &headers, "SAMLResponse=a").await.refused(415, "content_encoding");
    }
    let headers = [("content-type", FORM), ("content-encoding", "Identity")];
    post_as(&vestibule, &headers, "SAMLResponse=a").await.refused(400, "relay_state_missing");
}

#[tokio::test]
async fn another_method_is_405_and_says_which_there_are() {
    let vestibule = Vestibule::new();
    let paths = [
        ("/saml", "GET, POST, OPTIONS"),
        ("/users", "GET, OPTIONS"),
        ("/config.json", "GET, HEAD, OPTIONS"),
        ("/saml/metadata", "GET, HEAD"),
        ("/authorizer", "POST"),
        ("/", "GET, HEAD"),
        ("/style.css", "GET, HEAD"),
    ];
    for (path, allow) in paths {
        for method in ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"] {
            let headers = [("accept", "application/json")];
            let answer = vestibule.ask(request(method, path, &headers, Body::empty())).await;
            answer.refused(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn duplicate_fields_are_refused_even_if_equal() {
    let vestibule = Vestibule::new();
    for form in [
        "SAMLResponse=a&SAMLResponse=a&RelayState=x",
        "SAMLResponse=a&RelayState=x&RelayState=y",
        "SAMLResponse=&RelayState=x&SAMLResponse=a",
        "SAMLResponse=a&SAML%52esponse=b",
        "SAMLResponse&SAMLResponse=b",
    ] {
        vestibule.post(form).await.refused(400, "duplicate_field");
    }
}

#[tokio::test]
async fn a_form_without_a_response_is_refused() {
    let vestibule = Vestibule::new();
    for form in ["", "&&", "RelayState=x", "samlresponse=a", "SAMLRequest=a&RelayState=x"] {
        vestibule.post(form).await.refused(400, "response_missing");
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let vestibule = Vestibule::new();
    let form = "utf8=%E2%9C%93&SAMLResponse=a&submit=Continue&submit=Continue";
    vestibule.post(form).await.refused(400, "relay_state_missing");
}

#[tokio::test]
async fn broken_escapes_and_bytes_that_are_no_text_are_refused() {
    let vestibule = Vestibule::new();
    for form in
        ["SAMLResponse=%", "SAMLResponse=%4", "SAMLResponse=%GG", "x=%ff&SAMLResponse=a", "%=&SAMLResponse=a"]
    {
        vestibule.post(form).await.refused(400, "form_malformed");
    }
    let raw = b"SAMLResponse=\xff\xfe\x00".to_vec();
    post_as(&vestibule, &[("content-type", FORM)], raw).await.refused(400, "form_malformed");
}

#[tokio::test]
async fn a_missing_or_malformed_relay_state_is_refused_before_the_response_is_read() {
    let vestibule = Vestibule::new();
    let challenge = "c".repeat(43);
    for missing in ["SAMLResponse=a", "SAMLResponse=a&RelayState=", "SAMLResponse=a&RelayState"] {
        vestibule.post(missing).await.refused(400, "relay_state_missing");
    }
    for malformed in [
        "x".to_owned(),
        "sessionsessionsession##".to_owned(),
        format!("##{challenge}"),
        format!("sessionsessionsession#{challenge}"),
        format!("sessionsessionsession##{challenge}x"),
        format!("sessionsessionsession##{challenge}##{challenge}"),
        format!("sessionsessionsession##{challenge}\r\nSet-Cookie: a=b"),
        format!("session\r\nsession##{challenge}"),
        format!("sessionsessionsession##{challenge}\0"),
        format!("sessionsessionsessiön##{challenge}"),
        format!("../../../../etc/passwd##{challenge}"),
        format!("https://evil.example/##{challenge}"),
        "y".repeat(10_000),
    ] {
        let form = form_urlencoded::Serializer::new("SAMLResponse=a".to_owned())
            .append_pair("RelayState", &malformed)
            .finish();
        let answer = vestibule.post(&form).await;
        answer.refused(400, "relay_state_malformed");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(!answer.body.contains("passwd") && !answer.body.contains("evil"), "nothing is echoed");
    }
    assert!(vestibule.service.audit().await.is_empty());
}

#[tokio::test]
async fn a_body_is_read_to_its_cap_and_no_further() {
    let vestibule = Vestibule::new();
    let form = |length: usize| format!("SAMLResponse={}", "a".repeat(length - "SAMLResponse=".len()));
    vestibule.post(&form(CAP)).await.refused(400, "relay_state_missing");
    vestibule.post(&form(CAP + 1)).await.refused(413, "body_too_large");
    vestibule.post(&form(10_000_000)).await.refused(413, "body_too_large");
}

#[tokio::test]
async fn a_body_of_undeclared_length_is_refused_when_it_passes_the_cap() {
    let vestibule = Vestibule::new();
    // It would never end: an answer proves that reading stopped.
    let endless = Chunks { left: usize::MAX, then: || Poll::Ready(None) };
    let answer = post_as(&vestibule, &[("content-type", FORM)], Body::new(endless)).await;
    answer.refused(413, "body_too_large");
    let short = Chunks { left: 10, then: || Poll::Ready(None) };
    let answer = post_as(&vestibule, &[("content-type", FORM)], Body::new(short)).await;
    answer.refused(400, "response_missing");
}

#[tokio::test]
async fn a_body_that_breaks_off_or_never_comes_is_refused() {
    let mut impatient = settings();
    impatient.request_timeout = Duration::from_millis(50);
    let vestibule = Vestibule::with(Binding::Challenge, impatient);
    let broken = Chunks { left: 1, then: || Poll::Ready(Some(Err(std::io::Error::other("gone")))) };
    let answer = post_as(&vestibule, &[("content-type", FORM)], Body::new(broken)).await;
    answer.refused(400, "body_incomplete");
    let stuck = Chunks { left: 1, then: || Poll::Pending };
    let answer = post_as(&vestibule, &[("content-type", FORM)], Body::new(stuck)).await;
    answer.refused(408, "body_timeout");
}

#[tokio::test]
async fn a_refusal_is_a_page_for_a_person() {
    let vestibule = Vestibule::new();
    let headers = [("content-type", FORM), ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let answer = vestibule.ask(request("POST", "/saml", &headers, Body::from("SAMLResponse=a"))).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(answer.body.contains("<h1>Please begin at the page</h1>"));
    assert!(answer.body.contains("Help desk &lt;help@example.com&gt;"), "whom to ask");
    assert!(answer.body.contains(answer.header("x-request-id")), "what to quote");
    assert!(answer.body.contains("relay_state_missing"));
    assert!(!answer.body.contains("<script") && !answer.body.contains("style="), "nothing inline");
}
