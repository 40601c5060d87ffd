//! The look-alike against the service's own verifier, and its pages as a
//! browser meets them.

use super::{DemoIdp, Flaw, PEOPLE, PROVIDER_ARN, Person, RULES, RelyingParty};
use crate::broker::ports::{Clock, SecureRandom};
use crate::saml::{
    DecryptionKeys, Expected, IdentityProvider, IdentityProviders, IdpMetadata, Limits, RequestedAuthn,
    ResponseMessage, SamlRefusal, Selector, Selectors, ServiceProvider, Validity,
};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use time::{Duration, OffsetDateTime};
use tower::ServiceExt as _;

const ACS: &str = "http://127.0.0.1:8080/saml";
const AUDIENCE: &str = "urn:amazon:webservices";

struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_795_424_400).unwrap()
    }
}

/// Never the same bytes twice.
struct Counting(AtomicU8);
impl SecureRandom for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn look_alike() -> DemoIdp {
    let relying_party =
        RelyingParty { id: AUDIENCE.into(), acs_url: ACS.into(), home_url: "http://127.0.0.1:8080/".into() };
    let random = Arc::new(Counting(AtomicU8::new(1)));
    DemoIdp::generate("http://127.0.0.1:8081/", relying_party, Arc::new(Fixed), random).unwrap()
}

/// As the service knows it, from its metadata alone.
fn providers(idp: &DemoIdp) -> IdentityProviders {
    let metadata = IdpMetadata::parse(idp.metadata().as_bytes(), None).unwrap();
    assert_eq!(metadata.entity_id, "http://127.0.0.1:8081/adfs/services/trust");
    assert_eq!(metadata.entity_id, idp.entity_id());
    assert_eq!(metadata.signing_keys.len(), 1, "the encryption key is not among them");
    assert_eq!(metadata.sign_on_services.len(), 2);
    let groups =
        "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue";
    let mut selectors = Selectors::default();
    selectors.more.insert("groups".into(), Selector::compile(groups).unwrap());
    IdentityProviders::new(vec![IdentityProvider {
        name: "ADFS".into(),
        entity_id: metadata.entity_id,
        keys: metadata.signing_keys,
        audiences: Vec::new(),
        idp_initiated: true,
        in_response_to_literals: Vec::new(),
        sign_on_services: Vec::new(),
        sign_requests: false,
        name_id_format: None,
        requested_authn: RequestedAuthn::default(),
        validity: Validity::default(),
        selectors,
    }])
    .unwrap()
}

fn judge(field: &str, providers: &IdentityProviders) -> Result<crate::saml::Identity, SamlRefusal> {
    let service = ServiceProvider {
        entity_id: AUDIENCE.into(),
        acs_url: ACS.into(),
        audiences: vec![AUDIENCE.into()],
        clock_skew: Duration::seconds(60),
        decryption_keys: DecryptionKeys::default(),
        max_assertion_age: None,
        max_assertion_lifetime: None,
        request_lifetime: Duration::minutes(10),
    };
    ResponseMessage::decode(field, &Limits::default(), None)?
        .parse()?
        .find_issuer(providers)?
        .verify()?
        .accept(&service, Expected::Unsolicited, Fixed.now())
        .map_err(|refused| refused.refusal)
}

#[test]
fn everybody_is_accepted() {
    let idp = look_alike();
    let providers = providers(&idp);
    for person in PEOPLE {
        let identity =
            judge(&idp.respond(person, Fixed.now(), Flaw::None, None).unwrap(), &providers).unwrap();
        assert_eq!(identity.name_id(), person.name_id());
        assert_eq!(identity.role_session_name(), person.mail());
        assert_eq!(identity.roles(), person.roles().collect::<Vec<_>>());
        assert_eq!(identity.values("groups"), person.groups);
    }
}

