//! The frame of the pages made here: complete without JavaScript, in the style of
//! the built-in page (`static/index.html`).

use super::language::Language;

// Words of the pages beside those of the list of refusals.
pub(super) const BACK: &str = "Back to the sign-in page";
pub(super) const WHOM_TO_ASK: &str = "Whom to ask";
pub(super) const REFERENCE: &str = "Reference";
pub(super) const REASON: &str = "Reason";
pub(super) const HELP_DESK: &str = "your company’s help desk";
pub(super) const TO_SIGN_IN: &str = "To your company’s sign-in page";
pub(super) const BEING_SENT: &str = "You are being sent there. If nothing happens, please press the button.";
pub(super) const CONTINUE: &str = "Continue";
pub(super) const SIGN_IN_STRONGER: &str = "Sign in again with stronger authentication";
pub(super) const SIGN_IN_ANEW: &str = "Sign in again now";

/// For the test that holds the table of translations complete.
#[cfg(test)]
pub(super) const FRAME_WORDS: [&str; 10] = [
    BACK,
    WHOM_TO_ASK,
    REFERENCE,
    REASON,
    HELP_DESK,
    TO_SIGN_IN,
    BEING_SENT,
    CONTINUE,
    SIGN_IN_STRONGER,
    SIGN_IN_ANEW,
];

/// A page. Title and address are plain text and get escaped; script and content are HTML.
pub(super) fn frame(
    language: Language,
    title: &'static str,
    start_page: &str,
    script: &str,
    content: &str,
) -> String {
    let (language, title, start_page) = (language.tag(), escape(language.say(title)), escape(start_page));
    format!(
        r#"<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Vestibule</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
{script}</head>
<body>
<header><a href="{start_page}"><img src="/favicon.svg" alt="" width="32" height="32">Vestibule</a></header>
<main>
<h1>{title}</h1>
{content}</main>
</body>
</html>
"#
    )
}

/// Escapes plain text for HTML, also in a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
