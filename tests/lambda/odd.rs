//! Odd events: whatever a gateway may forward of what clients send is answered, in the
//! payload format that was asked, and with no 5xx; afterwards people still sign in.

use crate::front::FRONTS;
use crate::front::Front::{self, Balancer, BalancerWithLists, FunctionUrl, HttpApi, Rest};
use crate::support::cloud::{Cloud, FORM, VERIFIER, form, ticket_of};
use crate::support::lambda_runtime::LambdaHost;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const HOST: (&str, &str) = ("Host", "vestibule.example.com");
const JSON: (&str, &str) = ("Accept", "application/json");
const ARN: &str = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";

/// One function, and how many odd events it has been given.
struct Asked<'a> {
    function: &'a LambdaHost,
    number: usize,
}

impl Asked<'_> {
    /// The answer's status and code, once everything holds that holds for each.
    fn ask(&mut self, front: Front, event: &Value, what: &str) -> (u64, String) {
        self.number += 1;
        let what = format!("{front:?}: {}", what.chars().take(200).collect::<String>());
        let answer = self.function.invoke(event).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(front.is_answered_by(&answer), "{what}: {answer}");
        let status = answer["statusCode"].as_u64().unwrap();
        assert!((200..500).contains(&status), "{what}: {answer}");
        let reference = answer["headers"]["x-request-id"]
            .as_str()
            .or(answer["multiValueHeaders"]["x-request-id"][0].as_str())
            .unwrap_or_else(|| panic!("{what}: {answer}"));
        let body = answer["body"].as_str().unwrap();
        if status >= 400 && !body.is_empty() {
            assert!(body.contains(reference), "{what}: {answer}");
        }
        let refusal: Value = serde_json::from_str(body).unwrap_or_default();
        // A page where the event's headers could not be read either.
        let in_page = body.split_once("<dd><code>").and_then(|(_, rest)| Some(rest.split_once('<')?.0));
        (status, refusal["error"].as_str().or(in_page).unwrap_or_default().to_owned())
    }

    fn expect(&mut self, front: Front, event: &Value, what: &str, status: u64, code: &str) {
        let found = self.ask(front, event, what);
        assert_eq!((found.0, found.1.as_str()), (status, code), "{front:?}: {what}");
    }
}

fn long(part: &str, bytes: usize) -> String {
    part.repeat(bytes / part.len())
}

/// The front, asked for its page, with an odd query.
fn queries(asked: &mut Asked<'_>) {
    for front in FRONTS {
        let mut odd = |query: &str, is_uri: bool| {
            let mut event = front.event("GET", "/", &[HOST, JSON], None);
            front.set_query(&mut event, query);
            // A REST API has decoded it, so that any text is possible.
            let (status, code) = if is_uri || front == Rest { (200, "") } else { (400, "request_malformed") };
            asked.expect(front, &event, query, status, code);
        };
        for query in ["\"", "<", ">", " ", "a=b c", "a=<script>", "\n", "\r\nX: y", "\0", "\u{1b}", "\u{7f}"]
        {
            odd(query, false);
        }
        for query in ["%", "%zz", "a=%00", "ü", "&&&==", "?", "a[]={}|\\^`", "a=%ff%fe", &long("a", 20_000)]
        {
            odd(query, true);
        }
        let mut event = front.event("GET", "/", &[HOST, JSON], None);
        front.set_query(&mut event, &long("a", 70_000));
        asked.expect(front, &event, "a query longer than any URI", 400, "request_malformed");
    }
}

