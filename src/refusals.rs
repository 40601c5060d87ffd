//! Every refusal, in one list: a row a line.
//!
//! ```text
//! Variant  "code"  Who  status  TITLE  "what happened"  TO_DO
//! ```
//!
//! - **Variant**, with its data where it has some. A doc comment above a row says
//!   what the sentence leaves out.
//! - **code**: stable; what logs, metrics, the audit trail and programs know it by.
//! - **Who** must act, as in `docs/ERRORS.md`.
//! - **status**, title, sentence and remedy are the answer's. Names in capitals
//!   are texts that several rows share (`http/error.rs`).
//! - `retry_after` and seconds: nothing was consumed, and asking again can succeed.
//!
//! Each section is a macro that hands its rows to another one. The layer that
//! refuses makes its enum of them (`refusal_enum!`), `http` makes the answers
//! (`rows!`): a row that lacks a column does not compile, and a test compares the
//! list with `docs/ERRORS.md`. In brackets: refusals of another section that pass
//! through.

/// The enum of a section: its variants, their codes, and the conversions from what
/// passes through. `Display` is the code: sentences are for answers only.
macro_rules! refusal_enum {
    (
        { $(#[$attribute:meta])* pub enum $name:ident }
        $([ $($outer:ident($inner:ident)),+ ])?
        $(
            $(#[$doc:meta])*
            $variant:ident $(($($data:ty),+))? $({ $($field:ident: $type:ty),+ })? $($mark:ident)?
            $code:literal $($who:ident)|+ $status:literal $title:tt $happened:literal $to_do:tt
            $(retry_after $seconds:literal)?;
        )+
    ) => {
        $(#[$attribute])*
        pub enum $name {
            $($(
                #[doc = concat!("A [`", stringify!($inner), "`].")]
                $outer($inner),
            )+)?
            $(
                #[doc = $happened]
                #[doc = ""]
                $(#[$doc])*
                $variant $(($($data),+))? $({ $($field: $type),+ })?,
            )+
        }

        impl $name {
            /// The stable, documented code.
            pub const fn code(&self) -> &'static str {
                match self {
                    $($(Self::$outer(inner) => inner.code(),)+)?
                    $(Self::$variant { .. } => $code,)+
                }
            }

            /// Each of them, with data of no meaning.
            #[cfg(test)]
            pub(crate) fn all() -> Vec<Self> {
                let own = [
                    $(Self::$variant $(($(<$data>::default()),+))? $({ $($field: <$type>::default()),+ })?,)+
                ];
                own.into_iter()$($(.chain($inner::all().into_iter().map(Self::$outer)))+)?.collect()
            }
        }

        $($(
            impl From<$inner> for $name {
                fn from(inner: $inner) -> Self {
                    Self::$outer(inner)
                }
            }
        )+)?

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl std::error::Error for $name {}
    };
}

/// The mark of a row (the word behind the variant), as a `bool`.
macro_rules! refusal_mark {
    (
        { $refusal:expr }
        $(
            $(#[$doc:meta])*
            $variant:ident $(($($data:ty),+))? $mark:ident
            $code:literal $($who:ident)|+ $status:literal $title:tt $happened:literal $to_do:tt;
        )+
    ) => {
        match $refusal {
            $(Self::$variant { .. } => refusal_mark!($mark),)+
        }
    };
    (proven) => { true };
    (unproven) => { false };
    (outage) => { true };
    (refusal) => { false };
}

/// Why a SAML response is refused. The mark says whether the message was proven to
/// come from a configured identity provider.
macro_rules! saml_refusals { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    // Reading: the message is not what the HTTP-POST binding says (bindings 3.5).
    Empty               unproven "response_empty"            IdP             400 UNREADABLE                  "Your company's sign-in service sent an empty answer." AGAIN_THEN_ASK;
    /// More base64 characters than `max_response_chars`.
    TooLong             unproven "response_too_long"         IdP             413 "The sign-in is too long"   "The answer of your company's sign-in service is longer than AWS accepts. That happens to people in very many groups." ASK;
    /// RFC 4648 section 4; white space is allowed.
    NotBase64           unproven "response_not_base64"       IdP             400 UNREADABLE                  "The answer of your company's sign-in service was damaged on the way." AGAIN_THEN_ASK;
    /// DEFLATE, as the HTTP-Redirect binding sends it.
    Compressed          unproven "response_compressed"       IdP             400 UNREADABLE                  "The answer of your company's sign-in service is compressed, which is not accepted here." SETTINGS_WRONG;
    NotUtf8             unproven "response_not_utf8"         IdP             400 UNREADABLE                  "The answer of your company's sign-in service is written in an alphabet that is not accepted here." SETTINGS_WRONG;
    /// Not well-formed, namespace-well-formed XML 1.0 with one root.
    NotXml              unproven "response_not_xml"          IdP             400 UNREADABLE                  "The answer of your company's sign-in service is not well-formed." AGAIN_THEN_ASK;
    /// A DOCTYPE, of whatever content.
    Doctype             unproven "response_doctype"          IdP             400 UNREADABLE                  "The answer of your company's sign-in service begins with instructions that are never followed here." ASK;
    TooComplex(Cap)     unproven "response_too_complex"      IdP             400 UNREADABLE                  "The answer of your company's sign-in service is more complicated than any honest one." ASK;
    /// The root is not `samlp:Response` (core 3.3.3).
    NotAResponse        unproven "not_a_response"            IdP             400 UNREADABLE                  "What arrived is not the answer to a sign-in." START_AT_THE_PAGE;
    /// Not exactly one `saml:Assertion`, a child of the Response.
    NotOneAssertion     unproven "not_one_assertion"         IdP             400 UNREADABLE                  "The answer of your company's sign-in service does not speak of exactly one sign-in." ASK;
    EncryptedAssertion  unproven "assertion_encrypted"       Operator | IdP  400 UNREADABLE                  "The answer of your company's sign-in service is encrypted, and there is no key to read it with here." SETTINGS_WRONG;
    /// Other algorithms than RSA-OAEP and AES, or not built as core 2.3.4 has it.
    EncryptionRefused   unproven "encryption_refused"        IdP             400 UNREADABLE                  "The answer of your company's sign-in service is encrypted in a way that is not accepted here." SETTINGS_WRONG;
    /// None of our keys opens it, or it does not hold one assertion that a configured
    /// identity provider signed. One refusal for both, or the answer would tell what is in it.
    NotDecryptable      unproven "assertion_not_decryptable" IdP | Operator  403 UNVERIFIED                  "The answer is encrypted, and what is in it could not be read and verified." SETTINGS_WRONG;
    // Verifying: XML Signature as SAML profiles it (core 5.4).
    UnknownIssuer       unproven "issuer_unknown"            Operator        403 UNVERIFIED                  "The answer comes from a sign-in service that is not known here." SETTINGS_WRONG;
    /// Neither the Response nor the Assertion carries a signature.
    NotSigned           unproven "not_signed"                IdP             403 UNVERIFIED                  "The answer is not signed, so anybody could have written it." SETTINGS_WRONG;
    /// A `ds:Signature` that is not a child of the Response or of its Assertion, or a second one.
    SignatureMisplaced  unproven "signature_misplaced"       IdP             403 UNVERIFIED                  "A signature stands in the answer where none belongs." ASK;
    /// Not the structure of core 5.4.
    SignatureMalformed  unproven "signature_malformed"       IdP             403 UNVERIFIED                  "The answer's signature is not built as it must be." ASK;
    /// Not exactly one reference, to the signature's own parent, by `ID`.
    ReferenceRefused    unproven "signature_reference"       IdP             403 UNVERIFIED                  "The answer's signature covers something else than the sign-in." ASK;
    /// Another transform than enveloped-signature and exclusive canonicalization, or
    /// another canonicalization of the signature itself.
    TransformRefused    unproven "signature_transform"       IdP             403 UNVERIFIED                  "The answer's signature needs processing that is not accepted here." SETTINGS_WRONG;
    /// Neither RSA nor ECDSA with SHA-256, SHA-384 or SHA-512.
    AlgorithmRefused    unproven "signature_algorithm"       IdP             403 UNVERIFIED                  "The answer's signature is of a kind that is not accepted here." SETTINGS_WRONG;
    DuplicateId         unproven "duplicate_id"              IdP             403 UNVERIFIED                  "Two parts of the answer have the same name, so it is not clear which one was signed." ASK;
    /// A relative namespace URI.
    NotCanonicalizable  unproven "not_canonicalizable"       IdP             403 UNVERIFIED                  "The answer is written in a way that makes its signature uncheckable." ASK;
    DigestMismatch      unproven "digest_mismatch"           IdP             403 UNVERIFIED                  "The answer was changed after it had been signed." AGAIN_THEN_ASK;
    SignatureMismatch   unproven "signature_mismatch"        Operator        403 UNVERIFIED                  "The answer was signed with a key that is not known here. That happens when your company's sign-in service has changed its key." ASK;
    /// The metadata is past its `validUntil` (metadata 2.3.1). Unproven: a key verified
    /// the signature, but it is not to be trusted any more.
    MetadataExpired     unproven "metadata_expired"          Operator        503 UNVERIFIED                  "What is known here of your company's sign-in service has run out, and nothing newer could be had." AGAIN_THEN_ASK;
    // Accepting: the assertion is genuine; is it meant for us, now?
    /// Another status than Success (core 3.2.2). Unproven: such a response has no assertion
    /// and mostly no signature; most are found while reading.
    NotSuccess          unproven "sign_in_failed"            IdP             403 "You were not signed in"    "Your company's sign-in service says that the sign-in did not succeed." AGAIN_THEN_ASK;
    /// The second-level status code `NoAuthnContext` (core 3.2.2.2): not by the method that was asked for.
    NoAuthnContext      unproven "no_authn_context"          Person | IdP    403 "You were not signed in"    "Your company's sign-in service could not sign you in by the method that is required here." "If you have not set that method up there yet, do so, then sign in again. Else ask for help.";
    WrongVersion        proven   "wrong_version"             IdP             403 NOT_VALID                   "The answer is of another version than the one spoken here." SETTINGS_WRONG;
    Incomplete          proven   "assertion_incomplete"      IdP             403 NOT_VALID                   "A required part of the answer is missing or not valid." SETTINGS_WRONG;
    IssuerMismatch      proven   "issuer_mismatch"           IdP             403 NOT_VALID                   "The answer and the sign-in inside it come from different places." ASK;
    /// No AudienceRestriction, or one that does not name us (core 2.5.1.4).
    WrongAudience       proven   "wrong_audience"            IdP | Operator  403 NOT_VALID                   "The sign-in was made for another service." SETTINGS_WRONG;
    /// The subject confirmation's `Recipient` is not our ACS (profiles 4.1.4.2).
    WrongRecipient      proven   "wrong_recipient"           IdP | Operator  403 NOT_VALID                   "The sign-in was to be delivered to another address." SETTINGS_WRONG;
    /// The Response's `Destination` is not our ACS (bindings 3.5.5.2).
    WrongDestination    proven   "wrong_destination"         IdP | Operator  403 NOT_VALID                   "The answer was to be delivered to another address." SETTINGS_WRONG;
    /// `NotBefore` or `IssueInstant` lies ahead.
    NotYetValid         proven   "assertion_not_yet_valid"   Operator | IdP  403 NOT_VALID                   "The sign-in is dated in the future: two clocks do not agree." "Please wait a minute and sign in again. If this happens a second time, ask for help.";
    /// `NotOnOrAfter` has passed.
    Expired             proven   "assertion_expired"         Person          403 EXPIRED                     "The sign-in is too old. That happens after a long pause, or after going back or reloading." SIGN_IN_AGAIN;
    /// A condition that is not understood makes the assertion invalid (core 2.5.1.1).
    UnknownCondition    proven   "unknown_condition"         IdP             403 NOT_VALID                   "The sign-in is bound to a condition that is not understood here." SETTINGS_WRONG;
    /// No `bearer` subject confirmation (profiles 4.1.4.2).
    NotBearer           proven   "not_bearer"                IdP             403 NOT_VALID                   "The sign-in is not of the kind that a browser can deliver." SETTINGS_WRONG;
    /// `InResponseTo` names a request that was not made here.
    UnknownRequest      proven   "unknown_request"           Page | Operator 403 NOT_VALID                   "The answer belongs to a question that was not asked here." START_AT_THE_PAGE;
    RequestExpired      proven   "request_expired"           Person          403 "The sign-in took too long" "Too much time has passed since you left for your company's sign-in service." START_AT_THE_PAGE;
    /// No `InResponseTo`, and this identity provider may not start logins.
    UnsolicitedRefused  proven   "idp_initiated_off"         Operator        403 NOT_VALID                   "The sign-in was started at your company's sign-in service, which is switched off here." START_AT_THE_PAGE;
    /// Required by profiles 4.1.4.2.
    NoAuthnStatement    proven   "no_authn_statement"        IdP             403 NOT_VALID                   "The answer does not say how you signed in." SETTINGS_WRONG;
    /// `SessionNotOnOrAfter` has passed.
    SessionOver         proven   "idp_session_over"          Person          403 EXPIRED                     "Your session at your company's sign-in service is over." SIGN_IN_AGAIN;
    /// `ForceAuthn` was asked for, and `AuthnInstant` is before the request.
    NotReauthenticated  proven   "not_reauthenticated"       Person | IdP    403 NOT_VALID                   "You had to sign in anew, and your company's sign-in service used an earlier sign-in." AGAIN_THEN_ASK;
    OtherAuthnContext   proven   "other_authn_context"       Person | IdP    403 NOT_VALID                   "You signed in by another method than the one that is required here." AGAIN_THEN_ASK;
    TooOld              proven   "assertion_too_old"         Person          403 EXPIRED                     "The sign-in is older than is accepted here." SIGN_IN_AGAIN;
    LivesTooLong        proven   "assertion_lives_too_long"  IdP | Operator  403 NOT_VALID                   "The sign-in would be valid for longer than is accepted here." SETTINGS_WRONG;
    // Selecting: the values that the assertion was made for.
    /// A comment, processing instruction or element inside a value.
    ValueNotText        proven   "value_not_text"            IdP             403 PERSON_UNCLEAR              "A value in the answer holds something else than text." ASK;
    ValueNotSingle      proven   "value_not_single"          IdP | Operator  403 PERSON_UNCLEAR              "The answer gives several values where there must be one." SETTINGS_WRONG;
    /// None of our keys opens it, or it holds something else.
    ValueNotDecryptable proven   "value_not_decryptable"     IdP | Operator  403 PERSON_UNCLEAR              "A value in the answer is encrypted and could not be read." SETTINGS_WRONG;
    NoNameId            proven   "no_name_id"                IdP             403 PERSON_UNCLEAR              "The answer does not say who you are." SETTINGS_WRONG;
    NoRoleSessionName   proven   "no_role_session_name"      IdP | Operator  403 PERSON_UNCLEAR              "The answer does not say under which name you are to work in AWS." SETTINGS_WRONG;
}};}

/// Why no role is granted.
macro_rules! role_refusals { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    NoRoleOffered            "no_role_offered"           IdP            403 "You have no AWS role"          "You are signed in, but your company's sign-in service gives you no role in AWS." "Ask for a role, then sign in again.";
    /// The identity provider offers no role, and no value of the person stands for one.
    NoRoleMapped             "no_role_mapped"            IdP | Operator 403 "You have no AWS role"          "You are signed in, but none of your groups stands for a role in AWS." "Ask to be put into the group of the role that you need, then sign in again.";
    /// No offered pair is well-formed and names the configured SAML provider.
    NoUsableRole             "no_usable_role"            IdP | Operator 403 "None of your AWS roles fits"   "You are signed in, but none of your roles belongs to the AWS accounts that this service is for." ASK;
    /// No rule holds for any offered role.
    NoRule                   "role_not_allowed"          Operator       403 "Your role is not allowed here" "You are signed in, but none of your roles may be used through this service." "If you need access, ask for a role that may be used here, then sign in again.";
    /// No rule holds, and one would after another sign-in (the name is RFC 9470's).
    InsufficientAuthn { step_up: Option<StepUp> } "insufficient_user_authentication" Person 403 "Please sign in once more" "You are signed in, but a role of yours is given only after a stronger or a newer sign-in." "Sign in again by the method that your company requires for it. If you do not have that method, ask for help.";
    /// The identity provider does not offer it, and no value of the person stands for it; or
    /// it is of a SAML provider that is not configured.
    NotOffered               "role_not_offered"          Page           403 "That role is not yours"        "You are signed in, but the role that was asked for is not one of yours." "Choose another role.";
    /// Several roles meet the deciding rule, and nobody can choose among them.
    Ambiguous                "role_ambiguous"            Operator       403 "Several of your roles fit"     "You are signed in, but more than one of your roles could be used, and this service does not guess." ASK;
    /// `message`: the operator's sentence for the person, from the configuration.
    Rule { message: String, step_up: Option<StepUp> } "role_refused"              Operator       403 "Access is not allowed"         "You are signed in, but access is not allowed for you." "If you think that this is wrong, ask for help and read out the reference.";
    /// Not what STS accepts: `[\w+=,.@-]{2,64}`.
    SessionName              "role_session_name_invalid" IdP            403 "Your name does not fit AWS"    "You are signed in, but AWS does not accept the name that your company's sign-in service gives you." ASK;
}};}

/// Why nothing is sealed to a key.
macro_rules! key_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    /// Of low order: what is sealed to it, everybody can open.
    Refused "key_refused" Page 400 "The sign-in cannot start like this" "The key that was sent along protects nothing." START_AT_THE_PAGE;
}};}

