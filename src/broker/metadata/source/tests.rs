//! One source against a feed that the test holds.

use super::*;
use crate::broker::ports::metadata_feed::{Fetched, LastGood, Validators};
use crate::saml::{IdentityProviders, RequestedAuthn, Selectors, Validity, VerificationKey};
use async_trait::async_trait;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const ENTITY_ID: &str = "urn:idp";
const RSA: &str = include_str!("../../../../fixtures/keys/rsa.cert.pem");
const P256: &str = include_str!("../../../../fixtures/keys/p256.cert.pem");

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> OffsetDateTime {
        NOW
    }
}

impl SecureRandom for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// Gives what is queued, then says that nothing has changed.
#[derive(Default)]
struct FakeFeed {
    answers: Mutex<VecDeque<Result<IdpMetadata, String>>>,
    /// Whether each fetch named a version.
    fetches: Mutex<Vec<bool>>,
    kept: Mutex<Vec<OffsetDateTime>>,
    cannot_write: AtomicBool,
    slow: AtomicBool,
}

#[async_trait]
impl MetadataFeed for FakeFeed {
    async fn fetch(&self, known: Known<'_>, _: Duration) -> Result<Fetched, String> {
        assert_eq!(known.entity_id, Some(ENTITY_ID));
        self.fetches.lock().unwrap().push(known.version.is_some());
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let version = DocumentVersion { validators: Validators::default(), sha256: "aa".to_owned() };
        match self.answers.lock().unwrap().pop_front() {
            Some(answer) => Ok(Fetched::Document { metadata: answer?, bytes: Vec::new(), version }),
            None => Ok(Fetched::Unchanged(version)),
        }
    }

    async fn keep(&self, last_good: LastGood) -> Result<(), String> {
        self.kept.lock().unwrap().push(last_good.confirmed);
        self.written()
    }

    async fn confirm(&self, _: &DocumentVersion, _: OffsetDateTime) -> Result<(), String> {
        self.written()
    }

    async fn keep_reported_keys(&self, _: &[String]) -> Result<(), String> {
        self.written()
    }
}

