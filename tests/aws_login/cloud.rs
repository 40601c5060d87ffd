//! AWS, Vestibules on it, and people who sign in there.

use crate::people::{Person, Reply};
use crate::support::aws::{Emulators, PROVIDER, Service};
use crate::support::fault_proxy::FaultProxy;
use crate::support::forge::{self, Forge};
use crate::support::server::Server;
use crate::task_role::TaskRole;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::spawn;
use std::time::{Duration, Instant};

/// The emulators, shared by all tests that run at the same time.
pub struct Aws {
    emulators: Emulators,
    /// Dropped, it ends the thread that the emulators end with.
    _keep: Sender<()>,
}

impl Deref for Aws {
    type Target = Emulators;
    fn deref(&self) -> &Emulators {
        &self.emulators
    }
}

impl Aws {
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Aws>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(aws) = shared.upgrade() {
            return aws;
        }
        let (started, emulators) = channel();
        let (keep, end) = channel();
        // Emulators end with the thread that started them, which must not be one test's.
        spawn(move || {
            started.send(Emulators::start()).unwrap();
            let _ = end.recv();
        });
        let aws = Arc::new(Self { emulators: emulators.recv().unwrap(), _keep: keep });
        aws.trust(&metadata());
        *shared = Arc::downgrade(&aws);
        aws
    }
}

/// The forge's, as AD FS would publish it.
pub fn metadata() -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\">\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{}\
         </X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
         Location=\"https://adfs.example.com/adfs/ls/\"/></IDPSSODescriptor></EntityDescriptor>",
        forge::ISSUER,
        forge::rsa().certificate
    )
}

/// The secret of all credentials that services have themselves ([`Emulators::env`]).
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// One environment in AWS: tables, a key and a role of its own.
pub struct Cloud {
    pub aws: Arc<Aws>,
    pub prefix: String,
    /// Its ARN, as all ARNs.
    pub key: String,
    pub role: String,
    /// What `[sts]`, `[keys]` and `[delivery]` say beside the usual.
    pub options: Options,
    /// The access key id that the service has itself.
    own_key: String,
    /// Access key ids of every answer 200.
    pub handed_out: Mutex<Vec<String>>,
    /// Handles of the sessions whose take was answered `delivery_uncertain`.
    pub uncertain: Mutex<BTreeSet<String>>,
}

/// How the service asks STS.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub enum Asking {
    /// `sts.kind = "aws"`: with the person's assertion, unsigned.
    #[default]
    WithSaml,
    /// `sts.kind = "assume-role"`: signed with its own credentials.
    AsItself,
}

impl Asking {
    pub const fn operation(self) -> &'static str {
        match self {
            Self::WithSaml => "AssumeRoleWithSAML",
            Self::AsItself => "AssumeRole",
        }
    }
}

#[derive(Clone, Copy, Default)]
pub struct Options {
    pub asking: Asking,
    pub sts: &'static str,
    pub keys: &'static str,
    pub delivery: &'static str,
}

impl Cloud {
    pub fn new(prefix: &str) -> Self {
        Self::with(prefix, Options::default())
    }

    pub fn with(prefix: &str, options: Options) -> Self {
        let aws = Aws::shared();
        aws.create_tables_prefixed(prefix);
        let key = aws.create_key("SYMMETRIC_DEFAULT");
        let role = aws.create_role(&format!("{prefix}Production"), forge::ACS, 3_600);
        let own_key = format!("AKIA{}", prefix.to_uppercase().replace('-', "0"));
        let cloud = Self {
            aws,
            prefix: prefix.to_owned(),
            key,
            role,
            options,
            own_key,
            handed_out: Mutex::default(),
            uncertain: Mutex::default(),
        };
        if options.asking == Asking::AsItself {
            cloud.role_trusts_us();
            cloud.own_credentials(&json!({}));
        }
        cloud
    }

    fn role_trusts_us(&self) {
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::123456789012:role/Vestibule" },
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let role = json!({ "arn": self.role, "trust_policy": policy, "max_session_duration": 3_600 });
        self.aws.sts_set("roles", &role);
    }

    /// What AWS knows of the service's own credentials, with changes (`expired`, `policy`).
    pub fn own_credentials(&self, changes: &Value) {
        self.credentials_of_ours(&self.own_key, changes);
    }

    /// The same for others that our role had, or will have.
    pub fn credentials_of_ours(&self, access_key_id: &str, changes: &Value) {
        let mut caller = json!({
            "access_key_id": access_key_id, "secret": SECRET,
            "arn": "arn:aws:sts::123456789012:assumed-role/Vestibule/i-0123456789abcdef0",
        });
        caller.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.aws.sts_set("callers", &caller);
    }

    /// What a process of ours finds in its environment.
    pub fn env(&self, wires: &Wires) -> Vec<(String, String)> {
        let mut env = wires.env(&self.aws);
        for (name, value) in &mut env {
            if name == "AWS_ACCESS_KEY_ID" {
                value.clone_from(&self.own_key);
            }
        }
        env
    }

