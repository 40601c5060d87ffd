//! AWS, Vestibules on it, and people who sign in there.

use crate::forge::{self, Forge};
use crate::support::aws::{Emulators, PROVIDER, REGION, Service};
use crate::support::browser::{Browser, Form};
use crate::support::fault_proxy::FaultProxy;
use crate::support::server::Server;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};
use vestibule::broker::SessionId;

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
         </X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>",
        forge::ISSUER,
        forge::rsa().certificate
    )
}

/// One environment in AWS: tables, a key and a role of its own.
pub struct Cloud {
    pub aws: Arc<Aws>,
    pub prefix: String,
    /// Its ARN, as all ARNs.
    pub key: String,
    role: String,
    /// What `[sts]`, `[keys]` and `[delivery]` say beside the usual.
    pub options: Options,
    /// Access key ids of every answer 200.
    handed_out: Mutex<Vec<String>>,
    /// Handles of the sessions whose take was answered `delivery_uncertain`.
    uncertain: Mutex<BTreeSet<String>>,
}

#[derive(Clone, Copy, Default)]
pub struct Options {
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
        Self {
            aws,
            prefix: prefix.to_owned(),
            key,
            role,
            options,
            handed_out: Mutex::default(),
            uncertain: Mutex::default(),
        }
    }

    pub fn config(&self) -> String {
        let (prefix, key, Options { sts, keys, delivery }) = (&self.prefix, &self.key, self.options);
        format!(
            r#"
[server]
listen = "@LISTEN@"
admin_listen = "@ADMIN@"
public_url = "https://vestibule.example.com"
redirect_url = "https://app.example.com/"
allowed_origins = ["https://app.example.com"]

[sts]
kind = "aws"
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
        let mut setup = Server::setup(config).file("adfs.xml", &metadata());
        for (name, value) in wires.env(&self.aws) {
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
        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", &person.verifier)];
        let reply = Reply::of(person.browser.get(&at.server.url("/saml"), &headers));
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

    /// As if hours had passed for all that is open or claimed.
    pub fn age(&self) {
        for (table, key) in [("SAMLSessions", "identityhash"), ("SAMLClaims", "handle")] {
            for item in self.items(table).iter().filter(|item| item["ends_at"].is_object()) {
                let ends_at: i128 = item["ends_at"]["N"].as_str().unwrap().parse().unwrap();
                let earlier = (ends_at - 3_600_000_000_000 * 2).to_string();
                let input = json!({
                    "TableName": format!("{}{table}", self.prefix),
                    "Key": { key: item[key] },
                    "UpdateExpression": "SET ends_at = :earlier",
                    "ExpressionAttributeValues": { ":earlier": { "N": earlier } },
                });
                self.aws.call(Service::DynamoDb, "UpdateItem", &input).unwrap();
            }
        }
    }

    // ------------------------------------------------------- the auditor

    pub fn items(&self, table: &str) -> Vec<Value> {
        self.aws.items(&format!("{}{table}", self.prefix))
    }

    /// The audit trail, in order.
    fn trail(&self) -> Vec<Value> {
        let mut events = self.items("SAMLAudit");
        events.sort_by_key(|event| text(event, "recorded").to_owned());
        events
    }

    /// What happened to an assertion: `login.failed sts_timeout`.
    pub fn history(&self, assertion: &Forge) -> Vec<String> {
        let trail = self.trail();
        let of_it: BTreeSet<_> = trail
            .iter()
            .filter(|event| text(event, "assertion_id") == assertion.assertion_id)
            .map(|event| text(event, "login_id"))
            .collect();
        let events = trail.iter().filter(|event| of_it.contains(text(event, "login_id")));
        events
            .map(|event| format!("{} {}", text(event, "kind"), text(event, "code")).trim().to_owned())
            .collect()
    }

    /// How often something was recorded.
    pub fn count(&self, kind: &str) -> usize {
        self.items("SAMLAudit").iter().filter(|event| text(event, "kind") == kind).count()
    }

    /// Waits until every login has its end, by a real sweeper if need be, and
    /// then checks that the trail accounts for everything.
    pub fn settle(&self) {
        let open = || -> Vec<Value> {
            let items = self.items("SAMLSessions");
            items.into_iter().filter(|item| text(item, "identityhash") != "readiness").collect()
        };
        let began = Instant::now();
        while !open().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(120), "nobody ends {:?}", open());
            sleep(Duration::from_millis(500));
        }
        self.assert_accounted_for();
    }

    /// [`Cloud::settle`], as if hours had passed: by a real server that has just started.
    pub fn sweep(&self) {
        self.age();
        let _sweeper = self.server();
        self.settle();
    }

    /// No credentials without a record, none twice, none lost without a trace.
    fn assert_accounted_for(&self) {
        let trail = self.trail();
        let mut logins: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in trail.iter().filter(|event| text(event, "kind") != "login.refused") {
            logins.entry(text(event, "login_id")).or_default().push(event);
        }
        let (handed_out, uncertain) = (self.handed_out.lock().unwrap(), self.uncertain.lock().unwrap());
        let mut delivered = BTreeSet::new();
        for (login, events) in &logins {
            let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
            let of = |kind| events.iter().copied().find(|event| text(event, "kind") == kind);
            assert_eq!(kinds[0], "login.started", "{login}: {kinds:?}");
            match (&kinds[1..], of("login.delivered")) {
                (["login.issued", "login.delivered"], Some(event)) => {
                    let key = text(event, "access_key_id");
                    assert_eq!(key, text(of("login.issued").unwrap(), "access_key_id"), "{login}");
                    // Or recorded, without our hearing of it: then nothing went out.
                    let heard = handed_out.iter().any(|each| each == key);
                    assert!(heard || uncertain.contains(text(event, "session")), "{login}");
                    delivered.insert(key);
                }
                (["login.issued", "login.expired" | "login.uncertain" | "login.failed"], None)
                | (["login.failed" | "login.abandoned"], None) => {}
                _ => panic!("{login}: {kinds:?}"),
            }
        }
        for key in handed_out.iter() {
            assert!(delivered.remove(key.as_str()), "{key} was handed out without a record, or twice");
        }

        // And by STS's own book: whatever it gave was asked for by one of these logins.
        let started: BTreeSet<_> = logins.values().map(|events| text(events[0], "assertion_id")).collect();
        for call in self.aws.sts_calls() {
            let parameters = &call["parameters"];
            if call["access_key_id"].is_string() && parameters["RoleArn"] == self.role.as_str() {
                let xml = STANDARD.decode(parameters["SAMLAssertion"].as_str().unwrap()).unwrap();
                let xml = String::from_utf8(xml).unwrap();
                let (_, rest) = xml.split_once("<Assertion ID=\"").unwrap();
                assert!(started.contains(rest.split('"').next().unwrap()), "no login asked for {rest}");
            }
        }
    }
}

