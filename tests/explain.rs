//! `vestibule explain` as an operator meets it, and that it cannot disagree with
//! the service: the corpus through both; the same reasons in the log.

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use support::corpus::{self, Expect};
use support::forge::{self, Encrypting, Forge, Recipient, Signing, at, now, role, stranger};
use support::log::Log;
use support::process::remove_configuration;
use support::test_service::{Page, TestService};
use tempfile::TempDir;
use vestibule::cli::explain::{Clock, judge};

const PRODUCTION: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

/// A directory with a configuration like the forge's service.
struct Site(TempDir);

impl Site {
    fn new(saml: &str, idp: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let metadata = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/metadata.xml");
        std::fs::copy(metadata, dir.path().join("idp.xml")).unwrap();
        let config = format!(
            r#"[server]
public_url = "https://vestibule.example.com"
redirect_url = "https://app.example.com/"
[saml]
{saml}
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "idp.xml"
select.groups = "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue"
{idp}
[sts]
kind = "local"
[store]
kind = "embedded"
[keys]
kind = "local"
"#
        );
        std::fs::write(dir.path().join("vestibule.toml"), config).unwrap();
        Self(dir)
    }

    fn explain_in(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "60", env!("CARGO_BIN_EXE_vestibule"), "explain"]);
        remove_configuration(&mut command);
        command.args(["--config", "vestibule.toml"]).args(arguments).current_dir(self.0.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It does not read its input if it refuses its arguments.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// What is said of this file, and the exit code.
    fn explain(&self, file: &str, arguments: &[&str]) -> (String, Option<i32>) {
        std::fs::write(self.0.path().join("response"), file).unwrap();
        let output = self.explain_in(&[arguments, &["response"]].concat(), b"");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        (said, output.status.code())
    }

    fn json(&self, file: &str, arguments: &[&str]) -> Value {
        let (said, code) = self.explain(file, &[arguments, &["--json"]].concat());
        let json: Value = serde_json::from_str(&said).unwrap();
        let expected = if json["outcome"] == "accepted" { 0 } else { 1 };
        assert_eq!(code, Some(expected), "{said}");
        json
    }
}

fn site() -> Site {
    Site::new("", "")
}

const AT_ISSUE: &[&str] = &["--at", "issued"];

/// A step of a report, if it was taken.
fn step<'j>(json: &'j Value, name: &str) -> Option<&'j Value> {
    json["steps"].as_array().unwrap().iter().find(|step| step["step"] == name)
}

#[test]
fn an_honest_response_would_be_accepted_and_nothing_is_promised() {
    let (said, code) = site().explain(&Forge::default().xml(), AT_ISSUE);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "2026-11-23T09:00:00Z (when the assertion was issued); clock_skew 60 s",
        "signed: Assertion",
        "signature_method: http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        &format!("key: {}", forge::rsa().verification().fingerprint()),
        "provider: ADFS",
        "audience: urn:amazon:webservices",
        "recipient: https://vestibule.example.com/saml",
        "not_on_or_after: 2026-11-23T09:05:00Z (5 min 0 s ahead)",
        "authn_context: urn:federation:authentication:windows",
        "name_id: (13 characters)",
        "roles: 3 values (84 to 91 characters)",
        "groups: 2 values (12 to 14 characters)",
        "rule 'production': 1 of 3 roles met role_name contains \"Prod\"; holds",
        &format!("grants    {PRODUCTION} for 60 min, by rule 'production'"),
        "would be accepted, if\n",
        "RelayState came with it",
        "the assertion was not used before",
    ] {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    assert!(!said.contains("REFUSED") && !said.contains("accepted\n"), "{said}");
}

/// The evil twin in front of the genuine assertion.
fn wrapped() -> String {
    let xml = Forge::default().xml();
    xml.replacen("<samlp:Status>", &format!("{}<samlp:Status>", Forge::evil().assertion()), 1)
}

