//! The JSON that the AWS CLI and SDKs read from a `credential_process`, with
//! the role, the account, the user and the deciding rule beside it (readers ignore
//! what they do not know). A sign-in to the console is told in the same manner.

use super::hand_over::{Credentials, HandOver, HandedOver};
use super::json::{rfc3339, to_wiped_json};
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
pub fn json(hand_over: &HandOver<'_>) -> Zeroizing<Vec<u8>> {
    let &HandOver { expiration, role, account, user, rule, limited, .. } = hand_over;
    let whose = Whose { role, account, user, rule, limited };
    let expiration = rfc3339(expiration);
    match hand_over.handed_over {
        HandedOver::Credentials(Credentials { access_key_id, secret_access_key, session_token }) => {
            let document =
                Document { version: 1, access_key_id, secret_access_key, session_token, expiration, whose };
            to_wiped_json(&document, session_token.len())
        }
        HandedOver::Console(console_url) => {
            to_wiped_json(&SignIn { console_url, expiration, whose }, console_url.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::delivery::hand_over::{HandOver, HandedOver, example};

    #[test]
    fn the_document_is_what_credential_process_readers_expect() {
        let json: serde_json::Value = serde_json::from_slice(&super::json(&example())).unwrap();
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
        let unknown = HandOver { limited: None, ..example() };
        let json: serde_json::Value = serde_json::from_slice(&super::json(&unknown)).unwrap();
        assert_eq!(json.get("limited"), None);
    }

    #[test]
    fn a_sign_in_to_the_console_is_an_address_and_no_credentials() {
        let url = "https://signin.aws.amazon.com/federation?Action=login&SigninToken=once";
        let console = HandOver { handed_over: HandedOver::Console(url), ..example() };
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
