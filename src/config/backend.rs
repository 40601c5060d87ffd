//! `[sts]`, `[store]`, `[keys]`: which adapters, and where they keep things.
//!
//! `kind` has no default, so that no later build changes under an operator's feet.

use super::read::section::{At, Found, Section};
use super::read::values::{self, WebUrl};
use super::{DynamoDb, Keys, Kms, Signing, Store, Sts};
use crate::roles::partition_of_region;
use std::collections::BTreeMap;
use std::path::PathBuf;
use time::Duration;

/// All three, each `None` where a fault stands for it.
pub(super) fn backends(top: &Section<'_>) -> (Option<Sts>, Option<Store>, Option<Keys>) {
    let (sts, sts_file) = sts(&top.section("sts"));
    // Where STS is AWS's, the rest of AWS is there too unless it is said to be elsewhere.
    let home = match &sts {
        Some(Sts::Aws { regions, .. }) => regions.first().map(String::as_str),
        Some(Sts::Local { .. }) | None => None,
    };
    let (store, store_file) = store(&top.section("store"), home);
    let (keys, keys_file) = keys(&top.section("keys"), home);
    for (one, other) in [(&store_file, &sts_file), (&keys_file, &sts_file), (&keys_file, &store_file)] {
        if let (Some(one), Some(other)) = (one, other)
            && one.value == other.value
        {
            top.reader().fault(&one.at, format!("is the file of {} too", other.at.key));
        }
    }
    if let (Some(Store::DynamoDb(store)), Some(Keys::Kms(keys))) = (&store, &keys) {
        let tables = [&store.sessions_table, &store.users_table, &store.audit_table, &store.claims_table];
        if tables.contains(&&keys.keys_table) {
            let message = "is a table of [store] too: whoever may take a session must not reach a key";
            top.reader().fault(&top.section("keys").at_key("keys_table"), message);
        }
    }
    (sts, store, keys)
}

/// The region of AWS that a file speaks of, before it is read properly.
pub(super) fn home(top: &Section<'_>) -> Option<String> {
    let region = top.section("sts").peek("region").filter(|region| values::region(region).is_ok());
    region.or(top.reader().standard_region()).map(str::to_owned)
}

/// `[sts]`, and the file that it keeps.
fn sts(section: &Section<'_>) -> (Option<Sts>, Option<Found<PathBuf>>) {
    match kind(section, ["local", "aws"]) {
        None => (None, None),
        Some(0) => {
            let path = path(section, "var/issuer.key");
            let region = section.or("region", "us-east-1".to_owned(), values::region);
            (Some(Sts::Local { path: path.value.clone(), region }), Some(path))
        }
        Some(_) => (aws_sts(section), None),
    }
}

fn aws_sts(section: &Section<'_>) -> Option<Sts> {
    let first = own_region(section, None);
    let more = section.list("regions", values::region).unwrap_or_default();
    let endpoint = endpoint(section);
    let bounds =
        values::duration_within(Duration::seconds(5), Duration::seconds(20), "expected \"5s\" to \"20s\"");
    let timeout = section.or("timeout", Duration::seconds(15), bounds).unsigned_abs();

    let first = first?;
    for region in &more {
        if partition_of_region(&region.value) != partition_of_region(&first) {
            section.reader().fault(&region.at, "lies in another AWS partition than sts.region");
        }
    }
    if endpoint.is_some() && !more.is_empty() {
        section.reader().warn("sts.endpoint is asked whatever the region: sts.regions changes nothing");
    }
    let mut regions = vec![first];
    for region in more {
        if !regions.contains(&region.value) {
            regions.push(region.value);
        }
    }
    Some(Sts::Aws { regions, endpoint, timeout })
}

/// `[store]`, and the file that it keeps.
fn store(section: &Section<'_>, home: Option<&str>) -> (Option<Store>, Option<Found<PathBuf>>) {
    match kind(section, ["embedded", "dynamodb"]) {
        None => (None, None),
        Some(0) => {
            let path = path(section, "var/vestibule.db");
            (Some(Store::Embedded { path: path.value.clone() }), Some(path))
        }
        Some(_) => (dynamodb(section, home).map(Store::DynamoDb), None),
    }
}