fn refusals() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let honest = Forge::default;
    let tampered = honest().xml().replace("paula@example.com", "admin@example.com");
    let signed_by_stranger = Forge { assertion_signing: Some(Signing::with(stranger())), ..honest() };
    let two = vec![role("ADFS-Production"), role("ADFS-ProductionTwo")];
    let failed = "urn:oasis:names:tc:SAML:2.0:status:Responder".to_owned();
    vec![
        (
            "assertion_expired",
            Forge { confirmed_until: at(-60), ..honest() }.xml(),
            "subject",
            "1 min 0 s ago",
        ),
        (
            "assertion_not_yet_valid",
            Forge { not_before: at(90), ..honest() }.xml(),
            "conditions",
            "1 min 30 s ahead",
        ),
        (
            "wrong_audience",
            Forge { audiences: vec!["urn:other".into()], ..honest() }.xml(),
            "conditions",
            "audience: urn:other",
        ),
        (
            "wrong_recipient",
            Forge { recipient: "https://elsewhere.example/".into(), ..honest() }.xml(),
            "subject",
            "recipient: https://elsewhere.example/",
        ),
        (
            "wrong_destination",
            Forge { destination: Some("https://elsewhere.example/".into()), ..honest() }.xml(),
            "destination",
            "destination: https://elsewhere.example/",
        ),
        ("sign_in_failed", Forge { status: failed, ..honest() }.xml(), "status", "status:Responder"),
        ("digest_mismatch", tampered, "assertion_signature", "key: "),
        ("signature_mismatch", signed_by_stranger.xml(), "assertion_signature", "key_tried: "),
        ("not_signed", honest().not_signed().xml(), "signatures", ""),
        (
            "issuer_unknown",
            Forge { issuer: "urn:nobody".into(), ..honest() }.xml(),
            "issuer",
            "issuer: urn:nobody",
        ),
        ("not_one_assertion", wrapped(), "parse", "root: Response"),
        ("not_a_response", "<html/>".into(), "parse", "root: html"),
        ("response_doctype", "<!DOCTYPE a><a/>".into(), "parse", ""),
        ("response_not_base64", "the minutes of the last meeting".into(), "decode", "base64_chars: "),
        ("response_too_long", "A".repeat(100_001), "decode", "max_response_chars: 100000"),
        ("no_role_offered", Forge { roles: vec![], ..honest() }.xml(), "rules", "0 usable roles"),
        (
            "role_not_allowed",
            Forge { roles: vec![role("ADFS-Dev")], ..honest() }.xml(),
            "rules",
            "0 of 1 roles met",
        ),
        (
            "role_ambiguous",
            Forge { roles: two, ..honest() }.xml(),
            "rules",
            "holds, and grants several roles",
        ),
        (
            "no_name_id",
            Forge { edit: |xml| xml.replace("NameID", "Name"), ..honest() }.xml(),
            "values",
            "selector: Subject/NameID",
        ),
    ]
}

#[test]
fn every_refusal_names_its_step_what_was_found_and_what_to_do() {
    let site = site();
    let errors = include_str!("../docs/ERRORS.md");
    for (code, file, name, found) in refusals() {
        let (said, exit) = site.explain(&file, &["--at", "2026-11-23T09:00:00Z"]);
        assert_eq!(exit, Some(1), "{code}: {said}");
        let refused = said.split("REFUSED").nth(1).unwrap_or_else(|| panic!("{code}: {said}"));
        assert!(refused.trim_start().starts_with(&format!("{name}:")), "{code}: {said}");
        assert!(refused.contains(found), "{code}, {found}: {said}");
        assert!(said.contains(&format!("would be refused: {code} (")), "{code}: {said}");
        // The text of the table, not another one.
        let row = errors.lines().find(|line| line.starts_with(&format!("| `{code}` |"))).unwrap();
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [_, status, means, who, remedy] = cells[..] else { panic!("{row}") };
        for part in [
            format!("({status})"),
            format!("means   {means}"),
            format!("who     {who}"),
            format!("do      {remedy}"),
        ] {
            assert!(said.contains(&part), "{part} is not in: {said}");
        }
        assert!(!said.contains("\ngrants ") && !said.contains("would be accepted"), "{code}: {said}");
    }
}

