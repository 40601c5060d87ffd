//! What every answer carries, what pages load, and what operators read.

use super::support::faults::Fault;
use super::support::log::Log;
use super::{Answer, ORIGIN, Vestibule, request, settings};
use axum::body::Body;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;
use vestibule::broker::Binding;
use vestibule::config::SignOn;
use vestibule::http::{Unreadable, admin_router, router};

const HOST: [(&str, &str); 1] = [("host", "vestibule.example.com")];

fn assert_secure(answer: &Answer) {
    let csp = answer.header("content-security-policy");
    assert!(csp.starts_with("default-src 'none'; ") && !csp.contains("unsafe"), "{csp}");
    assert!(csp.contains("frame-ancestors 'none'") && csp.contains("base-uri 'none'"), "{csp}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("strict-transport-security", "max-age=63072000"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(!answer.header("permissions-policy").is_empty());
    let reference = answer.header("x-request-id");
    assert_eq!((reference.len(), reference.as_bytes()[4]), (9, b'-'));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_reference() {
    let vestibule = Vestibule::new();
    for (method, path) in [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/style.css"),
        ("GET", "/config.json"),
        ("GET", "/saml/metadata"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/saml"),
        ("POST", "/saml"),
        ("PUT", "/saml"),
        ("OPTIONS", "/saml"),
        ("GET", "/users"),
        ("POST", "/authorizer"),
        ("GET", "/nowhere"),
        ("GET", "/saml/"),
        ("GET", "//"),
        ("GET", "/%0d%0aSet-Cookie:%20a=b"),
    ] {
        let answer = vestibule.ask(request(method, path, &[], Body::empty())).await;
        assert_secure(&answer);
        assert!(!answer.headers.contains_key("set-cookie"), "{method} {path}");
    }
}

#[tokio::test]
async fn hsts_is_for_https() {
    let mut plain = settings();
    plain.public_url = "http://127.0.0.1:8080".into();
    let vestibule = Vestibule::with(Binding::Challenge, plain);
    assert!(!vestibule.get("/", &[]).await.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn references_are_ours_and_new_each_time() {
    let vestibule = Vestibule::new();
    let first = vestibule.get("/nowhere", &[("x-request-id", "FORG-ED00")]).await;
    let second = vestibule.get("/nowhere", &[("x-request-id", "FORG-ED00")]).await;
    assert_ne!(first.header("x-request-id"), "FORG-ED00");
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn an_unknown_path_is_a_page_or_json() {
    let vestibule = Vestibule::new();
    let page = vestibule.get("/nowhere", &[]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    vestibule.get("/nowhere", &[("accept", "application/json")]).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_preflight_is_answered_to_configured_origins_only() {
    let vestibule = Vestibule::new();
    for path in ["/saml", "/users", "/config.json", "/vestibule.js"] {
        let ask = |origin| {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "authorization,vestibule-verifier"),
            ];
            vestibule.ask(request("OPTIONS", path, &headers, Body::empty()))
        };
        let answer = ask(ORIGIN).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(answer.header("access-control-allow-methods"), "GET");
        assert_eq!(answer.header("access-control-max-age"), "600");
        assert!(answer.header("vary").eq_ignore_ascii_case("origin"));
        let headers = answer.header("access-control-allow-headers").replace(' ', "");
        for name in [
            "authorization",
            "vestibule-verifier",
            "vestibule-reason",
            "cognito_id",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-content-sha256",
        ] {
            assert!(headers.split(',').any(|allowed| allowed == name), "{name}");
        }
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));

        for stranger in [
            "https://evil.example",
            "null",
            "*",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "",
        ] {
            let answer = ask(stranger).await;
            assert!(answer.header("vary").eq_ignore_ascii_case("origin"));
            let shared = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
            assert!(!shared, "{stranger}");
        }
    }
}

#[tokio::test]
async fn errors_can_be_read_by_the_page_too() {
    let vestibule = Vestibule::new();
    let from_page = [("origin", ORIGIN)];
    for (method, path, status) in [
        ("GET", "/saml", 401),
        ("PUT", "/saml", 405),
        ("GET", "/users", 403),
        ("PUT", "/vestibule.js", 405),
        ("DELETE", "/config.json", 405),
    ] {
        let answer = vestibule.ask(request(method, path, &from_page, Body::empty())).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "{method} {path}");
        assert_eq!(answer.header("access-control-expose-headers"), "x-request-id");
    }
}

#[tokio::test]
async fn what_is_not_for_pages_is_not_shared() {
    let vestibule = Vestibule::new();
    for (method, path) in
        [("POST", "/saml"), ("POST", "/authorizer"), ("GET", "/saml/metadata"), ("GET", "/x")]
    {
        let answer = vestibule.ask(request(method, path, &[("origin", ORIGIN)], Body::empty())).await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{method} {path}");
    }
}

/// Any service and any page may verify tickets; failures are not cached.
#[tokio::test]
async fn public_keys_are_for_everybody_and_may_be_kept_a_minute() {
    let vestibule = Vestibule::new();
    for origin in [ORIGIN, "https://elsewhere.example"] {
        let answer = vestibule.get("/.well-known/jwks.json", &[("origin", origin)]).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"keys":[]}"#));
        assert_eq!(answer.header("content-type"), "application/jwk-set+json");
        assert_eq!(answer.header("cache-control"), "public, max-age=60");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    let put = vestibule.ask(request("PUT", "/.well-known/jwks.json", &[], Body::empty())).await;
    put.refused(405, "method_not_allowed");
    vestibule.service.plan.at("public_keys", Fault::Down);
    vestibule.get("/.well-known/jwks.json", &[]).await.refused(503, "keys_unavailable");
}

#[tokio::test]
async fn when_all_slots_are_taken_the_next_is_told_at_once() {
    let mut narrow = settings();
    narrow.max_concurrent_requests = 1;
    let vestibule = Vestibule::with(Binding::Challenge, narrow);
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();
    let gate = vestibule.service.plan.hold_takes().await;
    let first = request("GET", "/saml", &headers, Body::empty());
    let first = tokio::spawn(router(vestibule.service.app.clone()).oneshot(first));
    vestibule.service.plan.take_came().await;

    let answer = vestibule.get("/saml", &[("origin", ORIGIN)]).await;
    answer.refused(503, "busy");
    assert_eq!((answer.header("retry-after"), &answer.json()["retry_after"]), ("1", &1.into()));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_secure(&answer);
    let preflight = [("origin", ORIGIN), ("access-control-request-method", "GET")];
    let answer = vestibule.ask(request("OPTIONS", "/saml", &preflight, Body::empty())).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN, "else the page could not read the 503");

    drop(gate);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    vestibule.get("/saml", &[]).await.refused(401, "ticket_missing");
}

#[tokio::test]
async fn a_defect_ends_one_request_with_a_reference() {
    let vestibule = Vestibule::new();
    vestibule.service.plan.at("verify", Fault::Panic);
    let answer = vestibule.get("/saml", &[("authorization", "Bearer x"), ("origin", ORIGIN)]).await;
    answer.refused(500, "internal");
    assert!(answer.json().get("retry_after").is_none(), "nobody knows what was consumed");
    assert_secure(&answer);
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert!(!answer.body.contains("defect"), "nothing of the panic is shown");
    vestibule.get("/saml", &[]).await.refused(401, "ticket_missing");
}

#[tokio::test]
async fn config_json_says_what_a_page_needs() {
    let mut settings = settings();
    let unknown =
        SignOn { name: "UNKNOWN".into(), label: "UNKNOWN".into(), sign_on_url: None, relying_party_id: None };
    settings.sign_on.push(unknown);
    let vestibule = Vestibule::with(Binding::Challenge, settings);
    let answer = vestibule.get("/config.json", &[("origin", ORIGIN)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "version": "0.1.0",
            "public_url": "https://vestibule.example.com",
            "acs_url": "https://vestibule.example.com/saml",
            "region": "eu-central-1",
            "binding": "challenge",
            "jwt_in": "fragment",
            "console": false,
            "local_credentials": false,
            "rules": "advisory",
            "shell": false,
            "ping": true,
            "pages": [],
            "ping_url": null,
            "contact": "Help desk <help@example.com>",
            "identity_providers": [
                {
                    "name": "ADFS",
                    "label": "Example sign-in",
                    "idp_initiated": true,
                    "sp_initiated": true,
                    "sign_on_url": "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx",
                    "relying_party_id": "urn:amazon:webservices",
                },
                {
                    "name": "UNKNOWN",
                    "label": "UNKNOWN",
                    "idp_initiated": false,
                    "sp_initiated": false,
                    "sign_on_url": null,
                    "relying_party_id": null,
                },
            ],
        })
    );
}

/// The button is there where somebody can check a ping, in each way of running.
#[tokio::test]
async fn config_json_says_whether_and_how_to_ping() {
    let api = "https://abc123.execute-api.eu-west-1.amazonaws.com/v1/users";
    let own = "https://api.example.com/users";
    let local = Vestibule::new().service.callers;
    for (callers, ping_url, gateway, ping, region, users) in [
        // The local token service; STS without a gateway.
        (local, None, false, true, "eu-central-1", 403),
        (None, None, false, false, "eu-central-1", 404),
        // A gateway that answers by itself; one that asks us; one that has no ping.
        (None, Some(api), false, true, "eu-west-1", 404),
        (None, Some(own), true, true, "eu-central-1", 403),
        (None, None, true, false, "eu-central-1", 403),
    ] {
        let settings = vestibule::http::HttpSettings { ping_url: ping_url.map(Into::into), ..settings() };
        let mut vestibule = Vestibule::new().serving(settings, callers);
        if gateway {
            let app = Arc::into_inner(vestibule.service.app).unwrap().behind_gateway();
            vestibule.service.app = Arc::new(app);
        }
        let config = vestibule.get("/config.json", &HOST).await.json();
        let said = (&config["ping"], &config["ping_url"], &config["region"]);
        assert_eq!(said, (&ping.into(), &ping_url.into(), &region.into()));
        let status = vestibule.get("/users", &HOST).await.status;
        assert_eq!(status.as_u16(), users, "{config}");
    }
}

/// What our own listener refuses before a handler sees it, a gateway may forward.
#[tokio::test]
async fn behind_a_gateway_a_request_must_be_one_too() {
    let mut vestibule = Vestibule::new();
    let app = Arc::into_inner(vestibule.service.app).unwrap().behind_gateway();
    vestibule.service.app = Arc::new(app);
    let json = ("accept", "application/json");
    for (headers, code) in [
        (&[json] as &[_], "host_malformed"),
        (&[json, ("host", "a"), ("host", "b")], "host_malformed"),
        (&[json, ("host", "a b")], "host_malformed"),
        (&[json, ("host", "")], "host_malformed"),
        (&[json, ("host", "a")], ""),
    ] {
        let answer = vestibule.get("/", headers).await;
        assert_eq!(answer.status, if code.is_empty() { 200 } else { 400 }, "{headers:?}");
        assert!(code.is_empty() || answer.json()["error"] == code, "{headers:?}: {}", answer.body);
    }
    for accept in ["application/json", "text/html"] {
        let mut request = request("GET", "/", &[("accept", accept), ("host", "a")], Body::empty());
        request.extensions_mut().insert(Unreadable);
        let answer = vestibule.ask(request).await;
        assert_eq!(answer.status, 400);
        assert_secure(&answer);
        assert!(answer.header("content-type").starts_with(accept));
        assert!(answer.body.contains("request_malformed"), "{}", answer.body);
        assert!(answer.body.contains(answer.header("x-request-id")), "{}", answer.body);
    }
}

#[tokio::test]
async fn metadata_is_served_as_what_it_is() {
    let answer = Vestibule::new().get("/saml/metadata", &[]).await;
    assert_eq!(answer.header("content-type"), "application/samlmetadata+xml");
    assert_eq!(answer.body, "<EntityDescriptor/>");
}

#[tokio::test]
async fn assets_are_revalidated_not_reloaded() {
    let vestibule = Vestibule::new();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/formats.js", "text/javascript; charset=utf-8"),
        ("/errand.js", "text/javascript; charset=utf-8"),
        ("/shell.js", "text/javascript; charset=utf-8"),
        ("/words.js", "text/javascript; charset=utf-8"),
        ("/words.json", "application/json"),
        ("/vestibule.js", "text/javascript; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
    ] {
        let answer = vestibule.get(path, &[]).await;
        assert_eq!(
            (answer.header("content-type"), answer.header("cache-control")),
            (content_type, "no-cache")
        );
        let etag = answer.header("etag");
        for known in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let answer = vestibule.get(path, &[("if-none-match", &known)]).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
            assert_eq!(answer.header("etag"), etag);
        }
        assert_eq!(vestibule.get(path, &[("if-none-match", "\"other\"")]).await.status, 200);
    }
}

