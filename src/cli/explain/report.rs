//! A judgement, in words or as JSON.

use super::judge::{InTime, Judged, Judgement};
use crate::cli::outcome::{Row, all_granted, all_json, rules_json, sign_in_again, sign_in_again_json};
use crate::saml::{Fact, ServiceProvider, Step, Traced};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) struct Report<'a> {
    /// The recognized form of FILE.
    pub(super) form: &'static str,
    /// Which clock was asked for: `now`, `issued`, `given`.
    pub(super) asked: &'static str,
    pub(super) service: &'a ServiceProvider,
    pub(super) judgement: Judgement,
}

/// One step of the report.
struct Line<'a> {
    name: &'static str,
    title: &'static str,
    ok: bool,
    traced: Option<&'a Traced>,
}

impl Report<'_> {
    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.judgement.outcome, Judged::Accepted { .. })
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.judgement.outcome, Judged::Refused { .. })
    }

    /// The steps of `saml`, and those before and after it.
    fn lines(&self) -> Vec<Line<'_>> {
        let Judgement { steps, outcome, .. } = &self.judgement;
        let (refusing, by_saml) = match outcome {
            Judged::Accepted { .. } | Judged::BeginsAtPage { .. } => (None, false),
            Judged::Refused { step, .. } => (*step, step.is_none()),
        };
        let traced_steps = steps.iter().enumerate().map(|(index, traced)| Line {
            name: traced.step.as_str(),
            title: title(traced.step),
            ok: !(by_saml && index + 1 == steps.len()),
            traced: Some(traced),
        });
        let own = |name, title, ok| Line { name, title, ok, traced: None };
        let mut lines = Vec::new();
        if refusing == Some("form") {
            lines.push(own("form", "the fields of the posted form", false));
        }
        if self.judgement.relay_state {
            let holds = refusing != Some("relay_state");
            lines.push(own("relay_state", "RelayState is as the page makes it", holds));
        }
        lines.extend(traced_steps);
        if outcome.explanation().is_some() {
            lines.push(own("rules", "for each role the first rule that holds decides", self.is_accepted()));
        }
        lines
    }

    /// Which clock, and where it comes from.
    fn clock(&self) -> &'static str {
        match self.asked {
            "now" => "the clock of this machine; --at issued judges as of the assertion's issue",
            "issued" if self.judgement.steps.iter().any(|traced| traced.step == Step::Metadata) => {
                "when the assertion was issued"
            }
            "issued" => "the clock of this machine: nothing is believed of when it was issued",
            _ => "as given by --at",
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Judgement { outcome, at, unchecked, .. } = &self.judgement;
        let mut text = format!("FILE is   {}\n", self.form);
        let skew = self.service.clock_skew.whole_seconds();
        let _ = writeln!(
            text,
            "clock     {} ({}); clock_skew {skew} s",
            rfc3339(whole_second(*at)),
            self.clock()
        );
        for line in self.lines() {
            let _ =
                writeln!(text, "{:<9} {}: {}", if line.ok { "ok" } else { "REFUSED" }, line.name, line.title);
            for (name, fact) in line.traced.iter().flat_map(|traced| &traced.facts) {
                let _ = writeln!(text, "            {name}: {}", fact.words(*at));
                if let Fact::Private { count: 2.., values, .. } = fact {
                    values.iter().for_each(|value| {
                        let _ = writeln!(text, "              {value}");
                    });
                }
            }
            if line.name == "rules" {
                for explained in outcome.explanation().iter().flat_map(|explanation| explanation.lines()) {
                    let _ = writeln!(text, "            {explained}");
                }
            }
        }
        match outcome {
            Judged::BeginsAtPage { idp } => {
                let _ = write!(
                    text,
                    "\nwould begin a login at the page: a sign-in from the portal of {idp}, without RelayState; \
                     nothing else is taken from it"
                );
            }
            Judged::Accepted { granted, .. } => {
                let _ = writeln!(text, "\n{}", all_granted("grants    ", granted));
                text.push_str("would be accepted, if");
            }
            Judged::Refused { error, .. } => {
                let row = Row::of(error.code());
                let _ = write!(text, "\nwould be refused: {} ({})", row.code, row.status);
                if let Some(step_up) = error.step_up() {
                    let _ = write!(text, "\n  offers  {}", sign_in_again(step_up));
                }
                let _ = write!(
                    text,
                    "\n  means   {}\n  who     {}\n  do      {}",
                    row.means, row.who, row.remedy
                );
                text.push_str(&self.in_time());
                if !unchecked.is_empty() {
                    text.push_str("\nnot checked here: whether");
                }
            }
        }
        unchecked.iter().for_each(|unknown| {
            let _ = write!(text, "\n  - {unknown}");
        });
        text
    }

    /// What would become of it if only its times were right.
    fn in_time(&self) -> String {
        let Some(InTime { at, outcome }) = &self.judgement.in_time else { return String::new() };
        let mut text =
            format!("\n\nwere it in time (as of {}, when it was issued):", rfc3339(whole_second(*at)));
        for explained in outcome.explanation().iter().flat_map(|explanation| explanation.lines()) {
            let _ = write!(text, "\n            {explained}");
        }
        let _ = match outcome {
            Judged::Accepted { granted, .. } => write!(text, "\n{}", all_granted("  would grant ", granted)),
            other @ (Judged::Refused { .. } | Judged::BeginsAtPage { .. }) => {
                write!(text, "\n  would be refused: {}", other.code().unwrap_or_default())
            }
        };
        text
    }

    /// For programs. `docs/OPERATING.md` describes it.
    pub(super) fn json(&self) -> String {
        let Judgement { outcome, at, unchecked, .. } = &self.judgement;
        let steps: Vec<Value> = self.lines().iter().map(|line| line.json(*at)).collect();
        let (grants, refusal) = match outcome {
            Judged::BeginsAtPage { .. } => (json!([]), Value::Null),
            Judged::Accepted { granted, .. } => (all_json(granted), Value::Null),
            Judged::Refused { error, .. } => {
                let Row { code, status, means, who, remedy } = Row::of(error.code());
                let again = sign_in_again_json(error.step_up());
                let row = json!({
                    "code": code,
                    "status": status,
                    "sign_in_again": again,
                    "means": means,
                    "who": who,
                    "do": remedy,
                });
                (json!([]), row)
            }
        };
        let document = json!({
            "outcome": match outcome {
                Judged::Accepted { .. } => "accepted",
                Judged::BeginsAtPage { .. } => "begins_at_page",
                Judged::Refused { .. } => "refused",
            },
            "code": outcome.code(),
            "read_as": self.form,
            "clock": {
                "at": rfc3339(*at),
                "asked": self.asked,
                "skew_seconds": self.service.clock_skew.whole_seconds(),
            },
            "steps": steps,
            "rules": rules(outcome),
            "grants": grants,
            "in_time": self.judgement.in_time.as_ref().map(in_time_json),
            "refusal": refusal,
            "not_checked": unchecked,
        });
        document.to_string()
    }
}

