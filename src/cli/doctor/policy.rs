//! IAM's policy language, as much as trust policies need.

use serde_json::Value;

/// One value or a list of them.
pub(super) fn listed(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    }
}

/// One text or a list of them; `None` if anything else is among them.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    listed(Some(value)).into_iter().map(Value::as_str).collect()
}

/// Whether it stands for more than one text.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// `*` for any text, `?` for any one character.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            text.char_indices().any(|(at, _)| like(rest, text.get(at..).unwrap_or_default()))
                || like(rest, "")
        }
        Some(wanted) => {
            let mut text = text.chars();
            text.next().is_some_and(|c| wanted == '?' || wanted == c) && like(pattern.as_str(), text.as_str())
        }
    }
}
