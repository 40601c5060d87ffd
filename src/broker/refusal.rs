//! What the use cases refuse: rows of the list in `src/refusals.rs`.

use super::token_service_error::TokenServiceError;
use crate::roles::RoleRefusal;
use crate::saml::SamlRefusal;

start_errors! { refusal_enum
    /// Why a login does not start here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum StartError
}

login_errors! { refusal_enum
    /// Why a login failed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum LoginError
}

key_errors! { refusal_enum
    /// Why nothing is sealed to a key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum KeyError
}

relay_state_errors! { refusal_enum
    /// Why a RelayState is refused, before the response is even read.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum RelayStateError
}

console_errors! { refusal_enum
    /// Why there is no sign-in to the console.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ConsoleError
}

shell_errors! { refusal_enum
    /// Why a program at a shell gets nothing.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ShellError
}

choice_errors! { refusal_enum
    /// Why there is no choice, or nothing is given of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum ChoiceError
}

redeem_errors! { refusal_enum
    /// Why nothing is handed over.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum RedeemError
}

ticket_errors! { refusal_enum
    /// Why a ticket takes nothing. Nothing is consumed by any of these.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum TicketError
}

impl From<TicketError> for ChoiceError {
    fn from(error: TicketError) -> Self {
        Self::Redeem(error.into())
    }
}

impl From<ConsoleError> for ChoiceError {
    fn from(error: ConsoleError) -> Self {
        Self::Login(error.into())
    }
}
