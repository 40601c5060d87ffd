//! The ground that the AWS tests stand on: do the emulators refuse what AWS
//! refuses, keep one winner where AWS keeps one, and does the proxy between them
//! and us do what it says?

#![allow(clippy::disallowed_methods, reason = "how long something took is what is asked")]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::path::Path;
use std::thread::scope;
use std::time::{Duration, Instant};
use support::aws::{AwsError, Emulators, PROVIDER, REGION, Service};
use support::fault_proxy::{Fault, FaultProxy, Rule};
use support::forge::{self, Forge};
use support::lambda_runtime::LambdaHost;

// ------------------------------------------------------------------ DynamoDB

fn session(id: &str, exp: u64) -> Value {
    json!({ "identityhash": { "S": id }, "jti": { "S": "j1" }, "exp": { "N": exp.to_string() } })
}

/// The take: exists, not expired, and what was there comes back.
fn take(id: &str, now: u64) -> Value {
    json!({
        "TableName": "SAMLSessions",
        "Key": { "identityhash": { "S": id } },
        "ConditionExpression": "attribute_exists(identityhash) AND jti = :jti AND #exp > :now",
        "ExpressionAttributeNames": { "#exp": "exp" },
        "ExpressionAttributeValues": { ":jti": { "S": "j1" }, ":now": { "N": now.to_string() } },
        "ReturnValues": "ALL_OLD",
    })
}

