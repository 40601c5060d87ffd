//! `[[saml.idp]]`: one identity provider.

use super::accounts::Accounts;
use super::metadata::{self, Fetched, MetadataSource};
use super::read::section::{Found, Section};
use super::read::values::{self, WebUrl};
use crate::broker::Binding;
use crate::roles::{ProviderArn, ProviderPattern};
use crate::saml::{Comparison, IdentityProvider, RequestedAuthn, RequestedAuthnContext, Selector, Selectors};

/// How a page sends people to one identity provider.
#[derive(Debug, Clone)]
pub struct SignOn {
    /// The configured name.
    pub name: String,
    /// What people read of it.
    pub label: String,
    /// For IdP-initiated login; absent if switched off.
    pub sign_on_url: Option<String>,
    /// AD FS's `RPID`; absent for identity providers that take a plain RelayState.
    pub relying_party_id: Option<String>,
}

/// One `[[saml.idp]]`, as far as it could be read.
pub(super) struct Idp {
    pub(super) name: Option<Found<String>>,
    /// `None` if it is faulty, or absent where no map gives the roles.
    pub(super) provider_arns: Option<Vec<Found<ProviderArn>>>,
    pub(super) source: Option<MetadataSource>,
    /// From its metadata, at the place where the metadata is named.
    pub(super) entity_id: Option<Found<String>>,
    /// What requests to it ask for.
    pub(super) authn_context: Option<RequestedAuthnContext>,
    /// Names of the further selectors, faulty ones included.
    pub(super) selected: Vec<String>,
    /// `None` if its name or its metadata is absent or faulty.
    pub(super) provider: Option<(IdentityProvider, SignOn)>,
}

/// `can_sign`: whether there is a `saml.signing_key`.
pub(super) fn idp(
    section: &Section<'_>,
    fetched: &Fetched,
    can_sign: bool,
    accounts: &Accounts,
    binding: Binding,
) -> Idp {
    let name = name(section);
    let label = section.optional("label", values::line(64));
    let provider_arns = provider_arns(section, name.as_ref(), accounts);
    let source = source(section, name.as_ref());
    let metadata = source.as_ref().and_then(|source| metadata::document(section, source, fetched));
    let entity_id = metadata.as_ref().zip(source.as_ref());
    let entity_id = entity_id.map(|(m, source)| Found { value: m.entity_id.clone(), at: source.at.clone() });
    // Whoever writes a link to the provider could put a key of their own into it.
    let idp_initiated = section.boolean("idp_initiated", true) && binding != Binding::Sealed;
    let sign_on_url = section.optional("sign_on_url", WebUrl::parse).map(WebUrl::into_text);
    let sign_requests = section.boolean("sign_requests", can_sign);
    let relying_party_id = section.optional("relying_party_id", values::line(1_024));
    let audiences = section.one_or_list("audience");
    let in_response_to_literals = section
        .one_or_list_at("in_response_to", values::in_response_to)
        .into_iter()
        .map(|found| found.value)
        .collect();
    let requested_authn = requested_authn(section);
    let authn_context = requested_authn.authn_context.clone();
    let name_id_format = section.optional("name_id_format", values::line(1_024));
    let (selectors, selected) = selectors(&section.section("select"));

    if metadata.as_ref().is_some_and(|metadata| !metadata.takes_requests()) {
        takes_no_requests(section, name.as_ref(), idp_initiated);
    }
    if sign_requests && !can_sign {
        section.fault_at_key(
            "sign_requests",
            "requests to it are to be signed, and there is no saml.signing_key",
        );
    }
    // Where people begin at the provider no request is sent; and who set the option knows.
    let begins_there = sign_on_url.is_some() && idp_initiated;
    let is_asked = !can_sign && !begins_there && !section.has("sign_requests");
    if is_asked && metadata.as_ref().is_some_and(|metadata| metadata.want_authn_requests_signed) {
        wants_signed(section, name.as_ref());
    }

    let provider = name.as_ref().zip(metadata).map(|(name, metadata)| {
        let sign_on = SignOn {
            name: name.value.clone(),
            label: label.unwrap_or_else(|| name.value.clone()),
            sign_on_url: sign_on_url.filter(|_| idp_initiated),
            relying_party_id,
        };
        let provider = IdentityProvider {
            name: name.value.clone(),
            validity: metadata.validity(),
            entity_id: metadata.entity_id,
            keys: metadata.signing_keys,
            audiences,
            idp_initiated,
            in_response_to_literals,
            requested_authn,
            sign_on_services: metadata.sign_on_services,
            sign_requests,
            name_id_format,
            selectors,
        };
        (provider, sign_on)
    });
    Idp {
        name,
        provider_arns,
        source: source.map(|found| found.value),
        entity_id,
        authn_context,
        selected,
        provider,
    }
}

