//! Which layer may import which (docs/ARCHITECTURE.md), and which part of saml/.
//! Inside a layer: no circles of files, no imports through a parent module, and none
//! of what it defines.

#[path = "support/imports.rs"]
mod imports;

use imports::{Crate, Faults, Import, Sources, part, ships};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Layer, and the layers it may name. Anything else is an upward or sideways arrow.
const LAYERS: &[(&str, &[&str])] = &[
    ("refusals", &[]),
    ("jose", &[]),
    ("saml", &[]),
    ("roles", &["saml"]),
    ("delivery", &[]),
    ("broker", &["jose", "delivery", "saml", "roles"]),
    ("config", &["saml", "roles", "broker"]),
    ("system", &["broker"]),
    ("adapters", &["broker", "roles", "config", "system"]),
    ("http", &["broker", "delivery", "config"]),
    ("service", &["saml", "broker", "config", "system", "adapters", "http"]),
    ("demo", &["saml", "broker", "config", "system", "adapters", "http", "service"]),
    ("shell", &["jose", "broker", "system"]),
    ("cli", &["saml", "roles", "broker", "config", "system", "adapters", "http", "service", "demo", "shell"]),
    ("lambda", &["broker", "system", "adapters", "http", "service"]),
    ("main", &["cli", "lambda"]),
];

/// The parts of saml/, as its `mod.rs` draws them: each imports only from those below it.
const SAML: &[&str] = &[
    "response",
    "provider",
    "select",
    "authn_request",
    "metadata",
    "xmlenc",
    "dsig",
    "trace",
    "xml",
    "refusal",
];

/// Items that a file may import from a parent module: file, item, and why.
const UPWARD: &[(&str, &str, &str)] = &[];

static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: PathBuf| {
        (file.strip_prefix(&src).unwrap().to_owned(), std::fs::read_to_string(&file).unwrap())
    };
    rust_files(&src).into_iter().map(read).filter(|(path, _)| ships(path)).collect()
});

static CODE: LazyLock<Crate> = LazyLock::new(|| Crate::read(&SOURCES));
static FAULTS: LazyLock<Faults> = LazyLock::new(|| CODE.faults());

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

fn crate_of(files: &[(&str, &str)]) -> Crate {
    Crate::read(&files.iter().map(|(path, source)| (path.into(), (*source).to_owned())).collect())
}

fn faults(files: &[(&str, &str)]) -> Faults {
    crate_of(files).faults()
}

fn assert_none<'f>(faults: impl IntoIterator<Item = &'f String>) {
    let faults: Vec<&str> = faults.into_iter().map(String::as_str).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The directories and files of a directory in src/, without the file that declares them.
fn entries(dir: &str) -> BTreeSet<String> {
    let below = SOURCES.keys().filter_map(|path| path.strip_prefix(dir).ok()?.iter().next());
    let names = below.map(|entry| entry.to_string_lossy().trim_end_matches(".rs").to_owned());
    names.filter(|name| name != "lib" && name != "mod").collect()
}

/// The imports between the parts of a module that are not allowed.
fn between_parts(code: &Crate, whole: &str, is_allowed: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let is_fault = |import: &Import<'_>| {
        let arrow = part(import.module, whole).zip(part(&import.path, whole));
        arrow.is_some_and(|(from, to)| from != to && !is_allowed(from, to))
    };
    let arrows = code.imports().filter(is_fault);
    arrows.map(|import| format!("{} imports {}", import.file, import.path)).collect()
}

fn layer_faults(code: &Crate) -> BTreeSet<String> {
    between_parts(code, "crate", |from, to| {
        LAYERS.iter().any(|(layer, lower)| *layer == from && lower.contains(&to))
    })
}

fn saml_faults(code: &Crate) -> BTreeSet<String> {
    let place = |part: &str| SAML.iter().position(|known| *known == part);
    between_parts(code, "crate::saml", |from, to| place(from).zip(place(to)).is_some_and(|(f, t)| f < t))
}

#[test]
fn layers_import_only_downwards() {
    assert_none(&layer_faults(&CODE));
}

