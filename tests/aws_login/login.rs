//! One login, from the identity provider's form to credentials that AWS takes.

use crate::cloud::{Cloud, Person, caller};
use crate::forge::{self, Forge};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/script-Production/paula@example.com";

#[test]
fn a_login_by_script_gives_credentials_that_aws_takes() {
    let cloud = Cloud::new("script-");
    let site = cloud.server();
    let responses: [fn(Forge) -> Forge; 3] = [
        |honest| honest,
        |honest| Forge {
            response_signing: Some(forge::Signing::default()),
            assertion_signing: None,
            ..honest
        },
        |honest| Forge { response_signing: Some(forge::Signing::default()), ..honest },
    ];
    for signed in responses {
        let (person, response) = (Person::new(), signed(cloud.response()));
        let ticket = person.post(&site, &response).ticket();
        let taken = cloud.take(&site, &person, &ticket);
        assert_eq!(taken.status, 200, "{}", taken.json);
        assert_eq!(caller(&cloud.aws, &taken.json).unwrap(), ARN);
        assert_eq!(taken.json["user"], "paula@example.com");
        assert_eq!(taken.json["role"], "arn:aws:iam::123456789012:role/script-Production");
        let mut spoilt = taken.json.clone();
        spoilt["SecretAccessKey"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
        assert!(caller(&cloud.aws, &spoilt).unwrap_err().contains("SignatureDoesNotMatch"));

        assert_eq!(cloud.take(&site, &person, &ticket).cell(), (404, "gone"));
        assert_eq!(person.post(&site, &response).cell(), (409, "assertion_replayed"));
        let history =
            ["login.started", "login.issued", "login.delivered", "login.refused assertion_replayed"];
        assert_eq!(cloud.history(&response), history);
        let log = site.server.log_text();
        for secret in ["SecretAccessKey", "SessionToken"].map(|name| taken.json[name].as_str().unwrap()) {
            assert!(!log.contains(secret));
        }
        assert!(!log.contains(&ticket) && !log.contains(&person.verifier) && !log.contains(forge::PERSON));
    }
    cloud.settle();
}

/// What we believe and STS does not, because the role's trust policy pins another
/// recipient, or there is no such role: the person is told, and nothing waits.
#[test]
fn what_sts_refuses_is_refused_with_its_own_code() {
    let cloud = Cloud::new("refused-");
    let site = cloud.server();
    cloud.aws.create_role("Console-Production", "https://signin.aws.amazon.com/saml", 3_600);
    let of_role = |name: &str| Forge { roles: vec![forge::role(name)], ..cloud.response() };
    for (response, code) in [
        (of_role("Console-Production"), "sts_not_trusted"),
        (of_role("Nowhere-Production"), "sts_not_trusted"),
    ] {
        assert_eq!(Person::new().post(&site, &response).cell(), (502, code));
        let history = ["login.started".to_owned(), format!("login.failed {code}")];
        assert_eq!(cloud.history(&response), history);
    }
    cloud.settle();
}