#[test]
fn encrypted_responses_and_the_true_cause_behind_the_one_refusal() {
    let plain = Forge::default().xml();
    let encrypted = Encrypting::default().assertion_of(&plain);
    let (said, _) = site().explain(&encrypted, AT_ISSUE);
    assert!(said.contains("would be refused: assertion_encrypted"), "{said}");

    let site = Site::new("decryption_keys = [\"new.pem\", \"old.pem\"]", "");
    for (name, recipient) in [("new.pem", Recipient::New), ("old.pem", Recipient::Old)] {
        std::fs::write(site.0.path().join(name), recipient.pem()).unwrap();
    }
    let with = |recipient| Encrypting { recipient, ..Encrypting::default() };
    for recipient in [Recipient::New, Recipient::Old] {
        let (said, code) = site.explain(&with(recipient).assertion_of(&plain), AT_ISSUE);
        assert_eq!(code, Some(0), "{said}");
        let key = format!("key: {}", recipient.decryption_key().key_fingerprint());
        for part in [&key, "encryption_method: http://www.w3.org/2001/04/xmlenc#aes256-cbc", "rsa-oaep-mgf1p"]
        {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }
    let tampered = plain.replace("paula@example.com", "admin@example.com");
    let garbage = Encrypting { tamper: |_| vec![7; 64], ..Encrypting::default() };
    for (cause, step, xml) in [
        ("no_key_opens_it", "decrypt", with(Recipient::Stranger).assertion_of(&plain)),
        ("digest_mismatch", "assertion_signature", Encrypting::default().assertion_of(&tampered)),
        ("not_signed", "signatures", Encrypting::default().assertion_of(&forge::without_signature(&plain))),
        (
            "issuer_unknown",
            "issuer",
            Encrypting::default().assertion_of(&plain.replace("adfs/services", "other")),
        ),
    ] {
        let (said, code) = site.explain(&xml, AT_ISSUE);
        assert_eq!(code, Some(1));
        assert!(said.contains("would be refused: assertion_not_decryptable (403)"), "{cause}: {said}");
        let refused = said.split("REFUSED").nth(1).unwrap();
        assert!(refused.trim_start().starts_with(&format!("{step}:")), "{cause}: {said}");
        assert!(refused.contains(&format!("cause: {cause}")), "{cause}: {said}");
    }
    let (said, _) = site.explain(&garbage.assertion_of(&plain), AT_ISSUE);
    assert!(said.contains("cause: ") && said.contains("assertion_not_decryptable"), "{said}");
    let weak = Encrypting { transport: "rsa-1_5", digest: "", ..Encrypting::default() };
    let (said, _) = site.explain(&weak.assertion_of(&plain), AT_ISSUE);
    assert!(said.contains("would be refused: encryption_refused") && said.contains("#rsa-1_5"), "{said}");
}

fn form(field: &str, relay_state: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", field)
        .append_pair("RelayState", relay_state)
        .finish()
}

#[test]
fn a_response_is_taken_in_every_form_that_an_operator_gets() {
    let site = site();
    let xml = Forge::default().xml();
    let field = STANDARD.encode(&xml);
    let relay_state = Page::new(1).relay_state();
    let form = form(&field, &relay_state);
    let lines: Vec<&str> = field.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
    let escaped: String = form_urlencoded::byte_serialize(field.as_bytes()).collect();
    for (file, read_as, has_relay_state) in [
        (xml.clone(), "XML", false),
        (format!("\u{feff}\n{xml}\n").trim_start_matches('\n').to_owned(), "XML", false),
        (field.clone(), "the field in base64", false),
        (lines.join("\r\n"), "the field in base64", false),
        (escaped, "the field in base64, percent-encoded", false),
        (form.clone(), "a form", true),
        (format!("{form}\n"), "a form", true),
        (
            format!("curl 'https://vestibule.example.com/saml' --data-raw '{form}' --compressed"),
            "a form",
            true,
        ),
        (format!("SAMLResponse={field}&RelayState={relay_state}"), "a form whose escapes are resolved", true),
    ] {
        let json = site.json(&file, AT_ISSUE);
        assert_eq!(json["outcome"], "accepted", "{read_as}: {json}");
        assert!(json["read_as"].as_str().unwrap().starts_with(read_as), "{json}");
        let unchecked = json["not_checked"].to_string();
        assert_eq!(!unchecked.contains("RelayState came with it"), has_relay_state, "{read_as}: {unchecked}");
    }
    let output = site.explain_in(&["--json", "--at", "issued", "-"], form.as_bytes());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["outcome"], output.status.code()), (&Value::from("accepted"), Some(0)));

    for (file, code) in [
        (form.replace("%23%23", "%23"), "relay_state_malformed"),
        (form.replace("RelayState", "SAMLResponse"), "duplicate_field"),
        (format!("RelayState={relay_state}"), "response_missing"),
        (form.replace("%3D", "%zz"), "form_malformed"),
        (format!("{}%zz", &field[..100]), "form_malformed"),
    ] {
        assert_eq!(site.json(&file, AT_ISSUE)["code"], code);
    }
    let given = site.json(&field, &["--at", "issued", "--relay-state", "nonsense"]);
    assert_eq!(given["code"], "relay_state_malformed");
    assert_eq!(step(&given, "relay_state").unwrap()["ok"], false);
}

