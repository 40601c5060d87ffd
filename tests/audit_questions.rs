//! The auditor's questions of docs/OPERATING.md: each command as it stands there, on the
//! rows of real logins, in the database file and in the tables.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use support::aws::{Emulators, Service, dynamodb_at};
use support::faults::Fault;
use support::forge::{self, Forge};
use support::test_service::{Page, TestService, assertion};
use tempfile::TempDir;
use vestibule::adapters::aws::dynamodb::{DynamoDbStore, Tables};
use vestibule::broker::{AuditEvent, EventKind, Subject};
use vestibule::system::SystemRandom;

/// What the manual has in place of the values that differ.
const KEY: &str = "ASIAEXAMPLE";
const LOGIN: &str = "gW9mzUQ3mBqTlsTRyS3QfA";
const REFERENCE: &str = "75XW-9Y9K";

const ROLE: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

/// The commands of a section, each on one line, by the question above it.
fn questions(section: &str) -> BTreeMap<String, String> {
    let manual = include_str!("../docs/OPERATING.md");
    let section = manual.split(&format!("\n### {section}\n")).nth(1).expect(section);
    let block = section.split("\n```sh").nth(1).and_then(|fence| fence.split_once('\n')).expect("a block").1;
    let entries = block.split("\n```").next().unwrap().split("\n\n");
    let questions = entries.map(|entry| {
        let (question, command) = entry.split_once('\n').expect(entry);
        let question = question.strip_prefix("# ").expect(question).split('?').next().unwrap();
        (question.to_owned(), command.replace("\\\n", ""))
    });
    questions.collect()
}

/// What a command is asked with in place of what the manual has.
type Instead<'a> = &'a [(&'a str, &'a str)];

fn filled(command: &str, instead: Instead<'_>) -> String {
    instead.iter().fold(command.to_owned(), |command, (from, to)| command.replace(from, to))
}

trait Asked {
    /// The answer's rows, each as one text.
    fn rows(&self, question: &str, instead: Instead<'_>) -> Vec<String>;

    /// There is a row for each of these, and it has all of its texts.
    fn has(&self, question: &str, instead: Instead<'_>, expected: &[&[&str]]) {
        let rows = self.rows(question, instead);
        assert_eq!(rows.len(), expected.len(), "{question}: {rows:#?}");
        for texts in expected {
            let found = rows.iter().any(|row| texts.iter().all(|text| row.contains(*text)));
            assert!(found, "{question}: {texts:?} is not in {rows:#?}");
        }
    }
}

/// The ticket of a login.
async fn login(service: &TestService, number: u32, name: &str) -> String {
    let forge = Forge { name_id: name.to_owned(), ..assertion(number) };
    service.post(&forge, &Page::new(number)).await.ticket()
}

async fn deliver(service: &TestService, number: u32, name: &str, reason: Option<&str>) {
    let ticket = login(service, number, name).await;
    assert_eq!(service.take_because(&ticket, &Page::new(number), reason).await.status, 200);
}

/// A day of logins, and what is to be found of it.
struct Day {
    events: Vec<AuditEvent>,
}

impl Day {
    /// One login that is delivered (1), one that nobody takes (2), one that fails after
    /// STS (3), one of another person, who says why (4), one whose credentials still wait (5); two
    /// refusals (6, 7), and a sum of 17.
    async fn of(service: &TestService) -> Self {
        deliver(service, 1, forge::PERSON, None).await;
        login(service, 2, forge::PERSON).await;
        service.plan.at("seal", Fault::Down);
        assert_eq!(service.post(&assertion(3), &Page::new(3)).await.status, 503);
        service.plan.mend();
        deliver(service, 4, "EXAMPLE\\o'hara", Some("INC-4711%20of%20today")).await;

        let late = Forge { issued: forge::at(-3_600), confirmed_until: forge::at(-3_300), ..assertion(6) };
        assert_eq!(service.post(&late, &Page::new(6)).await.code(), "assertion_expired");
        let powerless = Forge { roles: vec![forge::role("ADFS-Dev")], ..assertion(7) };
        assert_eq!(service.post(&powerless, &Page::new(7)).await.code(), "role_not_allowed");
        let now = Some(forge::now());
        let idp = Some("ADFS".to_owned());
        let sum = AuditEvent {
            at: forge::now(),
            kind: EventKind::RefusalsSummed,
            login: None,
            session: None,
            reference: None,
            source_ip: None,
            code: Some("assertion_expired".to_owned()),
            subject: Subject { idp, times: Some(17), from: now, until: now, ..Subject::default() },
        };
        service.broker.ports().audit.record(&sum).await.unwrap();

        service.pass(61);
        service.sweep().await;
        login(service, 5, forge::PERSON).await;
        Self { events: service.audit().await }
    }

