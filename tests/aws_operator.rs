//! AWS as operators meet it on the command line: configured values in the
//! Parameter Store, keys in KMS. On emulators, with a proxy for the refusals that
//! these never give.

mod support;

use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::aws::{Emulators, Service};
use support::fault_proxy::{Fault, FaultProxy, Rule};
use tempfile::TempDir;

const EX_CONFIG: i32 = 78;
const CONTACT: &str = "the-help-desk@example.com";

/// A configuration that refers to parameters, and the Parameter Store with
/// them, for two environments.
struct Place {
    aws: Emulators,
    proxy: FaultProxy,
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let aws = Emulators::start();
        let key = aws.create_key("SYMMETRIC_DEFAULT");
        for (environment, host) in [("prod", "vestibule.example.com"), ("test", "test.example.com")] {
            let below = |name: &str| format!("/vestibule/{environment}/{name}");
            aws.put_parameter(&below("public_url"), &format!("https://{host}"), &key);
            aws.put_parameter(&below("max"), "7", &key);
        }
        aws.put_parameter("/company/contact", CONTACT, &key);
        let dir = TempDir::with_prefix("vestibule-parameters-").unwrap();
        let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata.xml");
        std::fs::copy(metadata, dir.path().join("idp.xml")).unwrap();
        let config = r#"
[ssm]
prefix = "/vestibule/prod"
[server]
public_url = "ssm:public_url"
contact = "ssm:/company/contact"
max_connections = "ssm:max"
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "idp.xml"
[sts]
kind = "local"
[store]
kind = "embedded"
[keys]
kind = "local"
"#;
        std::fs::write(dir.path().join("vestibule.toml"), config).unwrap();
        let proxy = FaultProxy::start(&aws.endpoint(Service::Ssm));
        Self { aws, proxy, dir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(arguments).args(["--config", "vestibule.toml"]).current_dir(self.dir.path()).env_clear();
        command.envs(self.aws.env_through(&[(Service::Ssm, &self.proxy.url)]));
        command
    }

    fn check(&self, more: &[&str], env: &[(&str, &str)]) -> (Output, String) {
        let output = self.command(&["check"]).args(more).envs(env.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    }
}

#[test]
fn references_are_resolved_for_the_environment_that_the_prefix_names() {
    let place = Place::new();
    let (output, said) = place.check(&["--resolve"], &[]);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with("vestibule.toml: usable\n"), "{said}");
    assert_eq!(place.proxy.counts().get("GetParameters"), Some(&1), "one call for all of them");
    let prod = place.proxy.seen();
    assert!(prod[0].body.contains("/vestibule/prod/public_url"), "{}", prod[0].body);

    let (output, said) = place.check(&["--resolve"], &[("VESTIBULE_SSM_PREFIX", "/vestibule/test")]);
    assert!(output.status.success(), "{said}");
    assert!(place.proxy.seen()[1].body.contains("/vestibule/test/public_url"));
    assert!(!said.contains(CONTACT), "{said}");
}

#[test]
fn without_being_told_to_nobody_is_asked() {
    let place = Place::new();
    let (output, said) = place.check(&[], &[]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("not checked: server.public_url stands in the Parameter Store"), "{said}");
    assert!(said.ends_with("usable, as far as it was checked\n"), "{said}");
    assert_eq!(place.proxy.counts().len(), 0);
}

