//! The tables against what the store and the key ring expect of them
//! (`adapters/aws/dynamodb/schema.rs`).

use super::finding::{Report, Severity};
use super::inspect::{InspectError, TableInspector};
use crate::adapters::aws::dynamodb::schema::{BY_ACCESS_KEY, BY_PERSON, BY_TIME, TTL_ATTRIBUTE};
use crate::config::{DynamoDb, Kms};

const CHECK: &str = "tables";

/// The expected properties of a table.
pub(super) struct Expected {
    /// Which of the configuration's tables.
    role: Role,
    name: String,
    key: &'static [&'static str],
    indexes: &'static [(&'static str, [&'static str; 2])],
}

/// The purpose of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Sessions,
    Claims,
    Users,
    Audit,
    Keys,
}

impl Role {
    /// As `deploy/actions.toml` calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Claims => "claims",
            Self::Users => "users",
            Self::Audit => "audit",
            Self::Keys => "keys",
        }
    }

    /// Whether its items end. Those of all others are to stay.
    fn expires(self) -> bool {
        matches!(self, Self::Sessions | Self::Claims)
    }

    /// Whether "once" depends on it: on one conditional write that all processes meet. Replicas
    /// take writes at the same time, and the last one wins.
    fn hands_over(self) -> bool {
        matches!(self, Self::Sessions | Self::Claims | Self::Audit)
    }
}

/// The ARNs of the tables that exist.
#[derive(Debug, Default)]
pub(super) struct Arns(pub(super) Vec<(Role, String)>);

pub(super) fn of_store(settings: &DynamoDb) -> [Expected; 4] {
    let expect = |role, name: &String, key| Expected { role, name: name.clone(), key, indexes: &[] };
    [
        expect(Role::Sessions, &settings.sessions_table, &["identityhash"]),
        expect(Role::Claims, &settings.claims_table, &["handle"]),
        expect(Role::Users, &settings.users_table, &["CognitoID"]),
        Expected {
            indexes: &[
                (BY_TIME, ["trail", "recorded"]),
                (BY_PERSON, ["person", "recorded"]),
                (BY_ACCESS_KEY, ["access_key_id", "recorded"]),
            ],
            ..expect(Role::Audit, &settings.audit_table, &["login_id", "step"])
        },
    ]
}

pub(super) fn of_keys(settings: &Kms) -> Expected {
    Expected { role: Role::Keys, name: settings.keys_table.clone(), key: &["kid"], indexes: &[] }
}

pub(super) async fn check(
    inspector: &TableInspector,
    expected: &[Expected],
    arns: &mut Arns,
    report: &mut Report,
) {
    for table in expected {
        if structure(inspector, table, arns, report).await {
            time_to_live(inspector, table, report).await;
            backups(inspector, table, report).await;
        }
    }
}

