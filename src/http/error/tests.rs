//! Holds the list and `docs/ERRORS.md` together, and the list to its promises.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn a_code_means_one_thing() {
    let mut by_code: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    // What passes through a choice or a start has the row that it has elsewhere.
    let passes_through = |error: &Error| {
        matches!(
            error,
            Error::Choice(ChoiceError::Redeem(_) | ChoiceError::Login(_) | ChoiceError::Shell(_))
                | Error::Start(StartError::Shell(_))
        )
    };
    for error in Error::all().into_iter().filter(|error| !passes_through(error)) {
        assert!(error.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()));
        assert_eq!(error.code(), error.row().code);
        by_code.entry(error.code()).or_default().push(error.row());
    }
    for (code, rows) in by_code {
        // Key ring and store fail a login (before and after the way to the identity
        // provider), a choice, what a program asks and a hand-over; what to do differs. Both ways
        // to a login take RelayState, and can be for the console; a program sends a key, too.
        let expected = match code {
            "keys_unavailable" => 4,
            "store_unavailable" | "key_refused" => 3,
            "relay_state_missing" | "relay_state_malformed" => 2,
            "console_off" | "destination_not_listed" | "console_refused" | "console_unavailable" => 2,
            _ => 1,
        };
        assert_eq!(rows.len(), expected, "{code}");
        assert!(rows.iter().all(|row| row.status == rows[0].status && row.who == rows[0].who), "{code}");
    }
}

/// Without jargon, too: `language/tests.rs`.
#[test]
fn every_refusal_is_a_sentence() {
    for error in Error::all() {
        let row = error.row();
        if error == Error::Unauthorized {
            continue;
        }
        for sentence in [row.happened, row.to_do] {
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{}: {sentence}", error.code());
        }
        assert!(!row.title.is_empty() && !row.title.ends_with('.'), "{}", error.code());
        assert!(row.status.is_client_error() || row.status.is_server_error());
    }
}

/// Code, status and who must act.
#[test]
fn the_documentation_lists_exactly_the_rows() {
    let documented: Vec<[String; 3]> = include_str!("../../../docs/ERRORS.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert_eq!(cells.len(), 5, "{line}");
            [cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned(), cells[3].to_lowercase()]
        })
        .collect();
    let listed = |error: Error| {
        let Row { code, status, who, .. } = error.row();
        let who = who.iter().map(|who| format!("{who:?}").to_lowercase()).collect::<Vec<_>>().join(", ");
        [(*code).to_owned(), status.as_str().to_owned(), who]
    };
    let once = documented.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(once.len(), documented.len(), "a row is there twice");
    assert_eq!(once, Error::all().into_iter().map(listed).collect());
}

#[test]
fn statuses_say_who_must_act() {
    for error in Error::all() {
        let status = error.row().status;
        // Never a 500 for what a client sent.
        assert_eq!(status == StatusCode::INTERNAL_SERVER_ERROR, error == Error::Internal);
        if let Error::Redeem(RedeemError::Ticket(e)) = &error {
            // Nothing was consumed: the page may come again.
            let expected = if *e == TicketError::KeysUnavailable {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::UNAUTHORIZED
            };
            assert_eq!(status, expected);
        }
        if let Error::Login(LoginError::Saml(refusal)) = &error {
            assert!(!refusal.is_authenticated() || status == StatusCode::FORBIDDEN);
        }
    }
}