#[test]
fn what_cannot_be_had_is_said_with_its_place_and_what_to_do() {
    let place = Place::new();
    let (output, said) = place.check(&["--resolve"], &[("VESTIBULE_SSM_PREFIX", "/vestibule/nowhere")]);
    assert_eq!(output.status.code(), Some(EX_CONFIG));
    for key in ["vestibule.toml:5:14: server.public_url", "vestibule.toml:7:19: server.max_connections"] {
        assert!(said.contains(&format!("{key}: ssm:/vestibule/nowhere/")), "{said}");
    }
    assert!(said.contains("there is no such parameter"), "{said}");
    assert!(!said.contains("contact: "), "that one is there: {said}");

    // No permission on one of them: the whole call fails, so each is asked for.
    let denied = "User: arn:aws:sts::123456789012:assumed-role/Vestibule/i-1 is not authorized to perform: \
                  ssm:GetParameters on resource: arn:aws:ssm:eu-central-1:123456789012:parameter/company/contact \
                  because no identity-based policy allows the ssm:GetParameters action";
    let of_key = "The ciphertext refers to a customer master key that does not exist, does not exist in this \
                  region, or you are not allowed to access it. (Service: AWSKMS; Status Code: 400)";
    for (message, sentence) in
        [(denied, "allow its role ssm:GetParameters"), (of_key, "allow its role kms:Decrypt")]
    {
        place.proxy.reset();
        let refusal = Fault::json(400, "AccessDeniedException", message);
        place.proxy.add(Rule::on("GetParameters", refusal).containing("/company/contact"));
        let (output, said) = place.check(&["--resolve"], &[]);
        assert_eq!(output.status.code(), Some(EX_CONFIG));
        assert!(said.contains("6:11: server.contact: ssm:/company/contact: "), "{said}");
        assert!(said.contains(sentence), "{said}");
        assert!(!said.contains("server.public_url: "), "{said}");
    }
}

#[test]
fn an_outage_of_the_parameter_store_is_named() {
    let mut place = Place::new();
    place.proxy.die();
    let (output, said) = place.check(&["--resolve"], &[]);
    assert_eq!(output.status.code(), Some(EX_CONFIG));
    assert!(
        said.contains("server.contact: ssm:/company/contact: the Parameter Store did not answer"),
        "{said}"
    );
    let (output, said) = place.check(&["--resolve"], &[("AWS_REGION", "")]);
    assert_eq!(output.status.code(), Some(EX_CONFIG));
    assert!(said.contains("set ssm.region or AWS_REGION"), "{said}");
}

