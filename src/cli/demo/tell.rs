//! What happens in the demo, told on the terminal: one calm line per step,
//! out of the audit trail.

use super::super::say;
use crate::broker::{AuditEvent, Broker, EventKind};
use std::sync::Arc;
use std::time::Duration;

/// How often the audit trail is looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// Tells every new event, until aborted.
pub(super) async fn tell(broker: Arc<Broker>) {
    let mut told: Option<AuditEvent> = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Ok(recent) = broker.world().audit.recent(100).await else { continue };
        let new: Vec<&AuditEvent> = recent.iter().take_while(|event| Some(*event) != told.as_ref()).collect();
        for event in new.iter().rev() {
            say(&line(event));
        }
        if let Some(newest) = recent.first() {
            told = Some(newest.clone());
        }
    }
}

fn line(event: &AuditEvent) -> String {
    let subject = &event.subject;
    let who = subject.role_session_name.as_deref().unwrap_or("somebody");
    let role = subject.role.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or("no role");
    let rule = subject.rule.as_deref().unwrap_or("none");
    let code = event.code.as_deref().unwrap_or("unknown");
    let reference = event.reference.as_ref().map_or("", |reference| reference.as_str());
    let what = match event.kind {
        EventKind::Started => format!("{who} signed in; rule \u{201c}{rule}\u{201d} chose {role}"),
        EventKind::Issued => format!("credentials for {who} wait, sealed"),
        EventKind::Delivered => format!("credentials handed over to {who}, once"),
        EventKind::Refused => format!("{who} refused: {code} (reference {reference})"),
        EventKind::Expired => "credentials expired: nobody took them in time".to_owned(),
        EventKind::Failed => format!("the login of {who} failed: {code} (reference {reference})"),
        EventKind::Abandoned => "a login never ended".to_owned(),
        EventKind::Uncertain => format!("delivery uncertain: {code}"),
    };
    let (hour, minute, second) = event.at.to_hms();
    format!("  {hour:02}:{minute:02}:{second:02}  {what}")
}
