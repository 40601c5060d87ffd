//! Every service of AWS fails, in each of its ways, between real servers and it.
//! Each time: the answer that docs/ERRORS.md has, and afterwards a trail that
//! accounts for everything (`Cloud::settle`).

use crate::cloud::{Asking, Cloud, Options, SECRET, Site};
use crate::people::Person;
use crate::support::fault_proxy::{Fault, Rule};
use crate::support::forge::Forge;
use crate::support::wire::Reply;
use crate::task_role::TaskRole;
use serde_json::json;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const EX_CONFIG: i32 = 78;
pub const STORE: (u16, &str) = (503, "store_unavailable");
pub const UNCERTAIN: (u16, &str) = (503, "delivery_uncertain");
pub const GONE: (u16, &str) = (404, "gone");
pub const REPLAYED: (u16, &str) = (409, "assertion_replayed");
pub const OWN_CREDENTIALS: (u16, &str) = (503, "sts_own_credentials");
pub const KEYS: (u16, &str) = (503, "keys_unavailable");

/// Somebody who signs in with a response.
pub struct Login {
    pub person: Person,
    pub response: Forge,
}

impl Login {
    pub fn new(cloud: &Cloud) -> Self {
        Self { person: Person::new(), response: cloud.response() }
    }

    /// A login that waits to be taken: its ticket.
    pub fn waiting(cloud: &Cloud, site: &Site) -> (Self, String) {
        let login = Self::new(cloud);
        let ticket = login.person.post(site, &login.response).ticket();
        (login, ticket)
    }

    /// The post is refused so, and then the trail says this.
    pub fn refused(&self, cloud: &Cloud, site: &Site, cell: (u16, &str), history: &[&str]) {
        assert_eq!(self.person.post(site, &self.response).cell(), cell);
        assert_eq!(cloud.history(&self.response), history);
    }

    /// The post succeeds, and so does the take; nothing was recorded twice.
    pub fn succeeds(&self, cloud: &Cloud, site: &Site) {
        let ticket = self.person.post(site, &self.response).ticket();
        self.takes(cloud, site, &ticket);
    }

    pub fn takes(&self, cloud: &Cloud, site: &Site, ticket: &str) {
        let taken = cloud.take(site, &self.person, ticket);
        assert_eq!(taken.status, 200, "{}", taken.json);
        let history = ["login.started", "login.issued", "login.delivered"];
        assert_eq!(cloud.history(&self.response), history);
        assert_eq!(cloud.take(site, &self.person, ticket).cell(), GONE);
    }
}

/// How often an operation was asked for, by way of this site's proxy.
pub fn asked(site: &Site, operation: &str) -> usize {
    let seen = [&site.wires.dynamodb, &site.wires.sts, &site.wires.kms].map(|proxy| proxy.counts());
    seen.iter().filter_map(|counts| counts.get(operation)).sum()
}

// ------------------------------------------------------------------ STS

#[test]
fn sts_slow_throttled_broken_or_dead() {
    sts_fails("sts-", Asking::WithSaml);
}

#[test]
fn sts_slow_throttled_broken_or_dead_where_we_assume_roles() {
    sts_fails("hub-sts-", Asking::AsItself);
}