/// Why a RelayState is refused, before the response is even read.
macro_rules! relay_state_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [Key(KeyError)]
    /// No RelayState in the form, or an empty one.
    Missing   "relay_state_missing"   Page | IdP 400 BEGIN_AT_THE_PAGE "The sign-in does not say which page it is for. That happens when it is started from a bookmark, or when your company's sign-in service does not bring it along." START_AT_THE_PAGE;
    /// Not `session-id##challenge` (`docs/PAGE.md`).
    Malformed "relay_state_malformed" Page       400 BEGIN_AT_THE_PAGE "The sign-in does not say properly which page it is for." START_AT_THE_PAGE;
}};}

/// Why a login does not start here.
macro_rules! start_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [RelayState(RelayStateError), Console(ConsoleError), Shell(ShellError)]
    UnknownProvider "idp_unknown"           Page     404 "There is no such sign-in service" "The page sent you to sign in at a service that is not known here." START_AT_THE_PAGE;
    /// Its metadata names no address that a browser can carry a request to.
    NoSignOnService "idp_takes_no_requests" Page     404 "The sign-in cannot start here"    "Sign-ins at your company start at its own sign-in page." ASK;
    /// There is no `[[page]]` of this name.
    UnknownPage     "page_unknown"          Page     400 "The sign-in cannot start like this" "The page gave a name that is not known here." ASK;
    /// A sealed login is begun by the page itself, and nothing shows that it was.
    Elsewhere       "start_elsewhere"       Page | Person 403 BEGIN_AT_THE_PAGE "This sign-in was begun by a link, and here only the page itself can begin one." START_AT_THE_PAGE;
    /// Neither `page` nor `console` nor `shell`.
    UnknownUse      "use_unknown"           Page     400 "The sign-in cannot start like this" "The page asked for something that is not given here." ASK;
    /// Neither a rule nor the provider's configuration asks for this.
    UnknownContext  "authn_context_unknown" Page     400 "The sign-in cannot start like this" "The page asked for a kind of sign-in that is not used here." START_AT_THE_PAGE;
    /// The key ring does not answer, or the signing key cannot be used.
    Keys            "keys_unavailable"      Operator 503 "The sign-in cannot start"         "This service cannot use its keys right now." AGAIN_THEN_ASK;
}};}

