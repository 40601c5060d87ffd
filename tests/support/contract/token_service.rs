//! The contract of `TokenService` and `CallerDirectory` (`src/broker/ports/`).

use super::INSTANT;
use secrecy::ExposeSecret;
use std::collections::HashSet;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use vestibule::broker::Credentials;
use vestibule::broker::ports::{Caller, CallerDirectory, TokenService, TokenServiceError};
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

/// One process's view of a token service.
#[derive(Clone)]
pub struct TokenServices {
    pub token_service: Arc<dyn TokenService>,
    /// AWS's own STS never reveals its secrets, so it has no directory of callers.
    pub callers: Option<Arc<dyn CallerDirectory>>,
}

/// Where one token service's keys live.
pub trait TokenServiceUnderTest: Send + Sync {
    /// The token service, as one more process opens it.
    fn open(&self) -> TokenServices;
    /// Another Vestibule's token service.
    fn stranger(&self) -> TokenServices;
    /// The rules' decision for a real assertion.
    fn grant(&self, wanted: &Wanted) -> Grant;
    /// The time at which the assertion is good.
    fn now(&self) -> OffsetDateTime;
    /// The longest that it gives.
    fn longest(&self) -> Duration;
    /// The region of the ping.
    fn region(&self) -> &'static str;
}

/// `token_service_contract!(MyTokenService::new())`: one test per sentence of the contract.
macro_rules! token_service_contract {
    ($under_test:expr) => {
        token_service_contract! { @each $under_test;
            credentials_live_as_long_as_granted,
            credentials_do_not_outlive_the_identity_providers_session,
            a_session_that_is_over_gets_nothing,
            no_two_credentials_are_the_same,
        }
    };
    (@each $under_test:expr; $($name:ident,)*) => {
        $(#[tokio::test]
        async fn $name() {
            contract::token_service::$name(&$under_test).await;
        })*
    };
}
pub(crate) use token_service_contract;

