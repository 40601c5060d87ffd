//! Selectors: small XPath-like paths that cannot leave the verified element.
//!
//! A selector starts at the assertion and goes down, child by child. The
//! grammar (white space is not allowed outside quotes):
//!
//! ```text
//! selector  = attribute | step *( "/" step ) [ "/" attribute ]
//! step      = ( name | "*" ) *( "[" attribute "=" literal "]" )
//! attribute = "@" name
//! name      = [ "{" namespace-uri "}" ] local-name
//! literal   = "'" *( any character but "'" ) "'" | '"' *( any character but '"' ) '"'
//! ```
//!
//! An element's name without `{…}` is in the SAML assertion namespace; an
//! attribute's has none. `{}name` is an element without a namespace. There are
//! no prefixes, no `..`, no `//`, no functions and no absolute paths.
//!
//! Selectors do not see the assertion's `ds:Signature`: it is the one part of the
//! assertion that its signature does not cover, and `KeyInfo` may contain
//! anything.
//!
//! A value is the whole text of an element or attribute, character for
//! character. A comment, processing instruction or element inside is refused. Blank
//! values (core 1.3.1) and elements with `xsi:nil="true"` count as absent.
//!
//! Of several `AuthnStatement`s selectors see one ([`Source`]).

use super::source::Source;
use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::blanks::{is_blank, trim_blanks};
use crate::saml::xml::names::{DSIG, SAML, XSI};
use crate::saml::xml::nodes::{self, same};
use roxmltree::Node;
use std::fmt;

/// The longest selector, in bytes.
const MAX_LENGTH: usize = 2_048;
/// The most steps in a selector; evaluation nests as deep.
const MAX_STEPS: usize = 16;

/// A compiled selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    steps: Vec<Step>,
    /// The last step, where it is an attribute's.
    attribute: Option<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// `None` is `*`.
    name: Option<Name>,
    predicates: Vec<(Name, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    /// Empty: none.
    namespace: String,
    local: String,
}

/// An error in the text of a selector, with its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub struct SelectorError {
    /// 1-based character position in the selector.
    pub position: usize,
    /// What is wrong.
    pub message: String,
}

impl Selector {
    /// Compiles a selector.
    ///
    /// # Errors
    /// [`SelectorError`] with the place.
    pub fn compile(text: &str) -> Result<Self, SelectorError> {
        Compiler { text, at: 0 }.selector()
    }

    /// The attribute of this name at the selected elements.
    pub(super) fn attribute(self, name: &str) -> Self {
        Self { attribute: Some(Name { namespace: String::new(), local: name.to_owned() }), ..self }
    }

    /// All values at this place, in document order.
    pub(super) fn values<'a>(&self, source: Source<'a, '_>) -> Result<Vec<&'a str>, SamlRefusal> {
        let mut values = Vec::new();
        self.each(source, &mut |value| values.push(value))?;
        Ok(values)
    }

    /// The value at this place, of which there may be at most one.
    pub(in crate::saml) fn value<'a>(&self, source: Source<'a, '_>) -> Result<Option<&'a str>, SamlRefusal> {
        let (mut first, mut more) = (None, false);
        self.each(source, &mut |value| more |= first.replace(value).is_some())?;
        if more { Err(SamlRefusal::ValueNotSingle) } else { Ok(first) }
    }

    fn each<'a>(&self, source: Source<'a, '_>, found: &mut dyn FnMut(&'a str)) -> Result<(), SamlRefusal> {
        match self.steps.split_first() {
            Some((step, rest)) => {
                let mut matching = source.children().filter(|child| step.matches(*child));
                matching.try_for_each(|child| self.visit(rest, child, found))
            }
            None => self.visit(&[], source.assertion(), found),
        }
    }

    fn visit<'a>(
        &self,
        steps: &[Step],
        node: Node<'a, '_>,
        found: &mut dyn FnMut(&'a str),
    ) -> Result<(), SamlRefusal> {
        if let Some((step, rest)) = steps.split_first() {
            return node.children().filter(|c| step.matches(*c)).try_for_each(|c| self.visit(rest, c, found));
        }
        let value = match &self.attribute {
            Some(name) => name.attribute(node),
            None if is_nil(node) => None,
            None => Some(nodes::pure_text(node).ok_or(SamlRefusal::ValueNotText)?),
        };
        if let Some(value) = value.filter(|value| !is_blank(value)) {
            found(value);
        }
        Ok(())
    }
}

impl Step {
    fn matches(&self, node: Node<'_, '_>) -> bool {
        node.is_element()
            && !nodes::is(node, DSIG, "Signature")
            && self.name.as_ref().is_none_or(|name| {
                let tag = node.tag_name();
                tag.name() == name.local && same(tag.namespace().unwrap_or_default(), &name.namespace)
            })
            && self.predicates.iter().all(|(name, value)| name.attribute(node) == Some(value))
    }
}

impl Name {
    fn attribute<'a>(&self, element: Node<'a, '_>) -> Option<&'a str> {
        let is_it = |a: &roxmltree::Attribute<'_, '_>| {
            a.name() == self.local && same(a.namespace().unwrap_or_default(), &self.namespace)
        };
        element.attributes().find(is_it).map(|a| a.value())
    }
}

