//! Logins, and what they cost.

use crate::http;
use crate::support;
use crate::support::aws::Service;
use crate::support::cloud::{Cloud, FORM, SESSION, VERIFIER, form, rest, ticket_of};
use crate::support::fault_proxy::FaultProxy;
use crate::support::forge;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml";

#[test]
fn a_login_through_a_rest_api_and_its_authorizer() {
    let cloud = Cloud::start();
    let (function, authorizer) = (cloud.function("http"), cloud.function("authorizer"));
    println!("init of the function {:?}, of the authorizer {:?}", function.init, authorizer.init);

    let answer = function.invoke(&rest("POST", "/saml", &[FORM], Some(&form("_rest")))).unwrap();
    assert_eq!(answer["statusCode"], 302, "{answer}\n{}", function.log_text());
    let ticket = ticket_of(&answer);
    let bearer = format!("Bearer {ticket}");
    // While they wait, the table does not say whose they are.
    let waiting = cloud.aws.items("SAMLSessions");
    assert!(!Value::from(waiting.clone()).to_string().contains(forge::PERSON));
    let sealed = waiting.iter().find_map(|item| item["sealed"]["B"].as_str()).unwrap();
    let sealed = STANDARD.decode(sealed).unwrap();
    assert!(!sealed.windows(forge::PERSON.len()).any(|text| text == forge::PERSON.as_bytes()));

    // The authorizer sees the ticket, or ticket and verifier, and consumes nothing.
    let token = json!({ "type": "TOKEN", "authorizationToken": bearer, "methodArn": ARN });
    let request = |verifier: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", verifier)];
        let mut event = rest("GET", "/saml", &headers, None);
        event["type"] = json!("REQUEST");
        event["methodArn"] = json!(ARN);
        event
    };
    for event in [token.clone(), request(VERIFIER)] {
        let policy = authorizer.invoke(&event).unwrap();
        assert_eq!(policy["principalId"], SESSION);
        assert_eq!(policy["policyDocument"]["Statement"][0]["Resource"], ARN);
    }
    // Exactly this message makes API Gateway answer 401; any other, 500.
    for event in [
        request(&"x".repeat(43)),
        json!({ "type": "TOKEN", "authorizationToken": "Bearer x.y.z", "methodArn": ARN }),
        json!({ "type": "TOKEN", "authorizationToken": bearer, "methodArn": ARN.replace("GET", "*") }),
        json!({}),
    ] {
        let error = authorizer.invoke(&event).unwrap_err();
        assert_eq!(error["errorMessage"], "Unauthorized", "{error}");
    }

    let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
    let taken = function.invoke(&rest("GET", "/saml", &headers, None)).unwrap();
    assert_eq!(taken["statusCode"], 200, "{taken}");
    let credentials: Value = serde_json::from_str(taken["body"].as_str().unwrap()).unwrap();
    assert!(credentials["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    let again = function.invoke(&rest("GET", "/saml", &headers, None)).unwrap();
    assert_eq!(again["statusCode"], 404, "{again}");

    let of_person = json!({
        "TableName": "SAMLAudit", "IndexName": "by-person",
        "KeyConditionExpression": "person = :person",
        "ExpressionAttributeValues": { ":person": { "S": format!("{}#{}", "ADFS", forge::PERSON) } },
    });
    let found = cloud.aws.call(Service::DynamoDb, "Query", &of_person).unwrap();
    let found: Vec<_> = found["Items"].as_array().unwrap().iter().map(|item| &item["kind"]["S"]).collect();
    assert_eq!(found, ["login.started", "login.issued", "login.delivered"]);

    // Who it was is what the gateway says, not what a header does.
    assert!(function.log_text().contains("203.0.113.9"), "{}", function.log_text());
    for secret in [ticket.as_str(), VERIFIER, credentials["SecretAccessKey"].as_str().unwrap()] {
        assert!(!function.log_text().contains(secret) && !authorizer.log_text().contains(secret));
    }
}

#[test]
fn a_login_through_an_http_api_and_a_function_url() {
    let cloud = Cloud::start();
    let (function, authorizer) = (cloud.function("http"), cloud.function("authorizer"));
    for stage in ["$default", "prod"] {
        let posted = http(stage, "POST", "/saml", &[FORM], Some(&form(&format!("_http{}", stage.len()))));
        let answer = function.invoke(&posted).unwrap();
        assert_eq!(answer["statusCode"], 302, "{answer}\n{}", function.log_text());
        let bearer = format!("Bearer {}", ticket_of(&answer));
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];

        let mut event = http(stage, "GET", "/saml", &headers, None);
        event["type"] = json!("REQUEST");
        event["routeArn"] = json!(ARN.replace("prod", stage));
        let yes = authorizer.invoke(&event).unwrap();
        assert_eq!(yes["isAuthorized"], true, "{yes}");
        event["headers"]["vestibule-verifier"] = json!("x".repeat(43));
        assert_eq!(authorizer.invoke(&event).unwrap(), json!({ "isAuthorized": false }));

        let taken = function.invoke(&http(stage, "GET", "/saml", &headers, None)).unwrap();
        assert_eq!(taken["statusCode"], 200, "{taken}");
    }
}

