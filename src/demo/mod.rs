//! `vestibule demo`: everything embedded, with a small look-alike of AD FS to
//! sign in at. The parts: who works there (`people.rs`), what it says about
//! them (`token.rs`, `metadata.rs`), how it signs (`sign.rs`), and its pages
//! (`idp.rs`, `pages.rs`). Beside it, a panel that makes each refusal happen
//! (`panel.rs`, `refusals.rs`) and shows the audit trail (`tell.rs`). Nothing
//! here verifies anything: what is posted goes the way that every response goes.

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
mod tell;
mod token;

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
