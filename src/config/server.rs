//! `[server]`, `[log]`, `[delivery]`.

use super::read::section::Section;
use super::read::values::{self, WebUrl};
use super::{JwtIn, Log, Network, Server};
use crate::broker::Binding;
use std::net::SocketAddr;
use time::Duration;

/// `[server]`; `None` where a fault stands for it.
pub(super) fn server(section: &Section<'_>) -> Option<Server> {
    let listen = section.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080)), values::socket);
    let admin_listen = section.or("admin_listen", SocketAddr::from(([127, 0, 0, 1], 9090)), values::socket);
    if clash(listen, admin_listen) {
        let message = "is the address of server.listen too: health and metrics are not for the public";
        section.reader().fault(&section.at_key("admin_listen"), message);
    }

    let public_url = section.required("public_url", values::public_url).map(|found| found.value);
    let redirect_url = section.optional("redirect_url", WebUrl::parse);
    let allowed_origins: Vec<String> = section
        .list("allowed_origins", values::origin)
        .unwrap_or_default()
        .into_iter()
        .map(|f| f.value)
        .collect();
    if let (Some(public), Some(redirect)) = (&public_url, &redirect_url) {
        let origin = &redirect.value.origin;
        if *origin != public.origin && !allowed_origins.contains(origin) {
            section.reader().warn(format!(
                "server.redirect_url is on {origin}, which is not among server.allowed_origins: \
                 browsers will not let that page take the credentials"
            ));
        }
    }

    let ping_url = section.optional("ping_url", WebUrl::parse).map(|found| found.value.into_text());
    let trusted_proxies: Vec<Network> = section
        .list("trusted_proxies", values::network)
        .unwrap_or_default()
        .into_iter()
        .map(|f| f.value)
        .collect();
    if trusted_proxies.iter().any(|network| network.prefix == 0) {
        section.reader().warn(
            "server.trusted_proxies holds the whole internet: anybody can write the address that the audit records",
        );
    }

    let contact = section.optional("contact", values::line(200)).map(|found| found.value);
    let max_concurrent_requests = section.integer("max_concurrent_requests", 256, 1..=65_536);
    let max_connections = section.integer("max_connections", 1_024, 1..=65_536);
    let timeout_bounds =
        values::duration_within(Duration::SECOND, Duration::minutes(1), "expected \"1s\" to \"60s\"");
    let request_timeout = section.or("request_timeout", Duration::seconds(10), timeout_bounds);

    let public_url = public_url?.into_text();
    Some(Server {
        listen,
        admin_listen,
        redirect_url: redirect_url.map_or_else(|| format!("{public_url}/"), |found| found.value.into_text()),
        public_url,
        allowed_origins,
        ping_url,
        trusted_proxies,
        contact,
        max_concurrent_requests,
        max_connections,
        request_timeout: request_timeout.unsigned_abs(),
    })
}

/// Whether two listeners would meet. Port 0 is a new port each time.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

/// `[log]`
pub(super) fn log(section: &Section<'_>) -> Log {
    let json = section.or("format", false, |text| match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err("expected \"text\" or \"json\""),
    });
    let level = section.or("level", tracing::Level::INFO, |text| match text {
        "error" => Ok(tracing::Level::ERROR),
        "warn" => Ok(tracing::Level::WARN),
        "info" => Ok(tracing::Level::INFO),
        "debug" => Ok(tracing::Level::DEBUG),
        "trace" => Ok(tracing::Level::TRACE),
        _ => Err("expected \"error\", \"warn\", \"info\", \"debug\" or \"trace\""),
    });
    Log { json, level }
}

/// `[delivery]`
pub(super) struct Delivery {
    pub(super) binding: Binding,
    pub(super) jwt_in: JwtIn,
    pub(super) ticket_lifetime: Duration,
    pub(super) session_lifetime: Duration,
}

/// `[delivery]`
pub(super) fn delivery(section: &Section<'_>) -> Delivery {
    let binding = section.or("binding", Binding::Challenge, |text| match text {
        "challenge" => Ok(Binding::Challenge),
        "plain" => Ok(Binding::Plain),
        "sealed" => {
            Err("\"sealed\" is promised, but this build does not have it yet: \"challenge\" is the safest")
        }
        _ => Err("expected \"challenge\" or \"plain\""),
    });
    let jwt_in = section.or("jwt_in", JwtIn::Fragment, |text| match text {
        "fragment" => Ok(JwtIn::Fragment),
        "query" => Ok(JwtIn::Query),
        _ => Err("expected \"fragment\" or \"query\""),
    });

    let ticket_bounds =
        values::duration_within(Duration::seconds(5), Duration::minutes(5), "expected \"5s\" to \"5m\"");
    let ticket_lifetime = section.or("ticket_lifetime", Duration::seconds(30), ticket_bounds);
    let session_bounds =
        values::duration_within(Duration::seconds(5), Duration::minutes(15), "expected \"5s\" to \"15m\"");
    let session_lifetime = section.or("session_lifetime", Duration::seconds(60), session_bounds);
    if session_lifetime < ticket_lifetime {
        let message = "is shorter than delivery.ticket_lifetime: tickets would outlive what they take";
        section.reader().fault(&section.at_key("session_lifetime"), message);
    }

    if binding == Binding::Plain {
        section.reader().warn(
            "delivery.binding = \"plain\" proves nothing about the browser: \
             whoever sees the ticket can take the credentials",
        );
    }
    if jwt_in == JwtIn::Query {
        section.reader().warn(
            "delivery.jwt_in = \"query\" puts tickets into logs, histories and Referer headers on their way, \
             and proves nothing about the browser",
        );
    }
    if ticket_lifetime > Duration::seconds(30) {
        section
            .reader()
            .warn("delivery.ticket_lifetime is more than 30s: a stolen ticket is good for as long");
    }
    Delivery { binding, jwt_in, ticket_lifetime, session_lifetime }
}