/// A string of an item; empty if it has none.
pub fn text<'i>(item: &'i Value, name: &str) -> &'i str {
    item[name]["S"].as_str().unwrap_or_default()
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

/// A tab of a person's browser.
pub struct Person {
    browser: Browser,
    pub session: String,
    pub verifier: String,
}

impl Person {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let session = format!("session-of-the-tab-{number:06}");
        Self { browser: Browser::new(), session, verifier: format!("{number:x>43}") }
    }

    /// What tables know the session id by.
    pub fn handle(&self) -> String {
        SessionId::parse(&self.session).unwrap().handle().as_str().to_owned()
    }

    /// The same tab, to be used at the same time.
    pub fn again(&self) -> Self {
        let (session, verifier) = (self.session.clone(), self.verifier.clone());
        Self { browser: Browser::new(), session, verifier }
    }

    /// `POST /saml`, as the identity provider's page makes the browser do.
    pub fn post(&self, at: &Site, assertion: &Forge) -> Reply {
        let form = self.form(&at.server.url("/saml"), assertion);
        Reply::of(self.browser.submit_with(&form, &[("Accept", "application/json")]))
    }

    /// The same, where it may be that there is no answer.
    pub fn try_post(&self, url: &str, assertion: &Forge) -> Option<u16> {
        let form = self.form(url, assertion);
        agent().post(url).send_form(form.fields).ok().map(|answer| answer.status().as_u16())
    }

    /// `GET /saml`, where it may be that there is no answer.
    pub fn try_take(&self, url: &str, ticket: &str) -> Option<u16> {
        let request = agent().get(url).header("authorization", format!("Bearer {ticket}"));
        let answer = request.header("vestibule-verifier", &self.verifier).call();
        answer.ok().map(|answer| answer.status().as_u16())
    }

    pub fn form(&self, action: &str, assertion: &Forge) -> Form {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        let fields = [
            ("SAMLResponse", STANDARD.encode(assertion.xml())),
            ("RelayState", format!("{}##{challenge}", self.session)),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Form { action: action.to_owned(), fields }
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).max_redirects(0);
    config.build().into()
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub json: Value,
}

impl Reply {
    fn of(page: crate::support::browser::Page) -> Self {
        let json = serde_json::from_str(&page.body).unwrap_or(Value::Null);
        Self { status: page.status, location: page.location(), json }
    }

    /// Status and code, for comparing with the documents.
    pub fn cell(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or_default())
    }

    pub fn ticket(&self) -> String {
        assert_eq!(self.cell(), (302, ""), "{}", self.json);
        let location = self.location.as_deref().unwrap();
        location.strip_prefix("https://app.example.com/#jwt=").unwrap().to_owned()
    }
}

/// The `kid` in a ticket's header.
pub fn kid(ticket: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(ticket.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Whom AWS takes the holder of these credentials for, by AWS's own SDK.
pub fn caller(aws: &Emulators, credentials: &Value) -> Result<String, String> {
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let token = Some(text("SessionToken"));
    let credentials =
        Credentials::new(text("AccessKeyId"), text("SecretAccessKey"), token, None, "vestibule");
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(aws.endpoint(Service::Sts))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = aws_sdk_sts::Client::from_conf(config);
    let identity = runtime.block_on(client.get_caller_identity().send());
    identity.map(|identity| identity.arn.unwrap()).map_err(|error| format!("{error:?}"))
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
