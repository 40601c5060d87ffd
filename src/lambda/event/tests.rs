use super::*;
use http::Method;
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::json;

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula";

fn rest() -> Value {
    json!({
        "httpMethod": "GET", "path": "/saml/login",
        "headers": { "Host": "a.example.com", "X-Two": "2" },
        "multiValueHeaders": { "Host": ["a.example.com"], "X-Two": ["1", "2"] },
        "queryStringParameters": { "RelayState": "s##c" },
        "multiValueQueryStringParameters": { "RelayState": ["s##c"], "idp": ["A B", "C"] },
        "requestContext": {
            "stage": "prod", "domainName": "api.example.com", "protocol": "HTTP/1.1",
            "identity": { "sourceIp": "203.0.113.9", "userArn": ARN }
        },
        "body": "text!", "isBase64Encoded": false
    })
}

fn http_api() -> Value {
    json!({
        "version": "2.0", "rawPath": "/prod/saml/login", "rawQueryString": "RelayState=s%23%23c",
        "headers": { "host": "a.example.com", "x-two": "1,2" }, "cookies": ["a=b", "c=d"],
        "requestContext": {
            "stage": "prod", "domainName": "api.example.com",
            "http": { "method": "POST", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9" },
            "authorizer": { "iam": { "userArn": ARN } }
        },
        "body": "dGV4dA==", "isBase64Encoded": true
    })
}

fn balancer() -> Value {
    json!({
        "httpMethod": "GET", "path": "/saml/login",
        "headers": { "host": "a.example.com", "x-forwarded-for": "1.1.1.1, 203.0.113.9" },
        "queryStringParameters": { "RelayState": "s%23%23c" },
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:::targetgroup/a/b" } },
        "body": "", "isBase64Encoded": false
    })
}

fn request(event: &Value) -> Request {
    read(event.clone(), "").unwrap().1
}

fn is_unreadable(request: &Request) -> bool {
    request.extensions().get::<Unreadable>().is_some()
}

fn peer(request: &Request) -> Option<String> {
    request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string())
}

fn caller(event: &Value) -> Option<String> {
    request(event).extensions().get::<GatewayCaller>().map(|caller| caller.0.clone())
}

