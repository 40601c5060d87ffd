//! The status of a response (core 3.2.2).

use super::parts::uri;
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::Tracer;
use crate::saml::xml::names::SAMLP;
use crate::saml::xml::nodes;
use roxmltree::Node;

/// The top-level status code of success (core 3.2.2.2).
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// Core 3.2.2.2: by none of the contexts that the request asked for.
const NO_AUTHN_CONTEXT: &str = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext";

/// The value of the one top-level status code.
pub(super) fn status_code<'a>(response: Node<'a, '_>) -> Option<&'a str> {
    let status = nodes::at_most_one(response, SAMLP, "Status").ok()??;
    let code = nodes::at_most_one(status, SAMLP, "StatusCode").ok()??;
    uri(code, "Value")
}

/// The refusal of a response whose top-level status code is another one than success.
/// One code below it has words of its own, since the person can do something about it.
pub(super) fn failure(response: Node<'_, '_>) -> SamlRefusal {
    let status = nodes::at_most_one(response, SAMLP, "Status").ok().flatten();
    let is_no_context = |node: Node<'_, '_>| {
        nodes::is(node, SAMLP, "StatusCode") && uri(node, "Value") == Some(NO_AUTHN_CONTEXT)
    };
    if status.is_some_and(|status| status.descendants().any(is_no_context)) {
        SamlRefusal::NoAuthnContext
    } else {
        SamlRefusal::NotSuccess
    }
}

/// Traces the status codes, the top-level one first (core 3.2.2.2: those below
/// it are more specific).
pub(super) fn trace_status(response: Node<'_, '_>, trace: Tracer<'_>) {
    let status = nodes::children(response, SAMLP, "Status").flat_map(|status| status.descendants());
    for code in status.filter(|node| nodes::is(*node, SAMLP, "StatusCode")).take(4) {
        trace.maybe_theirs("status_code", nodes::attribute(code, "Value"));
    }
}
