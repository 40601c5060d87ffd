//! The contract of `CredentialIssuer` and `CallerDirectory` (`src/broker/ports.rs`).

use super::INSTANT;
use secrecy::ExposeSecret;
use std::collections::HashSet;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use vestibule::broker::Credentials;
use vestibule::broker::ports::{Caller, CallerDirectory, CredentialIssuer, IssueError};
use vestibule::roles::Grant;

/// What a test wants to be granted: `arn:aws:iam::123456789012:role/ADFS-Production`
/// for `paula@example.com`, on these terms.
#[derive(Clone)]
pub struct Wanted {
    pub duration: Duration,
    /// The identity provider's `SessionNotOnOrAfter`, this long from now.
    pub session_ends: Option<Duration>,
    pub session_policy: Option<String>,
    pub policy_arns: Vec<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { duration: Duration::HOUR, session_ends: None, session_policy: None, policy_arns: Vec::new() }
    }
}

/// One process's view of an issuer.
#[derive(Clone)]
pub struct Issuer {
    pub issuer: Arc<dyn CredentialIssuer>,
    /// AWS's own STS tells nobody its secrets, so there are no callers to ask for.
    pub callers: Option<Arc<dyn CallerDirectory>>,
}

/// Where one issuer's keys live.
pub trait IssuerHouse: Send + Sync {
    /// The issuer, as one more process opens it.
    fn open(&self) -> Issuer;
    /// Another Vestibule's issuer.
    fn stranger(&self) -> Issuer;
    /// The rules' decision for a real assertion.
    fn grant(&self, wanted: &Wanted) -> Grant;
    /// The time at which the assertion is good.
    fn now(&self) -> OffsetDateTime;
    /// The region of the ping.
    fn region(&self) -> &'static str;
}

/// `issuer_contract!(House::new())`: one test per sentence of the contract.
macro_rules! issuer_contract {
    ($house:expr) => {
        issuer_contract! { @each $house;
            credentials_live_as_long_as_granted,
            credentials_do_not_outlive_the_identity_providers_session,
            a_session_that_is_over_gets_nothing,
            no_two_credentials_are_the_same,
        }
    };
    (@each $house:expr; $($name:ident,)*) => {
        $(#[tokio::test]
        async fn $name() {
            contract::issuer::$name(&$house).await;
        })*
    };
}
pub(crate) use issuer_contract;

/// `caller_contract!(House::new())`: the same for issuers that know their callers.
macro_rules! caller_contract {
    ($house:expr) => {
        contract::issuer::issuer_contract! { @each $house;
            a_caller_is_known_by_key_and_token,
            callers_are_known_in_every_process,
            key_and_token_belong_together,
            credentials_of_another_issuer_are_unknown,
            expired_credentials_are_unknown,
            a_session_policy_is_honoured,
            unknown_managed_policies_allow_nothing,
        }
    };
}
pub(crate) use caller_contract;

async fn issue(house: &dyn IssuerHouse, issuer: &Issuer, wanted: &Wanted) -> Credentials {
    issuer.issuer.issue(&house.grant(wanted), house.now()).await.unwrap()
}

fn directory(issuer: &Issuer) -> &dyn CallerDirectory {
    issuer.callers.as_deref().expect("an issuer that knows its callers")
}

async fn caller(issuer: &Issuer, credentials: &Credentials, at: OffsetDateTime) -> Option<Caller> {
    let token = credentials.session_token.expose_secret();
    directory(issuer).caller(&credentials.access_key_id, token, at).await
}

pub async fn credentials_live_as_long_as_granted(house: &dyn IssuerHouse) {
    for duration in [Duration::minutes(15), Duration::hours(1), Duration::hours(12)] {
        let wanted = Wanted { duration, ..Wanted::default() };
        let credentials = issue(house, &house.open(), &wanted).await;
        assert_eq!(credentials.expiration, house.now() + duration);
    }
    let between_seconds = house.now() + Duration::milliseconds(999);
    let grant = house.grant(&Wanted::default());
    let credentials = house.open().issuer.issue(&grant, between_seconds).await.unwrap();
    assert!(credentials.expiration <= between_seconds + Duration::HOUR, "at most");
}

pub async fn credentials_do_not_outlive_the_identity_providers_session(house: &dyn IssuerHouse) {
    for (session, lifetime) in [(20, 20), (60, 60), (600, 60)] {
        let wanted = Wanted { session_ends: Some(Duration::minutes(session)), ..Wanted::default() };
        let credentials = issue(house, &house.open(), &wanted).await;
        assert_eq!(credentials.expiration, house.now() + Duration::minutes(lifetime));
    }
}

