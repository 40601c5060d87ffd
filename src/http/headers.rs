//! Headers that every answer carries.

use super::language::Language;
use crate::broker::SupportId;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The request's reference, in every answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const FIXED: [(HeaderName, &str); 7] = [
    // Nothing inline, nothing from elsewhere, no forms, no frames.
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    // For browsers that do not know frame-ancestors.
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// Two years. Not `includeSubDomains`: hosts below ours are not ours to decide for.
const HSTS: &str = "max-age=63072000";

/// Says which language was chosen, and by what.
pub(super) fn in_language(headers: &mut HeaderMap, language: Language) {
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_LANGUAGE));
}

/// Adds them. Headers that a handler has set stay.
pub(super) fn secure(headers: &mut HeaderMap, reference: &SupportId, https: bool) {
    for (name, value) in FIXED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(reference) = HeaderValue::from_str(reference.as_str()) {
        headers.insert(REQUEST_ID, reference);
    }
}
