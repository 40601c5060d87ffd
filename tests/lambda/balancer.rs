//! An Application Load Balancer in front: logins, addresses, health checks, and no ping.

use crate::balancer;
use crate::support::cloud::{Cloud, FORM, VERIFIER, form, ticket_of};
use serde_json::{Value, json};

const HOST: (&str, &str) = ("host", "vestibule.example.com");

#[test]
fn a_login_through_a_load_balancer() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    for lists in [false, true] {
        let post = [HOST, FORM, ("X-Forwarded-For", "198.51.100.1, 203.0.113.9")];
        let posted = balancer(lists, "POST", "/saml", &post, Some(&form(&format!("_balancer{lists}"))));
        let answer = function.invoke(&posted).unwrap();
        assert_eq!(answer["statusDescription"], "302 Found", "{answer}\n{}", function.log_text());
        assert_eq!(
            (answer.get("headers").is_some(), answer.get("multiValueHeaders").is_some()),
            (!lists, lists)
        );

        let bearer = format!("Bearer {}", ticket_of(&answer));
        let get = [HOST, ("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
        let taken = function.invoke(&balancer(lists, "GET", "/saml", &get, None)).unwrap();
        assert_eq!(
            (&taken["statusCode"], &taken["statusDescription"]),
            (&json!(200), &json!("200 OK")),
            "{taken}"
        );
        let credentials: Value = serde_json::from_str(taken["body"].as_str().unwrap()).unwrap();
        assert!(credentials["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
        let again = function.invoke(&balancer(lists, "GET", "/saml", &get, None)).unwrap();
        assert_eq!(again["statusDescription"], "404 Not Found", "{again}");
    }
    // The load balancer has written the last hop, anybody may have written the others.
    let log = function.log_text();
    assert!(log.contains("203.0.113.9") && !log.contains("198.51.100.1"), "{log}");
}

/// CloudFront in front of the load balancer, for one.
#[test]
fn a_trusted_proxy_before_the_load_balancer_is_looked_behind() {
    let cloud = Cloud::start();
    let trusted = cloud.function_with(&[("VESTIBULE_SERVER_TRUSTED_PROXIES", "[\"203.0.113.0/24\"]")]);
    let headers = [HOST, ("X-Forwarded-For", "192.0.2.7, 198.51.100.1, 203.0.113.9")];
    trusted.invoke(&balancer(true, "GET", "/config.json", &headers, None)).unwrap();
    let log = trusted.log_text();
    assert!(log.contains("\"source_ip\":\"198.51.100.1\""), "{log}");
}

#[test]
fn a_query_is_taken_as_the_client_sent_it() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    for lists in [false, true] {
        let mut event = balancer(lists, "GET", "/saml/login", &[HOST, ("accept", "application/json")], None);
        let field = if lists { "multiValueQueryStringParameters" } else { "queryStringParameters" };
        for (idp, status, code) in [
            ("%41%44FS", 400, "relay_state_missing"),
            ("nobody", 400, "relay_state_missing"),
            ("%zz", 400, "form_malformed"),
            ("%2541%2544FS", 400, "relay_state_missing"),
        ] {
            event[field] = if lists { json!({ "idp": [idp] }) } else { json!({ "idp": idp }) };
            let answer = function.invoke(&event).unwrap();
            assert_eq!(answer["statusCode"], status, "{idp}: {answer}");
            assert!(answer["body"].as_str().unwrap().contains(code), "{idp}: {answer}");
        }
        if lists {
            event[field] = json!({ "idp": ["ADFS", "ADFS"] });
            let answer = function.invoke(&event).unwrap();
            assert!(answer["body"].as_str().unwrap().contains("duplicate_field"), "{answer}");
        }
    }
}

/// They have no host, and no address.
#[test]
fn a_health_check_is_answered() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    for lists in [false, true] {
        let check = balancer(lists, "GET", "/config.json", &[("user-agent", "ELB-HealthChecker/2.0")], None);
        assert_eq!(function.invoke(&check).unwrap()["statusDescription"], "200 OK");
    }
}

/// A load balancer checks no signature, whatever a client writes and an event claims.
#[test]
fn a_ping_through_a_load_balancer_is_nobodys() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";
    let headers =
        [HOST, ("Authorization", "AWS4-HMAC-SHA256 x"), ("x-amzn-oidc-identity", arn), ("userArn", arn)];
    let mut event = balancer(false, "GET", "/users", &headers, None);
    event["requestContext"]["identity"] = json!({ "userArn": arn, "sourceIp": "192.0.2.1" });
    event["requestContext"]["authorizer"] = json!({ "iam": { "userArn": arn } });
    let answer = function.invoke(&event).unwrap();
    assert_eq!(answer["statusCode"], 403, "{answer}");
    assert!(answer["body"].as_str().unwrap().contains("ping_not_signed"), "{answer}");
}
