//! The forge: makes any response, honest or evil, and signs what it makes.
//!
//! It shares nothing with the verifier but `canonicalize`, which is judged
//! against libxml2 elsewhere. Documents come from templates and are changed as
//! text: before signing ([`Forge::edit`]), inside what is signed
//! ([`Signing::edit_signed_info`]), or afterwards by the caller.
#![allow(dead_code, unused_imports)]
// ECDSA needs randomness; nothing here is an edge of the service.
#![allow(clippy::disallowed_methods)]

#[path = "forge/encrypting.rs"]
mod encrypting;
#[path = "forge/service.rs"]
mod service;
#[path = "forge/signing.rs"]
mod signing;

pub use encrypting::{Encrypting, Padding, Place, Recipient, decryption_keys};
pub use service::{accept_field, adfs, careless_verifier_accepts, judge, providers, service};
pub use signing::{
    Hash, Key, Signing, p256, p384, pem_file, rsa, signed_bytes, signed_info_and_value, stranger,
};

use signing::parse;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

pub const ISSUER: &str = "http://adfs.example.com/adfs/services/trust";
pub const ACS: &str = "https://vestibule.example.com/saml";
pub const AUDIENCE: &str = "urn:amazon:webservices";
pub const PERSON: &str = "EXAMPLE\\paula";
/// What an attacker wants to come out as.
pub const EVIL: &str = "EXAMPLE\\administrator";

pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The time at which everything here is issued.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_424_400).expect("2026-11-23T09:00:00Z")
}

/// So many seconds from [`now`], as xs:dateTime.
pub fn at(seconds: i64) -> String {
    (now() + Duration::seconds(seconds)).format(&Rfc3339).expect("a year of four digits")
}

/// `arn:…:saml-provider/ADFS,arn:…:role/NAME`
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/{name}")
}

/// Everything about one response. The default is honest and in AD FS's shape.
#[derive(Clone)]
pub struct Forge {
    pub response_id: String,
    pub assertion_id: String,
    pub issued: String,
    pub issuer: String,
    /// `None`: the Response has no Issuer.
    pub response_issuer: Option<String>,
    pub destination: Option<String>,
    pub in_response_to: Option<String>,
    pub status: String,
    pub name_id: String,
    pub recipient: String,
    pub confirmed_until: String,
    pub not_before: String,
    pub not_on_or_after: String,
    pub audiences: Vec<String>,
    pub session_name: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub authn_context: String,
    pub session_not_on_or_after: Option<String>,
    pub style: Style,
    pub assertion_signing: Option<Signing>,
    pub response_signing: Option<Signing>,
    /// Changes the text before it is signed.
    pub edit: fn(String) -> String,
}

/// How names are written.
#[derive(Clone, Copy)]
pub struct Style {
    /// Prefix of `samlp:`; never empty.
    pub protocol: &'static str,
    /// Prefix of `saml:`; empty: the default namespace, declared on the Assertion.
    pub assertion: &'static str,
    /// Declarations of all prefixes on the Response, and some that are not used.
    pub declared_above: bool,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            response_id: "_6f2d6a80-31f6-4b5e-a2c3-0a4f2b8f0d11".into(),
            assertion_id: "_c0b1c7a2-9d3e-4d6a-8f21-5f6c1f0a7e22".into(),
            issued: at(0),
            issuer: ISSUER.into(),
            response_issuer: Some(ISSUER.into()),
            destination: Some(ACS.into()),
            in_response_to: None,
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".into(),
            name_id: PERSON.into(),
            recipient: ACS.into(),
            confirmed_until: at(5 * 60),
            not_before: at(0),
            not_on_or_after: at(60 * 60),
            audiences: vec![AUDIENCE.into()],
            session_name: "paula@example.com".into(),
            roles: vec![role("ADFS-Production"), role("ADFS-Dev"), role("ADFS-Audit")],
            groups: vec!["Domain Users".into(), "AWS-Production".into()],
            authn_context: "urn:federation:authentication:windows".into(),
            session_not_on_or_after: None,
            style: Style { protocol: "samlp", assertion: "", declared_above: false },
            assertion_signing: Some(Signing::default()),
            response_signing: None,
            edit: |xml| xml,
        }
    }
}

impl Forge {
    /// About somebody else, under another `ID`, not signed: what an attacker writes.
    pub fn evil() -> Self {
        Self {
            assertion_id: "_evil".into(),
            name_id: EVIL.into(),
            session_name: "administrator@example.com".into(),
            roles: vec![role("ADFS-ProductionAdmin")],
            assertion_signing: None,
            ..Self::default()
        }
    }

    /// In AD FS's shape, with as many roles as fit into so many base64 characters.
    pub fn of_size(characters: usize) -> Self {
        let with = |roles: usize| {
            let roles = (0..roles).map(|i| role(&format!("ADFS-Account{i:03}"))).collect();
            Self { roles, ..Self::default() }
        };
        let base = with(0).xml().len();
        let each = with(1).xml().len() - base;
        with((characters / 4 * 3).saturating_sub(base) / each)
    }

    pub fn not_signed(mut self) -> Self {
        (self.assertion_signing, self.response_signing) = (None, None);
        self
    }

    /// Only the Response is signed.
    pub fn response_signed() -> Self {
        Self { response_signing: Some(Signing::default()), assertion_signing: None, ..Self::default() }
    }

    /// Both are signed.
    pub fn both_signed() -> Self {
        Self { response_signing: Some(Signing::default()), ..Self::default() }
    }

