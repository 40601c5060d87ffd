//! The key ring that KMS protects against the contract of its port, in each way
//! to sign tickets; then what is its own: its table, what it asks of KMS, and
//! what it does when KMS says no.

mod support;

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::aws::{Emulators, REGION, Service};
use support::contract;
use support::contract::keyring::{KeyRingUnderTest, claims, keyring_contract, plaintext, purpose};
use support::contract::start_of_time;
use support::fault_proxy::{Fault, FaultProxy, Rule};
use support::ring::ring_at;
use time::{Duration, OffsetDateTime};
use vestibule::adapters::KeyAdmin;
use vestibule::adapters::aws::kms::KmsKeyRing;
use vestibule::adapters::local::EmbeddedStore;
use vestibule::broker::ports::{Clock, KeyRing, KeyRingError, PUBLIC_KEYS_KEPT};
use vestibule::broker::{TicketError, ticket_kid};
use vestibule::config::{Kms, Signing};
use vestibule::system::ManualClock;

const REFRESH: Duration = Duration::minutes(5);

/// Long enough for a new key to take over.
const TAKE_OVER: Duration = Duration::minutes(10);

struct Emulated {
    aws: Emulators,
    clock: Arc<ManualClock>,
    settings: Kms,
    stranger: Kms,
}