/// Why a login failed.
macro_rules! login_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [RelayState(RelayStateError), Saml(SamlRefusal), Role(RoleRefusal), TokenService(TokenServiceError), Console(ConsoleError)]
    /// The store is a copy from before, and may not know that the assertion was used.
    IssuedBeforeRestore "assertion_before_restore" Person 409 "Please sign in again"      "This service was restored or had paused, and cannot know whether this sign-in was used. In a few minutes it takes new ones." SIGN_IN_AGAIN;
    Replayed        "assertion_replayed" Person   409 "This sign-in was already used"      "Each sign-in counts once, and this one has arrived before. That happens after going back or reloading." SIGN_IN_AGAIN;
    /// By another assertion.
    RequestAnswered "request_answered"   Person   409 "This sign-in was used before"       "You signed in a second time for a request that had its answer." START_AT_THE_PAGE;
    SessionTaken    "session_waiting"    Person   409 "Another sign-in is waiting"         "Credentials of an earlier sign-in are still waiting for the same page, and were left untouched." "Go back to the page where you began. If it shows nothing, wait a minute and sign in again.";
    /// The `[[page]]` that began it is no longer configured.
    PageGone        "page_gone"          Operator 403 "The page is no longer served"       "The page where you began is no longer one that gets credentials here." ASK;
    Keys            "keys_unavailable"   Operator 503 "Credentials could not be protected" "You were signed in, but the credentials could not be locked away safely, so they were thrown away." AGAIN_THEN_ASK;
    Store           "store_unavailable"  Operator 503 NOT_READY                            "The sign-in could not be recorded, so no credentials were given." WAIT;
    /// The reservation of the session id ended before the credentials came.
    TooSlow         "login_too_slow"     Operator 503 "The sign-in took too long"          "The sign-in took so long that your place was no longer kept, so the credentials were thrown away." SIGN_IN_AGAIN;
}};}

