//! Which layer may import which (docs/ARCHITECTURE.md). Inside a layer: no circles
//! of files, no imports through a `mod.rs` above, and none of what it defines.

#[path = "support/imports.rs"]
mod imports;

use imports::{Crate, Faults, Sources, shipped};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Layer, and the layers it may name. Anything else is an upward or sideways arrow.
const ARROWS: &[(&str, &[&str])] = &[
    ("saml", &[]),
    ("roles", &["saml"]),
    ("broker", &["saml", "roles"]),
    ("delivery", &["broker"]),
    ("config", &["saml", "roles", "broker"]),
    ("adapters", &["broker", "roles", "config"]),
    ("http", &["broker", "delivery", "config"]),
    ("service", &["saml", "broker", "config", "adapters", "http"]),
    ("demo", &["saml", "broker", "config", "adapters", "http", "service"]),
    ("cli", &["saml", "roles", "broker", "config", "adapters", "http", "service", "demo"]),
];

/// Items that a file may import from a door above it: file, item, and why.
const UPWARD: &[(&str, &str, &str)] = &[];

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn shipped_code(path: &Path) -> String {
    shipped(&std::fs::read_to_string(path).unwrap())
}

/// Every layer named behind `crate::` or `vestibule::`.
fn layers_named(code: &str) -> BTreeSet<String> {
    let mut layers = BTreeSet::new();
    for marker in ["crate::", "vestibule::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let group = group.split("};").next().unwrap();
                layers
                    .extend(group.split(',').map(|part| part.trim().split("::").next().unwrap().to_owned()));
            } else {
                layers.insert(
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned(),
                );
            }
        }
    }
    layers
}

