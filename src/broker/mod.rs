//! The use cases: a login (`login.rs`, the story; `identify.rs`, who it is; `issue.rs`, the
//! credentials; `start.rs`, where it starts here), the choice among several roles
//! (`choice.rs`, `choose.rs`), and the hand-over (`redeem.rs`; sealed to who waits,
//! `recipient.rs`; to a program at a shell, `shell.rs`).
//!
//! Everything outside of the process comes in through [`ports`]; the layers
//! below are pure. `docs/PROTOCOL.md` says what each step leaves behind.

mod attempt;
mod audit;
mod choice;
mod choose;
mod console;
mod credentials;
mod identify;
mod ids;
mod issue;
mod login;
mod metadata;
mod page;
mod permit;
mod place;
pub mod ports;
mod reason;
mod recipient;
mod record;
mod recordable;
mod redeem;
mod reference;
mod refusal;
mod refusal_log;
mod refusal_quota;
mod relay_state;
mod seal;
mod sent;
mod settings;
mod shell;
mod signed_ticket;
mod start;
mod steps;
mod sweep;
mod ticket;
mod token_service_error;
mod use_cases;
mod waiting_response;

pub use attempt::LoginPost;
pub use audit::{AuditEvent, EventKind, Subject};
pub use choice::{ChoiceList, ChoiceRequest, ListedRole};
pub use choose::{MOST_PARTS, Outcomes, WantedPart};
pub use console::{Console, console_home, federation_endpoint, partition_of_console};
pub use credentials::{Credentials, HandOver, HandedOver};
pub use ids::{Handle, Jti, LoginId, SessionId, SupportId, random_id};
pub use login::{Issued, LoginOutcome};
pub use metadata::{
    CurrentProviders, MetadataSource, MetadataUpdate, ProviderHealth, SourceHealth, check_not_expired,
    fetch_update,
};
pub use page::{BeganAt, Page, Pages};
pub use permit::{PERMIT_LIFETIME, PermitRequest};
pub use ports::audit_trail::SweepReport;
pub use reason::{Reason, Unrecordable};
pub use redeem::RedeemRequest;
pub use reference::Reference;
pub use refusal::{
    ChoiceError, ConsoleError, KeyError, LoginError, RedeemError, RelayStateError, ShellError, StartError,
    TicketError,
};
pub use relay_state::{Binding, Proof, RelayState, Verifier};
pub use seal::{Purpose, Sealed, SealedSession};
pub use settings::{BrokerSettings, Shell};
pub use shell::{AskedByShell, ShellAsks, ShellRequest, ShownShellRequest, shell_number};
pub use signed_ticket::{decode_ticket, encode_ticket, ticket_kid};
pub use start::{AuthnRequestMessage, Start};
pub use steps::{StepDurations, StepHistograms, Stopwatch, latency_histogram};
pub use ticket::{
    BoundTicket, Caller, RedeemableTicket, Ticket, TicketClaims, TicketKind, TicketSettings, VerifiedTicket,
};
pub use use_cases::{Broker, Ports};

/// What the layers below refuse, for the layers above that import `broker` only.
pub use crate::roles::{RoleArn, RoleRefusal, StepUp, Terms, Use};
pub use crate::saml::{IdpMetadata, SamlRefusal};
