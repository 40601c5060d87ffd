//! What an unauthenticated sender can make us do grows no faster than what he
//! sends. Counted in instructions, by valgrind, on documents that grow in each
//! way that we know: the clock of a busy machine proves nothing.
#![allow(clippy::type_complexity)]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::forge::{self, Encrypting, Forge, Padding, Signing, accept_field, now, providers, role};
use support::test_service::{Answer, Page, TestService, choosing, offering};
use tokio::runtime::Runtime;
use vestibule::broker::{Console, Pages};
use vestibule::saml::{Cap, IdentityProviders, IdpMetadata, Limits, SamlRefusal, VerificationKey};

/// Twice as much input, then twice as much again: the second step may cost so
/// many times the first. Linear is 2, sorting a little more, quadratic 4.
const MOST_GROWTH: f64 = 2.2;
/// One more base64 character costs no more instructions than this, in a build for tests.
/// What every message costs, an RSA verification above all, is left out: how many
/// instructions that takes depends on the processor.
const MOST_EACH: f64 = 2_500.0;
const SIZES: [usize; 3] = [1, 2, 4];

/// Ways to grow, each by a number that four times fits the caps.
const WAYS: [(&str, fn(usize) -> String); 13] = [
    ("roles", |n| {
        Forge { roles: (0..150 * n).map(|i| role(&format!("R{i}"))).collect(), ..Forge::default() }.xml()
    }),
    ("groups", |n| {
        Forge { groups: (0..250 * n).map(|i| format!("Group {i}")).collect(), ..Forge::default() }.xml()
    }),
    ("elements", |n| extended(&"<a/>".repeat(3_500 * n))),
    ("elements with text", |n| extended(&"<a>x</a>".repeat(1_700 * n))),
    ("comments", |n| extended(&"<!---->".repeat(2_000 * n))),
    ("instructions", |n| extended(&"<?a?>".repeat(2_500 * n))),
    ("attributes", |n| extended(&numbered("<a b='' c='' d='' e='' f='' g='' h=''/>", 250 * n))),
    ("full elements", |n| extended(&format!("<a{}/>", numbered(" a#=''", 60)).repeat(25 * n))),
    ("namespaces", |n| extended(&numbered("<a xmlns:n#='urn:n'/>", 250 * n))),
    ("identifiers", |n| extended(&numbered("<a ID='_#'/>", 1_000 * n))),
    ("character references", |n| extended(&"&#65;".repeat(3_000 * n))),
    ("line ends", |n| extended(&"\r\n".repeat(6_000 * n))),
    ("signed elements, sixteen prefixes listed", |n| {
        let signing = Signing { prefix_list: "a b c d e f g h i j k l m n o p", ..Signing::default() };
        let roles = (0..150 * n).map(|i| role(&format!("R{i}"))).collect();
        Forge { assertion_signing: Some(signing), roles, ..Forge::default() }.xml()
    }),
];

/// The honest response with something in a part that is not signed.
fn extended(extensions: &str) -> String {
    let to = format!("<samlp:Extensions>{extensions}</samlp:Extensions><samlp:Status>");
    forge::replace(&Forge::default().xml(), "<samlp:Status>", &to)
}

fn numbered(text: &str, count: usize) -> String {
    let mut out = String::new();
    (0..count).for_each(|n| write!(out, "{}", text.replace('#', &n.to_string())).unwrap());
    out
}

/// What valgrind counts, by this name.
#[inline(never)]
fn instructions_counted_in_here(field: &str, providers: &IdentityProviders) -> Result<(), SamlRefusal> {
    accept_field(field, &Limits::default(), providers, now()).map(drop)
}

/// Documents behind each cap, which must cost less than the longest honest one.
const CAPPED: [(Cap, fn() -> String); 4] = [
    (Cap::Depth, || extended(&"<a>".repeat(15_000))),
    (Cap::Nodes, || extended(&"<a/>x".repeat(11_000))),
    (Cap::Attributes, || extended(&format!("<a{}/>", numbered(" a#=''", 5_000)))),
    (Cap::Namespaces, || extended(&numbered("<a xmlns:n#='urn:n'/>", 2_000))),
];