/// XML Schema part 1, 2.6.2.
fn is_nil(element: Node<'_, '_>) -> bool {
    matches!(element.attribute((XSI, "nil")).map(trim_blanks), Some("true" | "1"))
}

/// Elements of the assertion by their names.
pub(super) fn path(names: &[&str]) -> Selector {
    let step = |local: &&str| Step {
        name: Some(Name { namespace: SAML.to_owned(), local: (*local).to_owned() }),
        predicates: Vec::new(),
    };
    Selector { steps: names.iter().map(step).collect(), attribute: None }
}

/// The values of the SAML attribute of this name.
pub(super) fn attribute_values(name: &str) -> Selector {
    let mut selector = path(&["AttributeStatement", "Attribute", "AttributeValue"]);
    if let Some(step) = selector.steps.get_mut(1) {
        step.predicates.push((Name { namespace: String::new(), local: "Name".to_owned() }, name.to_owned()));
    }
    selector
}

/// The selector's text again; it compiles to an equal selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            match &step.name {
                None => f.write_str("*")?,
                Some(name) => name.write(f, SAML)?,
            }
            for (name, value) in &step.predicates {
                f.write_str("[@")?;
                name.write(f, "")?;
                let quote = if value.contains('\'') { '"' } else { '\'' };
                write!(f, "={quote}{value}{quote}]")?;
            }
        }
        if let Some(name) = &self.attribute {
            f.write_str(if self.steps.is_empty() { "@" } else { "/@" })?;
            name.write(f, "")?;
        }
        Ok(())
    }
}

impl Name {
    fn write(&self, f: &mut fmt::Formatter<'_>, usual: &str) -> fmt::Result {
        if self.namespace != usual {
            write!(f, "{{{}}}", self.namespace)?;
        }
        f.write_str(&self.local)
    }
}

struct Compiler<'t> {
    text: &'t str,
    /// Byte offset of what comes next.
    at: usize,
}

impl<'t> Compiler<'t> {
    fn selector(mut self) -> Result<Selector, SelectorError> {
        if self.text.len() > MAX_LENGTH {
            return Err(self.error("a selector is at most 2,048 bytes long"));
        }
        let mut selector = Selector { steps: Vec::new(), attribute: None };
        loop {
            match self.peek() {
                Some('@') => {
                    self.skip('@');
                    selector.attribute = Some(self.name("")?);
                    if self.peek().is_some() {
                        return Err(self.error("an attribute is the last step"));
                    }
                    return Ok(selector);
                }
                Some('/') if self.at == 0 => {
                    return Err(self.error("a selector starts at the assertion, without `/`"));
                }
                Some('/') => return Err(self.error("`//` is not offered: name each step")),
                _ => selector.steps.push(self.step()?),
            }
            if selector.steps.len() > MAX_STEPS {
                return Err(self.error("a selector has at most 16 steps"));
            }
            match self.peek() {
                None => return Ok(selector),
                Some('/') => self.skip('/'),
                Some(':') => {
                    return Err(
                        self.error("prefixes are not known here: write the name alone, or {uri}name,")
                    );
                }
                Some(_) => return Err(self.error("expected `/`, `[` or the end")),
            }
        }
    }

    fn step(&mut self) -> Result<Step, SelectorError> {
        let name = if self.peek() == Some('*') {
            self.skip('*');
            None
        } else {
            Some(self.name(SAML)?)
        };
        let mut predicates = Vec::new();
        while self.peek() == Some('[') {
            self.skip('[');
            self.expect('@', "expected `@`: predicates compare attributes")?;
            let name = self.name("")?;
            self.expect('=', "expected `=`")?;
            predicates.push((name, self.literal()?));
            self.expect(']', "expected `]`")?;
        }
        Ok(Step { name, predicates })
    }

    fn name(&mut self, usual: &str) -> Result<Name, SelectorError> {
        let namespace = if self.peek() == Some('{') {
            self.skip('{');
            let uri = self.until('}').ok_or_else(|| self.error("`}` is missing"))?;
            uri.to_owned()
        } else {
            usual.to_owned()
        };
        let rest = self.rest();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let local = rest.get(..end).unwrap_or_default();
        if !local.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let message =
                if local.starts_with('.') { "`.` and `..` are not offered" } else { "expected a name" };
            return Err(self.error(message));
        }
        self.at += end;
        if self.peek() == Some('(') {
            return Err(self.error("functions are not offered"));
        }
        Ok(Name { namespace, local: local.to_owned() })
    }

    fn literal(&mut self) -> Result<String, SelectorError> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => {
                self.skip(quote);
                let value = self.until(quote).ok_or_else(|| self.error("the closing quote is missing"))?;
                Ok(value.to_owned())
            }
            _ => Err(self.error("expected a quoted value")),
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, c: char) {
        self.at += c.len_utf8();
    }

    fn until(&mut self, end: char) -> Option<&'t str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len_utf8();
        Some(before)
    }

    fn expect(&mut self, c: char, message: &str) -> Result<(), SelectorError> {
        if self.peek() == Some(c) {
            self.skip(c);
            Ok(())
        } else {
            Err(self.error(message))
        }
    }

    fn error(&self, message: &str) -> SelectorError {
        let before = self.text.get(..self.at).unwrap_or_default();
        SelectorError { position: before.chars().count() + 1, message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests;