impl Line<'_> {
    fn json(&self, clock: OffsetDateTime) -> Value {
        // A list for each name: an element can be there more than once.
        let mut facts = Map::new();
        for (name, fact) in self.traced.iter().flat_map(|traced| &traced.facts) {
            let list = facts.entry(name.clone().into_owned()).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(value(fact, clock));
            }
        }
        json!({"step": self.name, "ok": self.ok, "facts": facts})
    }
}

fn in_time_json(InTime { at, outcome }: &InTime) -> Value {
    let grants = if let Judged::Accepted { granted, .. } = outcome { all_json(granted) } else { json!([]) };
    json!({"at": rfc3339(*at), "code": outcome.code(), "rules": rules(outcome), "grants": grants})
}

/// Those looked at.
fn rules(outcome: &Judged) -> Vec<Value> {
    outcome.explanation().map(rules_json).unwrap_or_default()
}

fn value(fact: &Fact, clock: OffsetDateTime) -> Value {
    match fact {
        Fact::Ours(text) | Fact::Theirs(text) => json!(text),
        Fact::Private { count, least, most, values } => {
            json!({"count": count, "min_chars": least, "max_chars": most, "values": values})
        }
        Fact::At(at) => json!({"at": rfc3339(*at), "seconds_from_clock": (*at - clock).whole_seconds()}),
        Fact::Count(count) => json!(count),
        Fact::Absent => Value::Null,
    }
}

/// For people.
fn whole_second(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0).unwrap_or(at)
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// The condition that the step checks.
const fn title(step: Step) -> &'static str {
    match step {
        Step::Decode => "the field is base64 within the limits, and text",
        Step::Decrypt => "the encrypted assertion opens with a key of ours",
        Step::Parse => "XML within the limits, one Response, one Assertion",
        Step::Issuer => "the issuer is a configured identity provider (from here on: its keys)",
        Step::Signatures => "signatures stand where they may, and no ID is there twice",
        Step::ResponseSignature => "the Response's signature holds, and it is unchanged",
        Step::AssertionSignature => "the Assertion's signature holds, and it is unchanged",
        Step::DecryptValues => "the encrypted values open with a key of ours",
        Step::Metadata => "what we know of the identity provider still holds",
        Step::Status => "the identity provider reports success",
        Step::Response => "the Response is of SAML 2.0, dated, and of this issuer",
        Step::Destination => "the Response is addressed to us",
        Step::Request => "it answers a request of ours, or none and may",
        Step::Assertion => "the Assertion is of SAML 2.0, dated, and of this issuer",
        Step::Subject => "whoever bears it is the person: for our address, for now",
        Step::Conditions => "it is valid now, and for us",
        Step::Limits => "it is within our own limits on age and lifetime",
        Step::Authentication => "it says when the person signed in, and that session is not over",
        Step::Values => "the selected values are there",
    }
}
