//! `[sts]`, `[store]`, `[keys]`: which adapters, and where they keep things.
//!
//! `kind` has no default, so that a later build never changes the adapter of an
//! installation.

use super::assume_role::{StsOperation, assume_role};
use super::pin::{NetworkPin, RulesHold, pin};
use super::read::section::Section;
use super::read::values::{self, WebUrl, duration_between, one_of};
use super::saml::Saml;
use crate::roles::partition_of_region;
use std::collections::BTreeMap;
use std::path::PathBuf;
use time::Duration;

/// `[sts]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sts {
    /// Credentials derived from a local key, clearly marked as local.
    Local {
        /// Where the issuer's key is kept (mode 0600); made at first start.
        path: PathBuf,
        /// The region that signatures must name.
        region: String,
    },
    /// AWS STS.
    Aws {
        /// In the order in which they are tried, the next one during an outage;
        /// at least one, all of one partition.
        regions: Vec<String>,
        /// Another address than AWS's.
        endpoint: Option<String>,
        /// How long one login may wait for it in all.
        timeout: std::time::Duration,
        /// How it is asked.
        operation: StsOperation,
        /// Where it sees our calls come from.
        pin: NetworkPin,
    },
}

impl Sts {
    /// The region that pages and signatures name.
    pub fn region(&self) -> &str {
        match self {
            Self::Local { region, .. } => region,
            Self::Aws { regions, .. } => regions.first().map_or("", String::as_str),
        }
    }

    /// Whether rules hold against the person whose response it is.
    pub fn rules_hold(&self) -> RulesHold {
        match self {
            Self::Local { .. } | Self::Aws { operation: StsOperation::AssumeRole(_), .. } => {
                RulesHold::Enforced
            }
            Self::Aws { pin, .. } if pin.is_empty() => RulesHold::Advisory,
            Self::Aws { .. } => RulesHold::Pinned,
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// SQLite.
    Embedded {
        /// The database file.
        path: PathBuf,
    },
    /// Amazon DynamoDB.
    DynamoDb(DynamoDb),
}

/// `store.kind = "dynamodb"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DynamoDb {
    /// Where the tables are.
    pub region: String,
    /// Another address than AWS's.
    pub endpoint: Option<String>,
    /// Sessions that wait to be taken.
    pub sessions_table: String,
    /// The people who have signed in so far.
    pub users_table: String,
    /// The audit trail.
    pub audit_table: String,
    /// Claims on assertions.
    pub claims_table: String,
}

/// `[keys]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// A file of mode 0600; made at first start.
    Local {
        /// The file.
        path: PathBuf,
    },
    /// AWS KMS, with the protected keys in a table of their own.
    Kms(Kms),
}

/// `keys.kind = "kms"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kms {
    /// Where the key and its table are.
    pub region: String,
    /// Another address of KMS than AWS's.
    pub endpoint: Option<String>,
    /// The KMS key that protects the ring: alias, id or ARN.
    pub key_id: String,
    /// What every use of it states, so that its policy can require it.
    pub encryption_context: BTreeMap<String, String>,
    /// The table of the key ring.
    pub keys_table: String,
    /// What signs tickets.
    pub signing: Signing,
    /// How long a process relies on what it has read of the key ring, and how
    /// long a new key is published before it is used.
    pub refresh: std::time::Duration,
}

/// `keys.signing` with KMS
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// HS256 by a key of the ring: no call per login.
    DataKey,
    /// ES256 or RS256 by this asymmetric KMS key; one call per login.
    KmsAsymmetric {
        /// Alias, id or ARN.
        key_id: String,
    },
    /// HS256 by this KMS HMAC key; one call per login, one per hand-over.
    KmsHmac {
        /// Alias, id or ARN.
        key_id: String,
    },
}

