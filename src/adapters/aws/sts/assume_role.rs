//! `AssumeRole`: the service's own role asks, for a person whom it has verified. Who and
//! under which conditions is written down at AWS by `SourceIdentity` and session tags.

use super::scope_down::policy_arns;
use crate::broker::ports::TokenServiceError;
use crate::config::{AssumeRole, PersonValue, is_in_tags};
use crate::roles::Grant;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::Client;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::types::{Credentials, Tag};
use std::error::Error;
use time::{Duration, OffsetDateTime};

/// AWS gives no longer ones to a role that assumes another (IAM, "Role chaining").
const LONGEST_SECONDS: i32 = 3_600;

/// The most characters of a tag's value (API reference of `Tag`).
const MAX_TAG_CHARS: usize = 256;

/// What is said of the person, checked: AWS's refusal would not say which of them it means.
pub(super) struct Person {
    session_name: String,
    source_identity: String,
    tags: Vec<Tag>,
}

impl Person {
    /// Nothing is changed to fit: another name would be another person's.
    pub(super) fn of(grant: &Grant, settings: &AssumeRole) -> Result<Self, TokenServiceError> {
        let named = |value: &PersonValue| match only(grant, value) {
            Ok(Some(name)) if is_name(name) => Ok(name.to_owned()),
            Ok(_) | Err(SeveralValues) => Err(TokenServiceError::SourceIdentity),
        };
        let tags = settings.session_tags.iter().filter_map(|(key, value)| {
            let value = match only(grant, value) {
                Ok(value) => value?,
                Err(SeveralValues) => return Some(Err(TokenServiceError::SessionTag)),
            };
            if value.chars().count() > MAX_TAG_CHARS || !value.chars().all(is_in_tags) {
                return Some(Err(TokenServiceError::SessionTag));
            }
            let tag = Tag::builder().key(key).value(value).build();
            Some(tag.map_err(|_| TokenServiceError::SessionTag))
        });
        Ok(Self {
            session_name: named(&PersonValue::RoleSessionName)?,
            source_identity: named(&settings.source_identity)?,
            tags: tags.collect::<Result<_, _>>()?,
        })
    }
}

struct SeveralValues;

fn only<'g>(grant: &'g Grant, value: &PersonValue) -> Result<Option<&'g str>, SeveralValues> {
    let identity = grant.identity();
    match value {
        PersonValue::RoleSessionName => Ok(Some(identity.role_session_name())),
        PersonValue::NameId => Ok(Some(identity.name_id())),
        PersonValue::Selected(name) => match identity.values(name) {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(SeveralValues),
        },
    }
}

/// API reference of `AssumeRole`, `RoleSessionName` and `SourceIdentity`: `[\w+=,.@-]{2,64}`.
fn is_name(name: &str) -> bool {
    let is_it = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (2..=64).contains(&name.len()) && name.bytes().all(is_it)
}

/// STS does not know when the identity provider's session ends: it must not end before
/// the shortest credentials do.
///
/// # Errors
/// [`TokenServiceError::SessionTooShort`].
pub(super) fn fits(
    seconds: i32,
    session_ends: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<i32, TokenServiceError> {
    let seconds = seconds.min(LONGEST_SECONDS);
    match session_ends {
        Some(ends) if now + Duration::seconds(seconds.into()) > ends => {
            Err(TokenServiceError::SessionTooShort)
        }
        Some(_) | None => Ok(seconds),
    }
}

pub(super) async fn ask(
    client: &Client,
    grant: &Grant,
    settings: &AssumeRole,
    person: &Person,
    seconds: i32,
) -> Result<Option<Credentials>, SdkError<AssumeRoleError>> {
    let answer = client
        .assume_role()
        .role_arn(grant.role().as_str())
        .role_session_name(&person.session_name)
        .source_identity(&person.source_identity)
        .set_external_id(settings.external_id.clone())
        .set_tags((!person.tags.is_empty()).then(|| person.tags.clone()))
        .duration_seconds(seconds)
        .set_policy(grant.session_policy().map(str::to_owned))
        .set_policy_arns(policy_arns(grant))
        .send()
        .await?;
    Ok(answer.credentials)
}

/// What differs from `AssumeRoleWithSAML`: it is we who are not known, or not let in.
pub(super) fn meaning(error: &SdkError<AssumeRoleError>, general: TokenServiceError) -> TokenServiceError {
    match error.code() {
        Some("AccessDenied" | "AccessDeniedException") => TokenServiceError::HubNotTrusted,
        Some(
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "IncompleteSignature",
        ) => TokenServiceError::OwnCredentials,
        None if has_no_credentials(error) => TokenServiceError::OwnCredentials,
        Some(_) | None => general,
    }
}

fn has_no_credentials(error: &SdkError<AssumeRoleError>) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<CredentialsError>() {
            return true;
        }
        source = error.source();
    }
    false
}
