//! Why a response is refused: one flat list, each variant with a stable code.
//!
//! A refusal carries no text of the message: everything in it could have been
//! written by an attacker, and everything here ends up in logs and answers.

/// Which cap a document ran into (see [`Limits`](super::Limits)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// More nodes than `max_nodes`.
    Nodes,
    /// Elements nested deeper than `max_depth`.
    Depth,
    /// More attributes on one element than `max_attributes`.
    Attributes,
    /// More namespace declarations than `max_namespaces`.
    Namespaces,
}

/// Why a SAML response is not believed. Nothing was changed anywhere when one
/// of these is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SamlRefusal {
    // Reading: the message is not what the HTTP-POST binding says (bindings 3.5).
    /// The `SAMLResponse` field is empty.
    #[error("the SAMLResponse field is empty")]
    Empty,
    /// More base64 characters than `max_response_chars`.
    #[error("the response is longer than the limit")]
    TooLong,
    /// The field is not base64 (RFC 4648 section 4, white space allowed).
    #[error("the response is not base64")]
    NotBase64,
    /// The bytes are DEFLATE-compressed, as the HTTP-Redirect binding sends them.
    #[error("the response is compressed, as for the HTTP-Redirect binding")]
    Compressed,
    /// The bytes are not UTF-8 (UTF-16 and other encodings are not accepted).
    #[error("the response is not UTF-8")]
    NotUtf8,
    /// The text is not well-formed, namespace-well-formed XML 1.0 with one root.
    #[error("the response is not well-formed XML")]
    NotXml,
    /// The document has a DOCTYPE, of whatever content.
    #[error("the response has a document type declaration")]
    Doctype,
    /// The document is bigger than any honest one.
    #[error("the response is too complex: {0:?}")]
    TooComplex(Cap),
    /// The root is not `samlp:Response` (core 3.3.3).
    #[error("the message is not a SAML response")]
    NotAResponse,
    /// There is not exactly one `saml:Assertion`, a child of the Response.
    #[error("the response does not hold exactly one assertion")]
    NotOneAssertion,
    /// The assertion is encrypted, and no decryption key is configured.
    #[error("the assertion is encrypted, and no decryption key is configured")]
    EncryptedAssertion,
    /// Encrypted in another way than with RSA-OAEP and AES, or the encrypted
    /// element is not built as core 2.3.4 wants it.
    #[error("the assertion is encrypted in a way that is not accepted")]
    EncryptionRefused,
    /// None of our keys opens it, or what is in it is not one assertion signed
    /// by a configured identity provider. Which of the two is told to nobody.
    #[error("the encrypted assertion does not hold a signed assertion that our keys can open")]
    NotDecryptable,

    // Verifying: XML Signature as SAML profiles it (core 5.4).
    /// No configured identity provider has this issuer.
    #[error("no identity provider of this issuer is configured")]
    UnknownIssuer,
    /// Neither the Response nor the Assertion carries a signature.
    #[error("neither the response nor its assertion is signed")]
    NotSigned,
    /// A `ds:Signature` stands somewhere else than as a child of the Response
    /// or of its Assertion, or twice.
    #[error("a signature stands where none may stand")]
    SignatureMisplaced,
    /// The signature's structure is not the one of core 5.4.
    #[error("the signature is malformed")]
    SignatureMalformed,
    /// The reference is not exactly one, to the signature's own parent, by `ID`.
    #[error("the signature does not refer to the element that holds it")]
    ReferenceRefused,
    /// Other transforms than enveloped-signature and exclusive canonicalization,
    /// or another canonicalization of the signature itself.
    #[error("the signature uses a transform that is not accepted")]
    TransformRefused,
    /// An algorithm outside the allow-list (RSA or ECDSA with SHA-256/384/512).
    #[error("the signature uses an algorithm that is not accepted")]
    AlgorithmRefused,
    /// Two elements carry the same `ID`.
    #[error("two elements carry the same ID")]
    DuplicateId,
    /// The signed element cannot be canonicalized (relative namespace URI).
    #[error("the signed element cannot be canonicalized")]
    NotCanonicalizable,
    /// The digest of the signed element is another one: it was changed.
    #[error("the signed element was changed after it was signed")]
    DigestMismatch,
    /// None of the issuer's configured keys made this signature.
    #[error("none of the issuer's configured keys made this signature")]
    SignatureMismatch,

    /// What we know of the issuer's keys is past its `validUntil` (metadata 2.3.1).
    #[error("the issuer's metadata has expired, and no newer could be had")]
    MetadataExpired,

    // Accepting: the assertion is genuine; is it meant for us, now?
    /// The identity provider reports that the sign-in did not succeed (core 3.2.2).
    /// Mostly found while reading: such a response has no assertion to verify.
    #[error("the identity provider reports that the sign-in did not succeed")]
    NotSuccess,
    /// `Version` is not 2.0.
    #[error("the message is not SAML version 2.0")]
    WrongVersion,
    /// A required attribute or element is missing or has no valid value.
    #[error("the assertion lacks a required part or has an invalid one")]
    Incomplete,
    /// The Response's issuer and the Assertion's differ.
    #[error("the response and its assertion name different issuers")]
    IssuerMismatch,
    /// No AudienceRestriction, or one that does not name us (core 2.5.1.4).
    #[error("the assertion is addressed to another audience")]
    WrongAudience,
    /// The subject confirmation's `Recipient` is not our ACS (profiles 4.1.4.2).
    #[error("the assertion is addressed to another recipient")]
    WrongRecipient,
    /// The Response's `Destination` is not our ACS (bindings 3.5.5.2).
    #[error("the response is addressed to another destination")]
    WrongDestination,
    /// The validity window has not begun (`NotBefore`, `IssueInstant`).
    #[error("the assertion is not valid yet")]
    NotYetValid,
    /// The validity window is over (`NotOnOrAfter`).
    #[error("the assertion has expired")]
    Expired,
    /// A condition that is not understood (core 2.5.1.1: then it is invalid).
    #[error("the assertion has a condition that is not understood")]
    UnknownCondition,
    /// No `bearer` subject confirmation (profiles 4.1.4.2).
    #[error("the assertion has no bearer confirmation")]
    NotBearer,
    /// `InResponseTo` names a request that we did not make.
    #[error("the response answers a request that was not made here")]
    UnknownRequest,
    /// The request that is answered was made longer ago than is accepted.
    #[error("the response answers a request that was made too long ago")]
    RequestExpired,
    /// No request was made, and this identity provider may not start logins.
    #[error("logins started by this identity provider are switched off")]
    UnsolicitedRefused,
    /// No AuthnStatement (profiles 4.1.4.2).
    #[error("the assertion does not say how the person signed in")]
    NoAuthnStatement,
    /// `SessionNotOnOrAfter` has passed.
    #[error("the session at the identity provider is over")]
    SessionOver,
    /// A new sign-in was asked for (`ForceAuthn`), and an older one is asserted.
    #[error("the person did not sign in anew, as was asked")]
    NotReauthenticated,
    /// Signed in by another method than those that were asked for exactly.
    #[error("the person signed in by another method than was asked")]
    OtherAuthnContext,
    /// Issued longer ago than the configured maximum.
    #[error("the assertion was issued too long ago")]
    TooOld,
    /// Valid for longer than the configured maximum.
    #[error("the assertion is valid for longer than is accepted")]
    LivesTooLong,

    // Selecting: the values that the assertion was made for.
    /// A comment, processing instruction or element stands inside a value.
    #[error("a value holds something else than text")]
    ValueNotText,
    /// A single value is expected and several are there.
    #[error("a value that must be single is there several times")]
    ValueNotSingle,
    /// An encrypted identifier or attribute that none of our keys opens, or
    /// that holds something else.
    #[error("an encrypted value cannot be decrypted")]
    ValueNotDecryptable,
    /// The assertion names no person.
    #[error("the assertion names no person")]
    NoNameId,
    /// No value was found where the configuration looks for the session name.
    #[error("the assertion has no role session name")]
    NoRoleSessionName,
}

