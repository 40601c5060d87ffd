//! The corpus: every attack and every honest variety that we know, as data.
//!
//! One generator. A case is a name, the form field, and what has to become of
//! it; who judges (in this process, over HTTP, another verifier) is not its
//! matter. A defect found becomes a line here first.
#![allow(dead_code)]
#![allow(clippy::type_complexity, clippy::wildcard_enum_match_arm)]

#[path = "corpus/claims.rs"]
mod claims;
#[path = "corpus/documents.rs"]
mod documents;
#[path = "corpus/honest.rs"]
mod honest;
#[path = "corpus/signatures.rs"]
mod signatures;
#[path = "corpus/wrapping.rs"]
mod wrapping;

use super::forge::{self, Forge, adfs, replace};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::OffsetDateTime;
use vestibule::saml::{Identity, IdentityProvider, IdentityProviders, SamlRefusal, Selector};

/// One document, and what becomes of it.
pub struct Case {
    /// `family/what is done`; there is one of each name.
    pub name: String,
    /// The `SAMLResponse` form field.
    pub field: String,
    pub expect: Expect,
    /// A careless verifier believes it: the genuine signature in it still holds.
    pub live: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Exactly these values come out.
    Accept(Box<Values>),
    Refuse(SamlRefusal),
}

/// All that an accepted assertion says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub assertion_id: String,
    pub name_id: String,
    pub session_name: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub authn_context: Option<String>,
    pub session_index: Option<String>,
    pub session_ends: Option<OffsetDateTime>,
}

impl Values {
    /// What this forge means to say.
    pub fn of(forge: &Forge) -> Self {
        Self {
            assertion_id: forge.assertion_id.clone(),
            name_id: forge.name_id.clone(),
            session_name: forge.session_name.clone(),
            roles: forge.roles.clone(),
            groups: forge.groups.clone(),
            authn_context: Some(forge.authn_context.clone()),
            session_index: Some(forge.assertion_id.clone()),
            session_ends: None,
        }
    }

    /// What came out.
    pub fn read(identity: &Identity) -> Self {
        Self {
            assertion_id: identity.assertion_id().to_owned(),
            name_id: identity.name_id().to_owned(),
            session_name: identity.role_session_name().to_owned(),
            roles: identity.roles().to_vec(),
            groups: identity.values("groups").to_vec(),
            authn_context: identity.authn_context().map(str::to_owned),
            session_index: identity.session_index().map(str::to_owned),
            session_ends: identity.session_not_on_or_after(),
        }
    }
}

/// Who is asked for: the forge's identity provider, groups selected too.
pub fn providers() -> IdentityProviders {
    let mut provider: IdentityProvider = adfs();
    let groups =
        "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue";
    provider.selectors.more.insert("groups".into(), Selector::compile(groups).unwrap());
    IdentityProviders::new(vec![provider]).unwrap()
}

/// Everything.
pub fn all() -> Vec<Case> {
    let mut corpus = Corpus::default();
    wrapping::inserted(&mut corpus);
    wrapping::moved(&mut corpus);
    wrapping::around(&mut corpus);
    signatures::structure(&mut corpus);
    signatures::algorithms(&mut corpus);
    signatures::keys(&mut corpus);
    documents::texts(&mut corpus);
    documents::sizes(&mut corpus);
    documents::fields(&mut corpus);
    claims::tampered(&mut corpus);
    claims::genuine(&mut corpus);
    honest::varieties(&mut corpus);
    corpus.cases
}

/// Cases being written down.
#[derive(Default)]
struct Corpus {
    cases: Vec<Case>,
}

impl Corpus {
    fn refuse(&mut self, name: impl Into<String>, xml: &str, refusal: SamlRefusal) -> &mut Case {
        self.push(name, STANDARD.encode(xml), Expect::Refuse(refusal))
    }

    fn accept(&mut self, name: impl Into<String>, xml: &str, values: Values) -> &mut Case {
        self.push(name, STANDARD.encode(xml), Expect::Accept(Box::new(values)))
    }

    fn push(&mut self, name: impl Into<String>, field: String, expect: Expect) -> &mut Case {
        self.cases.push(Case { name: name.into(), field, expect, live: false });
        self.cases.last_mut().unwrap()
    }

    /// The honest response under an assertion `ID` of its own, which whoever
    /// accepts several of them needs.
    fn fresh(&self) -> Forge {
        Forge { assertion_id: format!("_assertion-{:06}", self.cases.len()), ..Forge::default() }
    }
}

/// `xml` with these replacements, each of what is there once.
fn edited(xml: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(xml.to_owned(), |xml, (from, to)| replace(&xml, from, to))
}
