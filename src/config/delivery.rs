//! `[delivery]`: the ticket, and the session that it takes.

use super::read::section::Section;
use super::read::values::{duration_between, one_of};
use crate::broker::Binding;
use time::Duration;

/// `[delivery]`
pub(super) struct Delivery {
    pub(super) binding: Binding,
    pub(super) jwt_in: JwtIn,
    pub(super) ticket_lifetime: Duration,
    pub(super) session_lifetime: Duration,
}

/// `delivery.jwt_in`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtIn {
    /// `#jwt=…`: never sent to any server.
    Fragment,
    /// `?jwt=…`, for pages of the 2017 sample.
    Query,
}

pub(super) fn delivery(section: &Section<'_>) -> Delivery {
    let bindings =
        [("challenge", Binding::Challenge), ("sealed", Binding::Sealed), ("plain", Binding::Plain)];
    let binding = section.or("binding", Binding::Challenge, one_of(bindings));
    let jwt_ins = [("fragment", JwtIn::Fragment), ("query", JwtIn::Query)];
    let jwt_in = section.or("jwt_in", JwtIn::Fragment, one_of(jwt_ins));
    let ticket_lifetime = section.or("ticket_lifetime", Duration::seconds(30), duration_between("5s", "5m"));
    let session_lifetime =
        section.or("session_lifetime", Duration::seconds(60), duration_between("5s", "15m"));

    if session_lifetime < ticket_lifetime {
        let message = "is shorter than delivery.ticket_lifetime: tickets would outlive what they take";
        section.fault_at_key("session_lifetime", message);
    }
    if binding == Binding::Plain {
        section.reading().warn(
            "delivery.binding = \"plain\" proves nothing about the browser: \
             whoever sees the ticket can take the credentials",
        );
    }
    if jwt_in == JwtIn::Query && binding != Binding::Sealed {
        section.reading().warn(
            "delivery.jwt_in = \"query\" puts tickets into logs, histories and Referer headers on their way, \
             and proves nothing about the browser",
        );
    }
    if ticket_lifetime > Duration::seconds(30) {
        section
            .reading()
            .warn("delivery.ticket_lifetime is more than 30s: a stolen ticket is good for as long");
    }
    Delivery { binding, jwt_in, ticket_lifetime, session_lifetime }
}
