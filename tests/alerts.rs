//! The alarms that are shipped hear what they are for: each metric and code of
//! `deploy/alerts.yml` is in a real exposition, which is read strictly; each filter of
//! `deploy/sam/template.yaml` matches the real lines of what it is for, and no line of
//! an honest login.

mod support;

use axum::body::Body;
use axum::http::Request;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use support::faults::{Fault, record};
use support::forge::{Forge, p256};
use support::log::Log;
use support::metadata_server::metadata;
use support::server::{EMBEDDED, Server};
use support::test_service::{Page, TestService, assertion};
use tower::ServiceExt;
use vestibule::broker::EventKind::Delivered;
use vestibule::http::admin_router;
use vestibule::service::{LineFormat, SpanFields};

const ALERTS: &str = include_str!("../deploy/alerts.yml");
const TEMPLATE: &str = include_str!("../deploy/sam/template.yaml");
const CODES: &str = include_str!("../src/refusals.rs");

/// Metrics of `alerts.yml` that this build does not show yet.
const NOT_YET: [&str; 0] = [];

// ---- the exposition

/// A sample: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads Prometheus's text format 0.0.4, and accepts nothing that its specification
/// does not: each family once, its HELP and TYPE before its samples, no sample twice.
fn samples(text: &str) -> Vec<Sample> {
    let name = Regex::new(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$").unwrap();
    let sample = Regex::new(r#"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$"#).unwrap();
    let label = Regex::new(r#"^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)"#).unwrap();
    let (mut seen, mut families, mut all) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut family: Option<(String, String)> = None;
    let mut helped = None;
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (of, words) = help.split_once(' ').expect(line);
            assert!(name.is_match(of) && words.len() > 5, "{line}");
            assert!(helped.replace(of.to_owned()).is_none(), "a HELP without a TYPE: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (of, kind) = kind.split_once(' ').expect(line);
            assert_eq!(helped.take().as_deref(), Some(of), "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(of.to_owned()), "a family twice: {line}");
            family = Some((of.to_owned(), kind.to_owned()));
        } else {
            let parts = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line:?}"));
            let (of, kind) = family.as_ref().expect("a TYPE first");
            let fits = match kind.as_str() {
                "histogram" => {
                    ["_bucket", "_sum", "_count"].iter().any(|end| parts[1] == format!("{of}{end}"))
                }
                "counter" => parts[1] == *of && of.ends_with("_total"),
                _ => parts[1] == *of,
            };
            assert!(fits, "{line} in {of}");
            let mut rest = parts.get(2).map_or("", |labels| labels.as_str());
            let mut labels = BTreeMap::new();
            while let Some(one) = label.captures(rest) {
                assert!(labels.insert(one[1].to_owned(), one[2].to_owned()).is_none(), "{line}");
                rest = &rest[one[0].len()..];
            }
            assert_eq!(rest, "", "{line}");
            let value: f64 = parts[3].parse().expect(line);
            assert!(kind == "gauge" || value >= 0.0, "{line}");
            assert!(seen.insert((parts[1].to_owned(), labels.clone())), "a sample twice: {line}");
            all.push((parts[1].to_owned(), labels, value));
        }
    }
    assert!(helped.is_none());
    all
}

async fn exposition(service: &TestService) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = admin_router(service.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_exposition_is_well_formed_and_histograms_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let page = Page::new(1);
    let ticket = service.post(&assertion(1), &page).await.ticket();
    service.take(&ticket, &page).await;
    service.take(&ticket, &page).await;
    let all = samples(&exposition(&service).await);
    let one = |name: &str, wanted: &[(&str, &str)]| {
        let has = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(name, value)| labels.get(*name).is_some_and(|known| known == value))
        };
        let found: Vec<f64> = all
            .iter()
            .filter(|(n, labels, _)| n == name && has(labels))
            .map(|(_, _, value)| *value)
            .collect();
        let [value] = found[..] else { panic!("{name} {wanted:?}: {found:?}") };
        value
    };
    let steps = ["login", "redeem", "sts", "store_begin", "store_put", "store_take", "store_record"];
    for (step, times) in
        steps.map(|step| (step, if ["redeem", "store_take"].contains(&step) { 2.0 } else { 1.0 }))
    {
        assert_eq!(one("vestibule_step_duration_seconds_count", &[("step", step)]), times, "{step}");
        let last = one("vestibule_step_duration_seconds_bucket", &[("step", step), ("le", "+Inf")]);
        assert_eq!(last, times, "{step}");
    }
    assert_eq!(one("vestibule_step_duration_seconds_count", &[("step", "keys_verify")]), 2.0);
    assert_eq!(
        one("vestibule_request_duration_seconds_count", &[("method", "GET"), ("route", "/saml")]),
        2.0
    );
    assert_eq!(one("vestibule_build_info", &[]), 1.0);
    assert_eq!(one("vestibule_ready", &[]), 1.0);
    assert_eq!(one("vestibule_slots_in_use", &[("class", "shared")]), 0.0);
    assert!(one("process_resident_memory_bytes", &[]) > 1e6);
    assert!(one("process_open_fds", &[]) > 3.0 && one("process_open_fds", &[]) < one("process_max_fds", &[]));

    service.plan.at("ready", Fault::Down);
    let all = samples(&exposition(&service).await);
    assert!(all.iter().any(|(name, _, value)| name == "vestibule_ready" && *value == 0.0));
}

