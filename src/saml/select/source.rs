//! What selectors read from: the verified assertion, with one AuthnStatement.

use crate::saml::xml::instant::parse_instant;
use crate::saml::xml::names::SAML;
use crate::saml::xml::nodes;
use roxmltree::Node;

/// An assertion as selectors see it. An assertion may have several AuthnStatements
/// (core 2.3.3), one for each time that the person signed in; selectors see the latest
/// by `AuthnInstant` only, or a rule could find the method of one and the session of
/// another. Of equally late ones they see the first.
#[derive(Clone, Copy)]
pub(in crate::saml) struct Source<'a, 'i> {
    assertion: Node<'a, 'i>,
    authn_statement: Option<Node<'a, 'i>>,
}

impl<'a, 'i: 'a> Source<'a, 'i> {
    pub(in crate::saml) fn of(assertion: Node<'a, 'i>) -> Self {
        let instant = |statement: &Node<'a, 'i>| parse_instant(nodes::attribute(*statement, "AuthnInstant")?);
        let statements = nodes::children(assertion, SAML, "AuthnStatement");
        let authn_statement =
            statements.reduce(|latest, next| if instant(&next) > instant(&latest) { next } else { latest });
        Self { assertion, authn_statement }
    }

    pub(in crate::saml) fn assertion(self) -> Node<'a, 'i> {
        self.assertion
    }

    /// The statement that is seen, if the assertion has one.
    pub(in crate::saml) fn authn_statement(self) -> Option<Node<'a, 'i>> {
        self.authn_statement
    }

    /// The children of the assertion, of its AuthnStatements only the one.
    pub(super) fn children(self) -> impl Iterator<Item = Node<'a, 'i>> {
        let is_seen = move |child: &Node<'a, 'i>| {
            !nodes::is(*child, SAML, "AuthnStatement") || Some(*child) == self.authn_statement
        };
        self.assertion.children().filter(is_seen)
    }
}
