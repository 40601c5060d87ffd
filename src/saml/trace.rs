//! What the steps of verification looked at, recorded by the steps themselves.
//!
//! A refusal is a bare code (`refusal.rs`), because the sender of the message sees
//! it. The operator needs more, in the log and from `vestibule explain`: so each
//! step records in a [`Trace`] that it began and what it found, whether or not it
//! then refuses. There is no second reading of the message that could find
//! something else. Without a trace nothing is recorded and nothing allocated.

use super::xml::instant::format_instant;
use super::xml::nodes;
use roxmltree::Node;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};

/// The most facts recorded of one message. A genuine one has about forty.
const MAX_FACTS: usize = 200;
/// The longest text of a message that is recorded, in characters.
const MAX_CHARS: usize = 200;
/// The most algorithms recorded of one signature or ciphertext. A genuine one has five.
const MAX_ALGORITHMS: usize = 16;
/// What is set aside for one message: a genuine one takes no more.
const USUAL_STEPS: usize = 20;
const USUAL_FACTS: usize = 64;
const USUAL_TEXT: usize = 2_048;

/// The steps of verification, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Base64, length, encoding.
    Decode,
    /// Decrypting the assertion.
    Decrypt,
    /// XML within the caps, a Response, one assertion.
    Parse,
    /// The claimed issuer is a configured identity provider.
    Issuer,
    /// The places of the signatures, and that every `ID` is unique.
    Signatures,
    /// The Response's signature.
    ResponseSignature,
    /// The Assertion's signature.
    AssertionSignature,
    /// Decrypting values of the assertion.
    DecryptValues,
    /// The metadata of the identity provider has not expired.
    Metadata,
    /// The identity provider reports success.
    Status,
    /// `ID`, `Version`, `IssueInstant` and `Issuer` of the Response.
    Response,
    /// The Response's `Destination` is our ACS.
    Destination,
    /// The request that is answered, if there is one.
    Request,
    /// `ID`, `Version`, `IssueInstant` and `Issuer` of the Assertion.
    Assertion,
    /// A bearer confirmation holds.
    Subject,
    /// The validity window and the audience.
    Conditions,
    /// Our own limits on age and lifetime.
    Limits,
    /// How and when the person signed in.
    Authentication,
    /// The selected values.
    Values,
}

impl Step {
    /// The stable, documented name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Decrypt => "decrypt",
            Self::Parse => "parse",
            Self::Issuer => "issuer",
            Self::Signatures => "signatures",
            Self::ResponseSignature => "response_signature",
            Self::AssertionSignature => "assertion_signature",
            Self::DecryptValues => "decrypt_values",
            Self::Metadata => "metadata",
            Self::Status => "status",
            Self::Response => "response",
            Self::Destination => "destination",
            Self::Request => "request",
            Self::Assertion => "assertion",
            Self::Subject => "subject",
            Self::Conditions => "conditions",
            Self::Limits => "limits",
            Self::Authentication => "authentication",
            Self::Values => "values",
        }
    }
}

/// What was found. Its origin decides where it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A text of ours: configured, or one of a fixed set.
    Ours(String),
    /// A text of the message that is not about a person: capped, unprintable
    /// characters escaped.
    Theirs(String),
    /// Values about a person: their lengths, and the values themselves only for
    /// [`Trace::with_values`].
    Private {
        count: usize,
        /// Characters of the shortest.
        least: usize,
        /// Characters of the longest.
        most: usize,
        /// The values; empty unless asked for.
        values: Vec<String>,
    },
    /// An instant of the message, or a limit computed from one.
    At(OffsetDateTime),
    /// A number of something.
    Count(usize),
    /// It is absent.
    Absent,
}

impl Fact {
    /// In words, an instant with its distance to the clock.
    pub fn words(&self, clock: OffsetDateTime) -> String {
        match self {
            Self::Ours(text) | Self::Theirs(text) => text.clone(),
            Self::Private { count: 1, most, values, .. } => {
                let values = values.iter().map(|value| format!("{value} "));
                format!("{}({most} characters)", values.collect::<String>())
            }
            Self::Private { count, least, most, .. } => {
                format!("{count} values ({least} to {most} characters)")
            }
            Self::At(at) => format!("{} ({})", format_instant(*at), distance(*at - clock)),
            Self::Count(count) => count.to_string(),
            Self::Absent => "(none)".to_owned(),
        }
    }
}