/// The question is in the answer, the reason in a header that every gateway passes on.
#[test]
fn a_reason_is_asked_for_through_a_gateway_and_recorded_in_the_table() {
    let cloud = Cloud::start();
    let options = [
        ("VESTIBULE_RULE_0_NAME", "asks"),
        ("VESTIBULE_RULE_0_WHEN_ROLE_NAME_EQUALS", "ADFS-Production"),
        ("VESTIBULE_RULE_0_ASK_REASON", "Which ticket?"),
    ];
    let (function, authorizer) = (cloud.function_with(&options), cloud.function("authorizer"));
    for (assertion, is_rest) in [("_rest", true), ("_http", false)] {
        let event = |method: &str, headers: &[(&str, &str)], body: Option<&str>| match is_rest {
            true => rest(method, "/saml", headers, body),
            false => http("$default", method, "/saml", headers, body),
        };
        let answer = function.invoke(&event("POST", &[FORM], Some(&form(assertion)))).unwrap();
        assert_eq!(answer["statusCode"], 302, "{answer}\n{}", function.log_text());
        let bearer = format!("Bearer {}", ticket_of(&answer));
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
        if is_rest {
            let token = json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": bearer });
            let yes = authorizer.invoke(&token).unwrap();
            assert_eq!(yes["policyDocument"]["Statement"][0]["Effect"], "Allow", "it sees no reason: {yes}");
        }
        let asked = function.invoke(&event("GET", &headers, None)).unwrap();
        assert_eq!(asked["statusCode"], 428, "{asked}");
        let asked: Value = serde_json::from_str(asked["body"].as_str().unwrap()).unwrap();
        assert_eq!((&asked["error"], &asked["ask"]), (&json!("reason_required"), &json!("Which ticket?")));
        let reason = format!("INC-4711%2C%20caf%C3%A9{assertion}");
        let reason = ("Vestibule-Reason", reason.as_str());
        let taken = function.invoke(&event("GET", &[&headers[..], &[reason]].concat(), None)).unwrap();
        assert_eq!(taken["statusCode"], 200, "{taken}");
    }
    let delivered = json!({
        "TableName": "SAMLAudit", "IndexName": "by-time",
        "KeyConditionExpression": "trail = :all", "FilterExpression": "attribute_exists(reason)",
        "ExpressionAttributeValues": { ":all": { "S": "all" } },
    });
    let found = cloud.aws.call(Service::DynamoDb, "Query", &delivered).unwrap();
    let found: Vec<_> =
        found["Items"].as_array().unwrap().iter().map(|i| (&i["kind"], &i["reason"])).collect();
    let kind = json!({ "S": "login.delivered" });
    let [rest, http] = ["_rest", "_http"].map(|of| json!({ "S": format!("INC-4711, caf\u{e9}{of}") }));
    assert_eq!(found, [(&kind, &rest), (&kind, &http)]);
    assert!(!function.log_text().contains("4711"), "a person's own text");
}

#[test]
fn every_route_is_there_and_text_goes_out_as_text() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    for (method, path, status, content_type) in [
        ("GET", "/", 200, "text/html"),
        ("GET", "/vestibule.js", 200, "text/javascript"),
        ("GET", "/favicon.svg", 200, "image/svg+xml"),
        ("GET", "/config.json", 200, "application/json"),
        ("GET", "/saml/metadata", 200, "application/samlmetadata+xml"),
        ("GET", "/.well-known/jwks.json", 200, "application/jwk-set+json"),
        ("GET", "/saml", 401, "application/json"),
        ("GET", "/nowhere", 404, "application/json"),
    ] {
        let headers = [("Accept", "application/json")];
        for event in [rest(method, path, &headers, None), http("$default", method, path, &headers, None)] {
            let answer = function.invoke(&event).unwrap();
            assert_eq!(answer["statusCode"], status, "{method} {path}: {answer}");
            let found = answer["headers"]["content-type"]
                .as_str()
                .or(answer["multiValueHeaders"]["content-type"][0].as_str());
            assert!(found.unwrap().starts_with(content_type), "{method} {path}: {answer}");
            assert_eq!(answer["isBase64Encoded"], false, "{method} {path}");
        }
    }
    for event in [rest, |m: &str, p: &str, h: &[(&str, &str)], b: Option<&str>| http("$default", m, p, h, b)]
    {
        let answer =
            function.invoke(&event("GET", "/nowhere", &[("Accept-Language", "de-CH")], None)).unwrap();
        assert!(answer["body"].as_str().unwrap().contains("<h1>Hier ist nichts</h1>"), "{answer}");
    }
    let preflight = rest("OPTIONS", "/saml", &[("Origin", "https://vestibule.example.com")], None);
    assert_eq!(function.invoke(&preflight).unwrap()["statusCode"], 200);
}