#[test]
fn layers_import_only_downwards() {
    let mut faults = Vec::new();
    for (layer, allowed) in ARROWS {
        for file in rust_files(&src().join(layer)) {
            for named in layers_named(&shipped_code(&file)) {
                let is_layer = ARROWS.iter().any(|(r, _)| *r == named);
                if is_layer && named != *layer && !allowed.contains(&named.as_str()) {
                    faults
                        .push(format!("{} imports {named}; {layer} may import {allowed:?}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_layer_is_in_the_table() {
    let layers: BTreeSet<String> = std::fs::read_dir(src())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = ARROWS.iter().map(|(layer, _)| (*layer).to_owned()).collect();
    assert_eq!(layers, table);
}

#[test]
fn the_table_can_be_broken() {
    assert!(layers_named("use crate::http::Settings;").contains("http"));
    assert!(layers_named("use crate::{broker::Broker, http};").contains("http"));
    assert!(layers_named("let x = crate::http::router();").contains("http"));
}

fn library() -> Sources {
    let read = |file: PathBuf| {
        (file.strip_prefix(src()).unwrap().to_owned(), std::fs::read_to_string(&file).unwrap())
    };
    rust_files(&src()).into_iter().map(read).collect()
}

#[test]
fn no_circles_inside_a_layer() {
    let circles = Crate::read(&library()).faults().circles;
    assert!(circles.is_empty(), "{}", Vec::from_iter(circles).join("\n\n"));
}

#[test]
fn items_come_from_their_own_file() {
    let doors = Crate::read(&library()).faults().doors;
    assert!(doors.is_empty(), "{}", Vec::from_iter(doors).join("\n"));
}

#[test]
fn no_file_imports_from_a_door_above() {
    let faults = upward_faults(&Crate::read(&library()).faults(), UPWARD);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The imports that are not allowed, and the allowed ones that do not exist.
fn upward_faults(found: &Faults, allowed: &[(&str, &str, &str)]) -> Vec<String> {
    let is_allowed =
        |(file, item): &&(String, String)| allowed.iter().any(|(f, i, _)| f == file && i == item);
    let is_stale = |(file, item, _): &&(&str, &str, &str)| {
        !found.upward.contains(&((*file).to_owned(), (*item).to_owned()))
    };
    let arrows = found.upward.iter().filter(|arrow| !is_allowed(arrow));
    let stale = allowed.iter().filter(is_stale);
    arrows
        .map(|(file, item)| format!("{file} imports {item}, which a door above it defines"))
        .chain(stale.map(|(file, item, why)| format!("{file} does not import {item} from above ({why})")))
        .collect()
}

fn faults(files: &[(&str, &str)]) -> Faults {
    let sources = files.iter().map(|(path, source)| (PathBuf::from(path), (*source).to_owned()));
    Crate::read(&sources.collect()).faults()
}

#[test]
fn a_clean_layer_has_no_faults() {
    let found = faults(&[
        (
            "saml/mod.rs",
            "mod accept; mod refusal; pub use accept::{Accepted, accept}; pub use refusal::Refusal;",
        ),
        (
            "saml/accept.rs",
            r#"use super::refusal::{self, Refusal};
            pub(in crate::saml) struct Accepted<'a>(&'a str);
            // super::Refusal
            const TEXT: &str = "super::Refusal"; const QUOTE: char = '"'; const RAW: &str = r"\";
            mod inner { use super::{Accepted, Refusal}; fn f() { super::super::refusal::refuse(1) } }
            pub fn accept() -> Result<(), Refusal> { refusal::refuse(std::mem::take) }
            #[cfg(test)] #[allow(unused)] mod tests { use super::super::Refusal; use super::*; }"#,
        ),
        ("saml/accept/tests.rs", "use super::super::Refusal;"),
        (
            "saml/refusal.rs",
            "use time::{self, Duration}; pub enum Refusal {} #[cfg(test)] use super::accept;",
        ),
        ("broker/mod.rs", "mod login; pub use crate::saml::Refusal as SamlRefusal; pub use login::Login;"),
        ("broker/login.rs", "use crate::saml::{self, Refusal}; fn f() { saml::accept(); time::now(); }"),
    ]);
    assert_eq!(found, Faults::default());
}

#[test]
fn a_circle_is_found() {
    for import in [
        "use super::b::B;",
        "use super::{c::{C, D}, b::{self as other, B}};",
        "fn f() { crate::saml::b::b() }",
        "use super::b; fn f() { b::b() }",
        "use crate::saml::B;",
    ] {
        let found = faults(&[
            ("saml/mod.rs", "mod a; mod b; mod c; pub use b::B;"),
            ("saml/a.rs", import),
            ("saml/b.rs", "use super::c::C;"),
            ("saml/c.rs", "fn f() -> super::a::A {}"),
        ]);
        let circle = "saml/a.rs -> saml/b.rs";
        assert!(
            found.circles.len() == 1 && found.circles.iter().all(|c| c.contains(circle)),
            "{import} {found:?}"
        );
    }
}

/// A list in a door is no arrow; the use of a listed item in the door's code is one.
#[test]
fn the_code_of_a_door_counts() {
    for (code, circles) in [("", 0), ("fn f(b: B) {}", 1)] {
        let door = format!("mod y; pub use super::b::B; pub struct X; {code}");
        let found = faults(&[
            ("saml/mod.rs", "mod b; mod x;"),
            ("saml/x/mod.rs", &door),
            ("saml/x/y.rs", ""),
            ("saml/b.rs", "use super::x::X; pub struct B;"),
        ]);
        assert_eq!(found.circles.len(), circles, "{found:?}");
    }
}

#[test]
fn an_import_through_a_door_is_found() {
    for import in [
        "use super::B;",
        "use super::{d::D, B as Other};",
        "use crate::saml::B;",
        "use crate::saml; fn f() -> saml::B {}",
        "fn f() -> super::B {}",
        "use super::Arc;",
        "use super::*;",
    ] {
        for (door, b) in [("saml/mod.rs", "saml/b.rs"), ("saml.rs", "saml/b/mod.rs")] {
            let list = "mod a; mod b; mod d; pub(crate) use b::B; use std::sync::Arc;";
            let found =
                faults(&[(door, list), ("saml/a.rs", import), (b, "pub struct B;"), ("saml/d.rs", "")]);
            assert_eq!(found.doors.len(), 1, "{import} {found:?}");
            assert!(found.upward.is_empty() && found.circles.is_empty(), "{import} {found:?}");
        }
    }
}

#[test]
fn an_import_from_above_is_found() {
    for import in ["use super::Shared;", "use crate::saml::{Shared};", "fn f() { super::Shared::new() }"] {
        let found =
            faults(&[("saml/mod.rs", "mod a; use a::A; pub struct Shared(A);"), ("saml/a.rs", import)]);
        assert_eq!(found.upward, BTreeSet::from([("saml/a.rs".to_owned(), "Shared".to_owned())]), "{import}");
        assert_eq!(upward_faults(&found, &[]).len(), 1);
        assert!(upward_faults(&found, &[("saml/a.rs", "Shared", "a test")]).is_empty());
        assert_eq!(upward_faults(&Faults::default(), &[("saml/a.rs", "Shared", "a test")]).len(), 1);
    }
}

/// The pure layers do no I/O, know no clock and no runtime.
#[test]
fn pure_layers_stay_pure() {
    const WORLDLY: &[&str] = &[
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::env",
        "rusqlite",
        "axum",
        "hyper",
        "std::process",
        "tracing::",
    ];
    for layer in ["saml", "roles", "delivery"] {
        for file in rust_files(&src().join(layer)) {
            let code = shipped_code(&file);
            for word in WORLDLY {
                assert!(!code.contains(word), "{} mentions {word}", file.display());
            }
        }
    }
}

/// Only the HTTP layer knows status codes.
#[test]
fn status_codes_live_in_http_only() {
    for layer in ["saml", "roles", "broker", "delivery", "config", "adapters"] {
        for file in rust_files(&src().join(layer)) {
            assert!(!shipped_code(&file).contains("StatusCode::"), "{} knows status codes", file.display());
        }
    }
}
