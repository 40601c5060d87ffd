//! The rows of who signed in.

use super::call::unavailable;
use super::db::Db;
use super::event::person;
use super::schema::{sortable, text};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, Handle, LoginId};
use aws_sdk_dynamodb::types::AttributeValue;

/// The row of `idp#NameID`: `name`, last authentication, how many, last role and
/// session. A repetition of the same login is not counted again.
pub(super) async fn signed_in(db: &Db, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(person) = person(&event.subject) else { return Ok(()) };
    let optional = |value: Option<&str>| value.map_or(AttributeValue::Null(true), text);
    let updated = db
        .client
        .update_item()
        .table_name(&db.tables.users)
        .key("CognitoID", text(person))
        .update_expression(
            "SET #name = :name, last_authentication = :at, last_role = :role, last_session = :session, \
             last_login = :login ADD authentications :one",
        )
        .condition_expression("attribute_not_exists(last_login) OR last_login <> :login")
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":name", optional(event.subject.role_session_name.as_deref()))
        .expression_attribute_values(":at", text(sortable(event.at)))
        .expression_attribute_values(":role", optional(event.subject.role.as_deref()))
        .expression_attribute_values(":session", optional(event.session.as_ref().map(Handle::as_str)))
        .expression_attribute_values(":login", optional(event.login.as_ref().map(LoginId::as_str)))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await;
    match updated {
        Ok(_) => Ok(()),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
        Err(e) => Err(unavailable("UpdateItem", &e)),
    }
}
