//! Choosing among several roles at two servers on the same tables: each part is one login,
//! whoever asks for it, where and how often.

use crate::auditor::text;
use crate::cloud::{Asking, Cloud, Options, Site};
use crate::people::{Person, Reply, jti};
use crate::support::fault_proxy::{Fault, Rule};
use crate::support::forge;
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