/// Every document, and what becomes of it.
fn documents() -> Vec<(Box<dyn Fn() -> String>, Result<(), SamlRefusal>)> {
    let grown = WAYS.into_iter().flat_map(|(_, xml)| SIZES.map(|size| (xml, size)));
    let mut documents: Vec<(Box<dyn Fn() -> String>, _)> = Vec::new();
    grown.for_each(|(xml, size)| documents.push((Box::new(move || xml(size)), Ok(()))));
    CAPPED.iter().for_each(|(cap, xml)| documents.push((Box::new(xml), Err(SamlRefusal::TooComplex(*cap)))));
    documents
}

const WHICH: &str = "VESTIBULE_LINEAR_DOCUMENT";

#[test]
#[ignore = "run under valgrind by the test below"]
fn counted() {
    let which: usize = std::env::var(WHICH).unwrap().parse().unwrap();
    let (xml, expected) = &documents()[which];
    let field = STANDARD.encode(xml());
    println!("characters {}", field.len());
    assert_eq!(instructions_counted_in_here(&field, &providers()), *expected);
}

/// Encrypted responses, each refused for another reason that only we can see.
fn not_decryptable() -> Vec<(&'static str, String)> {
    let plain = Forge::of_size(7_000).xml();
    // Another signature of the same length, of a key of the same kind.
    let value = plain.find("<ds:SignatureValue>").unwrap() + "<ds:SignatureValue>".len() + 20;
    let other = if plain.as_bytes()[value] == b'A' { "B" } else { "A" };
    let not_signed_so = [&plain[..value], other, &plain[value + 1..]].concat();
    let gcm = || Encrypting { content: "aes256-gcm", ..Encrypting::default() };
    let cbc = || Encrypting { content: "aes256-cbc", ..Encrypting::default() };
    let changed = plain.replace("paula@example.com", "admin@example.com");
    let last = |mut bytes: Vec<u8>| {
        *bytes.last_mut().unwrap() ^= 0x80;
        bytes
    };
    let middle = |mut bytes: Vec<u8>| {
        let at = bytes.len() / 2;
        bytes[at] ^= 0x80;
        bytes
    };
    vec![
        ("the signature", cbc().assertion_of(&not_signed_so)),
        ("the digest", cbc().assertion_of(&changed)),
        ("the issuer", cbc().assertion_of(&plain.replace("/adfs/services/trust", "/adfs/services/other"))),
        ("the padding", Encrypting { padding: Padding::Wrong(0), ..cbc() }.assertion_of(&plain)),
        ("the last block, and its padding", Encrypting { tamper: last, ..cbc() }.assertion_of(&plain)),
        ("the text", Encrypting { tamper: middle, ..cbc() }.assertion_of(&plain)),
        ("the tag", Encrypting { tamper: last, ..gcm() }.assertion_of(&plain)),
        ("the tag of another text", Encrypting { tamper: middle, ..gcm() }.assertion_of(&plain)),
    ]
}

#[test]
#[ignore = "run under valgrind by the test below"]
fn counted_not_decryptable() {
    let which: usize = std::env::var(WHICH).unwrap().parse().unwrap();
    let field = STANDARD.encode(&not_decryptable()[which].1);
    println!("characters {}", field.len());
    let refused = Err(SamlRefusal::NotDecryptable);
    assert_eq!(instructions_counted_in_here(&field, &providers()), refused);
}

/// Jager and Somorovsky, "How to Break XML Encryption" (2011): whoever can tell wrong padding
/// from a wrong signature decrypts what others sent.
#[test]
fn a_padding_oracle_has_nothing_to_measure() {
    let documents = not_decryptable();
    let counts: Vec<f64> =
        (0..documents.len()).map(|which| count("counted_not_decryptable", which).1).collect();
    for ((what, _), instructions) in documents.iter().zip(&counts) {
        println!("{what}: {instructions}, {:.4}", instructions / counts[0]);
    }
    let (least, most) =
        (counts.iter().copied().fold(f64::MAX, f64::min), counts.iter().copied().fold(0.0, f64::max));
    assert!(most / least <= 1.01, "{:.4}", most / least);
}

/// A federation's signed aggregate with so many members, each with a declaration of its own.
fn aggregate(members: usize) -> String {
    let member = |i: usize| {
        format!(
            "<EntityDescriptor ID=\"_{i}\" entityID=\"urn:idp:{i}\"><Extensions xmlns:x=\"urn:x\"><x:y/></Extensions>\
             <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor>\
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{}</X509Certificate>\
             </X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>",
            forge::p256().certificate
        )
    };
    let members: String = (0..members).map(member).collect();
    let xml = format!(
        "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_all\">{members}</EntitiesDescriptor>"
    );
    Signing::default().sign(&xml, "_all")
}

