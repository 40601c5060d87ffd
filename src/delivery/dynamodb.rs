//! The 2017 sample's answer: what DynamoDB's `DeleteItem` returned for the item
//! that held STS's answer, attribute types and all. For pages written for it
//! (`binding = "plain"`).

use super::hand_over;
use super::json::{rfc3339, to_wiped_json};
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// A string attribute: `{"S": …}`.
#[derive(Serialize)]
struct S<'a> {
    #[serde(rename = "S")]
    s: &'a str,
}

/// A map attribute: `{"M": …}`.
#[derive(Serialize)]
struct M<T> {
    #[serde(rename = "M")]
    m: T,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    attributes: Attributes<'a>,
}

#[derive(Serialize)]
struct Attributes<'a> {
    credentials: M<Answer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    credentials: M<Credentials<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: S<'a>,
    secret_access_key: S<'a>,
    session_token: S<'a>,
    expiration: S<'a>,
}

/// `{"Attributes":{"credentials":{"M":{"Credentials":{"M":{"AccessKeyId":{"S":…}, …}}}}}}`
pub fn json(credentials: &hand_over::Credentials<'_>, expiration: OffsetDateTime) -> Zeroizing<Vec<u8>> {
    let expiration = rfc3339(expiration);
    to_wiped_json(
        &Document {
            attributes: Attributes {
                credentials: M {
                    m: Answer {
                        credentials: M {
                            m: Credentials {
                                access_key_id: S { s: credentials.access_key_id },
                                secret_access_key: S { s: credentials.secret_access_key },
                                session_token: S { s: credentials.session_token },
                                expiration: S { s: &expiration },
                            },
                        },
                    },
                },
            },
        },
        credentials.session_token.len(),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_of_the_2017_sample_finds_its_four_values() {
        let expiration = super::OffsetDateTime::from_unix_timestamp(1_795_417_200).unwrap();
        let json = super::json(&super::hand_over::CREDENTIALS, expiration);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let values = &json["Attributes"]["credentials"]["M"]["Credentials"]["M"];
        assert_eq!(values["AccessKeyId"]["S"], "ASIAEXAMPLE");
        assert_eq!(values["SecretAccessKey"]["S"], "wJalr/\"quoted\"");
        assert_eq!(values["SessionToken"]["S"], "IQoJb3JpZ2lu+/=");
        assert_eq!(values["Expiration"]["S"], "2026-11-23T07:00:00Z");
    }
}