impl FakeFeed {
    fn give(&self, answer: Result<IdpMetadata, String>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    fn fetches(&self) -> Vec<bool> {
        self.fetches.lock().unwrap().clone()
    }

    fn written(&self) -> Result<(), String> {
        if self.cannot_write.load(Ordering::SeqCst) { Err("read-only".to_owned()) } else { Ok(()) }
    }
}

fn key(pem: &str) -> VerificationKey {
    VerificationKey::from_certificate(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
}

fn metadata(pem: &str) -> IdpMetadata {
    IdpMetadata {
        entity_id: ENTITY_ID.to_owned(),
        signing_keys: vec![key(pem)],
        sign_on_services: Vec::new(),
        want_authn_requests_signed: false,
        valid_until: None,
        cache_duration: None,
    }
}

fn opened() -> (Arc<FakeFeed>, Arc<RenewedSource>, CurrentProviders) {
    let provider = IdentityProvider {
        name: "ADFS".to_owned(),
        entity_id: ENTITY_ID.to_owned(),
        keys: vec![key(RSA)],
        validity: Validity::default(),
        audiences: Vec::new(),
        idp_initiated: true,
        in_response_to_literals: Vec::new(),
        requested_authn: RequestedAuthn::default(),
        sign_on_services: Vec::new(),
        sign_requests: false,
        name_id_format: None,
        selectors: Selectors::default(),
    };
    let providers = CurrentProviders::from(IdentityProviders::new(vec![provider.clone()]).unwrap());
    let context = RenewalContext {
        refresh: time::Duration::hours(1),
        providers: providers.clone(),
        clock: Arc::new(Fixed),
        random: Arc::new(Fixed),
    };
    let feed = Arc::new(FakeFeed::default());
    let source = MetadataSource {
        idp: "ADFS".to_owned(),
        key: "saml.idp[0].metadata".to_owned(),
        is_file: false,
        feed: feed.clone(),
        last_good: None,
        reported_keys: None,
    };
    let source = Arc::new(RenewedSource::new(source, &provider, &Arc::new(context)));
    (feed, source, providers)
}

fn is_known(providers: &CurrentProviders, pem: &str) -> bool {
    let providers = providers.current();
    providers.iter().any(|p| p.keys.iter().any(|k| k.fingerprint() == key(pem).fingerprint()))
}

#[tokio::test]
async fn logins_that_come_together_share_one_fetch_and_find_the_new_key() {
    let (feed, source, providers) = opened();
    feed.slow.store(true, Ordering::SeqCst);
    feed.give(Ok(metadata(P256)));
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (source, providers) = (Arc::clone(&source), providers.clone());
        logins.spawn(async move {
            source.refresh_out_of_turn(NOW).await;
            is_known(&providers, P256)
        });
    }
    assert_eq!(logins.join_all().await, [true; 20]);
    assert_eq!(feed.fetches().len(), 1);
    source.refresh_out_of_turn(NOW + time::Duration::seconds(59)).await;
    assert_eq!(feed.fetches().len(), 1, "at most once a minute");
    source.refresh_out_of_turn(NOW + time::Duration::seconds(60)).await;
    assert_eq!(feed.fetches().len(), 2);
}

#[tokio::test]
async fn logins_beyond_the_limit_do_not_wait() {
    let (feed, source, _) = opened();
    feed.slow.store(true, Ordering::SeqCst);
    let mut logins = tokio::task::JoinSet::new();
    for _ in 0..MAX_WAITING_LOGINS {
        let source = Arc::clone(&source);
        logins.spawn(async move { source.refresh_out_of_turn(NOW).await });
    }
    while source.waiting_logins.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let more = tokio::time::timeout(Duration::from_millis(20), source.refresh_out_of_turn(NOW)).await;
    assert_eq!(more.ok(), Some(false));
    logins.join_all().await;
}

#[tokio::test]
async fn an_expired_document_is_neither_used_nor_kept() {
    let (feed, source, providers) = opened();
    feed.give(Ok(IdpMetadata { valid_until: Some(NOW), ..metadata(P256) }));
    source.refresh().await;
    assert!(!is_known(&providers, P256) && feed.kept.lock().unwrap().is_empty());
    assert_eq!(source.health().failures, 1);
    feed.give(Ok(metadata(P256)));
    source.refresh().await;
    assert!(is_known(&providers, P256));
    assert_eq!((feed.kept.lock().unwrap().len(), feed.fetches()), (1, vec![false, false]));
}

#[tokio::test]
async fn metadata_of_another_entity_is_a_failure_until_another_document_comes() {
    let (feed, source, providers) = opened();
    feed.give(Ok(IdpMetadata { entity_id: "urn:other".to_owned(), ..metadata(P256) }));
    source.refresh().await;
    source.refresh().await;
    assert!(!is_known(&providers, P256));
    assert_eq!(source.health().failures, 2);
}

#[tokio::test]
async fn a_last_good_document_that_is_gone_is_asked_for_again() {
    let (feed, source, _) = opened();
    feed.give(Ok(metadata(RSA)));
    source.refresh().await;
    feed.cannot_write.store(true, Ordering::SeqCst);
    source.refresh().await;
    source.refresh().await;
    assert_eq!(feed.fetches(), [false, true, false]);
    assert_eq!(source.health().failures, 0);
}

#[tokio::test]
async fn a_source_that_fails_leaves_what_is_known() {
    let (feed, source, providers) = opened();
    feed.give(Err("it answers 500".to_owned()));
    source.refresh().await;
    assert!(is_known(&providers, RSA));
    assert_eq!((source.due() - NOW, source.health().failures), (time::Duration::seconds(30), 1));
}