    fn login(&self, number: u32) -> &str {
        let assertion = format!("_assertion-{number}");
        let mut events = self.events.iter();
        let started = events.find(|event| {
            event.kind == EventKind::Started && event.subject.assertion_id.as_ref() == Some(&assertion)
        });
        started.unwrap().login.as_ref().unwrap().as_str()
    }

    fn key(&self, number: u32) -> &str {
        let login = self.login(number);
        let of_it = |event: &&AuditEvent| event.login.as_ref().is_some_and(|each| each.as_str() == login);
        let mut keys =
            self.events.iter().filter(of_it).filter_map(|event| event.subject.access_key_id.as_deref());
        keys.next().unwrap()
    }

    /// The questions that both stores answer.
    fn is_found(&self, store: &impl Asked, paula: &str, o_hara: &str) {
        let started = ["login.started"];
        let whose = "Whose is this access key";
        let whole: &[&[&str]] = &[
            &["login.issued", self.login(1), "EXAMPLE\\\\paula", ROLE],
            &["login.delivered", self.login(1), "EXAMPLE\\\\paula", ROLE],
        ];
        store.has(whose, &[(KEY, self.key(1))], whole);
        store.has(whose, &[(KEY, self.key(3))], &[&["login.failed", self.login(3), "paula"]]);
        store.has(whose, &[], &[]);

        let issued = ["login.issued", self.key(1)];
        let delivered = ["login.delivered", self.key(1)];
        store.has("What happened in this login", &[(LOGIN, self.login(1))], &[&started, &issued, &delivered]);

        let refused = self.events.iter().find(|event| event.kind == EventKind::Refused).unwrap();
        let reference = refused.reference.as_ref().unwrap().as_str();
        let question = "What happened under this reference, refusals included";
        store.has(question, &[(REFERENCE, reference)], &[&["login.refused", "assertion_expired", "paula"]]);

        let question = "What did this person do";
        let issued = ["login.issued", self.key(4)];
        let delivered = ["login.delivered", self.key(4)];
        store.has(question, &[(paula, o_hara)], &[&started, &issued, &delivered]);
        let of_paula = |event: &&AuditEvent| event.subject.name_id.as_deref() == Some(forge::PERSON);
        assert_eq!(store.rows(question, &[]).len(), self.events.iter().filter(of_paula).count());

        let all: Vec<[&str; 1]> = self.events.iter().map(|event| [event.kind.as_str()]).collect();
        let all: Vec<&[&str]> = all.iter().map(|kind| &kind[..]).collect();
        store.has("What happened on this day", &[], &all);
        store.has("What happened on this day", &[("2026-11-23", "2026-11-24")], &[]);

        let expected: &[&[&str]] =
            &[&["assertion_expired", "paula"], &["role_not_allowed", "paula"], &["assertion_expired", "17"]];
        store.has("Who was refused on this day", &[], expected);

        let reasoned = ["o'hara", ROLE, "production", "INC-4711 of today", self.key(4)];
        store.has("Which reasons were given on this day", &[], &[&reasoned]);
        store.has("Which reasons were given on this day", &[("2026-11-23", "2026-11-24")], &[]);
        let reasoned = ["login.delivered", self.login(4), "INC-4711 of today"];
        store.has(whose, &[(KEY, self.key(4))], &[&["login.issued", self.login(4)], &reasoned]);

        let question = "Which logins of this day ended without a delivery, and with which access key";
        let expired = ["login.expired", self.login(2), self.key(2)];
        let failed = ["login.failed", "keys_unavailable", self.login(3), self.key(3)];
        store.has(question, &[], &[&expired, &failed]);
        store.has("Which logins have no end", &[], &[&[self.login(5)]]);

        let question = "Who had this role at this instant";
        store.has(question, &[], &[&["paula", self.key(1)], &["o'hara", self.key(4)]]);
        store.has(question, &[("ADFS-Production", "ADFS-Dev")], &[]);
        let later = [("09:30:00", "10:30:00"), ("1795426200", "1795429800")];
        store.has(question, &later, &[]);
    }
}

// ---- the database file

struct File {
    questions: BTreeMap<String, String>,
    path: PathBuf,
}

impl Asked for File {
    /// And an index answers.
    fn rows(&self, question: &str, instead: Instead<'_>) -> Vec<String> {
        let command = filled(&self.questions[question], instead);
        let sql = command.strip_prefix("sqlite3 var/vestibule.db \"").and_then(|sql| sql.strip_suffix('"'));
        let sql = sql.expect(&command);
        let database = rusqlite::Connection::open(&self.path).unwrap();
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
        let index = match question {
            "Whose is this access key" => "audit_by_access_key",
            "What happened in this login" => "audit_event_once",
            "What did this person do" => "audit_by_name",
            _ => "audit_by_time",
        };
        assert!(
            plan.iter().any(|step| step.contains(&format!("USING INDEX {index} ("))),
            "{question}: {plan:?}"
        );
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{question}: {plan:?}");

        let mut statement = database.prepare(sql).unwrap();
        assert_eq!(statement.column_count(), 1, "one text a row");
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        for row in &rows {
            assert!(serde_json::from_str::<Vec<Value>>(row).is_ok(), "{row}");
        }
        rows
    }
}

#[tokio::test]
async fn the_database_file_answers_every_question() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let day = Day::of(&service).await;
    let path = dir.path().join("vestibule.db");
    let file = File { questions: questions("An auditor's questions, of the database file"), path };
    day.is_found(&file, "EXAMPLE\\paula", "EXAMPLE\\o''hara");

