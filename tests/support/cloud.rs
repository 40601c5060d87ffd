//! What is packaged with the Lambda functions, AWS around them, and events of a
//! REST API.

use super::aws::{Emulators, Service};
use super::forge::{self, Forge};
use super::lambda_runtime::LambdaHost;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

pub const SESSION: &str = "session-of-the-page-01";
pub const VERIFIER: &str = "0123456789012345678901234567890123456789012";
pub const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub fn metadata() -> String {
    super::sts::metadata(&forge::rsa().certificate)
}

/// What is packaged with the functions, and AWS around them.
pub struct Cloud {
    pub aws: Emulators,
    pub dir: TempDir,
}

impl Cloud {
    pub fn start() -> Self {
        let aws = Emulators::start();
        aws.create_tables();
        aws.trust(&metadata());
        aws.create_role("ADFS-Production", forge::ACS, 3_600);
        let dir = TempDir::with_prefix("vestibule-cloud-").unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("adfs.xml"), metadata()).unwrap();
        let config = format!(
            "[server]\npublic_url = \"https://vestibule.example.com\"\n\
             [log]\nformat = \"json\"\n\
             [[saml.idp]]\nname = \"ADFS\"\nmetadata = {:?}\n\
             provider_arn = \"arn:aws:iam::123456789012:saml-provider/ADFS\"\n\
             sign_on_url = \"https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx\"\n\
             [sts]\nkind = \"aws\"\n[store]\nkind = \"dynamodb\"\n\
             [keys]\nkind = \"kms\"\nkey_id = {:?}\nencryption_context = {{ samlprovider = \"ADFS\" }}\n",
            path("adfs.xml"),
            aws.create_key("SYMMETRIC_DEFAULT"),
        );
        std::fs::write(path("vestibule.toml"), config).unwrap();
        Self { aws, dir }
    }

    pub fn function(&self, handler: &str) -> LambdaHost {
        self.function_through(handler, &[])
    }

    pub fn function_through(&self, handler: &str, proxies: &[(Service, &str)]) -> LambdaHost {
        self.started(self.aws.env_through(proxies), &[("_HANDLER", handler)])
    }

    /// The routes, with options over the packaged configuration.
    pub fn function_with(&self, options: &[(&str, &str)]) -> LambdaHost {
        self.function_as("http", options)
    }

    /// The same for any function.
    pub fn function_as(&self, handler: &str, options: &[(&str, &str)]) -> LambdaHost {
        self.started(self.aws.env(), &[&[("_HANDLER", handler)], options].concat())
    }

    fn started(&self, mut env: Vec<(String, String)>, more: &[(&str, &str)]) -> LambdaHost {
        let config = self.dir.path().join("vestibule.toml").display().to_string();
        env.push(("VESTIBULE_CONFIG".to_owned(), config));
        env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        LambdaHost::start(Path::new(env!("CARGO_BIN_EXE_vestibule")), &[], &env)
    }

    /// For a ring of its own.
    pub fn create_keys_table(&self, name: &str) {
        let table = json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "kid", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "kid", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.aws.call(Service::DynamoDb, "CreateTable", &table).unwrap();
    }
}

pub fn form(assertion_id: &str) -> String {
    let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(Forge::issued_now(assertion_id).xml()))
        .append_pair("RelayState", &format!("{SESSION}##{}", URL_SAFE_NO_PAD.encode(challenge)))
        .finish()
}

/// An event of a REST API's proxy integration, as AWS documents it.
pub fn rest(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    let single: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multi: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    json!({
        "resource": path, "path": path, "httpMethod": method,
        "headers": single, "multiValueHeaders": multi,
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "resourceId": "abcdef", "resourcePath": path, "httpMethod": method,
            "extendedRequestId": "request=", "requestTime": "23/Nov/2026:09:00:00 +0000",
            "path": format!("/prod{path}"), "accountId": "123456789012", "protocol": "HTTP/1.1",
            "stage": "prod", "domainPrefix": "abc123", "requestTimeEpoch": 1_795_424_400_000_i64,
            "requestId": "00000000-0000-4000-8000-000000000000",
            "identity": {
                "cognitoIdentityPoolId": null, "accountId": null, "cognitoIdentityId": null, "caller": null,
                "sourceIp": "203.0.113.9", "principalOrgId": null, "accessKey": null,
                "cognitoAuthenticationType": null, "cognitoAuthenticationProvider": null,
                "userArn": null, "userAgent": "Mozilla/5.0", "user": null
            },
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com", "apiId": "abc123"
        },
        "body": body, "isBase64Encoded": false
    })
}

pub fn ticket_of(answer: &Value) -> String {
    let location =
        answer["headers"]["location"].as_str().or(answer["multiValueHeaders"]["location"][0].as_str());
    let location = location.unwrap_or_else(|| panic!("{answer}"));
    location.split_once("#jwt=").unwrap_or_else(|| panic!("{location}")).1.to_owned()
}