#[test]
#[should_panic(expected = "a family twice")]
fn a_family_that_stands_twice_is_found() {
    samples(
        "# HELP a_total words.\n# TYPE a_total counter\na_total 1\n# HELP a_total words.\n# TYPE a_total counter\n",
    );
}

#[test]
#[should_panic(expected = "a sample twice")]
fn a_sample_that_stands_twice_is_found() {
    samples("# HELP a the words.\n# TYPE a gauge\na{b=\"c\"} 1\na{b=\"c\"} 2\n");
}

#[test]
#[should_panic(expected = "no sample")]
fn a_label_that_is_not_escaped_is_found() {
    samples("# HELP a the words.\n# TYPE a gauge\na{b=\"c\nd\"} 1\n");
}

// ---- deploy/alerts.yml

/// What follows each `expr:`, folded ones too.
fn expressions() -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = ALERTS.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim().strip_prefix("expr: ") else { continue };
        if expression != ">-" {
            found.push(expression.to_owned());
            continue;
        }
        let mut folded = Vec::new();
        while let Some(more) = lines.next_if(|line| line.starts_with("          ")) {
            folded.push(more.trim());
        }
        found.push(folded.join(" "));
    }
    found
}

/// Label, operator, value.
type LabelMatcher = (String, String, String);

/// Metrics of an expression, each with its matchers.
fn selectors(expression: &str) -> Vec<(String, Vec<LabelMatcher>)> {
    let metric = Regex::new(r"\b((?:vestibule|process)_[a-z_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = Regex::new(r#"([a-z_]+)(=~|!=|=)"([^"]*)""#).unwrap();
    let all = metric.captures_iter(expression).map(|found| {
        let matchers = found.get(2).map_or("", |matchers| matchers.as_str());
        let matchers = matcher.captures_iter(matchers);
        (found[1].to_owned(), matchers.map(|m| (m[1].to_owned(), m[2].to_owned(), m[3].to_owned())).collect())
    });
    all.collect()
}

/// The real binary's: it has an identity provider's metadata and a key's age.
fn real_exposition() -> String {
    let saml = "\n[[saml.idp]]\nname = \"ADFS\"\nmetadata = \"@DIR@/adfs.xml\"\n\
                provider_arn = \"arn:aws:iam::123456789012:saml-provider/ADFS\"\n\
                [[rule]]\nname = \"all\"\nwhen.role_name = { contains = \"Prod\" }\n";
    let ending = metadata(&[p256()])
        .replace("<EntityDescriptor ", "<EntityDescriptor validUntil=\"2100-01-01T00:00:00Z\" ");
    let server = Server::setup(&format!("{EMBEDDED}{saml}")).file("adfs.xml", &ending).start();
    support::browser::Browser::new().get(&format!("{}/metrics", server.admin_url), &[]).body
}

