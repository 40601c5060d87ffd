//! Credentials without AWS, clearly marked: access key ids begin with `LOCAL`,
//! session tokens with `local.`. The secret follows from the access key id and
//! a local key, and the permissions are sealed in the session token: nothing is
//! stored, and signatures made with the credentials can be verified.

use super::keyfile::{self, KeyBytes, base64_key, random_key};
use super::policy;
use crate::adapters::error::OpenError;
use crate::broker::Credentials;
use crate::broker::ports::{Caller, CallerDirectory, SecureRandom, TokenService, TokenServiceError};
use crate::roles::Grant;
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// Begins every access key id, so that it is not taken for AWS's.
const KEY_ID_PREFIX: &str = "LOCAL";

/// Random characters behind the prefix; 20 in all, as AWS has.
const KEY_ID_RANDOM_CHARS: usize = 15;

/// Begins every session token.
const TOKEN_PREFIX: &str = "local.";

/// Bytes of a secret: 40 characters of base64, as AWS has.
const SECRET_BYTES: usize = 30;

/// The longest session token that is decoded. Ours hold a session policy of at most
/// 2,048 characters; longer ones are not ours.
const MAX_TOKEN_CHARS: usize = 8 * 1024;

/// The action of the ping, as API Gateway names it.
const PING_ACTION: &str = "execute-api:Invoke";

#[derive(Serialize, Deserialize)]
struct IssuerKey {
    #[serde(with = "base64_key")]
    key: KeyBytes,
}

impl keyfile::Content for IssuerKey {
    const KIND: &'static str = "Vestibule local issuer key";
    fn is_sound(&self) -> bool {
        true
    }
}

/// The values of a grant that credentials depend on.
struct Terms<'a> {
    partition: &'a str,
    account: &'a str,
    role_name: &'a str,
    session_name: &'a str,
    duration: Duration,
    session_ends: Option<OffsetDateTime>,
    session_policy: Option<&'a str>,
    has_managed_policies: bool,
}

/// The content of the session token, which is sealed.
#[derive(Serialize, Deserialize)]
struct TokenClaims {
    partition: String,
    account: String,
    role_name: String,
    session_name: String,
    #[serde(with = "time::serde::timestamp")]
    expiration: OffsetDateTime,
    session_policy: Option<String>,
    has_managed_policies: bool,
}

/// Issues local credentials, and knows their callers again.
pub struct LocalSts {
    secrets: hmac::Key,
    tokens: LessSafeKey,
    region: String,
    random: Arc<dyn SecureRandom>,
}

impl LocalSts {
    /// Opens the key file, creating it if it is missing. `region`: what
    /// signatures and session policies must name.
    ///
    /// # Errors
    /// [`OpenError`], also if other users could reach the key.
    pub fn open(path: &Path, region: String, random: Arc<dyn SecureRandom>) -> Result<Self, OpenError> {
        let (file, _) = keyfile::load_or_create(path, &*random, || IssuerKey { key: random_key(&*random) })?;
        // Two keys for two purposes from one; HMAC is the PRF (SP 800-108).
        let master = hmac::Key::new(hmac::HMAC_SHA256, &file.key);
        let secrets = hmac::sign(&master, b"vestibule local secret access keys");
        let tokens = hmac::sign(&master, b"vestibule local session tokens");
        let tokens =
            UnboundKey::new(&AES_256_GCM, tokens.as_ref()).map_err(|_| OpenError::KeyFileContent {
                path: path.to_owned(),
                expected: <IssuerKey as keyfile::Content>::KIND,
                reason: "its key is unusable",
            })?;
        Ok(Self {
            secrets: hmac::Key::new(hmac::HMAC_SHA256, secrets.as_ref()),
            tokens: LessSafeKey::new(tokens),
            region,
            random,
        })
    }

