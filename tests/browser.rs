//! The page in a real browser: Debian's chromium, driven by the tests of
//! `tests/browser/` (node's own test runner), against the real binary.

mod support;

use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use support::aws::{Emulators, Service};
use support::federation::FederationEndpoint;
use support::idp::{Idp, Options};
use support::process::{Process, free_port};
use support::server::{EMBEDDED, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vestibule::demo::{DemoIdp, PROVIDER_ARN, RULES, RelyingParty};
use vestibule::http::{Connections, ServeLimits, serve};
use vestibule::system::{SystemClock, SystemRandom};

const MISSING: &str = "The browser tests need more than cargo. Run `tests/run`: it installs what the tests need (or `tests/install-browser` alone).";

#[test]
fn the_page_in_a_browser() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    for needed in ["playwright-core", "axe-core", "typescript", "@aws-sdk/client-sts", "jose"] {
        assert!(suite.join("node_modules").join(needed).is_dir(), "no {needed}. {MISSING}");
    }
    assert!(Path::new("/usr/bin/chromium").is_file(), "no chromium. {MISSING}");
    assert!(Command::new("node").arg("--version").output().is_ok(), "no node. {MISSING}");

    let runtime = Runtime::new().unwrap();
    let (demo_dir, demo_url, _demo) = demo();
    let page = |path: &str| format!("http://127.0.0.1:{}{path}", free_port());
    let (elsewhere_page, bucket_page, plain_page) = (page("/"), page("/console/"), page("/"));
    let short = site(&runtime, 2, Place::Home, "ticket_lifetime = \"5s\"\nsession_lifetime = \"60s\"");
    let asking = site(&runtime, 1, Place::Home, ASKS);
    let elsewhere = site(&runtime, 1, Place::Page(&elsewhere_page), "");
    let bucket = site(&runtime, 1, Place::Page(&bucket_page), "");
    let plain = site(&runtime, 1, Place::Page(&plain_page), "binding = \"plain\"\njwt_in = \"query\"");
    let gateway_page = page("/");
    let gateway = site(&runtime, 1, Place::Behind(&gateway_page, "https://api.gateway.example/users"), "");

    let wiki_page = page("/");
    let wiki = format!("\n[[page]]\nname = \"wiki\"\nredirect_url = {wiki_page:?}\n");
    let (_redirect_idp, redirect) = starts_here(false, &wiki);
    let (_post_idp, post) = starts_here(true, "");

    let team_page = page("/");
    let (_roles_idp, roles) = several_roles(&team_page, "");
    let sealed_page = page("/");
    let (_sealed_idp, sealed) = several_roles(&sealed_page, SEALED);
    let console = Console::start();
    let sites = json!({
        "console": { "url": console.server.base_url, "log": console.server.path("server.log"),
                     "federation": console.federation.url, "vestibule": env!("CARGO_BIN_EXE_vestibule") },
        "roles": { "url": roles.base_url, "log": roles.path("server.log") },
        "team": { "url": roles.base_url, "log": roles.path("server.log"), "page": team_page },
        "sealed": { "url": sealed.base_url, "log": sealed.path("server.log"), "data": sealed.path(""),
                    "vestibule": env!("CARGO_BIN_EXE_vestibule") },
        "sealed_team": { "url": sealed.base_url, "log": sealed.path("server.log"), "page": sealed_page },
        "redirect": { "url": redirect.base_url, "log": redirect.path("server.log") },
        "wiki": { "url": redirect.base_url, "log": redirect.path("server.log"), "page": wiki_page },
        "post": { "url": post.base_url, "log": post.path("server.log") },
        "demo": { "url": demo_url, "log": demo_dir.path().join("demo.log") },
        "short": { "url": short.base_url, "log": short.path("server.log") },
        "asking": { "url": asking.base_url, "log": asking.path("server.log") },
        "elsewhere": { "url": elsewhere.base_url, "log": elsewhere.path("server.log"), "page": elsewhere_page },
        "bucket": { "url": bucket.base_url, "log": bucket.path("server.log"), "page": bucket_page },
        "gateway": { "url": gateway.base_url, "log": gateway.path("server.log"), "page": gateway_page },
        "plain": { "url": plain.base_url, "log": plain.path("server.log"), "page": plain_page },
    });
    let run = Command::new("node")
        // A file that goes on for ten minutes has failed, and what a test left open ends with it.
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .args(["--test-timeout=600000", "--test-force-exit"])
        .args(only().iter().map(|name| format!("--test-name-pattern={name}")))
        .current_dir(&suite)
        .env("SITES", sites.to_string())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    println!("{output}");
    // For the end of `tests/run`: sixty other programs write after this one.
    let failed = output.split_once("failing tests:").map_or("", |(_, failed)| failed);
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser-failed.txt"), failed).unwrap();
    assert!(run.status.success(), "{failed}\n{}", String::from_utf8_lossy(&run.stderr));
    let passed = output.lines().find_map(|line| line.split("pass ").nth(1)).unwrap_or("0");
    assert_ne!(passed.trim(), "0", "no test ran");
    if only().is_none_or(|name| name.contains("reason")) {
        assert_eq!(reasons(&asking), ["INC-4711: café, <b>&\"+%\" 🔑", "INC-4712"], "and nothing else");
        let log = asking.log_text();
        assert!(!log.contains("4711") && !log.contains("4712"), "a person's own text: {log}");
    }
}

