//! How DynamoDB is called: how long, how often, and what its errors mean.

use super::DynamoDbStore;
use super::schema::Item;
use crate::broker::ports::StoreUnavailable;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{self, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::{CancellationReason, Delete, Put, TransactWriteItem, Update};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::error::Error;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A connection inside one region takes milliseconds; a second is a fault.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// One attempt. DynamoDB answers in milliseconds; longer than its own internal
/// retries take, shorter than a person's patience.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// One operation of a port, whatever it takes inside.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// The SDK's retries of throttling, 5xx and lost answers. All that it repeats
/// recognises itself; the take is not repeated.
const ATTEMPTS: u32 = 4;

/// Between attempts at a transaction that met another one, at most: those that
/// conflict are refused or through in tens of milliseconds.
const CONFLICT_BACKOFF: Duration = Duration::from_millis(200);

/// A client that repeats what may be repeated.
pub(in crate::adapters::aws) fn patient(client: &Client) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(1));
    Client::from_conf(configured(client, retry, OPERATION_TIMEOUT).build())
}

/// A client that asks once, on a connection of its own. One that was idle (in a
/// function that was frozen, say) may be dead without our knowing: what is sent
/// on it is lost, and nobody can tell whether it arrived. A new connection costs
/// milliseconds, and when it fails, nothing was sent.
pub(super) fn once(client: &Client) -> Client {
    // As the SDK makes its own (its proxy settings too), but for the pool.
    let new_connections =
        aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, runtime| {
            let mut connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            connector.set_connector_settings(settings.cloned());
            connector.set_sleep_impl(runtime.and_then(|components| components.sleep_impl()));
            connector.proxy_config(ProxyConfig::from_env()).pool_max_idle_per_host(0).build()
        });
    let config = configured(client, RetryConfig::disabled(), ATTEMPT_TIMEOUT);
    Client::from_conf(config.http_client(new_connections).build())
}

fn configured(client: &Client, retry: RetryConfig, operation: Duration) -> config::Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(operation)
        .build();
    client.config().to_builder().retry_config(retry).timeout_config(timeouts)
}

/// Bounds an operation. What is cut off may yet happen; all that is bounded
/// this way recognises itself when it is repeated.
pub(super) async fn within<T>(operation: impl Future<Output = T>) -> Result<T, StoreUnavailable> {
    timeout(OPERATION_TIMEOUT, operation).await.map_err(|_| {
        tracing::error!(limit_s = OPERATION_TIMEOUT.as_secs(), "DynamoDB did not get it done in time");
        StoreUnavailable
    })
}

/// One action of a transaction.
pub(super) type Action = Result<TransactWriteItem, BuildError>;

pub(super) fn put(table: &str, item: Item, condition: &str, values: Item) -> Action {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression(condition)
        .set_expression_attribute_values(unless_empty(values))
        .return_values_on_condition_check_failure(AllOld)
        .build()?;
    Ok(TransactWriteItem::builder().put(put).build())
}

pub(super) fn update(table: &str, key: Item, update: &str, condition: &str, values: Item) -> Action {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key))
        .update_expression(update)
        .condition_expression(condition)
        .set_expression_attribute_values(unless_empty(values))
        .build()?;
    Ok(TransactWriteItem::builder().update(update).build())
}

pub(super) fn delete(table: &str, key: Item, condition: Option<&str>, values: Item) -> Action {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key))
        .set_condition_expression(condition.map(str::to_owned))
        .set_expression_attribute_values(unless_empty(values))
        .build()?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// DynamoDB refuses an empty map where it may be absent.
fn unless_empty(values: Item) -> Option<Item> {
    (!values.is_empty()).then_some(values)
}

/// What a transaction's action met: `Some(item)` if its condition did not hold,
/// with the item as it is (empty if there is none).
pub(super) type CancellationItem = Option<Item>;

impl DynamoDbStore {
    /// One transaction, repeated while it meets others. `Ok(Err(…))`: nothing was
    /// written, because of these conditions, in the order of the actions.
    ///
    /// `token` must differ for what differs: DynamoDB answers a repetition within
    /// ten minutes with what it answered first.
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

    /// Half of it at least; or those that met would meet again.
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

/// For the operator, with what AWS said: it names tables and permissions, never values.
pub(super) fn unavailable<E>(operation: &'static str, error: &SdkError<E>) -> StoreUnavailable
where
    E: ProvideErrorMetadata + Error + 'static,
{
    tracing::error!(
        operation,
        code = error.code().unwrap_or("none"),
        said = error.message().unwrap_or(""),
        error = innermost(error),
        "DynamoDB does not do it"
    );
    StoreUnavailable
}

/// The same as a sentence, for who keeps something else in DynamoDB.
pub(in crate::adapters::aws) fn table_error<E>(operation: &str, table: &str, error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => format!("no answer ({})", innermost(error)),
    };
    let advice = match error.code() {
        Some("AccessDeniedException") => format!("; allow this role dynamodb:{operation} on the table"),
        Some("ResourceNotFoundException") => "; is it in this region and account?".to_owned(),
        _ => String::new(),
    };
    format!("DynamoDB does not {operation} in {table} ({said}){advice}")
}

/// The end of the chain of causes: "connection refused", "operation timed out".
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Whether it is certain that the service did nothing: the request was never
/// sent, or the service says that it refuses it (4xx: throttled, no permission,
/// a conflict). A lost answer, a timeout or a 5xx leave it open.
pub(super) fn certainly_did_nothing<E: Error + 'static>(error: &SdkError<E>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(_) => never_connected(error),
        SdkError::ServiceError(e) => e.raw().status().is_client_error(),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | _ => false,
    }
}

/// Name not resolved, refused, unreachable, no TLS: the client had no
/// connection on which to send anything.
fn never_connected<E: Error + 'static>(error: &SdkError<E>) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(e) = cause {
        if let Some(client) = e.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        cause = e.source();
    }
    false
}