/// All three, each `None` if a required option of it is absent or faulty.
pub(super) fn backends(top: &Section<'_>, saml: &Saml) -> (Option<Sts>, Option<Store>, Option<Keys>) {
    let sts = sts(&top.section("sts"), saml);
    // Where STS is AWS's, the rest of AWS is there too unless it is said to be elsewhere.
    let home = match &sts {
        Some(Sts::Aws { regions, .. }) => regions.first().map(String::as_str),
        Some(Sts::Local { .. }) | None => None,
    };
    let store = store(&top.section("store"), home);
    let keys = keys(&top.section("keys"), home);
    differ(top, &sts, &store, &keys);
    (sts, store, keys)
}

/// The region of AWS that a file names, before it is read properly.
pub(super) fn home(top: &Section<'_>) -> Option<String> {
    let region = top.section("sts").peek("region").filter(|region| values::region(region).is_ok());
    region.or(top.reading().input.standard_region.as_deref()).map(str::to_owned)
}

/// No two of them keep things in one file or one table.
fn differ(top: &Section<'_>, sts: &Option<Sts>, store: &Option<Store>, keys: &Option<Keys>) {
    let mut files: Vec<(&str, &PathBuf)> = Vec::new();
    if let Some(Sts::Local { path, .. }) = sts {
        files.push(("sts", path));
    }
    if let Some(Store::Embedded { path }) = store {
        files.push(("store", path));
    }
    if let Some(Keys::Local { path }) = keys {
        files.push(("keys", path));
    }
    for (i, (table, path)) in files.iter().enumerate() {
        for (earlier, _) in files.iter().take(i).filter(|(_, other)| other == path) {
            top.section(table).fault_at_value("path", format!("is the file of {earlier}.path too"));
        }
    }
    if let (Some(Store::DynamoDb(store)), Some(Keys::Kms(keys))) = (store, keys) {
        let tables = [&store.sessions_table, &store.users_table, &store.audit_table, &store.claims_table];
        if tables.contains(&&keys.keys_table) {
            let message = "is a table of [store] too: whoever may take a session must not reach a key";
            top.section("keys").fault_at_key("keys_table", message);
        }
    }
}

