//! Holds the table, the rooms' codes and `docs/ERRORS.md` together.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn every() -> Vec<Error> {
    use SamlRefusal as S;
    let mut all = vec![
        Error::NotFound,
        Error::MethodNotAllowed { allow: "GET" },
        Error::ContentType,
        Error::ContentEncoding,
        Error::BodyTooLarge,
        Error::BodyTimeout,
        Error::BodyIncomplete,
        Error::FormMalformed,
        Error::DuplicateField,
        Error::ResponseMissing,
        Error::EventMalformed,
        Error::Unauthorized,
        Error::Busy,
        Error::Internal,
    ];
    let saml = [
        S::Empty,
        S::TooLong,
        S::NotBase64,
        S::Compressed,
        S::NotUtf8,
        S::NotXml,
        S::Doctype,
        S::TooComplex(Cap::Nodes),
        S::NotAResponse,
        S::NotOneAssertion,
        S::EncryptedAssertion,
        S::EncryptionRefused,
        S::NotDecryptable,
        S::UnknownIssuer,
        S::NotSigned,
        S::SignatureMisplaced,
        S::SignatureMalformed,
        S::ReferenceRefused,
        S::TransformRefused,
        S::AlgorithmRefused,
        S::DuplicateId,
        S::NotCanonicalizable,
        S::DigestMismatch,
        S::SignatureMismatch,
        S::MetadataExpired,
        S::NotSuccess,
        S::WrongVersion,
        S::Incomplete,
        S::IssuerMismatch,
        S::WrongAudience,
        S::WrongRecipient,
        S::WrongDestination,
        S::NotYetValid,
        S::Expired,
        S::UnknownCondition,
        S::NotBearer,
        S::UnknownRequest,
        S::RequestExpired,
        S::UnsolicitedRefused,
        S::NoAuthnStatement,
        S::SessionOver,
        S::NotReauthenticated,
        S::OtherAuthnContext,
        S::TooOld,
        S::LivesTooLong,
        S::ValueNotText,
        S::ValueNotSingle,
        S::ValueNotDecryptable,
        S::NoNameId,
        S::NoRoleSessionName,
    ];
    let roles = [
        RoleRefusal::NoRoleOffered,
        RoleRefusal::NoUsableRole,
        RoleRefusal::NoRule,
        RoleRefusal::Ambiguous,
        RoleRefusal::Rule { message: "Ask.".into() },
        RoleRefusal::SessionName,
    ];
    let relay_state = [RelayStateError::Missing, RelayStateError::Malformed];
    let tickets = [
        TicketError::Missing,
        TicketError::Malformed,
        TicketError::Invalid,
        TicketError::Expired,
        TicketError::VerifierMissing,
        TicketError::VerifierMismatch,
        TicketError::CognitoIdMissing,
        TicketError::CognitoIdMismatch,
        TicketError::KeysUnavailable,
    ];
    all.extend(saml.map(|e| Error::Login(LoginError::Saml(e))));
    all.extend(roles.map(|e| Error::Login(LoginError::Role(e))));
    all.extend(relay_state.map(|e| Error::Login(LoginError::RelayState(e))));
    all.extend(
        [
            LoginError::Replayed,
            LoginError::RequestAnswered,
            LoginError::SessionTaken,
            LoginError::Keys,
            LoginError::Store,
            LoginError::TooSlow,
        ]
        .map(Error::Login),
    );
    let requests = [StartError::UnknownProvider, StartError::NoSignOnService, StartError::Keys];
    all.extend(requests.map(Error::Start));
    all.extend(relay_state.map(|e| Error::Start(StartError::RelayState(e))));
    all.extend(TokenServiceError::ALL.map(|e| Error::Login(LoginError::TokenService(e))));
    all.extend(tickets.map(|e| Error::Redeem(RedeemError::Ticket(e))));
    all.extend([RedeemError::Gone, RedeemError::Store, RedeemError::Uncertain].map(Error::Redeem));
    all.extend(
        [PingError::NotSigned, PingError::Invalid, PingError::Expired, PingError::NotAllowed]
            .map(Error::Ping),
    );
    all
}