async fn body_of(request: Request) -> Vec<u8> {
    request.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// The event with other values at these places.
fn with(mut event: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    event
}

#[tokio::test]
async fn each_payload_is_read() {
    let (payload, request) = read(rest(), "").unwrap();
    assert_eq!(payload, Payload::Rest);
    assert_eq!(request.uri(), "/saml/login?RelayState=s%23%23c&idp=A+B&idp=C");
    assert_eq!(request.headers().get_all("x-two").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!((peer(&request).unwrap(), request.version()), ("203.0.113.9".to_owned(), Version::HTTP_11));
    assert!(!is_unreadable(&request));
    assert_eq!(body_of(request).await, b"text!");

    let (payload, request) = read(http_api(), "").unwrap();
    assert_eq!((payload, request.method()), (Payload::Http, &Method::POST));
    assert_eq!(request.uri(), "/saml/login?RelayState=s%23%23c");
    assert_eq!(request.headers()["cookie"], "a=b; c=d");
    assert_eq!(peer(&request).unwrap(), "203.0.113.9");
    assert!(!is_unreadable(&request));
    assert_eq!(body_of(request).await, b"text");

    let (payload, request) = read(balancer(), "").unwrap();
    assert_eq!(payload, Payload::LoadBalancer { multi_value_headers: false });
    assert_eq!(request.uri(), "/saml/login?RelayState=s%23%23c");
    assert_eq!(peer(&request).unwrap(), "203.0.113.9");
    assert!(!is_unreadable(&request));

    let lists = [
        ("/headers", Value::Null),
        ("/multiValueHeaders", json!({ "host": ["a", "b"], "x-forwarded-for": ["1.1.1.1", "2.2.2.2"] })),
        ("/multiValueQueryStringParameters", json!({ "a": ["%20", ""] })),
    ];
    let (payload, request) = read(with(balancer(), &lists), "").unwrap();
    assert_eq!(payload, Payload::LoadBalancer { multi_value_headers: true });
    assert_eq!((request.uri().query(), peer(&request).unwrap()), (Some("a=%20&a="), "2.2.2.2".to_owned()));
    assert_eq!(request.headers().get_all("host").iter().count(), 2);
}

#[test]
fn what_cannot_be_part_of_a_request_makes_it_unreadable() {
    for (event, pointer, values) in [
        (rest(), "/httpMethod", json!([null, "", "GET POST", "G\u{0}T", 1])),
        (rest(), "/path", json!([null, "saml", "*", "http://a/saml", ["/saml"], "/a".repeat(40_000)])),
        (
            rest(),
            "/multiValueHeaders",
            json!([{ "x": ["a\nb"] }, { "x": ["\u{7f}"] }, { "": ["a"] }, { "a b": [""] }, "x"]),
        ),
        (rest(), "/isBase64Encoded", json!([true, "yes", 1])),
        (rest(), "/body", json!([1, {}, []])),
        (http_api(), "/requestContext/http", json!([null, {}, { "method": "" }, "x"])),
        (http_api(), "/rawPath", json!([null, "saml"])),
        (http_api(), "/rawQueryString", json!(["\"", "<", ">", " ", "a=b c", "\n", "\u{0}", "\u{7f}"])),
        (http_api(), "/body", json!(["!", "dGV4dA", "dGV4dA==\n", "dGV4\u{fc}"])),
        (balancer(), "/queryStringParameters", json!([{ "a": " " }, { "<": "" }])),
        (balancer(), "/headers", json!([{ "host": "a\rb" }, []])),
    ] {
        for value in values.as_array().unwrap() {
            let event = with(event.clone(), &[(pointer, value.clone())]);
            assert!(is_unreadable(&request(&event)), "{pointer} {value}");
        }
    }
    for (event, pointer, values) in [
        (rest(), "/path", json!(["", "/", "/saml<", "/saml?x#y", "/ü\u{0}"])),
        (rest(), "/multiValueHeaders", json!([null, {}, { "host": null }, { "host": [null, "ü"] }])),
        (rest(), "/multiValueQueryStringParameters", json!([null, {}, { "<\u{0}": ["\"", null] }])),
        (rest(), "/body", json!([null, "", "\u{0}", "ü"])),
        (rest(), "/isBase64Encoded", json!([null, false])),
        (http_api(), "/rawQueryString", json!([null, "", "a", "%", "%zz", "ü", "a#b"])),
        (http_api(), "/cookies", json!([null, [], [null]])),
        (http_api(), "/requestContext/http/sourceIp", json!([null, "", "nonsense", "2001:db8::7"])),
        (balancer(), "/headers", json!([null, {}, { "x-forwarded-for": "nonsense" }])),
    ] {
        for value in values.as_array().unwrap() {
            let event = with(event.clone(), &[(pointer, value.clone())]);
            assert!(!is_unreadable(&request(&event)), "{pointer} {value}");
        }
    }
    // More than a HeaderMap takes: it would panic.
    let many: BTreeMap<_, _> = (0..40_000).map(|n| (format!("x-{n}"), "")).collect();
    assert!(is_unreadable(&request(&with(http_api(), &[("/headers", json!(many))]))));
}

/// What is readable of it decides how the refusal looks, and where it is counted.
#[test]
fn the_readable_parts_of_an_unreadable_request_stay() {
    let event = with(http_api(), &[("/body", json!("!")), ("/headers/accept", json!("text/html"))]);
    let request = request(&event);
    assert!(is_unreadable(&request));
    assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/saml/login"));
    assert_eq!(
        (request.headers()["accept"].as_bytes(), peer(&request)),
        (&b"text/html"[..], Some("203.0.113.9".to_owned()))
    );
    let request = self::request(&with(http_api(), &[("/rawQueryString", json!("<"))]));
    assert_eq!(request.uri().path(), "*", "no route of ours");
}

#[test]
fn the_host_is_what_the_client_sent_or_the_gateways_name() {
    let hosts = |event: &Value| -> Vec<String> {
        let request = request(event);
        let hosts = request.headers().get_all("host").iter();
        hosts.map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()).collect()
    };
    assert_eq!(
        hosts(&with(rest(), &[("/multiValueHeaders", Value::Null), ("/headers", Value::Null)])),
        ["api.example.com"]
    );
    assert_eq!(hosts(&with(http_api(), &[("/headers", json!({}))])), ["api.example.com"]);
    assert_eq!(hosts(&with(http_api(), &[("/headers/host", json!("a, b"))])), ["a", "b"]);
    assert_eq!(hosts(&with(http_api(), &[("/headers/host", json!(""))])), [""]);
    assert_eq!(hosts(&with(http_api(), &[("/headers/Host", json!("b"))])), ["b", "a.example.com"]);
    // A health check, which is for no host.
    let check = with(balancer(), &[("/headers", json!({ "user-agent": "ELB-HealthChecker/2.0" }))]);
    assert_eq!((hosts(&check).len(), request(&check).version()), (0, Version::HTTP_10));
    let nameless = [("/headers", json!({})), ("/requestContext/domainName", Value::Null)];
    assert_eq!(hosts(&with(http_api(), &nameless)).len(), 0);
    assert_eq!(request(&with(http_api(), &nameless)).version(), Version::HTTP_11);
}

#[test]
fn a_caller_is_who_the_gateway_says_and_nobody_else() {
    let (in_rest, in_http) = ("/requestContext/identity/userArn", "/requestContext/authorizer/iam/userArn");
    assert_eq!(caller(&rest()).as_deref(), Some(ARN));
    assert_eq!(caller(&http_api()).as_deref(), Some(ARN));
    for value in [json!(""), json!(" "), Value::Null, json!(1), json!([ARN]), json!("anonymous")] {
        assert_eq!(caller(&with(rest(), &[(in_rest, value.clone())])), None, "{value}");
        assert_eq!(caller(&with(http_api(), &[(in_http, value.clone())])), None, "{value}");
    }
    let none = with(http_api(), &[("/requestContext/authorizer", Value::Null)]);
    assert_eq!(caller(&none), None);
    // Every place that is not the gateway's, and every other format's.
    for (event, pointer) in [
        (with(rest(), &[(in_rest, Value::Null)]), "/headers"),
        (with(rest(), &[(in_rest, Value::Null)]), "/queryStringParameters"),
        (with(rest(), &[(in_rest, Value::Null)]), ""),
        (
            with(rest(), &[(in_rest, Value::Null), ("/requestContext/authorizer", json!({}))]),
            "/requestContext/authorizer",
        ),
        (none.clone(), "/headers"),
        (none.clone(), ""),
        (none, "/requestContext"),
        (balancer(), "/headers"),
        (balancer(), ""),
        (balancer(), "/requestContext"),
    ] {
        for (field, value) in [
            ("userArn", json!(ARN)),
            ("user", json!(ARN)),
            ("identity", json!({ "userArn": ARN })),
            ("iam", json!({ "userArn": ARN })),
            ("authorizer", json!({ "userArn": ARN })),
        ] {
            let mut event = event.clone();
            let claims = event.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            claims.insert(field.to_owned(), value);
            assert_eq!(caller(&event), None, "{pointer}/{field}");
        }
    }
}

#[test]
fn what_is_no_request_is_named() {
    for (event, name) in [
        (json!({ "Records": [{ "eventSource": "aws:sqs", "body": "x" }] }), "an event of \"aws:sqs\""),
        (json!({ "Records": [{ "EventSource": "aws:sns" }] }), "an event of \"aws:sns\""),
        (
            json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} }),
            "an event of \"aws.events\", \"Scheduled Event\"",
        ),
        (json!({ "requestContext": { "connectionId": "a=" } }), "an event of a WebSocket API"),
        (
            json!({ "version": "2.0", "path": "/", "method": "GET", "requestContext": { "serviceNetworkArn": "a" } }),
            "an event of VPC Lattice",
        ),
        (
            json!({ "type": "TOKEN", "authorizationToken": "a", "methodArn": "b" }),
            "an event for an authorizer",
        ),
        (json!({ "version": "0", "resources": [] }), "an object with \"resources\", \"version\""),
        (with(rest(), &[("/methodArn", json!("a"))]), "an event for an authorizer"),
        (with(http_api(), &[("/routeArn", json!("a"))]), "an event for an authorizer"),
        (json!({ "key1": "value1", "key2": "\u{0}" }), "an object with \"key1\", \"key2\""),
        (json!({ "\n".repeat(100): 1 }), &format!("an object with \"{}\"", "\\n".repeat(64))),
        (json!({}), "an empty object"),
        (json!([]), "a list"),
        (json!(null), "a single value"),
        (json!("text"), "a single value"),
    ] {
        let refused = read(event.clone(), "").unwrap_err().to_string();
        assert!(refused.contains(&format!("and this is {name}")), "{event}: {refused}");
        assert!(!refused.contains("value1"), "{refused}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            Just("/saml"),
            Just("GET"),
            Just("HTTP/1.0"),
            Just("a.example.com"),
            Just(ARN),
            Just("dGV4dA==")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let map = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            map.prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

/// A place of each field that is read, with anything there.
fn any_change() -> impl Strategy<Value = (&'static str, Value)> {
    const PLACES: &[&str] = &[
        "/httpMethod",
        "/path",
        "/headers",
        "/headers/host",
        "/headers/x-forwarded-for",
        "/multiValueHeaders",
        "/queryStringParameters",
        "/multiValueQueryStringParameters",
        "/body",
        "/isBase64Encoded",
        "/rawPath",
        "/rawQueryString",
        "/cookies",
        "/version",
        "/requestContext/stage",
        "/requestContext/domainName",
        "/requestContext/protocol",
        "/requestContext/identity",
        "/requestContext/http",
        "/requestContext/authorizer",
        "/requestContext/elb",
    ];
    (proptest::sample::select(PLACES), any_json())
}

proptest! {
    #[test]
    fn nothing_in_the_fields_of_an_event_makes_it_panic(
        event in prop_oneof![Just(rest()), Just(http_api()), Just(balancer())],
        changes in proptest::collection::vec(any_change(), 1..4),
    ) {
        let mut changed = event;
        for change in changes {
            // Where what is above has become something else, there is no such field.
            let parent = changed.pointer(change.0.rsplit_once('/').unwrap().0);
            if parent.is_some_and(Value::is_object) {
                changed = with(changed, &[change]);
            }
        }
        let (_, request) = read(changed, "/sign-in").unwrap();
        prop_assert!(request.uri().authority().is_none());
        prop_assert!(is_unreadable(&request) || request.uri().path().starts_with('/'));
        prop_assert!(request.extensions().get::<GatewayCaller>().is_none_or(|caller| caller.0.starts_with("arn:")));
    }

    #[test]
    fn no_json_makes_it_panic(event in any_json()) {
        let _ = read(event, "");
    }
}
