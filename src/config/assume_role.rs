//! `sts.kind = "assume-role"`: the service's own role assumes the roles of the people.

use super::read::section::{Found, Section};
use super::saml::Saml;
use crate::roles::RoleArn;
use std::collections::BTreeMap;

/// How STS is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StsOperation {
    /// `sts.kind = "aws"`: with the person's assertion.
    AssumeRoleWithSaml,
    /// `sts.kind = "assume-role"`: with the service's own credentials.
    AssumeRole(AssumeRole),
}

/// What `AssumeRole` says of the person, beside the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role that the service runs as, for `doctor`: who runs that may be somebody else.
    pub hub_role: Option<RoleArn>,
    /// `ExternalId`, which trust policies may demand.
    pub external_id: Option<String>,
    /// The value that is the `SourceIdentity`.
    pub source_identity: PersonValue,
    /// The values that are session tags, by the tags' keys.
    pub session_tags: BTreeMap<String, PersonValue>,
}

/// A verified value of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonValue {
    /// AWS's attribute `RoleSessionName`.
    RoleSessionName,
    /// The subject's NameID.
    NameId,
    /// A selected value, by its name.
    Selected(String),
}

/// AWS's quota (IAM, "Pass session tags in AWS STS").
const MAX_TAGS: usize = 50;

pub(super) fn assume_role(section: &Section<'_>, saml: &Saml) -> AssumeRole {
    let hub_role = section.optional("hub_role", RoleArn::parse);
    let external_id = section.optional("external_id", external_id);
    let value = |section: &Section<'_>, name: &str| {
        let Found { value, at } = section.optional_at(name, |text| Ok::<_, String>(person_value(text)))?;
        if let PersonValue::Selected(name) = &value
            && !saml.selected.contains(name)
        {
            let message = format!(
                "expected \"role_session_name\", \"name_id\" or a selected value, and no identity provider \
                 selects this one: set select.{name}"
            );
            section.reading().fault(&at, message);
        }
        Some(value)
    };
    let source_identity = value(section, "source_identity").unwrap_or(PersonValue::RoleSessionName);

    let tags = section.section("session_tags");
    let mut session_tags: BTreeMap<String, PersonValue> = BTreeMap::new();
    for key in tags.names(&[""]) {
        let value = value(&tags, &key);
        if !is_tag_key(&key) {
            tags.fault_at_key(
                &key,
                "a tag's key is 1 to 128 letters, digits, spaces and _.:/=+-@, and does not begin with aws:",
            );
        } else if session_tags.keys().any(|other| other.to_lowercase() == key.to_lowercase()) {
            tags.fault_at_key(&key, "differs from another tag's key in case only: to AWS they are one");
        } else if let Some(value) = value {
            session_tags.insert(key, value);
        }
    }
    if session_tags.len() > MAX_TAGS {
        tags.fault("AWS takes at most 50 session tags");
    }
    AssumeRole { hub_role, external_id, source_identity, session_tags }
}

fn person_value(text: &str) -> PersonValue {
    match text {
        "role_session_name" => PersonValue::RoleSessionName,
        "name_id" => PersonValue::NameId,
        name => PersonValue::Selected(name.to_owned()),
    }
}

/// API reference of `AssumeRole`, `ExternalId`.
fn external_id(text: &str) -> Result<String, &'static str> {
    let is_it = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1_224).contains(&text.len()) && text.bytes().all(is_it) {
        Ok(text.to_owned())
    } else {
        Err("expected 2 to 1,224 letters, digits and _+=,.@:/- of ASCII")
    }
}

/// API reference of `Tag`, `Key`.
fn is_tag_key(key: &str) -> bool {
    let is_reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    (1..=128).contains(&key.chars().count()) && !is_reserved && key.chars().all(is_in_tags)
}

/// Whether a tag's key or value may have it: `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
pub fn is_in_tags(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