/// Why a token service gave no credentials. The mark says whether another region may
/// have what this one has not.
macro_rules! token_service_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    AssertionExpired refusal "sts_assertion_expired" Person   502 "Your sign-in is too old for AWS" "You were signed in here, but your sign-in had ended when AWS was asked for credentials." AGAIN_THEN_ASK;
    /// It holds another copy of the identity provider's metadata than we do.
    AssertionInvalid refusal "sts_assertion_invalid" Aws      502 NOT_ACCEPTED                      "You were signed in here, but AWS could not verify the answer of your company's sign-in service." ASK;
    ClaimRejected    refusal "sts_claim_rejected"    IdP      502 NOT_ACCEPTED                      "You were signed in here, but AWS did not accept what your company's sign-in service says about you." ASK;
    /// The role does not trust this provider, this recipient or this person.
    NotTrusted       refusal "sts_not_trusted"       Aws      502 "Your role is not open to you"    "You were signed in here, but in AWS your role does not allow people to come in this way." ASK;
    /// The role does not let our own role in, or that may not assume it.
    HubNotTrusted    refusal "sts_hub_not_trusted"   Aws      502 "Your role is not open to you"    "You were signed in here, but in AWS your role does not let this service in." ASK;
    /// Our own credentials are missing, over, or not known to AWS.
    OwnCredentials   refusal "sts_own_credentials"   Operator 503 NOT_READY                         "You were signed in here, but AWS does not know this service at the moment." AGAIN_THEN_ASK;
    /// What would stand as the source identity in CloudTrail is not one that AWS takes.
    SourceIdentity   refusal "sts_source_identity"   IdP      502 NOT_ACCEPTED                      "You were signed in here, but your name has characters that AWS does not take." ASK;
    /// A value that would be a session tag has a form that AWS does not take.
    SessionTag       refusal "sts_session_tag"       IdP      502 NOT_ACCEPTED                      "You were signed in here, but AWS does not take what your company's sign-in service says about you." ASK;
    /// AWS gives no credentials as short as what is left of the identity provider's session.
    SessionTooShort  refusal "sts_session_too_short" Person   502 "Your sign-in ends too soon"      "You were signed in here, but your sign-in ends sooner than the shortest credentials that AWS gives." AGAIN_THEN_ASK;
    WrongPartition   refusal "sts_wrong_partition"   Operator 502 "Your role is in another AWS"     "You were signed in here, but your role belongs to another part of AWS than this service." ASK;
    RegionDisabled   refusal "sts_region_disabled"   Aws      502 NOT_ACCEPTED                      "You were signed in here, but the AWS region of this service is switched off for your role's account." ASK;
    DurationTooLong  refusal "sts_duration_too_long" Operator 502 NOT_ACCEPTED                      "You were signed in here, but the credentials were to last longer than your role allows." ASK;
    PolicyMalformed  refusal "sts_policy_malformed"  Operator 502 NOT_ACCEPTED                      "You were signed in here, but AWS does not understand the limits that were set for your role." ASK;
    PolicyTooLarge   refusal "sts_policy_too_large"  Operator 502 NOT_ACCEPTED                      "You were signed in here, but the limits that were set for your role are longer than AWS takes." ASK;
    /// For a reason without a variant of its own; asking again will not help.
    Refused          refusal "sts_refused"           Aws      502 NOT_ACCEPTED                      "You were signed in here, but AWS refused to give credentials for your role." ASK;
    Throttled        outage  "sts_throttled"         Operator 503 TOO_MANY                          "You were signed in here, but AWS is asked for credentials too often right now." WAIT;
    Timeout          outage  "sts_timeout"           Operator 503 NOT_ANSWERED                      "You were signed in here, but AWS did not give credentials in time." WAIT;
    Unavailable      outage  "sts_unavailable"       Operator 503 NOT_ANSWERED                      "You were signed in here, but AWS could not be asked for credentials." WAIT;
}};}