    let question = "How many refusals of this day, by code";
    assert_eq!(file.rows(question, &[]), ["[\"assertion_expired\",18]", "[\"role_not_allowed\",1]"]);
    let question = "How many logins of this month, by day and role";
    assert_eq!(file.rows(question, &[]), [format!("[\"2026-11-23\",\"{ROLE}\",2,2]")]);
    assert_eq!(file.questions.len(), 12, "all of them were asked");
}

/// What CloudTrail has of a call (its record's fields that are asked for).
fn trailed(key: Option<&str>, event: &str) -> Value {
    let credentials = key.map(|key| json!({ "credentials": { "accessKeyId": key } }));
    json!({
        "eventTime": "2026-11-23T09:00:00Z", "eventName": event, "sourceIPAddress": "198.51.100.7",
        "requestParameters": { "roleArn": ROLE }, "responseElements": credentials,
    })
}

/// With the person's own response, or by somebody else whom the role trusts.
const PAST_US: [(&str, &str); 2] =
    [("ASIAPASTUSPASTUSPAST", "AssumeRoleWithSAML"), ("ASIAOFANOTHERCALLER0", "AssumeRole")];

/// A file of CloudTrail: our own calls, by either way to ask STS, and [`PAST_US`].
fn cloudtrail<'k>(ours: impl Iterator<Item = &'k str>) -> String {
    let ways = ["AssumeRoleWithSAML", "AssumeRole"].into_iter().cycle();
    let mut records: Vec<Value> = ours.zip(ways).map(|(key, way)| trailed(Some(key), way)).collect();
    assert!(records.len() > 3);
    records.extend(PAST_US.map(|(key, event)| trailed(Some(key), event)));
    // Refused by STS; of another role, or of none; and no business of STS.
    records.push(trailed(None, "AssumeRoleWithSAML"));
    let mut of_another = trailed(Some("ASIAOFANOTHERSERVICE"), "AssumeRole");
    of_another["requestParameters"]["roleArn"] = json!("arn:aws:iam::123456789012:role/Backup");
    records.push(of_another);
    records.push(trailed(Some("ASIAOFNOBUSINESSHERE"), "GetSessionToken"));
    let mut bare = trailed(None, "AssumeRole");
    bare["requestParameters"] = Value::Null;
    records.push(bare);
    json!({ "Records": records }).to_string()
}

