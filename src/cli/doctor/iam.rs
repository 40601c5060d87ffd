//! IAM's copy of the metadata, and the roles' trust policies.

use super::finding::{Report, Severity};
use super::inspect::{InspectError, QueryService};
use super::pin::Pins;
use super::source::Source;
use super::trust::{self, Trust};
use crate::adapters::aws::Sdk;
use crate::broker::ports::Clock;
use crate::config::{Config, NetworkPin, Sts};
use crate::roles::{Effect, ProviderArn, RoleArn, RoleMap};
use crate::saml::{IdentityProvider, IdpMetadata};
use serde_json::Value;
use std::collections::BTreeMap;
use time::Duration;

pub(super) async fn check(
    sdk: &Sdk,
    config: &Config,
    caller: Option<&str>,
    more_roles: &[String],
    clock: &dyn Clock,
    report: &mut Report,
) {
    let arns: Vec<_> = config.broker.rules.provider_arns().collect();
    let Some((_, first)) = arns.first() else { return };
    let elsewhere = |account: &str| account_of(caller).filter(|ours| *ours != account);
    let iam = QueryService::iam(sdk, clock, first.partition()).await;
    let providers = config.broker.providers.current();
    for (name, arn) in &arns {
        if let Some(ours) = elsewhere(arn.account()) {
            let remedy =
                "if it is a slip, mend provider_arn; else run doctor with credentials of that account too";
            report.unknown("account", of_another_account(&format!("{name}: {}", arn.as_str()), ours), remedy);
            continue;
        }
        let provider = providers.iter().find(|provider| provider.name == *name);
        if let Some(provider) = provider {
            copy_of_metadata(&iam, provider, arn, report).await;
        }
    }
    let none = NetworkPin::default();
    let ours = match &config.sts {
        Sts::Aws { pin, .. } => pin,
        Sts::Local { .. } => &none,
    };
    let mut pins = Pins::of(ours);
    for (role, duration) in roles(config, more_roles, report) {
        if let Some(ours) = elsewhere(role.account()) {
            let remedy = "run doctor with credentials of the role's account";
            report.unknown("trust", of_another_account(role.as_str(), ours), remedy);
            continue;
        }
        let Some(policy) = trust_policy(&iam, &role, duration, report).await else { continue };
        trust_of(config, &role, &policy, &mut pins, report);
    }
    pins.finish(report);
}

/// The account of whoever asks, if it is known.
pub(super) fn account_of(caller: Option<&str>) -> Option<&str> {
    caller?.split(':').nth(4)
}

/// Several accounts are in order; where one is a slip, every login fails at STS. IAM shows
/// what is in one's own only.
pub(super) fn of_another_account(what: &str, ours: &str) -> String {
    format!("{what}: we are of account {ours}, which cannot see what IAM has there")
}

/// STS trusts IAM's copy, we trust our file: logins work only where they agree.
async fn copy_of_metadata(
    iam: &QueryService<'_>,
    provider: &IdentityProvider,
    arn: &ProviderArn,
    report: &mut Report,
) {
    const CHECK: &str = "iam metadata";
    let arn = arn.as_str();
    let answer = iam.ask("GetSAMLProvider", &[("SAMLProviderArn", arn)]).await;
    let document = match answer.map_err(InspectError::NoAnswer).and_then(|a| a.text("SAMLMetadataDocument")) {
        Ok(document) => document,
        Err(InspectError::Missing) => {
            let remedy = format!(
                "create it with the identity provider's metadata (aws iam create-saml-provider), or mend \
                 provider_arn of {}",
                provider.name
            );
            report.fault(CHECK, format!("{arn} does not exist"), remedy);
            return;
        }
        Err(error) => {
            let remedy = "let this machine reach IAM, and allow iam:GetSAMLProvider to whoever runs doctor (the \
                          service needs neither)";
            report.unknown(CHECK, format!("{arn}: {error}"), remedy);
            return;
        }
    };
    let update = "fetch the identity provider's present metadata; give it to both, the file that the \
                  configuration names and IAM (aws iam update-saml-provider)";
    let theirs = match IdpMetadata::parse(document.as_bytes(), Some(&provider.entity_id)) {
        Ok(metadata) => metadata.signing_keys,
        Err(error) => {
            let what = format!("{arn}: IAM's copy has no keys of {}: {error}", provider.entity_id);
            report.fault(CHECK, what, update);
            return;
        }
    };
    let knows = |keys: &[crate::saml::VerificationKey], key: &crate::saml::VerificationKey| {
        keys.iter().any(|each| each.key_fingerprint() == key.key_fingerprint())
    };
    let only_ours = provider.keys.iter().filter(|key| !knows(&theirs, key)).count();
    let only_theirs = theirs.iter().filter(|key| !knows(&provider.keys, key)).count();
    if only_ours == provider.keys.len() {
        let what = format!("{arn}: IAM's copy has none of our signing keys: STS refuses every login");
        report.fault(CHECK, what, update);
    } else if only_ours + only_theirs > 0 {
        let what = format!(
            "{arn}: {only_ours} signing key(s) only in our file, {only_theirs} only in IAM's copy: logins \
             signed by those fail"
        );
        report.warning(CHECK, what, update);
    } else {
        report.ok(
            CHECK,
            format!("{arn}: IAM's copy and our file have the same {} signing key(s)", theirs.len()),
        );
    }
}