fn dynamodb(section: &Section<'_>, home: Option<&str>) -> Option<DynamoDb> {
    let region = own_region(section, home);
    let endpoint = endpoint(section);
    let tables = [
        ("sessions_table", "SAMLSessions"),
        ("users_table", "SAMLUsers"),
        ("audit_table", "SAMLAudit"),
        ("claims_table", "SAMLClaims"),
    ];
    let [sessions_table, users_table, audit_table, claims_table] = tables.map(|(name, default)| {
        let found = table(section, name, default);
        (found.at, found.value)
    });
    let mut seen: Vec<&(At, String)> = Vec::new();
    for each in [&sessions_table, &users_table, &audit_table, &claims_table] {
        if let Some(other) = seen.iter().find(|other| other.1 == each.1) {
            section.reader().fault(&each.0, format!("is the table of {} too", other.0.key));
        }
        seen.push(each);
    }
    Some(DynamoDb {
        region: region?,
        endpoint,
        sessions_table: sessions_table.1,
        users_table: users_table.1,
        audit_table: audit_table.1,
        claims_table: claims_table.1,
    })
}

/// `[keys]`, and the file that it keeps.
fn keys(section: &Section<'_>, home: Option<&str>) -> (Option<Keys>, Option<Found<PathBuf>>) {
    match kind(section, ["local", "kms"]) {
        None => (None, None),
        Some(0) => {
            let path = path(section, "var/keys");
            section.optional("signing", |text| match text {
                "data-key" => Ok(()),
                "kms-asymmetric" | "kms-hmac" => Err("needs keys.kind = \"kms\""),
                _ => Err("expected \"data-key\""),
            });
            (Some(Keys::Local { path: path.value.clone() }), Some(path))
        }
        Some(_) => (kms(section, home).map(Keys::Kms), None),
    }
}

fn kms(section: &Section<'_>, home: Option<&str>) -> Option<Kms> {
    let region = own_region(section, home);
    let endpoint = endpoint(section);
    let key_id = section.required("key_id", values::key_id);
    let keys_table = table(section, "keys_table", "SAMLKeys").value;
    let context = section.section("encryption_context");
    let mut encryption_context = BTreeMap::new();
    for name in context.names(&[""]) {
        if let Some(found) = context.optional(&name, values::line(1_024)) {
            encryption_context.insert(name, found.value);
        }
    }

    let signing = section.or("signing", 0, |text| match text {
        "data-key" => Ok(0),
        "kms-asymmetric" => Ok(1),
        "kms-hmac" => Ok(2),
        _ => Err("expected \"data-key\", \"kms-asymmetric\" or \"kms-hmac\""),
    });
    let signing = match signing {
        0 => {
            if section.has("signing_key_id") {
                let message = "is of no use with keys.signing = \"data-key\"";
                section.reader().fault(&section.at_key("signing_key_id"), message);
            }
            section.optional("signing_key_id", values::key_id);
            Some(Signing::DataKey)
        }
        kind => section.required("signing_key_id", values::key_id).map(|found| match kind {
            1 => Signing::KmsAsymmetric { key_id: found.value },
            _ => Signing::KmsHmac { key_id: found.value },
        }),
    };
    let bounds =
        values::duration_within(Duration::seconds(1), Duration::hours(1), "expected \"1s\" to \"1h\"");
    let refresh = section.or("refresh", Duration::minutes(5), bounds).unsigned_abs();
    Some(Kms {
        region: region?,
        endpoint,
        key_id: key_id?.value,
        encryption_context,
        keys_table,
        signing: signing?,
        refresh,
    })
}

/// Reads `kind`: which of these it is.
fn kind(section: &Section<'_>, kinds: [&'static str; 2]) -> Option<usize> {
    let read = section.required("kind", |text| {
        let [own, aws] = kinds;
        kinds.iter().position(|kind| *kind == text).ok_or(format!("expected \"{own}\" or \"{aws}\""))
    });
    if read.is_none() {
        // Whether its other keys are right depends on it.
        section.open();
    }
    read.map(|found| found.value)
}

fn path(section: &Section<'_>, default: &str) -> Found<PathBuf> {
    let found = section.optional_text("path");
    found.map_or_else(
        || Found { value: default.into(), at: section.at_key("path") },
        |found| Found { value: found.value.into(), at: found.at },
    )
}

/// The region of a service of AWS: its own, or `home`, or the one that all AWS tools are told.
fn own_region(section: &Section<'_>, home: Option<&str>) -> Option<String> {
    if section.has("region") {
        return section.optional("region", values::region).map(|found| found.value);
    }
    let region = home.or(section.reader().standard_region());
    if region.is_none() {
        section.missing_beside("region", "AWS_REGION");
    }
    region.map(str::to_owned)
}

/// https, or http on a loopback host.
fn endpoint(section: &Section<'_>) -> Option<String> {
    section.optional("endpoint", WebUrl::parse).map(|found| found.value.into_text())
}

fn table(section: &Section<'_>, name: &str, default: &str) -> Found<String> {
    section
        .optional(name, values::table_name)
        .unwrap_or_else(|| Found { value: default.to_owned(), at: section.at_key(name) })
}