/// What valgrind counts, by this name.
#[inline(never)]
fn metadata_instructions_counted_in_here(xml: &str, keys: &[VerificationKey]) -> bool {
    IdpMetadata::parse_signed(xml.as_bytes(), Some("urn:idp:7"), keys).is_ok()
}

#[test]
#[ignore = "run under valgrind by the test below"]
fn counted_metadata() {
    let members: usize = std::env::var(WHICH).unwrap().parse().unwrap();
    let xml = aggregate(members);
    println!("characters {}", xml.len());
    assert!(metadata_instructions_counted_in_here(&xml, &[forge::rsa().verification()]));
}

#[test]
fn an_aggregate_costs_in_proportion_to_its_members() {
    let runs = [50, 100, 200].map(|members| count("counted_metadata", members));
    let growth = (runs[2].1 - runs[1].1) / (runs[1].1 - runs[0].1);
    let each = each(runs[1], runs[2]);
    println!("metadata: {runs:?}, growth {growth:.2}, {each:.0} a character");
    assert!(growth <= MOST_GROWTH && each <= MOST_EACH, "{runs:?}");
}

/// What valgrind counts, by this name.
#[inline(never)]
fn login_instructions_counted_in_here(runtime: &Runtime, service: &TestService, field: &str) -> Answer {
    runtime.block_on(service.post_field(field, &Page::new(1)))
}

/// Of who has one role: where nobody chooses, where people choose, and where they choose the
/// console, too.
#[test]
#[ignore = "run under valgrind by the test below"]
fn counted_login() {
    let which: usize = std::env::var(WHICH).unwrap().parse().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        choosing(settings);
        if which == 0 {
            settings.pages = Pages::default();
        }
        settings.console = (which == 2).then(|| Console::new(Vec::new()));
    });
    let field = STANDARD.encode(offering(1, &["Prod"]).xml());
    println!("characters {}", field.len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    login_instructions_counted_in_here(&runtime, &service, &field).ticket();
}

#[test]
fn who_has_one_role_pays_nothing_for_a_choice() {
    let [elsewhere, choosing, console] = [0, 1, 2].map(|which| count("counted_login", which).1);
    let (choosing, console) = (choosing / elsewhere, console / elsewhere);
    println!(
        "a login of one role: {elsewhere} instructions; where people choose {choosing:.3} of it, the console too {console:.3}"
    );
    assert!(choosing < 1.02 && console < 1.02, "{choosing:.3}, {console:.3}");
}

/// What a character costs of those that one document has more than another one.
fn each(less: (f64, f64), more: (f64, f64)) -> f64 {
    (more.1 - less.1) / (more.0 - less.0)
}

/// Characters, and the instructions that they cost.
fn count(test: &str, which: usize) -> (f64, f64) {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*instructions_counted_in_here*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(WHICH, which.to_string())
        .output()
        .unwrap_or_else(|error| panic!("valgrind does not start ({error}): run the tests with `tests/run`"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let number = |text: &str, after: &str| -> f64 {
        let (_, rest) = text.split_once(after).unwrap_or_else(|| panic!("no {after}: {text}"));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number(&out, "characters "), number(&err, "Collected : "))
}

#[test]
fn instructions_grow_with_the_size_and_no_faster() {
    let documents = documents().len();
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(vec![(0.0, 0.0); documents]);
    let work = || {
        while let Some(which) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < documents) {
            let run = count("counted", which);
            runs.lock().unwrap()[which] = run;
        }
    };
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });

    let runs = runs.into_inner().unwrap();
    let (grown, capped) = runs.split_at(WAYS.len() * SIZES.len());
    let longest = grown.iter().map(|run| run.1).fold(0.0, f64::max);
    let mut wrong = Vec::new();
    for ((way, _), runs) in WAYS.iter().zip(grown.chunks(SIZES.len())) {
        let growth = (runs[2].1 - runs[1].1) / (runs[1].1 - runs[0].1);
        let each = each(runs[1], runs[2]);
        println!("{way}: {runs:?}, growth {growth:.2}, {each:.0} a character");
        if growth > MOST_GROWTH || each > MOST_EACH {
            wrong.push(way);
        }
    }
    for ((cap, _), (characters, instructions)) in CAPPED.iter().zip(capped) {
        println!("{cap:?}: {instructions} instructions, {characters} characters");
        assert!(*instructions <= longest, "{cap:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