/// Why there is no sign-in to the console.
macro_rules! console_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    Off         "console_off"            Operator 403 "The console is not offered here" "This service gives credentials, and no sign-in to the AWS console." ASK;
    /// Neither the home of the role's partition nor one of `console.destinations`.
    Destination "destination_not_listed" Page     400 "The console is not opened there" "The page of the AWS console that was asked for is not one of those that are offered here." START_AT_THE_PAGE;
    /// The federation endpoint takes the credentials for none that it may sign in.
    Refused     "console_refused"        Aws      502 NOT_ACCEPTED                      "You were signed in here, but AWS refused to open its console for your role." ASK;
    Unavailable "console_unavailable"    Operator 503 NOT_ANSWERED                      "You were signed in here, but the AWS console could not be asked to let you in." WAIT;
}};}

/// Why a program at a shell gets nothing.
macro_rules! shell_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [Key(KeyError)]
    Off             "shell_off"               Operator 403 "Programs get nothing here"      "This service gives credentials to pages, and not to programs at a shell." ASK;
    /// No `redirect_uri`, and `shell.other_device` is off.
    OtherDeviceOff  "other_device_off"        Operator 403 "Not for another device"         "This service gives credentials only to programs on the computer whose browser you sign in with." ASK;
    /// Not `http://127.0.0.1:PORT/callback` (RFC 8252 section 7.3).
    RedirectRefused "redirect_refused"        Page     400 MESSAGE_UNREADABLE               "The program's own address is not one of this computer." ASK;
    /// No JSON of the documented shape; at the choice, none of ours, or none at all.
    Malformed       "shell_request_malformed" Page     400 MESSAGE_UNREADABLE               "What the program sent along could not be read." "Start the program again.";
    Expired         "shell_request_expired"   Person   403 "The sign-in took too long"      "Too much time has passed since the program began." "Start the program again.";
    /// What the terminal shows is another number.
    NumberWrong     "number_wrong"            Person   403 "That is another number"         "The number is not the one that belongs to this sign-in." "Type the number that your terminal shows. If somebody told you another one, close this page.";
    Keys            "keys_unavailable"        Operator 503 NOT_READY                        "This service cannot use its keys right now." TRY_AGAIN retry_after 1;
}};}