/// Those that rules name, with the longest that a rule grants, and those asked for.
pub(super) fn roles(
    config: &Config,
    more: &[String],
    report: &mut Report,
) -> BTreeMap<RoleArn, Option<Duration>> {
    let mut roles = BTreeMap::new();
    for rule in config.broker.rules.iter() {
        if let Effect::Grant { role: Some(role), duration, .. } = &rule.outcome {
            let longest: &mut Option<Duration> = roles.entry(role.clone()).or_default();
            *longest = (*longest).max(Some(*duration));
        }
    }
    for role in config.broker.rules.maps().filter_map(RoleMap::only_role) {
        roles.entry(role).or_default();
    }
    for arn in more {
        match RoleArn::parse(arn) {
            Ok(role) => {
                roles.entry(role).or_default();
            }
            Err(error) => report.fault("trust", format!("--role {arn}: {error}"), "name it by its whole ARN"),
        }
    }
    if roles.is_empty() {
        let what = "no rule names a role by its ARN; which ones people get is the identity provider's choice";
        report.unknown("trust", what, "name the roles with --role ARN");
    }
    roles
}

const CHECK: &str = "trust";

/// The role's trust policy, if the role is there and can be looked at.
pub(super) async fn trust_policy(
    iam: &QueryService<'_>,
    role: &RoleArn,
    duration: Option<Duration>,
    report: &mut Report,
) -> Option<Value> {
    let arn = role.as_str();
    let answer = match iam.ask("GetRole", &[("RoleName", role.name())]).await {
        Ok(answer) => answer,
        Err(why) => {
            report.unknown(CHECK, format!("{arn}: no answer from IAM ({why})"), "let this machine reach IAM");
            return None;
        }
    };
    match answer.text("Arn") {
        Ok(found) if found == arn => {}
        Err(InspectError::Missing) => {
            report.fault(CHECK, format!("{arn} does not exist"), "create it, or mend the rule that names it");
            return None;
        }
        Ok(found) => {
            let what = format!("our credentials are of another account or path: the role there is {found}");
            report.unknown(
                CHECK,
                format!("{arn}: {what}"),
                "run doctor with credentials of the role's account",
            );
            return None;
        }
        Err(error) => {
            report.unknown(CHECK, format!("{arn}: {error}"), "allow iam:GetRole to whoever runs doctor");
            return None;
        }
    }
    if let (Some(duration), Ok(most)) = (duration, answer.text("MaxSessionDuration"))
        && let Ok(most) = most.parse::<i64>()
        && duration.whole_seconds() > most
    {
        let what =
            format!("{arn} gives at most {most} s, and a rule asks for {} s", duration.whole_seconds());
        report.fault(CHECK, what, "raise the role's MaxSessionDuration, or shorten the rule's duration");
    }
    let policy = answer.text("AssumeRolePolicyDocument").ok().and_then(|text| decoded(&text));
    if policy.is_none() {
        report.unknown(CHECK, format!("{arn}: its trust policy is no JSON"), "look at it in IAM");
    }
    policy
}

fn trust_of(config: &Config, role: &RoleArn, policy: &Value, pins: &mut Pins<'_>, report: &mut Report) {
    let arn = role.as_str();
    // One identity provider that can give the role is enough.
    let acs = &config.broker.service.acs_url;
    let beside = config.broker.rules.provider_arns().filter(|(_, provider)| provider.is_beside(role));
    let mut sources = Vec::new();
    let verdicts = beside.map(|(_, provider)| {
        let provider = provider.as_str();
        let (trust, source) = trust::judge(policy, provider, acs, pins.ours);
        sources.extend(source);
        finding(arn, provider, acs, trust)
    });
    match verdicts.min_by_key(|(severity, ..)| *severity) {
        Some((severity, what, remedy)) => report.add(CHECK, severity, what, remedy),
        None => report.fault(
            CHECK,
            format!("{arn}: no provider_arn is of its account, so nobody can be given it"),
            "add the SAML provider of that account to provider_arn, or mend the ARN",
        ),
    }
    // People of any of them can have it by themselves.
    if let Some(source) = sources.into_iter().max_by_key(Source::badness) {
        pins.note(arn, source, report);
    }
}

fn finding(arn: &str, provider: &str, acs: &str, trust: Trust) -> (Severity, String, String) {
    let pin = format!(
        "in its trust policy, allow sts:AssumeRoleWithSAML to {provider} with the condition StringEquals \
         SAML:aud = {acs} (vestibule init writes one)"
    );
    match trust {
        Trust::Accepts => (Severity::Ok, format!("{arn} accepts {provider} at {acs}"), "nothing".to_owned()),
        Trust::AnyRecipient => (
            Severity::Warning,
            format!("{arn} accepts {provider}'s assertions for any recipient, not only ours"),
            pin,
        ),
        Trust::OtherProvider => (Severity::Fault, format!("{arn} does not trust {provider}"), pin),
        Trust::OtherRecipient(pinned) => (
            Severity::Fault,
            format!("{arn} is pinned to {}, not to our {acs}: STS answers AccessDenied", pinned.join(", ")),
            pin,
        ),
        Trust::Unclear(why) => {
            (Severity::Unknown, format!("cannot tell: {arn}: {why}"), "read its trust policy".to_owned())
        }
    }
}

/// IAM answers policies encoded for URLs (API reference, `GetRole`).
fn decoded(text: &str) -> Option<Value> {
    // A form's decoding would take a `+` for a space.
    let form = format!("p={}", text.replace('+', "%2B"));
    let (_, decoded) = form_urlencoded::parse(form.as_bytes()).next()?;
    serde_json::from_str(&decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_caller_is_in_its_arn() {
        assert_eq!(account_of(None), None);
        assert_eq!(
            account_of(Some("arn:aws:sts::123456789012:assumed-role/Operator/paula")),
            Some("123456789012")
        );
        assert_eq!(account_of(Some("arn:aws:iam::123456789012:root")), Some("123456789012"));
    }
}
