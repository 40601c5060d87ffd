//! The table of the key ring: one item, read and replaced as a whole.

use super::ring::{RING, Ring};
use super::service::Reason;
use crate::adapters::aws::dynamodb::{patient, table_error};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// `SAMLKeys`, or what the configuration calls it.
pub(super) struct RingTable {
    client: Client,
    name: String,
}

impl RingTable {
    pub(super) fn new(client: &Client, name: String) -> Self {
        Self { client: patient(client), name }
    }

    pub(super) async fn read(&self) -> Result<Option<Ring>, Reason> {
        let table = &self.name;
        let found = self
            .client
            .get_item()
            .table_name(table)
            .key("kid", AttributeValue::S(RING.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| table_error("GetItem", table, &e))?;
        let Some(item) = found.item else { return Ok(None) };
        let ring = Ring::from_item(&item).ok_or_else(|| {
            format!("the item `{RING}` of the table {table} is no key ring that this version knows")
        })?;
        Ok(Some(ring))
    }

    /// Writes the ring, if the table still has what it replaces. `false`: it has not.
    pub(super) async fn write(&self, ring: &Ring) -> Result<bool, Reason> {
        let table = &self.name;
        let put = self.client.put_item().table_name(table).set_item(Some(ring.to_item()));
        let put = if ring.version == 1 {
            put.condition_expression("attribute_not_exists(kid)")
        } else {
            let former = AttributeValue::N((ring.version - 1).to_string());
            put.condition_expression("#version = :former")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":former", former)
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(e) => Err(table_error("PutItem", table, &e)),
        }
    }
}