/// A rule that asks for a reason, behind the options of `[delivery]`; it stands before the others.
const ASKS: &str = "\n[[rule]]\nname = \"asks\"\nwhen.role_name = { equals = \"ADFS-Production\" }\n\
                    ask_reason = \"Which incident or ticket is this for?\"\n";

/// Only who waits opens what is handed over; and programs at a shell wait too.
const SEALED: &str = "\n[log]\nlevel = \"trace\"\n[delivery]\nbinding = \"sealed\"\n\
                      [shell]\nenabled = true\nother_device = true\n\
                      [[rule]]\nname = \"vault\"\nwhen.role_name = { equals = \"Vault\" }\n\
                      when.authn_age = { at_most = \"10s\" }\n\
                      [[rule]]\nname = \"incidents\"\nwhen.role_name = { equals = \"Incidents\" }\n\
                      ask_reason = \"Which incident is this for?\"\n";

/// What people gave as a reason, in the order of their deliveries.
fn reasons(server: &Server) -> Vec<String> {
    let trail = rusqlite::Connection::open(server.path("vestibule.db")).unwrap();
    let mut said = trail
        .prepare("SELECT subject ->> 'reason' FROM audit WHERE subject ->> 'reason' IS NOT NULL ORDER BY seq")
        .unwrap();
    said.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// For work on one test: `BROWSER_TEST='used ticket' cargo test --test browser`.
fn only() -> Option<String> {
    std::env::var("BROWSER_TEST").ok()
}

/// What `vestibule demo` is to everybody.
fn demo() -> (TempDir, String, Process) {
    let dir = TempDir::with_prefix("vestibule-demo-").unwrap();
    let (public, idp) = (free_port(), free_port());
    let url = format!("http://127.0.0.1:{public}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["demo", "--listen", &format!("127.0.0.1:{public}")]);
    command.args(["--idp-listen", &format!("127.0.0.1:{idp}")]);
    let process = Process::start(command, &dir.path().join("demo.log"), &format!("{url}/config.json"));
    (dir, url, process)
}

/// A server whose logins start there, at SimpleSAMLphp; with these pages beside its own.
fn starts_here(post_only: bool, pages: &str) -> (Idp, Server) {
    let idp = Idp::start(&Options { post_only, ..Options::default() });
    let saml = "\n[[saml.idp]]\nname = \"SSP\"\nmetadata = \"@DIR@/idp.xml\"\nidp_initiated = false\n\
                provider_arn = \"arn:aws:iam::123456789012:saml-provider/SSP\"\n\
                [[rule]]\nname = \"production\"\nwhen.role_name = { contains = \"Prod\" }\n\
                [[rule]]\nname = \"payments\"\nwhen.role_name = { equals = \"Payments\" }\n\
                when.authn_context = { equals = \"https://refeds.org/profile/mfa\" }\n\
                [[rule]]\nname = \"vault\"\nwhen.role_name = { equals = \"Vault\" }\n\
                when.authn_age = { at_most = \"10s\" }\n";
    let server = Server::setup(&format!("{EMBEDDED}{saml}{pages}")).file("idp.xml", &idp.metadata()).start();
    idp.trust(&support::browser::Browser::new().open(&server.url("/saml/metadata")).body);
    (idp, server)
}

/// A server of a company with twelve accounts, at SimpleSAMLphp, where people have up to 300
/// roles; and one team's page, where they choose among two of them.
fn several_roles(team_page: &str, more: &str) -> (Idp, Server) {
    let idp = Idp::start(&Options::default());
    let accounts: String =
        (1..=12).map(|number| format!("1111222233{number:02} = \"Plant {number}\"\n")).collect();
    let saml = format!(
        "\n[accounts]\n{accounts}[[saml.idp]]\nname = \"SSP\"\nmetadata = \"@DIR@/idp.xml\"\n\
         idp_initiated = false\nprovider_arn = \"arn:aws:iam::*:saml-provider/SSP\"\n\
         [[page]]\nname = \"team\"\nredirect_url = {team_page:?}\nchoose = true\n\
         [[rule]]\nname = \"team\"\nwhen.page = {{ equals = \"team\" }}\n\
         when.account = {{ equals = \"111122223303\" }}\n\
         when.role_name = {{ any_of = [\"Engineer-03\", \"Engineer-04\"] }}\n\
         [[rule]]\nname = \"no more for the team\"\nwhen.page = {{ equals = \"team\" }}\n\
         refuse = \"This page is for two roles.\"\n\
         [[rule]]\nname = \"payments\"\nwhen.role_name = {{ equals = \"Payments\" }}\n\
         when.authn_context = {{ equals = \"https://refeds.org/profile/mfa\" }}\n\
         [[rule]]\nname = \"engineers\"\nwhen.role_name = {{ prefix = \"Engineer-\" }}\n{more}"
    );
    let server = Server::setup(&format!("{EMBEDDED}{saml}")).file("idp.xml", &idp.metadata()).start();
    idp.trust(&support::browser::Browser::new().open(&server.url("/saml/metadata")).body);
    (idp, server)
}

/// A server that signs people in to the AWS console, at SimpleSAMLphp, with the strict STS and a
/// federation endpoint behind it. It seals, and a ticket for one role comes in a query.
struct Console {
    server: Server,
    federation: FederationEndpoint,
    _idp: Idp,
    _aws: Emulators,
}

impl Console {
    fn start() -> Self {
        let (idp, aws) = (Idp::start(&Options::default()), Emulators::only(&[Service::Sts]));
        let federation = FederationEndpoint::start();
        let sts = "[sts]\nkind = \"aws\"\nregion = \"@REGION@\"\n";
        let embedded = EMBEDDED
            .replace("[sts]\nkind = \"local\"\npath = \"@DIR@/sts-key\"\nregion = \"@REGION@\"\n", sts);
        let provider = "arn:aws:iam::111122223301:saml-provider/SSP";
        let more = format!(
            "\n[log]\nlevel = \"trace\"\n[delivery]\nbinding = \"sealed\"\njwt_in = \"query\"\n\
             {}destinations = [\"https://eu-central-1.console.aws.amazon.com/ecs/v2/clusters\"]\n\
             [accounts]\n111122223301 = \"Plant 1\"\n\
             [[saml.idp]]\nname = \"SSP\"\nmetadata = \"@DIR@/idp.xml\"\nidp_initiated = false\n\
             provider_arn = {provider:?}\n\
             [[rule]]\nname = \"engineers\"\nwhen.role_name = {{ any_of = [\"Engineer-02\", \"Engineer-03\"] }}\n",
            federation.config()
        );
        let mut setup = Server::setup(&format!("{embedded}{more}")).file("idp.xml", &idp.metadata());
        for (name, value) in aws.env() {
            setup = setup.env(&name, &value);
        }
        let server = setup.start();
        idp.trust(&support::browser::Browser::new().open(&server.url("/saml/metadata")).body);
        aws.sts_set("providers", &json!({ "arn": provider, "metadata": idp.metadata() }));
        for name in ["Engineer-02", "Engineer-03"] {
            let arn = format!("arn:aws:iam::111122223301:role/team/{name}");
            let trust = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Federated": provider },
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
            }] });
            aws.sts_set("roles", &json!({ "arn": arn, "trust_policy": trust }));
        }
        Self { server, federation, _idp: idp, _aws: aws }
    }
}

