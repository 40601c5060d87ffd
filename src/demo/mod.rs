//! `vestibule demo`: everything embedded, with a small look-alike of AD FS to
//! sign in at: its people (`people.rs`), its assertions and metadata (`token.rs`,
//! `metadata.rs`), the requests that it answers (`authn_request.rs`), its signatures
//! (`sign.rs`), its pages (`idp.rs`, `pages.rs`).
//! Beside it, a panel that causes each refusal (`panel.rs`, `refusals.rs`) and shows
//! the audit trail (`trail.rs`). Nothing here verifies anything: responses go to the
//! service as every response does.

mod authn_request;
mod idp;
mod metadata;
mod pages;
mod panel;
mod people;
mod refusals;
mod relay_state;
mod relying_party;
mod run;
mod sign;
mod token;
mod trail;

#[cfg(test)]
mod tests;

pub use idp::DemoIdp;
pub use people::{ACCOUNT, COMPANY, PEOPLE, PROVIDER_ARN, Person};
pub use refusals::{STAGED_REFUSALS, StagedRefusal};
pub use relying_party::RelyingParty;
pub(crate) use run::run;
pub use run::{Options, RULES};
pub use sign::SigningError;
pub use token::Flaw;
