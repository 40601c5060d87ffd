//! From configured names to implementations: the one switchboard.
//!
//! A new store, token service or key ring is a directory beside `local`, one arm
//! here, and the contract tests (`tests/*_contract.rs`) run against it.

use super::aws::dynamodb::{DynamoDbStore, Tables};
use super::aws::kms::KmsKeyRing;
use super::aws::{AwsSts, Sdk};
use super::error::OpenError;
use super::key_admin::KeyAdmin;
use super::local::{EmbeddedStore, LocalKeyRing, LocalSts};
use crate::broker::Ports;
use crate::broker::ports::{
    AuditTrail, CallerDirectory, Clock, KeyRing, SecureRandom, SessionStore, TokenService, UserDirectory,
};
use crate::config::{DynamoDb, Keys, Kms, Store, Sts};
use std::sync::Arc;

/// Everything that a configuration names, opened.
pub struct Opened {
    pub ports: Ports,
    /// Finds the caller that a signature belongs to: the token service where it is
    /// local. `None` where no adapter can verify one; then there is no ping.
    pub callers: Option<Arc<dyn CallerDirectory>>,
}

/// Opens what the configuration names: creates missing files, refuses files that
/// are not ours or not safe.
///
/// # Errors
/// [`OpenError`]: a sentence for the operator.
pub async fn open(
    sts: &Sts,
    store: &Store,
    keys: &Keys,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> Result<Opened, OpenError> {
    let sdk = Sdk::default();
    type TokenServices = (Arc<dyn TokenService>, Option<Arc<dyn CallerDirectory>>);
    let (token_service, callers): TokenServices = match sts {
        Sts::Local { path, region } => {
            let token_service = Arc::new(LocalSts::open(path, region.clone(), Arc::clone(&random))?);
            (token_service.clone(), Some(token_service))
        }
        Sts::Aws { regions, endpoint, timeout } => {
            let regions: Vec<_> =
                regions.iter().map(|region| (region.as_str(), endpoint.as_deref())).collect();
            let token_service = AwsSts::open(&sdk, &regions, *timeout).await;
            (Arc::new(token_service), None)
        }
    };
    let keys: Arc<dyn KeyRing> = match keys {
        Keys::Local { path } => Arc::new(LocalKeyRing::open(path, Arc::clone(&clock), Arc::clone(&random))?),
        Keys::Kms(settings) => {
            Arc::new(kms_key_ring(&sdk, store, settings, Arc::clone(&clock), Arc::clone(&random)).await)
        }
    };
    let Stores { sessions, audit, users } = match store {
        Store::Embedded { path } => Stores::of(EmbeddedStore::open(path)?),
        Store::DynamoDb(settings) => {
            let client = dynamodb_client(&sdk, settings).await;
            Stores::of(DynamoDbStore::new(&client, tables(settings), Arc::clone(&random)))
        }
    };
    let ports = Ports { token_service, sessions, audit, users, keys, clock, random };
    Ok(Opened { ports, callers })
}

/// Opens the key ring for its operator.
///
/// # Errors
/// [`OpenError`].
pub async fn open_key_ring(
    store: &Store,
    keys: &Keys,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> Result<Arc<dyn KeyAdmin>, OpenError> {
    match keys {
        Keys::Local { path } => Ok(Arc::new(LocalKeyRing::open(path, clock, random)?)),
        Keys::Kms(settings) => {
            Ok(Arc::new(kms_key_ring(&Sdk::default(), store, settings, clock, random).await))
        }
    }
}

/// One store behind its three ports.
struct Stores {
    sessions: Arc<dyn SessionStore>,
    audit: Arc<dyn AuditTrail>,
    users: Arc<dyn UserDirectory>,
}

impl Stores {
    fn of<S: SessionStore + AuditTrail + UserDirectory + 'static>(store: S) -> Self {
        let store = Arc::new(store);
        Self { sessions: store.clone(), audit: store.clone(), users: store }
    }
}

async fn dynamodb_client(sdk: &Sdk, settings: &DynamoDb) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&sdk.at(&settings.region, settings.endpoint.as_deref()).await)
}

fn tables(settings: &DynamoDb) -> Tables {
    Tables {
        sessions: settings.sessions_table.clone(),
        claims: settings.claims_table.clone(),
        users: settings.users_table.clone(),
        audit: settings.audit_table.clone(),
    }
}

/// The endpoint of the ring's table, if not AWS's own: the table is in the ring's
/// region, and at the store's address if the store is in that region's DynamoDB.
pub fn keys_table_endpoint<'a>(store: &'a Store, settings: &Kms) -> Option<&'a str> {
    match store {
        Store::DynamoDb(store) if store.region == settings.region => store.endpoint.as_deref(),
        Store::DynamoDb(_) | Store::Embedded { .. } => None,
    }
}

async fn kms_key_ring(
    sdk: &Sdk,
    store: &Store,
    settings: &Kms,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> KmsKeyRing {
    let endpoint = keys_table_endpoint(store, settings);
    let kms = aws_sdk_kms::Client::new(&sdk.at(&settings.region, settings.endpoint.as_deref()).await);
    let table = aws_sdk_dynamodb::Client::new(&sdk.at(&settings.region, endpoint).await);
    KmsKeyRing::new(&kms, &table, settings.clone(), clock, random)
}
