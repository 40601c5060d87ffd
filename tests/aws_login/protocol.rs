//! The cells of docs/PROTOCOL.md that only a network between a server and its store
//! can force: what was done, and nobody heard of.

use crate::cloud::{Asking, Cloud, Options};
use crate::faults::{GONE, Login, REPLAYED, STORE, UNCERTAIN, asked};
use crate::support::fault_proxy::{Fault, Rule};

fn transaction(fault: Fault, containing: &str) -> Rule {
    Rule::on("TransactWriteItems", fault).containing(containing)
}

#[test]
fn protocol_begin_nobody_heard_of() {
    begin_nobody_heard_of("begun-", Asking::WithSaml);
}

#[test]
fn protocol_begin_nobody_heard_of_where_we_assume_roles() {
    begin_nobody_heard_of("hub-begun-", Asking::AsItself);
}

fn begin_nobody_heard_of(prefix: &str, asking: Asking) {
    let cloud = Cloud::with(prefix, Options { asking, ..Options::default() });
    let site = cloud.server();
    site.wires.dynamodb.add(transaction(Fault::LoseAnswer, &format!("{prefix}SAMLClaims")));
    let login = Login::new(&cloud);
    login.refused(&cloud, &site, STORE, &["login.started"]);
    assert_eq!(asked(&site, asking.operation()), 0);
    site.wires.reset();
    assert_eq!(login.person.post(&site, &login.response).cell(), REPLAYED);
    cloud.sweep();
    assert_eq!(cloud.history(&login.response)[..2], ["login.started", "login.refused assertion_replayed"]);
    assert_eq!(cloud.history(&login.response)[2..], ["login.abandoned"]);
}

#[test]
fn protocol_put_nobody_heard_of() {
    let cloud = Cloud::new("stored-");
    let site = cloud.server();
    // Only the put asks for its reservation.
    let put = |fault| transaction(fault, "\":reserved\"");
    let withdrawn = ["login.started", "login.issued", "login.failed store_unavailable"];
    site.wires.dynamodb.add(put(Fault::LoseAnswer));
    let login = Login::new(&cloud);
    login.refused(&cloud, &site, STORE, &withdrawn);
    site.wires.reset();
    assert_eq!(login.person.post(&site, &login.response).cell(), REPLAYED);
    Login { response: cloud.response(), ..login }.succeeds(&cloud, &site);

    // And it cannot even be withdrawn: nobody has a ticket for it.
    site.wires.dynamodb.add(put(Fault::LoseAnswer));
    site.wires.dynamodb.add(transaction(Fault::Drop, "login.failed"));
    let left = Login::new(&cloud);
    left.refused(&cloud, &site, STORE, &withdrawn[..2]);
    cloud.sweep();
    assert_eq!(cloud.history(&left.response), ["login.started", "login.issued", "login.expired"]);
}

#[test]
fn protocol_take_outcome_unknown_and_not_written() {
    let cloud = Cloud::new("vanished-");
    let (site, other) = (cloud.server(), cloud.server());
    let refused = |login: &Login, ticket: &str, fault| {
        site.wires.dynamodb.add(Rule::on("DeleteItem", fault));
        site.wires.dynamodb.add(transaction(Fault::Drop, "login.uncertain"));
        assert_eq!(cloud.take(&site, &login.person, ticket).cell(), UNCERTAIN);
        assert_eq!(cloud.history(&login.response), ["login.started", "login.issued"]);
        site.wires.reset();
    };
    let (gone, ticket) = Login::waiting(&cloud, &site);
    refused(&gone, &ticket, Fault::LoseAnswer);
    assert_eq!(cloud.take(&other, &gone.person, &ticket).cell(), GONE);

    let (left, ticket) = Login::waiting(&cloud, &site);
    refused(&left, &ticket, Fault::Drop);

    let (retried, ticket) = Login::waiting(&cloud, &site);
    refused(&retried, &ticket, Fault::Drop);
    retried.takes(&cloud, &other, &ticket);

    cloud.sweep();
    assert_eq!(cloud.history(&gone.response), ["login.started", "login.issued", "login.uncertain"]);
    assert_eq!(cloud.history(&left.response), ["login.started", "login.issued", "login.expired"]);
}

#[test]
fn protocol_record_of_delivery_nobody_heard_of() {
    let cloud = Cloud::new("recorded-");
    let site = cloud.server();
    let (login, ticket) = Login::waiting(&cloud, &site);
    site.wires.dynamodb.add(transaction(Fault::LoseAnswer, "login.delivered"));
    assert_eq!(cloud.take(&site, &login.person, &ticket).cell(), UNCERTAIN);
    assert_eq!(cloud.take(&site, &login.person, &ticket).cell(), GONE);
    cloud.sweep();
    assert_eq!(cloud.history(&login.response), ["login.started", "login.issued", "login.delivered"]);
}
