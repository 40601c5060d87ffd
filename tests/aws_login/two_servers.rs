//! Two servers on the same tables are one service.

use crate::cloud::{Asking, Cloud, Options, Site};
use crate::faults::{KEYS, Login};
use crate::people::{Person, Reply, kid};
use crate::support::fault_proxy::{Fault, Rule};
use crate::support::forge::Forge;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const AT_ONCE: usize = 64;

/// So many at once, half of them at each server: how often each answer came.
fn at_once<'s>(sites: [&'s Site; 2], ask: impl Fn(&'s Site) -> Reply + Sync) -> BTreeMap<String, usize> {
    let start = Barrier::new(AT_ONCE);
    let (start, ask) = (&start, &ask);
    scope(|threads| {
        let asking: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let site = sites[number % 2];
                threads.spawn(move || {
                    start.wait();
                    let reply = ask(site);
                    format!("{} {}", reply.status, reply.cell().1).trim().to_owned()
                })
            })
            .collect();
        let mut counts = BTreeMap::new();
        for answer in asking {
            *counts.entry(answer.join().unwrap()).or_default() += 1;
        }
        counts
    })
}

fn counts(expected: [(&str, usize); 2]) -> BTreeMap<String, usize> {
    expected.map(|(answer, times)| (answer.to_owned(), times)).into()
}

#[test]
fn of_64_takes_at_two_servers_one_wins() {
    let cloud = Cloud::new("takes-");
    let sites = [&cloud.server(), &cloud.server()];
    for issued_at in sites {
        let (person, response) = (Person::new(), cloud.response());
        let ticket = person.post(issued_at, &response).ticket();
        let answers = at_once(sites, |site| cloud.take(site, &person.again(), &ticket));
        assert_eq!(answers, counts([("200", 1), ("404 gone", AT_ONCE - 1)]));
        assert_eq!(cloud.history(&response), ["login.started", "login.issued", "login.delivered"]);
    }
    cloud.settle();
}

#[test]
fn of_64_posts_of_one_assertion_at_two_servers_one_logs_in() {
    of_64_posts_one_logs_in("posts-", Asking::WithSaml);
}

#[test]
fn of_64_posts_of_one_assertion_one_logs_in_where_we_assume_roles() {
    of_64_posts_one_logs_in("hub-posts-", Asking::AsItself);
}

fn of_64_posts_one_logs_in(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let sites = [&cloud.server(), &cloud.server()];
    // So many transactions on the same items conflict, at AWS; the emulator knows no conflicts.
    for site in sites {
        let conflict = Rule::on("TransactWriteItems", Fault::transaction_conflict());
        site.wires.dynamodb.add(conflict.skip(4).times(AT_ONCE));
    }
    let response = cloud.response();
    let tab = Person::new();
    let answers = at_once(sites, |site| tab.again().post(site, &response));
    assert_eq!(answers, counts([("302", 1), ("409 assertion_replayed", AT_ONCE - 1)]));
    // From 64 tabs of their own it is one session all the same.
    let response = cloud.response();
    let answers = at_once(sites, |site| Person::new().post(site, &response));
    assert_eq!(answers, counts([("302", 1), ("409 assertion_replayed", AT_ONCE - 1)]));
    let of_sts = sites.iter().flat_map(|site| site.wires.sts.seen()).map(|seen| seen.operation);
    assert_eq!(of_sts.collect::<Vec<_>>(), [asking.operation(); 2], "STS was asked once each");
    for site in sites {
        assert!(site.wires.dynamodb.seen().iter().any(|seen| seen.struck), "some have conflicted");
    }
    // As many assertions that answer one request.
    let person = Person::new();
    let request = person.request(sites[0]);
    let answers = at_once(sites, |site| {
        let response = Forge { in_response_to: Some(request.clone()), ..cloud.response() };
        person.again().post(site, &response)
    });
    assert_eq!(answers, counts([("302", 1), ("409 request_answered", AT_ONCE - 1)]));
    let kinds = ["login.started", "login.issued", "login.refused"].map(|kind| cloud.count(kind));
    // One assertion is refused for one reason once a day, at whichever server.
    assert_eq!(kinds, [3, 3, 1 + 1 + (AT_ONCE - 1)]);
}

