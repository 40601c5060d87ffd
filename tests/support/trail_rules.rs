//! What holds of every audit trail, whoever wrote it: the model of the protocol
//! (`tests/model/`), or real binaries under kills and faults.
//!
//! Plain functions over events. They know no store, and ask nobody.

use std::collections::BTreeMap;
use std::fmt::Debug;
use vestibule::broker::EventKind;

/// One event of one login. `N` is how logins, access keys and assertions are named.
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
    AKeyBelongsToOneLogin,
    NoCredentialsWithoutARecord,
    AtMostOnce,
}

impl Rule {
    pub const ALL: [Self; 13] = [
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
    let assertions = owners(started().map(|entry| (entry.assertion.as_ref(), &entry.login)));
    for shared in assertions.iter().filter(|(_, logins)| logins.len() > 1) {
        not(Rule::AnAssertionBeginsOneLogin, &shared);
    }
    let requests = owners(started().map(|entry| (entry.request.as_ref(), &entry.login)));
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
    if started != Some(0) || count(EventKind::Started) != 1 {
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
    let was_issued = issued.is_some_and(|issued| issued < end);
    let fits = match history[end].kind {
        EventKind::Delivered | EventKind::Expired | EventKind::Uncertain => was_issued,
        EventKind::Abandoned => !was_issued,
        EventKind::Failed => true,
        EventKind::Refused
        | EventKind::RefusalsSummed
        | EventKind::Started
        | EventKind::Issued
        | EventKind::ChoiceOpened
        | EventKind::ChoiceEnded
        | EventKind::KeysChanged => false,
    };
    if !fits {
        not(Rule::AnEndFitsItsLogin);
    }
    let too_early = match (history[end].kind, started, issued) {
        (EventKind::Abandoned, Some(from), _) => history[end].at < history[from].at + observed.reservation,
        (EventKind::Expired, _, Some(from)) => history[end].at < history[from].at + observed.session,
        _ => false,
    };
    if too_early {
        not(Rule::TheSweeperWaits);
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