/// Another implementation than ours, with nothing but what anybody can fetch.
const VERIFY: &str = r#"
import json, sys
from joserfc import jwt
from joserfc.jwk import KeySet
document, ticket, algorithm, us = sys.argv[1:]
token = jwt.decode(ticket, KeySet.import_key_set(json.loads(document)), algorithms=[algorithm])
jwt.JWTClaimsRegistry(leeway=5, iss={"essential": True, "value": us}, aud={"essential": True, "value": us}).validate(token.claims)
print(token.claims["sub"])
"#;

#[test]
fn anybody_verifies_a_ticket_by_the_published_keys() {
    for (spec, algorithm) in [("ECC_NIST_P256", "ES256"), ("RSA_2048", "RS256")] {
        // Tables of its own: a store that has been used with a ring has no other made silently.
        let cloud = Cloud::start();
        let table = format!("{algorithm}Keys");
        cloud.create_keys_table(&table);
        let function = cloud.function_with(&[
            ("VESTIBULE_KEYS_SIGNING", "kms-asymmetric"),
            ("VESTIBULE_KEYS_SIGNING_KEY_ID", &cloud.aws.create_key(spec)),
            ("VESTIBULE_KEYS_KEYS_TABLE", &table),
        ]);
        let posted = rest("POST", "/saml", &[FORM], Some(&form(&format!("_{algorithm}"))));
        let answer = function.invoke(&posted).unwrap();
        let ticket = ticket_of(&answer);
        let published = function.invoke(&rest("GET", "/.well-known/jwks.json", &[], None)).unwrap();
        let document = published["body"].as_str().unwrap();
        let verify = |ticket: &str| {
            let arguments = ["-c", VERIFY, document, ticket, algorithm, "https://vestibule.example.com"];
            support::aws::python().args(arguments).output().unwrap()
        };
        let verified = verify(&ticket);
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&verified.stdout).trim(), SESSION, "{said}");

        let (signed, signature) = ticket.rsplit_once('.').unwrap();
        let (first, others) = signature.split_at(1);
        let forged = format!("{signed}.{}{others}", if first == "A" { "B" } else { "A" });
        assert!(String::from_utf8_lossy(&verify(&forged).stderr).contains("BadSignatureError"));

        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
        assert_eq!(function.invoke(&rest("GET", "/saml", &headers, None)).unwrap()["statusCode"], 200);
    }
}

/// What a login costs, by what AWS bills: once warm, KMS is not asked at all.
#[test]
fn a_warm_login_asks_aws_for_no_more_than_it_must() {
    let cloud = Cloud::start();
    let services = [Service::Sts, Service::DynamoDb, Service::Kms];
    let proxies = services.map(|service| FaultProxy::start(&cloud.aws.endpoint(service)));
    let through: Vec<_> = services.into_iter().zip(proxies.iter().map(|proxy| proxy.url.as_str())).collect();
    let function = cloud.function_through("http", &through);
    for proxy in &proxies {
        assert_eq!(proxy.seen().len(), 0, "nothing is asked before the first event");
    }
    let counts = |assertion_id: &str| {
        proxies.iter().for_each(FaultProxy::reset);
        let answer = function.invoke(&rest("POST", "/saml", &[FORM], Some(&form(assertion_id)))).unwrap();
        let bearer = format!("Bearer {}", ticket_of(&answer));
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", VERIFIER)];
        let taken = function.invoke(&rest("GET", "/saml", &headers, None)).unwrap();
        assert_eq!(taken["statusCode"], 200, "{taken}");
        proxies.iter().flat_map(FaultProxy::counts).map(|(call, n)| format!("{call} {n}")).collect::<Vec<_>>()
    };
    println!("the first login ever: {:?}", counts("_cold"));
    let warm = ["AssumeRoleWithSAML 1", "DeleteItem 1", "TransactWriteItems 3", "UpdateItem 1"];
    assert_eq!(counts("_warm"), warm);
}
