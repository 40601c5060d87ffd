//! The law of the house: which room may import which (docs/ARCHITECTURE.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may name. Anything else is an upward or sideways arrow.
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

/// The part of a file that ships: everything before its test module, without comments.
fn shipped_code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let text = text.split("#[cfg(test)]\n#[allow").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every room named behind `crate::` or `vestibule::`.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for marker in ["crate::", "vestibule::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let group = group.split("};").next().unwrap();
                rooms.extend(group.split(',').map(|part| part.trim().split("::").next().unwrap().to_owned()));
            } else {
                rooms.insert(
                    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned(),
                );
            }
        }
    }
    rooms
}

#[test]
fn rooms_import_only_downwards() {
    let mut faults = Vec::new();
    for (room, allowed) in ARROWS {
        for file in rust_files(&src().join(room)) {
            for named in rooms_named(&shipped_code(&file)) {
                let is_room = ARROWS.iter().any(|(r, _)| *r == named);
                if is_room && named != *room && !allowed.contains(&named.as_str()) {
                    faults.push(format!("{} imports {named}; {room} may import {allowed:?}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_is_in_the_table() {
    let rooms: BTreeSet<String> = std::fs::read_dir(src())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> = ARROWS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, table);
}

#[test]
fn the_law_can_be_broken() {
    assert!(rooms_named("use crate::http::HttpSettings;").contains("http"));
    assert!(rooms_named("use crate::{broker::Broker, http};").contains("http"));
    assert!(rooms_named("let x = crate::http::router();").contains("http"));
}

/// The pure rooms do no I/O, know no clock and no runtime.
#[test]
fn pure_rooms_stay_pure() {
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
    for room in ["saml", "roles", "delivery"] {
        for file in rust_files(&src().join(room)) {
            let code = shipped_code(&file);
            for word in WORLDLY {
                assert!(!code.contains(word), "{} mentions {word}", file.display());
            }
        }
    }
}

/// Only the HTTP room knows status codes.
#[test]
fn status_codes_live_in_http_only() {
    for room in ["saml", "roles", "broker", "delivery", "config", "adapters"] {
        for file in rust_files(&src().join(room)) {
            assert!(!shipped_code(&file).contains("StatusCode::"), "{} knows status codes", file.display());
        }
    }
}