#[test]
fn dynamodb_gives_a_session_to_one_of_64_takers() {
    let aws = Emulators::start();
    aws.create_tables();
    for round in 0..20 {
        let id = format!("session-{round}");
        let put = json!({ "TableName": "SAMLSessions", "Item": session(&id, 1_000) });
        aws.call(Service::DynamoDb, "PutItem", &put).unwrap();
        let too_late = aws.call(Service::DynamoDb, "DeleteItem", &take(&id, 1_000)).unwrap_err();
        assert_eq!(too_late.code, "ConditionalCheckFailedException");
        let results: Vec<Result<Value, AwsError>> = scope(|scope| {
            let take = || aws.call(Service::DynamoDb, "DeleteItem", &take(&id, 999));
            let takers: Vec<_> = (0..64).map(|_| scope.spawn(take)).collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!(won[0].as_ref().unwrap()["Attributes"], session(&id, 1_000));
        for error in lost {
            assert_eq!(error.unwrap_err().code, "ConditionalCheckFailedException");
        }
    }
    assert!(aws.items("SAMLSessions").is_empty());
}

/// A claim on an assertion and a session in one transaction.
fn begin(handle: &str, id: &str, token: &str) -> Value {
    json!({
        "ClientRequestToken": token,
        "TransactItems": [
            { "Put": {
                "TableName": "SAMLClaims",
                "Item": { "handle": { "S": handle }, "exp": { "N": "1000" } },
                "ConditionExpression": "attribute_not_exists(handle)",
            } },
            { "Put": { "TableName": "SAMLSessions", "Item": session(id, 1_000) } },
        ],
    })
}

#[test]
fn dynamodb_recognises_a_transaction_by_its_token_and_refuses_the_replay() {
    let aws = Emulators::start();
    aws.create_tables();
    let transact = |input: &Value| aws.call(Service::DynamoDb, "TransactWriteItems", input);
    transact(&begin("assertion", "first", "token-1")).unwrap();
    transact(&begin("assertion", "first", "token-1")).expect("our own write, asked for again");
    let other = transact(&begin("assertion", "second", "token-1")).unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatchException");
    let replay = transact(&begin("assertion", "second", "token-2")).unwrap_err();
    assert_eq!(replay.code, "TransactionCanceledException");
    let reasons = &replay.body["CancellationReasons"];
    assert_eq!(
        (&reasons[0]["Code"], &reasons[1]["Code"]),
        (&json!("ConditionalCheckFailed"), &json!("None"))
    );
    assert_eq!(aws.items("SAMLSessions"), [session("first", 1_000)], "all or nothing");
}

#[test]
fn dynamodb_gives_one_of_64_concurrent_transactions_the_claim() {
    let aws = Emulators::start();
    aws.create_tables();
    for round in 0..10 {
        let handle = format!("assertion-{round}");
        let won = scope(|scope| {
            let (aws, handle) = (&aws, &handle);
            let logins: Vec<_> = (0..64)
                .map(|n| {
                    scope.spawn(move || {
                        let input = begin(handle, &format!("{handle}-{n}"), &format!("token-{handle}-{n}"));
                        aws.call(Service::DynamoDb, "TransactWriteItems", &input).is_ok()
                    })
                })
                .collect();
            logins.into_iter().map(|login| login.join().unwrap()).filter(|won| *won).count()
        });
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(aws.items("SAMLSessions").len(), 10);
}

#[test]
fn dynamodb_finds_audit_items_by_person_day_and_access_key() {
    let aws = Emulators::start();
    aws.create_tables();
    for (at, person, key) in [
        ("2026-11-23T09:00:01Z", "ADFS#paula", "ASIA2"),
        ("2026-11-23T09:00:00Z", "ADFS#paula", "ASIA1"),
        ("2026-11-24T09:00:00Z", "ADFS#peter", "ASIA3"),
    ] {
        let item = json!({
            "login_id": { "S": key }, "step": { "S": "2-issued" }, "trail": { "S": "all" },
            "recorded": { "S": at }, "person": { "S": person }, "access_key_id": { "S": key },
        });
        aws.call(Service::DynamoDb, "PutItem", &json!({ "TableName": "SAMLAudit", "Item": item })).unwrap();
    }
    let found = |index: &str, condition: &str, values: Value| {
        let input = json!({
            "TableName": "SAMLAudit", "IndexName": index,
            "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
        });
        let answer = aws.call(Service::DynamoDb, "Query", &input).unwrap();
        let keys = answer["Items"].as_array().unwrap().iter();
        keys.map(|item| item["access_key_id"]["S"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let person = json!({ ":p": { "S": "ADFS#paula" } });
    assert_eq!(found("by-person", "person = :p", person), ["ASIA1", "ASIA2"]);
    let day = json!({ ":t": { "S": "all" }, ":d": { "S": "2026-11-24" } });
    assert_eq!(found("by-time", "trail = :t AND begins_with(recorded, :d)", day), ["ASIA3"]);
    let key = json!({ ":k": { "S": "ASIA2" } });
    assert_eq!(found("by-access-key", "access_key_id = :k", key), ["ASIA2"]);
    let ttl =
        aws.call(Service::DynamoDb, "DescribeTimeToLive", &json!({ "TableName": "SAMLSessions" })).unwrap();
    assert_eq!(
        ttl["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires" })
    );
}

#[test]
fn dynamodb_keeps_what_it_acknowledged_when_it_is_killed() {
    let mut aws = Emulators::durable();
    aws.create_tables();
    aws.call(Service::DynamoDb, "TransactWriteItems", &begin("assertion", "first", "token-1")).unwrap();
    aws.restart_dynamodb();
    assert_eq!(aws.items("SAMLSessions"), [session("first", 1_000)]);
}

// ------------------------------------------------------------------ KMS, SSM

#[test]
fn kms_opens_a_data_key_only_in_its_context() {
    let aws = Emulators::start();
    let kms = |operation: &str, input: Value| aws.call(Service::Kms, operation, &input);
    let key = aws.create_key("SYMMETRIC_DEFAULT");
    let context = json!({ "service": "vestibule", "kid": "k1" });
    let made =
        kms("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context }))
            .unwrap();
    let sealed = made["CiphertextBlob"].as_str().unwrap();
    let opened = kms("Decrypt", json!({ "CiphertextBlob": sealed, "EncryptionContext": context })).unwrap();
    assert_eq!(opened["Plaintext"], made["Plaintext"]);

    let mut bytes = STANDARD.decode(sealed).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let wrong = [
        json!({ "CiphertextBlob": sealed }),
        json!({ "CiphertextBlob": sealed, "EncryptionContext": { "service": "vestibule", "kid": "k2" } }),
        json!({ "CiphertextBlob": STANDARD.encode(bytes), "EncryptionContext": context }),
    ];
    for input in wrong {
        assert_eq!(kms("Decrypt", input).unwrap_err().code, "InvalidCiphertextException");
    }
}

#[test]
fn kms_signs_with_asymmetric_and_hmac_keys() {
    let aws = Emulators::start();
    let kms = |operation: &str, input: Value| aws.call(Service::Kms, operation, &input);
    let message = STANDARD.encode("header.payload");
    for (spec, algorithm) in [("ECC_NIST_P256", "ECDSA_SHA_256"), ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256")] {
        let key = aws.create_key(spec);
        let mut input =
            json!({ "KeyId": key, "Message": message, "MessageType": "RAW", "SigningAlgorithm": algorithm });
        input["Signature"] = kms("Sign", input.clone()).unwrap()["Signature"].clone();
        assert_eq!(kms("Verify", input.clone()).unwrap()["SignatureValid"], true);
        assert!(kms("GetPublicKey", json!({ "KeyId": key })).unwrap()["PublicKey"].is_string());
        input["Message"] = json!(STANDARD.encode("header.other"));
        // AWS answers KMSInvalidSignatureException instead.
        assert_eq!(kms("Verify", input).unwrap()["SignatureValid"], false, "{spec}");
    }
    let key = aws.create_key("HMAC_256");
    let mut input = json!({ "KeyId": key, "Message": message, "MacAlgorithm": "HMAC_SHA_256" });
    input["Mac"] = kms("GenerateMac", input.clone()).unwrap()["Mac"].clone();
    assert_eq!(kms("VerifyMac", input).unwrap()["MacValid"], true);
}

#[test]
fn ssm_tells_a_secure_string_only_when_asked_to_decrypt() {
    let aws = Emulators::start();
    aws.put_parameter("/vestibule/test/secret", "hunter2", &aws.create_key("SYMMETRIC_DEFAULT"));
    let get = |name: &str, decrypt: bool| {
        aws.call(Service::Ssm, "GetParameter", &json!({ "Name": name, "WithDecryption": decrypt }))
    };
    assert_eq!(get("/vestibule/test/secret", true).unwrap()["Parameter"]["Value"], "hunter2");
    assert_ne!(get("/vestibule/test/secret", false).unwrap()["Parameter"]["Value"], "hunter2");
    assert_eq!(get("/vestibule/test/absent", true).unwrap_err().code, "ParameterNotFound");
}

// ------------------------------------------------------------------ STS

fn idp_metadata(certificate: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\">\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}\
         </X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>",
        forge::ISSUER
    )
}

/// The strict STS at the forge's time, trusting the forge's key.
fn strict() -> Emulators {
    let aws = Emulators::start();
    aws.trust(&idp_metadata(&forge::rsa().certificate));
    aws.sts_set("clock", &json!({ "now": forge::at(1) }));
    for name in ["ADFS-Dev", "ADFS-Ops"] {
        aws.create_role(name, forge::ACS, 3_600);
    }
    aws.create_role("ADFS-Audit", "https://signin.aws.amazon.com/saml", 3_600);
    aws
}

fn assume(aws: &Emulators, role: &str, xml: &str, more: &[(&str, &str)]) -> (u16, String) {
    let arn = format!("arn:aws:iam::123456789012:role/{role}");
    let assertion = STANDARD.encode(xml);
    let parameters = [("SAMLAssertion", assertion.as_str()), ("RoleArn", &arn), ("PrincipalArn", PROVIDER)];
    aws.sts("AssumeRoleWithSAML", &[&parameters, more].concat())
}

#[test]
fn sts_accepts_honest_responses_in_ad_fs_shape() {
    let aws = strict();
    for honest in [Forge::default(), Forge::response_signed(), Forge::both_signed()] {
        let (status, xml) = assume(&aws, "ADFS-Dev", &honest.xml(), &[("DurationSeconds", "900")]);
        assert_eq!(status, 200, "{xml}");
        assert!(xml.contains("<AccessKeyId>ASIA"), "{xml}");
        assert!(xml.contains("<Expiration>2026-11-23T09:15:0"), "{xml}");
        assert!(xml.contains("assumed-role/ADFS-Dev/paula@example.com"), "{xml}");
    }
    let calls = aws.sts_calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0]["parameters"]["DurationSeconds"], "900");
}

#[test]
fn sts_refuses_each_wrong_response_in_its_own_way() {
    let aws = strict();
    let honest = Forge::default;
    let stranger = Some(forge::Signing::with(forge::stranger()));
    let wrong = [
        ("unsigned", "ADFS-Dev", honest().not_signed(), "InvalidIdentityToken"),
        (
            "a stranger's",
            "ADFS-Dev",
            Forge { assertion_signing: stranger, ..honest() },
            "InvalidIdentityToken",
        ),
        (
            "another issuer",
            "ADFS-Dev",
            Forge { issuer: "urn:other".into(), ..honest() },
            "InvalidIdentityToken",
        ),
        (
            "another audience",
            "ADFS-Dev",
            Forge { audiences: vec!["urn:other".into()], ..honest() },
            "InvalidIdentityToken",
        ),
        (
            "a bad session name",
            "ADFS-Dev",
            Forge { session_name: "paula huber".into(), ..honest() },
            "InvalidIdentityToken",
        ),
        ("expired", "ADFS-Dev", Forge { not_on_or_after: forge::at(0), ..honest() }, "ExpiredTokenException"),
        (
            "the provider said no",
            "ADFS-Dev",
            Forge { status: "urn:oasis:names:tc:SAML:2.0:status:Responder".into(), ..honest() },
            "IDPRejectedClaim",
        ),
        (
            "for another recipient",
            "ADFS-Dev",
            Forge { recipient: "https://other.example.com/saml".into(), ..honest() },
            "AccessDenied",
        ),
        ("a role that is not asserted", "ADFS-Ops", honest(), "AccessDenied"),
        ("a role pinned to the console", "ADFS-Audit", honest(), "AccessDenied"),
    ];
    for (name, role, forge, code) in wrong {
        let (status, xml) = assume(&aws, role, &forge.xml(), &[]);
        assert!(xml.contains(&format!("<Code>{code}</Code>")), "{name}: {xml}");
        let forbidden = matches!(code, "AccessDenied" | "IDPRejectedClaim");
        assert_eq!(status, if forbidden { 403 } else { 400 }, "{name}");
    }
    aws.sts_set("clock", &json!({ "now": forge::at(5 * 60 + 1) }));
    let (_, late) = assume(&aws, "ADFS-Dev", &honest().xml(), &[]);
    assert!(late.contains("redeemed within 5 minutes"), "{late}");
}

// ------------------------------------------------------------------ faults between

#[test]
fn proxy_loses_the_answer_to_what_was_done() {
    let aws = Emulators::start();
    aws.create_tables();
    let proxy = FaultProxy::start(&aws.endpoint(Service::DynamoDb));
    let call = |operation, input: &Value| aws.call_at(&proxy.url, Service::DynamoDb, operation, input);
    proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).containing("SAMLClaims").times(1));
    let input = begin("assertion", "first", "token-1");
    assert!(call("TransactWriteItems", &input).is_none(), "no answer");
    assert_eq!(aws.items("SAMLSessions").len(), 1, "but it was done");
    call("TransactWriteItems", &input).unwrap().expect("recognised by its token");

    proxy.add(Rule::on("DeleteItem", Fault::Drop).times(1));
    proxy.add(Rule::on("DeleteItem", Fault::throttled()).times(1));
    assert!(call("DeleteItem", &take("first", 0)).is_none());
    assert_eq!(aws.items("SAMLSessions").len(), 1, "never arrived");
    let throttled = call("DeleteItem", &take("first", 0)).unwrap().unwrap_err();
    assert_eq!(throttled.code, "ProvisionedThroughputExceededException");
    call("DeleteItem", &take("first", 0)).unwrap().unwrap();
    assert!(aws.items("SAMLSessions").is_empty());

    assert_eq!(proxy.counts(), [("DeleteItem".to_owned(), 3), ("TransactWriteItems".to_owned(), 2)].into());
    assert_eq!(
        proxy.seen().iter().map(|seen| seen.struck).collect::<Vec<_>>(),
        [true, false, true, true, false]
    );
}

#[test]
fn proxy_delays_dies_and_revives() {
    let aws = Emulators::start();
    let mut proxy = FaultProxy::start(&aws.endpoint(Service::DynamoDb));
    let list = |url: &str| aws.call_at(url, Service::DynamoDb, "ListTables", &json!({}));
    let url = proxy.url.clone();
    proxy.add(Rule::on("ListTables", Fault::Delay(Duration::from_millis(300))).skip(1).times(1));
    let took = |url: &str| {
        let start = Instant::now();
        list(url).unwrap().unwrap();
        start.elapsed()
    };
    assert!(took(&url) < Duration::from_millis(250));
    assert!(took(&url) >= Duration::from_millis(300));
    proxy.die();
    assert!(list(&url).is_none());
    proxy.revive();
    assert!(list(&url).unwrap().is_ok());
}

#[test]
fn proxy_knows_the_operations_of_sts() {
    let aws = strict();
    let proxy = FaultProxy::start(&aws.endpoint(Service::Sts));
    proxy.add(Rule::on("AssumeRoleWithSAML", Fault::xml(503, "ServiceUnavailable", "try again")).times(1));
    let ask = || {
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build();
        let agent: ureq::Agent = config.into();
        let arn = "arn:aws:iam::123456789012:role/ADFS-Dev";
        let assertion = STANDARD.encode(Forge::default().xml());
        let form = [("Action", "AssumeRoleWithSAML"), ("RoleArn", arn), ("PrincipalArn", PROVIDER)];
        let form = form.into_iter().chain([("SAMLAssertion", assertion.as_str())]);
        agent.post(&proxy.url).send_form(form).unwrap().status().as_u16()
    };
    assert_eq!((ask(), ask()), (503, 200));
    assert_eq!(proxy.counts(), [("AssumeRoleWithSAML".to_owned(), 2)].into());
    assert_eq!(aws.sts_calls().len(), 1);
}

#[test]
fn sdk_of_python_finds_everything_by_the_environment() {
    let aws = strict();
    aws.create_tables();
    let script = "import boto3; \
        print(boto3.client('dynamodb').list_tables()['TableNames'], \
        boto3.client('kms').list_keys()['Keys'], boto3.client('ssm').describe_parameters()['Parameters'], \
        boto3.client('iam').get_role(RoleName='ADFS-Dev')['Role']['Arn'])";
    let mut python = support::aws::python();
    let output =
        python.args(["-c", script]).envs(aws.env()).env("AWS_DEFAULT_REGION", REGION).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("SAMLAudit"));
}