/// How far from the clock: `4 min 3 s ahead`, `2 h 0 min ago`.
fn distance(from_clock: Duration) -> String {
    let seconds = from_clock.whole_seconds().unsigned_abs();
    let far = match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, 0) => return "just now".to_owned(),
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (days, h, _, _) => format!("{days} d {h} h"),
    };
    format!("{far} {}", if from_clock.is_negative() { "ago" } else { "ahead" })
}

/// A step that began, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    pub step: Step,
    /// Name and fact, in the order found; a name can be there several times.
    pub facts: Vec<(Cow<'static, str>, Fact)>,
}

/// Records the steps of one message. The last step of a refused message is the
/// one that refused it.
#[derive(Debug, Default)]
pub struct Trace {
    recorded: Mutex<Recorded>,
    with_values: bool,
}

/// What was recorded, in few pieces of memory: a server records every login, and shows
/// one that is refused.
#[derive(Debug, Default)]
struct Recorded {
    /// Each step, with how many facts there were before it.
    steps: Vec<(Step, usize)>,
    facts: Vec<(Cow<'static, str>, RecordedFact)>,
    /// The texts of all facts, one after the other.
    texts: String,
}

/// A [`Fact`], with the end of its text in [`Recorded::texts`] in place of it.
#[derive(Debug)]
enum RecordedFact {
    Ours { end: usize },
    Theirs { end: usize },
    Other(Fact),
}

impl Trace {
    /// A trace that records values about persons too, for operators who ask for it.
    pub fn with_values() -> Self {
        Self { with_values: true, ..Self::default() }
    }

    /// What was recorded.
    pub fn into_steps(self) -> Vec<Traced> {
        self.recorded.into_inner().unwrap_or_else(PoisonError::into_inner).into_steps()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn private(&self, values: &[&str]) -> Fact {
        let lengths = values.iter().map(|value| value.chars().count());
        let (least, most) = lengths.fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
        let shown = values.iter().filter(|_| self.with_values);
        Fact::Private {
            count: values.len(),
            least: least.min(most),
            most,
            values: shown.map(|value| printable(value)).collect(),
        }
    }

    fn push(&self, name: impl Into<Cow<'static, str>>, fact: Fact) {
        self.recorded().push(name.into(), |_| RecordedFact::Other(fact));
    }
}

impl Recorded {
    fn step(&mut self, step: Step) {
        if self.steps.is_empty() {
            self.steps.reserve(USUAL_STEPS);
            self.facts.reserve(USUAL_FACTS);
            self.texts.reserve(USUAL_TEXT);
        }
        self.steps.push((step, self.facts.len()));
    }

    fn push(&mut self, name: Cow<'static, str>, fact: impl FnOnce(&mut String) -> RecordedFact) {
        if self.facts.len() < MAX_FACTS && !self.steps.is_empty() {
            let fact = fact(&mut self.texts);
            self.facts.push((name, fact));
        }
    }

    fn into_steps(self) -> Vec<Traced> {
        let Self { steps, facts, texts } = self;
        let (mut facts, mut begin) = (facts.into_iter(), 0);
        let mut text = |end: usize| {
            let text = texts.get(begin..end).unwrap_or_default().to_owned();
            begin = end;
            text
        };
        let mut whole = |(name, fact)| match fact {
            RecordedFact::Ours { end } => (name, Fact::Ours(text(end))),
            RecordedFact::Theirs { end } => (name, Fact::Theirs(text(end))),
            RecordedFact::Other(fact) => (name, fact),
        };
        let ends = steps.iter().skip(1).map(|(_, before)| *before).chain([usize::MAX]);
        let ends: Vec<usize> = ends.collect();
        let traced = steps.iter().zip(ends).map(|((step, before), end)| Traced {
            step: *step,
            facts: facts.by_ref().take(end - before).map(&mut whole).collect(),
        });
        traced.collect()
    }
}

/// Writes to a [`Trace`], if there is one.
///
/// `ours` records a text of ours, `theirs` one of the message, and `private` a
/// value about a person ([`Fact`]). With `maybe_` in front, absence is recorded too.
#[derive(Clone, Copy, Default)]
pub(super) struct Tracer<'t>(Option<&'t Trace>);

impl<'t> Tracer<'t> {
    pub(super) const SILENT: Self = Self(None);