impl SamlRefusal {
    /// The stable, documented code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "response_empty",
            Self::TooLong => "response_too_long",
            Self::NotBase64 => "response_not_base64",
            Self::Compressed => "response_compressed",
            Self::NotUtf8 => "response_not_utf8",
            Self::NotXml => "response_not_xml",
            Self::Doctype => "response_doctype",
            Self::TooComplex(_) => "response_too_complex",
            Self::NotAResponse => "not_a_response",
            Self::NotOneAssertion => "not_one_assertion",
            Self::EncryptedAssertion => "assertion_encrypted",
            Self::EncryptionRefused => "encryption_refused",
            Self::NotDecryptable => "assertion_not_decryptable",
            Self::UnknownIssuer => "issuer_unknown",
            Self::NotSigned => "not_signed",
            Self::SignatureMisplaced => "signature_misplaced",
            Self::SignatureMalformed => "signature_malformed",
            Self::ReferenceRefused => "signature_reference",
            Self::TransformRefused => "signature_transform",
            Self::AlgorithmRefused => "signature_algorithm",
            Self::DuplicateId => "duplicate_id",
            Self::NotCanonicalizable => "not_canonicalizable",
            Self::DigestMismatch => "digest_mismatch",
            Self::SignatureMismatch => "signature_mismatch",
            Self::MetadataExpired => "metadata_expired",
            Self::NotSuccess => "sign_in_failed",
            Self::WrongVersion => "wrong_version",
            Self::Incomplete => "assertion_incomplete",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::WrongAudience => "wrong_audience",
            Self::WrongRecipient => "wrong_recipient",
            Self::WrongDestination => "wrong_destination",
            Self::NotYetValid => "assertion_not_yet_valid",
            Self::Expired => "assertion_expired",
            Self::UnknownCondition => "unknown_condition",
            Self::NotBearer => "not_bearer",
            Self::UnknownRequest => "unknown_request",
            Self::RequestExpired => "request_expired",
            Self::UnsolicitedRefused => "idp_initiated_off",
            Self::NoAuthnStatement => "no_authn_statement",
            Self::SessionOver => "idp_session_over",
            Self::NotReauthenticated => "not_reauthenticated",
            Self::OtherAuthnContext => "other_authn_context",
            Self::TooOld => "assertion_too_old",
            Self::LivesTooLong => "assertion_lives_too_long",
            Self::ValueNotText => "value_not_text",
            Self::ValueNotSingle => "value_not_single",
            Self::ValueNotDecryptable => "value_not_decryptable",
            Self::NoNameId => "no_name_id",
            Self::NoRoleSessionName => "no_role_session_name",
        }
    }

    /// Whether the message was proven to come from a configured identity
    /// provider before it was refused. Only such refusals are worth an audit
    /// record: anybody can send the others, as many as they like.
    pub const fn is_authenticated(self) -> bool {
        match self {
            Self::Empty
            | Self::TooLong
            | Self::NotBase64
            | Self::Compressed
            | Self::NotUtf8
            | Self::NotXml
            | Self::Doctype
            | Self::TooComplex(_)
            | Self::NotAResponse
            | Self::NotOneAssertion
            | Self::EncryptedAssertion
            | Self::EncryptionRefused
            | Self::NotDecryptable
            | Self::UnknownIssuer
            | Self::NotSigned
            | Self::SignatureMisplaced
            | Self::SignatureMalformed
            | Self::ReferenceRefused
            | Self::TransformRefused
            | Self::AlgorithmRefused
            | Self::DuplicateId
            | Self::NotCanonicalizable
            | Self::DigestMismatch
            | Self::SignatureMismatch
            // Verified by a key that is not to be believed any more.
            | Self::MetadataExpired
            // A failure comes without an assertion and mostly without a signature.
            | Self::NotSuccess => false,
            Self::WrongVersion
            | Self::Incomplete
            | Self::IssuerMismatch
            | Self::WrongAudience
            | Self::WrongRecipient
            | Self::WrongDestination
            | Self::NotYetValid
            | Self::Expired
            | Self::UnknownCondition
            | Self::NotBearer
            | Self::UnknownRequest
            | Self::RequestExpired
            | Self::UnsolicitedRefused
            | Self::NoAuthnStatement
            | Self::SessionOver
            | Self::NotReauthenticated
            | Self::OtherAuthnContext
            | Self::TooOld
            | Self::LivesTooLong
            | Self::ValueNotText
            | Self::ValueNotSingle
            | Self::ValueNotDecryptable
            | Self::NoNameId
            | Self::NoRoleSessionName => true,
        }
    }
}