fn sts(section: &Section<'_>, saml: &Saml) -> Option<Sts> {
    type ByKind = fn(&Section<'_>, &Saml) -> Option<Sts>;
    let local: ByKind = |section, _| {
        let path = path(section, "var/issuer.key");
        let region = section.or("region", "us-east-1".to_owned(), values::region);
        Some(Sts::Local { path, region })
    };
    let aws: ByKind = |section, _| aws_sts(section, StsOperation::AssumeRoleWithSaml);
    let by_role: ByKind =
        |section, saml| aws_sts(section, StsOperation::AssumeRole(assume_role(section, saml)));
    kind(section, [("local", local), ("aws", aws), ("assume-role", by_role)])?(section, saml)
}

fn aws_sts(section: &Section<'_>, operation: StsOperation) -> Option<Sts> {
    let first = own_region(section, None);
    let more = section.list_at("regions", values::region).unwrap_or_default();
    let endpoint = endpoint(section);
    let timeout = section.or("timeout", Duration::seconds(15), duration_between("5s", "20s")).unsigned_abs();
    // Where the service's own role asks, it is that role which the others trust.
    let pin = match operation {
        StsOperation::AssumeRoleWithSaml => {
            pin(section, endpoint.as_deref().is_some_and(values::is_loopback_url))
        }
        StsOperation::AssumeRole(_) => NetworkPin::default(),
    };

    let first = first?;
    for region in &more {
        if partition_of_region(&region.value) != partition_of_region(&first) {
            section.reading().fault(&region.at, "lies in another AWS partition than sts.region");
        }
    }
    if endpoint.is_some() && !more.is_empty() {
        section.reading().warn("sts.endpoint is asked whatever the region: sts.regions changes nothing");
    }
    let mut regions = vec![first];
    for region in more {
        if !regions.contains(&region.value) {
            regions.push(region.value);
        }
    }
    Some(Sts::Aws { regions, endpoint, timeout, operation, pin })
}

fn store(section: &Section<'_>, home: Option<&str>) -> Option<Store> {
    if on_aws(section, "embedded", "dynamodb")? {
        return dynamodb(section, home).map(Store::DynamoDb);
    }
    Some(Store::Embedded { path: path(section, "var/vestibule.db") })
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
    let tables = tables.map(|(name, default)| (name, table(section, name, default)));
    for (i, (name, table)) in tables.iter().enumerate() {
        if let Some((earlier, _)) = tables.iter().take(i).find(|(_, other)| other == table) {
            section.fault_at_value(name, format!("is the table of store.{earlier} too"));
        }
    }
    let [sessions_table, users_table, audit_table, claims_table] = tables.map(|(_, table)| table);
    Some(DynamoDb { region: region?, endpoint, sessions_table, users_table, audit_table, claims_table })
}

fn keys(section: &Section<'_>, home: Option<&str>) -> Option<Keys> {
    if on_aws(section, "local", "kms")? {
        return kms(section, home).map(Keys::Kms);
    }
    section.optional("signing", |text| match text {
        "kms-asymmetric" | "kms-hmac" => Err("needs keys.kind = \"kms\"".to_owned()),
        _ => one_of([("data-key", ())])(text),
    });
    Some(Keys::Local { path: path(section, "var/keys") })
}

fn kms(section: &Section<'_>, home: Option<&str>) -> Option<Kms> {
    let region = own_region(section, home);
    let endpoint = endpoint(section);
    let key_id = section.required("key_id", values::key_id);
    let keys_table = table(section, "keys_table", "SAMLKeys");
    let context = section.section("encryption_context");
    let encryption_context = context.names(&[""]).into_iter().filter_map(|name| {
        let value = context.optional(&name, values::line(1_024))?;
        Some((name, value))
    });
    let encryption_context = encryption_context.collect();
    let signing = signing(section);
    let refresh = section.or("refresh", Duration::minutes(5), duration_between("1s", "1h")).unsigned_abs();
    Some(Kms {
        region: region?,
        endpoint,
        key_id: key_id?,
        encryption_context,
        keys_table,
        signing: signing?,
        refresh,
    })
}

fn signing(section: &Section<'_>) -> Option<Signing> {
    type ByKms = fn(String) -> Signing;
    let asymmetric: ByKms = |key_id| Signing::KmsAsymmetric { key_id };
    let hmac: ByKms = |key_id| Signing::KmsHmac { key_id };
    let kinds = [("data-key", None), ("kms-asymmetric", Some(asymmetric)), ("kms-hmac", Some(hmac))];
    if let Some(by_kms) = section.or("signing", None, one_of(kinds)) {
        return section.required("signing_key_id", values::key_id).map(by_kms);
    }
    if section.has("signing_key_id") {
        section.fault_at_key("signing_key_id", "is of no use with keys.signing = \"data-key\"");
    }
    section.optional("signing_key_id", values::key_id);
    Some(Signing::DataKey)
}

/// Reads `kind`: whether it is AWS's.
fn on_aws(section: &Section<'_>, own: &'static str, aws: &'static str) -> Option<bool> {
    kind(section, [(own, false), (aws, true)])
}

fn kind<T: Copy, const N: usize>(section: &Section<'_>, kinds: [(&'static str, T); N]) -> Option<T> {
    let kind = section.required("kind", one_of(kinds));
    if kind.is_none() {
        // Whether its other keys are right depends on it.
        section.open();
    }
    kind
}

fn path(section: &Section<'_>, default: &str) -> PathBuf {
    section.or("path", default.to_owned(), values::not_empty).into()
}

/// The region of a service of AWS: its own, or `home`, or that of the environment.
fn own_region(section: &Section<'_>, home: Option<&str>) -> Option<String> {
    if section.has("region") {
        return section.optional("region", values::region);
    }
    let region = home.or(section.reading().input.standard_region.as_deref());
    if region.is_none() {
        section.missing("region", Some("AWS_REGION"));
    }
    region.map(str::to_owned)
}

/// https, or http on a loopback host.
fn endpoint(section: &Section<'_>) -> Option<String> {
    section.optional("endpoint", WebUrl::parse).map(WebUrl::into_text)
}

fn table(section: &Section<'_>, name: &str, default: &str) -> String {
    section.or(name, default.to_owned(), values::table_name)
}
