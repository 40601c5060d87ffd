//! What is left of logins in the tables: their history, and whether it accounts for
//! everything that was handed out.

use crate::cloud::Cloud;
use crate::support::aws::Service;
use crate::support::forge::Forge;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

impl Cloud {
    pub fn items(&self, table: &str) -> Vec<Value> {
        self.aws.items(&format!("{}{table}", self.prefix))
    }

    /// The audit trail, in order.
    fn trail(&self) -> Vec<Value> {
        let mut events = self.items("SAMLAudit");
        events.sort_by_key(|event| text(event, "recorded").to_owned());
        events
    }

    /// What happened to an assertion: `login.failed sts_timeout`.
    pub fn history(&self, assertion: &Forge) -> Vec<String> {
        let trail = self.trail();
        let of_it: BTreeSet<_> = trail
            .iter()
            .filter(|event| text(event, "assertion_id") == assertion.assertion_id)
            .map(|event| text(event, "login_id"))
            .collect();
        let events = trail.iter().filter(|event| of_it.contains(text(event, "login_id")));
        events
            .map(|event| format!("{} {}", text(event, "kind"), text(event, "code")).trim().to_owned())
            .collect()
    }

    /// How often something was recorded.
    pub fn count(&self, kind: &str) -> usize {
        self.items("SAMLAudit").iter().filter(|event| text(event, "kind") == kind).count()
    }

    /// Waits until every login has its end, by a real sweeper if need be, and
    /// then checks that the trail accounts for everything.
    pub fn settle(&self) {
        let open = || -> Vec<Value> {
            let items = self.items("SAMLSessions");
            items.into_iter().filter(|item| text(item, "identityhash") != "readiness").collect()
        };
        let began = Instant::now();
        while !open().is_empty() {
            assert!(began.elapsed() < Duration::from_secs(120), "nobody ends {:?}", open());
            sleep(Duration::from_millis(500));
        }
        self.assert_accounted_for();
    }

    /// [`Cloud::settle`], as if hours had passed: by a real server that has just started.
    pub fn sweep(&self) {
        self.age();
        let _sweeper = self.server();
        self.settle();
    }

    /// No credentials without a record, none twice, none lost without a trace.
    fn assert_accounted_for(&self) {
        let trail = self.trail();
        let mut logins: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for event in trail.iter().filter(|event| !text(event, "login_id").contains(':')) {
            logins.entry(text(event, "login_id")).or_default().push(event);
        }
        let (handed_out, uncertain) = (self.handed_out.lock().unwrap(), self.uncertain.lock().unwrap());
        let mut delivered = BTreeSet::new();
        for (login, events) in &logins {
            let kinds: Vec<_> = events.iter().map(|event| text(event, "kind")).collect();
            if kinds == ["choice.opened", "choice.ended"] {
                continue;
            }
            let of = |kind| events.iter().copied().find(|event| text(event, "kind") == kind);
            assert_eq!(kinds[0], "login.started", "{login}: {kinds:?}");
            match (&kinds[1..], of("login.delivered")) {
                (["login.issued", "login.delivered"], Some(event)) => {
                    let key = text(event, "access_key_id");
                    assert_eq!(key, text(of("login.issued").unwrap(), "access_key_id"), "{login}");
                    // Or recorded, without our hearing of it: then nothing went out.
                    let heard = handed_out.iter().any(|each| each == key);
                    assert!(heard || uncertain.contains(text(event, "session")), "{login}");
                    delivered.insert(key);
                }
                (["login.issued", "login.expired" | "login.uncertain" | "login.failed"], None)
                | (["login.failed" | "login.abandoned"], None) => {}
                _ => panic!("{login}: {kinds:?}"),
            }
        }
        for key in handed_out.iter() {
            assert!(delivered.remove(key.as_str()), "{key} was handed out without a record, or twice");
        }

        // And by STS's own book: whatever it gave was asked for by one of these logins.
        let started: BTreeSet<_> = logins.values().map(|events| text(events[0], "assertion_id")).collect();
        let mut given = BTreeSet::new();
        let ours = self.role.trim_end_matches("Production");
        for call in self.aws.sts_calls() {
            let parameters = &call["parameters"];
            let is_ours = parameters["RoleArn"].as_str().is_some_and(|role| role.starts_with(ours));
            if call["access_key_id"].is_string() && is_ours {
                assert_eq!(call["action"], self.options.asking.operation());
                given.insert(call["access_key_id"].as_str().unwrap().to_owned());
                let Some(assertion) = parameters["SAMLAssertion"].as_str() else {
                    // None reaches STS where we assume roles; it knows whom it was for.
                    assert_eq!(parameters["SourceIdentity"], "paula@example.com");
                    continue;
                };
                let xml = STANDARD.decode(assertion).unwrap();
                let xml = String::from_utf8(xml).unwrap();
                let (_, rest) = xml.split_once("<Assertion ID=\"").unwrap();
                assert!(started.contains(rest.split('"').next().unwrap()), "no login asked for {rest}");
            }
        }
        for event in trail.iter().filter(|event| text(event, "kind") == "login.issued") {
            let key = text(event, "access_key_id");
            assert!(given.contains(key), "STS never gave {key}");
        }
    }

    /// As if hours had passed for all that is open or claimed.
    pub fn age(&self) {
        for (table, key) in [("SAMLSessions", "identityhash"), ("SAMLClaims", "handle")] {
            for item in self.items(table).iter().filter(|item| item["ends_at"].is_object()) {
                let ends_at: i128 = item["ends_at"]["N"].as_str().unwrap().parse().unwrap();
                let earlier = (ends_at - 3_600_000_000_000 * 2).to_string();
                let input = json!({
                    "TableName": format!("{}{table}", self.prefix),
                    "Key": { key: item[key] },
                    "UpdateExpression": "SET ends_at = :earlier",
                    "ExpressionAttributeValues": { ":earlier": { "N": earlier } },
                });
                self.aws.call(Service::DynamoDb, "UpdateItem", &input).unwrap();
            }
        }
    }
}

/// A string of an item; empty if it has none.
pub fn text<'i>(item: &'i Value, name: &str) -> &'i str {
    item[name]["S"].as_str().unwrap_or_default()
}
