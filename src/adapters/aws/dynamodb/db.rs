//! The tables and the clients that reach them; a transaction.

use super::call::{Action, once, patient, unavailable};
use super::event::Recorder;
use super::schema::{Item, Tables, text_of};
use crate::broker::ports::{SecureRandom, StoreUnavailable};
use crate::broker::{Handle, LoginId, random_id};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Between attempts at a transaction that met another one, at most: those that
/// conflict are refused or through in tens of milliseconds.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(200);

/// The clients, the table names, and what makes items and tokens.
pub(super) struct Db {
    pub(super) client: Client,
    /// For `take`, which must not be repeated, not even inside the SDK.
    pub(super) once: Client,
    pub(super) tables: Tables,
    pub(super) recorder: Recorder,
    random: Arc<dyn SecureRandom>,
    /// Random: distinguishes this process's requests from those of others.
    process: String,
}

/// The result of one action of a cancelled transaction: `Some(item)` if its condition did not hold,
/// with the item as it is (empty if there is none).
pub(super) type CancellationItem = Option<Item>;

impl Db {
    pub(super) fn new(client: &Client, tables: Tables, random: Arc<dyn SecureRandom>) -> Self {
        Self {
            client: patient(client),
            once: once(client),
            tables,
            recorder: Recorder::new(Arc::clone(&random)),
            process: random_id(&*random),
            random,
        }
    }

    /// `ClientRequestToken` of a step: 36 characters at most. It differs wherever the
    /// content differs, and between processes: a process must not take another
    /// one's write for its own.
    pub(super) fn token(&self, login: &LoginId, step: &str, item: &Item, variant: &str) -> String {
        let recorded = text_of(item, "recorded").unwrap_or_default();
        let parts = [&self.process, login.as_str(), step, recorded, variant].map(str::as_bytes);
        Handle::of(&parts).as_str().chars().take(36).collect()
    }

    /// One transaction, repeated while it meets others. `Ok(Err(…))`: nothing was
    /// written, because of these conditions, in the order of the actions.
    ///
    /// `token` must differ where the actions differ: DynamoDB answers a repetition
    /// within ten minutes with its first answer.
    pub(super) async fn transact(
        &self,
        token: &str,
        actions: Vec<Action>,
    ) -> Result<Result<(), Vec<CancellationItem>>, StoreUnavailable> {
        // Every action has its table and key, so that all can be built.
        let actions: Vec<_> = actions.into_iter().collect::<Result<_, _>>().map_err(|_| StoreUnavailable)?;
        let mut pause = Duration::from_millis(10);
        loop {
            let call = self.client.transact_write_items().client_request_token(token);
            let Err(error) = call.set_transact_items(Some(actions.clone())).send().await else {
                return Ok(Ok(()));
            };
            let reasons = error.as_service_error().map_or(&[][..], cancellation);
            let code_is =
                |codes: &[&str]| reasons.iter().any(|r| r.code().is_some_and(|c| codes.contains(&c)));
            if code_is(&["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]) {
                sleep(self.jittered(pause)).await;
                pause = (pause * 2).min(CONFLICT_BACKOFF);
            } else if code_is(&["ConditionalCheckFailed"]) {
                return Ok(Err(reasons.iter().map(refusal).collect()));
            } else {
                return Err(unavailable("TransactWriteItems", &error));
            }
        }
    }

    /// Between half of it and all of it, or transactions that met would meet again.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [0];
        self.random.fill(&mut byte);
        pause.mul_f64(0.5 + f64::from(byte[0]) / 510.0)
    }
}

fn cancellation(error: &TransactWriteItemsError) -> &[CancellationReason] {
    if let TransactWriteItemsError::TransactionCanceledException(e) = error {
        e.cancellation_reasons()
    } else {
        &[]
    }
}

fn refusal(reason: &CancellationReason) -> CancellationItem {
    (reason.code() == Some("ConditionalCheckFailed")).then(|| reason.item().cloned().unwrap_or_default())
}