    fn credentials(&self, terms: &Terms<'_>, now: OffsetDateTime) -> Result<Credentials, TokenServiceError> {
        let mut expiration = now + terms.duration;
        if let Some(ends) = terms.session_ends {
            expiration = expiration.min(ends);
        }
        // Whole seconds, as AWS has, and never later than allowed.
        let expiration = expiration.replace_nanosecond(0).map_err(|_| TokenServiceError::Refused)?;
        if expiration <= now {
            return Err(TokenServiceError::AssertionExpired);
        }
        let access_key_id = self.new_key_id();
        let claims = TokenClaims {
            partition: terms.partition.to_owned(),
            account: terms.account.to_owned(),
            role_name: terms.role_name.to_owned(),
            session_name: terms.session_name.to_owned(),
            expiration,
            session_policy: terms.session_policy.map(str::to_owned),
            has_managed_policies: terms.has_managed_policies,
        };
        Ok(Credentials {
            secret_access_key: self.secret_of(&access_key_id),
            session_token: self.seal(&access_key_id, &claims)?,
            access_key_id,
            expiration,
        })
    }

    fn new_key_id(&self) -> String {
        // RFC 4648's base32 alphabet, which AWS's ids use too.
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut random = [0; KEY_ID_RANDOM_CHARS];
        self.random.fill(&mut random);
        let chars =
            random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31))).copied().map(char::from);
        KEY_ID_PREFIX.chars().chain(chars).collect()
    }

    fn secret_of(&self, access_key_id: &str) -> SecretString {
        let tag = hmac::sign(&self.secrets, access_key_id.as_bytes());
        STANDARD.encode(tag.as_ref().get(..SECRET_BYTES).unwrap_or_default()).into()
    }

    fn seal(&self, access_key_id: &str, claims: &TokenClaims) -> Result<SecretString, TokenServiceError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut body = serde_json::to_vec(claims).map_err(|_| TokenServiceError::Refused)?;
        self.tokens
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(access_key_id),
                &mut body,
            )
            .map_err(|_| TokenServiceError::Unavailable)?;
        let sealed = [nonce.as_slice(), body.as_slice()].concat();
        Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed)).into())
    }

    fn open_token(&self, access_key_id: &str, token: &str) -> Option<TokenClaims> {
        if token.len() > MAX_TOKEN_CHARS {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(TOKEN_PREFIX)?).ok()?;
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let claims = self.tokens.open_in_place(nonce, Aad::from(access_key_id), &mut body).ok()?;
        serde_json::from_slice(claims).ok()
    }

    /// Managed policies live in AWS; unread, they might forbid anything.
    fn ping_allowed(&self, claims: &TokenClaims) -> bool {
        let resource = format!(
            "arn:{}:execute-api:{}:{}:vestibule/*/GET/users",
            claims.partition, self.region, claims.account
        );
        !claims.has_managed_policies
            && claims
                .session_policy
                .as_deref()
                .is_none_or(|policy| policy::allows(policy, PING_ACTION, &resource))
    }

    fn find(&self, access_key_id: &str, session_token: &str, now: OffsetDateTime) -> Option<Caller> {
        let claims = self.open_token(access_key_id, session_token)?;
        (now < claims.expiration).then(|| Caller {
            secret_access_key: self.secret_of(access_key_id),
            assumed_role_arn: format!(
                "arn:{}:sts::{}:assumed-role/{}/{}",
                claims.partition, claims.account, claims.role_name, claims.session_name
            ),
            ping_allowed: self.ping_allowed(&claims),
        })
    }
}

#[async_trait]
impl TokenService for LocalSts {
    async fn assume_role(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        let terms = Terms {
            partition: grant.role().partition(),
            account: grant.role().account(),
            role_name: grant.role().name(),
            session_name: grant.identity().role_session_name(),
            duration: grant.duration(),
            session_ends: grant.identity().session_not_on_or_after(),
            session_policy: grant.session_policy(),
            has_managed_policies: !grant.policy_arns().is_empty(),
        };
        self.credentials(&terms, now)
    }
}

#[async_trait]
impl CallerDirectory for LocalSts {
    async fn caller(&self, access_key_id: &str, session_token: &str, now: OffsetDateTime) -> Option<Caller> {
        self.find(access_key_id, session_token, now)
    }
}