/// Why there is no choice, or nothing is given of it.
macro_rules! choice_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [Redeem(RedeemError), Login(LoginError), Shell(ShellError)]
    /// No JSON of the documented shape, no part, or a part twice.
    Malformed  "choice_malformed"    Page     400 MESSAGE_UNREADABLE                "What was chosen could not be read." START_AT_THE_PAGE;
    TooMany    "choice_too_many"     Page     400 "Too many roles at once"          "At most ten roles can be taken at once." "Choose fewer, then the others.";
    /// It has ended, or is not the one that the ticket is for.
    Over       "choice_gone"         Person   404 "The time to choose is over"      "A sign-in can be used for five minutes, and those are over." SIGN_IN_AGAIN;
    /// The page that began may not, or no longer, choose (`choose`).
    PageMayNot "page_may_not_choose" Operator 403 "Nothing can be chosen here"      "The page where you began does not let people choose among their roles." ASK;
    /// Another request has begun this part, and it is not done.
    InProgress "choice_in_progress"  Person   503 "AWS is being asked"              "Credentials of this role are being fetched for you already." TRY_AGAIN retry_after 1;
    Store      "store_unavailable"   Operator 503 NOT_READY                         "Your roles could not be looked up right now, and nothing was used up." TRY_AGAIN retry_after 1;
}};}