    /// The honest one, issued at this moment: for processes that go by the real clock.
    pub fn issued_now(assertion_id: &str) -> Self {
        let late = OffsetDateTime::now_utc().unix_timestamp() - now().unix_timestamp();
        Self {
            assertion_id: assertion_id.into(),
            issued: at(late),
            confirmed_until: at(late + 5 * 60),
            not_before: at(late),
            not_on_or_after: at(late + 60 * 60),
            ..Self::default()
        }
    }

    /// The document, signed as asked.
    pub fn xml(&self) -> String {
        let mut xml = (self.edit)(self.unsigned());
        if let Some(signing) = &self.assertion_signing {
            xml = signing.sign(&xml, &self.assertion_id);
        }
        if let Some(signing) = &self.response_signing {
            xml = signing.sign(&xml, &self.response_id);
        }
        xml
    }

    /// The signed Assertion alone, as text.
    pub fn assertion(&self) -> String {
        element(&self.xml(), "Assertion").to_owned()
    }

    fn unsigned(&self) -> String {
        let Style { protocol, assertion, declared_above } = self.style;
        let mut above = format!(" xmlns:{protocol}=\"{SAMLP}\"");
        let (a, own) = if assertion.is_empty() {
            (String::new(), format!(" xmlns=\"{SAML}\""))
        } else if declared_above {
            above += &format!(" xmlns:{assertion}=\"{SAML}\"");
            (format!("{assertion}:"), String::new())
        } else {
            (format!("{assertion}:"), format!(" xmlns:{assertion}=\"{SAML}\""))
        };
        if declared_above {
            above += " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
                       xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:unused=\"urn:unused\"";
        }
        let attribute = |name: &str, value: &Option<String>| {
            value.as_ref().map_or(String::new(), |value| format!(" {name}=\"{value}\""))
        };
        let issuer = self
            .response_issuer
            .as_ref()
            .map_or(String::new(), |issuer| format!("<{a}Issuer{own}>{issuer}</{a}Issuer>"));
        let p = protocol;
        format!(
            "<{p}:Response ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{issued}\"{destination} \
             Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\"{in_response_to}{above}>{issuer}\
             <{p}:Status><{p}:StatusCode Value=\"{status}\" /></{p}:Status>{assertion}</{p}:Response>",
            id = self.response_id,
            issued = self.issued,
            destination = attribute("Destination", &self.destination),
            in_response_to = attribute("InResponseTo", &self.in_response_to),
            status = self.status,
            assertion = self.assertion_text(&a, &own),
        )
    }

    fn assertion_text(&self, a: &str, own: &str) -> String {
        let values = |name: &str, values: &[String]| {
            let values: String = values
                .iter()
                .map(|value| format!("<{a}AttributeValue>{value}</{a}AttributeValue>"))
                .collect();
            format!("<{a}Attribute Name=\"{name}\">{values}</{a}Attribute>")
        };
        let in_response_to =
            self.in_response_to.as_ref().map_or(String::new(), |id| format!(" InResponseTo=\"{id}\""));
        let audiences: String =
            self.audiences.iter().map(|audience| format!("<{a}Audience>{audience}</{a}Audience>")).collect();
        let session_ends = self
            .session_not_on_or_after
            .as_ref()
            .map_or(String::new(), |end| format!(" SessionNotOnOrAfter=\"{end}\""));
        format!(
            "<{a}Assertion ID=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\"{own}>\
             <{a}Issuer>{issuer}</{a}Issuer>\
             <{a}Subject><{a}NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{name_id}</{a}NameID>\
             <{a}SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <{a}SubjectConfirmationData NotOnOrAfter=\"{confirmed_until}\" Recipient=\"{recipient}\"{in_response_to} />\
             </{a}SubjectConfirmation></{a}Subject>\
             <{a}Conditions NotBefore=\"{not_before}\" NotOnOrAfter=\"{not_on_or_after}\">\
             <{a}AudienceRestriction>{audiences}</{a}AudienceRestriction></{a}Conditions>\
             <{a}AttributeStatement>{session_name}{roles}{groups}</{a}AttributeStatement>\
             <{a}AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"{id}\"{session_ends}>\
             <{a}AuthnContext><{a}AuthnContextClassRef>{authn_context}</{a}AuthnContextClassRef></{a}AuthnContext>\
             </{a}AuthnStatement></{a}Assertion>",
            id = self.assertion_id,
            issued = self.issued,
            issuer = self.issuer,
            name_id = self.name_id,
            confirmed_until = self.confirmed_until,
            recipient = self.recipient,
            not_before = self.not_before,
            not_on_or_after = self.not_on_or_after,
            session_name = values(
                "https://aws.amazon.com/SAML/Attributes/RoleSessionName",
                std::slice::from_ref(&self.session_name)
            ),
            roles = values("https://aws.amazon.com/SAML/Attributes/Role", &self.roles),
            groups = values("http://schemas.xmlsoap.org/claims/Group", &self.groups),
            authn_context = self.authn_context,
        )
    }
}

/// The text of the first element with this local name, tags included.
pub fn element<'x>(xml: &'x str, local_name: &str) -> &'x str {
    let document = parse(xml);
    let node = document.descendants().find(|n| n.tag_name().name() == local_name).expect("the element");
    &xml[node.range()]
}

/// Replaces what must be there exactly once.
pub fn replace(xml: &str, from: &str, to: &str) -> String {
    assert_eq!(xml.matches(from).count(), 1, "{from} in {xml}");
    xml.replacen(from, to, 1)
}

/// The element's text without the first signature in it.
pub fn without_signature(xml: &str) -> String {
    let mut xml = xml.to_owned();
    let signature = element(&xml, "Signature").to_owned();
    let start = xml.find(&signature).expect("found above");
    xml.replace_range(start..start + signature.len(), "");
    xml
}
