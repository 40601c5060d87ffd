//! Whether our role allows what the service does, and nothing that it must never
//! do: by IAM's own simulator.

use super::finding::Report;
use super::inspect::{InspectError, QueryService, describe_role_arn};
use super::tables::{Arns, Role};

const CHECK: &str = "permissions";

/// The actions of each role; a test compares them with the code and every policy
/// in `deploy/`.
const ACTIONS: &str = include_str!("../../../deploy/actions.toml");

/// The actions of a server in this table. (Of KMS it needs `Decrypt`, which was tried.)
fn needed(table: Role) -> Vec<String> {
    let of_server = |actions: toml::Table| -> Option<toml::Table> {
        actions.get("role")?.get("server")?.as_table().cloned()
    };
    let in_table = |resources: &toml::Value| {
        resources.as_array().is_some_and(|all| all.iter().any(|each| each.as_str() == Some(table.name())))
    };
    let actions = ACTIONS.parse().ok().and_then(of_server).unwrap_or_default();
    actions.into_iter().filter(|(_, resources)| in_table(resources)).map(|(action, _)| action).collect()
}

/// Actions by which a compromised service could do more than give out sessions.
/// It needs none of them, on any resource.
const NEVER: &[&str] = &[
    "iam:CreateAccessKey",
    "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateSAMLProvider",
    "sts:AssumeRole",
    "kms:ScheduleKeyDeletion",
    "dynamodb:DeleteTable",
    "s3:GetObject",
];

/// The audit trail is append-only.
const NEVER_IN_AUDIT: &[&str] = &["dynamodb:UpdateItem", "dynamodb:DeleteItem"];

pub(super) async fn check(iam: &QueryService<'_>, caller: &str, tables: &Arns, report: &mut Report) {
    let Some(role) = describe_role_arn(caller) else {
        let remedy = "run doctor as the service runs: with its task role, instance profile or function role";
        report.unknown(CHECK, format!("{caller} is no role"), remedy);
        return;
    };
    let simulate = Simulation(iam);
    match simulate.all(role, tables).await {
        Ok((missing, too_many)) => {
            let clean = missing.is_empty() && too_many.is_empty();
            for each in missing {
                report.fault(
                    CHECK,
                    format!("{role} may not {each}"),
                    "allow it, on this resource only (deploy/ has the policies)",
                );
            }
            for each in too_many {
                let remedy = "take it from the role: it is no part of the service's work";
                report.warning(CHECK, format!("{role} may {each}"), remedy);
            }
            if clean {
                let what =
                    format!("{role} may do what the tables need, and nothing of what it must never do");
                report.ok(CHECK, what);
            }
        }
        Err(error) => {
            let remedy = "allow iam:GetRole and iam:SimulatePrincipalPolicy to whoever runs doctor, or compare \
                          the role's policies with those in deploy/";
            report.unknown(CHECK, format!("{role}: {error}"), remedy);
        }
    }
}

struct Simulation<'a>(&'a QueryService<'a>);

impl Simulation<'_> {
    /// The missing actions, and those that must not be allowed.
    async fn all(&self, role: &str, tables: &Arns) -> Result<(Vec<String>, Vec<String>), InspectError> {
        // An assumed role's ARN lacks the path, which the simulator wants.
        let answer = self.0.ask("GetRole", &[("RoleName", role)]).await;
        let source = answer.map_err(InspectError::NoAnswer)?.text("Arn")?;
        let (mut missing, mut too_many) = (Vec::new(), Vec::new());
        for (table, arn) in &tables.0 {
            let needed = needed(*table);
            let needed: Vec<_> = needed.iter().map(String::as_str).collect();
            for (action, allowed) in self.decisions(&source, &needed, arn).await? {
                if !allowed {
                    missing.push(format!("{action} on {arn}"));
                }
            }
            if *table == Role::Audit {
                for (action, allowed) in self.decisions(&source, NEVER_IN_AUDIT, arn).await? {
                    if allowed {
                        too_many.push(format!("{action} on {arn}, which is append-only"));
                    }
                }
            }
        }
        for (action, allowed) in self.decisions(&source, NEVER, "*").await? {
            if allowed {
                too_many.push(format!("{action} on everything"));
            }
        }
        Ok((missing, too_many))
    }

    async fn decisions(
        &self,
        source: &str,
        actions: &[&str],
        resource: &str,
    ) -> Result<Vec<(String, bool)>, InspectError> {
        if actions.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = (1..=actions.len()).map(|n| format!("ActionNames.member.{n}")).collect();
        let mut parameters = vec![("PolicySourceArn", source), ("ResourceArns.member.1", resource)];
        parameters.extend(names.iter().map(String::as_str).zip(actions.iter().copied()));
        let answer = self.0.ask("SimulatePrincipalPolicy", &parameters).await;
        let decisions = answer.map_err(InspectError::NoAnswer)?.members("EvalActionName", "EvalDecision")?;
        Ok(decisions.into_iter().map(|(action, decision)| (action, decision == "allowed")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_what_deploy_says() {
        assert_eq!(needed(Role::Users), ["dynamodb:UpdateItem"]);
        assert_eq!(needed(Role::Keys), ["dynamodb:GetItem"]);
        assert_eq!(needed(Role::Audit), ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]);
        assert_eq!(needed(Role::Claims), ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]);
        assert!(needed(Role::Sessions).iter().any(|action| action == "dynamodb:DeleteItem"));
        assert!(NEVER_IN_AUDIT.iter().all(|never| !needed(Role::Audit).iter().any(|action| action == never)));
    }
}
