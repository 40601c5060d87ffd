//! The audit trail under a flood: nothing that can be repeated for free makes rows.

use super::honest::{ask, assertion, beside, post};
use super::support::forge::{self, Forge};
use super::target::{address, attackers, start};
use rusqlite::Connection;

const RELAY_STATE: &str = "page-flood-flood-flood##xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// Posts of each assertion; FINDINGS B1 was found with 9,033 a second.
fn posts() -> usize {
    std::env::var("VESTIBULE_FLOOD").map_or(800, |text| text.parse().expect("a number"))
}

/// An expired assertion of the same identity provider for another relying party; one for
/// us; and one that rules refuse: each posted again and again.
#[test]
fn one_expired_assertion_writes_at_most_one_row() {
    let mut server = start("max_posts_per_minute = 1000000");
    let ours = |number: u32| Forge { assertion_id: format!("_flood{number}"), ..assertion(&server.base_url) };
    // The forge's own time is 2026-11-23: long over.
    let expired = |forge: Forge| Forge {
        issued: forge::at(0),
        not_before: forge::at(0),
        confirmed_until: forge::at(300),
        not_on_or_after: forge::at(3_600),
        ..forge
    };
    let elsewhere = "https://another.example.com/acs".to_owned();
    let foreign = Forge { recipient: elsewhere.clone(), destination: Some(elsewhere), ..expired(ours(1)) };
    let foreign = Forge { audiences: vec!["urn:another".to_owned()], ..foreign };
    let refused = Forge { roles: vec![forge::role("ADFS-Nobody")], ..ours(3) };
    let cases = [
        ("foreign", foreign, "wrong_destination", 0),
        ("expired", expired(ours(2)), "assertion_expired", 1),
        ("refused by rules", refused, "role_not_allowed", 1),
    ];
    let file = server.path("vestibule.db");
    let rows = || -> i64 {
        let database = Connection::open(&file).unwrap();
        database
            .query_row("SELECT count(*) FROM audit WHERE kind = 'login.refused'", [], |row| row.get(0))
            .unwrap()
    };
    let mut expected = 0;
    for (what, forge, code, at_most) in cases {
        let request = post(&forge.xml(), RELAY_STATE, "");
        let before = rows();
        let (seen, ()) = beside(&server, std::time::Duration::from_secs(1), || {
            for from in attackers(posts()) {
                let answer = ask(address(&server), from, &request).unwrap();
                assert!(answer.contains(&format!("\"{code}\"")), "{what}: {answer}");
            }
        });
        assert_eq!(rows() - before, at_most, "{what}");
        expected += at_most;
        seen.assert_served(what);
    }
    assert_eq!(rows(), expected);
    // The honest client's logins beside are 2 KB each.
    assert!(server.stop().success());
    let logins: i64 = {
        let database = Connection::open(&file).unwrap();
        database
            .query_row("SELECT count(*) FROM audit WHERE kind = 'login.issued'", [], |row| row.get(0))
            .unwrap()
    };
    let bytes = i64::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
    assert!(bytes < 200_000 + logins * 3_000, "{bytes} bytes after {logins} logins");
}
