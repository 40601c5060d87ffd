//! `vestibule rules`: the rules asked about somebody made up, offline.

use super::outcome::{Row, all_granted, all_json, rules_json, sign_in_again, sign_in_again_json};
use super::runtime::in_runtime;
use crate::config::{CheckedRules, TestFailure, TestedRule, duration};
use crate::roles::{Decision, Field, MadeUpPerson, RoleArn, Rules, Use};
use crate::service::load::{self, fetch_parameters};
use crate::system::{print_message, print_result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code for somebody who cannot be, as for any wrong argument.
const EX_USAGE: u8 = 2;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run the tests of the configuration ([[rule.test]])
    ///
    /// Each is judged by all rules together. The service does not start where one fails.
    /// Exit code 0: all pass; 1: some fail; 78: the configuration is not usable for
    /// another reason.
    Test {
        #[command(flatten)]
        source: Source,
    },
    /// Say what somebody made up would get, and why
    ///
    /// By the functions that judge in the service. Exit code 0: a role; 1: a refusal;
    /// 2: an argument is wrong; 78: the configuration is not usable.
    Try(Somebody),
}

/// The rules to ask.
#[derive(Args)]
pub(super) struct Source {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "config/vestibule.toml")]
    config: PathBuf,
    /// Ask the Parameter Store for values that are references (ssm:…), with the
    /// credentials of this process; else rules that need them cannot be asked
    #[arg(long)]
    resolve: bool,
    /// One JSON object instead of words (docs/OPERATING.md describes it)
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Somebody {
    #[command(flatten)]
    source: Source,
    /// The configured name of the identity provider; needed where there are several
    #[arg(long, value_name = "NAME")]
    idp: Option<String>,
    /// The subject's NameID
    #[arg(long, value_name = "TEXT")]
    name_id: String,
    /// A role that the identity provider offers; once for each
    #[arg(long = "role", value_name = "ARN", value_parser = role)]
    roles: Vec<RoleArn>,
    /// A value that the identity provider selects, such as groups=Admins; once for each
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// How the person signed in (AuthnContextClassRef)
    #[arg(long, value_name = "URI")]
    authn_context: Option<String>,
    /// How long ago the person signed in at the identity provider, such as 90s, 5m or 2h
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    authn_age: time::Duration,
    /// What the login is for: page, shell or console
    #[arg(long = "use", value_name = "USE", default_value = "page", value_parser = for_use)]
    for_use: Use,
    /// The page at which the login begins, by its name in the configuration; else the built-in one
    #[arg(long, value_name = "NAME")]
    page: Option<String>,
}

fn role(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|error| error.to_string())
}

fn for_use(text: &str) -> Result<Use, &'static str> {
    let known = Use::ALL.into_iter().find(|(word, _)| *word == text);
    known.map(|(_, known)| known).ok_or("expected page, shell or console")
}