/// One SAML provider, a list of them, or with `*` one in each of the accounts. None need
/// be there where roles come from a map.
fn provider_arns(
    section: &Section<'_>,
    name: Option<&Found<String>>,
    accounts: &Accounts,
) -> Option<Vec<Found<ProviderArn>>> {
    let is_mapped = name.is_some_and(|name| has_role_map(section, &name.value));
    if is_mapped && !section.contains("provider_arn") {
        return Some(Vec::new());
    }
    let mut arns = Vec::new();
    let mut complete = true;
    for Found { value: pattern, at } in section.one_or_more_at("provider_arn", ProviderPattern::parse) {
        let found = |value: ProviderArn| Found { value, at: at.clone() };
        match pattern {
            ProviderPattern::One(arn) => arns.push(found(arn)),
            ProviderPattern::Each { .. } if accounts.is_empty() => {
                let message = "* stands for the accounts of [accounts], and none is listed there";
                section.reading().fault(&at, message);
                complete = false;
            }
            ProviderPattern::Each { .. } => {
                arns.extend(accounts.keys().filter_map(|account| pattern.of(account).ok()).map(found));
            }
        }
    }
    (complete && !arns.is_empty()).then_some(arns)
}

/// Whether a `[[role_map]]` is for its people.
fn has_role_map(section: &Section<'_>, name: &str) -> bool {
    let maps = Section::top(section.reading()).sections("role_map");
    maps.iter().any(|map| map.peek("idp").is_none_or(|idp| idp == name))
}

/// The source of its metadata, and nothing else of it.
pub(super) fn metadata_source(section: &Section<'_>) -> Option<MetadataSource> {
    source(section, name(section).as_ref()).map(|found| found.value)
}

fn source(section: &Section<'_>, name: Option<&Found<String>>) -> Option<Found<MetadataSource>> {
    metadata::source(section, name.map_or("", |name| &name.value))
}

fn name(section: &Section<'_>) -> Option<Found<String>> {
    section.required_at("name", values::idp_name)
}

/// Its metadata names no address for requests: people can only start at the provider.
/// Metadata changes while a service runs, and then stops no one else: nor does it at start.
fn takes_no_requests(section: &Section<'_>, name: Option<&Found<String>>, idp_initiated: bool) {
    if !idp_initiated {
        let what = "no login begins there (idp_initiated = false, or delivery.binding = \"sealed\"), and its \
                    metadata names no address for requests: nobody can sign in by it";
        warn(section, name, what);
    } else if !section.has("sign_on_url") {
        let what =
            "no sign_on_url, and its metadata names no address for requests: pages cannot send anybody to it";
        warn(section, name, what);
    }
}

/// Its metadata says `WantAuthnRequestsSigned` (metadata 2.4.3), and there is no key. Some
/// say so whatever is configured there (Keycloak), so whether it refuses is not known here.
fn wants_signed(section: &Section<'_>, name: Option<&Found<String>>) {
    let what = "its metadata wants signed requests (WantAuthnRequestsSigned), and there is no saml.signing_key: \
                requests to it are not signed, and it may refuse them; sign_requests = false, if it does not";
    warn(section, name, what);
}

fn warn(section: &Section<'_>, name: Option<&Found<String>>, what: &str) {
    section.reading().warn(format!("identity provider {}: {what}", name.map_or("?", |name| &name.value)));
}

/// The terms of authentication requests to it.
fn requested_authn(section: &Section<'_>) -> RequestedAuthn {
    let class_refs = section.one_or_list("authn_context");
    let comparison = section.or("authn_context_comparison", Comparison::Exact, |text| {
        Comparison::parse(text).ok_or("expected \"exact\", \"minimum\", \"maximum\" or \"better\"")
    });
    RequestedAuthn {
        force_authn: section.boolean("force_authn", false),
        authn_context: (!class_refs.is_empty()).then_some(RequestedAuthnContext { comparison, class_refs }),
    }
}

/// `select.NAME`: five names replace the defaults, all others are further values.
fn selectors(section: &Section<'_>) -> (Selectors, Vec<String>) {
    let mut selectors = Selectors::default();
    let own = [
        ("name_id", &mut selectors.name_id),
        ("roles", &mut selectors.roles),
        ("role_session_name", &mut selectors.role_session_name),
        ("authn_context", &mut selectors.authn_context),
        ("session_index", &mut selectors.session_index),
    ];
    let mut names = section.names(&[""]);
    for (name, selector) in own {
        names.remove(name);
        if let Some(compiled) = section.optional(name, Selector::compile) {
            *selector = compiled;
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    for name in &names {
        if let Some(compiled) = section.optional(name, Selector::compile) {
            selectors.more.insert(name.clone(), compiled);
        }
    }
    (selectors, names)
}