fn paths(asked: &mut Asked<'_>) {
    for front in FRONTS {
        for path in [
            "/saml<",
            "/saml%3C",
            "/saml>",
            "/saml\"",
            "/saml ",
            "/saml/",
            "//",
            "//evil.example.com/saml",
            "/../saml",
            "/saml?idp=ADFS",
            "/saml%3Fidp=ADFS",
            "/?",
            "/#",
            "/saml#",
            "/ü",
            "/\0",
            "/\r\nSet-Cookie: a=b",
            "/%",
            "/%zz",
            "/{proxy+}",
            &long("/a", 20_000),
        ] {
            asked.expect(front, &front.event("GET", path, &[HOST, JSON], None), path, 404, "not_found");
        }
        let paths: &[&str] = match front {
            // There these are behind the stage: `/prodsaml`.
            HttpApi => &[],
            Rest | FunctionUrl | Balancer | BalancerWithLists => {
                &["*", "saml", "http://evil.example.com/saml", " /"]
            }
        };
        for path in paths.iter().copied().chain([long("/a", 70_000).as_str()]) {
            asked.expect(
                front,
                &front.event("GET", path, &[HOST, JSON], None),
                path,
                400,
                "request_malformed",
            );
        }
    }
}

fn methods(asked: &mut Asked<'_>) {
    for front in FRONTS {
        for method in ["", "GET ", "G<T", "G\0T", "GET / HTTP/1.1\r\nX: y", "ü"] {
            asked.expect(
                front,
                &front.event(method, "/saml", &[HOST, JSON], None),
                method,
                400,
                "request_malformed",
            );
        }
        for method in ["get", "BREW", "TRACE", "CONNECT", "PATCH", "DELETE", "HEAD", &long("A", 5_000)] {
            let (status, _) = asked.ask(front, &front.event(method, "/saml", &[HOST, JSON], None), method);
            assert_eq!(status, 405, "{front:?}: {method}");
        }
    }
}

fn headers(asked: &mut Asked<'_>) {
    for front in FRONTS {
        let mut odd = |name: &str, value: &str, status: u64, code: &str| {
            let mut event = front.event("GET", "/", &[HOST, JSON], None);
            front.set_header(&mut event, name, value);
            asked.expect(front, &event, &format!("{name:?}: {value:?}"), status, code);
        };
        for host in ["", " ", "a b", "a/b", "a, b", "<", "a\"b", "http://a", "a?b", "[::1", "ü", "a#b", "%"]
        {
            odd("Host", host, 400, "host_malformed");
        }
        for host in ["a\nb", "a\0", "\u{7f}"] {
            odd("Host", host, 400, "request_malformed");
        }
        for host in ["a", "a:8443", "[::1]:8443", "127.0.0.1", "xn--bcher-kva.example", "A.EXAMPLE.COM."] {
            odd("Host", host, 200, "");
        }
        for scheme in
            ["", " ", "<", "javascript", "ht tp", "://", "ü", "http, https", "\t", &long("h", 9_000)]
        {
            odd("X-Forwarded-Proto", scheme, 200, "");
        }
        odd("X-Forwarded-Proto", "https\r\nX: y", 400, "request_malformed");
        for address in ["", ",", "nonsense", "999.1.1.1", "ü", "::1", "a, b, c", &long("1.1.1.1,", 9_000)] {
            odd("X-Forwarded-For", address, 200, "");
        }
        for (name, value) in
            [("X", "\n"), ("X", "a\0b"), ("X", "\u{1}"), ("", "a"), ("a b", ""), ("ü", ""), ("a:b", "")]
        {
            odd(name, value, 400, "request_malformed");
        }
        for (name, value) in [
            ("X", "ü"),
            ("X", "\u{fffd}"),
            ("X", ""),
            ("__proto__", "a"),
            ("Content-Length", "-1"),
            ("Transfer-Encoding", "chunked, chunked"),
            ("Expect", "100-continue"),
            ("Cookie", "a=b; c"),
            ("If-None-Match", "\"\"\"\""),
            ("X", &long("x", 500_000)),
        ] {
            odd(name, value, 200, "");
        }
        let mut event = front.event("GET", "/", &[HOST, JSON], None);
        for n in 0..2_000 {
            front.set_header(&mut event, &format!("X-{n}"), "a");
        }
        asked.expect(front, &event, "2,000 headers", 200, "");
    }
    // Two hosts, as each front shows them. The load balancer without lists keeps the last one.
    let mut event = Rest.event("GET", "/", &[HOST, JSON], None);
    event["multiValueHeaders"]["Host"] = json!(["a", "b"]);
    asked.expect(Rest, &event, "two hosts", 400, "host_malformed");
    for front in [HttpApi, FunctionUrl] {
        let mut event = front.event("GET", "/", &[HOST, JSON], None);
        event["headers"]["host"] = json!("a,b");
        asked.expect(front, &event, "two hosts", 400, "host_malformed");
    }
    let mut event = BalancerWithLists.event("GET", "/", &[HOST, JSON], None);
    event["multiValueHeaders"]["host"] = json!(["a", "b"]);
    asked.expect(BalancerWithLists, &event, "two hosts", 400, "host_malformed");
    // None, and no name of the gateway's either.
    for front in [Rest, HttpApi, FunctionUrl] {
        let mut event = front.event("GET", "/", &[JSON], None);
        asked.expect(front, &event, "no host", 200, "");
        event["requestContext"]["domainName"] = Value::Null;
        asked.expect(front, &event, "no host, no name", 400, "host_malformed");
    }
}

