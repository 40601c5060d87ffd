//! How DynamoDB is called: how long, how often, and what its errors mean.

use super::schema::Item;
use crate::adapters::aws::error::{described, innermost};
use crate::adapters::aws::sdk::http_client;
use crate::broker::ports::StoreUnavailable;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{self, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;

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

/// A client that repeats what may be repeated.
pub(in crate::adapters::aws) fn patient(client: &Client) -> Client {
    let retry = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(1));
    Client::from_conf(configured(client, retry, OPERATION_TIMEOUT).build())
}

/// A client that asks once, on a connection of its own. One that was idle (in a
/// function that was frozen, say) may be dead without our knowing: a request sent
/// on it is lost, and it is unknown whether it arrived. A new connection costs
/// milliseconds, and when it fails, nothing was sent.
pub(super) fn once(client: &Client) -> Client {
    let config = configured(client, RetryConfig::disabled(), ATTEMPT_TIMEOUT);
    Client::from_conf(config.http_client(http_client(Some(0))).build())
}

fn configured(client: &Client, retry: RetryConfig, operation: Duration) -> config::Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(operation)
        .build();
    client.config().to_builder().retry_config(retry).timeout_config(timeouts)
}

/// Bounds an operation. One that is cut off may yet happen; every operation bounded
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

/// Of an item that stays as it is.
pub(super) fn check(table: &str, key: Item, condition: &str, values: Item) -> Action {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key))
        .condition_expression(condition)
        .set_expression_attribute_values(unless_empty(values))
        .build()?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// DynamoDB refuses an empty map where it may be absent.
fn unless_empty(values: Item) -> Option<Item> {
    (!values.is_empty()).then_some(values)
}

/// Logs AWS's code and message: they name tables and permissions, never values.
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

/// The same as a sentence, for the key ring, which has a table too.
pub(in crate::adapters::aws) fn table_error<E>(operation: &str, table: &str, error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = described(error);
    let advice = match error.code() {
        Some("AccessDeniedException") => format!("; allow this role dynamodb:{operation} on the table"),
        Some("ResourceNotFoundException") => "; is it in this region and account?".to_owned(),
        _ => String::new(),
    };
    format!("DynamoDB does not {operation} in {table} ({said}){advice}")
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
