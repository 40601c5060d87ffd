//! What holds of every audit trail, whoever wrote it: the model of the protocol
//! (`tests/model/`), or real binaries under kills and faults.
//!
//! Plain functions over events. They know no store, and ask nobody.

use std::collections::BTreeMap;
use std::fmt::Debug;
use vestibule::broker::EventKind;

/// One event of one login. `N` is how logins, access keys, assertions and handles are named.
#[derive(Debug, Clone)]
pub struct Entry<N> {
    pub login: N,
    pub kind: EventKind,
    /// In seconds, or in the model's ticks.
    pub at: i64,
    pub access_key: Option<N>,
    /// The assertion, by issuer and id, where the event names it.
    pub assertion: Option<(N, N)>,
    /// The request of ours that it answered.
    pub request: Option<N>,
    /// The login of the choice that this one is a part of, where the event names it.
    pub choice: Option<N>,
    /// The session id, or the part, that it holds from its start on, by the handle.
    pub place: Option<N>,
    /// When the choice is over that it opens.
    pub until: Option<i64>,
}

impl<N> Entry<N> {
    /// It is the first of its login.
    fn begins(&self) -> bool {
        matches!(self.kind, EventKind::Started | EventKind::ChoiceOpened)
    }
}

/// A trail, and what was seen beside it.
#[derive(Debug, Clone)]
pub struct Observed<N> {
    /// All events that belong to a login, in the order in which they were recorded.
    pub trail: Vec<Entry<N>>,
    /// The access keys of credentials that left the service, each time they did.
    pub handed_over: Vec<N>,
    /// How often the token service gave credentials, where somebody counted.
    pub given: Option<usize>,
    /// Logins that the store still knows as open.
    pub open: Vec<N>,
    /// Whether all time is over, and the sweeper has been there since.
    pub swept: bool,
    /// How long a reservation lasts, and a session, in the unit of `at`.
    pub reservation: i64,
    pub session: i64,
}

/// What holds. The names say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    ALoginBeginsWithItsStart,
    AnAssertionBeginsOneLogin,
    ARequestBeginsOneLogin,
    StsIsAskedAfterTheStart,
    WhatIsIssuedWasStarted,
    AnEndFitsItsLogin,
    NothingFollowsTheEnd,
    WhatHasNoEndIsOpen,
    EveryLoginEnds,
    TheSweeperWaits,
    APartIsOfAnOpenChoice,
    APartHasTheAssertionOfItsChoice,
    WhatIsHeldIsNotGivenAway,
    AKeyBelongsToOneLogin,
    NoCredentialsWithoutARecord,
    AtMostOnce,
}

impl Rule {
    pub const ALL: [Self; 16] = [
        Self::ALoginBeginsWithItsStart,
        Self::AnAssertionBeginsOneLogin,
        Self::ARequestBeginsOneLogin,
        Self::StsIsAskedAfterTheStart,
        Self::WhatIsIssuedWasStarted,
        Self::AnEndFitsItsLogin,
        Self::NothingFollowsTheEnd,
        Self::WhatHasNoEndIsOpen,
        Self::EveryLoginEnds,
        Self::TheSweeperWaits,
        Self::APartIsOfAnOpenChoice,
        Self::APartHasTheAssertionOfItsChoice,
        Self::WhatIsHeldIsNotGivenAway,
        Self::AKeyBelongsToOneLogin,
        Self::NoCredentialsWithoutARecord,
        Self::AtMostOnce,
    ];
}

/// A rule that does not hold, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub rule: Rule,
    pub of: String,
}

