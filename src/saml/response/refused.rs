//! A verified assertion that is not accepted: why, and what it says of itself, for the
//! record of the refusal.

use super::parts::{bearers, uri};
use crate::saml::provider::IdentityProvider;
use crate::saml::refusal::SamlRefusal;
use crate::saml::select::source::Source;
use crate::saml::xml::names::SAML;
use crate::saml::xml::nodes;
use roxmltree::Node;

/// A verified assertion that was refused. The texts are the identity provider's, as far
/// as they can be read, and of any length. `Debug` shows none of them.
pub struct RefusedAssertion {
    /// Why.
    pub refusal: SamlRefusal,
    /// Whether a bearer confirmation names our address. The same identity provider
    /// signs for other relying parties: what it sent to them is nothing that happened
    /// here, and everybody who signs in there has some of it.
    pub is_addressed_to_us: bool,
    /// The assertion's `ID`.
    pub assertion_id: Option<String>,
    /// The AuthnStatement's `SessionIndex`.
    pub session_index: Option<String>,
    /// The subject's NameID; `None` too if it is encrypted and could not be read.
    pub name_id: Option<String>,
}

impl RefusedAssertion {
    /// What the verified `assertion` says, read by the provider's selectors.
    pub(super) fn new(
        refusal: SamlRefusal,
        assertion: Node<'_, '_>,
        provider: &IdentityProvider,
        acs_url: &str,
    ) -> Box<Self> {
        let selectors = &provider.selectors;
        let source = Source::of(assertion);
        let is_addressed_to_us = nodes::children(assertion, SAML, "Subject")
            .flat_map(bearers)
            .flat_map(|bearer| nodes::children(bearer, SAML, "SubjectConfirmationData"))
            .any(|data| uri(data, "Recipient") == Some(acs_url));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Box::new(Self {
            refusal,
            is_addressed_to_us,
            assertion_id: owned(nodes::attribute(assertion, "ID")),
            session_index: owned(selectors.session_index.value(source).ok().flatten()),
            name_id: owned(selectors.name_id.value(source).ok().flatten()),
        })
    }

    /// Of an assertion that cannot be read at all.
    pub(super) fn unread(refusal: SamlRefusal) -> Box<Self> {
        let (assertion_id, session_index, name_id) = (None, None, None);
        Box::new(Self { refusal, is_addressed_to_us: false, assertion_id, session_index, name_id })
    }
}

impl std::fmt::Debug for RefusedAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefusedAssertion").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::response::expected::Expected;
    use crate::saml::response::message::ResponseMessage;
    use crate::saml::testing::*;
    use crate::saml::xml::limits::Limits;
    use time::Duration;

    /// The response with this change, a day late.
    fn refused(from: &str, to: &str) -> Box<RefusedAssertion> {
        let xml = EC.put(&RESPONSE.replace(from, to), "{assertion-signature}", "_a1");
        let field = encoded(&xml.replace("{response-signature}", ""));
        let providers = crate::saml::IdentityProviders::new(vec![provider(vec![EC.key()])]).unwrap();
        let message = ResponseMessage::decode(&field, &Limits::default(), None).unwrap();
        let verified = message.parse().unwrap().find_issuer(&providers).unwrap().verify().unwrap();
        verified.accept(&service(), Expected::Unsolicited, now() + Duration::DAY).unwrap_err()
    }

    #[test]
    fn it_names_its_person() {
        let refused = refused("", "");
        assert_eq!(refused.refusal, SamlRefusal::Expired);
        assert!(refused.is_addressed_to_us);
        assert_eq!(refused.assertion_id.as_deref(), Some("_a1"));
        assert_eq!(refused.session_index.as_deref(), Some("_a1"));
        assert_eq!(refused.name_id.as_deref(), Some("EXAMPLE\\jane"));
        assert_eq!(format!("{refused:?}"), "RefusedAssertion { refusal: Expired, .. }");
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let two = refused("</NameID>", "</NameID><NameID>other</NameID>");
        assert_eq!((two.name_id, two.assertion_id.as_deref()), (None, Some("_a1")));
        let commented = refused("EXAMPLE\\jane", "EXAMPLE\\ja<!-- -->ne");
        assert_eq!(commented.name_id, None);
    }

    #[test]
    fn it_is_ours_if_a_bearer_confirmation_names_our_address() {
        assert!(
            !refused(&format!("Recipient=\"{ACS}\""), "Recipient=\"https://wiki.example.com/saml\"")
                .is_addressed_to_us
        );
        assert!(!refused(&format!(" Recipient=\"{ACS}\""), "").is_addressed_to_us);
        assert!(!refused("cm:bearer", "cm:holder-of-key").is_addressed_to_us);
        // Our own name for ourselves may be wrong at the identity provider: that happened here.
        assert!(refused("urn:amazon:webservices", "urn:example:elsewhere").is_addressed_to_us);
    }
}
