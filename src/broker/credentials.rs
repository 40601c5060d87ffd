//! Credentials, or a sign-in by them, and what is handed over with either.

use super::ids::LoginId;
use super::reason::Reason;
use crate::delivery;
use crate::roles::{Grant, Use};
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

impl Credentials {
    /// As formats write them.
    pub fn written(&self) -> delivery::Credentials<'_> {
        delivery::Credentials {
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.expose_secret(),
            session_token: self.session_token.expose_secret(),
        }
    }
}

/// Credentials or a sign-in by them: nobody gets both of one login.
pub enum HandedOver {
    Credentials(Credentials),
    /// To the AWS console. The credentials themselves are gone.
    Console {
        /// Signs in whoever opens it first, so as secret as the credentials.
        url: SecretString,
        /// Of the credentials: what CloudTrail has of the sign-in.
        access_key_id: String,
        /// When the console's session ends, and they with it.
        expiration: OffsetDateTime,
    },
    /// One of these, sealed to who waits for it: nobody here can open it.
    Sealed {
        /// In compact serialization.
        jwe: String,
        /// What is inside.
        for_use: Use,
        /// Of the credentials.
        access_key_id: String,
        /// When it ends.
        expiration: OffsetDateTime,
    },
}

impl std::fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            Self::Credentials(_) => "Credentials",
            Self::Console { .. } => "Console",
            Self::Sealed { .. } => "Sealed",
        };
        f.debug_struct(kind).field("access_key_id", &self.access_key_id()).finish_non_exhaustive()
    }
}

/// What the caller of `GET /saml` receives: that, and for which person and role.
#[derive(Debug)]
pub struct HandOver {
    pub handed_over: HandedOver,
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
    /// Why, where the person had to say so before there were credentials; for the record of
    /// the delivery.
    pub reason: Option<Reason>,
    /// The choice that it is a part of, for the same record.
    pub choice: Option<LoginId>,
}

/// The plaintext inside the seal: with key and token, or with the address. What is `None` is
/// not written, as by the versions that did not know it.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    access_key_id: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_url: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwe: Option<std::borrow::Cow<'a, str>>,
    /// Of what the JWE has inside.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    for_use: Option<std::borrow::Cow<'a, str>>,
    expiration: i64,
    role: std::borrow::Cow<'a, str>,
    account: std::borrow::Cow<'a, str>,
    user: std::borrow::Cow<'a, str>,
    idp: std::borrow::Cow<'a, str>,
    name_id: Option<std::borrow::Cow<'a, str>>,
    rule: std::borrow::Cow<'a, str>,
    limited: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<LoginId>,
}

impl HandedOver {
    /// Names the key in CloudTrail.
    pub fn access_key_id(&self) -> &str {
        match self {
            Self::Credentials(credentials) => &credentials.access_key_id,
            Self::Console { access_key_id, .. } | Self::Sealed { access_key_id, .. } => access_key_id,
        }
    }

    /// When it ends.
    pub fn expiration(&self) -> OffsetDateTime {
        match self {
            Self::Credentials(credentials) => credentials.expiration,
            Self::Console { expiration, .. } | Self::Sealed { expiration, .. } => *expiration,
        }
    }

    /// What it is for. Credentials that are not sealed are always a page's.
    pub fn for_use(&self) -> Use {
        match self {
            Self::Credentials(_) => Use::Page,
            Self::Console { .. } => Use::Console,
            Self::Sealed { for_use, .. } => *for_use,
        }
    }
}

impl HandOver {
    /// The credentials.
    pub(super) fn new(grant: &Grant, credentials: Credentials) -> Self {
        Self::of(grant, HandedOver::Credentials(credentials))
    }

    /// A sign-in to the console by these credentials, of which it has no secret.
    pub(super) fn console(grant: &Grant, credentials: &Credentials, url: SecretString) -> Self {
        let access_key_id = credentials.access_key_id.clone();
        Self::of(grant, HandedOver::Console { url, access_key_id, expiration: credentials.expiration })
    }

    fn of(grant: &Grant, handed_over: HandedOver) -> Self {
        Self {
            handed_over,
            role: grant.role().as_str().to_owned(),
            account: grant.role().account().to_owned(),
            user: grant.identity().role_session_name().to_owned(),
            idp: grant.identity().idp().to_owned(),
            name_id: Some(grant.identity().name_id().to_owned()),
            rule: grant.rule().to_owned(),
            limited: Some(grant.is_limited()),
            reason: None,
            choice: None,
        }
    }

