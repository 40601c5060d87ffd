//! Mistakes that somebody could make in the code, each a switch of the model, and what
//! catches it.

use crate::properties::{
    ITS_REQUEST, NOTHING_WAITS, OF_THE_TICKETS_LOGIN, ONE_REFUSAL, ROTATION, STS_AFTER_START, TO_WHO_BEGAN,
    TRAIL, TRUE_ANSWERS, UNDISTURBED,
};
use crate::scene::Scene;
use crate::support::trail_rules::Rule;

/// One at a time. `CAUGHT` says by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mistake {
    /// `begin` does not look whether the assertion was used.
    BeginTakesAUsedAssertion,
    /// `begin` does not look whether the request was answered.
    BeginTakesAnAnsweredRequest,
    /// `begin` does not look whether the session id is free.
    BeginTakesAWaitingSession,
    /// A repeated `begin` does not recognise itself.
    BeginDoesNotKnowItself,
    /// The sweeper forgets a claim while its assertion is accepted.
    ClaimForgottenTooEarly,
    /// The answer to another RelayState's request is accepted.
    AnswerToAnotherRequest,
    /// STS is asked before `begin`.
    StsBeforeBegin,
    /// `put` has no condition on the reservation.
    PutAfterTheReservation,
    /// A repeated `put` does not recognise itself.
    PutDoesNotKnowItself,
    /// The 302 leaves although no answer of `put` came.
    TicketWithoutAnswerOfPut,
    /// The failure is not recorded: what the login holds is only removed.
    ReleaseWithoutAnEvent,
    /// The failure is recorded, and the session is left.
    ReleaseLeavesTheSession,
    /// A reservation has no end.
    ReservationNeverEnds,
    /// A take reads, and then deletes.
    TakeReadsThenDeletes,
    /// A delete whose outcome is unknown is sent again.
    TakeIsRetried,
    /// The take's condition is the session id only.
    TakeWithoutJti,
    /// The verifier is not compared.
    VerifierNotCompared,
    /// The answer leaves, and then `login.delivered` is recorded.
    RecordAfterTheAnswer,
    /// The answer leaves although `login.delivered` could not be recorded.
    AnswerWithoutRecord,
    /// A second end of a login is recorded.
    SecondEnd,
    /// The sweeper removes, and records nothing.
    SweepWithoutAnEvent,
    /// The sweeper does not wait for the end.
    SweepTooEarly,
    /// The sweeper only looks for reservations.
    SweepForgetsSessions,
    /// DynamoDB's sweeper ends a login as it was when it read it.
    SweepTrustsWhatItRead,
    /// A rotation drops the keys before.
    RotationDropsKeys,
    /// A refusal is recorded again and again.
    RefusalRecordedAgain,
}

/// A mistake, where it shows, and the property that does not hold; of the trail's rules,
/// which.
pub type Caught = (Mistake, fn() -> Scene, &'static str, Option<Rule>);

pub const CAUGHT: &[Caught] = &[
    (Mistake::BeginTakesAUsedAssertion, || Scene::replay(0), TRAIL, Some(Rule::AnAssertionBeginsOneLogin)),
    (Mistake::BeginTakesAnAnsweredRequest, Scene::two_answers, TRAIL, Some(Rule::ARequestBeginsOneLogin)),
    (Mistake::BeginTakesAWaitingSession, || Scene::two_tabs(0), UNDISTURBED, None),
    (Mistake::BeginDoesNotKnowItself, || Scene::one_login(1), TRUE_ANSWERS, None),
    (Mistake::ClaimForgottenTooEarly, || Scene::replay(0), TRAIL, Some(Rule::AnAssertionBeginsOneLogin)),
    (Mistake::AnswerToAnotherRequest, Scene::attack, ITS_REQUEST, None),
    (Mistake::StsBeforeBegin, || Scene::one_login(0), STS_AFTER_START, None),
    (Mistake::StsBeforeBegin, || Scene::one_login(0), TRAIL, Some(Rule::StsIsAskedAfterTheStart)),
    (Mistake::PutAfterTheReservation, || Scene::one_login(0), TRAIL, Some(Rule::NothingFollowsTheEnd)),
    (Mistake::PutDoesNotKnowItself, || Scene::one_login(1), TRUE_ANSWERS, None),
    (Mistake::TicketWithoutAnswerOfPut, || Scene::one_login(1), TRUE_ANSWERS, None),
    (Mistake::ReleaseWithoutAnEvent, || Scene::one_login(0), TRAIL, Some(Rule::WhatHasNoEndIsOpen)),
    (Mistake::ReleaseLeavesTheSession, || Scene::one_login(0), NOTHING_WAITS, None),
    (Mistake::ReservationNeverEnds, || Scene::one_login(1), NOTHING_WAITS, None),
    (Mistake::ReservationNeverEnds, || Scene::one_login(1), TRAIL, Some(Rule::EveryLoginEnds)),
    (Mistake::TakeReadsThenDeletes, || Scene::one_login(0), TRAIL, Some(Rule::AtMostOnce)),
    (Mistake::TakeIsRetried, || Scene::one_login(1), TRUE_ANSWERS, None),
    (Mistake::TakeWithoutJti, || Scene::two_tabs(0), OF_THE_TICKETS_LOGIN, None),
    (Mistake::TakeWithoutJti, || Scene::two_tabs(0), TRAIL, Some(Rule::AKeyBelongsToOneLogin)),
    (Mistake::VerifierNotCompared, Scene::attack, TO_WHO_BEGAN, None),
    (Mistake::RecordAfterTheAnswer, || Scene::one_login(0), TRAIL, Some(Rule::NoCredentialsWithoutARecord)),
    (Mistake::AnswerWithoutRecord, || Scene::one_login(1), TRAIL, Some(Rule::NoCredentialsWithoutARecord)),
    (Mistake::SecondEnd, || Scene::one_login(0), TRAIL, Some(Rule::NothingFollowsTheEnd)),
    (Mistake::SweepWithoutAnEvent, || Scene::one_login(0), TRAIL, Some(Rule::WhatHasNoEndIsOpen)),
    (Mistake::SweepTooEarly, || Scene::one_login(0), TRAIL, Some(Rule::TheSweeperWaits)),
    (Mistake::SweepForgetsSessions, || Scene::one_login(0), TRAIL, Some(Rule::EveryLoginEnds)),
    (
        Mistake::SweepTrustsWhatItRead,
        || Scene::one_login(0).on_dynamodb(),
        TRAIL,
        Some(Rule::AnEndFitsItsLogin),
    ),
    (Mistake::RotationDropsKeys, || Scene::rotation(0), ROTATION, None),
    (Mistake::RefusalRecordedAgain, || Scene::replay(1), ONE_REFUSAL, None),
];
