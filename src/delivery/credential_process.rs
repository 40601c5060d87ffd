//! The JSON that the AWS CLI and SDKs read from a `credential_process`, with
//! the role, the account, the user and the deciding rule beside it (readers ignore
//! what they do not know). A sign-in to the console is told in the same manner.

use super::json::{rfc3339, to_wiped_json};
use crate::broker::{HandOver, HandedOver};
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
    #[serde(flatten)]
    whose: Whose<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SignIn<'a> {
    console_url: &'a str,
    expiration: String,
    #[serde(flatten)]
    whose: Whose<'a>,
}

#[derive(Serialize)]
struct Whose<'a> {
    role: &'a str,
    account: &'a str,
    user: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited: Option<bool>,
}

/// `{"Version":1,"AccessKeyId":…,"SecretAccessKey":…,"SessionToken":…,"Expiration":…,
/// "role":…,"account":…,"user":…,"rule":…,"limited":…}`; without `limited` where nobody
/// knows it. Of a sign-in to the console, `{"ConsoleUrl":…,"Expiration":…,"role":…, …}`.
pub fn json(hand_over: &HandOver) -> Zeroizing<Vec<u8>> {
    let whose = Whose {
        role: &hand_over.role,
        account: &hand_over.account,
        user: &hand_over.user,
        rule: &hand_over.rule,
        limited: hand_over.limited,
    };
    let expiration = rfc3339(hand_over.handed_over.expiration());
    match &hand_over.handed_over {
        HandedOver::Credentials(credentials) => {
            let session_token = credentials.session_token.expose_secret();
            let document = Document {
                version: 1,
                access_key_id: &credentials.access_key_id,
                secret_access_key: credentials.secret_access_key.expose_secret(),
                session_token,
                expiration,
                whose,
            };
            to_wiped_json(&document, session_token.len())
        }
        HandedOver::Console { url, .. } => {
            let console_url = url.expose_secret();
            to_wiped_json(&SignIn { console_url, expiration, whose }, console_url.len())
        }
    }
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

    #[test]
    fn a_sign_in_to_the_console_is_an_address_and_no_credentials() {
        let expiration = time::OffsetDateTime::from_unix_timestamp(1_795_417_200).unwrap();
        let url = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=once";
        let handed_over = crate::broker::HandedOver::Console {
            url: url.into(),
            access_key_id: "ASIAEXAMPLE".into(),
            expiration,
        };
        let console = crate::broker::HandOver { handed_over, ..crate::delivery::example() };
        let json: serde_json::Value = serde_json::from_slice(&super::json(&console)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "ConsoleUrl": url,
                "Expiration": "2026-11-23T07:00:00Z",
                "role": "arn:aws:iam::123456789012:role/ADFS-Production",
                "account": "123456789012",
                "user": "alice@example.com",
                "rule": "production",
                "limited": true,
            })
        );
    }
}
