//! The rules of trails: a good trail keeps them, and for each there is one that does not.

use crate::support::trail_rules::{Entry, Observed, Rule, assert_holds, broken};
use vestibule::broker::EventKind::{
    self, Abandoned, ChoiceEnded, ChoiceOpened, Delivered, Expired, Failed, Issued, Started,
};

type Name = &'static str;

/// An event of this login; its key is the login's own.
fn event(login: Name, kind: EventKind, at: i64) -> Entry<Name> {
    let begins = matches!(kind, Started | ChoiceOpened);
    Entry {
        login,
        kind,
        at,
        access_key: (!begins && kind != ChoiceEnded).then_some(login),
        assertion: begins.then_some(("issuer", login)),
        request: begins.then_some(login),
        choice: None,
        place: begins.then_some(login),
        until: (kind == ChoiceOpened).then_some(300),
    }
}

/// The start of a part of the choice "many".
fn part(login: Name, at: i64) -> Entry<Name> {
    let (choice, assertion, request) = (Some("many"), Some(("issuer", "many")), Some("many"));
    Entry { choice, assertion, request, ..event(login, Started, at) }
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
        event("many", ChoiceOpened, 70),
        part("one of them", 80),
        event("one of them", Issued, 81),
        part("another", 82),
        event("another", Failed, 83),
        event("many", ChoiceEnded, 301),
        event("one of them", Delivered, 302),
    ];
    Observed { handed_over: vec!["taken", "one of them"], given: Some(7), ..observed(trail) }
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
        Rule::StsIsAskedAfterTheStart => Observed { given: Some(8), ..good() },
        Rule::APartIsOfAnOpenChoice => observed(vec![
            event("many", ChoiceOpened, 0),
            event("many", ChoiceEnded, 300),
            part("late", 299),
            event("late", Failed, 301),
        ]),
        Rule::APartHasTheAssertionOfItsChoice => observed(vec![
            event("many", ChoiceOpened, 0),
            Entry { choice: Some("many"), ..event("other", Started, 1) },
            event("other", Failed, 2),
            event("many", ChoiceEnded, 300),
        ]),
        Rule::WhatIsHeldIsNotGivenAway => observed(vec![
            event("a", Started, 0),
            Entry { place: Some("a"), ..event("b", Started, 1) },
            event("a", Failed, 2),
            event("b", Failed, 3),
        ]),
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

/// More than one way to break one rule.
#[test]
fn a_choice_is_no_login_and_a_part_is_no_choice() {
    let rules_of = |trail| {
        let found = broken(&observed(trail));
        found.into_iter().map(|broken| broken.rule).collect::<Vec<_>>()
    };
    let opened = || event("many", ChoiceOpened, 0);
    let ended = || event("many", ChoiceEnded, 300);
    let failed = || event("one", Failed, 301);
    assert_eq!(rules_of(vec![opened(), event("many", Failed, 1)]), [Rule::AnEndFitsItsLogin]);
    assert_eq!(rules_of(vec![opened(), event("many", Issued, 1), ended()]), [Rule::WhatIsIssuedWasStarted]);
    assert_eq!(rules_of(vec![event("a", Started, 0), event("a", ChoiceEnded, 9)]), [Rule::AnEndFitsItsLogin]);
    assert_eq!(rules_of(vec![opened(), ended(), ended()]), [Rule::NothingFollowsTheEnd]);
    assert_eq!(rules_of(vec![opened(), event("many", ChoiceEnded, 299)]), [Rule::TheSweeperWaits]);
    assert_eq!(rules_of(vec![opened()]), [Rule::WhatHasNoEndIsOpen, Rule::EveryLoginEnds]);
    // Of none, of a login that is no choice, and in its time's last moment.
    assert_eq!(rules_of(vec![part("one", 1), failed()]), [Rule::APartIsOfAnOpenChoice]);
    let no_choice = [event("many", Started, 0), part("one", 1), event("many", Failed, 2), failed()];
    assert_eq!(rules_of(no_choice.to_vec()), [Rule::APartIsOfAnOpenChoice]);
    assert_eq!(rules_of(vec![opened(), part("one", 300), ended(), failed()]), [Rule::APartIsOfAnOpenChoice]);
    assert_eq!(rules_of(vec![opened(), part("one", 299), ended(), failed()]), []);
    // The same assertion opens a choice and begins a login.
    let again = Entry { login: "one", place: Some("one"), kind: Started, until: None, ..opened() };
    let twice = vec![opened(), again, ended(), failed()];
    assert_eq!(rules_of(twice), [Rule::AnAssertionBeginsOneLogin, Rule::ARequestBeginsOneLogin]);
    // A choice's session id is held until its end; what waited and expired was held, too.
    let at_its_place = |login, at| Entry { place: Some("many"), ..event(login, Started, at) };
    let early = vec![opened(), at_its_place("one", 299), ended(), failed()];
    assert_eq!(rules_of(early), [Rule::WhatIsHeldIsNotGivenAway]);
    assert_eq!(rules_of(vec![opened(), at_its_place("one", 300), ended(), failed()]), []);
}

#[test]
fn what_waited_and_expired_was_not_given_away() {
    let rules_of = |at, end: Entry<Name>| {
        let b = Entry { place: Some("a"), ..event("b", Started, at) };
        let trail = vec![event("a", Started, 0), event("a", Issued, 1), b, end, event("b", Failed, 70)];
        broken(&observed(trail)).into_iter().map(|broken| broken.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules_of(60, event("a", Expired, 61)), [Rule::WhatIsHeldIsNotGivenAway]);
    assert_eq!(rules_of(61, event("a", Expired, 61)), []);
    // It may have been taken by then.
    assert_eq!(rules_of(60, event("a", Delivered, 61)), []);
}
