//! The corpus (`tests/support/corpus.rs`), judged here in this process and over
//! HTTP: hundreds of attacks, each refused for the reason that it should be,
//! and every honest variety, accepted with the values that were meant.

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use support::corpus::{self, Case, Expect, Values};
use support::forge::{EVIL, Encrypting, Forge, accept_field, careless_verifier_accepts, now};
use support::test_service::{Page, TestService};
use vestibule::broker::EventKind;
use vestibule::saml::{Limits, SamlRefusal};

static CORPUS: LazyLock<Vec<Case>> = LazyLock::new(corpus::all);

fn honest() -> impl Iterator<Item = &'static Case> {
    CORPUS.iter().filter(|case| case.name.starts_with("honest/"))
}

/// Fails with everything that is wrong, not with the first.
fn none_wrong(wrong: Vec<String>) {
    let shown: Vec<&str> = wrong.iter().take(40).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn the_corpus_is_large_and_named() {
    let mut names = BTreeSet::new();
    none_wrong(
        CORPUS.iter().filter(|case| !names.insert(&case.name)).map(|case| case.name.clone()).collect(),
    );
    let attacks = CORPUS.iter().filter(|case| matches!(case.expect, Expect::Refuse(_))).count();
    let named =
        CORPUS.iter().filter(|case| !case.name.starts_with("wrapping/") && !case.name.starts_with("around/"));
    let (named, honest) = (named.count(), honest().count());
    println!("{} cases: {attacks} refused, {honest} honest", CORPUS.len());
    assert!(named - honest >= 200 && attacks >= 2_000 && honest >= 60, "{named} {attacks} {honest}");
}

#[test]
fn in_this_process() {
    let providers = corpus::providers();
    let mut wrong = Vec::new();
    for Case { name, field, expect, .. } in CORPUS.iter() {
        let outcome = match accept_field(field, &Limits::default(), &providers, now()) {
            Ok(identity) => Expect::Accept(Box::new(Values::read(&identity))),
            Err(refusal) => Expect::Refuse(refusal),
        };
        if let Expect::Accept(values) = &outcome {
            assert!(!format!("{values:?}").contains(EVIL), "{name} lets {EVIL} in");
        }
        if outcome != *expect {
            wrong.push(format!("{name}: {outcome:?}, not {expect:?}"));
        }
    }
    none_wrong(wrong);
}

/// The attacks are live: a verifier with the mistakes that they are made for believes them.
#[test]
fn a_careless_verifier_believes() {
    let live: Vec<&Case> = CORPUS.iter().filter(|case| case.live).collect();
    assert!(live.len() >= 1_000, "{}", live.len());
    let believes = |case: &Case| {
        careless_verifier_accepts(std::str::from_utf8(&STANDARD.decode(&case.field).unwrap()).unwrap())
    };
    none_wrong(live.iter().filter(|case| !believes(case)).map(|case| case.name.clone()).collect());
}

/// `docs/ERRORS.md`: what cannot be read is 400, what is too long 413, what is not believed 403.
#[allow(clippy::wildcard_enum_match_arm, reason = "a table by exception")]
fn status_of(refusal: SamlRefusal) -> u16 {
    use SamlRefusal::*;
    match refusal {
        TooLong => 413,
        Empty | NotBase64 | Compressed | NotUtf8 | NotXml | Doctype | TooComplex(_) | NotAResponse
        | NotOneAssertion | EncryptedAssertion => 400,
        _ => 403,
    }
}

fn service() -> (TestService, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (TestService::with(dir.path(), |settings| settings.providers = corpus::providers().into()), dir)
}

/// Every attack on one Vestibule, which at the end has opened no login, asked
/// for no credentials and kept nothing but the refusals of genuine assertions.
#[tokio::test(flavor = "multi_thread")]
async fn attacks_over_http() {
    let (service, _dir) = service();
    let mut wrong = Vec::new();
    let mut authenticated = Vec::new();
    for (number, case) in CORPUS.iter().enumerate() {
        let Expect::Refuse(refusal) = case.expect else { continue };
        let answer = service.post_field(&case.field, &Page::new(u32::try_from(number).unwrap())).await;
        if answer.cell() != (status_of(refusal), refusal.code().to_owned()) {
            wrong.push(format!("{}: {:?}, not {}", case.name, answer.cell(), refusal.code()));
        }
        for header in ["location", "set-cookie"] {
            assert!(!answer.headers.contains_key(header), "{} is answered with a {header}", case.name);
        }
        // One assertion's `ID` is in all of them, so each reason is recorded once; and
        // what no bearer may bring to our address, not at all.
        let is_for_others = matches!(refusal, SamlRefusal::WrongRecipient | SamlRefusal::NotBearer);
        let event = format!("login.refused {}", refusal.code());
        if refusal.is_authenticated() && !is_for_others && !authenticated.contains(&event) {
            authenticated.push(event);
        }
    }
    none_wrong(wrong);
    assert!(!authenticated.is_empty());
    assert_eq!(
        service.history().await,
        authenticated,
        "the audit trail has what was proven to come from the IdP for us, once"
    );
    assert_eq!(service.plan.issued(), 0, "credentials were asked for");
}

/// Every honest variety signs in, and leaves with the role that was meant.
#[tokio::test(flavor = "multi_thread")]
async fn honest_people_over_http() {
    let (service, _dir) = service();
    let mut wrong = Vec::new();
    let mut accepted = Vec::new();
    for (number, case) in CORPUS.iter().enumerate() {
        let Expect::Accept(values) = &case.expect else { continue };
        accepted.push(values);
        let page = Page::new(u32::try_from(number).unwrap());
        let answer = service.post_field(&case.field, &page).await;
        if answer.status != 302 {
            wrong.push(format!("{}: {:?}", case.name, answer.cell()));
            continue;
        }
        if !case.name.starts_with("honest/") {
            continue;
        }
        let taken = service.take(&answer.ticket(), &page).await;
        if taken.status != 200 {
            wrong.push(format!("{}: took {:?}", case.name, taken.cell()));
        }
    }
    none_wrong(wrong);
    let issued = service.audit().await.into_iter().filter(|event| event.kind == EventKind::Issued);
    let issued: BTreeMap<_, _> =
        issued.map(|event| (event.subject.assertion_id.clone().unwrap(), event.subject)).collect();
    assert_eq!(issued.len(), accepted.len());
    for values in accepted {
        let subject = &issued[&values.assertion_id];
        assert_eq!(subject.name_id.as_ref(), Some(&values.name_id));
        assert_eq!(subject.role_session_name.as_ref(), Some(&values.session_name));
        assert!(subject.role.as_ref().unwrap().ends_with(":role/ADFS-Production"), "{:?}", subject.role);
    }
}

/// For people and fuzzers: `target/corpus`, each document with its name and what
/// becomes of it. Of what is generated place by place, one in twenty. For
/// decryption the honest one, encrypted in every way that is accepted, and one
/// that anybody could encrypt.
#[test]
#[ignore = "writes files"]
fn written_out() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpus");
    for part in ["xml", "field", "encrypted"] {
        std::fs::create_dir_all(root.join(part)).unwrap();
    }
    let mut index = String::new();
    for (number, Case { name, field, expect, .. }) in CORPUS.iter().enumerate() {
        let generated = ["wrapping/", "moved/", "around/"].iter().any(|family| name.starts_with(family));
        if generated && number % 20 != 0 {
            continue;
        }
        let expect = match expect {
            Expect::Accept(_) => "accepted",
            Expect::Refuse(refusal) => refusal.code(),
        };
        index += &format!("{number:05}\t{expect}\t{name}\n");
        if let Ok(xml) = STANDARD.decode(field.split_whitespace().collect::<String>()) {
            std::fs::write(root.join(format!("xml/{number:05}.xml")), xml).unwrap();
        }
        if name.starts_with("field/") || number % 20 == 0 {
            std::fs::write(root.join(format!("field/{number:05}")), field).unwrap();
        }
    }
    let honest = Forge::default().xml();
    let encrypted = Encrypting::every().into_iter().map(|how| how.assertion_of(&honest));
    let evil = Encrypting::default().assertion_of(&Forge::evil().xml());
    for (number, xml) in encrypted.chain([evil, Forge::evil().xml()]).enumerate() {
        std::fs::write(root.join(format!("encrypted/{number:02}.xml")), xml).unwrap();
    }
    std::fs::write(root.join("index.tsv"), index).unwrap();
}