#[tokio::test]
async fn attack_a_key_that_was_had_past_us_is_found_in_cloudtrail() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let day = Day::of(&service).await;
    let ours = day.events.iter().filter_map(|event| event.subject.access_key_id.as_deref());
    let file = cloudtrail(ours);

    let questions = questions("Keys that AWS gave past us");
    let command = &questions["Which keys of the people's roles did AWS give, that the trail does not know"];
    let sql = command.strip_prefix("sqlite3").and_then(|rest| rest.strip_prefix(" var/vestibule.db \""));
    let sql = sql.and_then(|sql| sql.strip_suffix('"'));
    // The shell has the function; the library has not.
    let file = format!("'{}'", file.replace('\'', "''"));
    let sql = sql.unwrap().replace("readfile('cloudtrail.json')", &file);
    let database = rusqlite::Connection::open(dir.path().join("vestibule.db")).unwrap();
    let mut statement = database.prepare(&sql).unwrap();
    let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let found: Vec<String> = found.collect::<Result<_, _>>().unwrap();
    let planted =
        |(key, event)| format!(r#"["2026-11-23T09:00:00Z","{event}","{ROLE}","{key}","198.51.100.7"]"#);
    assert_eq!(found, PAST_US.map(planted));
}

// ---- the tables

struct InTables {
    questions: BTreeMap<String, String>,
    aws: Emulators,
}

/// The words of a command: single quotes hold together.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The operation and input that the AWS CLI makes of a command. What its output is made
/// into afterwards is the CLI's own.
fn call(command: &str) -> (&'static str, Value) {
    let words = words(command);
    let mut words = words.iter().map(String::as_str);
    assert_eq!([words.next(), words.next()], [Some("aws"), Some("dynamodb")]);
    let operation = match words.next() {
        Some("query") => "Query",
        Some("scan") => "Scan",
        other => panic!("{other:?}"),
    };
    let mut input = json!({});
    while let Some(option) = words.next() {
        let name = match option {
            "|" => break,
            "--consistent-read" => {
                input["ConsistentRead"] = json!(true);
                continue;
            }
            "--query" | "--output" => {
                words.next();
                continue;
            }
            "--table-name" => "TableName",
            "--index-name" => "IndexName",
            "--key-condition-expression" => "KeyConditionExpression",
            "--filter-expression" => "FilterExpression",
            "--projection-expression" => "ProjectionExpression",
            "--expression-attribute-names" => "ExpressionAttributeNames",
            "--expression-attribute-values" => "ExpressionAttributeValues",
            other => panic!("{other}: an option that this test does not know"),
        };
        let value = words.next().expect(option);
        input[name] = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    }
    (operation, input)
}

impl Asked for InTables {
    fn rows(&self, question: &str, instead: Instead<'_>) -> Vec<String> {
        let (operation, input) = call(&filled(&self.questions[question], instead));
        let answer = self.aws.call(Service::DynamoDb, operation, &input);
        let answer = answer.unwrap_or_else(|error| panic!("{question}: {error:?}"));
        answer["Items"].as_array().unwrap().iter().map(Value::to_string).collect()
    }
}

