//! The look-alike's pages: in the manner of AD FS, without its passwords.

use super::idp::{Mistake, RelyingParty};
use super::{COMPANY, PEOPLE};
use quick_xml::escape::escape;

/// Who are you today?
pub(super) fn sign_on() -> String {
    let people: String = PEOPLE
        .iter()
        .map(|person| {
            format!(
                r#"<li><button name="person" value="{account}"><b>{name}</b> <span>{title}</span><small>{shows}</small></button></li>"#,
                account = escape(person.account),
                name = escape(person.name),
                title = escape(person.title),
                shows = escape(person.shows),
            )
        })
        .collect();
    page(
        "Sign in",
        &format!(
            r#"<p>This is the demo's identity provider. Nobody needs a password here: choose who you are.</p>
<form method="post"><ul>{people}</ul></form>"#
        ),
    )
}

/// The HTTP-POST binding (bindings 3.5.4): a form that a script sends, or the person.
pub(super) fn post_to_application(to: &RelyingParty, response: &str, relay_state: &str) -> String {
    page(
        "Working…",
        &format!(
            r#"<form method="post" action="{action}" id="hidden-form">
<input type="hidden" name="SAMLResponse" value="{response}">
<input type="hidden" name="RelayState" value="{relay_state}">
<p>You are signed in. If nothing happens, continue to the application yourself.</p>
<p><button class="primary">Continue</button></p>
</form>
<script src="/adfs/portal/submit.js"></script>"#,
            action = escape(&to.acs_url),
            response = escape(response),
            relay_state = escape(relay_state),
        ),
    )
}

/// The address is not one that an application made.
pub(super) fn mistaken(mistake: Mistake, to: &RelyingParty) -> String {
    let sentence = match mistake {
        Mistake::NoRelayState => {
            "The address has no RelayState, so it is not known where you want to sign in."
        }
        Mistake::NotEncodedTwice => {
            "The address has a RelayState, but not RPID=…&amp;RelayState=… inside it. \
             Both must be encoded, and then the whole once more."
        }
        Mistake::UnknownRelyingParty => "The address names an application that is not known here.",
        Mistake::NoSuchPerson => "Nobody of this name works here.",
    };
    page("That did not work", &format!("<p>{sentence}</p>{}", start_over(to)))
}

/// Something that AD FS has and the look-alike does not.
pub(super) fn elsewhere(to: &RelyingParty) -> String {
    page("Nothing here", &format!("<p>The demo has only AD FS's sign-on page.</p>{}", start_over(to)))
}

/// The look-alike itself failed.
pub(super) fn broken() -> String {
    page("An error occurred", "<p>The demo could not sign its answer. Its log says why.</p>")
}

fn start_over(to: &RelyingParty) -> String {
    format!(r#"<p>Start at <a href="{home}">the application</a>.</p>"#, home = escape(&to.home_url))
}

fn page(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · {COMPANY}</title>
<link rel="stylesheet" href="/adfs/portal/style.css">
</head>
<body>
<main>
<p class="company">{COMPANY}</p>
<h1>{title}</h1>
{body}
<footer>Vestibule demo. A look-alike, not AD FS.</footer>
</main>
</body>
</html>
"#
    )
}