#[test]
fn a_value_of_the_parameter_store_is_never_shown() {
    let place = Place::new();
    let key = place.aws.create_key("SYMMETRIC_DEFAULT");
    place.aws.put_parameter("/vestibule/spoilt/public_url", "hunter2-hunter2", &key);
    place.aws.put_parameter("/vestibule/spoilt/max", "hunter2", &key);
    for level in ["info", "trace"] {
        let env = [("VESTIBULE_SSM_PREFIX", "/vestibule/spoilt"), ("VESTIBULE_LOG_LEVEL", level)];
        let (output, said) = place.check(&["--resolve"], &env);
        assert_eq!(output.status.code(), Some(EX_CONFIG));
        assert!(said.contains("server.public_url") && said.contains("server.max_connections"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn keys_that_kms_protects_are_made_listed_and_rotated() {
    let place = Place::new();
    place.aws.create_tables();
    let key = place.aws.create_key("SYMMETRIC_DEFAULT");
    let keys = |command: &str, key: &str| {
        let output = place
            .command(&["keys", command])
            .env("VESTIBULE_KEYS_KIND", "kms")
            .env("VESTIBULE_KEYS_KEY_ID", key)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let ok = |command: &str| {
        let (code, said) = keys(command, &key);
        assert_eq!(code, Some(0), "{said}");
        said
    };
    let made = ok("create");
    let first = made.replace("var/issuer.key  the local issuer's key, made\n", "");
    assert_ne!(first, made, "the local issuer's key too");
    assert_eq!((ok("create"), ok("list")), (first.clone(), first.clone()), "made once");
    let second = ok("rotate");
    assert_eq!(ok("list"), first + &second, "the old one is still there");
    // Only ciphertext is in the table.
    assert_eq!(place.aws.items("SAMLKeys").len(), 1);

    let (code, said) = keys("rotate", "alias/nobodys");
    assert_eq!(code, Some(EX_CONFIG), "{said}");
    assert!(said.contains("vestibule: ") && said.contains("alias/nobodys"), "{said}");
}

/// What operators have in `~/.aws/config`: no keys, but where to get some.
#[test]
fn operators_with_profiles_make_keys_and_ask_the_doctor() {
    let place = Place::new();
    place.aws.create_tables();
    let key = place.aws.create_key("SYMMETRIC_DEFAULT");
    let (id, secret) = ("AKIAOPERATOR00000000", "of the operator");
    let process = json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret }).to_string();
    std::fs::write(place.dir.path().join("process.json"), process).unwrap();
    let (portal, asked) = sso_portal(id, secret);
    let home = place.dir.path();
    // As `aws sso login` leaves it: the file's name is the SHA-1 of the session's.
    let token = json!({
        "accessToken": "of-the-operator", "expiresAt": "2100-01-01T00:00:00Z", "region": "eu-central-1",
        "startUrl": "https://example.awsapps.com/start",
    });
    let cache = home.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    std::fs::write(cache.join(format!("{SHA1_OF_COMPANY}.json")), token.to_string()).unwrap();
    let profiles = format!(
        "[profile by-process]\ncredential_process = cat {}\n\
         [profile by-sso]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = Operator\n\
         [sso-session company]\nsso_region = eu-central-1\nsso_start_url = https://example.awsapps.com/start\n",
        home.join("process.json").display()
    );
    std::fs::write(home.join(".aws/config"), profiles).unwrap();
    let run = |profile: &str, command: &[&str]| {
        let output = place
            .command(command)
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .envs([("HOME", home.to_str().unwrap()), ("AWS_PROFILE", profile), ("PATH", "/usr/bin:/bin")])
            .envs([("VESTIBULE_KEYS_KIND", "kms"), ("VESTIBULE_KEYS_KEY_ID", &key)])
            .env("AWS_ENDPOINT_URL_SSO", &portal)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    for profile in ["by-process", "by-sso"] {
        let (code, said) = run(profile, &["keys", "create"]);
        assert_eq!(code, Some(0), "{profile}: {said}");
        let (_, said) = run(profile, &["doctor"]);
        assert!(
            said.contains("ok       credentials: there are AWS credentials to ask with"),
            "{profile}: {said}"
        );
        assert!(!said.contains(secret), "{said}");
    }
    assert!(asked.load(Ordering::Relaxed) >= 2, "the portal gave the credentials");
    // Who has not signed in is told so.
    std::fs::remove_dir_all(&cache).unwrap();
    let (code, said) = run("by-sso", &["keys", "create"]);
    assert_eq!(code, Some(EX_CONFIG), "{said}");
    assert!(said.to_lowercase().contains("sso"), "{said}");
    let (code, said) = run("nobodys", &["doctor"]);
    assert_eq!(code, Some(2), "{said}");
    let told = "the Parameter Store did not answer: no AWS credentials (profile `nobodys` was not defined";
    assert!(said.contains(told), "{said}");
}

/// SHA-1 of `company`.
const SHA1_OF_COMPANY: &str = "71b21161ffa1e6516bcc072aaf5ef38cbe85b511";

/// The portal of IAM Identity Center: credentials for a token.
fn sso_portal(id: &str, secret: &str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let credentials = json!({ "roleCredentials": {
        "accessKeyId": id, "secretAccessKey": secret, "sessionToken": "t", "expiration": 4_102_444_800_000_i64,
    } })
    .to_string();
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            for line in BufReader::new(&stream).lines() {
                let line = line.unwrap();
                if line.is_empty() {
                    break;
                }
                head += &(line + "\n");
            }
            let genuine =
                head.starts_with("GET /federation/credentials?") && head.contains("of-the-operator");
            assert!(genuine && head.contains("role_name=Operator"), "{head}");
            count.fetch_add(1, Ordering::Relaxed);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{credentials}",
                credentials.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}