#[tokio::test]
async fn the_module_can_be_imported_by_pages_of_the_configured_origins() {
    let vestibule = Vestibule::new();
    let answer = vestibule.get("/vestibule.js", &[("origin", ORIGIN)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    let etag = answer.header("etag").to_owned();
    let again = vestibule.get("/vestibule.js", &[("origin", ORIGIN), ("if-none-match", &etag)]).await;
    assert_eq!((again.status.as_u16(), again.header("access-control-allow-origin")), (304, ORIGIN));
    for (path, origin) in [("/vestibule.js", "https://evil.example"), ("/page.js", ORIGIN), ("/", ORIGIN)] {
        let answer = vestibule.get(path, &[("origin", origin)]).await;
        let shared = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!shared, "{path} for {origin}");
    }
}

#[tokio::test]
async fn the_page_loads_only_what_is_here_and_has_nothing_inline() {
    let vestibule = Vestibule::new();
    let refusal = vestibule.get("/nowhere", &[]).await.body;
    let inline = regex::Regex::new(r"\sstyle=|<style|\son[a-z]+=|javascript:").unwrap();
    for html in [vestibule.get("/", &[]).await.body, refusal] {
        for attribute in ["src=\"", "href=\""] {
            for url in html.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                if url != settings().redirect_url {
                    // The page's are relative: it can be copied to where it is not at the root.
                    let path = format!("/{}", url.trim_start_matches("./").trim_start_matches('/'));
                    assert_eq!(vestibule.get(&path, &[]).await.status, 200, "{url}");
                }
            }
        }
        assert!(!inline.is_match(&html), "{html}");
        assert!(html.split("<script").skip(1).all(|s| s.contains(" src=\"") && s.contains("></script>")));
    }
}