// ------------------------------------------------------------------ Lambda

/// A function in Python: returns its event, or fails when told to.
const ECHO: &str = r#"
import json, os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/"
def post(path, value):
    urllib.request.urlopen(urllib.request.Request(api + path, json.dumps(value).encode())).read()
if os.environ.get("BROKEN"):
    post("init/error", {"errorType": "Init", "errorMessage": "broken"})
    raise SystemExit(1)
while True:
    with urllib.request.urlopen(api + "invocation/next") as answer:
        request, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.load(answer)
    if event.get("fail"):
        post(f"invocation/{request}/error", {"errorType": "Echo", "errorMessage": "told to"})
    else:
        post(f"invocation/{request}/response", {"event": event, "secret": os.environ["SECRET"]})
"#;

fn echo(env: &[(&str, &str)]) -> LambdaHost {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/venv-aws/bin/python");
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    LambdaHost::start(&python, &["-c", ECHO], &env)
}

#[test]
fn lambda_host_gives_events_and_takes_answers_and_errors() {
    let function = echo(&[("SECRET", "s")]);
    println!("init {:?}", function.init);
    assert!(function.init > Duration::ZERO);
    for number in 0..3 {
        let answer = function.invoke(&json!({ "number": number })).unwrap();
        assert_eq!(answer, json!({ "event": { "number": number }, "secret": "s" }));
    }
    let error = function.invoke(&json!({ "fail": true })).unwrap_err();
    assert_eq!(error["errorType"], "Echo");
    assert_eq!(function.invoke(&json!({})).unwrap()["event"], json!({}), "it lives on");
    assert_eq!(function.log_text(), "");
}

#[test]
#[should_panic(expected = "the function cannot start")]
fn lambda_host_tells_when_a_function_cannot_start() {
    echo(&[("BROKEN", "1")]);
}
