//! The whole validation, base64 to `Identity`, beside its floor in the same
//! run: RSA verification, SHA-256 of the same bytes and a bare parse, which no
//! verifier can do without. A report, not a gate:
//!
//! ```sh
//! cargo bench --bench validate
//! ```
// A benchmark is about the clock.
#![allow(clippy::disallowed_methods)]

#[path = "../tests/support/forge.rs"]
mod forge;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use forge::{Forge, accept_field, now, providers, rsa, signed_bytes, signed_info_and_value};
use mimalloc::MiMalloc;
use std::hint::black_box;
use std::time::{Duration, Instant};
use vestibule::saml::{Expected, Limits, ResponseMessage, Trace, canonicalize};

/// As the server has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// One response, and what the floor needs of it, ready.
struct Case {
    name: &'static str,
    field: String,
    xml: String,
    signed: Vec<u8>,
    signed_info: Vec<u8>,
    value: Vec<u8>,
}

impl Case {
    fn new(name: &'static str, characters: usize) -> Self {
        let forge = Forge::of_size(characters);
        let xml = forge.xml();
        let (signed_info, value) = signed_info_and_value(&xml);
        Self {
            name,
            field: STANDARD.encode(&xml),
            signed: signed_bytes(&xml, &forge.assertion_id),
            signed_info,
            value,
            xml,
        }
    }
}

/// The best of all samples, in nanoseconds: other tenants of the machine only add.
fn measure<T>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut routine: impl FnMut() -> T) -> f64 {
    let mut best = f64::INFINITY;
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                black_box(routine());
            }
            let elapsed = start.elapsed();
            best = best.min(elapsed.as_nanos() as f64 / iterations as f64);
            elapsed
        });
    });
    best
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let cases = [Case::new("8 KB", 8 * 1024), Case::new("40 KB", 40 * 1024), Case::new("95 KB", 95 * 1024)];
    let reports: Vec<String> = cases.iter().map(|case| report(&mut criterion, case)).collect();
    criterion.final_summary();

    println!("\nbest of all samples, in microseconds (floor = RSA + SHA-256 + parse)\n");
    println!(
        "          base64      whole      floor   ratio      told       RSA   SHA-256     parse    base64      c14n"
    );
    reports.iter().for_each(|line| println!("{line}"));
}

fn report(criterion: &mut Criterion, case: &Case) -> String {
    let (providers, limits) = (providers(), Limits::default());
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa().public()).expect("an RSA key");
    let rsa = || key.verify_sig(&case.signed_info, &case.value).expect("genuine");
    let sha256 = || digest(&SHA256, &case.signed);
    let parse = || roxmltree::Document::parse(&case.xml).expect("XML").root_element().id();
    let document = roxmltree::Document::parse(&case.xml).expect("XML");
    let assertion = document.descendants().find(|n| n.tag_name().name() == "Assertion").expect("one");
    let signature = assertion.children().find(|n| n.tag_name().name() == "Signature").map(|n| n.id());
    let mut canonical = Vec::with_capacity(case.xml.len());

    let mut group = criterion.benchmark_group(case.name);
    group.throughput(Throughput::Bytes(case.field.len() as u64));
    let whole = measure(&mut group, "whole", || {
        accept_field(black_box(&case.field), &limits, &providers, now()).expect("accepted")
    });
    // As the server does, which logs what a refusal looked at.
    let service = forge::service();
    let told = measure(&mut group, "whole, told to a trace", || {
        let trace = Trace::default();
        let message = ResponseMessage::decode(black_box(&case.field), &limits, Some(&trace)).expect("read");
        let message = message.decrypt(&service.decryption_keys).expect("in clear");
        let verified =
            message.parse().expect("read").find_issuer(&providers).expect("known").verify().expect("genuine");
        verified.accept(&service, Expected::Unsolicited, now()).expect("accepted")
    });
    let floor = measure(&mut group, "floor", || (rsa(), sha256(), parse()));
    let parts = [
        measure(&mut group, "floor: RSA verify", rsa),
        measure(&mut group, "floor: SHA-256", sha256),
        measure(&mut group, "floor: parse", parse),
        measure(&mut group, "beside: base64 decode", || STANDARD.decode(&case.field).expect("base64")),
        measure(&mut group, "beside: canonicalization", || {
            canonical.clear();
            canonicalize(assertion, signature, &[], &mut canonical).expect("canonicalizable");
            canonical.len()
        }),
    ];
    let stages = [
        measure(&mut group, "to: decoded", || {
            ResponseMessage::decode(&case.field, &limits, None).expect("read")
        }),
        measure(&mut group, "to: parsed", || {
            let message = ResponseMessage::decode(&case.field, &limits, None).expect("read");
            black_box(message.parse().is_ok())
        }),
        measure(&mut group, "to: verified", || {
            let message = ResponseMessage::decode(&case.field, &limits, None).expect("read");
            let verified = message
                .parse()
                .expect("read")
                .find_issuer(&providers)
                .expect("known")
                .verify()
                .expect("genuine");
            verified.provider().name.len()
        }),
        whole,
    ];
    group.finish();
    let columns = |times: &[f64]| times.iter().map(|t| format!("{:>10.1}", t / 1_000.0)).collect::<String>();
    format!(
        "{:<7}{:>9}{} {:>7.2}{}{} |{}",
        case.name,
        case.field.len(),
        columns(&[whole, floor]),
        whole / floor,
        columns(&[told]),
        columns(&parts),
        columns(&stages),
    )
}