/// A day, recorded in tables.
async fn day_in_tables(aws: &Emulators) -> (TestService, Day, TempDir) {
    aws.create_tables();
    let client = dynamodb_at(&aws.endpoint(Service::DynamoDb));
    let store = Arc::new(DynamoDbStore::new(&client, Tables::prefixed(""), Arc::new(SystemRandom)));
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::recording_in(dir.path(), &store);
    let day = Day::of(&service).await;
    (service, day, dir)
}

/// `aws dynamodb query`, as far as the manual's loop needs it: the AWS CLI is not where tests run.
const CLI: &str = r#"#!@PYTHON@
import json, os, sys
import boto3

service, operation, *options = sys.argv[1:]
assert (service, operation) == ("dynamodb", "query")
given = dict(zip(options[::2], options[1::2], strict=True))
answer, output = given.pop("--query"), given.pop("--output")
assert output == "text"
camel = lambda option: "".join(word.capitalize() for word in option[2:].split("-"))
input = {camel(option): value for option, value in given.items()}
input["ExpressionAttributeValues"] = json.loads(input["ExpressionAttributeValues"])
client = boto3.client("dynamodb", region_name=os.environ["AWS_REGION"])
print(client.query(**input)[answer])
"#;

/// The command as it stands in the manual, by a shell.
#[tokio::test]
async fn attack_a_key_that_was_had_past_us_is_found_with_the_tables() {
    let aws = Emulators::only(&[Service::DynamoDb]);
    let (_service, day, _dir) = day_in_tables(&aws).await;
    let place = tempfile::tempdir().unwrap();
    let ours: Vec<_> = day.events.iter().filter_map(|event| event.subject.access_key_id.as_deref()).collect();
    std::fs::write(place.path().join("cloudtrail.json"), cloudtrail(ours.iter().copied())).unwrap();
    let cli = place.path().join("aws");
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/venv-aws/bin/python");
    std::fs::write(&cli, CLI.replace("@PYTHON@", python.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&cli, std::fs::Permissions::from_mode(0o700)).unwrap();

    let manual = include_str!("../docs/OPERATING.md");
    let section = manual.split("\n### Keys that AWS gave past us\n").nth(1).unwrap();
    let command = section.split("\n```sh by:tests/audit_questions.rs\n").nth(2).unwrap();
    let command = command.split("\n```").next().unwrap();
    assert!(command.contains("aws dynamodb query"), "{command}");
    let found = |env: Vec<(String, String)>| {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(place.path()).envs(env);
        let path = std::env::var("PATH").unwrap();
        shell.env("PATH", format!("{}:{path}", place.path().display()));
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = String::from_utf8(output.stdout).unwrap();
        (lines.lines().map(str::to_owned).collect::<Vec<_>>(), said)
    };
    let (lines, said) = found(aws.env());
    let planted =
        PAST_US.map(|(key, event)| format!("{key} 2026-11-23T09:00:00Z {event} {ROLE} 198.51.100.7"));
    assert_eq!(lines, planted, "{said}");

    // No answer is no acquittal.
    let nobody = aws.env().into_iter().map(|(name, value)| {
        let dead = name == "AWS_ENDPOINT_URL_DYNAMODB";
        (name, if dead { "http://127.0.0.1:9".to_owned() } else { value })
    });
    let (lines, said) = found(nobody.chain([("AWS_MAX_ATTEMPTS".to_owned(), "1".to_owned())]).collect());
    assert_eq!(lines.len(), ours.len() + PAST_US.len(), "{said}");
}

#[tokio::test]
async fn the_tables_answer_every_question() {
    let aws = Emulators::only(&[Service::DynamoDb]);
    let (_service, day, _dir) = day_in_tables(&aws).await;
    let tables = InTables { questions: questions("An auditor's questions, of the tables"), aws };
    day.is_found(&tables, "EXAMPLE\\\\paula", "EXAMPLE\\\\o\\u0027hara");

    let delivered = ["login.delivered", "2026-11-23", ROLE];
    tables.has("How many logins of this month, by day and role", &[], &[&delivered, &delivered]);
    assert_eq!(tables.questions.len(), 11, "all of them were asked");
}
