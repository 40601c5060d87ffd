//! `[saml]`: what this service accepts, and its identity providers together.

use super::accounts::Accounts;
use super::idp::{Idp, SignOn, idp, metadata_source};
use super::metadata::{self, Fetched, Metadata};
use super::read::section::{Found, Section};
use super::read::values::{self, duration_between};
use super::saml_keys::{Certificates, SamlKeys, saml_keys};
use crate::broker::Binding;
use crate::roles::{AuthnContexts, ProviderArn, RoleArn, RoleMap, SamlProviders, partition_of_region};
use crate::saml::{
    IdentityProvider, IdentityProviders, Limits, RequestedAuthnContext, Selectors, ServiceProvider,
    SigningKey,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::Duration;

/// The audience of AD FS's relying party for AWS, which STS requires.
const AWS: &str = "urn:amazon:webservices";

/// `[saml]`, with everything in it.
pub(super) struct Saml {
    pub(super) service: ServiceProvider,
    pub(super) limits: Limits,
    pub(super) signing_key: Option<Arc<SigningKey>>,
    pub(super) certificates: Certificates,
    pub(super) metadata: Metadata,
    /// `None` if one of them is faulty.
    pub(super) providers: Option<IdentityProviders>,
    /// Of all identity providers, whatever else is wrong with them.
    pub(super) provider_arns: SamlProviders,
    /// What requests to each of them ask for, by its name.
    pub(super) authn_contexts: AuthnContexts,
    pub(super) sign_on: Vec<SignOn>,
    /// Names of all identity providers, whatever else is wrong with them.
    pub(super) names: Vec<String>,
    /// Names of all values that some identity provider selects for the rules.
    pub(super) selected: Vec<String>,
    /// The same of those whose name is known, by it.
    selected_by: BTreeMap<String, Vec<String>>,
    found_arns: Vec<Found<ProviderArn>>,
    /// What values of people can stand for, besides.
    maps: Vec<Found<RoleMap>>,
    /// Whether each identity provider has its SAML providers.
    arns_are_complete: bool,
}

/// `public_url` is the one of `[server]`.
pub(super) fn saml(
    section: &Section<'_>,
    fetched: &Fetched,
    public_url: &str,
    accounts: &Accounts,
    binding: Binding,
) -> Saml {
    let mut audiences = section.one_or_list("audience");
    if audiences.is_empty() {
        audiences.push(AWS.to_owned());
    }
    let limits = Limits {
        max_response_chars: section.integer("max_response_chars", 100_000, 4..=100_000),
        ..Limits::default()
    };
    let SamlKeys { signing: signing_key, decryption, certificates } = saml_keys(section);
    let lifetime = duration_between("1m", "1h");
    let service = ServiceProvider {
        entity_id: section.or("entity_id", AWS.to_owned(), values::line(1_024)),
        acs_url: format!("{public_url}/saml"),
        audiences,
        clock_skew: section.or("clock_skew", Duration::seconds(60), duration_between("0s", "5m")),
        decryption_keys: decryption,
        max_assertion_age: section.optional("max_assertion_age", duration_between("1m", "24h")),
        max_assertion_lifetime: section.optional("max_assertion_lifetime", duration_between("1m", "24h")),
        request_lifetime: section.or("request_lifetime", Duration::minutes(10), lifetime),
    };
    let denied_keys = section.list("denied_keys", IdentityProviders::fingerprint);
    let sections = section.sections("idp");
    if sections.is_empty() && !section.contains("idp") {
        section.missing("idp", None);
    }
    let idps: Vec<Idp> = sections
        .iter()
        .map(|section| idp(section, fetched, signing_key.is_some(), accounts, binding))
        .collect();
    let distinct = distinct(section, &idps);

    let mut saml = Saml {
        service,
        limits,
        signing_key,
        certificates,
        metadata: metadata::metadata(section, idps.iter().filter_map(|idp| idp.source.clone()).collect()),
        providers: None,
        provider_arns: idps.iter().filter_map(saml_providers).collect(),
        authn_contexts: idps.iter().filter_map(authn_context).collect(),
        sign_on: Vec::new(),
        names: idps.iter().filter_map(|idp| Some(idp.name.as_ref()?.value.clone())).collect(),
        selected: idps.iter().flat_map(|idp| idp.selected.iter().cloned()).collect(),
        selected_by: idps
            .iter()
            .filter_map(|idp| Some((idp.name.as_ref()?.value.clone(), idp.selected.clone())))
            .collect(),
        found_arns: idps.iter().flat_map(|idp| idp.provider_arns.iter().flatten().cloned()).collect(),
        maps: Vec::new(),
        arns_are_complete: idps.iter().all(|idp| idp.provider_arns.is_some()),
    };
    let mut providers = Vec::new();
    for (provider, sign_on) in complete(idps).unwrap_or_default() {
        saml.sign_on.push(sign_on);
        providers.push(provider);
    }
    if providers.is_empty() && fetched.may_be_absent {
        saml.providers = IdentityProviders::new(providers).ok();
    } else if distinct && !providers.is_empty() {
        let allowed = IdentityProviders::without_keys(providers, &denied_keys);
        saml.providers = allowed.map_err(|message| section.fault(message)).ok();
    }
    saml
}

/// The sources of the identity providers' metadata, and nothing else of them.
pub(super) fn metadata(section: &Section<'_>) -> Metadata {
    metadata::metadata(section, section.sections("idp").iter().filter_map(metadata_source).collect())
}

impl Saml {
    /// STS gives roles of its own partition only.
    pub(super) fn must_be_in_partition_of(&self, top: &Section<'_>, regions: &[String]) {
        let Some(partition) = regions.first().map(|region| partition_of_region(region)) else { return };
        for arn in self.found_arns.iter().filter(|arn| arn.value.partition() != partition) {
            let message =
                format!("is of the partition {}, and sts.region of {partition}", arn.value.partition());
            top.reading().fault(&arn.at, message);
        }
        for map in self.maps.iter().filter(|map| map.value.partition() != partition) {
            let message =
                format!("is of the partition {}, and sts.region of {partition}", map.value.partition());
            top.reading().fault(&map.at, message);
        }
    }

    /// STS reads these two values itself, from attributes whose names it fixes.
    pub(super) fn must_select_as_sts_does(&self, top: &Section<'_>) {
        let defaults = Selectors::default();
        for provider in self.providers.iter().flat_map(IdentityProviders::iter) {
            for (name, own, default) in [
                ("roles", &provider.selectors.roles, &defaults.roles),
                ("role_session_name", &provider.selectors.role_session_name, &defaults.role_session_name),
            ] {
                if own != default {
                    top.reading().warn(format!(
                        "identity provider {}: select.{name} is not where STS reads it ({default}): it refuses \
                         whoever has another value there, or none",
                        provider.name
                    ));
                }
            }
        }
    }

    /// Whether this identity provider may offer this role; true while that is not known.
    pub(super) fn may_offer(&self, idp: &str, role: &RoleArn) -> bool {
        let mut arns = self.provider_arns.get(idp).into_iter().flatten();
        !self.arns_are_complete || arns.any(|provider| provider.is_beside(role))
    }

    /// Whether roles of any partition and account that meet this can be had; true while it is
    /// not known which there are.
    pub(super) fn may_have(&self, meets: impl Fn(&str, &str) -> bool) -> bool {
        let offered = |arn: &Found<ProviderArn>| meets(arn.value.partition(), arn.value.account());
        let mapped = |map: &Found<RoleMap>| {
            map.value.accounts().into_iter().any(|account| meets(map.value.partition(), account))
        };
        !self.arns_are_complete || self.found_arns.iter().any(offered) || self.maps.iter().any(mapped)
    }

    /// The maps that are beside the SAML providers.
    pub(super) fn with_maps(self, maps: Vec<Found<RoleMap>>) -> Self {
        Self { maps, ..self }
    }

    /// Whether a map is for people of this identity provider.
    pub(super) fn has_map_for(&self, idp: &str) -> bool {
        self.maps.iter().any(|map| map.value.idp() == idp)
    }

    /// For the rules.
    pub(super) fn maps(&self) -> Vec<RoleMap> {
        self.maps.iter().map(|map| map.value.clone()).collect()
    }

    /// Whether this identity provider selects this value; true while that is not known.
    pub(super) fn selects(&self, idp: &str, value: &str) -> bool {
        self.selected_by.get(idp).is_none_or(|names| names.iter().any(|name| name == value))
    }

    /// The identity provider that a table is about: the only one, unless it is said.
    pub(super) fn idp_of(&self, section: &Section<'_>) -> Option<String> {
        let found = match self.names.as_slice() {
            [] => section.optional_at("idp", values::idp_name),
            [only] if !section.has("idp") => return Some(only.clone()),
            _ => section.required_at("idp", values::idp_name),
        }?;
        if !self.names.contains(&found.value) {
            section.reading().fault(&found.at, "no identity provider has this name");
            return None;
        }
        Some(found.value)
    }
}

/// Whether the identity providers can be told apart: rules and logs go by name,
/// keys by entity id.
fn distinct(section: &Section<'_>, idps: &[Idp]) -> bool {
    let same = |earlier: &Option<Found<String>>, this: &Option<Found<String>>, message: &str| {
        let same = this.as_ref().filter(|this| earlier.as_ref().is_some_and(|e| e.value == this.value));
        same.map(|this| section.reading().fault(&this.at, message)).is_some()
    };
    let mut distinct = true;
    for (i, this) in idps.iter().enumerate() {
        for earlier in idps.iter().take(i) {
            let name = "is the name of an earlier identity provider too";
            let entity_id = "the identity provider in it has the entity id of an earlier one; several AWS accounts \
                             are one [[saml.idp]] with a list as provider_arn";
            distinct &= !same(&earlier.name, &this.name, name);
            distinct &= !same(&earlier.entity_id, &this.entity_id, entity_id);
        }
    }
    distinct
}

/// `None` if anything that an identity provider needs is absent or faulty.
fn complete(idps: Vec<Idp>) -> Option<Vec<(IdentityProvider, SignOn)>> {
    idps.into_iter().map(|idp| idp.provider.filter(|_| idp.provider_arns.is_some())).collect()
}

fn saml_providers(idp: &Idp) -> Option<(String, BTreeSet<ProviderArn>)> {
    let arns = idp.provider_arns.iter().flatten().map(|found| found.value.clone()).collect();
    Some((idp.name.as_ref()?.value.clone(), arns))
}

fn authn_context(idp: &Idp) -> Option<(String, RequestedAuthnContext)> {
    Some((idp.name.as_ref()?.value.clone(), idp.authn_context.clone()?))
}
