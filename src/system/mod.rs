//! What any program needs of the computer that it runs on.
//!
//! ```text
//! clock.rs      the clock and the random generator, behind the broker's ports
//! connector.rs  connections to HTTPS servers
//! terminal.rs   standard output and standard error
//! ```

mod clock;
mod connector;
mod terminal;

pub use clock::{ManualClock, SystemClock, SystemRandom};
pub(crate) use connector::{connector, innermost, within};
pub(crate) use terminal::print_message;
#[cfg(unix)]
pub(crate) use terminal::print_result;
