//! The audit trail in plain words, for the terminal and the panel.

use crate::broker::{AuditEvent, Broker, EventKind};
use crate::system::print_message;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// How often the audit trail is read.
const INTERVAL: Duration = Duration::from_millis(250);

/// How many events are read at first: as many as one person causes in a quarter of a second.
const FIRST_LOOK: usize = 8;

/// Prints each event once and in order.
pub(super) struct TrailPrinter {
    broker: Arc<Broker>,
    printed: Option<AuditEvent>,
}

impl TrailPrinter {
    pub(super) fn new(broker: Arc<Broker>) -> Self {
        Self { broker, printed: None }
    }

    /// Prints new events until `stop` completes, and then the rest.
    pub(super) async fn print_until(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let stopped = tokio::select! {
                () = &mut stop => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            for event in self.new_events().await.iter().rev() {
                print_message(&format!("  {}  {}", time_of_day(event.at), sentence(event)));
            }
            if stopped {
                return;
            }
        }
    }

    /// The events since the last reading, newest first.
    async fn new_events(&mut self) -> Vec<AuditEvent> {
        let mut limit = FIRST_LOOK;
        loop {
            let Ok(mut recent) = self.broker.ports().audit.recent(limit).await else { return Vec::new() };
            let known = recent.iter().position(|event| Some(event) == self.printed.as_ref());
            if known.is_none() && recent.len() == limit {
                // More events than that are new: read further back.
                limit = limit.saturating_mul(4);
                continue;
            }
            recent.truncate(known.unwrap_or(recent.len()));
            if let Some(newest) = recent.first() {
                self.printed = Some(newest.clone());
            }
            return recent;
        }
    }
}

/// An event in plain words.
pub(super) fn sentence(event: &AuditEvent) -> String {
    let subject = &event.subject;
    let named = subject.role_session_name.as_ref().or(subject.name_id.as_ref());
    let who = named.cloned().unwrap_or_else(|| match &subject.idp {
        Some(idp) => format!("somebody from {idp}"),
        None => "somebody".to_owned(),
    });
    let role = subject.role.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or("no role");
    let rule = subject.rule.as_deref().unwrap_or("none");
    let because = event.code.as_deref().map_or("the reason is not known", in_words);
    let and_code = event.code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    match event.kind {
        EventKind::Started => format!("{who} signed in, and the rule \u{201c}{rule}\u{201d} chose {role}"),
        EventKind::Issued => format!("credentials for {who} wait, sealed"),
        EventKind::Delivered => format!("credentials handed over to {who}, once"),
        EventKind::Refused => format!("{who} was refused: {because}{and_code}"),
        EventKind::RefusalsSummed => {
            format!("{} more refusals{and_code} of {who}", subject.times.unwrap_or_default())
        }
        EventKind::Expired => format!("credentials for {who} are gone: nobody took them in time"),
        EventKind::Failed => format!("the sign-in of {who} failed: {because}{and_code}"),
        EventKind::Abandoned => format!("the sign-in of {who} never came to an end"),
        EventKind::ChoiceOpened => format!("{who} signed in, and may choose among several roles"),
        EventKind::ChoiceEnded => format!("the time for {who} to choose is over"),
        EventKind::KeysChanged => {
            format!("{} signs with other keys now", subject.idp.as_deref().unwrap_or("somebody"))
        }
        EventKind::Uncertain => {
            format!("credentials for {who} are gone, and it is not certain that they arrived{and_code}")
        }
    }
}

/// The codes that visitors of the demo meet, in words.
fn in_words(code: &str) -> &str {
    match code {
        "role_refused" => "a rule says no",
        "role_ambiguous" => "several roles would do, and the service does not guess",
        "role_not_allowed" => "no rule allows any of the roles",
        "insufficient_user_authentication" => "a role is given only after another sign-in",
        "no_role_offered" => "there is no role to choose from",
        "assertion_expired" => "the response is too old",
        "wrong_audience" => "the response was made for another application",
        "assertion_replayed" => "the response had been used before",
        "session_waiting" => "another sign-in waits for the same session",
        "sts_refused" | "sts_unavailable" => "no credentials came",
        "keys_unavailable" => "the keys could not be used",
        "store_unavailable" => "nothing could be recorded",
        _ => "it did not pass",
    }
}

/// `09:41:07`, UTC.
pub(super) fn time_of_day(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_offset(time::UtcOffset::UTC).to_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Subject;

    fn event(kind: EventKind, code: Option<&str>) -> AuditEvent {
        AuditEvent {
            at: OffsetDateTime::from_unix_timestamp(1_795_424_467).unwrap(),
            kind,
            login: None,
            session: None,
            reference: None,
            source_ip: None,
            code: code.map(str::to_owned),
            subject: Subject {
                role_session_name: Some("paula@halvorsen.example".into()),
                role: Some("arn:aws:iam::123456789012:role/ADFS-Production".into()),
                rule: Some("production".into()),
                ..Subject::default()
            },
        }
    }

    #[test]
    fn every_kind_of_event_is_a_sentence() {
        let said = |kind, code| sentence(&event(kind, code));
        assert_eq!(
            said(EventKind::Started, None),
            "paula@halvorsen.example signed in, and the rule “production” chose ADFS-Production"
        );
        assert_eq!(
            said(EventKind::Refused, Some("assertion_replayed")),
            "paula@halvorsen.example was refused: the response had been used before (assertion_replayed)"
        );
        assert_eq!(
            said(EventKind::Failed, Some("something_new")),
            "the sign-in of paula@halvorsen.example failed: it did not pass (something_new)"
        );
        for kind in [EventKind::Issued, EventKind::Delivered, EventKind::Expired, EventKind::Abandoned] {
            assert!(said(kind, None).contains("paula@halvorsen.example"));
        }
    }

    /// A message may be refused before its subject is known.
    #[test]
    fn an_event_about_nobody_is_a_sentence_too() {
        let nobody =
            AuditEvent { subject: Subject::default(), ..event(EventKind::Refused, Some("wrong_audience")) };
        assert_eq!(
            sentence(&nobody),
            "somebody was refused: the response was made for another application (wrong_audience)"
        );
        let subject = Subject { idp: Some("ADFS".into()), ..Subject::default() };
        let unexplained = AuditEvent { code: None, subject, ..nobody };
        assert_eq!(sentence(&unexplained), "somebody from ADFS was refused: the reason is not known");
    }

    #[test]
    fn times_are_utc() {
        let there = time::UtcOffset::from_hms(5, 30, 0).unwrap();
        assert_eq!(time_of_day(event(EventKind::Started, None).at.to_offset(there)), "09:01:07");
    }
}
