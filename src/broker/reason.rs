//! Why a person takes a role, in their own words: asked for by a rule, kept in the record
//! of the delivery.

use super::recordable::is_misleading;
use serde::{Deserialize, Serialize};
use std::fmt;
use time::Duration;

/// The most characters of a reason. Enough for a ticket's number and a sentence or two;
/// percent-encoded it is at most 6 kB, and API Gateway takes 10 kB of headers.
const MAX_CHARS: usize = 500;

/// How long ticket and session live where a reason is asked for. Thirty seconds are not
/// enough to look up a ticket's number and write a sentence; the longer they live, the
/// longer somebody who reads the ticket in the browser's history has to get at the
/// verifier too, and the more of the credentials' own time has passed (15 minutes at least).
const TIME_TO_WRITE: Duration = Duration::minutes(5);

/// Recorded as it was typed, in one line. Nothing else shows it: it is a person's text, and
/// may name others.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

/// Not a reason that can be recorded: nothing, too long, or with characters that make
/// something else of the listing it would be shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecordable;

impl Reason {
    /// Without the white space around it.
    ///
    /// # Errors
    /// [`Unrecordable`].
    pub fn parse(text: &str) -> Result<Self, Unrecordable> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_CHARS || text.contains(is_misleading) {
            return Err(Unrecordable);
        }
        Ok(Self(text.to_owned()))
    }

    /// What a store has kept.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// For the record.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({} characters)", self.0.chars().count())
    }
}

/// The lifetime of a ticket or a session that usually has this one: longer, where a person
/// writes or pastes before the take.
pub(super) fn lifetime(usual: Duration, is_written: bool) -> Duration {
    if is_written { usual.max(TIME_TO_WRITE) } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_kept_as_it_was_typed() {
        for (typed, kept) in [
            ("INC-4711", "INC-4711"),
            ("  caf\u{e9} \u{1f511} \t", "caf\u{e9} \u{1f511}"),
            ("\u{646}\u{200c}\u{62f}", "\u{646}\u{200c}\u{62f}"),
        ] {
            assert_eq!(Reason::parse(typed).unwrap().as_str(), kept);
        }
        let longest = "\u{1f511}".repeat(MAX_CHARS);
        assert_eq!(Reason::parse(&longest).unwrap().as_str(), longest);
        for none in ["", " \t\r\n", &format!("{longest}x")] {
            assert_eq!(Reason::parse(none), Err(Unrecordable));
        }
    }

    /// A listing of the trail has a line for each record; whoever writes a reason must
    /// not be able to write the next line, or to turn the one it is in around.
    #[test]
    fn attack_a_reason_that_forges_the_listing_it_is_shown_in() {
        for evil in [
            "\n",
            "\r",
            "\t",
            "\0",
            "\u{1b}[2J",
            "\u{9b}2J",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\u{202a}",
            "\u{202e}",
            "\u{2066}",
            "\u{2069}",
        ] {
            assert_eq!(
                Reason::parse(&format!("INC-1{evil}login.delivered jane")),
                Err(Unrecordable),
                "{evil:?}"
            );
        }
    }

    #[test]
    fn a_reason_is_not_shown_by_debug() {
        let reason = Reason::parse("INC-4711").unwrap();
        assert_eq!(format!("{reason:?}"), "Reason(8 characters)");
    }

    #[test]
    fn there_is_time_to_write() {
        let (short, long) = (Duration::seconds(30), Duration::minutes(15));
        assert_eq!((lifetime(short, false), lifetime(short, true)), (short, Duration::minutes(5)));
        assert_eq!((lifetime(long, false), lifetime(long, true)), (long, long));
    }
}
