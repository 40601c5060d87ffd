//! AWS on loopback: DynamoDB (dynoxide), KMS and SSM (moto), and an STS that is
//! as strict as AWS's (`tests/aws/sts.py`, which also answers what IAM would say
//! about its roles and providers). Installed by `tests/install-aws`.
//!
//! What they cannot: nobody but STS checks who calls (permissions are never
//! missing: let a `FaultProxy` say so). DynamoDB never removes expired items by
//! itself, has no conflicts between transactions, and knows nothing of
//! point-in-time recovery. KMS uses disabled keys as if they were not, takes ids
//! but no ARNs where keys are disabled or deleted, and hashes what `Sign` is
//! given as a `DIGEST` once more: sign `RAW`.

use super::process::{Process, free_port};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Where everything is said to be.
pub const REGION: &str = "eu-central-1";
/// Whose everything is.
pub const ACCOUNT: &str = "123456789012";
/// The SAML provider of [`Emulators::trust`].
pub const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/ADFS";

/// VPC endpoints of STS: the service's own, and another customer's.
pub const VPCES: [&str; 2] = ["vpce-0123456789abcdef0", "vpce-0fedcba9876543210"];

const MISSING: &str = "The AWS emulators are not here. Run `tests/run`: it installs what the tests need (or `tests/install-aws` alone).";

/// Retries that no other client draws on. The SDK's draw on one bucket for each
/// service of a process, so that a test that meets faults would use up those of the
/// tests beside it.
pub fn own_retries() -> RetryPartition {
    RetryPartition::custom("test").token_bucket(TokenBucket::default()).build()
}

/// Nobody's in particular: the emulators look at nobody's keys.
pub fn some_credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", None, None, "test")
}

/// DynamoDB at this address, in a test's own process.
pub fn dynamodb_at(url: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(some_credentials())
        .endpoint_url(url)
        .retry_partition(own_retries())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Dynoxide.
    DynamoDb,
    /// moto.
    Kms,
    /// moto.
    Ssm,
    /// moto; for its address only, its protocol is none that [`Emulators::call`] speaks.
    S3,
    /// The strict STS.
    Sts,
    /// The strict STS: `GetRole`, `GetSAMLProvider`, `SimulatePrincipalPolicy`.
    Iam,
}

impl Service {
    const ALL: [Self; 6] = [Self::DynamoDb, Self::Kms, Self::Ssm, Self::S3, Self::Sts, Self::Iam];

    /// As signatures name it; in capitals, as the variables of the SDKs do.
    fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Kms => "kms",
            Self::Ssm => "ssm",
            Self::S3 => "s3",
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    /// What `X-Amz-Target` begins with.
    fn target(self) -> &'static str {
        match self {
            Self::DynamoDb => "DynamoDB_20120810",
            Self::Kms => "TrentService",
            Self::Ssm => "AmazonSSM",
            Self::S3 | Self::Sts | Self::Iam => panic!("no JSON service"),
        }
    }
}

/// An error that an emulator answered.
#[derive(Debug)]
pub struct AwsError {
    /// The HTTP status.
    pub status: u16,
    /// Without its namespace: `ConditionalCheckFailedException`.
    pub code: String,
    /// The whole body.
    pub body: Value,
}

/// All of them, running; killed on drop.
pub struct Emulators {
    // First, so that they have ended when their directory is removed.
    dynamodb: Process,
    _moto: Option<Process>,
    _sts: Option<Process>,
    dir: TempDir,
    database: Option<PathBuf>,
    ports: Ports,
    agent: ureq::Agent,
}

#[derive(Clone, Copy)]
struct Ports {
    dynamodb: u16,
    moto: u16,
    sts: u16,
    vpces: [u16; 2],
}

impl Emulators {
    /// Starts them; DynamoDB in memory, without tables.
    pub fn start() -> Self {
        Self::with_database(false, &Service::ALL)
    }

    /// DynamoDB, and what answers for these services; the others' addresses are dead.
    pub fn only(services: &[Service]) -> Self {
        Self::with_database(false, services)
    }

    /// The same, but DynamoDB survives [`Emulators::restart_dynamodb`].
    pub fn durable() -> Self {
        Self::with_database(true, &Service::ALL)
    }

