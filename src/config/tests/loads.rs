//! What loads, and where it arrives.

use super::*;

/// The rules of a configuration with an identity provider that selects groups.
fn rules_of(files: &Files, rules: &str) -> Rules {
    let select = "select.groups = \"AttributeStatement/Attribute[@Name='groups']/AttributeValue\"\n[sts]";
    files.loads(&format!("{}{rules}", LEAST.replace("[sts]", select))).broker.rules
}

fn person(name_id: &str, role: &str) -> crate::saml::Identity {
    let pair = format!("arn:aws:iam::123456789012:role/{role},arn:aws:iam::123456789012:saml-provider/ADFS");
    crate::saml::Identity::for_tests("ADFS", name_id, &[&pair])
}

#[test]
fn the_promised_examples_can_be_written() {
    let files = Files::new();
    let policy = files.write("contractor.json", "{\"Version\": \"2012-10-17\", \"Statement\": []}\n");
    let rules = rules_of(
        &files,
        &r#"
[[rule]]
name = "contractor"
when.role_name = { contains = "Prod" }
when.name_id = { suffix = "-C" }
session_policy = "POLICY"
policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
[[rule]]
name = "administrators"
when.attribute.groups = { any_of = ["Admins", "Root"] }
when.authn_context = { equals = "urn:mfa" }
duration = "12h"
ask_reason = "Which incident or ticket is this for?"
[[rule]]
name = "production"
when = { idp = { equals = "ADFS" }, role_name = { regex = "Prod(uction)?" } }
[[rule]]
name = "inline"
when.role_arn = { suffix = "role/Dev" }
role = "arn:aws:iam::123456789012:role/Dev"
session_policy = '{"Version": "2012-10-17"}'
duration = "15m"
[[rule]]
name = "rest"
refuse = "Ask the help desk for AWS-Production."
"#
        .replace("POLICY", &policy),
    );

    let contractor = rules.decide(person("bob-C", "Prod")).unwrap();
    assert_eq!(contractor.rule(), "contractor");
    assert_eq!(contractor.session_policy(), Some("{\"Version\": \"2012-10-17\", \"Statement\": []}"));
    assert_eq!(contractor.policy_arns(), ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    let admin = person("anna", "Prod").with_values("groups", &["Admins"]).with_authn_context("urn:mfa");
    let admin = rules.decide(admin).unwrap();
    assert_eq!(admin.duration(), time::Duration::hours(12));
    assert_eq!(admin.ask_reason(), Some("Which incident or ticket is this for?"));
    assert_eq!(contractor.ask_reason(), None);
    let without_mfa = person("anna", "Prod").with_values("groups", &["Admins"]);
    assert_eq!(rules.decide(without_mfa).unwrap().rule(), "production");
    let dev = rules.decide(person("anna", "Dev")).unwrap();
    assert_eq!(
        (dev.session_policy(), dev.duration()),
        (Some("{\"Version\": \"2012-10-17\"}"), time::Duration::minutes(15))
    );
    let refused = rules.decide(person("anna", "NonProdX")).unwrap_err();
    let message = "Ask the help desk for AWS-Production.".to_owned();
    assert_eq!(refused.refusal, crate::roles::RoleRefusal::Rule { message, step_up: None });
}

#[test]
fn without_rules_the_role_whose_name_contains_prod_is_granted() {
    let files = Files::new();
    let rules = rules_of(&files, "");
    assert_eq!(rules.decide(person("anna", "ADFS-Production")).unwrap().rule(), "production");
    assert_eq!(rules.decide(person("anna", "Dev")).unwrap_err().refusal, crate::roles::RoleRefusal::NoRule);
}

#[test]
fn a_full_configuration_arrives_where_it_belongs() {
    let files = Files::new();
    let config = files.loads(
        r#"
[server]
listen = "[::1]:80"
admin_listen = "[::1]:0"
public_url = "https://Vestibule.example.com/"
redirect_url = "https://app.example.com/page?tenant=1"
allowed_origins = ["https://app.example.com"]
trusted_proxies = ["10.0.0.0/8"]
contact = "help@example.com"
request_timeout = "5s"
[saml]
entity_id = "urn:vestibule"
audience = ["urn:a", "urn:b"]
clock_skew = "0s"
max_response_chars = 50000
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "METADATA"
entity_id = "http://adfs.example.com/adfs/services/trust"
sign_on_url = "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx"
relying_party_id = "urn:vestibule"
label = "Example sign-in"
audience = "urn:c"
in_response_to = ["IdP_Initiated_Login", ""]
[delivery]
binding = "plain"
jwt_in = "query"
ticket_lifetime = "1m"
session_lifetime = "2m"
[sts]
kind = "local"
path = "a"
region = "eu-central-1"
[store]
kind = "embedded"
path = "b"
[keys]
kind = "local"
path = "c"
[log]
level = "debug"
"#,
    );
    assert_eq!(config.server.public_url, "https://vestibule.example.com");
    assert_eq!(config.server.redirect_url, "https://app.example.com/page?tenant=1");
    assert_eq!(config.server.request_timeout.as_secs(), 5);
    assert_eq!(config.server.contact.as_deref(), Some("help@example.com"));
    assert_eq!(config.log.level, tracing::Level::DEBUG);
    let broker = &config.broker;
    assert_eq!(broker.service.entity_id, "urn:vestibule");
    assert_eq!(broker.service.acs_url, "https://vestibule.example.com/saml");
    assert_eq!(broker.service.audiences, ["urn:a", "urn:b"]);
    assert_eq!((broker.service.clock_skew, broker.limits.max_response_chars), (time::Duration::ZERO, 50_000));
    assert_eq!((broker.binding, config.jwt_in), (broker::Binding::Plain, JwtIn::Query));
    assert_eq!(broker.tickets.issuer, "https://vestibule.example.com");
    assert_eq!((broker.tickets.lifetime.whole_seconds(), broker.session_lifetime.whole_seconds()), (60, 120));
    let providers = broker.providers.current();
    let idp = providers.by_issuer(IDP).unwrap();
    assert_eq!(
        (&idp.audiences[..], &idp.in_response_to_literals[..]),
        (&["urn:c".to_owned()][..], &["IdP_Initiated_Login".to_owned(), String::new()][..])
    );
    assert_eq!(idp.sign_on_services[0].location, "https://adfs.example.com/adfs/ls/");
    assert_eq!(config.sign_on[0].relying_party_id.as_deref(), Some("urn:vestibule"));
    assert_eq!(config.sign_on[0].label, "Example sign-in");
    let kept = format!("{:?} {:?} {:?}", config.sts, config.store, config.keys);
    let expected =
        r#"Local { path: "a", region: "eu-central-1" } Embedded { path: "b" } Local { path: "c" }"#;
    assert_eq!(kept, expected);

    let warned = |about: &str| config.warnings.iter().any(|warning| warning.contains(about));
    assert!(warned("binding = \"plain\"") && warned("jwt_in = \"query\"") && warned("more than 30s"));
    assert!(warned("AWS knows nothing of them"));
    assert_eq!(config.warnings.len(), 4, "{:#?}", config.warnings);
}

#[test]
fn what_works_but_should_be_known_is_a_warning() {
    let files = Files::new();
    for (from, to, warning) in [
        (
            "[server]",
            "[server]\nredirect_url = \"https://app.example.com/\"",
            "not among server.allowed_origins",
        ),
        ("[server]", "[server]\ntrusted_proxies = [\"::/0\"]", "the whole internet"),
        (
            "[sts]",
            "[[rule]]\nname = \"no\"\nrefuse = \"No.\"\n[[rule]]\nname = \"yes\"\n[sts]",
            "no rule after 'no'",
        ),
    ] {
        let config = files.loads(&LEAST.replacen(from, to, 1));
        assert!(config.warnings.iter().any(|w| w.contains(warning)), "{warning}: {:#?}", config.warnings);
    }
}

#[test]
fn a_sign_on_link_needs_idp_initiated_logins() {
    let files = Files::new();
    let link = "sign_on_url = \"https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx\"\n[sts]";
    let with = LEAST.replace("[sts]", link);
    assert!(files.loads(&with).sign_on[0].sign_on_url.is_some());
    let without = with.replace("name = \"ADFS\"", "name = \"ADFS\"\nidp_initiated = false");
    assert_eq!(files.loads(&without).sign_on[0].sign_on_url, None);
}
