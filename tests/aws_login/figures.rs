//! What a login costs at AWS: measured on the wire and in the tables, computed by
//! the rules that AWS documents ("DynamoDB item sizes and formats", "Read and write
//! operations", "Managing complex workflows with transactions"), and held against
//! the table in docs/AWS.md, so that neither drifts from the other.

use crate::auditor::text;
use crate::cloud::{Cloud, Site, root};
use crate::people::Person;
use crate::sealed::{self, Opened, REDIRECT, SEALED, begun, for_shells, taken};
use crate::support::fault_proxy::{FaultProxy, Seen};
use crate::support::forge::Forge;
use crate::support::sealed::Waiting;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A write unit, in bytes.
const UNIT: usize = 1_024;

/// What DynamoDB stores beside an item, and beside its copy in an index.
const STORED_BESIDE: usize = 100;

/// By how many bytes an item may differ from what is stated: DynamoDB trims the
/// zeros at the end of instants.
const ABOUT: usize = 12;

/// By AWS's rule: names in UTF-8, strings in UTF-8, a byte for two digits and one
/// more, binaries as they are, a byte for null; three for a list or a map and one
/// for each element.
fn size(item: &Value) -> usize {
    item.as_object().unwrap().iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &Value) -> usize {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        "N" => value.as_str().unwrap().trim_matches('0').len().div_ceil(2) + 1,
        "B" => {
            let base64 = value.as_str().unwrap();
            base64.trim_end_matches('=').len() * 3 / 4
        }
        "NULL" | "BOOL" => 1,
        other => panic!("{other} is in no item of a login"),
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

/// Write units of tables, and of their indexes.
#[derive(Default, Debug, PartialEq, Eq)]
struct Writes {
    tables: usize,
    indexes: usize,
}

/// The indexes of a table that an item is in.
fn indexes(table: &str, item: &Value) -> usize {
    let tables = std::fs::read_to_string(root().join("tests/aws/tables.json")).unwrap();
    let tables: Value = serde_json::from_str(&tables).unwrap();
    let table =
        tables.as_array().unwrap().iter().find(|each| table.ends_with(each["TableName"].as_str().unwrap()));
    let indexes = table.unwrap()["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
    let is_in = |index: &&Value| {
        assert_eq!(index["Projection"]["ProjectionType"], "ALL", "so that the copy is as large");
        let keys = index["KeySchema"].as_array().unwrap();
        keys.iter().all(|key| item.get(key["AttributeName"].as_str().unwrap()).is_some())
    };
    indexes.iter().filter(is_in).count()
}

impl Writes {
    /// All of these requests; `stored` is what they change or delete.
    fn of(seen: &[Seen], stored: &[Value]) -> Self {
        let mut writes = Self::default();
        for request in seen {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            match body["TransactItems"].as_array() {
                Some(actions) => {
                    for (action, on) in actions.iter().flat_map(|action| action.as_object().unwrap()) {
                        writes.add(action, on, 2, stored);
                    }
                }
                None => writes.add(request.operation.strip_suffix("Item").unwrap(), &body, 1, stored),
            }
        }
        writes
    }

    /// One action. Twice in a transaction: DynamoDB prepares, and commits. An index
    /// follows the commit, once.
    fn add(&mut self, action: &str, on: &Value, times: usize, stored: &[Value]) {
        let table = on["TableName"].as_str().unwrap();
        let of_key =
            |key: &Value| at(key, stored).unwrap_or_else(|| panic!("nothing stored at {key:?}")).clone();
        let item = match action {
            "Put" => on["Item"].clone(),
            // A check is paid for as a write.
            "Update" | "Delete" | "ConditionCheck" => of_key(&on["Key"]),
            _ => panic!("{action} is no write"),
        };
        self.tables += times * units(size(&item));
        let copies = indexes(table, &item);
        assert!(copies == 0 || action == "Put", "an indexed item is never changed");
        self.indexes += copies * units(size(&item));
    }
}

/// The item that has this key.
fn at<'i>(key: &Value, stored: &'i [Value]) -> Option<&'i Value> {
    let key = key.as_object().unwrap();
    stored.iter().find(|item| key.iter().all(|(name, value)| item.get(name) == Some(value)))
}

