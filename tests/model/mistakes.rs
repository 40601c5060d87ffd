//! Mistakes that somebody could make in the code, each a switch of the model, and what
//! catches it.

use crate::properties::{
    CHOICE_LASTS, ITS_REQUEST, NOTHING_WAITS, OF_THE_CHOSEN_PART, OF_THE_TICKETS_LOGIN, ONE_REFUSAL,
    ROTATION, STS_AFTER_START, TO_WHO_BEGAN, TO_WHO_OPENED, TRAIL, TRUE_ANSWERS, UNDISTURBED,
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
    /// `open_choice` does not mark the assertion as used.
    OpenDoesNotUseTheAssertion,
    /// A repeated `open_choice` does not recognise itself.
    OpenDoesNotKnowItself,
    /// Who chooses needs no verifier.
    ChooserNotCompared,
    /// The `begin` of a part has no condition on the choice.
    PartWithoutItsChoice,
    /// It does not look whether the choice's time is over.
    PartOfAChoiceThatIsOver,
    /// It does not look whose choice is there.
    PartOfAnotherChoice,
    /// It does not look whether the part is held.
    PartDisplacesWhatWaits,
    /// The first part takes the choice with it.
    PartEndsTheChoice,
    /// The failure of a part ends the choice.
    FailureEndsTheChoice,
    /// A part's handle does not have the role.
    PartHandleWithoutTheRole,
    /// A part's handle does not have the kind.
    PartHandleWithoutTheKind,
    /// A part's handle does not have the choice, but only the session id.
    PartHandleWithoutTheChoice,
    /// A part's ticket leaves before `put`, which nobody waits for.
    PartRecordedAfterItsAnswer,
    /// A part's ticket names no part: it takes what waits.
    PartTicketWithoutItsPart,
    /// A repeated choice of a part that is held asks STS all the same.
    RepeatAsksStsAgain,
    /// A repeated choice signs a ticket with a jti of its own.
    RepeatMakesAnotherJti,
    /// A choice ticket is accepted for the take, and a take takes a choice.
    ChoiceTicketTakes,
    /// The sweeper does not wait for a choice's end.
    SweepEndsAChoiceEarly,
    /// The sweeper does not look for choices.
    SweepForgetsChoices,
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
    (
        Mistake::OpenDoesNotUseTheAssertion,
        || Scene::choice_replayed(0),
        TRAIL,
        Some(Rule::AnAssertionBeginsOneLogin),
    ),
    (Mistake::OpenDoesNotKnowItself, || Scene::one_part(1), TRUE_ANSWERS, None),
    (Mistake::ChooserNotCompared, Scene::choice_attacked, TO_WHO_OPENED, None),
    (Mistake::PartWithoutItsChoice, || Scene::one_part(0), TRAIL, Some(Rule::APartIsOfAnOpenChoice)),
    (Mistake::PartOfAChoiceThatIsOver, || Scene::one_part(0), TRAIL, Some(Rule::APartIsOfAnOpenChoice)),
    (Mistake::PartOfAnotherChoice, Scene::choice_after_a_choice, TRAIL, Some(Rule::APartIsOfAnOpenChoice)),
    (Mistake::PartDisplacesWhatWaits, || Scene::part_repeated(0), UNDISTURBED, None),
    (Mistake::PartEndsTheChoice, || Scene::one_part(0), CHOICE_LASTS, None),
    (Mistake::FailureEndsTheChoice, || Scene::one_part(1), CHOICE_LASTS, None),
    (Mistake::PartHandleWithoutTheRole, || Scene::two_parts(0), OF_THE_CHOSEN_PART, None),
    (Mistake::PartHandleWithoutTheKind, || Scene::two_parts(0), OF_THE_CHOSEN_PART, None),
    (
        Mistake::PartHandleWithoutTheChoice,
        || Scene::choice_after_a_choice().one_at_a_time(),
        TO_WHO_BEGAN,
        None,
    ),
    (Mistake::PartRecordedAfterItsAnswer, || Scene::one_part(0), TRUE_ANSWERS, None),
    (Mistake::PartTicketWithoutItsPart, || Scene::two_parts(0), OF_THE_TICKETS_LOGIN, None),
    (Mistake::RepeatAsksStsAgain, || Scene::part_repeated(0), STS_AFTER_START, None),
    (Mistake::RepeatAsksStsAgain, || Scene::part_repeated(0), TRAIL, Some(Rule::StsIsAskedAfterTheStart)),
    (Mistake::RepeatMakesAnotherJti, || Scene::part_repeated(0), TRUE_ANSWERS, None),
    (Mistake::ChoiceTicketTakes, Scene::choice_attacked, CHOICE_LASTS, None),
    (Mistake::ChoiceTicketTakes, Scene::choice_attacked, TRAIL, Some(Rule::AnEndFitsItsLogin)),
    (Mistake::SweepEndsAChoiceEarly, || Scene::one_part(0), CHOICE_LASTS, None),
    (Mistake::SweepEndsAChoiceEarly, || Scene::one_part(0), TRAIL, Some(Rule::TheSweeperWaits)),
    (Mistake::SweepForgetsChoices, || Scene::one_part(0), NOTHING_WAITS, None),
    (Mistake::SweepForgetsChoices, || Scene::one_part(0), TRAIL, Some(Rule::EveryLoginEnds)),
    (Mistake::BeginTakesAWaitingSession, || Scene::choice_and_another_tab(0), UNDISTURBED, None),
    (Mistake::TakeWithoutJti, || Scene::part_repeated(0), OF_THE_TICKETS_LOGIN, None),
    (Mistake::RotationDropsKeys, || Scene::part_and_rotation(0), ROTATION, None),
];