/// A response that an operator is given has mostly expired.
#[test]
fn what_only_its_times_refuse_is_decided_as_of_its_issue_too() {
    let site = site();
    let late = &["--at", "2026-11-23T10:30:00Z"];
    let session_over = Forge { session_not_on_or_after: Some(at(-120)), ..Forge::default() };
    let early = &["--at", "2026-11-23T08:30:00Z"];
    for (forge, arguments, code) in
        [(Forge::default(), late, "assertion_expired"), (Forge::default(), early, "assertion_not_yet_valid")]
    {
        let (said, exit) = site.explain(&forge.xml(), arguments);
        assert_eq!(exit, Some(1), "{said}");
        for part in [
            &format!("would be refused: {code} (403)"),
            "were it in time (as of 2026-11-23T09:00:00Z, when it was issued):",
            "rule 'production': 1 of 3 roles met role_name contains \"Prod\"; holds",
            &format!("would grant {PRODUCTION} for 60 min, by rule 'production'"),
        ] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
        let json = site.json(&forge.xml(), arguments);
        assert_eq!((&json["code"], &json["grants"]), (&Value::from(code), &serde_json::json!([])));
        assert_eq!(json["in_time"]["grants"][0]["role"], PRODUCTION);
        assert_eq!(json["in_time"]["code"], Value::Null);
    }
    // The refusal behind it.
    let dev = Forge { roles: vec![role("ADFS-Dev")], ..Forge::default() };
    let other = Forge { audiences: vec!["urn:other".into()], ..Forge::default() };
    for (forge, code) in [(dev, "role_not_allowed"), (other, "wrong_audience")] {
        let json = site.json(&forge.xml(), late);
        assert_eq!(json["in_time"]["code"], code, "{json}");
        let (said, exit) = site.explain(&forge.xml(), late);
        assert!(exit == Some(1) && said.contains(&format!("\n  would be refused: {code}")), "{said}");
    }
    // Refused for its times even then: nothing is promised.
    let (said, _) = site.explain(&session_over.xml(), late);
    assert!(!said.contains("were it in time"), "{said}");
    let wrong = Forge { recipient: "https://elsewhere.example/".into(), ..Forge::default() };
    assert_eq!(site.json(&wrong.xml(), late)["in_time"], Value::Null, "not only its times");
}

