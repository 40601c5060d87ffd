//! `[saml]` and `[[saml.idp]]`: whom we believe.

use super::read::section::{Found, Section};
use super::read::values::{self, WebUrl};
use super::saml_keys::{Keys, keys};
use super::{Metadata, MetadataSource, SignOn, metadata};
use crate::roles::{ProviderArn, partition_of_region};
use crate::saml::{
    Comparison, IdentityProvider, IdentityProviders, IdpMetadata, RequestedAuthn, RequestedAuthnContext,
    Selector, Selectors,
};
use std::collections::BTreeMap;
use time::Duration;

/// The audience that AD FS's relying party for AWS has, and that STS wants to find.
const AWS: &str = "urn:amazon:webservices";

/// `[saml]`, read.
pub(super) struct Saml {
    pub(super) entity_id: String,
    pub(super) audiences: Vec<String>,
    pub(super) clock_skew: Duration,
    pub(super) max_response_chars: usize,
    pub(super) request_lifetime: Duration,
    pub(super) max_assertion_age: Option<Duration>,
    pub(super) max_assertion_lifetime: Option<Duration>,
    /// Our own.
    pub(super) keys: Keys,
    /// `None` where a fault stands for them.
    pub(super) providers: Option<IdentityProviders>,
    pub(super) provider_arns: BTreeMap<String, ProviderArn>,
    pub(super) sign_on: Vec<SignOn>,
    pub(super) metadata: Metadata,
    /// Those of all identity providers, with their places.
    found_arns: Vec<Found<ProviderArn>>,
    /// Names of all identity providers, whatever else is wrong with them.
    pub(super) names: Vec<String>,
    /// Names of all values that some identity provider selects for the rules.
    pub(super) selected: Vec<String>,
}

impl Saml {
    /// STS gives roles of its own partition only.
    pub(super) fn in_partition_of(&self, top: &Section<'_>, regions: &[String]) {
        let Some(partition) = regions.first().map(|region| partition_of_region(region)) else { return };
        for arn in self.found_arns.iter().filter(|arn| arn.value.partition() != partition) {
            let message =
                format!("is of the partition {}, and sts.region of {partition}", arn.value.partition());
            top.reader().fault(&arn.at, message);
        }
    }
}

/// Where the metadata of `[[saml.idp]]` comes from, and nothing else of them.
pub(super) fn metadata(section: &Section<'_>) -> Metadata {
    let sources =
        section.sections("idp").iter().filter_map(metadata::source).map(|found| found.value).collect();
    metadata::settings(section, sources)
}

/// `[saml]`
pub(super) fn saml(section: &Section<'_>) -> Saml {
    let entity_id = section.or("entity_id", AWS.to_owned(), values::line(1_024));
    let mut audiences = section.one_or_list("audience");
    if audiences.is_empty() {
        audiences.push(AWS.to_owned());
    }
    let skew_bounds =
        values::duration_within(Duration::ZERO, Duration::minutes(5), "expected \"0s\" to \"5m\"");
    let clock_skew = section.or("clock_skew", Duration::seconds(60), skew_bounds);
    let max_response_chars = section.integer("max_response_chars", 100_000, 4..=100_000);
    let keys = keys(section);
    let (minute, hour) = (Duration::MINUTE, Duration::HOUR);
    let lifetime = values::duration_within(minute, hour, "expected \"1m\" to \"1h\"");
    let request_lifetime = section.or("request_lifetime", Duration::minutes(10), lifetime);
    let limit = |name| {
        let bounds = values::duration_within(minute, 24 * hour, "expected \"1m\" to \"24h\"");
        section.optional(name, bounds).map(|found| found.value)
    };
    let (max_assertion_age, max_assertion_lifetime) =
        (limit("max_assertion_age"), limit("max_assertion_lifetime"));
    let denied_keys = section.list("denied_keys", fingerprint).unwrap_or_default();
    let denied_keys: Vec<String> = denied_keys.into_iter().map(|found| found.value).collect();

    let sections = section.sections("idp");
    if sections.is_empty() && !section.contains("idp") {
        section.missing("idp");
    }
    let idps: Vec<Idp> = sections.iter().map(|section| idp(section, keys.signing.is_some())).collect();
    let mut distinct = true;
    for (i, idp) in idps.iter().enumerate() {
        for earlier in idps.iter().take(i) {
            distinct &= differ(section, earlier, idp);
        }
    }

    let mut saml = Saml {
        entity_id,
        audiences,
        clock_skew,
        max_response_chars,
        request_lifetime,
        max_assertion_age,
        max_assertion_lifetime,
        keys,
        providers: None,
        provider_arns: BTreeMap::new(),
        sign_on: Vec::new(),
        metadata: metadata::settings(section, idps.iter().filter_map(|idp| idp.source.clone()).collect()),
        found_arns: idps.iter().filter_map(|idp| idp.provider_arn.clone()).collect(),
        names: idps.iter().filter_map(|idp| Some(idp.name.as_ref()?.value.clone())).collect(),
        selected: idps.iter().flat_map(|idp| idp.selected.iter().cloned()).collect(),
    };
    let complete: Option<Vec<_>> = idps.into_iter().map(Idp::complete).collect();
    let mut providers = Vec::new();
    for (provider, arn, sign_on) in complete.unwrap_or_default() {
        saml.provider_arns.insert(provider.name.clone(), arn);
        saml.sign_on.push(sign_on);
        providers.push(provider);
    }
    if providers.is_empty() && !section.reader().misses_metadata() {
        saml.providers = IdentityProviders::new(providers).ok();
    } else if distinct && !providers.is_empty() {
        let believed = IdentityProviders::without_keys(providers, &denied_keys);
        saml.providers = believed.map_err(|message| section.fault(message)).ok();
    }
    saml
}