#[test]
fn every_metric_and_code_of_the_alert_rules_exists_from_the_start() {
    let all = samples(&real_exposition());
    let expressions = expressions();
    assert_eq!(expressions.len(), ALERTS.matches("- alert: ").count());
    assert!(expressions.len() >= 15, "{expressions:?}");
    let mut missing = BTreeSet::new();
    for expression in &expressions {
        let selectors = selectors(expression);
        assert!(!selectors.is_empty(), "{expression}");
        for (metric, matchers) in selectors {
            let named: Vec<_> = all.iter().filter(|(name, _, _)| *name == metric).collect();
            if named.is_empty() {
                missing.insert(metric);
                continue;
            }
            // A series that appears with its first event hides that event from `increase`.
            let fits = |labels: &BTreeMap<String, String>| {
                matchers.iter().all(|(label, operator, value)| {
                    let known = labels.get(label).map_or("", String::as_str);
                    match operator.as_str() {
                        "=" => known == value,
                        "=~" => Regex::new(&format!("^(?:{value})$")).unwrap().is_match(known),
                        other => panic!("not known here: {other}"),
                    }
                })
            };
            assert!(
                named.iter().any(|(_, labels, _)| fits(labels)),
                "{metric} {matchers:?} never is: {expression}"
            );
            for (_, _, code) in
                matchers.iter().filter(|(label, operator, _)| label == "code" && operator == "=")
            {
                let is_outcome = ["issued", "delivered"].contains(&code.as_str());
                assert!(is_outcome || CODES.contains(&format!("\"{code}\"")), "no code {code}");
            }
        }
    }
    // What is not there is what the list says, so that the list shrinks.
    assert_eq!(missing, NOT_YET.map(str::to_owned).into());
}

// ---- the filters of deploy/sam/template.yaml

/// Filters by name: the log group, and the pattern.
fn filters() -> BTreeMap<String, (String, String)> {
    let (mut name, mut group, mut found) = (String::new(), String::new(), BTreeMap::new());
    for line in TEMPLATE.lines() {
        if let Some(resource) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'))
            && !resource.starts_with([' ', '#'])
        {
            name = resource.to_owned();
        } else if let Some(of) = line.trim().strip_prefix("LogGroupName: !Ref ") {
            group = of.to_owned();
        } else if let Some(pattern) = line.trim().strip_prefix("FilterPattern: ") {
            found.insert(name.clone(), (group.clone(), pattern.trim_matches('\'').to_owned()));
        }
    }
    found
}

/// CloudWatch's patterns for JSON, as many of them as the template uses: comparisons,
/// `&&` before `||`, parentheses, `*` in texts.
struct Pattern<'p> {
    rest: &'p str,
    line: &'p Value,
}

impl Pattern<'_> {
    fn matches(pattern: &str, line: &Value) -> bool {
        let inner = pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')).expect(pattern);
        let mut pattern = Pattern { rest: inner, line };
        let matched = pattern.any();
        assert_eq!(pattern.rest.trim(), "", "not understood");
        matched
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(token);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn any(&mut self) -> bool {
        let mut matched = self.all();
        while self.take("||") {
            matched |= self.all();
        }
        matched
    }

    fn all(&mut self) -> bool {
        let mut matched = self.one();
        while self.take("&&") {
            matched &= self.one();
        }
        matched
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let matched = self.any();
            assert!(self.take(")"), "{}", self.rest);
            return matched;
        }
        let comparison = Regex::new(r#"^\s*\$\.([a-z_]+)\s*(>=|<=|!=|=|>|<)\s*(?:"([^"]*)"|(\d+))"#).unwrap();
        let found = comparison.captures(self.rest).unwrap_or_else(|| panic!("not understood: {}", self.rest));
        self.rest = &self.rest[found[0].len()..];
        let value = &self.line[&found[1]];
        if let Some(text) = found.get(3) {
            let wanted = regex::escape(text.as_str()).replace(r"\*", ".*");
            let equal =
                value.as_str().is_some_and(|v| Regex::new(&format!("^{wanted}$")).unwrap().is_match(v));
            return match &found[2] {
                "=" => equal,
                other => panic!("not for texts: {other}"),
            };
        }
        // What is absent or no number matches no comparison.
        let wanted: f64 = found[4].parse().unwrap();
        value.as_f64().is_some_and(|value| match &found[2] {
            "=" => value == wanted,
            "!=" => value != wanted,
            ">" => value > wanted,
            "<" => value < wanted,
            ">=" => value >= wanted,
            _ => value <= wanted,
        })
    }
}

