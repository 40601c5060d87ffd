//! Why others think otherwise. The first line that fits explains.

use crate::forge::EVIL;
use second_opinion::Verifier::{Bergshamra, Samael, Xmlsec};
use second_opinion::{Opinion, Verifier, is_well_formed};
use vestibule::saml::SamlRefusal::{self, *};

/// One document, two opinions.
pub struct Disagreement<'d> {
    pub verifier: Verifier,
    pub ours: &'d Result<String, SamlRefusal>,
    pub theirs: &'d Opinion,
    /// Everybody's, in the order of [`Verifier::ALL`].
    pub all: &'d [Opinion; 3],
    pub xml: &'d str,
}

pub struct Line {
    /// Whose opinion it explains.
    of: &'static [Verifier],
    /// Why we refuse what they believe; empty: we accept what they refuse.
    we_refuse: &'static [SamlRefusal],
    /// What else has to hold.
    when: fn(&Disagreement<'_>) -> bool,
    pub why: &'static str,
}

impl Line {
    pub fn explains(&self, disagreement: &Disagreement<'_>) -> bool {
        let ours = match disagreement.ours {
            Ok(_) => self.we_refuse.is_empty(),
            Err(refusal) => self.we_refuse.contains(refusal),
        };
        // That an attack succeeds on somebody is never explained away.
        let harmless = *disagreement.theirs != Opinion::Believes(EVIL.to_owned());
        ours && harmless && self.of.contains(&disagreement.verifier) && (self.when)(disagreement)
    }
}

const ALWAYS: fn(&Disagreement<'_>) -> bool = |_| true;
const SIGNATURES_ONLY: &[Verifier] = &[Xmlsec, Bergshamra];
const EVERYBODY: &[Verifier] = &[Xmlsec, Samael, Bergshamra];
const LIBXML2: &[Verifier] = &[Xmlsec, Samael];

/// Whether it is an NCName, of those that occur here.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Whether the first value in quotes has characters that RFC 3986 has not.
fn names_no_uri(declaration: &str) -> bool {
    let uri = declaration.split(['"', '\'']).nth(1).unwrap_or_default();
    uri.contains(|c: char| c.is_whitespace() || "<>{}|\\^`".contains(c))
}

/// Reasons that lie behind a signature that holds, or outside of it.
const NOT_MEANT_FOR_US: &[SamlRefusal] = &[
    NotSuccess,
    WrongVersion,
    Incomplete,
    IssuerMismatch,
    WrongAudience,
    WrongRecipient,
    WrongDestination,
    NotYetValid,
    Expired,
    UnknownCondition,
    NotBearer,
    UnknownRequest,
    NoAuthnStatement,
    SessionOver,
    ValueNotText,
    ValueNotSingle,
    ValueNotDecryptable,
    NoNameId,
    NoRoleSessionName,
    UnknownIssuer,
    NotAResponse,
];

pub const TABLE: &[Line] = &[
    Line {
        of: SIGNATURES_ONLY,
        we_refuse: NOT_MEANT_FOR_US,
        when: ALWAYS,
        why: "they look at signatures, not at what an assertion or the Response around it says",
    },
    Line {
        of: &[Samael],
        we_refuse: &[
            NotSuccess,
            WrongVersion,
            Incomplete,
            IssuerMismatch,
            WrongDestination,
            UnknownIssuer,
            NotAResponse,
        ],
        when: ALWAYS,
        why: "samael cuts out what is signed and never sees the Response around it; nor does it look at Version",
    },
    Line {
        of: &[Samael],
        we_refuse: &[NotYetValid, Expired, SessionOver],
        when: ALWAYS,
        why: "samael reads the clock itself and is given a tolerance of a hundred years here",
    },
    Line {
        of: &[Samael],
        we_refuse: &[NoAuthnStatement, WrongAudience, UnknownCondition, UnknownRequest],
        when: ALWAYS,
        why: "samael asks for less: no AuthnStatement, no audience, one audience restriction of several, any condition, any request where the IdP may start",
    },
    Line {
        of: &[Samael],
        we_refuse: &[ValueNotSingle, ValueNotDecryptable, NoRoleSessionName, NoNameId],
        when: ALWAYS,
        why: "samael hands out the assertion; which values must be there, and once, is ours to say",
    },
    Line {
        of: &[Samael],
        we_refuse: &[ValueNotText],
        when: ALWAYS,
        why: "samael reads values from what was canonicalized, where comments are gone; we refuse them instead",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[NotXml],
        when: |d| !is_well_formed(d.xml),
        why: "not well-formed: libxml2 says so too when it is strict, and recovers when samael asks it; uppsala lets some of it pass",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[Doctype],
        when: |d| d.xml.contains("<!"),
        why: "they read document types; we refuse every document that has one",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[NotUtf8],
        when: |d| d.xml.contains("encoding") || d.xml.contains('\0'),
        why: "they are given text and take no notice of the encoding that it declares",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[EncryptedAssertion, NotOneAssertion],
        when: ALWAYS,
        why: "they use the signed one and let others lie about; we want no other assertion in the document",
    },
    Line {
        of: LIBXML2,
        we_refuse: &[SignatureMisplaced, ReferenceRefused],
        when: ALWAYS,
        why: "XML Signature lets a signature stand and refer anywhere; SAML (core 5.4.2) to its parent, by ID",
    },
    Line {
        of: &[Bergshamra],
        we_refuse: &[ReferenceRefused],
        when: |d| d.xml.contains("xpointer") || d.xml.contains(":URI="),
        why: "XML Signature knows xpointer(id()); bergshamra reads an attribute by its local name",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[SignatureMalformed],
        when: ALWAYS,
        why: "XML Signature has room for Object, and readers for comments and more; ours has room for nothing that is not signed, but KeyInfo",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[TransformRefused],
        when: ALWAYS,
        why: "more transforms, or comments kept: allowed by XML Signature, not by SAML (core 5.4.4)",
    },
    Line {
        of: EVERYBODY,
        we_refuse: &[DuplicateId],
        when: ALWAYS,
        why: "an ID again under another spelling, which somebody might take for one",
    },
    Line {
        of: &[Bergshamra],
        we_refuse: &[NotCanonicalizable],
        when: ALWAYS,
        why: "a relative namespace URI where no signature covers it; bergshamra looks at what it canonicalizes only",
    },
    Line {
        of: LIBXML2,
        we_refuse: &[],
        when: |d| d.xml.contains("#ecdsa-") && d.xml.contains("#rsa-"),
        why: "two signatures by two keys: samael takes one key for the whole document",
    },
    Line {
        of: LIBXML2,
        we_refuse: &[],
        when: |d| {
            d.xml.split(" ID=\"").skip(1).any(|rest| !is_name(rest.split('"').next().unwrap_or_default()))
        },
        why: "an ID that is no NCName (xs:ID), which samael refuses; products send such, and comparing them needs no more",
    },
    Line {
        of: LIBXML2,
        we_refuse: &[],
        when: |d| d.xml.split(" xmlns").skip(1).any(names_no_uri),
        why: "a namespace name with characters that no URI has: libxml2 canonicalizes nothing in such a document; for us it names some other namespace",
    },
    Line {
        of: &[Samael],
        we_refuse: &[],
        when: |d| d.all[0] == Opinion::Believes(d.ours.clone().unwrap_or_default()),
        why: "xmlsec1 agrees with us; samael cannot match what it verified to the document (CDATA or comments within text), or read it (a time without a zone, a value with elements)",
    },
    Line {
        of: &[Bergshamra],
        we_refuse: &[],
        when: |d| d.xml.contains('\n') || d.xml.contains('\t'),
        why: "uppsala leaves line breaks and tabs in attribute values (XML 1.0, 3.3.3), so bergshamra canonicalizes others",
    },
];