/// The string literals of every `fn code` in a source file.
fn codes_in(source: &str) -> Vec<String> {
    let bodies =
        source.split("pub const fn code(").skip(1).map(|rest| rest.split("\n    }\n").next().unwrap());
    bodies.flat_map(|body| body.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_code_of_every_room_has_its_row() {
    let in_rooms: BTreeSet<String> = [
        include_str!("../error.rs"),
        include_str!("../../saml/refusal.rs"),
        include_str!("../../roles/decide.rs"),
        include_str!("../../broker/refusal.rs"),
        include_str!("../../broker/login.rs"),
        include_str!("../../broker/start.rs"),
        include_str!("../../broker/token_service_error.rs"),
        include_str!("../../broker/redeem.rs"),
        include_str!("../../broker/ticket.rs"),
    ]
    .into_iter()
    .flat_map(codes_in)
    .collect();
    let in_table: BTreeSet<String> = every().iter().map(|e| e.code().to_owned()).collect();
    assert_eq!(in_rooms, in_table);
}

#[test]
fn a_code_means_one_thing() {
    let mut by_code: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    let all = every();
    for error in &all {
        assert!(error.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()));
        by_code.entry(error.code()).or_default().push(table(error));
    }
    for (code, rows) in by_code {
        // The same two rooms fail at a login (before and after the way to the identity
        // provider) and at a hand-over; what to do differs.
        let expected = match code {
            "keys_unavailable" => 3,
            "store_unavailable" | "relay_state_missing" | "relay_state_malformed" => 2,
            _ => 1,
        };
        assert_eq!(rows.len(), expected, "{code}");
        assert!(rows.iter().all(|row| row.status == rows[0].status), "{code}");
    }
}

#[test]
fn every_refusal_is_a_sentence_without_jargon() {
    let jargon = [
        "saml",
        "assertion",
        "jwt",
        "sts",
        "xml",
        "base64",
        "relaystate",
        "acs",
        "token",
        "digest",
        "http",
        "canonical",
        "idp",
        "issuer",
        "audience",
        "recipient",
        "utf",
    ];
    for error in every() {
        let row = table(&error);
        if error == Error::Unauthorized {
            continue;
        }
        for sentence in [row.happened, row.to_do] {
            assert!(sentence.ends_with('.') && sentence.len() > 10, "{}: {sentence}", error.code());
            let words = sentence.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            for word in words {
                assert!(!jargon.contains(&word.as_str()), "{}: {word}", error.code());
            }
        }
        assert!(!row.title.is_empty() && !row.title.ends_with('.'), "{}", error.code());
        assert!(row.status.is_client_error() || row.status.is_server_error());
    }
}

#[test]
fn the_documentation_lists_exactly_the_codes_with_their_status() {
    let documented: BTreeMap<String, String> = include_str!("../../../docs/ERRORS.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            assert_eq!(cells.len(), 5, "{line}");
            (cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned())
        })
        .collect();
    let built: BTreeMap<String, String> =
        every().iter().map(|e| (e.code().to_owned(), table(e).status.as_u16().to_string())).collect();
    assert_eq!(documented, built);
}

#[test]
fn statuses_say_who_must_act() {
    for error in every() {
        let status = table(&error).status;
        // Never a 500 for what a client sent.
        assert_eq!(status == StatusCode::INTERNAL_SERVER_ERROR, error == Error::Internal);
        if let Error::Redeem(RedeemError::Ticket(e)) = &error {
            // Nothing was consumed: the page may come again.
            let expected = if *e == TicketError::KeysUnavailable { UNAVAILABLE } else { UNAUTHORIZED };
            assert_eq!(status, expected);
        }
        if let Error::Login(LoginError::Saml(refusal)) = &error {
            assert!(!refusal.is_authenticated() || status == FORBIDDEN);
        }
    }
}