/// One for each 4,096 bytes, begun ones whole, and one for nothing; half of that where a read may be
/// of a moment ago.
fn read_units(seen: &[Seen], stored: &[Value]) -> usize {
    let halves_of = |request: &Seen| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let halves = if body["ConsistentRead"] == true { 2 } else { 1 };
        halves * at(&body["Key"], stored).map_or(0, size).div_ceil(4 * UNIT).max(1)
    };
    seen.iter().map(halves_of).sum::<usize>().div_ceil(2)
}

/// Readiness is asked by whoever watches the server, the sweeper by the clock.
fn of_login(seen: &Seen) -> bool {
    !seen.body.contains("\"readiness\"") && !["Scan", "Query"].contains(&seen.operation.as_str())
}

/// What a server has asked DynamoDB of logins.
fn asked_of(site: &Site) -> Vec<Seen> {
    site.wires.dynamodb.seen().into_iter().filter(of_login).collect()
}

/// All of them, in every table of logins.
fn all(cloud: &Cloud) -> Vec<Value> {
    ["SAMLSessions", "SAMLClaims", "SAMLUsers", "SAMLAudit"]
        .into_iter()
        .flat_map(|t| cloud.items(t))
        .collect()
}

/// The one whose attribute begins with this.
fn of(items: &[Value], name: &str, value: &str) -> Value {
    items.iter().find(|item| text(item, name).starts_with(value)).expect(value).clone()
}

/// The rows `| name | number |` of a section of docs/AWS.md.
fn stated(section: &str) -> BTreeMap<String, usize> {
    let document = std::fs::read_to_string(root().join("docs/AWS.md")).unwrap();
    let (_, rest) = document.split_once(&format!("\n## {section}\n")).expect("the section");
    let rows = rest.split("\n## ").next().unwrap().lines().filter_map(|line| {
        let (name, number) = line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | ")?;
        Some((name.replace('`', ""), number.replace(',', "").parse().ok()?))
    });
    rows.collect()
}

#[test]
fn a_login_costs_what_the_documentation_states() {
    let cloud = Cloud::new("figures-");
    let site = cloud.server();
    let login = |starts_here: bool| {
        let person = Person::new();
        let in_response_to = starts_here.then(|| person.request(&site));
        let response = Forge { in_response_to, ..cloud.response() };
        let ticket = person.post(&site, &response).ticket();
        let waiting = all(&cloud);
        let taken = cloud.take(&site, &person, &ticket);
        assert_eq!(taken.status, 200);
        (waiting, response, taken.json["SessionToken"].as_str().unwrap().len())
    };
    let asked = |operation: &str| {
        let seen = [&site.wires.dynamodb, &site.wires.kms].map(FaultProxy::seen);
        seen.iter().flatten().filter(|seen| of_login(seen) && seen.operation == operation).count()
    };
    // The ring was made by an operator; a process that meets it reads and opens it once.
    cloud.keys(&site, "create");
    site.wires.reset();
    login(false);
    assert_eq!([asked("GetItem"), asked("Decrypt"), site.wires.kms.seen().len()], [1, 1, 1]);
    site.wires.reset();
    let (waiting, response, token) = login(false);

    let (writes, requests) = (Writes::of(&asked_of(&site), &waiting), asked_of(&site));
    let mut measured: BTreeMap<String, usize> = BTreeMap::new();
    for request in site.wires.sts.seen().into_iter().chain(requests) {
        *measured.entry(request.operation).or_default() += 1;
    }
    measured.insert("calls of KMS".to_owned(), site.wires.kms.seen().len());

    measured.insert("write units of tables".to_owned(), writes.tables);
    measured.insert("write units of indexes".to_owned(), writes.indexes);
    measured.insert("million write units per million logins".to_owned(), writes.tables + writes.indexes);

    let stored = all(&cloud);
    let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
    let started = of(&stored, "assertion_id", &response.assertion_id);
    let login_id = text(&started, "login_id").to_owned();
    let mut trail = 0;
    for event in stored.iter().filter(|item| text(item, "login_id") == login_id && item.get("kind").is_some())
    {
        let kind = text(event, "kind");
        trail += (size(event) + STORED_BESIDE) * (1 + indexes("SAMLAudit", event));
        bytes.insert(kind.to_owned(), size(event));
    }
    let of_phase = |phase: &str| of(&waiting, "phase", phase);
    bytes.insert("session, waiting".to_owned(), size(&of_phase("waiting")));
    bytes.insert("marker of an open login".to_owned(), size(&of_phase("issued")));
    bytes.insert("claim".to_owned(), size(waiting.iter().find(|item| item.get("handle").is_some()).unwrap()));
    bytes.insert(
        "users row".to_owned(),
        size(waiting.iter().find(|item| item.get("CognitoID").is_some()).unwrap()),
    );
    bytes.insert("kept of a login, in the trail and its indexes".to_owned(), trail);

    bytes.insert("of which the session token".to_owned(), token);
    let with_token = |characters: usize| units(bytes["session, waiting"] + characters - token);
    assert_eq!([token, 1_500, 1_600].map(with_token), [2, 2, 3]);

    site.wires.reset();
    let (waiting, ..) = login(true);
    let more = Writes::of(&asked_of(&site), &waiting).tables - writes.tables;
    measured.insert("more where the login starts here: its request is claimed".to_owned(), more);

    are_stated("What a login costs", &measured, &bytes);
    cloud.settle();
}