/// Whether two identity providers can be told apart: rules and logs go by name, keys by entity id.
fn differ(section: &Section<'_>, earlier: &Idp, this: &Idp) -> bool {
    let same = |earlier: &Option<Found<String>>, this: &Option<Found<String>>, message: &str| {
        let same = this.as_ref().filter(|this| earlier.as_ref().is_some_and(|e| e.value == this.value));
        same.map(|this| section.reader().fault(&this.at, message)).is_some()
    };
    let name = same(&earlier.name, &this.name, "is the name of an earlier identity provider too");
    let message = "the identity provider in it has the entity id of an earlier one";
    let entity_id = same(&earlier.entity_id, &this.entity_id, message);
    !name && !entity_id
}

/// One `[[saml.idp]]`, as far as it could be read.
struct Idp {
    name: Option<Found<String>>,
    provider_arn: Option<Found<ProviderArn>>,
    source: Option<MetadataSource>,
    metadata: Option<IdpMetadata>,
    /// As its metadata has it, at the place where the metadata is named.
    entity_id: Option<Found<String>>,
    sign_on_url: Option<String>,
    relying_party_id: Option<String>,
    idp_initiated: bool,
    audiences: Vec<String>,
    in_response_to_literals: Vec<String>,
    requested_authn: RequestedAuthn,
    sign_requests: bool,
    name_id_format: Option<String>,
    selectors: Selectors,
    /// Names of the further values, even of those whose selector is faulty.
    selected: Vec<String>,
}

fn idp(section: &Section<'_>, can_sign: bool) -> Idp {
    let name = section.required("name", idp_name);
    let provider_arn = section.required("provider_arn", ProviderArn::parse);
    let source = metadata::source(section);
    let metadata = source.as_ref().and_then(|source| metadata::document(section, source));
    let entity_id = metadata.as_ref().zip(source.as_ref());
    let entity_id = entity_id.map(|(m, source)| Found { value: m.entity_id.clone(), at: source.at.clone() });
    let idp_initiated = section.boolean("idp_initiated", true);
    let sign_on_url = section.optional("sign_on_url", WebUrl::parse).map(|found| found.value.into_text());
    let shown = name.as_ref().map_or("?", |name| name.value.as_str());
    let takes_requests = metadata.as_ref().is_some_and(IdpMetadata::takes_requests);
    if !takes_requests && !idp_initiated && metadata.is_some() {
        section.fault(
            "idp_initiated = false, and its metadata names no address for requests: nobody could sign in by it",
        );
    } else if !takes_requests && metadata.is_some() && !section.has("sign_on_url") {
        section.reader().warn(format!(
            "identity provider {shown}: no sign_on_url, and its metadata names no address for requests: \
             pages cannot send anybody to it"
        ));
    }
    let wants_signed = metadata.as_ref().is_some_and(|metadata| metadata.want_authn_requests_signed);
    let sign_requests = section.boolean("sign_requests", wants_signed || can_sign);
    if sign_requests && !can_sign {
        let at = section.at_key("sign_requests");
        let message = "requests to it are to be signed (sign_requests, or its metadata's \
                       WantAuthnRequestsSigned), and there is no saml.signing_key";
        section.reader().fault(&at, message);
    }
    let (selectors, selected) = selectors(&section.section("select"));
    Idp {
        name,
        provider_arn,
        source: source.map(|found| found.value),
        metadata,
        entity_id,
        sign_on_url,
        relying_party_id: section.optional("relying_party_id", values::line(1_024)).map(|found| found.value),
        idp_initiated,
        audiences: section.one_or_list("audience"),
        in_response_to_literals: section.one_or_list("in_response_to"),
        requested_authn: requested_authn(section),
        sign_requests,
        name_id_format: section.optional("name_id_format", values::line(1_024)).map(|found| found.value),
        selectors,
        selected,
    }
}

impl Idp {
    /// What the rooms behind need; `None` if anything of it is faulty.
    fn complete(self) -> Option<(IdentityProvider, ProviderArn, SignOn)> {
        let (name, arn, metadata) = (self.name?.value, self.provider_arn?.value, self.metadata?);
        let sign_on = SignOn {
            name: name.clone(),
            sign_on_url: self.sign_on_url.filter(|_| self.idp_initiated),
            relying_party_id: self.relying_party_id,
        };
        let provider = IdentityProvider {
            name,
            validity: metadata.validity(),
            entity_id: metadata.entity_id,
            keys: metadata.signing_keys,
            audiences: self.audiences,
            idp_initiated: self.idp_initiated,
            in_response_to_literals: self.in_response_to_literals,
            requested_authn: self.requested_authn,
            sign_on_services: metadata.sign_on_services,
            sign_requests: self.sign_requests,
            name_id_format: self.name_id_format,
            selectors: self.selectors,
        };
        Some((provider, arn, sign_on))
    }
}

/// What our requests ask of it.
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

/// The SHA-256 of a certificate or key.
fn fingerprint(text: &str) -> Result<String, String> {
    IdentityProviders::fingerprint(text)
}

/// It stands in links (`?idp=NAME`), logs and the key `NAME#NameID` of a users row.
pub(super) fn idp_name(text: &str) -> Result<String, &'static str> {
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if ok { Ok(text.to_owned()) } else { Err("expected 1 to 64 of A-Z a-z 0-9 . _ -") }
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
        if let Some(found) = section.optional(name, Selector::compile) {
            *selector = found.value;
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    for name in &names {
        if let Some(found) = section.optional(name, Selector::compile) {
            selectors.more.insert(name.clone(), found.value);
        }
    }
    (selectors, names)
}