/// `caller_contract!(MyTokenService::new())`: the same for issuers that know their callers.
macro_rules! caller_contract {
    ($under_test:expr) => {
        contract::token_service::token_service_contract! { @each $under_test;
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

async fn issue(
    under_test: &dyn TokenServiceUnderTest,
    token_service: &TokenServices,
    wanted: &Wanted,
) -> Credentials {
    token_service.token_service.assume_role(&under_test.grant(wanted), under_test.now()).await.unwrap()
}

fn directory(token_service: &TokenServices) -> &dyn CallerDirectory {
    token_service.callers.as_deref().expect("an token_service that knows its callers")
}

async fn caller(
    token_service: &TokenServices,
    credentials: &Credentials,
    at: OffsetDateTime,
) -> Option<Caller> {
    let token = credentials.session_token.expose_secret();
    directory(token_service).caller(&credentials.access_key_id, token, at).await
}

pub async fn credentials_live_as_long_as_granted(under_test: &dyn TokenServiceUnderTest) {
    for duration in [Duration::minutes(15), Duration::hours(1), under_test.longest()] {
        let wanted = Wanted { duration, ..Wanted::default() };
        let credentials = issue(under_test, &under_test.open(), &wanted).await;
        assert_eq!(credentials.expiration, under_test.now() + duration);
    }
    let between_seconds = under_test.now() + Duration::milliseconds(999);
    let grant = under_test.grant(&Wanted::default());
    let credentials = under_test.open().token_service.assume_role(&grant, between_seconds).await.unwrap();
    assert!(credentials.expiration <= between_seconds + Duration::HOUR, "at most");
}

pub async fn credentials_do_not_outlive_the_identity_providers_session(
    under_test: &dyn TokenServiceUnderTest,
) {
    for (session, lifetime) in [(20, 20), (60, 60), (600, 60)] {
        let wanted = Wanted { session_ends: Some(Duration::minutes(session)), ..Wanted::default() };
        let credentials = issue(under_test, &under_test.open(), &wanted).await;
        assert_eq!(credentials.expiration, under_test.now() + Duration::minutes(lifetime));
    }
}

pub async fn a_session_that_is_over_gets_nothing(under_test: &dyn TokenServiceUnderTest) {
    let session = Duration::minutes(20);
    let grant = under_test.grant(&Wanted { session_ends: Some(session), ..Wanted::default() });
    for late in [Duration::ZERO, Duration::HOUR] {
        let refused =
            under_test.open().token_service.assume_role(&grant, under_test.now() + session + late).await;
        assert!(matches!(refused, Err(TokenServiceError::AssertionExpired)));
    }
}

pub async fn no_two_credentials_are_the_same(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let one = issue(under_test, &token_service, &Wanted::default()).await;
        assert!(seen.insert(one.access_key_id));
        assert!(seen.insert(one.secret_access_key.expose_secret().to_owned()));
        assert!(seen.insert(one.session_token.expose_secret().to_owned()));
    }
}

pub async fn a_caller_is_known_by_key_and_token(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let credentials = issue(under_test, &token_service, &Wanted::default()).await;
    let known = caller(&token_service, &credentials, under_test.now()).await.unwrap();
    assert_eq!(known.secret_access_key.expose_secret(), credentials.secret_access_key.expose_secret());
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@example.com";
    assert_eq!(known.assumed_role_arn, arn);
    assert!(known.ping_allowed);
}

pub async fn callers_are_known_in_every_process(under_test: &dyn TokenServiceUnderTest) {
    let credentials = issue(under_test, &under_test.open(), &Wanted::default()).await;
    let known = caller(&under_test.open(), &credentials, under_test.now()).await.unwrap();
    assert_eq!(known.secret_access_key.expose_secret(), credentials.secret_access_key.expose_secret());
}

pub async fn key_and_token_belong_together(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let one = issue(under_test, &token_service, &Wanted::default()).await;
    let two = issue(under_test, &token_service, &Wanted::default()).await;
    let mixed = Credentials { session_token: two.session_token.clone(), ..one.clone() };
    assert!(caller(&token_service, &mixed, under_test.now()).await.is_none());

    let token = one.session_token.expose_secret();
    let mut changed = vec![String::new(), "x".to_owned(), format!("{token}A"), "A".repeat(100_000)];
    for i in 0..token.len() {
        let mut bytes = token.as_bytes().to_vec();
        bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
        changed.push(String::from_utf8(bytes).unwrap());
        changed.push(token[..i].to_owned());
    }
    for token in changed {
        let found = directory(&token_service).caller(&one.access_key_id, &token, under_test.now()).await;
        assert!(found.is_none(), "{token}");
    }
    for key in ["", "AKIAIOSFODNN7EXAMPLE", &one.access_key_id.to_lowercase()] {
        assert!(directory(&token_service).caller(key, token, under_test.now()).await.is_none(), "{key}");
    }
    assert!(caller(&token_service, &one, under_test.now()).await.is_some(), "control");
}

pub async fn credentials_of_another_issuer_are_unknown(under_test: &dyn TokenServiceUnderTest) {
    let stranger = under_test.stranger();
    let credentials = issue(under_test, &stranger, &Wanted::default()).await;
    assert!(caller(&under_test.open(), &credentials, under_test.now()).await.is_none());
    assert!(caller(&stranger, &credentials, under_test.now()).await.is_some(), "control");
}

pub async fn expired_credentials_are_unknown(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let credentials = issue(under_test, &token_service, &Wanted::default()).await;
    assert!(caller(&token_service, &credentials, credentials.expiration - INSTANT).await.is_some());
    assert!(caller(&token_service, &credentials, credentials.expiration).await.is_none());
}

pub async fn a_session_policy_is_honoured(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let region = under_test.region();
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
        let credentials = issue(under_test, &token_service, &wanted).await;
        let known = caller(&token_service, &credentials, under_test.now()).await.expect("known all the same");
        assert_eq!(known.ping_allowed, allowed, "{policy}");
    }
}

pub async fn unknown_managed_policies_allow_nothing(under_test: &dyn TokenServiceUnderTest) {
    let token_service = under_test.open();
    let policy_arns = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()];
    let credentials = issue(under_test, &token_service, &Wanted { policy_arns, ..Wanted::default() }).await;
    assert!(!caller(&token_service, &credentials, under_test.now()).await.unwrap().ping_allowed);
}
