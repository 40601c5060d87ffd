//! Choosing among several roles at two servers on the same tables: each part is one login,
//! whoever asks for it, where and how often.

use crate::auditor::text;
use crate::cloud::{Asking, Cloud, Options, Site};
use crate::people::{Person, Reply, jti};
use crate::support::browser::Browser;
use crate::support::fault_proxy::{Fault, Rule};
use crate::support::federation::FederationEndpoint;
use crate::support::forge;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread::{scope, sleep};
use std::time::Duration;

const AT_ONCE: usize = 64;

/// So many of these roles, which STS gives.
fn roles(cloud: &Cloud, count: usize) -> Vec<String> {
    let name = |number| format!("{}{number}-Production", cloud.prefix);
    (0..count).map(|number| cloud.aws.create_role(&name(number), forge::ACS, 3_600)).collect()
}

/// Each asks at its own server, all at once.
fn at_once<T: Send>(sites: [&Site; 2], count: usize, ask: impl Fn(&Site) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    let (start, ask) = (&start, &ask);
    scope(|threads| {
        let asking: Vec<_> = (0..count)
            .map(|number| {
                let site = sites[number % 2];
                threads.spawn(move || {
                    start.wait();
                    ask(site)
                })
            })
            .collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

fn calls_of_sts(sites: [&Site; 2]) -> usize {
    sites.iter().map(|site| site.wires.sts.seen().len()).sum()
}

fn kinds(cloud: &Cloud, response: &forge::Forge) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for kind in cloud.history(response) {
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[test]
fn ten_roles_at_once_at_two_servers_have_one_winner_each() {
    let cloud = Cloud::new("ten-");
    let sites = [&cloud.server(), &cloud.server()];
    let roles = roles(&cloud, 10);
    let names: Vec<&str> = roles.iter().map(String::as_str).collect();
    let (person, response) = (Person::new(), cloud.offering(&roles));
    let ticket = person.post(sites[0], &response).choice();
    let answers = at_once(sites, 4, |site| person.again().choose(site, &ticket, &names).parts());
    for number in 0..10 {
        let of_it: BTreeSet<String> = answers.iter().map(|tickets| jti(&tickets[number])).collect();
        assert_eq!(of_it.len(), 1, "{number}: one session, whoever asked");
    }
    assert_eq!(calls_of_sts(sites), 10);
    for part in &answers[0] {
        let taken = at_once(sites, 8, |site| cloud.take(site, &person.again(), part).status);
        assert_eq!(taken.iter().filter(|status| **status == 200).count(), 1, "{taken:?}");
        assert!(taken.iter().all(|status| [200, 404].contains(status)), "{taken:?}");
    }
    let expected =
        [("choice.opened", 1), ("login.started", 10), ("login.issued", 10), ("login.delivered", 10)];
    assert_eq!(kinds(&cloud, &response), expected.map(|(kind, times)| (kind.to_owned(), times)).into());
    // The record joins them: by the assertion, and by the choice.
    let trail = cloud.items("SAMLAudit");
    let opened = trail.iter().find(|event| text(event, "kind") == "choice.opened").unwrap();
    let parts = trail.iter().filter(|event| text(event, "kind").starts_with("login."));
    for event in parts {
        assert_eq!(text(event, "choice"), text(opened, "login_id"), "{event}");
    }
    // Nothing is left after the choice's end.
    cloud.sweep();
    assert_eq!(kinds(&cloud, &response)["choice.ended"], 1);
}

#[test]
fn of_64_choices_of_one_role_at_two_servers_one_asks_sts() {
    of_64_choices_one_asks("one-", Asking::WithSaml);
}

#[test]
fn of_64_choices_of_one_role_one_asks_sts_where_we_assume_roles() {
    of_64_choices_one_asks("hub-one-", Asking::AsItself);
}

fn of_64_choices_one_asks(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let sites = [&cloud.server(), &cloud.server()];
    let both = [cloud.role.clone(), "arn:aws:iam::123456789012:role/Nowhere-Production".to_owned()];
    let (person, response) = (Person::new(), cloud.offering(&both));
    let ticket = person.post(sites[0], &response).choice();
    for site in sites {
        site.wires.sts.add(Rule::on(asking.operation(), Fault::Delay(Duration::from_millis(700))));
    }
    let answers = at_once(sites, AT_ONCE, |site| person.again().choose(site, &ticket, &[&both[0]]).parts());
    let jtis: BTreeSet<String> = answers.iter().map(|tickets| jti(&tickets[0])).collect();
    assert_eq!((jtis.len(), calls_of_sts(sites)), (1, 1));
    let taken = at_once(sites, AT_ONCE, |site| cloud.take(site, &person.again(), &answers[7][0]));
    assert_eq!(taken.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(taken.iter().all(|reply: &Reply| reply.status == 200 || reply.cell() == (404, "gone")));
    cloud.sweep();
}

/// Half of them fail, and the other half is there; a person tries the rest again.
#[test]
fn parts_that_sts_refuses_leave_the_others() {
    let cloud = Cloud::new("half-");
    let site = &cloud.server();
    let mut both = roles(&cloud, 2);
    both.push("arn:aws:iam::123456789012:role/Nowhere-Production".to_owned());
    let names: Vec<&str> = both.iter().map(String::as_str).collect();
    let (person, response) = (Person::new(), cloud.offering(&both));
    let ticket = person.post(site, &response).choice();
    let chosen = person.choose(site, &ticket, &names);
    let codes: Vec<_> = chosen.json["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["refused"]["error"].as_str())
        .collect();
    assert_eq!(codes, [None, None, Some("sts_not_trusted")], "{}", chosen.json);
    // The answer was lost: what waits is the same, what failed is tried anew.
    let again = person.choose(site, &ticket, &names);
    for number in [0, 1] {
        let ticket = |reply: &Reply| jti(reply.json["parts"][number]["ticket"].as_str().unwrap());
        assert_eq!(ticket(&again), ticket(&chosen));
        let part = again.json["parts"][number]["ticket"].as_str().unwrap();
        assert_eq!(cloud.take(site, &person, part).status, 200);
    }
    assert_eq!(kinds(&cloud, &response)["login.failed sts_not_trusted"], 2);
    sleep(Duration::from_millis(1));
    cloud.sweep();
}

/// By a choice: the credentials go to AWS's federation endpoint alone, and the address to one.
#[test]
fn a_role_is_chosen_for_the_console_and_for_credentials() {
    let cloud = Cloud::new("console-");
    let federation = FederationEndpoint::start();
    let site = &cloud.server_with(&format!("{}\n{}", cloud.config(), federation.config()));
    let roles = roles(&cloud, 2);
    let (person, response) = (Person::new(), cloud.offering(&roles));
    let ticket = person.post(site, &response).choice();
    let listed = person.list(site, &ticket).json;
    assert_eq!(listed["destinations"], json!(["https://console.aws.amazon.com/"]));
    assert!(listed["roles"].as_array().unwrap().iter().all(|role| role["console"].is_object()), "{listed}");

    let both = ["console", "credentials"].map(|r#use| json!({ "role": roles[0], "use": r#use }));
    let chosen = person.choose_parts(site, &ticket, &json!({ "parts": both }).to_string()).parts();
    assert_eq!(site.wires.sts.seen().len(), 2, "each its own");
    let taken = person.take(site, &chosen[0]);
    assert_eq!((taken.status, taken.json["role"].as_str()), (200, Some(roles[0].as_str())));
    assert!(taken.json.get("SecretAccessKey").is_none() && taken.json.get("SessionToken").is_none());
    assert_eq!(person.take(site, &chosen[0]).cell(), (404, "gone"));
    let address = taken.json["ConsoleUrl"].as_str().unwrap();
    let fields = form_urlencoded::parse(address.split_once('?').unwrap().1.as_bytes());
    let (_, token) = fields.into_iter().find(|(name, _)| name == "SigninToken").unwrap();
    let key = federation.session(&token).unwrap()["sessionId"].as_str().unwrap().to_owned();
    let browser = Browser::new();
    assert_eq!(browser.get(address, &[]).location().as_deref(), Some("https://console.aws.amazon.com/"));
    assert_ne!(browser.get(address, &[]).status, 302, "it signs in once");

    let credentials = cloud.take(site, &person, &chosen[1]);
    assert_eq!(credentials.status, 200);
    assert_ne!(credentials.json["AccessKeyId"], key.as_str());
    // The record has both, and says which was for what.
    let trail = cloud.items("SAMLAudit");
    let delivered = trail.iter().filter(|event| text(event, "kind") == "login.delivered");
    let of: BTreeMap<&str, &str> =
        delivered.map(|event| (text(event, "access_key_id"), text(event, "use"))).collect();
    let own = credentials.json["AccessKeyId"].as_str().unwrap();
    assert_eq!(of, [(key.as_str(), "console"), (own, "")].into());
    let log = site.server.log_text();
    assert!(!log.contains(&*token) && !log.contains(address), "an address in the log");
}

/// One role, and a login that is for the console from its beginning.
#[test]
fn a_login_of_one_role_is_for_the_console() {
    let cloud = Cloud::new("signin-");
    let federation = FederationEndpoint::start();
    let site = &cloud.server_with(&format!("{}\n{}", cloud.config(), federation.config()));
    let person = Person::new();
    let id = person.request_for(site, "console");
    let response = forge::Forge { in_response_to: Some(id), ..cloud.response() };
    let ticket = person.post(site, &response).ticket();
    let taken = person.take(site, &ticket);
    assert!(taken.json["ConsoleUrl"].as_str().unwrap().starts_with(&federation.url), "{}", taken.json);
    assert!(taken.json.get("AccessKeyId").is_none());
    assert_eq!(federation.requests().len(), 1);
}
