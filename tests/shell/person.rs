//! A person whose computer signs in at the stand-in.

use crate::stand_in::{READER, StandIn};
use crate::support::computer::{self, Does, exchange, fragment};
use std::sync::Arc;

pub type Computer = computer::Computer<Arc<StandIn>>;

impl Computer {
    pub fn new() -> Self {
        let service = StandIn::start();
        let asked = Arc::clone(&service);
        Self::with(service, Box::new(move |does, address| act(&asked, does, address)))
    }

    /// That has signed in once, with its keys in files.
    pub fn signed_in() -> Self {
        let computer = Self::new();
        let url = computer.service.url.clone();
        computer.succeeds(&["login", &url, "--role", READER, "--cache", "file"]);
        computer
    }
}

fn act(service: &StandIn, does: Does, address: &str) -> String {
    let parameters = fragment(address);
    let Some(request) = parameters.iter().find(|(name, _)| name == "shell").map(|(_, value)| value) else {
        return String::new();
    };
    let mut roles: Vec<&str> =
        parameters.iter().filter(|(name, _)| name == "role").map(|(_, value)| value.as_str()).collect();
    if roles.is_empty() || does == Does::ConfirmsReader {
        roles = vec![READER];
    }
    let asked = service.asked(request);
    let Some(redirect) = asked.redirect_uri else { return String::new() };
    let host = redirect.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/callback")).unwrap();
    let go = |host_header: &str, method: &str, target: &str| {
        exchange(
            host,
            &format!("{method} {target} HTTP/1.1\r\nHost: {host_header}\r\nAccept-Language: de\r\n\r\n"),
        )
    };
    let state = &asked.state;
    let tickets = || -> String {
        roles.iter().map(|role| format!("&ticket={}", service.ticket(request, role))).collect()
    };
    match does {
        Does::Nothing => String::new(),
        Does::Cancels => go(host, "GET", &format!("/callback?state={state}&error=access_denied")),
        Does::Confirms | Does::ConfirmsReader => {
            go(host, "GET", &format!("/callback?state={state}{}", tickets()))
        }
        Does::IsAttacked => {
            let tickets = tickets();
            for (host_header, method, target, status) in [
                (host, "GET", format!("/callback?state=AAAAAAAAAAAAAAAAAAAAAA{tickets}"), 400),
                (host, "GET", "/callback?error=access_denied".to_owned(), 400),
                (host, "GET", format!("/callback/x?state={state}{tickets}"), 404),
                (host, "POST", format!("/callback?state={state}{tickets}"), 404),
                ("attacker.example", "GET", format!("/callback?state={state}{tickets}"), 400),
                (host, "GET", format!("/callback?state={state}&ticket=a.b.c.d.e"), 400),
                (host, "GET", "/favicon.ico".to_owned(), 404),
            ] {
                let answer = go(host_header, method, &target);
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {target}: {answer}");
            }
            go(host, "GET", &format!("/callback?state={state}{tickets}"))
        }
    }
}