fn sts_fails(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, sts: "timeout = \"5s\"", ..Options::default() });
    let mut site = cloud.server();
    let on = |fault| Rule::on(asking.operation(), fault);
    let garbage = |body: &str| Some(Fault::Answer(Reply::new(200, "text/xml", body)));
    let nothing = format!("<{0}Response><{0}Result/></{0}Response>", asking.operation());
    let throttled = || Fault::xml(400, "Throttling", "Rate exceeded");
    let broken = || Fault::xml(500, "InternalFailure", "oops");
    for (fault, code) in [
        (Some(Fault::Delay(Duration::from_secs(6))), "sts_timeout"),
        (Some(throttled()), "sts_throttled"),
        (Some(broken()), "sts_unavailable"),
        (Some(Fault::LoseAnswer), "sts_unavailable"),
        (garbage("by no means XML"), "sts_unavailable"),
        (garbage(&nothing), "sts_unavailable"),
        (None, "sts_unavailable"),
    ] {
        let began = Instant::now();
        match fault {
            Some(fault) => site.wires.sts.add(on(fault)),
            None => site.wires.sts.die(),
        }
        let login = Login::new(&cloud);
        login.refused(&cloud, &site, (503, code), &["login.started", &format!("login.failed {code}")]);
        assert!(began.elapsed() < Duration::from_secs(8), "{code}: {:?}", began.elapsed());
        site.wires.sts.revive();
        site.wires.sts.reset();
        // The assertion is spent; the tab is free for another one.
        assert_eq!(login.person.post(&site, &login.response).cell(), REPLAYED);
        Login { response: cloud.response(), ..login }.succeeds(&cloud, &site);
    }
    // Once is no outage. Of a lost answer STS has made two credentials; one is heard of.
    for fault in [throttled(), broken(), Fault::Drop, Fault::LoseAnswer] {
        site.wires.sts.add(on(fault).times(1));
        Login::new(&cloud).succeeds(&cloud, &site);
    }
    cloud.settle();
}

/// The service's own credentials, as the platform renews them, and STS forgets the old ones.
#[test]
fn own_credentials_expire_and_are_renewed_meanwhile() {
    let cloud = Cloud::with("renewed-", Options { asking: Asking::AsItself, ..Options::default() });
    let [first, second] = ["ASIARENEWED000000001", "ASIARENEWED000000002"];
    let known = |key: &str, expired: bool| {
        cloud.credentials_of_ours(key, &json!({ "token": format!("token of {key}"), "expired": expired }));
    };
    known(first, false);
    known(second, false);
    let task = TaskRole::start(first);
    let site = cloud.server_as(&task);
    Login::new(&cloud).succeeds(&cloud, &site);

    // New ones are there while STS thinks, and the call was signed with the old ones.
    site.wires.sts.add(Rule::on("AssumeRole", Fault::Delay(Duration::from_secs(2))).times(1));
    let login = Login::new(&cloud);
    scope(|threads| {
        let posting = threads.spawn(|| login.person.post(&site, &login.response).ticket());
        while asked(&site, "AssumeRole") < 2 {
            sleep(Duration::from_millis(20));
        }
        task.renew(second);
        login.takes(&cloud, &site, &posting.join().unwrap());
    });

    // The same, and the old ones are over by then: nothing is handed out, and nothing is left behind.
    task.renew(first);
    site.wires.reset();
    site.wires.sts.add(Rule::on("AssumeRole", Fault::Delay(Duration::from_secs(2))).times(1));
    let login = Login::new(&cloud);
    scope(|threads| {
        let posting = threads.spawn(|| {
            login.refused(
                &cloud,
                &site,
                OWN_CREDENTIALS,
                &["login.started", "login.failed sts_own_credentials"],
            );
        });
        while asked(&site, "AssumeRole") == 0 {
            sleep(Duration::from_millis(20));
        }
        known(first, true);
        task.renew(second);
        posting.join().unwrap();
    });
    assert_eq!(asked(&site, "AssumeRole"), 1, "a refusal is not asked again");
    assert_eq!(login.person.post(&site, &login.response).cell(), REPLAYED);
    Login { response: cloud.response(), ..login }.succeeds(&cloud, &site);

    // Not renewed, or not given at all: each login is refused, until it is.
    known(second, true);
    let failed = ["login.started", "login.failed sts_own_credentials"];
    Login::new(&cloud).refused(&cloud, &site, OWN_CREDENTIALS, &failed);
    known(second, false);
    Login::new(&cloud).succeeds(&cloud, &site);
    let signed_with = |key: &str| cloud.aws.sts_calls().iter().any(|call| call["signed_with"] == key);
    assert!(signed_with(first) && signed_with(second));
    let log = site.server.log_text();
    for key in [first, second] {
        assert!(!log.contains(&format!("token of {key}")) && !log.contains(SECRET), "{log}");
    }
    cloud.settle();
}

// ------------------------------------------------------------------ DynamoDB

#[test]
fn dynamodb_throttled_conflicting_lost_or_dead_at_the_begin() {
    begin_fails("begin-", Asking::WithSaml);
}

