//! The rows of who signed in, and the roles that they had.

use super::call::unavailable;
use super::db::Db;
use super::event::person;
use super::schema::{Item, instant, instant_of, sortable, text, text_of};
use crate::broker::ports::{MOST_ROLES_USED, RoleUsed, StoreUnavailable};
use crate::broker::{AuditEvent, Handle, LoginId, Subject};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::cmp::Reverse;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The name of an attribute for each role of a choice: this and the ARN. Each is set by
/// itself, so that of parts that are issued at once none undoes what another one noted.
const ROLE: &str = "role:";

/// The row of `idp#NameID`: `name`, last authentication, how many, last role and
/// session; of a part of a choice, its role too. A repetition of the same login is not
/// counted again.
pub(super) async fn signed_in(db: &Db, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(person) = person(&event.subject) else { return Ok(()) };
    let optional = |value: Option<&str>| value.map_or(AttributeValue::Null(true), text);
    let mut update = "SET #name = :name, last_authentication = :at, last_role = :role, \
                      last_session = :session, last_login = :login"
        .to_owned();
    let mut row = db
        .client
        .update_item()
        .table_name(&db.tables.users)
        .key("CognitoID", text(&*person))
        .condition_expression("attribute_not_exists(last_login) OR last_login <> :login")
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":name", optional(event.subject.role_session_name.as_deref()))
        .expression_attribute_values(":at", text(sortable(event.at)))
        .expression_attribute_values(":role", optional(event.subject.role.as_deref()))
        .expression_attribute_values(":session", optional(event.session.as_ref().map(Handle::as_str)))
        .expression_attribute_values(":login", optional(event.login.as_ref().map(LoginId::as_str)))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
    let chosen = event.subject.role.as_ref().filter(|_| event.subject.choice.is_some());
    if let Some(role) = chosen {
        update.push_str(", #chosen = :chosen");
        row = row
            .expression_attribute_names("#chosen", format!("{ROLE}{role}"))
            .expression_attribute_values(":chosen", instant(event.at))
            .return_values(ReturnValue::AllNew);
    }
    match row.update_expression(update + " ADD authentications :one").send().await {
        Ok(updated) => match updated.attributes {
            Some(row) if chosen.is_some() => forget_oldest(db, &person, &row).await,
            _ => Ok(()),
        },
        Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
        Err(e) => Err(unavailable("UpdateItem", &e)),
    }
}

/// Or the row would grow with each role that somebody ever had.
async fn forget_oldest(db: &Db, person: &str, row: &Item) -> Result<(), StoreUnavailable> {
    let mut chosen = chosen(row);
    if chosen.len() <= MOST_ROLES_USED {
        return Ok(());
    }
    chosen.sort_by_key(|used| Reverse(used.at));
    let mut update = db.client.update_item().table_name(&db.tables.users).key("CognitoID", text(person));
    let mut names = Vec::new();
    for (number, used) in chosen.iter().skip(MOST_ROLES_USED).enumerate() {
        names.push(format!("#r{number}"));
        update = update.expression_attribute_names(format!("#r{number}"), format!("{ROLE}{}", used.role));
    }
    let forgotten = update.update_expression(format!("REMOVE {}", names.join(", "))).send().await;
    forgotten.map(|_| ()).map_err(|e| unavailable("UpdateItem", &e))
}

/// The newest first: those of choices, and the last one. Half a read unit for each 4 KB: it may
/// be a moment behind.
pub(super) async fn roles_used(db: &Db, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
    let subject =
        Subject { idp: Some(idp.to_owned()), name_id: Some(name_id.to_owned()), ..Subject::default() };
    let Some(person) = person(&subject) else { return Ok(Vec::new()) };
    let row = db.client.get_item().table_name(&db.tables.users).key("CognitoID", text(person)).send().await;
    let Some(row) = row.map_err(|e| unavailable("GetItem", &e))?.item else { return Ok(Vec::new()) };
    let mut used = chosen(&row);
    let last_at =
        text_of(&row, "last_authentication").and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    if let (Some(role), Some(at)) = (text_of(&row, "last_role"), last_at) {
        match used.iter_mut().find(|used| used.role == role) {
            Some(known) => known.at = known.at.max(at),
            None => used.push(RoleUsed { role: role.to_owned(), at }),
        }
    }
    used.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.role.cmp(&b.role)));
    used.truncate(MOST_ROLES_USED);
    Ok(used)
}

fn chosen(row: &Item) -> Vec<RoleUsed> {
    let of = |name: &String| {
        let role = name.strip_prefix(ROLE)?.to_owned();
        Some(RoleUsed { role, at: instant_of(row, name)? })
    };
    row.keys().filter_map(of).collect()
}