#[test]
fn a_form_without_relay_state_is_refused_unless_a_portal_s_tile_begins_a_login() {
    let answer = Forge { in_response_to: Some(format!("_{}", "A".repeat(71))), ..Forge::default() };
    for field in ["SAMLResponse=", "RelayState=&SAMLResponse="] {
        let file = |forge: &Forge| {
            let escaped: String =
                form_urlencoded::byte_serialize(STANDARD.encode(forge.xml()).as_bytes()).collect();
            format!("{field}{escaped}")
        };
        let (said, exit) = site().explain(&file(&answer), AT_ISSUE);
        assert_eq!(exit, Some(1), "{said}");
        assert!(said.contains("would be refused: relay_state_missing (400)"), "{said}");
        // Its metadata has an address for requests: the page can begin.
        let (said, exit) = site().explain(&file(&Forge::default()), AT_ISSUE);
        assert_eq!(exit, Some(0), "{said}");
        assert!(said.contains("would begin a login at the page") && !said.contains("REFUSED"), "{said}");
        assert!(said.contains("portal of ADFS"), "{said}");
        // Not believed, so nothing begins by it.
        let (said, exit) = site().explain(&file(&Forge::default().not_signed()), AT_ISSUE);
        assert!(exit == Some(1) && said.contains("relay_state_missing"), "{said}");
    }
}

/// Who reads it has run it.
#[test]
fn no_remedy_is_to_explain_what_was_explained() {
    let dev = Forge { roles: vec![role("ADFS-Dev")], ..Forge::default() };
    let json = site().json(&dev.xml(), AT_ISSUE);
    assert!(json["refusal"]["do"].as_str().unwrap().starts_with("compare what each rule asks for"), "{json}");
    for row in include_str!("../docs/ERRORS.md").lines().filter(|line| line.starts_with("| `")) {
        assert!(!row.contains("| `vestibule explain`"), "{row}");
    }
}