/// These numbers, and about these bytes, and nothing else, stand in that section.
fn are_stated(section: &str, measured: &BTreeMap<String, usize>, bytes: &BTreeMap<String, usize>) {
    println!("{measured:#?}\n{bytes:#?}");
    let stated = stated(section);
    for (name, measured) in measured {
        assert_eq!(stated.get(name), Some(measured), "{name}");
    }
    for (name, measured) in bytes {
        // All events of a login; and a response, of which deflating makes more or less each time.
        let times = [("kept", 12), ("choice of", 4)].into_iter().find(|(of, _)| name.starts_with(of));
        let about = ABOUT * times.map_or(1, |(_, times)| times);
        let stated = *stated.get(name).unwrap_or_else(|| panic!("{name} is not stated"));
        assert!(stated.abs_diff(*measured) <= about, "{name}: {measured} bytes, and {stated} are stated");
    }
    assert_eq!(stated.len(), measured.len() + bytes.len(), "and nothing else is stated: {stated:?}");
}

/// The same for who waits by a key: a page, and a program at a shell, whose login is a choice.
#[test]
fn sealing_costs_what_the_documentation_states() {
    let (mut measured, mut bytes) = (BTreeMap::new(), BTreeMap::new());
    let cloud = Cloud::with("costs-sealed-", SEALED);
    let site = cloud.server();
    let login = |number| {
        let page = Waiting::page(number);
        let response = Forge { in_response_to: Some(begun(&page, &site, &site)), ..cloud.response() };
        let jwe = sealed::post(&page, &site, &response).ticket();
        let waiting = all(&cloud);
        let document = taken(&cloud, &page, &site, &page.open(&jwe));
        (waiting, jwe.len(), document["SessionToken"].as_str().unwrap().len())
    };
    login(1);
    site.wires.reset();
    let (waiting, jwe, token) = login(2);
    assert_eq!(site.wires.kms.seen().len(), 0);
    let writes = Writes::of(&asked_of(&site), &waiting);
    let session = size(&of(&waiting, "phase", "waiting"));
    bytes.insert("session of a sealed login, waiting".to_owned(), session);
    bytes.insert("its ticket, in the redirect".to_owned(), jwe);
    measured.insert("write units of tables, of a sealed login".to_owned(), writes.tables);
    measured.insert("write units of indexes, of a sealed login".to_owned(), writes.indexes);
    // In the item a character of the token is four thirds of one, since a JWE is base64url.
    let with_token = |characters: usize| units(session + (characters - token) * 4 / 3);
    assert_eq!([token, 1_350, 1_400].map(with_token), [3, 3, 4]);
    cloud.settle();

    let cloud = Cloud::new("costs-shell-");
    let site = for_shells(&cloud);
    let login = |number| {
        let program = Waiting::program(number);
        let request = sealed::ask(&program, &site, Some(REDIRECT));
        let opened = Opened::new(&cloud, [&site, &site]);
        let listed = opened.person.list_with(&site, &opened.ticket, &[("Vestibule-Shell", &request)]);
        assert_eq!(listed.status, 200);
        let jwe = opened.choose(&cloud, &site, &json!({ "request": request })).parts().remove(0);
        let waiting = all(&cloud);
        taken(&cloud, &program, &site, &program.open(&jwe));
        (waiting, opened.response.assertion_id, jwe.len(), request.len())
    };
    login(1);
    site.wires.reset();
    sealed::ask(&Waiting::program(2), &site, None);
    assert_eq!((asked_of(&site).len(), site.wires.kms.seen().len()), (0, 0), "who only asks costs nothing");
    let (waiting, assertion, jwe, request) = login(3);
    assert_eq!(site.wires.kms.seen().len(), 0);
    let (reads, changes): (Vec<_>, Vec<_>) =
        asked_of(&site).into_iter().partition(|seen| seen.operation == "GetItem");
    for request in site.wires.sts.seen().iter().chain(&reads).chain(&changes) {
        *measured.entry(request.operation.clone()).or_default() += 1;
    }
    let writes = Writes::of(&changes, &waiting);
    measured.insert("write units of tables, of a program's login".to_owned(), writes.tables);
    measured.insert("write units of indexes, of a program's login".to_owned(), writes.indexes);
    measured.insert("read units of a program's login".to_owned(), read_units(&reads, &waiting));
    bytes.insert("a program's request".to_owned(), request);
    bytes.insert("its sealed ticket".to_owned(), jwe);
    let newest = |phase: &str| {
        let of_it =
            waiting.iter().filter(|item| text(item, "phase") == phase && item.get("sealed").is_some());
        size(of_it.max_by_key(|item| item["ends_at"]["N"].as_str().unwrap().to_owned()).unwrap())
    };
    bytes.insert("choice of a program's login, waiting".to_owned(), newest("choosing"));
    bytes.insert("part of a program's login, waiting".to_owned(), newest("waiting"));
    let trail = cloud.items("SAMLAudit");
    let opened = trail.iter().filter(|event| text(event, "kind") == "choice.opened");
    let opened = opened.cloned().collect::<Vec<_>>();
    let choice = text(&of(&opened, "assertion_id", &assertion), "login_id").to_owned();
    for event in &trail {
        if text(event, "choice") == choice || text(event, "login_id") == choice {
            bytes.insert(format!("{} of a program's login", text(event, "kind")), size(event));
        }
    }
    // Each choice has an end of its own, minutes later.
    let stored = all(&cloud);
    drop(site);
    cloud.age();
    let sweeper = cloud.server();
    cloud.settle();
    let is_end = |seen: &Seen| seen.operation == "TransactWriteItems" && seen.body.contains(&choice);
    let ends: Vec<_> = sweeper.wires.dynamodb.seen().into_iter().filter(is_end).collect();
    let writes = Writes::of(&ends, &stored);
    measured.insert("write units of a choice's end".to_owned(), writes.tables + writes.indexes);

    are_stated("What sealing costs", &measured, &bytes);
}

/// The rule itself, on the examples that can be counted by hand.
#[test]
fn sizes_are_counted_as_aws_says() {
    let item = serde_json::json!({
        "S": { "S": "héllo" }, "N": { "N": "1700003600000000000" }, "B": { "B": "AAAA" },
        "C": { "B": "AAA=" }, "Z": { "NULL": true },
    });
    assert_eq!(size(&item), (1 + 6) + (1 + 4 + 1) + (1 + 3) + (1 + 2) + (1 + 1));
    assert_eq!([0, 1, 1_024, 1_025].map(units), [1, 1, 1, 2]);
}
