//! Whether our role allows what the service does, and nothing that it must never
//! do: by IAM's own simulator.

use super::finding::Report;
use super::inspect::{Answer, InspectError, QueryService, describe_role_arn};
use super::tables::{Arns, Role};
use crate::roles::RoleArn;
use std::collections::BTreeSet;

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

/// What the simulator says of several actions on one role.
enum Verdict<'a> {
    Allowed,
    /// Conditions ask for these keys, and a simulation has no values of them.
    Depends(BTreeSet<String>),
    /// All but these are allowed.
    Without(Vec<&'a str>),
}

/// Whether our role allows what assuming each of these roles takes, `asked`. The other half is the
/// roles' trust policies, which the simulator does not see.
pub(super) async fn check_assuming(
    iam: &QueryService<'_>,
    (caller, hub): (&str, Option<&RoleArn>),
    roles: impl Iterator<Item = &RoleArn>,
    asked: &[&str],
    report: &mut Report,
) {
    let simulate = Simulation(iam);
    let ours = match (hub, describe_role_arn(caller)) {
        (Some(hub), _) => Ok(hub.as_str().to_owned()),
        (None, Some(name)) => simulate.role(name).await,
        // [`check`] says so.
        (None, None) => return,
    };
    let ours = match ours {
        Ok(ours) => ours,
        Err(error) => return not_simulated(caller, &error, report),
    };
    let all = asked.join(", ");
    let (mut allowed, mut others) = (0, 0);
    for role in roles.map(RoleArn::as_str) {
        match simulate.verdict(&ours, asked, role).await {
            Ok(Verdict::Allowed) => allowed += 1,
            Ok(Verdict::Depends(keys)) => {
                others += 1;
                let keys = Vec::from_iter(keys).join(", ");
                let remedy = "read that condition in the policies of the service's role";
                report.unknown(CHECK, format!("whether {ours} may assume {role} depends on {keys}"), remedy);
            }
            Ok(Verdict::Without(missing)) => {
                others += 1;
                report.fault(
                    CHECK,
                    format!("{ours} may not {} on {role}: STS answers AccessDenied", missing.join(", ")),
                    format!(
                        "allow {all} on this role to the service's role (hub-policy.json of vestibule init, \
                         deploy/iam/server.assume-role.json)"
                    ),
                );
            }
            Err(error) => return not_simulated(&ours, &error, report),
        }
    }
    if allowed > 0 && others == 0 {
        report.ok(CHECK, format!("{ours} may {all} on all {allowed} roles that were looked at"));
    }
}

fn not_simulated(ours: &str, error: &InspectError, report: &mut Report) {
    report.unknown(
        CHECK,
        format!("whether {ours} may assume the people's roles: {error}"),
        "run doctor in the account of the service's role, with iam:GetRole and iam:SimulatePrincipalPolicy, or \
         compare its policies with deploy/iam/server.assume-role.json",
    );
}

struct Simulation<'a>(&'a QueryService<'a>);

impl Simulation<'_> {
    /// The missing actions, and those that must not be allowed.
    async fn all(&self, role: &str, tables: &Arns) -> Result<(Vec<String>, Vec<String>), InspectError> {
        let source = self.role(role).await?;
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

    /// An assumed role's ARN lacks the path, which the simulator wants.
    async fn role(&self, name: &str) -> Result<String, InspectError> {
        let answer = self.0.ask("GetRole", &[("RoleName", name)]).await;
        answer.map_err(InspectError::NoAnswer)?.text("Arn")
    }

    /// What the answer does not call allowed is not.
    async fn verdict<'b>(
        &self,
        source: &str,
        actions: &[&'b str],
        resource: &str,
    ) -> Result<Verdict<'b>, InspectError> {
        let answer = self.simulated(source, actions, resource).await?;
        let decisions = answer.members("EvalActionName", "EvalDecision")?;
        let is_allowed =
            |action: &str| decisions.iter().any(|(name, said)| name == action && said == "allowed");
        let missing: Vec<_> = actions.iter().copied().filter(|action| !is_allowed(action)).collect();
        if missing.is_empty() {
            return Ok(Verdict::Allowed);
        }
        // Of all policies of the role, those that are not about STS among them.
        let mut keys = answer.listed("MissingContextValues")?;
        keys.retain(|key| key.starts_with("sts:") || key.starts_with("aws:"));
        Ok(if keys.is_empty() { Verdict::Without(missing) } else { Verdict::Depends(keys) })
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
        let answer = self.simulated(source, actions, resource).await?;
        let decisions = answer.members("EvalActionName", "EvalDecision")?;
        Ok(decisions.into_iter().map(|(action, decision)| (action, decision == "allowed")).collect())
    }

    async fn simulated(
        &self,
        source: &str,
        actions: &[&str],
        resource: &str,
    ) -> Result<Answer, InspectError> {
        let names: Vec<_> = (1..=actions.len()).map(|n| format!("ActionNames.member.{n}")).collect();
        let mut parameters = vec![("PolicySourceArn", source), ("ResourceArns.member.1", resource)];
        parameters.extend(names.iter().map(String::as_str).zip(actions.iter().copied()));
        self.0.ask("SimulatePrincipalPolicy", &parameters).await.map_err(InspectError::NoAnswer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_what_deploy_says() {
        assert_eq!(needed(Role::Users), ["dynamodb:GetItem", "dynamodb:UpdateItem"]);
        assert_eq!(needed(Role::Keys), ["dynamodb:GetItem"]);
        assert_eq!(needed(Role::Audit), ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]);
        assert_eq!(needed(Role::Claims), ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]);
        for action in ["dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"] {
            assert!(needed(Role::Sessions).iter().any(|needed| needed == action));
        }
        assert!(NEVER_IN_AUDIT.iter().all(|never| !needed(Role::Audit).iter().any(|action| action == never)));
    }
}