#[test]
fn every_layer_is_in_the_table() {
    assert_eq!(entries(""), LAYERS.iter().map(|(layer, _)| (*layer).to_owned()).collect());
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_found() {
    for (file, code) in [
        ("saml/a.rs", "use crate::http::Settings;"),
        ("saml/a.rs", "use crate::{saml::Identity, http};"),
        ("saml/a.rs", "mod inner { use super::super::super::http as web; }"),
        ("saml/a.rs", "fn f() { let x = crate::http::router::<u8>(); }"),
        ("saml/a.rs", r#"fn f() { tracing::info!(x = crate::http::router(), "crate") }"#),
        ("saml/a.rs", "#[from(crate::http::Error)] struct A;"),
        ("saml/mod.rs", "pub use crate::http::Error;"),
        ("refusals.rs", "macro_rules! m { () => { $crate::http::Error } }"),
        ("cli/mod.rs", "use crate::lambda::is_lambda;"),
        ("lambda/mod.rs", "use crate::cli::run;"),
        ("main.rs", "fn main() { vestibule::http::serve() }"),
        ("unknown.rs", "use crate::http::Settings;"),
    ] {
        assert_eq!(layer_faults(&crate_of(&[(file, code)])).len(), 1, "{file} {code}");
    }
    let group = crate_of(&[("saml/a.rs", "m! { use crate::{saml::{a, b}, http::{self, Error}}; }")]);
    assert!(layer_faults(&group).contains("saml/a.rs imports crate::http::Error"));
    let allowed = [
        ("main.rs", "fn main() { vestibule::cli::run() }"),
        ("http/a.rs", "use crate::broker::Broker; use http::Request; use super::b::B;"),
        ("saml/a.rs", "#[cfg(test)] use crate::http; #[cfg(test)] fn f() { crate::http::serve() }"),
        ("saml/a/tests.rs", "use crate::http;"),
    ];
    assert_none(&layer_faults(&crate_of(&allowed)));
}

#[test]
fn saml_imports_only_downwards() {
    assert_none(&saml_faults(&CODE));
    assert_eq!(entries("saml"), SAML.iter().map(|part| (*part).to_owned()).collect());
}

#[test]
fn an_upward_import_in_saml_is_found() {
    for (file, code) in [
        ("saml/dsig/a.rs", "use crate::saml::response::verify::verify;"),
        ("saml/trace.rs", "use super::dsig::a;"),
        ("saml/refusal.rs", "fn f() { format!(\"{}\", super::xml::nodes::f()) }"),
        ("saml/unknown.rs", "use super::refusal::SamlRefusal;"),
    ] {
        assert_eq!(saml_faults(&crate_of(&[(file, code)])).len(), 1, "{file} {code}");
    }
    let allowed = [
        ("saml/mod.rs", "pub use response::accept::accept;"),
        ("saml/response/a.rs", "use super::b::B; use crate::saml::xml::nodes; use crate::broker::X;"),
        ("broker/a.rs", "use crate::saml::Identity;"),
    ];
    assert_none(&saml_faults(&crate_of(&allowed)));
}

#[test]
fn no_circles_inside_a_layer() {
    assert_none(&FAULTS.circles);
}

#[test]
fn items_come_from_their_own_file() {
    assert_none(&FAULTS.reexports);
}

#[test]
fn no_file_imports_from_a_parent_module() {
    assert_none(&upward_faults(&FAULTS, UPWARD));
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
        .map(|(file, item)| format!("{file} imports {item}, which a parent module defines"))
        .chain(stale.map(|(file, item, why)| format!("{file} does not import {item} from above ({why})")))
        .collect()
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
        r#"fn f() { format!("{}", [super::b::B::new::<u8>()]) }"#,
        "macro_rules! m { () => { $crate::saml::b::B } }",
        "#[arg(default_value_t = super::b::B)] struct A;",
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

/// A list in a mod.rs is no arrow; the use of a listed item in its code is one.
#[test]
fn the_code_of_a_parent_module_counts() {
    for (code, circles) in [("", 0), ("fn f(b: B) {}", 1)] {
        let parent = format!("mod y; pub use super::b::B; pub struct X; {code}");
        let found = faults(&[
            ("saml/mod.rs", "mod b; mod x;"),
            ("saml/x/mod.rs", &parent),
            ("saml/x/y.rs", ""),
            ("saml/b.rs", "use super::x::X; pub struct B;"),
        ]);
        assert_eq!(found.circles.len(), circles, "{found:?}");
    }
}

#[test]
fn an_import_through_a_parent_module_is_found() {
    for import in [
        "use super::B;",
        "use super::{d::D, B as Other};",
        "use crate::saml::B;",
        "use crate::saml; fn f() -> saml::B {}",
        "fn f() -> super::B {}",
        "use super::Arc;",
        "use super::*;",
    ] {
        for (parent, b) in [("saml/mod.rs", "saml/b.rs"), ("saml.rs", "saml/b/mod.rs")] {
            let list = "mod a; mod b; mod d; pub(crate) use b::B; use std::sync::Arc;";
            let found =
                faults(&[(parent, list), ("saml/a.rs", import), (b, "pub struct B;"), ("saml/d.rs", "")]);
            assert_eq!(found.reexports.len(), 1, "{import} {found:?}");
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
fn impure(code: &Crate) -> BTreeSet<String> {
    const WORLDLY: &[&str] = &[
        "tokio",
        "std::fs",
        "std::net::Tcp",
        "std::env",
        "rusqlite",
        "axum",
        "hyper",
        "std::process",
        "tracing",
    ];
    let is_fault = |layer: &str, path: &str| {
        matches!(layer, "saml" | "roles" | "delivery") && WORLDLY.iter().any(|word| path.starts_with(word))
    };
    named(code, is_fault)
}

/// Only the HTTP layer and what is above it know status codes.
fn status_codes(code: &Crate) -> BTreeSet<String> {
    const WITHOUT: &[&str] = &["saml", "roles", "broker", "delivery", "config", "adapters"];
    named(code, |layer, path| WITHOUT.contains(&layer) && path.split("::").any(|name| name == "StatusCode"))
}

/// The paths that a layer must not name.
fn named(code: &Crate, is_fault: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let imports = code.imports().filter(|i| part(i.module, "crate").is_some_and(|l| is_fault(l, &i.path)));
    imports.map(|import| format!("{} names {}", import.file, import.path)).collect()
}

#[test]
fn pure_layers_stay_pure() {
    assert_none(&impure(&CODE));
}

#[test]
fn status_codes_live_in_http_only() {
    assert_none(&status_codes(&CODE));
}

#[test]
fn what_a_layer_must_not_name_is_found() {
    for code in ["use tokio::sync::Mutex;", "use std::{fs, io};", "use std::net; fn f(s: net::TcpStream) {}"]
    {
        assert_ne!(impure(&crate_of(&[("roles/a.rs", code)])), BTreeSet::new(), "{code}");
        assert_none(&impure(&crate_of(&[("adapters/a.rs", code)])));
    }
    for code in ["use http::StatusCode;", "fn f() -> u16 { http::StatusCode::OK.as_u16() }"] {
        assert_ne!(status_codes(&crate_of(&[("broker/a.rs", code)])), BTreeSet::new(), "{code}");
        assert_none(&status_codes(&crate_of(&[("http/a.rs", code)])));
    }
}

/// The files that do not begin with a line that says what they are.
fn undescribed(sources: &Sources) -> Vec<String> {
    let files = sources.iter().filter(|(path, source)| ships(path) && !source.starts_with("//! "));
    files.map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn every_file_says_what_it_is() {
    assert_none(&undescribed(&SOURCES));
}

#[test]
fn a_file_that_does_not_say_what_it_is_is_found() {
    let source = |path: &str, source: &str| (PathBuf::from(path), source.to_owned());
    let sources = [
        source("saml/a.rs", "//! Verifies.\n"),
        source("saml/b.rs", "use super::a;\n//! Late.\n"),
        source("saml/tests.rs", "use super::a;\n"),
    ];
    assert_eq!(undescribed(&Sources::from(sources)), ["saml/b.rs"]);
}