/// All that does not hold.
pub fn broken<N: Ord + Clone + Debug>(observed: &Observed<N>) -> Vec<Broken> {
    let mut found = Vec::new();
    let mut logins: BTreeMap<&N, Vec<&Entry<N>>> = BTreeMap::new();
    for entry in &observed.trail {
        logins.entry(&entry.login).or_default().push(entry);
    }
    for (login, history) in &logins {
        of_a_login(observed, login, history, &mut |rule| {
            let kinds: Vec<_> = history.iter().map(|entry| (entry.kind.as_str(), entry.at)).collect();
            found.push(Broken { rule, of: format!("{login:?}: {kinds:?}") });
        });
    }
    let mut not = |rule, of: &dyn Debug| found.push(Broken { rule, of: format!("{of:?}") });

    for login in observed.open.iter().filter(|login| !logins.contains_key(login)) {
        not(Rule::ALoginBeginsWithItsStart, &(login, "is open"));
    }
    let started = || observed.trail.iter().filter(|entry| entry.kind == EventKind::Started);
    if observed.given.is_some_and(|given| given > started().count()) {
        not(Rule::StsIsAskedAfterTheStart, &(observed.given, started().count()));
    }
    parts_of_choices(observed, &mut not);
    held_places(observed, &logins, &mut not);
    // A part has the assertion of its choice, and its request.
    let begun = || observed.trail.iter().filter(|entry| entry.begins() && entry.choice.is_none());
    let assertions = owners(begun().map(|entry| (entry.assertion.as_ref(), &entry.login)));
    for shared in assertions.iter().filter(|(_, logins)| logins.len() > 1) {
        not(Rule::AnAssertionBeginsOneLogin, &shared);
    }
    let requests = owners(begun().map(|entry| (entry.request.as_ref(), &entry.login)));
    for shared in requests.iter().filter(|(_, logins)| logins.len() > 1) {
        not(Rule::ARequestBeginsOneLogin, &shared);
    }
    let keys = owners(observed.trail.iter().map(|entry| (entry.access_key.as_ref(), &entry.login)));
    for shared in keys.iter().filter(|(_, logins)| logins.len() > 1) {
        not(Rule::AKeyBelongsToOneLogin, &shared);
    }
    let mut times: BTreeMap<&N, usize> = BTreeMap::new();
    observed.handed_over.iter().for_each(|key| *times.entry(key).or_default() += 1);
    for (key, times) in times {
        if times > 1 {
            not(Rule::AtMostOnce, &(key, times));
        }
        let is_record =
            |entry: &&Entry<N>| entry.kind == EventKind::Delivered && entry.access_key.as_ref() == Some(key);
        if observed.trail.iter().filter(is_record).count() == 0 {
            not(Rule::NoCredentialsWithoutARecord, &key);
        }
    }
    found
}

/// Fails with all that does not hold.
pub fn assert_holds<N: Ord + Clone + Debug>(observed: &Observed<N>) {
    let broken = broken(observed);
    assert!(broken.is_empty(), "{broken:#?}");
}

fn of_a_login<N: PartialEq + Ord>(
    observed: &Observed<N>,
    login: &N,
    history: &[&Entry<N>],
    not: &mut dyn FnMut(Rule),
) {
    let position = |kind| history.iter().position(|entry| entry.kind == kind);
    let count = |kind| history.iter().filter(|entry| entry.kind == kind).count();
    let (started, issued) = (position(EventKind::Started), position(EventKind::Issued));
    if !history[0].begins() || history.iter().filter(|entry| entry.begins()).count() != 1 {
        not(Rule::ALoginBeginsWithItsStart);
    }
    if count(EventKind::Issued) > 1 || issued.is_some_and(|at| started.is_none_or(|start| at < start)) {
        not(Rule::WhatIsIssuedWasStarted);
    }
    let end = history.iter().position(|entry| entry.kind.is_final());
    if end.is_some_and(|end| end + 1 != history.len()) {
        not(Rule::NothingFollowsTheEnd);
    }
    let is_open = observed.open.contains(login);
    if end.is_some() == is_open {
        not(Rule::WhatHasNoEndIsOpen);
    }
    let Some(end) = end else {
        if observed.swept {
            not(Rule::EveryLoginEnds);
        }
        return;
    };
    let is_choice = history[0].kind == EventKind::ChoiceOpened;
    let was_issued = issued.is_some_and(|issued| issued < end);
    let fits = match history[end].kind {
        EventKind::Delivered | EventKind::Expired | EventKind::Uncertain => was_issued,
        EventKind::Abandoned => !is_choice && !was_issued,
        EventKind::Failed => !is_choice,
        EventKind::ChoiceEnded => is_choice,
        EventKind::Refused
        | EventKind::RefusalsSummed
        | EventKind::Started
        | EventKind::Issued
        | EventKind::ChoiceOpened
        | EventKind::KeysChanged => false,
    };
    if !fits {
        not(Rule::AnEndFitsItsLogin);
    }
    let too_early = match (history[end].kind, started, issued) {
        (EventKind::Abandoned, Some(from), _) => history[end].at < history[from].at + observed.reservation,
        (EventKind::Expired, _, Some(from)) => history[end].at < history[from].at + observed.session,
        (EventKind::ChoiceEnded, ..) => history[0].until.is_some_and(|until| history[end].at < until),
        _ => false,
    };
    if too_early {
        not(Rule::TheSweeperWaits);
    }
}