    pub fn config(&self) -> String {
        let (prefix, key, Options { asking, sts, keys, delivery }) = (&self.prefix, &self.key, self.options);
        let kind = match asking {
            Asking::WithSaml => "kind = \"aws\"",
            Asking::AsItself => "kind = \"assume-role\"\nsession_tags = { mail = \"role_session_name\" }",
        };
        format!(
            r#"
[server]
listen = "@LISTEN@"
admin_listen = "@ADMIN@"
public_url = "https://vestibule.example.com"
redirect_url = "https://app.example.com/"
allowed_origins = ["https://app.example.com"]
choose = true

[sts]
{kind}
region = "@REGION@"
{sts}

[store]
kind = "dynamodb"
sessions_table = "{prefix}SAMLSessions"
claims_table = "{prefix}SAMLClaims"
users_table = "{prefix}SAMLUsers"
audit_table = "{prefix}SAMLAudit"

[keys]
kind = "kms"
key_id = "{key}"
keys_table = "{prefix}SAMLKeys"
encryption_context = {{ samlprovider = "ADFS" }}
{keys}

[delivery]
{delivery}

[[saml.idp]]
name = "ADFS"
metadata = "@DIR@/adfs.xml"
provider_arn = "{PROVIDER}"
sign_on_url = "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx"
idp_initiated = true

[[rule]]
name = "production"
when.role_name = {{ suffix = "Production" }}
duration = "15m"
"#
        )
    }

    /// A running server, a proxy between it and each service.
    pub fn server(&self) -> Site {
        self.server_with(&self.config())
    }

    pub fn server_with(&self, config: &str) -> Site {
        let wires = Wires::to(&self.aws);
        let env = self.env(&wires);
        Self::server_in(config, wires, env)
    }

    /// One that has its credentials from there, as a container on ECS.
    pub fn server_as(&self, role: &TaskRole) -> Site {
        let wires = Wires::to(&self.aws);
        let mut env = self.env(&wires);
        env.retain(|(name, _)| name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY");
        env.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned(), role.url.clone()));
        Self::server_in(&self.config(), wires, env)
    }

    fn server_in(config: &str, wires: Wires, env: Vec<(String, String)>) -> Site {
        let mut setup = Server::setup(config).file("adfs.xml", &metadata());
        for (name, value) in env {
            setup = setup.env(&name, &value);
        }
        Site { server: setup.start(), wires }
    }

    /// A command with a configuration, by way of these wires.
    pub fn command(&self, wires: &Wires, config: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(arguments).arg("--config").arg(config).env_clear();
        command.envs(wires.env(&self.aws)).output().unwrap()
    }

    /// `vestibule keys …`, which must succeed: the kids that it names.
    pub fn keys_with(&self, wires: &Wires, config: &Path, command: &str) -> Vec<String> {
        let output = self.command(wires, config, &["keys", command]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    }

    /// The same with a server's configuration and wires.
    pub fn keys(&self, site: &Site, command: &str) -> Vec<String> {
        self.keys_with(&site.wires, &site.server.path("vestibule.toml"), command)
    }

    // ------------------------------------------------------------ people

    /// `GET /saml`; what is handed out is remembered.
    pub fn take(&self, at: &Site, person: &Person, ticket: &str) -> Reply {
        let reply = person.take(at, ticket);
        if reply.cell().1 == "delivery_uncertain" {
            self.uncertain.lock().unwrap().insert(person.handle());
        }
        if reply.status == 200 {
            let key = reply.json["AccessKeyId"].as_str().unwrap().to_owned();
            self.handed_out.lock().unwrap().push(key);
        }
        reply
    }

    /// A response of its own, issued now.
    pub fn response(&self) -> Forge {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Forge {
            response_id: format!("_response-{number:06}"),
            roles: vec![format!("{PROVIDER},{}", self.role), forge::role("ADFS-Dev")],
            ..Forge::issued_now(&format!("_assertion-{number:06}"))
        }
    }

    /// The same with these roles, by their ARNs.
    pub fn offering(&self, roles: &[String]) -> Forge {
        let roles = roles.iter().map(|role| format!("{PROVIDER},{role}")).collect();
        Forge { roles, ..self.response() }
    }

    /// Waits for a session id to be reserved, and then it is not any longer.
    pub fn forget_reservation(&self, person: &Person) {
        let key = json!({ "identityhash": { "S": person.handle() } });
        let input = json!({
            "TableName": format!("{}SAMLSessions", self.prefix), "Key": key, "ReturnValues": "ALL_OLD",
        });
        let began = Instant::now();
        let delete = || self.aws.call(Service::DynamoDb, "DeleteItem", &input).unwrap();
        while !delete()["Attributes"].is_object() {
            assert!(began.elapsed() < Duration::from_secs(10), "nothing is reserved");
        }
    }
}

/// A proxy before each service.
pub struct Wires {
    pub sts: FaultProxy,
    pub dynamodb: FaultProxy,
    pub kms: FaultProxy,
    pub ssm: FaultProxy,
}

impl Wires {
    pub fn to(aws: &Emulators) -> Self {
        let proxy = |service| FaultProxy::start(&aws.endpoint(service));
        Self {
            sts: proxy(Service::Sts),
            dynamodb: proxy(Service::DynamoDb),
            kms: proxy(Service::Kms),
            ssm: proxy(Service::Ssm),
        }
    }

    pub fn env(&self, aws: &Emulators) -> Vec<(String, String)> {
        aws.env_through(&[
            (Service::Sts, &self.sts.url),
            (Service::DynamoDb, &self.dynamodb.url),
            (Service::Kms, &self.kms.url),
            (Service::Ssm, &self.ssm.url),
        ])
    }

    /// Everything works, and nothing was asked yet.
    pub fn reset(&self) {
        for proxy in [&self.sts, &self.dynamodb, &self.kms, &self.ssm] {
            proxy.reset();
        }
    }
}

/// A server and the wires between it and AWS.
pub struct Site {
    // First, so that it has ended when its wires are cut.
    pub server: Server,
    pub wires: Wires,
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
