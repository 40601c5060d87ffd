//! How long a login, a take and their steps last, for `/metrics`.
//!
//! The use cases measure where they call a port. A decorator around the port would
//! have to forward each of its methods, and would silently answer a new one with
//! its default.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use std::time::{Duration, Instant};

/// Upper bounds, in seconds: an embedded login takes a millisecond, one on AWS 100 to
/// 300, and its parts keep within 20 seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0];

/// A histogram with these buckets.
pub fn latency_histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// `POST /saml`, from the parsed form to the ticket or the refusal.
    Login,
    /// `GET /saml`, from the headers to the credentials or the refusal.
    Redeem,
    /// `GET /saml/choice`, from the headers to the roles or the refusal.
    List,
    /// `POST /saml/choice`, from the parsed parts to what came of each.
    Choose,
    /// [`TokenService::assume_role`](super::ports::TokenService::assume_role)
    Sts,
    /// [`ConsoleSignIn::sign_in`](super::ports::ConsoleSignIn::sign_in)
    Console,
    /// [`SessionStore::begin`](super::ports::SessionStore::begin)
    StoreBegin,
    /// [`SessionStore::open_choice`](super::ports::SessionStore::open_choice)
    StoreOpenChoice,
    /// [`SessionStore::look`](super::ports::SessionStore::look)
    StoreLook,
    /// [`SessionStore::roles_used`](super::ports::SessionStore::roles_used)
    StoreRolesUsed,
    /// [`SessionStore::put`](super::ports::SessionStore::put)
    StorePut,
    /// [`SessionStore::take`](super::ports::SessionStore::take)
    StoreTake,
    /// [`SessionStore::release`](super::ports::SessionStore::release)
    StoreRelease,
    /// [`AuditTrail::record`](super::ports::AuditTrail::record)
    StoreRecord,
    /// [`KeyRing::seal`](super::ports::KeyRing::seal)
    KeysSeal,
    /// [`KeyRing::open`](super::ports::KeyRing::open)
    KeysOpen,
    /// [`KeyRing::sign`](super::ports::KeyRing::sign)
    KeysSign,
    /// [`KeyRing::verify`](super::ports::KeyRing::verify)
    KeysVerify,
}

impl Step {
    const ALL: [Self; 18] = [
        Self::Login,
        Self::Redeem,
        Self::List,
        Self::Choose,
        Self::Sts,
        Self::Console,
        Self::StoreBegin,
        Self::StoreOpenChoice,
        Self::StoreLook,
        Self::StoreRolesUsed,
        Self::StorePut,
        Self::StoreTake,
        Self::StoreRelease,
        Self::StoreRecord,
        Self::KeysSeal,
        Self::KeysOpen,
        Self::KeysSign,
        Self::KeysVerify,
    ];

    /// The value of the label.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Redeem => "redeem",
            Self::List => "list",
            Self::Choose => "choose",
            Self::Sts => "sts",
            Self::Console => "console",
            Self::StoreBegin => "store_begin",
            Self::StoreOpenChoice => "store_open_choice",
            Self::StoreLook => "store_look",
            Self::StoreRolesUsed => "store_roles_used",
            Self::StorePut => "store_put",
            Self::StoreTake => "store_take",
            Self::StoreRelease => "store_release",
            Self::StoreRecord => "store_record",
            Self::KeysSeal => "keys_seal",
            Self::KeysOpen => "keys_open",
            Self::KeysSign => "keys_sign",
            Self::KeysVerify => "keys_verify",
        }
    }
}

/// The label of a step's histogram.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StepLabel {
    step: Step,
}

impl EncodeLabelValue for Step {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.as_str().encode(encoder)
    }
}

/// A histogram for each step.
pub type StepHistograms = Family<StepLabel, Histogram, fn() -> Histogram>;

/// The durations of all steps so far.
#[derive(Debug, Clone)]
pub struct StepDurations(StepHistograms);

impl Default for StepDurations {
    fn default() -> Self {
        let histograms = StepHistograms::new_with_constructor(latency_histogram);
        // Each is there from the start: a rate over a series that appears misses its first value.
        for step in Step::ALL {
            drop(histograms.get_or_create(&StepLabel { step }));
        }
        Self(histograms)
    }
}

impl StepDurations {
    /// Measures a step.
    pub(super) async fn measure<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        let stopwatch = Stopwatch::start();
        let outcome = work.await;
        self.0.get_or_create(&StepLabel { step }).observe(stopwatch.elapsed().as_secs_f64());
        outcome
    }

    /// For the registry of metrics; it shows what is measured later, too.
    pub fn histograms(&self) -> StepHistograms {
        self.0.clone()
    }
}

/// Measures by the monotonic clock, which nobody sets. Nothing is decided by it.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods, reason = "a duration that is shown, no time that decides")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
