//! Which role: the rules of the configuration, applied to one [`Identity`](crate::saml::Identity).
//!
//! Pure. Rules are read in order, for each role the first that holds decides; the decision
//! explains itself. A new condition is a new [`Field`] or [`Matcher`] variant.

mod arn;
mod candidates;
mod decide;
mod explain;
mod grant;
mod offer;
mod offers;
mod person;
mod refusal;
mod region;
mod role_map;
mod rule;
mod step_up;
#[cfg(test)]
mod tests;
mod weigh;

pub use arn::{ArnError, ProviderArn, ProviderPattern, RoleArn, is_account};
pub use decide::{AuthnContexts, Decision, Rules, SamlProviders};
pub use explain::{Considered, Explanation};
pub use grant::{Grant, RoleSource, Terms};
pub use offers::Offers;
pub use person::{BUILT_IN_PAGE, Circumstances, MadeUpPerson, Use};
pub use refusal::{Denial, Refused, RoleRefusal};
pub use region::{is_region, partition_of_region};
pub use role_map::{RoleMap, RoleMapError};
pub use rule::{Condition, Effect, Field, Matcher, Rule, RuleError, as_written};
pub use step_up::StepUp;
