//! `[sts]`, `[store]`, `[keys]`: which adapters, and where they keep things.
//!
//! `kind` has no default, so that no later build changes under an operator's feet.

use super::section::{Found, Section};
use super::values;
use super::{Keys, Store, Sts};
use std::path::PathBuf;

/// All three, each `None` where a fault stands for it.
pub(super) fn backends(top: &Section<'_>) -> (Option<Sts>, Option<Store>, Option<Keys>) {
    let sts = top.section("sts");
    let sts_path = kind(&sts, "local", &["aws"]).then(|| path(&sts, "var/issuer.key"));
    let region = sts_path.as_ref().map(|_| sts.or("region", "us-east-1".to_owned(), region));

    let store = top.section("store");
    let store_path = kind(&store, "embedded", &["dynamodb"]).then(|| path(&store, "var/vestibule.db"));

    let keys = top.section("keys");
    let keys_path = kind(&keys, "local", &["kms"]).then(|| path(&keys, "var/keys"));
    if keys_path.is_some() {
        keys.optional("signing", |text| match text {
            "data-key" => Ok(()),
            "kms-asymmetric" | "kms-hmac" => {
                Err("needs keys.kind = \"kms\", which this build does not have yet")
            }
            _ => Err("expected \"data-key\""),
        });
    }

    for (one, other) in [(&store_path, &sts_path), (&keys_path, &sts_path), (&keys_path, &store_path)] {
        if let (Some(one), Some(other)) = (one, other)
            && one.value == other.value
        {
            top.reader().fault(&one.at, format!("is the file of {} too", other.at.key));
        }
    }
    (
        sts_path.zip(region).map(|(path, region)| Sts::Local { path: path.value, region }),
        store_path.map(|path| Store::Embedded { path: path.value }),
        keys_path.map(|path| Keys::Local { path: path.value }),
    )
}

/// Reads `kind`: whether it is the one that this build has.
fn kind(section: &Section<'_>, ours: &str, promised: &[&str]) -> bool {
    let read = section.required("kind", |text| {
        if text == ours {
            Ok(())
        } else if promised.contains(&text) {
            Err(format!("needs the AWS adapters, which this build does not have yet: use \"{ours}\""))
        } else {
            Err(format!("expected \"{ours}\""))
        }
    });
    if read.is_none() {
        // Whether its other keys are right depends on it.
        section.open();
    }
    read.is_some()
}

fn path(section: &Section<'_>, default: &str) -> Found<PathBuf> {
    let found = section.optional_text("path");
    found.map_or_else(
        || Found { value: default.into(), at: section.at_key("path") },
        |found| Found { value: found.value.into(), at: found.at },
    )
}

fn region(text: &str) -> Result<String, String> {
    if text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        values::line(32)(text)
    } else {
        Err("expected a region such as \"us-east-1\"".to_owned())
    }
}
