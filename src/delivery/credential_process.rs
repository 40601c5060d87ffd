//! The JSON that the AWS CLI and SDKs read from a `credential_process`, with
//! the role, the account, the user and the deciding rule beside it (readers ignore
//! what they do not know).

use super::json::{rfc3339, to_wiped_json};
use crate::broker::HandOver;
use secrecy::ExposeSecret;
use serde::Serialize;
use zeroize::Zeroizing;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
    #[serde(rename = "role")]
    role: &'a str,
    #[serde(rename = "account")]
    account: &'a str,
    #[serde(rename = "user")]
    user: &'a str,
    #[serde(rename = "rule")]
    rule: &'a str,
    #[serde(rename = "limited", skip_serializing_if = "Option::is_none")]
    limited: Option<bool>,
}

/// `{"Version":1,"AccessKeyId":…,"SecretAccessKey":…,"SessionToken":…,"Expiration":…,
/// "role":…,"account":…,"user":…,"rule":…,"limited":…}`; without `limited` where nobody
/// knows it.
pub fn json(hand_over: &HandOver) -> Zeroizing<Vec<u8>> {
    let credentials = &hand_over.credentials;
    to_wiped_json(
        &Document {
            version: 1,
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose_secret(),
            session_token: credentials.session_token.expose_secret(),
            expiration: rfc3339(credentials.expiration),
            role: &hand_over.role,
            account: &hand_over.account,
            user: &hand_over.user,
            rule: &hand_over.rule,
            limited: hand_over.limited,
        },
        credentials.session_token.expose_secret().len(),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_what_credential_process_readers_expect() {
        let json: serde_json::Value =
            serde_json::from_slice(&super::json(&crate::delivery::example())).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "Version": 1,
                "AccessKeyId": "ASIAEXAMPLE",
                "SecretAccessKey": "wJalr/\"quoted\"",
                "SessionToken": "IQoJb3JpZ2lu+/=",
                "Expiration": "2026-11-23T07:00:00Z",
                "role": "arn:aws:iam::123456789012:role/ADFS-Production",
                "account": "123456789012",
                "user": "alice@example.com",
                "rule": "production",
                "limited": true,
            })
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let unknown = crate::broker::HandOver { limited: None, ..crate::delivery::example() };
        let json: serde_json::Value = serde_json::from_slice(&super::json(&unknown)).unwrap();
        assert_eq!(json.get("limited"), None);
    }
}