async fn admin(vestibule: &Vestibule, path: &str) -> (u16, String) {
    let answer =
        admin_router(vestibule.service.app.clone()).oneshot(request("GET", path, &[], Body::empty())).await;
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn operators_read_health_readiness_and_metrics_elsewhere() {
    let vestibule = Vestibule::new();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(vestibule.get(path, &[]).await.status, 404, "not on the public listener");
        assert_eq!(admin(&vestibule, path).await.0, 200);
    }
    vestibule.service.plan.at("ready", Fault::Down);
    assert_eq!(admin(&vestibule, "/readyz").await, (503, "store_unavailable\n".into()));
    assert_eq!(admin(&vestibule, "/healthz").await.0, 200);
}

#[tokio::test]
async fn metrics_count_by_outcome_and_nobody_can_add_labels() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();
    vestibule.get("/saml", &headers).await;
    vestibule.get("/saml", &headers).await;
    vestibule.get("/invented-1", &[]).await;
    vestibule.get("/invented-2", &[]).await;
    vestibule.ask(request("INVENTED", "/saml", &[], Body::empty())).await;
    let (_, metrics) = admin(&vestibule, "/metrics").await;
    for line in [
        "vestibule_requests_total{method=\"GET\",route=\"/saml\",code=\"delivered\"} 1",
        "vestibule_requests_total{method=\"GET\",route=\"/saml\",code=\"gone\"} 1",
        "vestibule_requests_total{method=\"GET\",route=\"(none)\",code=\"not_found\"} 2",
        "vestibule_requests_total{method=\"other\",route=\"/saml\",code=\"method_not_allowed\"} 1",
        "vestibule_requests_in_flight 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}\n{metrics}");
    }
    assert!(!metrics.to_lowercase().contains("invented"));
}

