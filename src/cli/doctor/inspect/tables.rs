//! The tables as they are.

use super::error::InspectError;
use crate::adapters::aws::Sdk;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{
    ContinuousBackupsStatus, KeySchemaElement, PointInTimeRecoveryStatus, TimeToLiveStatus,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// DynamoDB of one region.
pub(crate) struct TableInspector(Client);

/// One table as it is. A key is its attributes: the hash key, then the range key.
#[derive(Debug)]
pub(crate) struct TableFacts {
    /// For policies.
    pub(crate) arn: String,
    /// `ACTIVE`, or what it is doing.
    pub(crate) status: String,
    /// Its key.
    pub(crate) key: Vec<String>,
    /// The keys of its global indexes that are active and have every attribute.
    pub(crate) indexes: BTreeMap<String, Vec<String>>,
    /// The regions of its replicas (global tables), this one's among them or not.
    pub(crate) replicas: Vec<String>,
    /// `None`: AWS's own key. Else the KMS key, and whether DynamoDB can use it.
    pub(crate) kms_key: Option<(String, bool)>,
}

impl TableInspector {
    /// Nothing is asked yet.
    pub(crate) async fn open(sdk: &Sdk, region: &str, endpoint: Option<&str>) -> Self {
        let config = aws_sdk_dynamodb::config::Builder::from(&sdk.at(region, endpoint).await)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(6)).build())
            .build();
        Self(Client::from_conf(config))
    }

    /// `DescribeTable`
    ///
    /// # Errors
    /// [`InspectError`].
    pub(crate) async fn table(&self, name: &str) -> Result<TableFacts, InspectError> {
        let answer = self.0.describe_table().table_name(name).send().await;
        let table = answer.map_err(|e| InspectError::of_sdk(&e))?.table.ok_or(InspectError::Missing)?;
        let complete = table.global_secondary_indexes.unwrap_or_default().into_iter().filter(|index| {
            let all = index.projection.as_ref().and_then(|p| p.projection_type.as_ref());
            let active = index.index_status.as_ref().is_none_or(|status| status.as_str() == "ACTIVE");
            active && all.is_some_and(|all| all.as_str() == "ALL")
        });
        let indexes = complete.filter_map(|index| Some((index.index_name?, key(index.key_schema))));
        Ok(TableFacts {
            arn: table.table_arn.unwrap_or_default(),
            status: table.table_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            key: key(table.key_schema),
            indexes: indexes.collect(),
            replicas: table
                .replicas
                .unwrap_or_default()
                .into_iter()
                .filter_map(|replica| replica.region_name)
                .collect(),
            kms_key: table.sse_description.map(|sse| {
                (sse.kms_master_key_arn.unwrap_or_default(), sse.inaccessible_encryption_date_time.is_none())
            }),
        })
    }

    /// `DescribeTimeToLive`: the attribute, if it is on (or being switched on).
    ///
    /// # Errors
    /// [`InspectError`].
    pub(crate) async fn time_to_live(&self, name: &str) -> Result<Option<String>, InspectError> {
        let answer = self.0.describe_time_to_live().table_name(name).send().await;
        let ttl = answer.map_err(|e| InspectError::of_sdk(&e))?.time_to_live_description;
        Ok(ttl.and_then(|ttl| {
            let on =
                matches!(ttl.time_to_live_status?, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling);
            ttl.attribute_name.filter(|_| on)
        }))
    }

    /// `DescribeContinuousBackups`: whether the table can be restored to any second.
    ///
    /// # Errors
    /// [`InspectError`].
    pub(crate) async fn recoverable(&self, name: &str) -> Result<bool, InspectError> {
        let answer = self.0.describe_continuous_backups().table_name(name).send().await;
        let backups = answer.map_err(|e| InspectError::of_sdk(&e))?.continuous_backups_description;
        Ok(backups.is_some_and(|backups| {
            let point = backups.point_in_time_recovery_description;
            backups.continuous_backups_status == ContinuousBackupsStatus::Enabled
                && point.and_then(|p| p.point_in_time_recovery_status)
                    == Some(PointInTimeRecoveryStatus::Enabled)
        }))
    }
}

fn key(schema: Option<Vec<KeySchemaElement>>) -> Vec<String> {
    let mut elements = schema.unwrap_or_default();
    elements.sort_by_key(|element| element.key_type.as_str() != "HASH");
    elements.into_iter().map(|element| element.attribute_name).collect()
}
