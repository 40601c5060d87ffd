//! The look-alike's pages: in the manner of AD FS, without its passwords.

use super::people::{COMPANY, PEOPLE};
use super::refusals::{STAGED_REFUSALS, StagedRefusal};
use super::relay_state::Mistake;
use super::relying_party::RelyingParty;
use super::trail::{sentence, time_of_day};
use crate::broker::AuditEvent;
use crate::http::Refusal as _;
use quick_xml::escape::escape;

/// The sign-on page: everyone, as a button.
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
<form method="post"><ul class="people">{people}</ul></form>
<p><a href="/panel">The demo's panel</a> makes {refusals} refusals happen on purpose, and shows what is audited.</p>"#,
            refusals = STAGED_REFUSALS.len(),
        ),
    )
}

/// The HTTP-POST binding (bindings 3.5.4): a form that a script sends, or the person.
pub(super) fn post_to_application(
    sentence: &str,
    to: &RelyingParty,
    response: &str,
    relay_state: &str,
) -> String {
    page(
        "Working…",
        &format!(
            r#"<form method="post" action="{action}" id="hidden-form">
<input type="hidden" name="SAMLResponse" value="{response}">
<input type="hidden" name="RelayState" value="{relay_state}">
<p>{sentence}</p>
<p>If nothing happens, continue to the application yourself.</p>
<p><button class="primary">Continue</button></p>
</form>
<script src="/adfs/portal/submit.js"></script>"#,
            sentence = escape(sentence),
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
        Mistake::NoRequest => "The address has no SAMLRequest that can be read.",
        Mistake::NotEncodedTwice => {
            "The address has a RelayState, but not RPID=…&amp;RelayState=… inside it. \
             Both must be encoded, and then the whole once more."
        }
        Mistake::UnknownRelyingParty => "The address names an application that is not known here.",
        Mistake::NoSuchPerson => "Nobody of this name works here.",
    };
    page("That did not work", &format!("<p>{sentence}</p>{}", start_over(to)))
}

/// An address that AD FS has and the look-alike does not.
pub(super) fn elsewhere(to: &RelyingParty) -> String {
    page("Nothing here", &format!("<p>The demo has only AD FS's sign-on pages.</p>{}", start_over(to)))
}

/// The look-alike itself failed.
pub(super) fn broken() -> String {
    page("An error occurred", "<p>The demo could not sign its answer. Its log says why.</p>")
}

/// The staged refusals as buttons, and the audit trail.
pub(super) fn panel(to: &RelyingParty, trail: &str) -> String {
    let refusals = |audited: bool| -> String {
        STAGED_REFUSALS.iter().filter(|refusal| refusal.is_audited() == audited).map(refusal).collect()
    };
    page_of(
        "wide",
        "What happens if …",
        &format!(
            r#"<p>Each button makes a response, and your browser posts it to <a href="{home}">the application</a>,
as browsers do for AD FS. What you see then is the application's own refusal. Come back with the browser's Back button.</p>
<div class="columns">
<div>
<section aria-labelledby="believed">
<h2 id="believed">Believed, and refused</h2>
<p>AD FS signed these, so it is known whom they are about, and the refusal is audited:
once for each response, so that loading a refusal again adds no line.</p>
<ul class="refusals">{believed}</ul>
</section>
<section aria-labelledby="not-believed">
<h2 id="not-believed">Not believed</h2>
<p>Nothing in these is proven, and anybody could send any number of them. They are logged and counted,
but neither audited nor told on the terminal.</p>
<ul class="refusals">{not_believed}</ul>
</section>
</div>
<section aria-labelledby="audited">
<h2 id="audited">What was audited</h2>
<p>The audit trail in plain words, newest first. Times are UTC.</p>
<noscript><p><a href="/panel">Look again</a></p></noscript>
<p class="scripted"><input type="checkbox" id="follow" checked> <label for="follow">Follow it live</label></p>
<p id="trail-state" role="status"></p>
<div role="log" aria-labelledby="audited">
<ol id="trail" reversed>{trail}</ol>
</div>
</section>
</div>
<script type="module" src="/panel/panel.js"></script>"#,
            home = escape(&to.home_url),
            believed = refusals(true),
            not_believed = refusals(false),
        ),
    )
}

fn refusal(refusal: &StagedRefusal) -> String {
    let answer = refusal.refusal.row();
    format!(
        r#"<li><form method="post" action="/panel/refusals/{id}"><button aria-describedby="{id}-sent">{title}</button></form>
<p id="{id}-sent">{sent}</p>
<p class="quiet">{why} <code>{status} {code}</code></p></li>
"#,
        id = refusal.id,
        title = escape(refusal.title),
        sent = escape(refusal.sent),
        why = escape(refusal.why),
        status = answer.status.as_u16(),
        code = answer.code,
    )
}

/// The audit trail's lines.
pub(super) fn trail(newest_first: &[AuditEvent]) -> String {
    if newest_first.is_empty() {
        return r#"<li id="nothing-yet" class="quiet">Nothing yet.</li>"#.to_owned();
    }
    newest_first.iter().map(trail_line).collect()
}

/// The audit trail could not be read.
pub(super) fn no_trail() -> String {
    r#"<li id="no-trail">The audit trail cannot be read just now.</li>"#.to_owned()
}

/// Beside the sentence, what an auditor joins with other logs.
fn trail_line(event: &AuditEvent) -> String {
    let reference = event.reference.as_ref().map(|reference| reference.as_str());
    // Unique: an event of a login has its kind once, a refusal has a reference of its own.
    let of = event.login.as_ref().map(|login| login.as_str()).or(reference).unwrap_or_default();
    let details = [
        ("reference", reference.map(str::to_owned)),
        ("access key", event.subject.access_key_id.clone()),
        ("from", event.source_ip.map(|address| address.to_string())),
    ];
    let details: String = details
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!(" · {name} {}", escape(value))))
        .collect();
    format!(
        r#"<li id="{kind}-{of}"><time datetime="{date}T{time}Z">{time}</time> {sentence}<small>{kind}{details}</small></li>
"#,
        kind = event.kind.as_str(),
        of = escape(of),
        date = event.at.to_offset(time::UtcOffset::UTC).date(),
        time = time_of_day(event.at),
        sentence = escape(sentence(event)),
    )
}

fn start_over(to: &RelyingParty) -> String {
    format!(r#"<p>Start at <a href="{home}">the application</a>.</p>"#, home = escape(&to.home_url))
}

fn page(title: &str, body: &str) -> String {
    page_of("narrow", title, body)
}

fn page_of(width: &str, title: &str, body: &str) -> String {
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
<main class="{width}">
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