/// Why nothing is handed over.
macro_rules! redeem_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [Ticket(TicketError)]
    Gone      "gone"               Person   404 "There is nothing to take"    "These credentials were already taken, or have expired, or never existed." SIGN_IN_AGAIN;
    Store     "store_unavailable"  Operator 503 NOT_READY                     "The credentials could not be fetched right now, and are still waiting." TRY_AGAIN retry_after 1;
    /// `ask`: the operator's sentence for the person, from the configuration.
    ReasonRequired { ask: String } "reason_required" Person | Page 428 "A reason is needed" "Whoever uses this role says why, and that is recorded." "Say why you need it, then try again.";
    /// Recorded it would forge the listing it is shown in; or nothing, or more than 500 characters.
    ReasonMalformed { ask: Option<String> } "reason_malformed" Person | Page 400 "The reason cannot be recorded" "A reason is one line of 1 to 500 characters, without control characters." "Write it differently, then try again.";
    /// The credentials may be gone: never retried.
    Uncertain "delivery_uncertain" Person   503 "The delivery is not certain" "It is not certain whether the credentials still exist, so they are given to nobody." SIGN_IN_AGAIN;
}};}

/// Why a ticket takes nothing. Nothing is consumed by any of these.
macro_rules! ticket_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    Missing           "ticket_missing"      Page     401 TICKET_NOT_VALID "There is no ticket in the request." SIGN_IN_AGAIN;
    /// Not a JWT with our claims.
    Malformed         "ticket_malformed"    Page     401 TICKET_NOT_VALID "The ticket is not one that was made here." SIGN_IN_AGAIN;
    /// No valid key of ours made this signature, or issuer or audience is another.
    Invalid           "ticket_invalid"      Page     401 TICKET_NOT_VALID "The ticket was not made here, or was changed." SIGN_IN_AGAIN;
    Expired           "ticket_expired"      Person   401 TICKET_NOT_VALID "The ticket has expired; it lives for seconds only." SIGN_IN_AGAIN;
    /// Made later than now, or not to be used yet (`nbf`): a clock was set back.
    NotYetValid       "ticket_not_yet_valid" Page    401 TICKET_NOT_VALID "The ticket was made later than it is now: a clock of this service was wrong." SIGN_IN_AGAIN;
    /// Its `Origin` is of another page than the one that began.
    OtherPage         "ticket_other_page"   Page     401 TICKET_NOT_VALID "The ticket belongs to a sign-in that began at another page." SIGN_IN_AGAIN;
    /// At `GET /saml`: `/saml/choice` takes it.
    ForChoice         "ticket_for_choice"   Page     401 TICKET_NOT_VALID "The ticket chooses a role, and takes nothing." "Choose a role first.";
    /// At `/saml/choice`: `GET /saml` takes it.
    NotForChoice      "ticket_not_for_choice" Page   401 TICKET_NOT_VALID "The ticket takes credentials, and chooses nothing." SIGN_IN_AGAIN;
    /// No `Vestibule-Verifier` header.
    VerifierMissing   "verifier_missing"    Page     401 TICKET_NOT_VALID "The request does not prove that it comes from the browser that began." SIGN_IN_AGAIN;
    /// The verifier does not meet the ticket's challenge.
    VerifierMismatch  "verifier_mismatch"   Page     401 TICKET_NOT_VALID "The ticket belongs to a sign-in that another browser or tab began." SIGN_IN_AGAIN;
    /// `binding = "plain"` needs `COGNITO_ID`.
    CognitoIdMissing  "cognito_id_missing"  Page     401 TICKET_NOT_VALID "The request does not name the session that the ticket is for." SIGN_IN_AGAIN;
    /// `COGNITO_ID` is not the ticket's session id.
    CognitoIdMismatch "cognito_id_mismatch" Page     401 TICKET_NOT_VALID "The ticket is for another session." SIGN_IN_AGAIN;
    KeysUnavailable   "keys_unavailable"    Operator 503 NOT_READY        "The ticket could not be checked right now, and nothing was taken." TRY_AGAIN retry_after 1;
}};}