    pub(super) const fn to(trace: Option<&'t Trace>) -> Self {
        Self(trace)
    }

    pub(super) fn step(self, step: Step) {
        if let Some(trace) = self.0 {
            trace.recorded().step(step);
        }
    }

    pub(super) fn ours(self, name: &'static str, text: &str) {
        if let Some(trace) = self.0 {
            trace.recorded().push(name.into(), |texts| {
                texts.push_str(text);
                RecordedFact::Ours { end: texts.len() }
            });
        }
    }

    pub(super) fn all_ours<'s>(self, name: &'static str, texts: impl IntoIterator<Item = &'s str>) {
        if self.0.is_some() {
            texts.into_iter().for_each(|text| self.ours(name, text));
        }
    }

    pub(super) fn theirs(self, name: &'static str, text: &str) {
        if let Some(trace) = self.0 {
            trace.recorded().push(name.into(), |texts| {
                push_printable(texts, text);
                RecordedFact::Theirs { end: texts.len() }
            });
        }
    }

    pub(super) fn maybe_theirs(self, name: &'static str, text: Option<&str>) {
        match text {
            Some(text) => self.theirs(name, text),
            None => self.absent(name),
        }
    }

    pub(super) fn maybe_private(self, name: &'static str, value: Option<&str>) {
        match (self.0, value) {
            (Some(trace), Some(value)) => trace.push(name, trace.private(&[value])),
            (Some(_), None) => self.absent(name),
            (None, _) => {}
        }
    }

    fn absent(self, name: &'static str) {
        if let Some(trace) = self.0 {
            trace.push(name, Fact::Absent);
        }
    }

    /// Records the values that a selector found, or the selector if it found none.
    pub(super) fn selected(self, name: Cow<'static, str>, selector: &impl Display, found: Option<&[&str]>) {
        let Some(trace) = self.0 else { return };
        match found {
            Some(values) if !values.is_empty() => return trace.push(name, trace.private(values)),
            Some(_) => trace.push(name, Fact::Absent),
            None => {}
        }
        trace.push("selector", Fact::Ours(selector.to_string()));
    }

    pub(super) fn at(self, name: &'static str, at: OffsetDateTime) {
        if let Some(trace) = self.0 {
            trace.push(name, Fact::At(at));
        }
    }

    pub(super) fn count(self, name: &'static str, count: usize) {
        if let Some(trace) = self.0 {
            trace.push(name, Fact::Count(count));
        }
    }

    /// Records the algorithms that a signature or a ciphertext names, before any of
    /// them is checked.
    pub(super) fn algorithms(self, element: Node<'_, '_>) {
        if self.0.is_some() {
            let named =
                element.descendants().filter_map(|node| Some((node, nodes::attribute(node, "Algorithm")?)));
            for (node, algorithm) in named.take(MAX_ALGORITHMS) {
                let name = match node.tag_name().name() {
                    "SignatureMethod" => "signature_method",
                    "CanonicalizationMethod" => "canonicalization_method",
                    "DigestMethod" => "digest_method",
                    "Transform" => "transform",
                    "EncryptionMethod" => "encryption_method",
                    "MGF" => "mask_generation",
                    _ => "algorithm",
                };
                self.theirs(name, algorithm);
            }
        }
    }
}

fn printable(text: &str) -> String {
    let mut shown = String::new();
    push_printable(&mut shown, text);
    shown
}

/// Appends a text, escaped and cut for a terminal and a log: one line, not too long.
fn push_printable(shown: &mut String, text: &str) {
    // Nearly all that a message has.
    if text.len() <= MAX_CHARS && text.bytes().fold(true, |all, byte| all & matches!(byte, b' '..=b'~')) {
        return shown.push_str(text);
    }
    for c in text.chars().take(MAX_CHARS) {
        match c {
            '\\' | '"' | '\'' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
}

#[cfg(test)]
mod tests;
