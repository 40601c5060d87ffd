//! The frame of the pages made here: complete without JavaScript, in the style of
//! the built-in page (`static/index.html`).

/// A page. Title and address are plain text and get escaped; script and content are HTML.
pub(super) fn frame(title: &str, start_page: &str, script: &str, content: &str) -> String {
    let (title, start_page) = (escape(title), escape(start_page));
    format!(
        r#"<!doctype html>
<html lang="en">
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