#[test]
fn dynamodb_fails_at_the_begin_where_we_assume_roles() {
    begin_fails("hub-begin-", Asking::AsItself);
}

fn begin_fails(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let mut site = cloud.server();
    let claims = format!("{prefix}SAMLClaims");
    let begin = |fault| Rule::on("TransactWriteItems", fault).containing(&claims);
    for fault in [Some(Fault::throttled()), Some(Fault::transaction_conflict()), Some(Fault::Drop), None] {
        match fault {
            Some(fault) => site.wires.dynamodb.add(begin(fault)),
            None => site.wires.dynamodb.die(),
        }
        let login = Login::new(&cloud);
        login.refused(&cloud, &site, STORE, &[]);
        assert_eq!(asked(&site, asking.operation()), 0, "STS is not asked without a record");
        site.wires.dynamodb.revive();
        site.wires.reset();
        // The assertion is not spent.
        login.succeeds(&cloud, &site);
        site.wires.reset();
    }
    for fault in [Fault::throttled(), Fault::transaction_conflict(), Fault::Drop, Fault::LoseAnswer] {
        site.wires.dynamodb.add(begin(fault).times(2));
        Login::new(&cloud).succeeds(&cloud, &site);
        assert_eq!(asked(&site, asking.operation()), 1);
        site.wires.reset();
    }
    cloud.settle();
}

#[test]
fn dynamodb_throttled_conflicting_or_lost_at_the_put() {
    put_fails("put-", Asking::WithSaml);
}

#[test]
fn dynamodb_fails_at_the_put_where_we_assume_roles() {
    put_fails("hub-put-", Asking::AsItself);
}

fn put_fails(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let site = cloud.server();
    // Only the put asks for its reservation.
    let put = |fault| Rule::on("TransactWriteItems", fault).containing("\":reserved\"");
    for fault in [Fault::throttled(), Fault::Drop] {
        site.wires.dynamodb.add(put(fault));
        let login = Login::new(&cloud);
        login.refused(&cloud, &site, STORE, &["login.started", "login.failed store_unavailable"]);
        site.wires.reset();
        assert_eq!(login.person.post(&site, &login.response).cell(), REPLAYED);
        Login { response: cloud.response(), ..login }.succeeds(&cloud, &site);
        site.wires.reset();
    }
    for fault in [Fault::throttled(), Fault::transaction_conflict(), Fault::Drop, Fault::LoseAnswer] {
        site.wires.dynamodb.add(put(fault).times(2));
        Login::new(&cloud).succeeds(&cloud, &site);
        site.wires.reset();
    }
    // The reservation ended while STS was slow, and DynamoDB's TTL removed it.
    site.wires.sts.add(Rule::on(asking.operation(), Fault::Delay(Duration::from_secs(2))));
    let login = Login::new(&cloud);
    scope(|threads| {
        let posting = threads.spawn(|| login.person.post(&site, &login.response).cell().1.to_owned());
        cloud.forget_reservation(&login.person);
        assert_eq!(posting.join().unwrap(), "login_too_slow");
    });
    assert_eq!(cloud.history(&login.response), ["login.started", "login.failed login_too_slow"]);
    cloud.settle();
}