#[test]
fn patterns_are_read_as_cloudwatch_reads_them() {
    let line = serde_json::json!({ "code": "sts_unavailable", "status": 502, "n": 0 });
    for (pattern, matches) in [
        (r#"{ $.code = "sts_*" }"#, true),
        (r#"{ $.code = "sts" }"#, false),
        (r#"{ $.status = 502 && $.n > 0 }"#, false),
        (r#"{ $.n > 0 || $.status >= 500 }"#, true),
        (r#"{ $.n = 1 && $.n = 0 || $.status = 502 }"#, true),
        (r#"{ $.n = 1 && ($.n = 0 || $.status = 502) }"#, false),
        (r#"{ $.absent > 0 }"#, false),
    ] {
        assert_eq!(Pattern::matches(pattern, &line), matches, "{pattern}");
    }
}

/// The lines that were logged since the last call.
fn new_lines(log: &Log, read: &mut usize) -> Vec<Value> {
    let text = log.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines[std::mem::replace(read, lines.len())..].to_vec()
}

/// `current_thread`, and no other test of this process logs: the lines are this test's.
#[tokio::test]
async fn each_filter_matches_what_it_is_for_and_no_honest_login() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .fmt_fields(SpanFields)
        .event_format(LineFormat::Json)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let filters = filters();
    let names: Vec<_> = filters.keys().map(String::as_str).collect();
    assert_eq!(names, ["StsFailureFilter", "UncertainDeliveryFilter", "UncertainSweptFilter"]);
    let mut read = 0;
    // How often each filter of this group counts.
    let counts = |lines: &[Value], group: &str| -> Vec<(&str, usize)> {
        let of_group = filters.iter().filter(|(_, (of, _))| of == group);
        let count = |pattern: &str| lines.iter().filter(|line| Pattern::matches(pattern, line)).count();
        of_group.map(|(name, (_, pattern))| (name.as_str(), count(pattern))).filter(|(_, n)| *n > 0).collect()
    };

    // An honest login, its take, refusals that people cause, and a sweep that finds nothing wrong.
    let page = Page::new(1);
    let ticket = service.post(&assertion(1), &page).await.ticket();
    service.take(&ticket, &page).await;
    service.take(&ticket, &page).await;
    service.post(&assertion(1), &page).await;
    service.post(&Forge { roles: Vec::new(), ..assertion(2) }, &Page::new(2)).await;
    service.post(&assertion(3), &Page::new(3)).await.ticket();
    service.pass(3_600);
    service.sweep().await;
    let lines = new_lines(&log, &mut read);
    assert!(lines.len() > 6);
    assert_eq!((counts(&lines, "HttpLog"), counts(&lines, "SweeperLog")), (vec![], vec![]));
    service.clock.set(support::forge::now());

    // A login that died between its steps is no uncertain delivery.
    for (number, step) in [(10, "issue"), (11, "put")] {
        service.plan.at(step, Fault::Down);
        service.plan.at("release", Fault::Down);
        service.post(&assertion(number), &Page::new(number)).await;
        service.plan.mend();
    }
    let lines = new_lines(&log, &mut read);
    assert_eq!(counts(&lines, "HttpLog"), [("StsFailureFilter", 1)], "{lines:#?}");

    // The three ways of a delivery to be uncertain.
    let ways = [
        ("take".to_owned(), Fault::AnswerLost),
        ("open".to_owned(), Fault::Down),
        (record(Delivered), Fault::Down),
    ];
    for (number, (step, fault)) in (20..).zip(ways) {
        let page = Page::new(number);
        let ticket = service.post(&assertion(number), &page).await.ticket();
        service.plan.at(&step, fault);
        let refused = service.take(&ticket, &page).await;
        assert_eq!(refused.code(), "delivery_uncertain", "{step}");
        service.plan.mend();
        let lines = new_lines(&log, &mut read);
        assert_eq!(counts(&lines, "HttpLog"), [("UncertainDeliveryFilter", 1)], "{step}: {lines:#?}");
    }
    // And the fourth: nobody could record it, and the sweeper finds it.
    let page = Page::new(30);
    let ticket = service.post(&assertion(30), &page).await.ticket();
    service.plan.at(&record(Delivered), Fault::Down);
    service.plan.at("release", Fault::Down);
    service.take(&ticket, &page).await;
    service.plan.mend();
    new_lines(&log, &mut read);
    service.pass(3_600);
    service.sweep().await;
    let lines = new_lines(&log, &mut read);
    assert_eq!(counts(&lines, "SweeperLog"), [("UncertainSweptFilter", 1)], "{lines:#?}");
    assert_eq!(lines[0]["abandoned"], 2);
}