    /// As a part of this choice, and with the reason where one was asked for there.
    #[must_use]
    pub(super) fn of_choice(self, choice: LoginId, reason: Option<Reason>) -> Self {
        Self { choice: Some(choice), reason, ..self }
    }

    /// As formats write it; `None` if it is sealed already.
    pub fn written(&self) -> Option<delivery::HandOver<'_>> {
        let handed_over = match &self.handed_over {
            HandedOver::Credentials(credentials) => delivery::HandedOver::Credentials(credentials.written()),
            HandedOver::Console { url, .. } => delivery::HandedOver::Console(url.expose_secret()),
            HandedOver::Sealed { .. } => return None,
        };
        Some(delivery::HandOver {
            handed_over,
            expiration: self.handed_over.expiration(),
            role: &self.role,
            account: &self.account,
            user: &self.user,
            rule: &self.rule,
            limited: self.limited,
        })
    }

    /// The bytes to seal; `None` if they cannot be written: nothing incomplete is
    /// ever sealed.
    pub(super) fn to_plaintext(&self) -> Option<SecretSlice<u8>> {
        let (key, token, url, jwe) = match &self.handed_over {
            HandedOver::Credentials(Credentials { secret_access_key, session_token, .. }) => {
                (Some(secret_access_key), Some(session_token), None, None)
            }
            HandedOver::Console { url, .. } => (None, None, Some(url), None),
            HandedOver::Sealed { jwe, .. } => (None, None, None, Some(jwe)),
        };
        let wire = Wire {
            access_key_id: self.handed_over.access_key_id().into(),
            secret_access_key: key.map(|secret| secret.expose_secret().into()),
            session_token: token.map(|secret| secret.expose_secret().into()),
            console_url: url.map(|secret| secret.expose_secret().into()),
            jwe: jwe.map(Into::into),
            for_use: jwe.map(|_| self.handed_over.for_use().as_str().into()),
            expiration: self.handed_over.expiration().unix_timestamp(),
            role: (&self.role).into(),
            account: (&self.account).into(),
            user: (&self.user).into(),
            idp: (&self.idp).into(),
            name_id: self.name_id.as_ref().map(Into::into),
            rule: (&self.rule).into(),
            limited: self.limited,
            reason: self.reason.clone(),
            choice: self.choice.clone(),
        };
        // Reserved up front: a growing Vec would leave copies of the secret behind.
        let mut plaintext = Vec::with_capacity(8 * 1024 + jwe.map_or(0, String::len));
        serde_json::to_writer(&mut plaintext, &wire).ok()?;
        Some(plaintext.into())
    }

    /// The hand-over inside an opened seal; `None` if it is not one of ours.
    pub(super) fn from_plaintext(plaintext: &SecretSlice<u8>) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_slice(plaintext.expose_secret()).ok()?;
        let secret = |text: Option<std::borrow::Cow<'_, str>>| {
            let text = Zeroizing::new(text?.into_owned());
            Some(SecretString::from(text.as_str()))
        };
        let access_key_id = wire.access_key_id.into_owned();
        let expiration = OffsetDateTime::from_unix_timestamp(wire.expiration).ok()?;
        let (key, token) = (secret(wire.secret_access_key), secret(wire.session_token));
        let (url, jwe) = (secret(wire.console_url), wire.jwe.map(std::borrow::Cow::into_owned));
        let handed_over = match (key, token, url, jwe) {
            (Some(secret_access_key), Some(session_token), None, None) => {
                HandedOver::Credentials(Credentials {
                    access_key_id,
                    secret_access_key,
                    session_token,
                    expiration,
                })
            }
            (None, None, Some(url), None) => HandedOver::Console { url, access_key_id, expiration },
            (None, None, None, Some(jwe)) => {
                let name = wire.for_use?;
                let (_, for_use) = Use::ALL.into_iter().find(|(known, _)| *known == name)?;
                HandedOver::Sealed { jwe, for_use, access_key_id, expiration }
            }
            _ => return None,
        };
        Some(Self {
            handed_over,
            role: wire.role.into_owned(),
            account: wire.account.into_owned(),
            user: wire.user.into_owned(),
            idp: wire.idp.into_owned(),
            name_id: wire.name_id.map(std::borrow::Cow::into_owned),
            rule: wire.rule.into_owned(),
            limited: wire.limited,
            reason: wire.reason,
            choice: wire.choice,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    const EARLIER: &str = r#"{"access_key_id":"ASIAEXAMPLE","secret_access_key":"s","session_token":"t",
            "expiration":1795417200,"role":"arn:aws:iam::123456789012:role/R","account":"123456789012",
            "user":"alice","idp":"ADFS","name_id":"alice","rule":"production"}"#;

    fn opened(plaintext: &str) -> Option<HandOver> {
        HandOver::from_plaintext(&plaintext.as_bytes().to_vec().into())
    }

    fn text(hand_over: &HandOver) -> String {
        let plaintext = hand_over.to_plaintext().unwrap();
        String::from_utf8(plaintext.expose_secret().to_vec()).unwrap()
    }

    fn console() -> HandOver {
        let url = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=once";
        let expiration = OffsetDateTime::UNIX_EPOCH + Duration::hours(1);
        let handed_over =
            HandedOver::Console { url: url.into(), access_key_id: "ASIAEXAMPLE".into(), expiration };
        HandOver { handed_over, ..opened(EARLIER).unwrap() }
    }

    /// What the version before sealed may wait while this one takes its place.
    #[test]
    fn what_an_earlier_version_sealed_still_opens() {
        let earlier = opened(EARLIER).unwrap();
        assert_eq!((earlier.rule.as_str(), earlier.limited), ("production", None));
        assert_eq!((earlier.reason, earlier.choice), (None, None));
        for limited in [None, Some(false), Some(true)] {
            let sealed = HandOver { limited, ..opened(EARLIER).unwrap() };
            assert_eq!(HandOver::from_plaintext(&sealed.to_plaintext().unwrap()).unwrap().limited, limited);
        }
    }

    /// And the other way round, while some processes are still of the version before.
    #[test]
    fn credentials_are_sealed_as_an_earlier_version_reads_them() {
        let sealed: serde_json::Value = serde_json::from_str(&text(&opened(EARLIER).unwrap())).unwrap();
        let mut expected: serde_json::Value = serde_json::from_str(EARLIER).unwrap();
        expected["limited"] = serde_json::Value::Null;
        assert_eq!(sealed, expected);
    }

    #[test]
    fn a_sign_in_to_the_console_comes_back_without_key_and_token() {
        let choice = LoginId::from_stored("01JD000000000000000000CHOICE".into());
        let reason = Reason::parse("INC-1").unwrap();
        let sealed = console().of_choice(choice.clone(), Some(reason.clone()));
        let json: serde_json::Value = serde_json::from_str(&text(&sealed)).unwrap();
        assert!(json.get("secret_access_key").is_none() && json.get("session_token").is_none(), "{json}");
        let opened = opened(&text(&sealed)).unwrap();
        let HandedOver::Console { url, access_key_id, expiration } = &opened.handed_over else {
            panic!("credentials")
        };
        assert!(url.expose_secret().ends_with("SigninToken=once"));
        assert_eq!((access_key_id.as_str(), expiration.unix_timestamp()), ("ASIAEXAMPLE", 3_600));
        assert_eq!((opened.choice, opened.reason), (Some(choice), Some(reason)));
    }

    #[test]
    fn a_seal_with_both_or_with_half_is_none_of_ours() {
        let url = r#""console_url":"https://signin.aws.amazon.com/","#;
        let both = EARLIER.replace("\"secret_access_key\"", &format!("{url}\"secret_access_key\""));
        let no_token = EARLIER.replace("\"session_token\":\"t\",", "");
        let neither = no_token.replace("\"secret_access_key\":\"s\",", "");
        let half = no_token.replace("\"secret_access_key\"", &format!("{url}\"secret_access_key\""));
        for wrong in [both, no_token, neither, half] {
            assert!(opened(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn nothing_secret_is_in_its_debug() {
        let shown = format!("{:?}", console());
        assert!(!shown.contains("once") && shown.contains("ASIAEXAMPLE"), "{shown}");
    }
}
