//! The local token service keeps the contract of its ports; and its credentials
//! carry the marks of local ones.

mod support;

use secrecy::ExposeSecret;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use support::contract;
use support::contract::token_service::{
    TokenServiceUnderTest, TokenServices, Wanted, caller_contract, token_service_contract,
};
use support::forge;
use support::grants;
use time::OffsetDateTime;
use vestibule::adapters::local::LocalSts;
use vestibule::roles::Grant;
use vestibule::system::SystemRandom;

const REGION: &str = "eu-central-1";

struct Local(tempfile::TempDir);

impl Local {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn named(&self, name: &str) -> TokenServices {
        let path = self.0.path().join(name);
        let token_service =
            Arc::new(LocalSts::open(&path, REGION.to_owned(), Arc::new(SystemRandom)).unwrap());
        TokenServices { token_service: token_service.clone(), callers: Some(token_service) }
    }
}

impl TokenServiceUnderTest for Local {
    fn open(&self) -> TokenServices {
        self.named("sts-key")
    }
    fn stranger(&self) -> TokenServices {
        self.named("stranger")
    }
    fn grant(&self, wanted: &Wanted) -> Grant {
        grants::grant(wanted)
    }
    fn now(&self) -> OffsetDateTime {
        forge::now()
    }
    fn longest(&self) -> time::Duration {
        time::Duration::hours(12)
    }
    fn region(&self) -> &'static str {
        REGION
    }
}

token_service_contract!(Local::new());
caller_contract!(Local::new());

#[tokio::test]
async fn local_credentials_are_marked_and_shaped_as_awss_are() {
    let local = Local::new();
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.to_owned();
    let wanted = Wanted { session_policy: Some(policy), ..Wanted::default() };
    let credentials =
        local.open().token_service.assume_role(&local.grant(&wanted), local.now()).await.unwrap();
    let (key, secret) = (&credentials.access_key_id, credentials.secret_access_key.expose_secret());
    assert!(key.starts_with("LOCAL") && key.len() == 20, "{key}");
    assert!(key.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)), "{key}");
    assert_eq!(secret.len(), 40);
    let token = credentials.session_token.expose_secret();
    let sealed = token.strip_prefix("local.").unwrap();
    assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    let shown = format!("{credentials:?}");
    assert!(!shown.contains(secret) && !shown.contains(sealed));
}

#[test]
fn the_key_file_is_private() {
    let local = Local::new();
    local.open();
    assert_eq!(std::fs::metadata(local.0.path().join("sts-key")).unwrap().mode() & 0o7777, 0o600);
}