/// Why a ping is refused.
#[cfg(unix)]
macro_rules! ping_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    /// No `Authorization` header of AWS Signature Version 4.
    NotSigned  "ping_not_signed"        Page     403 PING_REFUSED "The request is not signed." "Sign it with your credentials.";
    Invalid    "ping_signature_invalid" Page     403 PING_REFUSED "The signature does not hold, or the credentials are not known or have expired." SIGN_IN_AGAIN;
    Expired    "ping_signature_expired" Person   403 PING_REFUSED "The signature's time is more than five minutes away from ours." "Check your clock, then try again.";
    /// The session's policies do not allow `execute-api:Invoke`.
    NotAllowed "ping_not_allowed"       Operator 403 PING_REFUSED "The credentials are good, but do not allow this call." ASK;
}};}

/// Why a request is refused: by itself, by us, or by a use case.
#[cfg(unix)]
macro_rules! request_errors { ($then:ident $($head:tt)*) => { $then! { { $($head)* }
    [Start(StartError), Login(LoginError), Choice(ChoiceError), Redeem(RedeemError), Shell(ShellError), Ping(PingError)]
    NotFound                                 "not_found"          Page     404 "There is nothing here"            "This address does not exist." "Check the address, or go to the start page.";
    /// `allow`: the methods that there are.
    MethodNotAllowed { allow: &'static str } "method_not_allowed" Page     405 "This cannot be done here"         "This address does not answer that kind of request." START_AT_THE_PAGE;
    ContentType                              "content_type"       IdP      415 WRONG_FORMAT                       "What was sent here does not have the format that this address takes." START_AT_THE_PAGE;
    ContentEncoding                          "content_encoding"   IdP      415 WRONG_FORMAT                       "What was sent here is compressed, which this address does not take." START_AT_THE_PAGE;
    BodyTooLarge                             "body_too_large"     IdP      413 "The message is too long"          "What was sent here is longer than any sign-in should be." "If you were signing in, you may be in very many groups. Please ask for help and read out the reference.";
    BodyTimeout                              "body_timeout"       Person   408 "The message took too long"        "Your connection was too slow, and the sign-in did not arrive in time." SIGN_IN_AGAIN;
    BodyIncomplete                           "body_incomplete"    Person   400 "The message broke off"            "The connection was interrupted before the sign-in had arrived." SIGN_IN_AGAIN;
    /// An invalid escape, not UTF-8, or more fields than any sign-in has.
    FormMalformed                            "form_malformed"     IdP      400 MESSAGE_UNREADABLE                 "What was sent here is damaged." AGAIN_THEN_ASK;
    /// Two fields of one name.
    DuplicateField                           "duplicate_field"    IdP      400 MESSAGE_UNREADABLE                 "What was sent here says the same thing twice, so it is not clear what counts." AGAIN_THEN_ASK;
    ResponseMissing                          "response_missing"   IdP      400 "There was no sign-in"             "This address takes the answer of your company's sign-in service, and there was none." START_AT_THE_PAGE;
    EventMalformed                           "event_malformed"    Operator 400 "The event could not be read"      "What was sent here is not an authorizer event." "Send the event as API Gateway does.";
    /// The authorizer's no. API Gateway's own word, so that a gateway can pass it on as it is.
    Unauthorized                             "unauthorized"       Page     401 "Unauthorized"                     "Unauthorized" "";
    /// All slots are taken.
    Busy                                     "busy"               Operator 503 TOO_MANY                           "Right now more people are signing in than this service can take." WAIT retry_after 1;
    /// One client has more requests in progress, or makes more a minute, than one may.
    TooManyRequests { retry_after: u32 }     "too_many_requests"  Person   429 TOO_MANY                           "From your network more sign-ins arrive than this service takes from one place." WAIT;
    /// A gateway has forwarded what is no HTTP request ([`Unreadable`](crate::http::Unreadable)).
    RequestMalformed                         "request_malformed"  Page     400 MESSAGE_UNREADABLE                 "What was sent here is not a request that can be read." START_AT_THE_PAGE;
    /// HTTP/1.1 without exactly one Host (RFC 9112 3.2).
    HostMalformed                            "host_malformed"     Page     400 MESSAGE_UNREADABLE                 "The request does not say properly which host it is for." START_AT_THE_PAGE;
    Internal                                 "internal"           Us       500 "Something went wrong on our side" "This service made a mistake while working on your request." AGAIN_THEN_ASK;
}};}
