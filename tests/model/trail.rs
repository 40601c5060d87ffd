//! The rules of trails: a good trail keeps them, and for each there is one that does not.

use crate::support::trail_rules::{Entry, Observed, Rule, assert_holds, broken};
use vestibule::broker::EventKind::{self, Abandoned, Delivered, Expired, Failed, Issued, Started};

type Name = &'static str;

/// An event of this login; its key is the login's own.
fn event(login: Name, kind: EventKind, at: i64) -> Entry<Name> {
    Entry {
        login,
        kind,
        at,
        access_key: (kind != Started).then_some(login),
        assertion: (kind == Started).then_some(("issuer", login)),
        request: (kind == Started).then_some(login),
    }
}

fn observed(trail: Vec<Entry<Name>>) -> Observed<Name> {
    Observed {
        trail,
        handed_over: Vec::new(),
        given: None,
        open: Vec::new(),
        swept: true,
        reservation: 60,
        session: 60,
    }
}

/// Every way in which a login can end.
fn good() -> Observed<Name> {
    let trail = vec![
        event("taken", Started, 0),
        event("late", Started, 1),
        event("taken", Issued, 1),
        event("late", Issued, 2),
        event("failed", Started, 2),
        event("taken", Delivered, 2),
        event("failed", Failed, 3),
        event("dead", Started, 4),
        event("unheard", Started, 5),
        event("unheard", Issued, 6),
        event("unheard", Failed, 7),
        event("late", Expired, 62),
        Entry { access_key: None, ..event("dead", Abandoned, 64) },
    ];
    Observed { handed_over: vec!["taken"], given: Some(5), ..observed(trail) }
}

#[test]
fn a_good_trail_keeps_all_rules() {
    assert_holds(&good());
    let open = Observed { open: vec!["open"], swept: false, ..observed(vec![event("open", Started, 0)]) };
    assert_holds(&open);
}

/// A trail that breaks this rule.
fn wrong(rule: Rule) -> Observed<Name> {
    let login = |rest: Vec<Entry<Name>>| observed([vec![event("a", Started, 0)], rest].concat());
    let begin_alike = |change: fn(&mut Entry<Name>)| {
        let mut trail = vec![
            event("a", Started, 0),
            event("a", Failed, 1),
            event("b", Started, 2),
            event("b", Failed, 3),
        ];
        trail.iter_mut().for_each(change);
        observed(trail)
    };
    match rule {
        Rule::ALoginBeginsWithItsStart => observed(vec![event("a", Failed, 0)]),
        Rule::AnAssertionBeginsOneLogin => begin_alike(|entry| {
            entry.assertion = entry.assertion.map(|_| ("issuer", "one"));
        }),
        Rule::ARequestBeginsOneLogin => begin_alike(|entry| entry.request = entry.request.map(|_| "one")),
        Rule::StsIsAskedAfterTheStart => Observed { given: Some(6), ..good() },
        Rule::WhatIsIssuedWasStarted => {
            login(vec![event("a", Issued, 1), event("a", Issued, 2), event("a", Failed, 3)])
        }
        Rule::AnEndFitsItsLogin => login(vec![event("a", Delivered, 1)]),
        Rule::NothingFollowsTheEnd => login(vec![event("a", Failed, 1), event("a", Issued, 2)]),
        Rule::WhatHasNoEndIsOpen => Observed { swept: false, ..login(vec![event("a", Issued, 1)]) },
        Rule::EveryLoginEnds => Observed { open: vec!["a"], ..login(vec![event("a", Issued, 1)]) },
        Rule::TheSweeperWaits => login(vec![event("a", Abandoned, 59)]),
        Rule::AKeyBelongsToOneLogin => begin_alike(|entry| entry.access_key = Some("one")),
        Rule::NoCredentialsWithoutARecord => {
            Observed { handed_over: vec!["a"], ..login(vec![event("a", Issued, 1), event("a", Failed, 2)]) }
        }
        Rule::AtMostOnce => Observed { handed_over: vec!["taken", "taken"], ..good() },
    }
}

/// No other: so none of the rules is needless.
#[test]
fn for_each_rule_there_is_a_trail_that_breaks_only_it() {
    for rule in Rule::ALL {
        let found: Vec<_> = broken(&wrong(rule)).into_iter().map(|broken| broken.rule).collect();
        assert!(!found.is_empty() && found.iter().all(|found| *found == rule), "{rule:?}: {found:?}");
    }
}

#[test]
fn a_rule_is_not_broken_by_what_only_looks_so() {
    // An access key in two events of one login; a login that goes on beside another's end.
    let trail = vec![
        event("a", Started, 0),
        event("b", Started, 0),
        event("a", Failed, 1),
        event("b", Issued, 2),
        event("b", Delivered, 3),
    ];
    assert_holds(&Observed { handed_over: vec!["b"], ..observed(trail) });
    assert!(broken(&Observed { given: Some(2), ..good() }).is_empty());
}
