//! The credentials themselves, as the service seals them and as AWS's tools read them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

/// What the service handed over, opened.
pub(super) struct Document {
    pub(super) credentials: Credentials,
    pub(super) role: String,
    pub(super) account: String,
    pub(super) user: String,
}

/// Wiped when dropped.
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    /// As the service wrote it.
    pub(super) expiration: String,
    pub(super) expires_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Sealed {
    #[serde(rename = "AccessKeyId")]
    access_key_id: String,
    #[serde(rename = "SecretAccessKey")]
    secret_access_key: String,
    #[serde(rename = "SessionToken")]
    session_token: String,
    #[serde(rename = "Expiration")]
    expiration: String,
    role: String,
    account: String,
    user: String,
}

impl Document {
    /// `None` if something is missing, as it would be from another version.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        let read: Sealed = serde_json::from_slice(json).ok()?;
        let secret_access_key = Zeroizing::new(read.secret_access_key);
        let session_token = Zeroizing::new(read.session_token);
        let expires_at = moment(&read.expiration)?;
        Some(Self {
            credentials: Credentials {
                access_key_id: read.access_key_id,
                secret_access_key,
                session_token,
                expiration: read.expiration,
                expires_at,
            },
            role: read.role,
            account: read.account,
            user: read.user,
        })
    }
}

/// A moment as the service writes it.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Process<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: &'a str,
    role_arn: &'a str,
}

impl Credentials {
    /// For `credential_process`.
    pub(super) fn for_process(&self) -> Zeroizing<Vec<u8>> {
        self.wiped(&Process {
            version: 1,
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: &self.session_token,
            expiration: &self.expiration,
        })
    }

    /// For AWS's container credentials provider.
    pub(super) fn for_container(&self, role_arn: &str) -> Zeroizing<Vec<u8>> {
        self.wiped(&Container {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            token: &self.session_token,
            expiration: &self.expiration,
            role_arn,
        })
    }

    fn wiped(&self, document: &impl Serialize) -> Zeroizing<Vec<u8>> {
        // Room for all of it: a buffer that grows leaves copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(4096 + 2 * self.session_token.len()));
        // Only text goes into memory: neither can fail.
        if serde_json::to_writer(&mut *out, document).is_err() {
            out.clear();
        }
        out.push(b'\n');
        out
    }
}

#[cfg(test)]
pub(super) const EXAMPLE: &str = r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secret/\"","SessionToken":"token+/=","Expiration":"2026-11-28T13:00:00Z","role":"arn:aws:iam::123456789012:role/Reader","account":"123456789012","user":"ada","rule":"all","limited":true,"later":1}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_read_what_the_service_wrote() {
        let document = Document::read(EXAMPLE.as_bytes()).unwrap();
        let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
        assert_eq!(
            read(&document.credentials.for_process()),
            serde_json::json!({
                "Version": 1, "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret/\"",
                "SessionToken": "token+/=", "Expiration": "2026-11-28T13:00:00Z",
            })
        );
        assert_eq!(
            read(&document.credentials.for_container("arn")),
            serde_json::json!({
                "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret/\"", "Token": "token+/=",
                "Expiration": "2026-11-28T13:00:00Z", "RoleArn": "arn",
            })
        );
    }

    #[test]
    fn a_member_that_is_missing_is_noticed() {
        for member in
            ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", "role", "account", "user"]
        {
            let mut json: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
            json.as_object_mut().unwrap().remove(member);
            assert!(Document::read(json.to_string().as_bytes()).is_none(), "{member}");
        }
    }
}