#[test]
fn every_flaw_is_found() {
    let idp = look_alike();
    let providers = providers(&idp);
    for (flaw, refusal) in [
        (Flaw::Expired, SamlRefusal::Expired),
        (Flaw::OtherAudience, SamlRefusal::WrongAudience),
        (Flaw::Tampered, SamlRefusal::DigestMismatch),
        (Flaw::Unsigned, SamlRefusal::NotSigned),
        (Flaw::OtherIssuer, SamlRefusal::UnknownIssuer),
        (Flaw::OtherKey, SamlRefusal::SignatureMismatch),
    ] {
        for person in PEOPLE {
            let response = idp.respond(person, Fixed.now(), flaw, None).unwrap();
            assert_eq!(judge(&response, &providers).err(), Some(refusal), "{} {flaw:?}", person.account);
        }
    }
}

#[test]
fn roles_are_made_from_groups_as_the_claim_rule_does() {
    let conny = Person::by_account("conny-C").unwrap();
    let role = format!("{PROVIDER_ARN},arn:aws:iam::123456789012:role/ADFS-Production");
    assert_eq!(conny.roles().collect::<Vec<_>>(), [role]);
    assert!(conny.name_id().ends_with("-C"));
}

#[test]
fn the_rules_are_toml() {
    let rules: toml::Table = RULES.parse().unwrap();
    assert_eq!(rules["rule"].as_array().unwrap().len(), 4);
    let policy = rules["rule"][1]["session_policy"].as_str().unwrap();
    serde_json::from_str::<serde_json::Value>(policy).unwrap();
}

const SIGN_ON: &str = "/adfs/ls/idpinitiatedsignon.aspx?RelayState=\
     RPID%3Durn%253Aamazon%253Awebservices%26RelayState%3Dsession-0123456789%2523%2523a%2522b";

async fn ask(idp: DemoIdp, request: Request<Body>) -> (StatusCode, String, String) {
    let response = idp.router().oneshot(request).await.unwrap();
    let status = response.status();
    let policy = response
        .headers()
        .get(header::CONTENT_SECURITY_POLICY)
        .map_or("", |v| v.to_str().unwrap())
        .to_owned();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, policy, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn choose(path: &str, person: &str) -> Request<Body> {
    Request::post(path).body(Body::from(format!("person={person}"))).unwrap()
}

#[tokio::test]
async fn the_sign_on_page_lists_everybody() {
    let (status, policy, page) = ask(look_alike(), get(SIGN_ON)).await;
    assert_eq!(status, StatusCode::OK);
    for person in PEOPLE {
        assert!(page.contains(&format!("value=\"{}\"", person.account)));
    }
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8080") && !policy.contains("unsafe"));
}

/// Decoded twice, escaped once, and posted to the application.
#[tokio::test]
async fn choosing_somebody_posts_a_response_the_service_accepts() {
    let idp = look_alike();
    let providers = providers(&idp);
    let (status, _, page) = ask(idp, choose(SIGN_ON, "paula")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(&format!("action=\"{ACS}\"")));
    assert!(page.contains("name=\"RelayState\" value=\"session-0123456789##a&quot;b\""));
    let field = page.split("name=\"SAMLResponse\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(judge(field, &providers).unwrap().name_id(), "HALVORSEN\\paula");
}

#[tokio::test]
async fn mistakes_are_told_in_plain_words() {
    let (status, _, page) = ask(look_alike(), get("/adfs/ls/IdpInitiatedSignOn.aspx")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("no RelayState") && page.contains("http://127.0.0.1:8080/"));
    let (status, _, _) = ask(look_alike(), choose(SIGN_ON, "nobody%22%3E%3Cscript%3E")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _, page) = ask(look_alike(), get("/adfs/ls/?SAMLRequest=x")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(page.contains("no SAMLRequest"));
}

#[tokio::test]
async fn metadata_and_assets_are_served() {
    let idp = look_alike();
    let metadata = idp.metadata().to_owned();
    let (status, _, served) = ask(idp, get("/FederationMetadata/2007-06/FederationMetadata.xml")).await;
    assert_eq!((status, served), (StatusCode::OK, metadata));
    for asset in ["/adfs/portal/style.css", "/adfs/portal/submit.js"] {
        assert_eq!(ask(look_alike(), get(asset)).await.0, StatusCode::OK);
    }
}