pub async fn a_session_that_is_over_gets_nothing(house: &dyn IssuerHouse) {
    let session = Duration::minutes(20);
    let grant = house.grant(&Wanted { session_ends: Some(session), ..Wanted::default() });
    for late in [Duration::ZERO, Duration::HOUR] {
        let refused = house.open().issuer.issue(&grant, house.now() + session + late).await;
        assert!(matches!(refused, Err(IssueError::AssertionExpired)));
    }
}

pub async fn no_two_credentials_are_the_same(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let one = issue(house, &issuer, &Wanted::default()).await;
        assert!(seen.insert(one.access_key_id));
        assert!(seen.insert(one.secret_access_key.expose_secret().to_owned()));
        assert!(seen.insert(one.session_token.expose_secret().to_owned()));
    }
}

pub async fn a_caller_is_known_by_key_and_token(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let credentials = issue(house, &issuer, &Wanted::default()).await;
    let known = caller(&issuer, &credentials, house.now()).await.unwrap();
    assert_eq!(known.secret_access_key.expose_secret(), credentials.secret_access_key.expose_secret());
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";
    assert_eq!(known.assumed_role_arn, arn);
    assert!(known.ping_allowed);
}

pub async fn callers_are_known_in_every_process(house: &dyn IssuerHouse) {
    let credentials = issue(house, &house.open(), &Wanted::default()).await;
    let known = caller(&house.open(), &credentials, house.now()).await.unwrap();
    assert_eq!(known.secret_access_key.expose_secret(), credentials.secret_access_key.expose_secret());
}

pub async fn key_and_token_belong_together(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let one = issue(house, &issuer, &Wanted::default()).await;
    let two = issue(house, &issuer, &Wanted::default()).await;
    let mixed = Credentials { session_token: two.session_token.clone(), ..one.clone() };
    assert!(caller(&issuer, &mixed, house.now()).await.is_none());

    let token = one.session_token.expose_secret();
    let mut changed = vec![String::new(), "x".to_owned(), format!("{token}A"), "A".repeat(100_000)];
    for i in 0..token.len() {
        let mut bytes = token.as_bytes().to_vec();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        changed.push(String::from_utf8(bytes).unwrap());
        changed.push(token[..i].to_owned());
    }
    for token in changed {
        let found = directory(&issuer).caller(&one.access_key_id, &token, house.now()).await;
        assert!(found.is_none(), "{token}");
    }
    for key in ["", "AKIAIOSFODNN7EXAMPLE", &one.access_key_id.to_lowercase()] {
        assert!(directory(&issuer).caller(key, token, house.now()).await.is_none(), "{key}");
    }
    assert!(caller(&issuer, &one, house.now()).await.is_some(), "control");
}

pub async fn credentials_of_another_issuer_are_unknown(house: &dyn IssuerHouse) {
    let stranger = house.stranger();
    let credentials = issue(house, &stranger, &Wanted::default()).await;
    assert!(caller(&house.open(), &credentials, house.now()).await.is_none());
    assert!(caller(&stranger, &credentials, house.now()).await.is_some(), "control");
}

pub async fn expired_credentials_are_unknown(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let credentials = issue(house, &issuer, &Wanted::default()).await;
    assert!(caller(&issuer, &credentials, credentials.expiration - INSTANT).await.is_some());
    assert!(caller(&issuer, &credentials, credentials.expiration).await.is_none());
}

pub async fn a_session_policy_is_honoured(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let region = house.region();
    let here = format!("arn:aws:execute-api:{region}:123456789012:*/GET/users");
    for (effect, action, resource, allowed) in [
        ("Allow", "execute-api:Invoke", here.as_str(), true),
        ("Allow", "*", "*", true),
        ("Allow", "s3:GetObject", "*", false),
        ("Allow", "execute-api:Invoke", "arn:aws:execute-api:*:999999999999:*", false),
        ("Allow", "execute-api:Invoke", "arn:aws:execute-api:xx-other-1:123456789012:*", false),
        ("Deny", "*", "*", false),
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
        );
        let wanted = Wanted { session_policy: Some(policy.clone()), ..Wanted::default() };
        let credentials = issue(house, &issuer, &wanted).await;
        let known = caller(&issuer, &credentials, house.now()).await.expect("known all the same");
        assert_eq!(known.ping_allowed, allowed, "{policy}");
    }
}

pub async fn unknown_managed_policies_allow_nothing(house: &dyn IssuerHouse) {
    let issuer = house.open();
    let policy_arns = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()];
    let credentials = issue(house, &issuer, &Wanted { policy_arns, ..Wanted::default() }).await;
    assert!(!caller(&issuer, &credentials, house.now()).await.unwrap().ping_allowed);
}
