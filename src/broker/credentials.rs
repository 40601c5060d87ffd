//! Credentials, and what is handed over with them.

use crate::roles::Grant;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// What a token service gives. Secrets cannot be printed.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Names the key in CloudTrail; not a secret.
    pub access_key_id: String,
    pub secret_access_key: SecretString,
    /// As secret as the key: the two together sign requests.
    pub session_token: SecretString,
    /// When AWS stops accepting them.
    pub expiration: OffsetDateTime,
}

/// What the caller of `GET /saml` receives: credentials, and for which person and role.
#[derive(Debug)]
pub struct HandOver {
    pub credentials: Credentials,
    /// The role's ARN.
    pub role: String,
    /// The 12-digit account.
    pub account: String,
    /// The role session name: who AWS will say it was.
    pub user: String,
    /// Name of the identity provider.
    pub idp: String,
    /// The person's NameID, for the record of the delivery; it is not handed over.
    /// `None` where an earlier version sealed it.
    pub name_id: Option<String>,
    /// The rule that decided.
    pub rule: String,
    /// Whether the rule narrows what the role may do by session policies.
    /// `None` where an earlier version sealed it: then nobody here knows.
    pub limited: Option<bool>,
}

/// The plaintext inside the seal.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    access_key_id: std::borrow::Cow<'a, str>,
    secret_access_key: std::borrow::Cow<'a, str>,
    session_token: std::borrow::Cow<'a, str>,
    expiration: i64,
    role: std::borrow::Cow<'a, str>,
    account: std::borrow::Cow<'a, str>,
    user: std::borrow::Cow<'a, str>,
    idp: std::borrow::Cow<'a, str>,
    name_id: Option<std::borrow::Cow<'a, str>>,
    rule: std::borrow::Cow<'a, str>,
    limited: Option<bool>,
}

impl HandOver {
    pub(super) fn new(grant: &Grant, credentials: Credentials) -> Self {
        Self {
            credentials,
            role: grant.role().as_str().to_owned(),
            account: grant.role().account().to_owned(),
            user: grant.identity().role_session_name().to_owned(),
            idp: grant.identity().idp().to_owned(),
            name_id: Some(grant.identity().name_id().to_owned()),
            rule: grant.rule().to_owned(),
            limited: Some(grant.is_limited()),
        }
    }

    /// The bytes to seal; `None` if they cannot be written: nothing incomplete is
    /// ever sealed.
    pub(super) fn to_plaintext(&self) -> Option<SecretSlice<u8>> {
        let wire = Wire {
            access_key_id: (&self.credentials.access_key_id).into(),
            secret_access_key: self.credentials.secret_access_key.expose_secret().into(),
            session_token: self.credentials.session_token.expose_secret().into(),
            expiration: self.credentials.expiration.unix_timestamp(),
            role: (&self.role).into(),
            account: (&self.account).into(),
            user: (&self.user).into(),
            idp: (&self.idp).into(),
            name_id: self.name_id.as_ref().map(Into::into),
            rule: (&self.rule).into(),
            limited: self.limited,
        };
        // Reserved up front: a growing Vec would leave copies of the secret behind.
        let mut plaintext = Vec::with_capacity(8 * 1024);
        serde_json::to_writer(&mut plaintext, &wire).ok()?;
        Some(plaintext.into())
    }

    /// The hand-over inside an opened seal; `None` if it is not one of ours.
    pub(super) fn from_plaintext(plaintext: &SecretSlice<u8>) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_slice(plaintext.expose_secret()).ok()?;
        let secret = Zeroizing::new(wire.secret_access_key.into_owned());
        let token = Zeroizing::new(wire.session_token.into_owned());
        Some(Self {
            credentials: Credentials {
                access_key_id: wire.access_key_id.into_owned(),
                secret_access_key: secret.as_str().into(),
                session_token: token.as_str().into(),
                expiration: OffsetDateTime::from_unix_timestamp(wire.expiration).ok()?,
            },
            role: wire.role.into_owned(),
            account: wire.account.into_owned(),
            user: wire.user.into_owned(),
            idp: wire.idp.into_owned(),
            name_id: wire.name_id.map(std::borrow::Cow::into_owned),
            rule: wire.rule.into_owned(),
            limited: wire.limited,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::HandOver;

    /// What the version before sealed may wait while this one takes its place.
    #[test]
    fn what_an_earlier_version_sealed_still_opens() {
        let earlier = r#"{"access_key_id":"ASIAEXAMPLE","secret_access_key":"s","session_token":"t",
            "expiration":1795417200,"role":"arn:aws:iam::123456789012:role/R","account":"123456789012",
            "user":"alice","idp":"ADFS","name_id":"alice","rule":"production"}"#;
        let opened = HandOver::from_plaintext(&earlier.as_bytes().to_vec().into()).unwrap();
        assert_eq!((opened.rule.as_str(), opened.limited), ("production", None));
        for limited in [None, Some(false), Some(true)] {
            let sealed = HandOver {
                limited,
                ..HandOver::from_plaintext(&earlier.as_bytes().to_vec().into()).unwrap()
            };
            assert_eq!(HandOver::from_plaintext(&sealed.to_plaintext().unwrap()).unwrap().limited, limited);
        }
    }
}
