//! One company, several AWS accounts: AD FS offers each person all their roles in all
//! accounts, each with the SAML provider of its account. The real binary, a strict STS.

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Output;
use support::aws::{Emulators, Service};
use support::browser::{Browser, Form, Page};
use support::forge::{self, Forge, Signing, rsa};
use support::process::vestibule;
use support::server::{ADFS_METADATA, EMBEDDED, Server};
use support::waiting::{WaitingPage, ticket};

const PRODUCTION: &str = "111122223333";
const DEVELOPMENT: &str = "444455556666";
const AUDIT: &str = "777788889999";
/// A subsidiary's: AD FS knows it, and this Vestibule is not for it.
const SUBSIDIARY: &str = "123456789012";

/// What AD FS's claim rules make of somebody in thirteen groups, in its order.
const GROUPS: [(&str, &[&str]); 3] = [
    (PRODUCTION, &["Admin", "Billing", "Operator", "ReadOnly", "Support"]),
    (DEVELOPMENT, &["Admin", "Developer", "Operator", "ReadOnly"]),
    (AUDIT, &["Auditor", "ReadOnly", "Security", "team/LogReader"]),
];

const RULES: &str = r#"
[[rule]]
name = "production"
when.account = { equals = "111122223333" }
when.role_name = { equals = "Operator" }
when.attribute.groups = { equals = "AWS-Production" }

[[rule]]
name = "elsewhere"
when.account = { any_of = ["444455556666", "777788889999"] }
when.role_name = { any_of = ["Developer", "LogReader"] }
"#;

fn provider(account: &str) -> String {
    format!("arn:aws:iam::{account}:saml-provider/ADFS")
}

fn role(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// Provider first, as AD FS's claim rules have it.
fn pair(account: &str, name: &str) -> String {
    format!("{},{}", provider(account), role(account, name))
}

/// All thirteen, and one of a subsidiary.
fn offered(but: &[&str]) -> Vec<String> {
    let all = GROUPS.iter().flat_map(|(account, names)| names.iter().map(move |name| (*account, *name)));
    let some = all.filter(|(account, _)| !but.contains(account)).map(|(account, name)| pair(account, name));
    some.chain([pair(SUBSIDIARY, "Developer")]).collect()
}

struct Company {
    aws: Emulators,
    server: Server,
}

impl Company {
    fn new(provider_arn: &str, accounts: &str) -> Self {
        let aws = Emulators::only(&[Service::Sts]);
        for (account, names) in GROUPS {
            aws.sts_set("providers", &json!({ "arn": provider(account), "metadata": ADFS_METADATA }));
            for name in names {
                let policy = json!({ "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Federated": provider(account) },
                    "Action": "sts:AssumeRoleWithSAML",
                    "Condition": { "StringEquals": { "SAML:aud": forge::ACS } },
                }] });
                let arn = role(account, name);
                aws.sts_set(
                    "roles",
                    &json!({ "arn": arn, "trust_policy": policy, "max_session_duration": 3_600 }),
                );
            }
        }
        let sts = "kind = \"aws\"\nregion = \"@REGION@\"\n";
        let local = "kind = \"local\"\npath = \"@DIR@/sts-key\"\nregion = \"@REGION@\"\n";
        let embedded = EMBEDDED
            .replace(local, sts)
            .replace("public_url = \"@URL@\"", "public_url = \"https://vestibule.example.com\"");
        assert!(embedded.contains(sts));
        let idp = format!(
            "[[saml.idp]]\nname = \"ADFS\"\nprovider_arn = {provider_arn}\nmetadata = \"@DIR@/idp.xml\"\n\
             select.groups = \"AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue\"\n"
        );
        let config = format!("{embedded}\n{accounts}\n{idp}\n{RULES}");
        let mut setup = Server::setup(&config).file("idp.xml", ADFS_METADATA);
        for (name, value) in aws.env() {
            setup = setup.env(&name, &value);
        }
        Self { aws, server: setup.start() }
    }

    fn sign_in(&self, name: &str, roles: Vec<String>) -> (Page, WaitingPage) {
        let page = WaitingPage::new(name);
        let response = Forge {
            roles,
            assertion_signing: Some(Signing::with(rsa())),
            ..Forge::issued_now(&format!("_assertion-{name}"))
        };
        let fields = [("SAMLResponse", STANDARD.encode(response.xml())), ("RelayState", page.relay_state())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let form = Form { action: self.server.url("/saml"), fields };
        (Browser::new().submit_with(&form, &[("Accept", "application/json")]), page)
    }

    /// The role that is handed over, and the rule that decided.
    fn given(&self, name: &str, roles: Vec<String>) -> (String, String) {
        let (answer, page) = self.sign_in(name, roles);
        let taken = page.take(&Browser::new(), &self.server, &ticket(&answer, &self.server));
        assert_eq!(taken.status, 200, "{}", taken.body);
        let taken = taken.json();
        // STS's own: it gave them by the provider of the role's account.
        let id = taken["AccessKeyId"].as_str().unwrap();
        let calls = self.aws.sts_calls();
        let call = calls.iter().find(|call| call["access_key_id"] == id).unwrap();
        let account = taken["account"].as_str().unwrap();
        assert_eq!(call["parameters"]["PrincipalArn"], provider(account));
        let text = |key: &str| taken[key].as_str().unwrap().to_owned();
        (text("role"), text("rule"))
    }

    fn refused(&self, name: &str, roles: Vec<String>) -> String {
        let (answer, _) = self.sign_in(name, roles);
        assert_eq!(answer.status, 403, "{}", answer.body);
        answer.json()["error"].as_str().unwrap().to_owned()
    }
}