fn bodies(asked: &mut Asked<'_>) {
    for front in FRONTS {
        let mut odd = |body: Value, is_base64: Value, status: u64, code: &str| {
            let mut event = front.event("POST", "/saml", &[HOST, JSON, FORM], None);
            let what = body.to_string();
            (event["body"], event["isBase64Encoded"]) = (body, is_base64);
            asked.expect(front, &event, &what, status, code);
        };
        for body in ["!", "=", "a", "dGV4dA", "dGV4dA==\n", "dGV4 dA==", "SAMLResponse=a", "ü", "\0", "____"]
        {
            odd(json!(body), json!(true), 400, "request_malformed");
        }
        for body in [json!(1), json!(true), json!([]), json!({ "a": "b" })] {
            odd(body, json!(false), 400, "request_malformed");
        }
        odd(json!("a=b"), json!("yes"), 400, "request_malformed");
        for (body, is_base64) in [
            (json!(""), json!(false)),
            (json!(""), json!(true)),
            (Value::Null, json!(true)),
            (Value::Null, Value::Null),
            (json!("a=b"), Value::Null),
            (json!(STANDARD.encode("a=b")), json!(true)),
        ] {
            odd(body, is_base64, 400, "response_missing");
        }
        odd(json!("SAMLResponse=%"), json!(false), 400, "form_malformed");
        odd(json!("\0=%zz"), json!(false), 400, "form_malformed");
        odd(json!(STANDARD.encode(b"\xff\xfe")), json!(true), 400, "form_malformed");
        odd(json!(long("a", 5_000_000)), json!(false), 413, "body_too_large");
        odd(json!(STANDARD.encode(long("a", 4_000_000))), json!(true), 413, "body_too_large");
    }
}

/// Each field gone, `null`, or of another kind than the front would write.
fn fields(asked: &mut Asked<'_>) {
    let others =
        [json!("x"), json!(1), json!(true), json!([]), json!({}), json!([null]), json!({ "x": null })];
    for front in FRONTS {
        let whole = front.event("GET", "/config.json", &[HOST, JSON], None);
        for place in ["", "/requestContext"] {
            let Some(object) = whole.pointer(place).and_then(Value::as_object) else { continue };
            for name in object.keys() {
                let what = format!("{place}/{name}");
                let mut gone = whole.clone();
                gone.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
                // Without `elb` nothing says that it comes from a load balancer.
                let is_balanced = matches!(front, Balancer | BalancerWithLists);
                let seen = |event: &Value| {
                    if is_balanced && event.pointer("/requestContext/elb").is_none() {
                        Rest
                    } else if front == BalancerWithLists && !event["multiValueHeaders"].is_object() {
                        Balancer
                    } else {
                        front
                    }
                };
                asked.ask(seen(&gone), &gone, &format!("without {what}"));
                for other in [Value::Null].iter().chain(&others) {
                    let mut event = whole.clone();
                    event.pointer_mut(place).unwrap()[name] = other.clone();
                    asked.ask(seen(&event), &event, &format!("{what} is {other}"));
                }
            }
        }
    }
}

