//! `[[role_map]]`: groups that stand for roles.

use super::accounts::Accounts;
use super::read::section::{Found, Section};
use super::read::values;
use super::saml::Saml;
use crate::roles::{RoleMap, RoleMapError};
use std::collections::BTreeSet;

/// All of them, in order, without those that are faulty.
pub(super) fn role_maps(top: &Section<'_>, saml: &Saml, accounts: &Accounts) -> Vec<Found<RoleMap>> {
    let sections = top.sections("role_map");
    if let Some(first) = sections.first()
        && top.section("sts").peek("kind") == Some("aws")
    {
        first.fault(
            "with sts.kind = \"aws\" STS takes roles from the assertion, and nothing else can stand for \
             one: that needs \"assume-role\"",
        );
    }
    let mut names: Vec<String> = Vec::new();
    let mut maps = Vec::new();
    for section in &sections {
        let name = section.required_at("name", values::line(64));
        if let Some(name) = &name {
            if names.contains(&name.value) {
                section.reading().fault(&name.at, "is the name of an earlier role_map too");
            }
            names.push(name.value.clone());
        }
        maps.extend(role_map(section, name.map(|name| name.value), saml, accounts));
    }
    maps
}

fn role_map(
    section: &Section<'_>,
    name: Option<String>,
    saml: &Saml,
    accounts: &Accounts,
) -> Option<Found<RoleMap>> {
    let idp = saml.idp_of(section);
    let value = section.required_at("value", values::line(64));
    let regex = section.required_at("regex", values::not_empty);
    let role = section.required_at("role", values::not_empty);
    let (name, idp, value, regex, role) = (name?, idp?, value?, regex?, role?);
    if !saml.selects(&idp, &value.value) {
        let message = format!("{idp} does not select this value: set select.{}", value.value);
        section.reading().fault(&value.at, message);
    }
    let listed: BTreeSet<String> = accounts.keys().cloned().collect();
    let map = RoleMap::new(name, idp, value.value, (&regex.value, &role.value), listed);
    let map = map.map_err(|error| {
        let at = if matches!(error, RoleMapError::Regex(_)) { &regex.at } else { &role.at };
        section.reading().fault(at, error);
    });
    let map = map.ok()?;
    let its_accounts = map.accounts();
    if its_accounts.is_empty() {
        section.reading().fault(&role.at, "{account} is one of [accounts], and none is listed there");
    }
    if let Some(account) = its_accounts.iter().find(|account| !accounts.contains_key(**account)) {
        section.reading().fault(&role.at, format!("{account} is not listed in [accounts]"));
    }
    Some(Found { value: map, at: role.at })
}