#[test]
fn the_clock_is_the_one_that_was_asked_for() {
    let site = site();
    let xml = Forge::default().xml();
    for (at, code, asked) in [
        ("2026-11-23T09:05:59Z", Value::Null, "given"),
        ("2026-11-23T09:06:00Z", Value::from("assertion_expired"), "given"),
        ("2026-11-23T10:06:00+01:00", Value::from("assertion_expired"), "given"),
        ("2026-11-23T08:58:59Z", Value::from("assertion_not_yet_valid"), "given"),
        ("issued", Value::Null, "issued"),
    ] {
        let json = site.json(&xml, &["--at", at]);
        assert_eq!((&json["code"], &json["clock"]["asked"]), (&code, &Value::from(asked)), "{at}");
    }
    // Now is the machine's clock: yesterday's and tomorrow's are told apart from it.
    let fresh = Forge::issued_now("_now").xml();
    assert_eq!(site.json(&fresh, &[])["outcome"], "accepted");
    let output = site.explain_in(&["--at", "yesterday", "-"], xml.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    // Of a message that is not believed, its instant is not either.
    let (said, _) = site.explain(&Forge::default().not_signed().xml(), AT_ISSUE);
    assert!(said.contains("nothing is believed of when it was issued"), "{said}");
}

#[test]
fn an_answer_to_a_request_is_accepted_only_if_the_request_was_ours() {
    let site = Site::new("", "idp_initiated = false");
    let ours = format!("_{}", "A".repeat(71));
    let answer = Forge { in_response_to: Some(ours), ..Forge::default() };
    let json = site.json(&answer.xml(), AT_ISSUE);
    assert_eq!(json["outcome"], "accepted", "{json}");
    assert!(json["not_checked"].to_string().contains("the request that InResponseTo names was made here"));
    let late = site.json(&answer.xml(), &["--at", "2026-11-23T09:12:00Z"]);
    assert_eq!(late["code"], "request_expired", "{late}");
    let foreign = Forge {
        in_response_to: Some("ONELOGIN_4fee3b046395c4e751011e97f8900b5273d56685".into()),
        ..Forge::default()
    };
    assert_eq!(site.json(&foreign.xml(), AT_ISSUE)["code"], "unknown_request");
    assert_eq!(site.json(&Forge::default().xml(), AT_ISSUE)["code"], "idp_initiated_off");
}

/// The shape that docs/OPERATING.md promises.
#[test]
fn json_has_its_documented_shape() {
    let documented = include_str!("../docs/OPERATING.md");
    let json = site().json(&Forge::default().xml(), AT_ISSUE);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&json),
        [
            "clock",
            "code",
            "grants",
            "in_time",
            "not_checked",
            "outcome",
            "read_as",
            "refusal",
            "rules",
            "steps"
        ]
    );
    for key in keys(&json) {
        assert!(documented.contains(&format!("| `{key}` |")), "{key} is not documented");
    }
    assert_eq!(
        json["clock"],
        serde_json::json!({"asked": "issued", "at": "2026-11-23T09:00:00Z", "skew_seconds": 60})
    );
    let names: Vec<&str> =
        json["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    let expected = "decode parse issuer signatures assertion_signature metadata status response destination request \
                    assertion subject conditions limits authentication values rules";
    assert_eq!(names.join(" "), expected);
    for step in json["steps"].as_array().unwrap() {
        assert_eq!(keys(step), ["facts", "ok", "step"]);
        assert!(step["facts"].as_object().unwrap().values().all(Value::is_array), "{step}");
        assert_eq!(step["ok"], true);
    }
    let conditions = &step(&json, "conditions").unwrap()["facts"];
    assert_eq!(
        conditions["not_on_or_after"],
        serde_json::json!([{"at": "2026-11-23T10:00:00Z", "seconds_from_clock": 3600}])
    );
    assert_eq!(
        step(&json, "values").unwrap()["facts"]["name_id"],
        serde_json::json!([{"count": 1, "min_chars": 13, "max_chars": 13, "values": []}])
    );
    assert_eq!(json["grants"][0]["role"], PRODUCTION);
    assert_eq!(json["grants"][0]["duration_seconds"], 3600);
    assert_eq!(json["rules"][0]["rule"], "production");
    assert_eq!(json["rules"][0]["verdict"], "holds, and grants one role");

    let refused = site().json("<html/>", &[]);
    assert_eq!(refused["refusal"]["code"], "not_a_response");
    assert_eq!(keys(&refused["refusal"]), ["code", "do", "means", "sign_in_again", "status", "who"]);
    assert_eq!((&refused["grants"], &refused["rules"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn no_value_about_the_person_is_shown_unless_asked_for() {
    let secrets =
        ["CANARY-person-a81d3e", "CANARY-attribute-5f0b1c", "CANARY-session-name", "CANARY-role-1d8a"];
    let forge = Forge {
        name_id: secrets[0].into(),
        groups: vec![secrets[1].into()],
        session_name: secrets[2].into(),
        roles: vec![role("ADFS-Production"), role(secrets[3])],
        ..Forge::default()
    };
    let site = site();
    let relay_state = Page::new(1).relay_state();
    for xml in [
        forge.xml(),
        Forge { audiences: vec![], ..forge.clone() }.xml(),
        Forge { roles: vec![role(secrets[3])], ..forge.clone() }.xml(),
        forge.xml().replace(secrets[0], &format!("{}x", secrets[0])),
        Forge { session_name: format!("{}/no", secrets[2]), ..forge.clone() }.xml(),
        Forge { name_id: format!("{}<!---->", secrets[0]), ..forge.clone() }.xml(),
    ] {
        let value = forge::element(&xml, "SignatureValue");
        let field = STANDARD.encode(&xml);
        for json in [&["--json"][..], &[]] {
            let (said, _) = site.explain(&form(&field, &relay_state), &[json, AT_ISSUE].concat());
            let hidden = [value, &field[..64], "session-of-page", relay_state.split("##").nth(1).unwrap()];
            for secret in secrets.iter().chain(&hidden) {
                assert!(!said.contains(secret), "{secret} in {said}");
            }
        }
    }
    for json in [&["--json"][..], &[]] {
        let (said, _) = site.explain(&forge.xml(), &[json, AT_ISSUE, &["--show-values"]].concat());
        for secret in secrets {
            assert!(said.contains(secret), "{secret} is not in {said}");
        }
    }
}

#[test]
fn what_a_message_says_cannot_dress_up_the_report() {
    let evil = "urn:x&#10;would be accepted, if&#x202e;";
    let forge = Forge { audiences: vec![evil.into()], ..Forge::default() };
    let (said, _) = site().explain(&forge.xml(), AT_ISSUE);
    assert!(!said.contains('\u{202e}') && !said.lines().any(|line| line.starts_with("would be accepted")));
    assert!(said.contains("audience: urn:x\\nwould be accepted, if\\u{202e}"), "{said}");
}

#[test]
fn faults_of_usage_and_of_the_configuration() {
    let site = site();
    let run = |arguments: &[&str]| {
        let output = site.explain_in(arguments, b"");
        assert!(output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["missing.xml"]);
    assert!(code == 2 && said.contains("missing.xml cannot be read"), "{code} {said}");
    let (code, said) = run(&["-"]);
    assert!(code == 2 && said.contains("standard input is empty"), "{code} {said}");
    let (code, said) = run(&["."]);
    assert!(code == 2 && said.contains("cannot be read"), "{code} {said}");
    assert_eq!(run(&[]).0, 2);
    std::fs::write(site.0.path().join("response.xml"), "<a/>").unwrap();
    std::fs::write(site.0.path().join("vestibule.toml"), "[server]\ncolour = 1\nlisten = \"x\"\n").unwrap();
    let (code, said) = run(&["response.xml"]);
    assert!(code == 78 && said.contains("vestibule.toml:2:") && said.contains("vestibule.toml:3:"), "{said}");
    assert!(said.contains("vestibule.toml is not usable"), "{said}");
}

#[test]
fn a_configuration_that_refers_elsewhere_is_not_guessed() {
    let site = site();
    let path = site.0.path().join("vestibule.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"https://vestibule.example.com\"", "\"ssm:/vestibule/url\""))
        .unwrap();
    let output = site.explain_in(&["-"], b"<a/>");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("server.public_url stands in the Parameter Store (/vestibule/url); --resolve"),
        "{said}"
    );
}

#[test]
fn metadata_at_a_url_is_asked_for_only_when_told_to() {
    let site = site();
    let path = site.0.path().join("vestibule.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"idp.xml\"", "\"http://127.0.0.1:9/metadata.xml\"")).unwrap();
    let output = site.explain_in(&["-"], b"<a/>");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("stands at http://127.0.0.1:9/metadata.xml; --resolve asks it"), "{said}");
    assert!(said.contains("vestibule.toml is not complete without them"), "{said}");
}

/// The transcript of docs/OPERATING.md is what is really said.
#[test]
fn the_documented_transcript_is_like_this() {
    let documented = include_str!("../docs/OPERATING.md");
    let transcript = documented.split("```text\nFILE is").nth(1).unwrap().split("```").next().unwrap();
    let field = STANDARD.encode(include_str!("../fixtures/adfs.xml"));
    let file = form(&field, &Page::new(1).relay_state());
    let (said, _) = site().explain(&file, &["--at", "2026-11-23T09:20:00Z"]);
    assert_eq!(said, format!("FILE is{transcript}"));
}

// ---- it cannot disagree with the service

fn settings() -> vestibule::broker::BrokerSettings {
    let mut settings = support::test_service::settings();
    settings.providers = corpus::providers().into();
    settings
}

/// The corpus, whose expectations `tests/corpus.rs` holds the service to.
#[test]
fn the_whole_corpus_ends_as_it_does_in_the_service() {
    let settings = settings();
    let mut wrong = Vec::new();
    let cases = corpus::all();
    for case in &cases {
        let judgement = judge(&settings, &case.field, None, Clock::At(now()), false);
        let expected = match &case.expect {
            Expect::Accept(_) => None,
            Expect::Refuse(refusal) => Some(refusal.code()),
        };
        if judgement.outcome.code() != expected {
            wrong.push(format!("{}: {:?}, not {expected:?}", case.name, judgement.outcome.code()));
        }
        if expected != Some("response_too_long") && judgement.steps.is_empty() {
            wrong.push(format!("{}: nothing was looked at", case.name));
        }
    }
    assert!(cases.len() > 2_000 && wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Refused over HTTP and explained: the same code, and in the log, under the
/// reference that the person was shown, the same step and what it found.
#[tokio::test]
async fn the_log_has_the_same_reasons_under_the_reference() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| settings.providers = corpus::providers().into());
    let settings = settings();
    let lines = |reference: &str| -> Vec<Value> {
        let text = log.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["reference"] == reference && line["message"] == "login refused").collect()
    };

    let sampled = corpus::all().into_iter().enumerate().filter(|(number, _)| number % 25 == 0);
    let cases = sampled.map(|(_, case)| case.field);
    let encrypted = Encrypting::default().assertion_of(&Forge::default().xml().replace("paula@", "admin@"));
    let known = refusals().into_iter().map(|(_, file, _, _)| file).chain([encrypted]);
    let known = known.filter(|file| file.starts_with('<')).map(|xml| STANDARD.encode(xml));
    let mut refused = 0;
    for (number, field) in known.chain(cases).enumerate() {
        let page = Page::new(u32::try_from(number).unwrap());
        let answer = service.post_field(&field, &page).await;
        let judgement = judge(&settings, &field, Some(&page.relay_state()), Clock::At(now()), false);
        let Some(code) = judgement.outcome.code() else {
            // Claims are what the service knows and we do not.
            assert!(answer.status == 302 || answer.code() == "assertion_replayed", "{}", answer.body);
            continue;
        };
        assert_eq!(answer.code(), code);
        let reference = answer.headers["x-request-id"].to_str().unwrap();
        let [line] = &lines(reference)[..] else { panic!("{code}: no one line of {reference}") };
        assert_eq!(line["code"], code);
        let step = judgement.steps.last().unwrap().step.as_str();
        let step = if judgement.outcome.explanation().is_some() { "rules" } else { step };
        assert_eq!(line["step"], step, "{line}");
        // Nothing of it reaches who is refused.
        let facts = line["facts"].as_str().unwrap();
        assert!(facts.is_empty() || !answer.body.contains(facts));
        assert!(!answer.body.contains("digest_mismatch") || code == "digest_mismatch", "{}", answer.body);
        refused += 1;
    }
    println!("{refused} refused");
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn what_is_not_verified_leaves_no_text_of_its_own_in_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());

    let stranger = Forge {
        issuer: "urn:CANARY-issuer".into(),
        response_issuer: None,
        destination: Some("https://canary-destination.example".into()),
        ..Forge::default()
    };
    assert_eq!(service.post(&stranger, &Page::new(1)).await.code(), "issuer_unknown");
    let tampered = Forge::default().xml().replace("rsa-sha256", "CANARY-algorithm");
    assert_eq!(service.post_xml(&tampered, &Page::new(2)).await.code(), "signature_algorithm");
    assert!(
        log.text().contains("login refused") && !log.text().to_lowercase().contains("canary"),
        "{}",
        log.text()
    );
    assert!(
        log.text().contains(r#""step":"assertion_signature","idp":"ADFS","signed":"Assertion""#),
        "{}",
        log.text()
    );

    // Verified: the log may show its audience, and nothing about the person.
    let addressed = Forge { audiences: vec!["urn:other\nservice".into()], ..Forge::default() };
    assert_eq!(service.post(&addressed, &Page::new(3)).await.code(), "wrong_audience");
    let text = log.text();
    let key = forge::rsa().verification().fingerprint().to_owned();
    for part in ["audience_accepted: urn:amazon:webservices", "audience: urn:other\\\\nservice", &key] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("paula"), "{text}");
}