    fn with_database(durable: bool, services: &[Service]) -> Self {
        let dir = TempDir::with_prefix("vestibule-aws-").unwrap();
        let database = durable.then(|| dir.path().join("dynamodb.sqlite"));
        let ports = Ports {
            dynamodb: free_port(),
            moto: free_port(),
            sts: free_port(),
            vpces: VPCES.map(|_| free_port()),
        };
        let log = |name: &str| dir.path().join(name);

        let mut dynamodb =
            Process::spawn(dynoxide(ports.dynamodb, database.as_deref()), &log("dynamodb.log"));
        let any = |of: &[Service]| services.iter().any(|each| of.contains(each));
        let mut moto = any(&[Service::Kms, Service::Ssm, Service::S3]).then(|| {
            let mut server = python();
            server.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &ports.moto.to_string()]);
            Process::spawn(server, &log("moto.log"))
        });
        let mut sts = any(&[Service::Sts, Service::Iam]).then(|| {
            let mut server = python();
            server.arg(root().join("tests/aws/sts.py")).arg(ports.sts.to_string());
            server.args(VPCES.iter().zip(ports.vpces).map(|(vpce, port)| format!("{vpce}={port}")));
            Process::spawn(server, &log("sts.log"))
        });

        dynamodb.wait_ready(&url(ports.dynamodb));
        if let Some(sts) = &mut sts {
            sts.wait_ready(&format!("{}/_ready", url(ports.sts)));
        }
        if let Some(moto) = &mut moto {
            moto.wait_ready(&format!("{}/moto-api/", url(ports.moto)));
        }
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build()
            .into();
        Self { dynamodb, _moto: moto, _sts: sts, dir, database, ports, agent }
    }

    /// `kill -9`, and a new one on the same port (and file).
    pub fn restart_dynamodb(&mut self) {
        let log = self.dir.path().join("dynamodb.log");
        let new = || Process::spawn(dynoxide(self.ports.dynamodb, self.database.as_deref()), &log);
        // The port is free only after the old one has ended.
        let placeholder = Process::spawn(Command::new("true"), &log);
        std::mem::replace(&mut self.dynamodb, placeholder).kill();
        self.dynamodb = new();
        self.dynamodb.wait_ready(&url(self.ports.dynamodb));
    }

    /// `http://127.0.0.1:…`
    pub fn endpoint(&self, service: Service) -> String {
        url(match service {
            Service::DynamoDb => self.ports.dynamodb,
            Service::Kms | Service::Ssm | Service::S3 => self.ports.moto,
            Service::Sts | Service::Iam => self.ports.sts,
        })
    }

    /// What makes an AWS SDK come here: endpoints, region, credentials of nobody.
    pub fn env(&self) -> Vec<(String, String)> {
        self.env_through(&[])
    }

    /// The same, with other endpoints (a proxy's) for some services.
    pub fn env_through(&self, others: &[(Service, &str)]) -> Vec<(String, String)> {
        let endpoint = |service| {
            let other = others.iter().find(|(each, _)| *each == service);
            other.map_or_else(|| self.endpoint(service), |(_, url)| (*url).to_owned())
        };
        let endpoints = Service::ALL.map(|service| {
            (format!("AWS_ENDPOINT_URL_{}", service.name().to_uppercase()), endpoint(service))
        });
        let others = [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("NO_PROXY", "127.0.0.1"),
        ];
        let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
        endpoints.into_iter().chain(others).collect()
    }

    /// One call of a JSON service.
    ///
    /// # Errors
    /// Whatever it answers that is no success.
    pub fn call(&self, service: Service, operation: &str, input: &Value) -> Result<Value, AwsError> {
        self.call_at(&self.endpoint(service), service, operation, input).expect("an answer")
    }

    /// [`Emulators::call`] by way of `url`; `None` when no answer came.
    pub fn call_at(
        &self,
        url: &str,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Option<Result<Value, AwsError>> {
        // The emulators read where the call goes, and believe the rest.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/{REGION}/{}/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature={:064}",
            service.name(),
            0
        );
        let request = self
            .agent
            .post(url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("{}.{operation}", service.target()))
            .header("x-amz-date", "20261123T090000Z")
            .header("authorization", authorization);
        let mut answer = request.send(input.to_string()).ok()?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().ok()?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status == 200 {
            return Some(Ok(body));
        }
        let code = body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap().to_owned();
        Some(Err(AwsError { status, code, body }))
    }

    /// Makes the tables of `tests/aws/tables.json`.
    pub fn create_tables(&self) {
        self.create_tables_prefixed("");
    }

    /// The same, for one of several environments: `prefix` + `SAMLSessions` and so on.
    pub fn create_tables_prefixed(&self, prefix: &str) {
        let text = std::fs::read_to_string(root().join("tests/aws/tables.json")).unwrap();
        let tables: Vec<Value> = serde_json::from_str(&text).unwrap();
        for mut table in tables {
            let ttl = table.as_object_mut().unwrap().remove("TimeToLive");
            table["TableName"] = json!(format!("{prefix}{}", table["TableName"].as_str().unwrap()));
            table["BillingMode"] = json!("PAY_PER_REQUEST");
            self.call(Service::DynamoDb, "CreateTable", &table).unwrap();
            if let Some(attribute) = ttl {
                let specification = json!({ "Enabled": true, "AttributeName": attribute });
                let input =
                    json!({ "TableName": table["TableName"], "TimeToLiveSpecification": specification });
                self.call(Service::DynamoDb, "UpdateTimeToLive", &input).unwrap();
            }
        }
    }

    /// Every item of a table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({ "TableName": table, "ConsistentRead": true });
            if !next.is_null() {
                input["ExclusiveStartKey"] = next;
            }
            let mut page = self.call(Service::DynamoDb, "Scan", &input).unwrap();
            items.append(page["Items"].as_array_mut().unwrap());
            next = page["LastEvaluatedKey"].take();
            if next.is_null() {
                return items;
            }
        }
    }

    /// A new KMS key (`SYMMETRIC_DEFAULT`, `ECC_NIST_P256`, `HMAC_256`, …); its ARN.
    pub fn create_key(&self, spec: &str) -> String {
        let usage = match spec {
            "SYMMETRIC_DEFAULT" => "ENCRYPT_DECRYPT",
            hmac if hmac.starts_with("HMAC") => "GENERATE_VERIFY_MAC",
            _ => "SIGN_VERIFY",
        };
        let input = json!({ "KeySpec": spec, "KeyUsage": usage });
        let answer = self.call(Service::Kms, "CreateKey", &input).unwrap();
        answer["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// A `SecureString` in Parameter Store.
    pub fn put_parameter(&self, name: &str, value: &str, key: &str) {
        let input = json!({ "Name": name, "Value": value, "Type": "SecureString", "KeyId": key });
        self.call(Service::Ssm, "PutParameter", &input).unwrap();
    }

    // -------------------------------------------------------------- STS

    /// IAM's SAML provider [`PROVIDER`], with its copy of this metadata (replaces an earlier one).
    pub fn trust(&self, metadata: &str) {
        self.sts_set("providers", &json!({ "arn": PROVIDER, "metadata": metadata }));
    }

    /// A role that [`PROVIDER`]'s people may take with responses meant for `recipient`; its ARN.
    pub fn create_role(&self, name: &str, recipient: &str, max_session_duration: u32) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Federated": PROVIDER },
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": { "StringEquals": { "SAML:aud": recipient } },
            }],
        });
        self.sts_set(
            "roles",
            &json!({ "arn": arn, "trust_policy": policy, "max_session_duration": max_session_duration }),
        );
        arn
    }

    /// `providers`, `roles`, `callers`, `clock` or `faults`, as `tests/aws/sts.py` describes them.
    pub fn sts_set(&self, what: &str, value: &Value) {
        let url = format!("{}/_{what}", self.endpoint(Service::Sts));
        let mut answer = self.agent.put(url).send(value.to_string()).unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.body_mut().read_to_string().unwrap());
    }

    /// What STS was asked, in order: `action`, `parameters`, `signed`, `signed_with`, `result`, `access_key_id`.
    pub fn sts_calls(&self) -> Vec<Value> {
        let url = format!("{}/_calls", self.endpoint(Service::Sts));
        // Every response that was posted is in it.
        let mut answer = self.agent.get(url).call().unwrap();
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// STS by way of one of [`VPCES`].
    pub fn sts_through(&self, vpce: &str) -> String {
        let number = VPCES.iter().position(|each| *each == vpce).expect("one of VPCES");
        url(self.ports.vpces[number])
    }

    /// A call of STS's query protocol: status and XML.
    pub fn sts(&self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let form =
            [("Action", action), ("Version", "2011-06-15")].into_iter().chain(parameters.iter().copied());
        let mut answer = self.agent.post(self.endpoint(Service::Sts)).send_form(form).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

/// A command in the emulators' Python environment; it ends with this thread.
pub fn python() -> Command {
    command(&root().join("target/test-tools/venv-aws/bin/python"))
}

fn dynoxide(port: u16, database: Option<&Path>) -> Command {
    let mut command = command(&root().join("target/test-tools/dynoxide/bin/dynoxide"));
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    if let Some(path) = database {
        command.arg("--db-path").arg(path);
    }
    command
}

fn command(program: &Path) -> Command {
    assert!(program.is_file(), "{MISSING}");
    // It ends with this thread, even when that is killed and can drop nothing.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