/// Where people meet a server.
enum Place<'a> {
    /// At itself.
    Home,
    /// At this page of another origin.
    Page(&'a str),
    /// At a proxy that is the only one whom people see, and where it changes the
    /// host: what pings have to be signed for.
    Behind(&'a str, &'a str),
}

/// A server of its own configuration, with the demo's identity provider and people.
fn site(runtime: &Runtime, idps: usize, place: Place<'_>, delivery: &str) -> Server {
    let listeners: Vec<_> =
        (0..idps).map(|_| std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let mut config = EMBEDDED.to_owned();
    match place {
        Place::Home => {}
        Place::Page(page) => {
            let origin = page.split('/').take(3).collect::<Vec<_>>().join("/");
            config = config
                .replace("redirect_url = \"@URL@/\"", &format!("redirect_url = {page:?}"))
                .replace("[\"@URL@\"]", &format!("[{origin:?}]"));
        }
        Place::Behind(front, ping_url) => {
            config = config
                .replace("@URL@", front.trim_end_matches('/'))
                .replace("redirect_url", &format!("ping_url = {ping_url:?}\nredirect_url"));
        }
    }
    config += &format!("\n[log]\nlevel = \"trace\"\n\n[delivery]\n{delivery}\n");
    for (number, listener) in listeners.iter().enumerate() {
        let name = ["ADFS", "ADFS-Harbour"][number];
        let address = listener.local_addr().unwrap();
        config += &format!(
            "\n[[saml.idp]]\nname = {name:?}\nprovider_arn = {PROVIDER_ARN:?}\n\
             metadata = \"@DIR@/idp-{number}.xml\"\n\
             sign_on_url = \"http://{address}/adfs/ls/IdpInitiatedSignOn.aspx\"\n\
             relying_party_id = \"urn:amazon:webservices\"\nidp_initiated = true\n"
        );
    }
    let mut setup = Server::setup(&format!("{config}\n{RULES}"));
    let url = setup.base_url();
    for (number, listener) in listeners.into_iter().enumerate() {
        let (public, home) = match place {
            Place::Home => (url.as_str(), format!("{url}/")),
            Place::Page(page) => (url.as_str(), page.to_owned()),
            Place::Behind(front, _) => (front.trim_end_matches('/'), front.to_owned()),
        };
        let id = "urn:amazon:webservices".into();
        let to = RelyingParty { id, acs_url: format!("{public}/saml"), home_url: home };
        let base = format!("http://{}", listener.local_addr().unwrap());
        let idp = DemoIdp::generate(&base, to, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
        setup = setup.file(&format!("idp-{number}.xml"), idp.metadata());
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let limits = ServeLimits {
                header_timeout: Duration::from_secs(60),
                grace: Duration::ZERO,
                ..Default::default()
            };
            let pages = idp.router();
            serve(listener, move || pages.clone(), Connections::new(limits), std::future::pending()).await;
        });
    }
    setup.start()
}
