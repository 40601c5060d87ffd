//! The documents that all are given, and of those who read them: ourselves, the
//! floor, and the peers that are Rust.
//!
//! ```sh
//! peers documents DIRECTORY    # makes them anew; they are valid for an hour
//! peers NAME DIRECTORY         # one line for each document: its file, nanoseconds
//! ```
// A benchmark is about the clock.
#![allow(clippy::disallowed_methods)]

#[path = "../../tests/support/forge.rs"]
mod forge;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use forge::{
    ACS, AUDIENCE, Forge, ISSUER, PERSON, providers, replace, rsa, signed_bytes, signed_info_and_value,
};
use mimalloc::MiMalloc;
use second_opinion::{Opinion, Opinions, Verifier};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use vestibule::saml::{Expected, Limits, ResponseMessage, Trace};

/// As the server has it, for all that are Rust.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// As benches/validate.rs has them: KB of the form field, and what is asked for to get them.
const DOCUMENTS: [(&str, usize); 3] = [("7", 8), ("40", 40), ("94", 95)];
/// Of one peer at one document. Long enough for a just-in-time compiler to have compiled.
const MEASURED: Duration = Duration::from_secs(2);
/// Short, so that some batch is not disturbed; the clock is read a thousandth of it.
const BATCH: Duration = Duration::from_millis(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, directory] = arguments.as_slice() else { panic!("peers NAME DIRECTORY") };
    let directory = Path::new(directory);
    match name.as_str() {
        "documents" => write(directory),
        "floor" => floor(directory),
        "ours" => {
            let ours = Ours::new();
            report(directory, |field| ours.validate(field));
        }
        "samael" => report_opinion(directory, Verifier::Samael),
        "bergshamra" => report_opinion(directory, Verifier::Bergshamra),
        _ => panic!("no peer {name}"),
    }
}

// ---- documents

/// Each as AD FS would post it, and the same with one character of the assertion changed.
fn write(directory: &Path) {
    let file = |name: &str, text: &str| std::fs::write(directory.join(name), text).expect("written");
    for (name, kilobytes) in DOCUMENTS {
        let now = Forge::issued_now("_c0b1c7a2-9d3e-4d6a-8f21-5f6c1f0a7e22");
        let forge = Forge {
            issued: now.issued,
            confirmed_until: now.not_on_or_after.clone(),
            not_before: now.not_before,
            not_on_or_after: now.not_on_or_after,
            ..Forge::of_size(kilobytes * 1024)
        };
        let xml = forge.xml();
        let changed = replace(&xml, PERSON, &PERSON.replace("paula", "paulb"));
        file(&format!("{name}.honest"), &STANDARD.encode(&xml));
        file(&format!("{name}.changed"), &STANDARD.encode(changed));
    }
    // Quoted as Rust does, which of these is JSON.
    let settings = format!(
        "{{\"issuer\": {ISSUER:?}, \"acs\": {ACS:?}, \"audience\": {AUDIENCE:?}, \"person\": {PERSON:?}, \
         \"certificate\": {:?}}}\n",
        rsa().certificate
    );
    file("settings.json", &settings);
}

fn field(directory: &Path, name: &str, kind: &str) -> String {
    std::fs::read_to_string(directory.join(format!("{name}.{kind}"))).expect("peers documents DIRECTORY")
}

// ---- measuring

/// The best batch's nanoseconds for one: other tenants of the machine only add.
fn best<T>(mut routine: impl FnMut() -> T) -> f64 {
    let (mut best, mut times) = (f64::INFINITY, 1_u32);
    let began = Instant::now();
    while began.elapsed() < MEASURED {
        let start = Instant::now();
        for _ in 0..times {
            black_box(routine());
        }
        let elapsed = start.elapsed();
        best = best.min(elapsed.as_nanos() as f64 / f64::from(times));
        if elapsed < BATCH {
            times *= 2;
        }
    }
    best
}

/// Measures whoever reads the honest document and refuses the changed one.
fn report(directory: &Path, validate: impl Fn(&str) -> Result<String, String>) {
    for (name, _) in DOCUMENTS {
        let honest = field(directory, name, "honest");
        assert_eq!(validate(&honest).as_deref(), Ok(PERSON), "{name} KB");
        let refusal = validate(&field(directory, name, "changed")).expect_err("one character was changed");
        eprintln!("{name} KB, changed: {refusal}");
        let time = best(|| validate(black_box(&honest)).expect("accepted before"));
        println!("{name} {time:.0}");
    }
}

// ---- who is measured

/// What no verifier can do without: RSA verification, SHA-256 of the signed bytes, a parse.
fn floor(directory: &Path) {
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa().public()).expect("an RSA key");
    for (name, _) in DOCUMENTS {
        let xml = STANDARD.decode(field(directory, name, "honest")).expect("base64");
        let xml = String::from_utf8(xml).expect("UTF-8");
        let (signed_info, value) = signed_info_and_value(&xml);
        let signed = signed_bytes(&xml, &Forge::default().assertion_id);
        let time = best(|| {
            key.verify_sig(&signed_info, &value).expect("genuine");
            (digest(&SHA256, &signed), roxmltree::Document::parse(&xml).expect("XML").root_element().id())
        });
        println!("{name} {time:.0}");
    }
}

/// As the server does for a posted form field, which logs what a refusal looked at.
struct Ours {
    service: vestibule::saml::ServiceProvider,
    providers: vestibule::saml::IdentityProviders,
    limits: Limits,
}

impl Ours {
    fn new() -> Self {
        Self { service: forge::service(), providers: providers(), limits: Limits::default() }
    }

    fn validate(&self, field: &str) -> Result<String, String> {
        let trace = Trace::default();
        let identity = (|| {
            let message = ResponseMessage::decode(field, &self.limits, Some(&trace))?;
            let message = message.decrypt(&self.service.decryption_keys)?;
            let verified = message.parse()?.find_issuer(&self.providers)?.verify()?;
            let accepted = verified.accept(&self.service, Expected::Unsolicited, OffsetDateTime::now_utc());
            accepted.map_err(|refused| refused.refusal)
        })();
        identity.map(|identity| identity.name_id().to_owned()).map_err(|refusal| format!("{refusal:?}"))
    }
}

/// One of those that second-opinion/ asks about everything else.
fn report_opinion(directory: &Path, verifier: Verifier) {
    let certificate = STANDARD.decode(&rsa().certificate).expect("base64");
    let opinions = Opinions::new(&[certificate], ISSUER, ACS, AUDIENCE);
    report(directory, |field| {
        let xml = STANDARD.decode(field).map_err(|error| error.to_string())?;
        let xml = String::from_utf8(xml).map_err(|error| error.to_string())?;
        match opinions.ask(verifier, &xml) {
            Opinion::Believes(person) => Ok(person),
            Opinion::Refuses(why) => Err(why),
        }
    });
}