#[test]
fn dynamodb_throttled_conflicting_lost_or_dead_at_the_take() {
    let cloud = Cloud::new("take-");
    let mut site = cloud.server();
    let delete = |fault| Rule::on("DeleteItem", fault).times(1);
    // Nobody knows whether it happened: never again.
    for fault in [Fault::LoseAnswer, Fault::Drop, Fault::Delay(Duration::from_secs(4))] {
        let (login, ticket) = Login::waiting(&cloud, &site);
        site.wires.reset();
        site.wires.dynamodb.add(delete(fault));
        assert_eq!(cloud.take(&site, &login.person, &ticket).cell(), UNCERTAIN);
        assert_eq!(asked(&site, "DeleteItem"), 1, "asked once");
        let history = ["login.started", "login.issued", "login.uncertain take_outcome_unknown"];
        assert_eq!(cloud.history(&login.response), history);
        assert_eq!(cloud.take(&site, &login.person, &ticket).cell(), GONE);
        Login { response: cloud.response(), ..login }.succeeds(&cloud, &site);
    }
    // It certainly did not happen: the page asks again, with the same ticket.
    let busy = Fault::json(400, "TransactionConflictException", "Transaction is ongoing for the item");
    for fault in [Some(Fault::throttled()), Some(busy), None] {
        let (login, ticket) = Login::waiting(&cloud, &site);
        site.wires.reset();
        match fault {
            Some(fault) => site.wires.dynamodb.add(delete(fault)),
            None => site.wires.dynamodb.die(),
        }
        let refused = cloud.take(&site, &login.person, &ticket);
        assert_eq!(refused.cell(), STORE);
        assert!(refused.json["retry_after"].is_number(), "{}", refused.json);
        assert!(asked(&site, "DeleteItem") <= 1, "asked once");
        site.wires.dynamodb.revive();
        login.takes(&cloud, &site, &ticket);
    }
    // The record of the delivery: repeated, and there once.
    for fault in [Fault::throttled(), Fault::transaction_conflict(), Fault::Drop, Fault::LoseAnswer] {
        let (login, ticket) = Login::waiting(&cloud, &site);
        let record = Rule::on("TransactWriteItems", fault).containing("login.delivered");
        site.wires.dynamodb.add(record.times(2));
        login.takes(&cloud, &site, &ticket);
        site.wires.reset();
    }
    cloud.settle();
}

// ------------------------------------------------------------------ the sweeper

/// Logins that nobody could end in time, a killed server's too: real sweepers of
/// two servers find each, and report each once.
#[test]
fn a_login_left_open_is_reported_once_by_the_sweepers() {
    left_open("swept-", Asking::WithSaml);
}

#[test]
fn a_login_left_open_is_reported_once_where_we_assume_roles() {
    left_open("hub-swept-", Asking::AsItself);
}

fn left_open(prefix: &str, asking: Asking) {
    let delivery = "ticket_lifetime = \"10s\"\nsession_lifetime = \"10s\"";
    let cloud = Cloud::with(prefix, Options { asking, delivery, ..Options::default() });
    let mut dying = cloud.server();
    let (site, other) = (cloud.server(), cloud.server());
    let mut ends = Vec::new();
    let transaction = |fault| Rule::on("TransactWriteItems", fault);
    let of_ours = &format!("{prefix}SAML");

    // The server dies while STS thinks.
    dying.wires.sts.add(Rule::on(asking.operation(), Fault::Delay(Duration::from_secs(3))));
    let killed = Login::new(&cloud);
    let (person, response) = (killed.person.again(), killed.response.clone());
    let at = dying.server.url("/saml");
    let posting = std::thread::spawn(move || person.try_post(&at, &response));
    while cloud.history(&killed.response).is_empty() {
        sleep(Duration::from_millis(20));
    }
    dying.server.kill();
    assert!(posting.join().unwrap().is_none(), "the connection is lost");
    ends.push((killed, vec!["login.started", "login.abandoned"]));

    // Another dies while the delete is under way, which is done all the same.
    let mut dying = cloud.server();
    let (undelivered, ticket) = Login::waiting(&cloud, &site);
    dying.wires.dynamodb.add(Rule::on("DeleteItem", Fault::Delay(Duration::from_secs(1))));
    let (person, at) = (undelivered.person.again(), dying.server.url("/saml"));
    let taking = std::thread::spawn(move || person.try_take(&at, &ticket));
    while asked(&dying, "DeleteItem") == 0 {
        sleep(Duration::from_millis(20));
    }
    dying.server.kill();
    assert!(taking.join().unwrap().is_none(), "the connection is lost");
    ends.push((undelivered, vec!["login.started", "login.issued", "login.uncertain"]));

    // After the begin DynamoDB is gone: neither a session nor a failure can be written.
    site.wires.dynamodb.add(transaction(Fault::Drop).containing(of_ours).skip(1));
    let cut_off = Login::new(&cloud);
    cut_off.refused(&cloud, &site, STORE, &["login.started"]);
    ends.push((cut_off, vec!["login.started", "login.abandoned"]));
    site.wires.reset();

    // Nobody comes.
    let (forgotten, _) = Login::waiting(&cloud, &site);
    ends.push((forgotten, vec!["login.started", "login.issued", "login.expired"]));

    // Taken, but that cannot be recorded: nothing is handed out.
    let (unrecorded, ticket) = Login::waiting(&cloud, &site);
    site.wires.dynamodb.add(transaction(Fault::throttled()).containing("login.delivered"));
    assert_eq!(cloud.take(&site, &unrecorded.person, &ticket).cell(), UNCERTAIN);
    ends.push((unrecorded, vec!["login.started", "login.issued", "login.uncertain"]));
    site.wires.reset();

    cloud.settle();
    for (login, history) in ends {
        assert_eq!(cloud.history(&login.response), history);
        // The assertion stays spent.
        assert_eq!(login.person.post(&other, &login.response).cell(), REPLAYED);
    }
}