fn thirteen_roles(company: &Company) {
    let given = company.given("a", offered(&[]));
    assert_eq!(given, (role(PRODUCTION, "Operator"), "production".to_owned()));
    // Without production: two are left, and no rule chooses between them.
    assert_eq!(company.refused("b", offered(&[PRODUCTION])), "role_ambiguous");
    let given = company.given("c", offered(&[PRODUCTION, AUDIT]));
    assert_eq!(given, (role(DEVELOPMENT, "Developer"), "elsewhere".to_owned()));
    let given = company.given("d", offered(&[PRODUCTION, DEVELOPMENT]));
    assert_eq!(given, (role(AUDIT, "team/LogReader"), "elsewhere".to_owned()));
    // The subsidiary's is nobody's here, whatever the rules say of its name.
    assert_eq!(company.refused("e", offered(&[PRODUCTION, DEVELOPMENT, AUDIT])), "no_usable_role");
}

#[test]
fn thirteen_roles_in_three_accounts_by_name() {
    let accounts = format!(
        "[accounts]\n{PRODUCTION} = \"Production\"\n{DEVELOPMENT} = \"Development\"\n{AUDIT} = \"Audit\"\n"
    );
    thirteen_roles(&Company::new("\"arn:aws:iam::*:saml-provider/ADFS\"", &accounts));
}

#[test]
fn thirteen_roles_in_three_accounts_by_a_list() {
    let list = GROUPS.map(|(account, _)| format!("\"{}\"", provider(account))).join(", ");
    thirteen_roles(&Company::new(&format!("[{list}]"), ""));
}

/// Whoever may write claim rules may write a pair of two accounts: it counts for nothing
/// here, and STS is not asked.
#[test]
fn attack_a_role_by_the_provider_of_another_account() {
    let list = GROUPS.map(|(account, _)| format!("\"{}\"", provider(account))).join(", ");
    let company = Company::new(&format!("[{list}]"), "");
    let crossed = format!("{},{}", provider(DEVELOPMENT), role(PRODUCTION, "Operator"));
    assert_eq!(company.refused("a", vec![crossed]), "no_usable_role");
    assert!(company.aws.sts_calls().is_empty());
}

// -------------------------------------------------------------- init

fn init(dir: &Path, accounts: &[&str]) -> (Output, String) {
    fs::write(dir.join("adfs.xml"), ADFS_METADATA).unwrap();
    let start = ["init", "--metadata", "adfs.xml", "--public-url", "https://vestibule.example.com"];
    let accounts = accounts.iter().flat_map(|account| ["--account", *account]);
    vestibule(dir, &start.into_iter().chain(accounts).collect::<Vec<_>>())
}

#[test]
fn init_makes_what_each_account_needs() {
    let dir = tempfile::tempdir().unwrap();
    let (output, said) = init(dir.path(), &["1111-2222-3333=Production", DEVELOPMENT]);
    assert!(output.status.success(), "{said}");
    let (output, said) = vestibule(dir.path(), &["check", "--config", "site/vestibule.toml"]);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
    assert!(said.contains(&format!("roles of {PRODUCTION} (Production), {DEVELOPMENT}\n")), "{said}");
    let site = |name: &str| fs::read_to_string(dir.path().join("site").join(name)).unwrap();
    for account in [PRODUCTION, DEVELOPMENT] {
        let name = format!("trust-policy-{account}.json");
        let policy: serde_json::Value = serde_json::from_str(&site(&name)).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Principal"]["Federated"], provider(account));
        assert_eq!(statement["Condition"]["StringEquals"]["SAML:aud"], forge::ACS);
    }
    // A group's name says which account: the rule of docs/ADFS.md.
    let script = site("adfs.ps1");
    for part in [
        "(?i)^AWS-([0-9]{12})-",
        "\"arn:aws:iam::$1:saml-provider/ADFS,arn:aws:iam::$1:role/ADFS-\"",
        "# Groups named AWS-account-something stand for roles named ADFS-something.",
    ] {
        assert!(script.contains(part), "{part} is not in {script}");
    }
    assert!(!script.contains('@') || !script.contains("@GROUP"), "{script}");
    let guide = site("README.md");
    for part in ["in each account", "once of each account", "file://site/trust-policy-111122223333.json"] {
        assert!(guide.contains(part), "{part} is not in {guide}");
    }
}

#[test]
fn an_account_can_have_its_name_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (output, said) = init(dir.path(), &["111122223333=Production"]);
    assert!(output.status.success(), "{said}");
    let (output, said) = vestibule(dir.path(), &["check", "--config", "site/vestibule.toml"]);
    assert!(output.status.success() && said.contains("roles of 111122223333 (Production)\n"), "{said}");
    assert!(dir.path().join("site/trust-policy.json").exists());
}

#[test]
fn all_that_is_wrong_with_accounts_is_said_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = ["12", "111122223333", "1111-2222-3333=again", "444455556666=two\nlines"];
    let (output, said) = init(dir.path(), &wrong);
    assert!(!output.status.success() && !dir.path().join("site").exists());
    for part in
        ["--account: an account has 12 digits; found \"12\"", "--account: 111122223333 is there twice"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let (output, said) = init(dir.path(), &["444455556666=two\nlines"]);
    assert!(!output.status.success() && said.contains("--account: expected one line"), "{said}");
}