#[test]
fn what_one_server_begins_the_other_ends() {
    let cloud = Cloud::new("either-");
    let sites = [&cloud.server(), &cloud.server()];
    for (one, other) in [(sites[0], sites[1]), (sites[1], sites[0])] {
        let (person, response) = (Person::new(), cloud.response());
        let ticket = person.post(one, &response).ticket();
        assert_eq!(person.post(other, &cloud.response()).cell(), (409, "session_waiting"));
        assert_eq!(person.post(other, &response).cell(), (409, "assertion_replayed"));
        assert_eq!(cloud.take(other, &person, &ticket).status, 200);
        assert_eq!(cloud.take(one, &person, &ticket).cell(), (404, "gone"));

        // As one in which the login starts here.
        let request = person.request(one);
        let answer = || Forge { in_response_to: Some(request.clone()), ..cloud.response() };
        let ticket = person.post(other, &answer()).ticket();
        assert_eq!(cloud.take(one, &person, &ticket).status, 200);
        assert_eq!(person.post(one, &answer()).cell(), (409, "request_answered"));
        assert_eq!(Person::new().post(one, &answer()).cell(), (403, "unknown_request"));
    }
    cloud.settle();
}

/// Two operators rotate at once while people sign in at both servers: every ticket
/// issued at one is taken at the other, and none fails. A third server may not open
/// the new key: it refuses from the moment that takes over, says why, and recovers.
#[test]
fn a_rotation_fails_no_login_where_kms_lets_the_new_key_be_opened() {
    let cloud = Cloud::with("rotation-", Options { keys: "refresh = \"1s\"", ..Options::default() });
    let sites = [&cloud.server(), &cloud.server()];
    // A server makes the ring, if nobody has; the key of that is the first.
    let person = Person::new();
    let ticket = person.post(sites[0], &cloud.response()).ticket();
    let first = kid(&ticket);
    assert_eq!(cloud.take(sites[1], &person, &ticket).status, 200);

    let denied_at = cloud.server();
    Login::new(&cloud).succeeds(&cloud, &denied_at);
    let denied = Fault::json(400, "AccessDeniedException", "not authorized to perform: kms:Decrypt");
    denied_at.wires.kms.add(Rule::on("Decrypt", denied));

    // A key takes over when every server has had the time to see it, half a minute more,
    // and when nobody keeps a set of public keys without it.
    let take_over = Duration::from_secs(1 + 30 + 60);
    let began = Instant::now();
    let end = began + take_over + Duration::from_secs(5);
    let kids = scope(|threads| {
        let people: Vec<_> = [(sites[0], sites[1]), (sites[1], sites[0])]
            .into_iter()
            .map(|(one, other)| {
                let cloud = &cloud;
                threads.spawn(move || {
                    let mut kids = Vec::new();
                    while Instant::now() < end {
                        let (person, response) = (Person::new(), cloud.response());
                        let ticket = person.post(one, &response).ticket();
                        let taken = cloud.take(other, &person, &ticket);
                        assert_eq!(taken.status, 200, "{}", taken.json);
                        kids.push((began.elapsed(), kid(&ticket)));
                        sleep(Duration::from_millis(150));
                    }
                    kids
                })
            })
            .collect();
        let (cloud, denied_at) = (&cloud, &denied_at);
        let refused = threads.spawn(move || {
            loop {
                assert!(Instant::now() < end, "it never took over");
                let login = Login::new(cloud);
                let reply = login.person.post(denied_at, &login.response);
                if reply.status != 302 {
                    assert_eq!(reply.cell(), KEYS);
                    return login;
                }
                assert_eq!(cloud.take(sites[0], &login.person, &reply.ticket()).status, 200);
                sleep(Duration::from_millis(500));
            }
        });
        let operators = sites.map(|site| threads.spawn(move || cloud.keys(site, "rotate")));
        let made: BTreeSet<_> = operators.into_iter().flat_map(|operator| operator.join().unwrap()).collect();
        assert_eq!(made.len(), 2, "each has made a key");
        let listed = cloud.keys(sites[0], "list");
        assert_eq!(listed.len(), 3, "and one ring has them all");
        assert_eq!(listed[0], first);
        let refused = refused.join().unwrap().response;
        assert_eq!(cloud.history(&refused), ["login.started", "login.failed keys_unavailable"]);
        assert!(denied_at.server.log_text().contains("allow this role kms:Decrypt on the key"));
        people.into_iter().map(|person| person.join().unwrap()).collect::<Vec<_>>()
    });
    let last = cloud.keys(sites[0], "list").pop().unwrap();
    for kids in &kids {
        println!("{} logins", kids.len());
        let early = kids.iter().filter(|(after, _)| *after < take_over);
        assert!(early.map(|(_, kid)| kid).all(|kid| *kid == first), "the new key was used too soon");
        assert_eq!(kids.last().map(|(_, kid)| kid), Some(&last), "the rotation was among them");
    }
    denied_at.wires.reset();
    Login::new(&cloud).succeeds(&cloud, &denied_at);
    cloud.settle();
}