type Not<'a> = &'a mut dyn FnMut(Rule, &dyn Debug);

/// What begins as a part: of a choice that was opened before and is not over, with all that
/// its assertion says.
fn parts_of_choices<N: Ord + Clone + Debug>(observed: &Observed<N>, not: Not<'_>) {
    for (index, part) in observed.trail.iter().enumerate().filter(|(_, entry)| entry.begins()) {
        let Some(choice) = &part.choice else { continue };
        let mut before = observed.trail[..index].iter().filter(|entry| entry.login == *choice);
        let opened = before.next().filter(|first| first.kind == EventKind::ChoiceOpened);
        if opened.is_none_or(|opened| opened.until.is_some_and(|until| part.at >= until))
            || before.any(|entry| entry.kind.is_final())
        {
            not(Rule::APartIsOfAnOpenChoice, &(&part.login, part.at, opened));
        }
        let is_its = |opened: &Entry<N>| opened.assertion == part.assertion && opened.request == part.request;
        if opened.is_some_and(|opened| !is_its(opened)) {
            not(Rule::APartHasTheAssertionOfItsChoice, &(&part.login, opened));
        }
    }
}

/// A login that begins at a place where another is: the former was taken, has ended, or its time
/// is over. A delete is recorded later than it happens, so of what was issued that is known only
/// where it expired.
fn held_places<N: Ord + Clone + Debug>(
    observed: &Observed<N>,
    logins: &BTreeMap<&N, Vec<&Entry<N>>>,
    not: Not<'_>,
) {
    let mut holders: BTreeMap<&N, &N> = BTreeMap::new();
    let mut last_of: BTreeMap<&N, &Entry<N>> = BTreeMap::new();
    for entry in &observed.trail {
        let place = entry.place.as_ref().filter(|_| entry.begins());
        let former = place.and_then(|place| holders.insert(place, &entry.login));
        if let Some(last) = former.and_then(|former| last_of.get(former)) {
            let ends = logins.get(&last.login).and_then(|history| history.last());
            let has_expired = ends.is_some_and(|end| end.kind == EventKind::Expired);
            let held_until = match last.kind {
                EventKind::ChoiceOpened => last.until,
                EventKind::Started => Some(last.at + observed.reservation),
                EventKind::Issued if has_expired => Some(last.at + observed.session),
                EventKind::Issued
                | EventKind::Refused
                | EventKind::RefusalsSummed
                | EventKind::Delivered
                | EventKind::Expired
                | EventKind::Failed
                | EventKind::Abandoned
                | EventKind::Uncertain
                | EventKind::ChoiceEnded
                | EventKind::KeysChanged => None,
            };
            if held_until.is_some_and(|until| entry.at < until) {
                not(Rule::WhatIsHeldIsNotGivenAway, &(last, entry));
            }
        }
        last_of.insert(&entry.login, entry);
    }
}

/// The different logins that name each of these.
fn owners<'a, K: Ord + 'a, N: Ord>(
    named: impl Iterator<Item = (Option<&'a K>, &'a N)>,
) -> BTreeMap<&'a K, Vec<&'a N>> {
    let mut owners: BTreeMap<&K, Vec<&N>> = BTreeMap::new();
    for (name, login) in named {
        let Some(name) = name else { continue };
        let logins = owners.entry(name).or_default();
        if !logins.contains(&login) {
            logins.push(login);
        }
    }
    owners
}