fn attribute(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as groups=Admins")?;
    if name.is_empty() || value.is_empty() {
        return Err("expected a name and a value around the =");
    }
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(command: Command, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    let source = match &command {
        Command::Test { source } | Command::Try(Somebody { source, .. }) => source,
    };
    let mut asked = None;
    let ended = in_runtime(async {
        asked = Some(rules(source, environment).await?);
        Ok(())
    });
    let Some((rules, tested)) = asked else { return ended };
    match &command {
        Command::Test { source } => test(&tested, source),
        Command::Try(somebody) => somebody.try_out(&rules),
    }
}

/// The rules of the configuration, and how their tests went.
async fn rules(
    source: &Source,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Rules, Vec<TestedRule>), String> {
    let mut draft = load::read(&source.config, environment)?;
    if source.resolve {
        draft = fetch_parameters(draft).await?;
    }
    let CheckedRules { rules, unknown } = load::check_rules(&source.config, draft)?;
    rules.ok_or_else(|| {
        for (key, parameter) in &unknown {
            print_message(&format!("{key} stands in the Parameter Store ({parameter}); --resolve asks it"));
        }
        format!("the rules of {} cannot be asked without them", source.config.display())
    })
}

fn test(tested: &[TestedRule], source: &Source) -> ExitCode {
    let failed = tested.iter().filter(|test| test.failure.is_some()).count();
    print_result(&if source.json { tests_json(tested, failed) } else { tests_text(tested, failed) });
    ExitCode::from(u8::from(failed > 0))
}

/// A line for each test; below one that fails what was expected, and why it came otherwise.
fn tests_text(tested: &[TestedRule], failed: usize) -> String {
    let mut text = String::new();
    for TestedRule { rule, name, failure, .. } in tested {
        let _ = match failure {
            None => writeln!(text, "ok        {rule}: {name}"),
            Some(_) => writeln!(text, "FAILED    {rule}: {name}"),
        };
    }
    for test in tested {
        let Some(TestFailure { expected, answer, explanation }) = &test.failure else { continue };
        let _ = writeln!(text, "\n{}: {}: {}", test.place(), test.rule, test.name);
        let _ = writeln!(text, "  expected  {expected}\n  answer    {answer}");
        explanation.iter().for_each(|line| {
            let _ = writeln!(text, "            {line}");
        });
    }
    let all = tested.len();
    let _ = match (all, failed) {
        (0, _) => write!(text, "no tests: [[rule.test]] behind a rule is one"),
        (_, 0) => write!(text, "\n{all} tests, all pass"),
        (_, failed) => write!(text, "\n{all} tests, {failed} failed"),
    };
    text
}

fn tests_json(tested: &[TestedRule], failed: usize) -> String {
    let test = |test: &TestedRule| {
        let failure = test.failure.as_ref().map(|TestFailure { expected, answer, explanation }| {
            json!({"expected": expected, "answer": answer, "explanation": explanation})
        });
        json!({
            "rule": test.rule,
            "test": test.name,
            "place": test.place().to_string(),
            "ok": test.failure.is_none(),
            "failure": failure,
        })
    };
    let tests: Vec<Value> = tested.iter().map(test).collect();
    json!({"tests": tests, "failed": failed}).to_string()
}

impl Somebody {
    fn try_out(&self, rules: &Rules) -> ExitCode {
        let person = match self.person(rules) {
            Ok(person) => person,
            Err(sentence) => {
                print_message(&format!("vestibule: {sentence}"));
                return ExitCode::from(EX_USAGE);
            }
        };
        let decision = rules.try_out(&person);
        print_result(&if self.source.json { decision_json(&decision) } else { decision_text(&decision) });
        ExitCode::from(u8::from(decision.outcome.is_err()))
    }

    /// The person, if there can be such a one.
    fn person(&self, rules: &Rules) -> Result<MadeUpPerson, String> {
        let names: Vec<&str> = rules.idps().collect();
        let idp = match (self.idp.as_deref(), names.as_slice()) {
            (Some(idp), names) if names.contains(&idp) => idp,
            (Some(idp), names) => {
                return Err(format!(
                    "--idp {idp}: no identity provider has this name; there are {}",
                    names.join(", ")
                ));
            }
            (None, [only]) => only,
            (None, names) => return Err(format!("--idp is needed: there are {}", names.join(", "))),
        };
        for role in &self.roles {
            if rules.provider_beside(idp, role).is_none() {
                let role = role.as_str();
                return Err(format!(
                    "--role {role}: {idp} cannot offer it: no provider_arn is of its account"
                ));
            }
        }
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in &self.attributes {
            let field = Field::Attribute(name.clone());
            let by_rules = rules.iter().flat_map(|rule| &rule.conditions).any(|one| one.field == field);
            if !by_rules && !rules.maps().any(|map| map.value() == name) {
                return Err(format!(
                    "--attribute {name}: no rule looks at it (when.attribute.{name}), and no role_map"
                ));
            }
            values.entry(name.clone()).or_default().push(value.clone());
        }
        if let Some(page) = &self.page
            && !rules.iter().flat_map(|rule| &rule.conditions).any(|one| one.field == Field::Page)
        {
            return Err(format!("--page {page}: no rule looks at it (when.page)"));
        }
        Ok(MadeUpPerson {
            idp: idp.to_owned(),
            name_id: self.name_id.clone(),
            roles: self.roles.clone(),
            values,
            authn_context: self.authn_context.clone(),
            authn_age: self.authn_age,
            for_use: self.for_use,
            page: self.page.clone(),
        })
    }
}

fn decision_text(Decision { outcome, explanation }: &Decision) -> String {
    let mut text = String::new();
    for line in explanation.lines() {
        let _ = writeln!(text, "          {line}");
    }
    let _ = match outcome {
        Ok(granted) => write!(text, "\n{}", all_granted("grants    ", granted)),
        Err((refusal, rule)) => {
            let Row { code, means, who, remedy, .. } = Row::of(refusal.code());
            let by = rule.as_ref().map_or_else(String::new, |rule| format!(", by rule '{rule}'"));
            let said = refusal.message().map_or_else(String::new, |said| format!("\n  says    {said}"));
            let again = refusal.step_up().map(sign_in_again);
            let again = again.map_or_else(String::new, |again| format!("\n  offers  {again}"));
            write!(
                text,
                "\nrefuses   {code}{by}{said}{again}\n  means   {means}\n  who     {who}\n  do      {remedy}"
            )
        }
    };
    text
}

fn decision_json(Decision { outcome, explanation }: &Decision) -> String {
    let (grants, refusal) = match outcome {
        Ok(granted) => (all_json(granted), Value::Null),
        Err((refusal, rule)) => {
            let Row { code, means, who, remedy, .. } = Row::of(refusal.code());
            (
                json!([]),
                json!({
                    "code": code,
                    "rule": rule,
                    "says": refusal.message(),
                    "sign_in_again": sign_in_again_json(refusal.step_up()),
                    "means": means,
                    "who": who,
                    "do": remedy,
                }),
            )
        }
    };
    json!({
        "outcome": if outcome.is_ok() { "granted" } else { "refused" },
        "grants": grants,
        "refusal": refusal,
        "rules": rules_json(explanation),
    })
    .to_string()
}
