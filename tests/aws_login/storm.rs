//! Everything fails at random, under load, at two servers. Whatever anybody was
//! told, in the end the trail accounts for all of it.

use crate::cloud::{Asking, Cloud, Options, Site};
use crate::people::{Person, Reply};
use crate::support::fault_proxy::{Fault, FaultProxy, Rule};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread::scope;
use std::time::Duration;

const PEOPLE: u64 = 6;
const LOGINS: usize = 20;

/// What may be answered; the rest would be a defect.
const POSTS: [&str; 7] = [
    "302",
    "503 store_unavailable",
    "503 keys_unavailable",
    "503 sts_unavailable",
    "503 sts_throttled",
    "503 sts_timeout",
    "503 login_too_slow",
];
const TAKES: [&str; 5] =
    ["200", "404 gone", "503 store_unavailable", "503 delivery_uncertain", "503 keys_unavailable"];

/// Weather, the same for the same seed (Knuth's MMIX generator).
struct Weather(u64);

impl Weather {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn fault(&mut self, json: bool) -> Fault {
        match self.below(6) {
            0 => Fault::Delay(Duration::from_millis(self.below(300))),
            1 => Fault::Drop,
            2 | 3 => Fault::LoseAnswer,
            4 if json => Fault::json(500, "InternalServerError", "oops"),
            5 if json => Fault::throttled(),
            4 => Fault::xml(500, "InternalFailure", "oops"),
            _ => Fault::xml(400, "Throttling", "Rate exceeded"),
        }
    }

    /// Something happens soon, somewhere between a server and AWS: once, or a few times.
    fn strike(&mut self, site: &Site, asking: Asking) {
        let rule = |proxy: &FaultProxy, operation: &str, fault: Fault, skip: u64, times: u64| {
            let (skip, times) = (usize::try_from(skip).unwrap(), usize::try_from(times).unwrap());
            proxy.add(Rule::on(operation, fault).skip(skip).times(times));
        };
        let (skip, times, wires) = (self.below(4), 1 + self.below(5), &site.wires);
        match self.below(8) {
            0 | 1 => rule(&wires.sts, asking.operation(), self.fault(false), 0, times),
            2 | 3 => rule(&wires.dynamodb, "DeleteItem", self.fault(true), skip, times),
            4 => rule(&wires.dynamodb, "TransactWriteItems", Fault::transaction_conflict(), skip, times),
            5 => rule(&wires.dynamodb, "", self.fault(true), skip, times),
            _ => rule(&wires.dynamodb, "TransactWriteItems", self.fault(true), skip, 2 * times),
        }
    }
}

#[test]
fn after_any_storm_everything_is_accounted_for() {
    storm("storm-", Asking::WithSaml);
}

#[test]
fn after_any_storm_everything_is_accounted_for_where_we_assume_roles() {
    storm("hub-storm-", Asking::AsItself);
}

fn storm(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let sites = [&cloud.server(), &cloud.server()];
    let told: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let tell = |what: &str, reply: &Reply, possible: &[&str]| {
        let said = format!("{} {}", reply.status, reply.cell().1).trim().to_owned();
        assert!(possible.contains(&said.as_str()), "{what} was answered {said}: {}", reply.json);
        *told.lock().unwrap().entry(format!("{what} {said}")).or_default() += 1;
    };
    scope(|threads| {
        for seed in 0..PEOPLE {
            let (cloud, tell) = (&cloud, &tell);
            threads.spawn(move || {
                let mut weather = Weather(seed);
                for number in 0..LOGINS {
                    let (one, other) = (sites[number % 2], sites[(number + 1) % 2]);
                    weather.strike(one, asking);
                    weather.strike(other, asking);
                    let (person, response) = (Person::new(), cloud.response());
                    let posted = person.post(one, &response);
                    tell("post", &posted, &POSTS);
                    if posted.status != 302 {
                        continue;
                    }
                    // Each ticket is shown until it is refused for good, and once more; at both servers.
                    let (ticket, mut over) = (posted.ticket(), false);
                    for attempt in 0..4 {
                        let taken = cloud.take(if attempt % 2 == 0 { other } else { one }, &person, &ticket);
                        tell("take", &taken, &TAKES);
                        assert!(!over || taken.status != 200, "handed out after the end: seed {seed}");
                        // After `delivery_uncertain` too, unless nothing could be written: not even that.
                        over |= matches!(taken.status, 200 | 404);
                    }
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    println!("{told:#?}");
    for answer in ["post 302", "take 200", "take 503 delivery_uncertain"] {
        assert!(told.contains_key(answer), "there was no {answer}: no storm");
    }
    for site in sites {
        site.wires.reset();
    }
    // What is still open is open for good; the sweepers find it when its time is over.
    cloud.sweep();
}