/// Whoever is not named as an ARN by what has checked the signature is nobody.
fn callers(asked: &mut Asked<'_>) {
    for front in FRONTS {
        let whole = front.event("GET", "/users", &[HOST, JSON, ("userArn", ARN), ("X-User-Arn", ARN)], None);
        for arn in [json!(""), json!(" "), Value::Null, json!("anonymous"), json!("AIDA"), json!(ARN)] {
            let mut event = whole.clone();
            event["userArn"] = arn.clone();
            event["requestContext"]["userArn"] = arn.clone();
            let (identity, iam) =
                (json!({ "userArn": arn, "sourceIp": "203.0.113.9" }), json!({ "userArn": arn }));
            event["requestContext"]["identity"] = identity;
            event["requestContext"]["authorizer"] = json!({ "iam": iam, "userArn": arn });
            let is_named = arn == ARN && !matches!(front, Balancer | BalancerWithLists);
            let (status, code) = if is_named { (200, "") } else { (403, "ping_not_signed") };
            asked.expect(front, &event, &format!("userArn {arn}"), status, code);
        }
        asked.expect(front, &whole, "no userArn", 403, "ping_not_signed");
    }
}

#[test]
fn whatever_clients_send_is_answered_and_people_still_sign_in() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    let mut asked = Asked { function: &function, number: 0 };
    for odd in [queries, paths, methods, headers, bodies, fields, callers] {
        odd(&mut asked);
    }
    println!("{} odd events", asked.number);
    assert!(asked.number >= 135);
    let log = function.log_text();
    assert!(!log.contains("panicked") && !log.contains("\"code\":\"internal\""), "{log}");
    for front in FRONTS {
        signs_in(&function, front);
    }
}

fn signs_in(function: &LambdaHost, front: Front) {
    let posted = front.event("POST", "/saml", &[HOST, FORM], Some(&form(&format!("_odd_{front:?}"))));
    let answer = function.invoke(&posted).unwrap();
    assert_eq!(answer["statusCode"], 302, "{front:?}: {answer}");
    let bearer = format!("Bearer {}", ticket_of(&answer));
    let headers = [HOST, ("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
    let taken = function.invoke(&front.event("GET", "/saml", &headers, None)).unwrap();
    assert_eq!(taken["statusCode"], 200, "{front:?}: {taken}");
}

/// A function that is connected to the wrong thing says so, and to what.
#[test]
fn what_is_no_request_is_an_error_in_words() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    let mut authorizers = Rest.event("GET", "/saml", &[HOST], None);
    authorizers["type"] = json!("REQUEST");
    authorizers["methodArn"] = json!("arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml");
    for (event, name) in [
        (
            json!({ "version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} }),
            "an event of \"aws.events\", \"Scheduled Event\"",
        ),
        (json!({ "Records": [{ "eventSource": "aws:sqs", "body": "secret" }] }), "an event of \"aws:sqs\""),
        (authorizers, "an event for an authorizer, a function of its own"),
        (json!({ "key1": "secret" }), "an object with \"key1\""),
        (json!({}), "an empty object"),
        (json!([1]), "a list"),
        (json!("secret"), "a single value"),
        (Value::Null, "a single value"),
    ] {
        let error = function.invoke(&event).unwrap_err();
        assert_eq!(error["errorType"], "event_refused", "{error}");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.ends_with(&format!("and this is {name}")), "{message}");
    }
    let log = function.log_text();
    assert!(log.contains("and this is an event of") && !log.contains("secret"), "{log}");
    signs_in(&function, Rest);
}