// ------------------------------------------------------------------ KMS

#[test]
fn kms_denied_or_dead_at_the_start_and_on_rotation() {
    let cloud = Cloud::new("kms-");
    let warm = cloud.server();
    let denied = |action: &str| {
        let said = format!("not authorized to perform: kms:{action}");
        Some(Fault::json(400, "AccessDeniedException", &said))
    };
    let failed = ["login.started", "login.failed keys_unavailable"];

    // There is no key yet, and none can be made.
    for (mut site, fault) in
        [(cloud.server(), denied("GenerateDataKeyWithoutPlaintext")), (cloud.server(), None)]
    {
        match fault {
            Some(fault) => site.wires.kms.add(Rule::on("GenerateDataKeyWithoutPlaintext", fault)),
            None => site.wires.kms.die(),
        }
        Login::new(&cloud).refused(&cloud, &site, KEYS, &failed);
        let said = operator_is_refused(&cloud, &site, "create");
        assert!(said.contains("GenerateDataKeyWithoutPlaintext") && said.contains(&cloud.key), "{said}");
    }
    let keys = cloud.keys(&warm, "create");
    Login::new(&cloud).succeeds(&cloud, &warm);

    // A server that has started without KMS gives nothing, consumes nothing, and recovers by itself.
    for (mut cold, fault) in [(cloud.server(), denied("Decrypt")), (cloud.server(), None)] {
        match fault {
            Some(fault) => cold.wires.kms.add(Rule::on("Decrypt", fault)),
            None => cold.wires.kms.die(),
        }
        let login = Login::new(&cloud);
        login.refused(&cloud, &cold, KEYS, &failed);
        let (waiting, ticket) = Login::waiting(&cloud, &warm);
        assert_eq!(cloud.take(&cold, &waiting.person, &ticket).cell(), KEYS);
        waiting.takes(&cloud, &warm, &ticket);
        cold.wires.kms.revive();
        cold.wires.kms.reset();
        assert_eq!(login.person.post(&cold, &login.response).cell(), REPLAYED);
        Login { response: cloud.response(), ..login }.succeeds(&cloud, &cold);
        Login::new(&cloud).succeeds(&cloud, &cold);
    }

    // A rotation that KMS denies changes nothing, and the logins go on, KMS or not.
    let mut operator = cloud.server();
    for fault in [denied("GenerateDataKeyWithoutPlaintext"), None] {
        match fault {
            Some(fault) => operator.wires.kms.add(Rule::on("GenerateDataKeyWithoutPlaintext", fault)),
            None => operator.wires.kms.die(),
        }
        operator_is_refused(&cloud, &operator, "rotate");
        assert_eq!(cloud.keys(&operator, "list"), keys);
    }
    let mut warm = warm;
    warm.wires.kms.die();
    Login::new(&cloud).succeeds(&cloud, &warm);
    cloud.settle();
}

/// `vestibule keys …` fails: what it says.
fn operator_is_refused(cloud: &Cloud, site: &Site, command: &str) -> String {
    let config = site.server.path("vestibule.toml");
    let output = cloud.command(&site.wires, &config, &["keys", command]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(EX_CONFIG), "{said}");
    said
}
