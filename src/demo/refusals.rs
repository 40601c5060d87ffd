//! The refusals that the panel makes happen, each for a reason that a person
//! can read before pressing the button.

use super::people::Person;
use super::token::Flaw;
use crate::broker::{LoginError, RoleRefusal, SamlRefusal};

/// One refusal, to be caused on purpose.
#[derive(Debug)]
pub struct StagedRefusal {
    /// Its name in the panel's addresses.
    pub id: &'static str,
    /// What the button says.
    pub title: &'static str,
    /// What will be sent.
    pub sent: &'static str,
    /// Why that is refused.
    pub why: &'static str,
    /// The refusal: the answer is its row in the list.
    pub refusal: LoginError,
    /// Whose response it is, by account name.
    pub(super) account: &'static str,
    /// What is wrong with it.
    pub(super) flaw: Flaw,
    /// What is posted before it.
    pub(super) before: Before,
}

/// What the panel itself posts for the same session, before the browser posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// The same response.
    TheSame,
    /// A response about this person, by account name.
    Another(&'static str),
}

/// All of them; those that are audited first.
pub const STAGED_REFUSALS: &[StagedRefusal] = &[
    StagedRefusal {
        id: "wrong-role",
        title: "Wrong role",
        sent: "Dev Chandra signs in, and all is as it should be, but he is in no group for production.",
        why: "A rule says no, and the page shows the rule's own words.",
        refusal: LoginError::Role(RoleRefusal::Rule { message: String::new(), step_up: None }),
        account: "dev",
        flaw: Flaw::None,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "expired",
        title: "Expired",
        sent: "A genuine response about Paula Okafor, but signed two hours ago.",
        why: "AD FS gives a response five minutes to arrive; the service adds one for clocks that differ.",
        refusal: LoginError::Saml(SamlRefusal::Expired),
        account: "paula",
        flaw: Flaw::Expired,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "other-audience",
        title: "Another audience",
        sent: "A genuine response about Paula Okafor that AD FS made for another application.",
        why: "Otherwise any application that she signs in at could get her AWS credentials.",
        refusal: LoginError::Saml(SamlRefusal::WrongAudience),
        account: "paula",
        flaw: Flaw::OtherAudience,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "replayed",
        title: "Replayed",
        sent: "A response about Paula Okafor that somebody has copied: this panel has just posted it, \
               and now your browser posts it once more.",
        why: "A response counts once. The first one's credentials wait, sealed, for a page that does not \
              exist; watch them expire after a minute.",
        refusal: LoginError::Replayed,
        account: "paula",
        flaw: Flaw::None,
        before: Before::TheSame,
    },
    StagedRefusal {
        id: "session-waiting",
        title: "Session already waiting",
        sent: "This panel has just signed Ada Lindqvist in, and her credentials wait. Your browser now posts \
               a response about Paula Okafor for the same session.",
        why: "Waiting credentials are never overwritten or mixed up with those of another sign-in.",
        refusal: LoginError::SessionTaken,
        account: "paula",
        flaw: Flaw::None,
        before: Before::Another("ada"),
    },
    StagedRefusal {
        id: "tampered",
        title: "Tampered",
        sent: "Dev Chandra's response, in which his role was renamed to a production role after signing.",
        why: "The digest that was signed is no longer the one of the text.",
        refusal: LoginError::Saml(SamlRefusal::DigestMismatch),
        account: "dev",
        flaw: Flaw::Tampered,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "unsigned",
        title: "Unsigned",
        sent: "A response about Paula Okafor without any signature.",
        why: "Anybody could have written it.",
        refusal: LoginError::Saml(SamlRefusal::NotSigned),
        account: "paula",
        flaw: Flaw::Unsigned,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "other-key",
        title: "Another key",
        sent: "A response about Paula Okafor, signed with a key of the forger's own; its certificate comes along.",
        why: "Only keys from the configured metadata count. A certificate inside a message proves nothing.",
        refusal: LoginError::Saml(SamlRefusal::SignatureMismatch),
        account: "paula",
        flaw: Flaw::OtherKey,
        before: Before::Nothing,
    },
    StagedRefusal {
        id: "unknown-issuer",
        title: "Unknown issuer",
        sent: "A response about Paula Okafor from an identity provider that nobody has configured.",
        why: "Whom to believe is the operator's decision, never the message's.",
        refusal: LoginError::Saml(SamlRefusal::UnknownIssuer),
        account: "paula",
        flaw: Flaw::OtherIssuer,
        before: Before::Nothing,
    },
];

impl StagedRefusal {
    /// The refusal of this name.
    pub(super) fn by_id(id: &str) -> Option<&'static Self> {
        STAGED_REFUSALS.iter().find(|refusal| refusal.id == id)
    }

    /// Whether the message is proven to come from the identity provider, and so the
    /// refusal recorded.
    pub(super) fn is_audited(&self) -> bool {
        match &self.refusal {
            LoginError::Saml(refusal) => refusal.is_authenticated(),
            LoginError::RelayState(_) | LoginError::PageGone => false,
            LoginError::Role(_)
            | LoginError::IssuedBeforeRestore
            | LoginError::Replayed
            | LoginError::RequestAnswered
            | LoginError::SessionTaken
            | LoginError::TokenService(_)
            | LoginError::Console(_)
            | LoginError::Keys
            | LoginError::Store
            | LoginError::TooSlow => true,
        }
    }

    /// Whose response it is.
    pub(super) fn person(&self) -> Option<&'static Person> {
        Person::by_account(self.account)
    }
}