/// The subscriber is global: tracing caches for all threads whether a line is
/// wanted, so a subscriber of this thread alone misses lines that another thread
/// met first.
#[tokio::test]
async fn the_log_tells_what_happened_and_holds_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = [
        ("authorization", waiting.ticket.as_str()),
        ("vestibule-verifier", waiting.verifier.as_str()),
        ("x-forwarded-for", "header-canary"),
        ("user-agent", "header-canary"),
    ];
    let delivered = vestibule.get("/saml?query-canary=1", &headers).await;
    let gone = vestibule.get("/saml?query-canary=1", &headers).await;
    vestibule.post("SAMLResponse=body-canary&RelayState=body-canary").await;
    vestibule.get("/path-canary", &[]).await;

    let log = log.text();
    let line = |answer: &Answer, code: &str| {
        // The reference is the login's; of its requests, the one that ended so.
        let (reference, code) = (answer.header("x-request-id"), format!("\"code\":\"{code}\""));
        let wanted = |l: &&str| l.contains("request answered") && l.contains(reference) && l.contains(&code);
        let mut lines = log.lines().filter(wanted);
        let line: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert!(lines.next().is_none(), "one line per request");
        line["fields"].clone()
    };
    assert_eq!(
        (&line(&delivered, "delivered")["route"], &line(&delivered, "delivered")["status"]),
        (&"/saml".into(), &200.into())
    );
    let reference = delivered.header("x-request-id");
    assert!(
        log.lines().any(|line| line.contains("login delivered") && line.contains(reference)),
        "each line of a request carries its reference"
    );
    assert!(line(&gone, "gone")["duration_ms"].is_u64());
    let credentials = delivered.json();
    for secret in [
        waiting.ticket.as_str(),
        waiting.ticket.rsplit('.').next().unwrap(),
        &waiting.verifier,
        waiting.session.as_str(),
        credentials["SecretAccessKey"].as_str().unwrap(),
        credentials["SessionToken"].as_str().unwrap(),
        "canary",
    ] {
        assert!(!log.contains(secret), "{secret} in\n{log}");
    }
}
