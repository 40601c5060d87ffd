//! The ping, whose signature a gateway has checked.

use crate::http;
use crate::support::cloud::{Cloud, rest};
use crate::support::lambda_runtime::LambdaHost;
use serde_json::{Value, json};

#[test]
fn the_ping_believes_the_gateway_and_nothing_in_the_request() {
    let cloud = Cloud::start();
    let function = cloud.function("http");
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";
    let mut signed = rest("GET", "/users", &[("User-Agent", "page")], None);
    let unsigned = signed.clone();
    signed["requestContext"]["identity"]["userArn"] = json!(arn);
    let answer = function.invoke(&signed).unwrap();
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({ "status": "Success", "agent": "page", "arn": arn }));

    let config = |function: &LambdaHost| -> Value {
        let answer = function.invoke(&rest("GET", "/config.json", &[], None)).unwrap();
        serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
    };
    assert_eq!(config(&function)["ping"], false, "nobody has said that the gateway checks any");
    let ping_url = "https://abc123.execute-api.eu-central-1.amazonaws.com/v1/users";
    let config = config(&cloud.function_with(&[("VESTIBULE_SERVER_PING_URL", ping_url)]));
    assert_eq!((&config["ping"], &config["ping_url"]), (&json!(true), &json!(ping_url)));

    let mut signed = http("$default", "GET", "/users", &[], None);
    signed["requestContext"]["authorizer"] = json!({ "iam": {
        "accessKey": "ASIAIOSFODNN7EXAMPLE", "accountId": "123456789012", "callerId": "AROA:paula@example.com",
        "cognitoIdentity": null, "principalOrgId": null, "userArn": arn, "userId": "AROA:paula@example.com"
    } });
    assert_eq!(function.invoke(&signed).unwrap()["statusCode"], 200);

    let forged = rest("GET", "/users", &[("userArn", arn), ("Authorization", "AWS4-HMAC-SHA256 x")], None);
    for event in [unsigned, forged, http("$default", "GET", "/users", &[("x-user-arn", arn)], None)] {
        assert_eq!(function.invoke(&event).unwrap()["statusCode"], 403);
    }
}