/// Checks key, indexes and encryption; false if there is no table.
async fn structure(
    inspector: &TableInspector,
    table: &Expected,
    arns: &mut Arns,
    report: &mut Report,
) -> bool {
    let name = &table.name;
    let facts = match inspector.table(name).await {
        Ok(facts) => facts,
        Err(InspectError::Missing) => {
            let remedy = "create it as deploy/ does, or set its name or region in the configuration";
            report.fault(CHECK, format!("{name} does not exist"), remedy);
            return false;
        }
        Err(error @ (InspectError::NotAllowed(_) | InspectError::NotSupported(_))) => {
            let remedy = "allow dynamodb:DescribeTable to whoever runs doctor (the service does not need it)";
            report.unknown(CHECK, format!("{name}: {error}"), remedy);
            return false;
        }
        Err(error @ InspectError::NoAnswer(_)) => {
            let remedy =
                "let this machine reach DynamoDB (route, VPC endpoint, proxy), and look at the region";
            report.fault(CHECK, format!("{name}: {error}"), remedy);
            return false;
        }
    };
    let before = report.findings.len();
    if facts.key != table.key {
        report.fault(
            CHECK,
            format!("{name} has the key {}, not {}", facts.key.join(" + "), table.key.join(" + ")),
            "a key cannot be changed: create another table and name it in the configuration",
        );
    }
    for (index, key) in table.indexes {
        let found = facts.indexes.get(*index);
        if found.is_none_or(|found| found != key) {
            let what = match found {
                Some(found) => format!("{name}: its index {index} has the key {}", found.join(" + ")),
                None => format!("{name} has no active index {index} with all attributes"),
            };
            let remedy = format!("create the index {index} ({}), projecting ALL", key.join(" + "));
            report.fault(CHECK, what, remedy);
        }
    }
    if let Some((key, false)) = &facts.kms_key {
        report.fault(
            CHECK,
            format!("{name}: DynamoDB cannot use the key that encrypts it ({key})"),
            "enable the KMS key and let DynamoDB use it, within seven days: then AWS archives the table",
        );
    }
    if !facts.replicas.is_empty() && table.role.hands_over() {
        report.fault(
            CHECK,
            format!(
                "{name} is a global table (replicas: {}): each region would hand the same credentials out",
                facts.replicas.join(", ")
            ),
            "remove its replicas: a delete in one region does not refuse the same delete in another; \
             run one service with tables of its own for each region",
        );
    }
    if !matches!(facts.status.as_str(), "ACTIVE" | "UPDATING") {
        report.fault(CHECK, format!("{name} is {}", facts.status), "wait until it is ACTIVE, or restore it");
    }
    if report.findings.len() == before {
        let encryption = facts.kms_key.as_ref().map_or("a key of AWS", |_| "a KMS key");
        report.ok(CHECK, format!("{name} has its key and indexes, encrypted by {encryption}"));
    }
    arns.0.push((table.role, facts.arn));
    true
}

async fn time_to_live(inspector: &TableInspector, table: &Expected, report: &mut Report) {
    const CHECK: &str = "table ttl";
    let name = &table.name;
    let found = match inspector.time_to_live(name).await {
        Ok(found) => found,
        Err(error) => {
            report.unknown(
                CHECK,
                format!("{name}: {error}"),
                "allow dynamodb:DescribeTimeToLive to whoever runs doctor",
            );
            return;
        }
    };
    match (table.role.expires(), found.as_deref()) {
        (true, Some(TTL_ATTRIBUTE)) => report.ok(CHECK, format!("{name}: {TTL_ATTRIBUTE}")),
        (false, None) => report.ok(CHECK, format!("{name}: none, its items are to stay")),
        // Sessions expire without it; items that no sweeper removes stay in the table.
        (true, other) => report.warning(
            CHECK,
            format!("{name}: {} instead of {TTL_ATTRIBUTE}", other.unwrap_or("none")),
            format!("switch on time to live with the attribute {TTL_ATTRIBUTE}"),
        ),
        (false, Some(other)) => {
            let severity = if table.role == Role::Users { Severity::Warning } else { Severity::Fault };
            let what = format!("{name}: items are removed by the attribute {other}, and are to stay");
            report.add(CHECK, severity, what, "switch off its time to live");
        }
    }
}

/// Only of tables that cannot be rebuilt: users, the audit trail, keys.
async fn backups(inspector: &TableInspector, table: &Expected, report: &mut Report) {
    const CHECK: &str = "table backups";
    if table.role.expires() {
        return;
    }
    let name = &table.name;
    match inspector.recoverable(name).await {
        Ok(true) => report.ok(CHECK, format!("{name} can be restored to any second")),
        Ok(false) => report.warning(
            CHECK,
            format!("{name} has no point-in-time recovery"),
            "switch it on (aws dynamodb update-continuous-backups)",
        ),
        Err(error) => report.unknown(
            CHECK,
            format!("{name}: {error}"),
            "allow dynamodb:DescribeContinuousBackups to whoever runs doctor",
        ),
    }
}