impl Emulated {
    /// `spec`: of the KMS key that signs, if one does.
    fn new(spec: Option<&str>) -> Self {
        let aws = Emulators::only(&[Service::DynamoDb, Service::Kms]);
        aws.create_tables();
        let table = json!({
            "TableName": "StrangersKeys",
            "KeySchema": [{ "AttributeName": "kid", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "kid", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        aws.call(Service::DynamoDb, "CreateTable", &table).unwrap();
        let settings = |keys_table: &str| Kms {
            region: REGION.to_owned(),
            endpoint: None,
            key_id: aws.create_key("SYMMETRIC_DEFAULT"),
            encryption_context: BTreeMap::from([("samlprovider".to_owned(), "ADFS".to_owned())]),
            keys_table: keys_table.to_owned(),
            signing: match spec {
                None => Signing::DataKey,
                Some(hmac) if hmac.starts_with("HMAC") => Signing::KmsHmac { key_id: aws.create_key(hmac) },
                Some(spec) => Signing::KmsAsymmetric { key_id: aws.create_key(spec) },
            },
            refresh: REFRESH.unsigned_abs(),
        };
        let (settings, stranger) = (settings("SAMLKeys"), settings("StrangersKeys"));
        Self { settings, stranger, aws, clock: Arc::new(ManualClock::new(start_of_time())) }
    }
    fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
    fn ring_with(&self, settings: &Kms) -> KmsKeyRing {
        let (kms, dynamodb) = (self.aws.endpoint(Service::Kms), self.aws.endpoint(Service::DynamoDb));
        ring_at(&kms, &dynamodb, settings, self.clock.clone())
    }
    fn ring(&self) -> KmsKeyRing {
        self.ring_with(&self.settings)
    }
    /// Behind a proxy each: KMS, DynamoDB.
    fn watched(&self) -> (FaultProxy, FaultProxy, KmsKeyRing) {
        let kms = FaultProxy::start(&self.aws.endpoint(Service::Kms));
        let dynamodb = FaultProxy::start(&self.aws.endpoint(Service::DynamoDb));
        let ring = ring_at(&kms.url, &dynamodb.url, &self.settings, self.clock.clone());
        (kms, dynamodb, ring)
    }
    fn item(&self) -> Value {
        let items = self.aws.items("SAMLKeys");
        assert_eq!(items.len(), 1);
        items[0].clone()
    }
    fn put_item(&self, item: &Value) {
        let input = json!({ "TableName": "SAMLKeys", "Item": item });
        self.aws.call(Service::DynamoDb, "PutItem", &input).unwrap();
    }
}

impl KeyRingUnderTest for Emulated {
    fn open(&self) -> Arc<dyn KeyRing> {
        Arc::new(self.ring())
    }
    fn rotate(&self) {
        // An operator's process has a runtime of its own.
        std::thread::scope(|scope| {
            let rotated = scope.spawn(|| {
                tokio::runtime::Runtime::new()
                    .unwrap()
                    .block_on(async { self.ring().rotate().await.unwrap() })
            });
            rotated.join().unwrap();
        });
        self.clock.advance(TAKE_OVER);
    }
    fn stranger(&self) -> Arc<dyn KeyRing> {
        Arc::new(self.ring_with(&self.stranger))
    }
}

mod data_key {
    use super::*;
    keyring_contract!(Emulated::new(None));
}
mod es256 {
    use super::*;
    keyring_contract!(Emulated::new(Some("ECC_NIST_P256")));
}
mod rs256 {
    use super::*;
    keyring_contract!(Emulated::new(Some("RSA_2048")));
}
mod hmac {
    use super::*;
    keyring_contract!(Emulated::new(Some("HMAC_256")));
}

async fn kid_that_signs(ring: &KmsKeyRing) -> String {
    ticket_kid(ring.sign(&claims(1)).await.unwrap().expose()).unwrap()
}

// ------------------------------------------------------- what a login costs

#[tokio::test]
async fn a_login_asks_nothing_of_kms_and_opening_asks_nothing_at_all() {
    let emulated = Emulated::new(None);
    emulated.ring().create().await.unwrap();
    let (kms, dynamodb, ring) = emulated.watched();
    assert!(kms.seen().is_empty() && dynamodb.seen().is_empty());
    for n in 0..50 {
        let sealed = ring.seal(&purpose(n), &plaintext()).await.unwrap();
        let ticket = ring.sign(&claims(n)).await.unwrap();
        ring.verify(ticket.expose()).await.unwrap();
        ring.open(&purpose(n), &sealed).await.unwrap();
    }
    assert_eq!(kms.counts(), BTreeMap::from([("Decrypt".to_owned(), 1)]));
    assert_eq!(dynamodb.counts(), BTreeMap::from([("GetItem".to_owned(), 1)]));
    emulated.clock.advance(REFRESH);
    ring.sign(&claims(1)).await.unwrap();
    assert_eq!(dynamodb.counts()["GetItem"], 2, "it looks at the table again");
    assert_eq!(kms.counts()["Decrypt"], 1);
}

#[tokio::test]
async fn first_logins_at_once_decrypt_once() {
    let emulated = Emulated::new(None);
    emulated.ring().create().await.unwrap();
    let (kms, dynamodb, ring) = emulated.watched();
    let ring = Arc::new(ring);
    let mut logins = tokio::task::JoinSet::new();
    for n in 0..32 {
        let ring = Arc::clone(&ring);
        logins.spawn(async move { ring.seal(&purpose(n), &plaintext()).await.map(|_| ()) });
    }
    assert!(logins.join_all().await.iter().all(Result::is_ok));
    assert_eq!((kms.counts()["Decrypt"], dynamodb.counts()["GetItem"]), (1, 1));
}

#[tokio::test]
async fn a_ticket_by_kms_costs_one_call_and_its_verification_none() {
    let emulated = Emulated::new(Some("ECC_NIST_P256"));
    emulated.ring().create().await.unwrap();
    let (kms, _dynamodb, ring) = emulated.watched();
    for n in 0..5 {
        let ticket = ring.sign(&claims(n)).await.unwrap();
        ring.verify(ticket.expose()).await.unwrap();
    }
    let counts = [("Sign", 5), ("GetPublicKey", 1)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(kms.counts(), BTreeMap::from(counts));
}

/// The templates' policies are made from this list.
#[tokio::test]
async fn what_each_function_asks_of_kms_and_of_its_table() {
    for (spec, login, claim, operator) in [
        (None, vec![], vec![], vec![]),
        (Some("RSA_2048"), vec!["Sign"], vec!["GetPublicKey"], vec!["GetPublicKey"]),
        (Some("HMAC_256"), vec!["GenerateMac"], vec!["VerifyMac"], vec!["GenerateMac"]),
    ] {
        let emulated = Emulated::new(spec);
        let asked = |proxies: [&FaultProxy; 2]| -> BTreeSet<String> {
            proxies.iter().flat_map(|proxy| proxy.counts().into_keys()).collect()
        };
        let expected = |more: &[&str], own: &[&str]| -> BTreeSet<String> {
            more.iter().chain(own).map(|&name| name.to_owned()).collect()
        };
        let (kms, dynamodb, ring) = emulated.watched();
        ring.create().await.unwrap();
        ring.rotate().await.unwrap();
        ring.list().await.unwrap();
        let made = ["GetItem", "PutItem", "GenerateDataKeyWithoutPlaintext"];
        assert_eq!(asked([&kms, &dynamodb]), expected(&operator, &made), "keys create, rotate, list");

        let (kms, dynamodb, ring) = emulated.watched();
        let ticket = ring.sign(&claims(1)).await.unwrap();
        let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
        assert_eq!(asked([&kms, &dynamodb]), expected(&login, &["GetItem", "Decrypt"]), "login");

        let (kms, dynamodb, ring) = emulated.watched();
        ring.verify(ticket.expose()).await.unwrap();
        ring.open(&purpose(1), &sealed).await.unwrap();
        assert_eq!(asked([&kms, &dynamodb]), expected(&claim, &["GetItem", "Decrypt"]), "hand-over");
    }
}

// ------------------------------------------------------------------ rotation

/// No process meets a ticket whose key it has not had the time to see.
#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let emulated = Emulated::new(None);
    let (operator, server) = (emulated.ring(), emulated.ring());
    let old = kid_that_signs(&server).await;
    let new = operator.rotate().await.unwrap();
    assert_ne!(old, new.kid);
    assert!(new.signs_from > emulated.now() + REFRESH, "longer than the refresh interval");
    while emulated.now() < new.signs_from {
        assert_eq!(kid_that_signs(&operator).await, old);
        assert_eq!(kid_that_signs(&server).await, old);
        emulated.clock.advance(Duration::seconds(15));
    }
    assert_eq!(kid_that_signs(&operator).await, new.kid);
    assert_eq!(kid_that_signs(&server).await, new.kid);
}

#[tokio::test]
async fn an_unknown_kid_reloads_the_ring_at_most_once_a_second() {
    let emulated = Emulated::new(None);
    let (_kms, dynamodb, server) = emulated.watched();
    server.sign(&claims(1)).await.unwrap();
    let stranger = emulated.stranger().sign(&claims(1)).await.unwrap();
    let looks = || dynamodb.counts()["GetItem"];
    let before = looks();
    for _ in 0..20 {
        assert_eq!(server.verify(stranger.expose()).await, Err(TicketError::Invalid));
    }
    assert_eq!(looks(), before + 1);
    // Another process rotates, and its clock is far ahead: it signs at once.
    let ahead = Arc::new(ManualClock::new(emulated.now() + TAKE_OVER));
    emulated.ring().rotate().await.unwrap();
    let (kms, table) = (emulated.aws.endpoint(Service::Kms), emulated.aws.endpoint(Service::DynamoDb));
    let ticket = ring_at(&kms, &table, &emulated.settings, ahead).sign(&claims(2)).await.unwrap();
    assert_eq!(server.verify(ticket.expose()).await, Err(TicketError::Invalid), "it has just looked");
    emulated.clock.advance(Duration::seconds(1));
    assert_eq!(server.verify(ticket.expose()).await, Ok(claims(2)));
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_sessions_have_long_died() {
    let emulated = Emulated::new(None);
    let ring = emulated.ring();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let first = ring.list().await.unwrap()[0].kid.clone();
    let second = ring.rotate().await.unwrap();
    emulated.clock.set(second.signs_from + Duration::days(1) - Duration::nanoseconds(1));
    let third = ring.rotate().await.unwrap();
    let kids = async || ring.list().await.unwrap().into_iter().map(|key| key.kid).collect::<Vec<_>>();
    assert_eq!(kids().await, [first, second.kid.clone(), third.kid.clone()]);
    assert!(ring.open(&purpose(1), &sealed).await.is_ok());
    emulated.clock.advance(Duration::nanoseconds(1));
    let fourth = ring.rotate().await.unwrap();
    assert_eq!(kids().await, [second.kid, third.kid, fourth.kid]);
    emulated.clock.advance(REFRESH);
    assert_eq!(ring.verify(ticket.expose()).await, Err(TicketError::Invalid));
    assert!(matches!(ring.open(&purpose(1), &sealed).await, Err(KeyRingError::BrokenSeal)));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_create_and_rotate_at_once_end_with_one_ring() {
    let emulated = Emulated::new(None);
    let at_once = async |rotate: bool| {
        let mut processes = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let ring = emulated.ring();
            processes.spawn(async move {
                if rotate { ring.rotate().await } else { ring.create().await }.unwrap().kid
            });
        }
        processes.join_all().await
    };
    let mut created = at_once(false).await;
    created.dedup();
    assert_eq!(created.len(), 1, "all of them have the same ring");
    let mut expected: BTreeSet<String> = at_once(true).await.into_iter().collect();
    assert_eq!(expected.len(), 8);
    expected.extend(created);
    let listed: BTreeSet<String> = emulated.ring().list().await.unwrap().into_iter().map(|k| k.kid).collect();
    assert_eq!(listed, expected, "and no key is lost");
}

/// And the servers that meet no ring make one, not several.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_sign_with_one_ring() {
    let emulated = Emulated::new(None);
    let mut servers = tokio::task::JoinSet::new();
    for n in 0..8 {
        let ring = emulated.ring();
        servers.spawn(async move { (ring.sign(&claims(n)).await.unwrap().expose().to_owned(), n) });
    }
    let tickets = servers.join_all().await;
    let ring = emulated.ring();
    for (ticket, n) in &tickets {
        assert_eq!(ring.verify(ticket).await, Ok(claims(*n)));
    }
    assert_eq!(ring.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_lost_answer_of_a_rotation_is_one_key() {
    let emulated = Emulated::new(None);
    let (_kms, dynamodb, ring) = emulated.watched();
    for (expected, rotate) in [(1, false), (2, true), (3, true)] {
        dynamodb.add(Rule::on("PutItem", Fault::LoseAnswer).times(1));
        let key = if rotate { ring.rotate().await } else { ring.create().await }.unwrap();
        let listed = ring.list().await.unwrap();
        assert_eq!((listed.len(), &listed[expected - 1]), (expected, &key));
    }
}

// -------------------------------------------------------------------- faults

#[tokio::test]
async fn a_ring_that_cannot_be_read_again_goes_on_with_what_it_has() {
    let emulated = Emulated::new(None);
    let (_kms, dynamodb, ring) = emulated.watched();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    let stranger = emulated.stranger().sign(&claims(1)).await.unwrap();
    dynamodb.add(Rule::on("GetItem", Fault::json(400, "AccessDeniedException", "no")));
    emulated.clock.advance(REFRESH);
    assert!(ring.sign(&claims(2)).await.is_ok());
    assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
    assert_eq!(ring.verify(stranger.expose()).await, Err(TicketError::KeysUnavailable), "who knows");
    let before = dynamodb.counts()["GetItem"];
    ring.sign(&claims(2)).await.unwrap();
    assert_eq!(dynamodb.counts()["GetItem"], before, "not with every login");
}

#[tokio::test]
async fn while_kms_denies_nothing_is_sealed_or_signed_and_then_it_is() {
    let emulated = Emulated::new(None);
    let ticket = emulated.ring().sign(&claims(1)).await.unwrap();
    let (mut kms, _dynamodb, ring) = emulated.watched();
    let denied = Fault::json(400, "AccessDeniedException", "not authorized to perform: kms:Decrypt");
    let disabled = Fault::json(400, "DisabledException", "is disabled");
    for fault in [Some(denied), Some(disabled), Some(Fault::Drop), None] {
        match fault {
            Some(fault) => kms.add(Rule::on("Decrypt", fault)),
            None => kms.die(),
        }
        let sealed = ring.seal(&purpose(1), &plaintext()).await;
        assert_eq!(sealed.unwrap_err(), KeyRingError::Unavailable);
        assert_eq!(ring.sign(&claims(1)).await.unwrap_err(), KeyRingError::Unavailable);
        assert_eq!(ring.verify(ticket.expose()).await, Err(TicketError::KeysUnavailable));
        kms.reset();
    }
    kms.revive();
    assert!(ring.seal(&purpose(1), &plaintext()).await.is_ok());
    assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
}

/// Least privilege: servers without the permission to make keys.
#[tokio::test]
async fn a_server_that_may_not_make_the_ring_waits_for_its_operator() {
    let emulated = Emulated::new(None);
    let (kms, dynamodb, ring) = emulated.watched();
    for (proxy, operation) in [(&kms, "GenerateDataKeyWithoutPlaintext"), (&dynamodb, "PutItem")] {
        proxy.add(Rule::on(operation, Fault::json(400, "AccessDeniedException", "not authorized")));
        assert_eq!(ring.sign(&claims(1)).await.unwrap_err(), KeyRingError::Unavailable);
        assert!(emulated.aws.items("SAMLKeys").is_empty());
    }
    let created = emulated.ring().create().await.unwrap();
    assert_eq!(kid_that_signs(&ring).await, created.kid, "at once");
}

/// The table was restored without its item, or another one has its name: every server made
/// a new ring, and what waited could not be opened any more.
#[tokio::test]
async fn a_ring_that_is_gone_is_not_made_anew() {
    let emulated = Emulated::new(None);
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(&directory.path().join("db")).unwrap());
    let ring = || emulated.ring().not_anew(store.clone());
    let running = ring();
    kid_that_signs(&running).await;
    let key = json!({ "TableName": "SAMLKeys", "Key": { "kid": emulated.item()["kid"] } });
    emulated.aws.call(Service::DynamoDb, "DeleteItem", &key).unwrap();
    emulated.clock.advance(REFRESH);
    for ring in [ring(), running] {
        for _ in 0..2 {
            assert_eq!(ring.sign(&claims(1)).await.unwrap_err(), KeyRingError::Unavailable);
            assert!(emulated.aws.items("SAMLKeys").is_empty());
            assert_eq!(ring.ready().await, Err(KeyRingError::Unavailable), "no login begins");
        }
        let created = emulated.ring().create().await.unwrap();
        emulated.clock.advance(REFRESH);
        assert_eq!(ring.ready().await, Ok(()));
        assert_eq!(kid_that_signs(&ring).await, created.kid);
        emulated.aws.call(Service::DynamoDb, "DeleteItem", &key).unwrap();
        emulated.clock.advance(REFRESH);
    }
}

#[tokio::test]
async fn operators_are_told_what_to_do() {
    let emulated = Emulated::new(None);
    let (kms, dynamodb, ring) = emulated.watched();
    kms.add(Rule::on("", Fault::json(400, "AccessDeniedException", "User x is not authorized")));
    let told = ring.create().await.unwrap_err();
    assert!(told.contains("allow this role kms:GenerateDataKeyWithoutPlaintext"), "{told}");
    kms.reset();
    dynamodb.add(Rule::on("", Fault::json(400, "ResourceNotFoundException", "no table")));
    let told = ring.list().await.unwrap_err();
    assert!(told.contains("SAMLKeys") && told.contains("region and account"), "{told}");
    let symmetric = Signing::KmsAsymmetric { key_id: emulated.aws.create_key("HMAC_256") };
    let wrong = emulated.ring_with(&Kms { signing: symmetric, ..emulated.settings.clone() });
    assert!(wrong.create().await.is_err());
    for curve in ["ECC_NIST_P384", "ECC_SECG_P256K1"] {
        let signing = Signing::KmsAsymmetric { key_id: emulated.aws.create_key(curve) };
        let wrong = emulated.ring_with(&Kms { signing, ..emulated.settings.clone() });
        let told = wrong.create().await.unwrap_err();
        assert!(told.contains("must be ECC_NIST_P256 or RSA"), "{told}");
    }
}

// ------------------------------------------- what the table is trusted with

#[tokio::test]
async fn who_writes_the_table_makes_no_key_that_is_believed() {
    let emulated = Emulated::new(None);
    let ring = emulated.ring();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    ring.rotate().await.unwrap();
    let good = emulated.item();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut item = good.clone();
        change(&mut item["keys"]["L"]);
        item
    };
    let kid = |keys: &Value, n: usize| keys[n]["M"]["kid"].clone();
    let swapped = with(&|keys| (keys[0]["M"]["kid"], keys[1]["M"]["kid"]) = (kid(keys, 1), kid(keys, 0)));
    let copied = with(&|keys| keys[0]["M"]["ciphertext"] = keys[1]["M"]["ciphertext"].clone());
    let in_clear = with(&|keys| keys[0]["M"]["ciphertext"] = json!({ "B": "A".repeat(43) + "=" }));
    for item in [swapped, copied, in_clear] {
        emulated.put_item(&item);
        // A server that starts now: nothing of what it knew helps.
        let refused = emulated.ring().verify(ticket.expose()).await;
        assert_eq!(refused, Err(TicketError::KeysUnavailable), "{item}");
    }
    emulated.put_item(&good);
    assert_eq!(emulated.ring().verify(ticket.expose()).await, Ok(claims(1)), "control");
}

#[tokio::test]
async fn another_encryption_context_opens_nothing() {
    let emulated = Emulated::new(None);
    let ticket = emulated.ring().sign(&claims(1)).await.unwrap();
    let encryption_context = BTreeMap::from([("samlprovider".to_owned(), "Other".to_owned())]);
    let other = emulated.ring_with(&Kms { encryption_context, ..emulated.settings.clone() });
    assert_eq!(other.verify(ticket.expose()).await, Err(TicketError::KeysUnavailable));
    assert_eq!(other.sign(&claims(1)).await.unwrap_err(), KeyRingError::Unavailable);
}

#[tokio::test]
async fn a_ring_that_is_not_understood_is_left_alone() {
    let emulated = Emulated::new(None);
    emulated.ring().create().await.unwrap();
    let mut item = emulated.item();
    item["keys"]["L"][0]["M"]["algorithm"] = json!({ "S": "EdDSA" });
    emulated.put_item(&item);
    assert_eq!(emulated.ring().sign(&claims(1)).await.unwrap_err(), KeyRingError::Unavailable);
    assert!(emulated.ring().rotate().await.unwrap_err().contains("no key ring that this version knows"));
    assert_eq!(emulated.item(), item);
}

// ---------------------------------------------------- keys that KMS signs with

/// Others keep the set, and the server that they had it from may itself not have
/// seen the new key yet.
#[tokio::test]
async fn public_keys_that_were_kept_lack_no_key_that_signs() {
    let emulated = Emulated::new(Some("ECC_NIST_P256"));
    let (operator, server) = (emulated.ring(), emulated.ring());
    let old = kid_that_signs(&server).await;
    emulated.clock.advance(Duration::seconds(7));
    let new = operator.rotate().await.unwrap();
    let step = Duration::seconds(10);
    let mut answers = Vec::new();
    while emulated.now() < new.signs_from + PUBLIC_KEYS_KEPT {
        answers.push((emulated.now(), server.public_keys().await.unwrap()));
        // The oldest answer that somebody may still have.
        let (_, kept) = answers.iter().find(|(at, _)| *at + PUBLIC_KEYS_KEPT >= emulated.now()).unwrap();
        let kid = kid_that_signs(&operator).await;
        assert!(kept.find(&kid).is_some(), "{} lacks {kid}", emulated.now());
        emulated.clock.advance(step);
    }
    assert!(answers[0].1.find(&new.kid).is_none(), "the first did not have it: {old}");
    assert_eq!(kid_that_signs(&operator).await, new.kid);
}

/// `keys.signing` is changed, and the next rotation brings it; both hold meanwhile.
#[tokio::test]
async fn another_way_to_sign_comes_with_a_rotation() {
    let emulated = Emulated::new(None);
    let server = emulated.ring();
    let old = server.sign(&claims(1)).await.unwrap();
    let signing = Signing::KmsAsymmetric { key_id: emulated.aws.create_key("ECC_NIST_P256") };
    emulated.ring_with(&Kms { signing, ..emulated.settings.clone() }).rotate().await.unwrap();
    emulated.clock.advance(TAKE_OVER);
    let new = server.sign(&claims(2)).await.unwrap();
    assert_eq!(jsonwebtoken::decode_header(new.expose()).unwrap().alg, Algorithm::ES256);
    assert_eq!(server.verify(old.expose()).await, Ok(claims(1)));
    assert_eq!(server.verify(new.expose()).await, Ok(claims(2)));
}
