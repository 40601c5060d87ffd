//! Signature wrapping, systematically: every place in the document times
//! everything that may be put there times what is signed.
//!
//! What must become of each is worked out here from the place alone, in the
//! order in which the steps look: a second telling of the verifier's story, to
//! hold the first against.

use super::forge::{Forge, SAML, SAMLP, Signing, element, without_signature};
use super::{Corpus, Values};
use SamlRefusal::*;
use roxmltree::{Document, Node};
use std::collections::BTreeMap;
use vestibule::saml::SamlRefusal;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Assertion,
    Response,
    Both,
}

impl Signed {
    const ALL: [Self; 3] = [Self::Assertion, Self::Response, Self::Both];

    fn assertion(self) -> bool {
        self != Self::Response
    }

    fn response(self) -> bool {
        self != Self::Assertion
    }

    fn forge(self, forge: Forge) -> Forge {
        let with = |signed: bool| signed.then(Signing::default);
        Forge { assertion_signing: with(self.assertion()), response_signing: with(self.response()), ..forge }
    }
}

/// A place between two characters of the document where something may stand.
struct Place {
    at: usize,
    /// The elements around it, from the root.
    path: Vec<String>,
    /// How many elements stand before it in the innermost.
    index: usize,
    /// For the name of the case.
    label: String,
}

impl Place {
    /// Every place of a document whose empty elements have two tags.
    fn all(xml: &str) -> Vec<Self> {
        let document = Document::parse(xml).unwrap();
        let root = document.root_element();
        let outside = |at, label: &str| Place { at, path: Vec::new(), index: 0, label: label.into() };
        let mut places = vec![outside(0, "before the root"), outside(xml.len(), "after the root")];
        let mut seen = BTreeMap::new();
        for node in root.descendants().filter(Node::is_element) {
            places.extend(Self::within(xml, node, &mut seen));
        }
        places
    }

    fn within(xml: &str, node: Node<'_, '_>, seen: &mut BTreeMap<Vec<String>, usize>) -> Vec<Self> {
        let mut path: Vec<String> = node.ancestors().filter(Node::is_element).map(name).collect();
        path.reverse();
        let content = node.range().start + xml[node.range()].find('>').unwrap() + 1;
        let mut offsets = vec![(content, 0)];
        let mut index = 0;
        for child in node.children() {
            if child.is_element() {
                index += 1;
            } else if child.text().is_some_and(|text| text.len() > 1) {
                offsets.push((child.range().start + 1, index));
            }
            offsets.push((child.range().end, index));
        }
        let twin = seen.entry(path.clone()).and_modify(|n| *n += 1).or_insert(1);
        let label =
            format!("{}{}", path.join("/"), if *twin > 1 { format!(" {twin}") } else { String::new() });
        let place =
            |(n, (at, index))| Self { at, path: path.clone(), index, label: format!("{label} at {n}") };
        offsets.into_iter().enumerate().map(place).collect()
    }

    fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    /// Whether something put here breaks the signature itself.
    fn breaks_the_signature(&self) -> bool {
        self.is_in("SignedInfo") || self.is_in("SignatureValue")
    }

    fn is_in(&self, name: &str) -> bool {
        self.path.iter().any(|n| n == name)
    }

    /// Whose signature this place is in, and the elements inside that signature.
    fn signature(&self) -> Option<(&str, &[String])> {
        let at = self.path.iter().position(|n| n == "Signature")?;
        Some((&self.path[at - 1], &self.path[at + 1..]))
    }
}

fn name(node: Node<'_, '_>) -> String {
    node.tag_name().name().to_owned()
}

/// What is put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    EvilAssertion,
    EvilAssertionWithTheSignature,
    EvilResponse,
    EncryptedAssertion,
    /// An assertion of SAML 1.0: no assertion here, and to others perhaps.
    ForeignAssertion,
    EvilSubject,
    EvilAttributes,
    EvilConditions,
    EvilIssuer,
    EvilStatus,
    TheSameId,
    TheSignatureAgain,
    Comment,
    Instruction,
    Text,
    WhiteSpace,
}

impl Payload {
    const ALL: [Self; 16] = [
        Self::EvilAssertion,
        Self::EvilAssertionWithTheSignature,
        Self::EvilResponse,
        Self::EncryptedAssertion,
        Self::ForeignAssertion,
        Self::EvilSubject,
        Self::EvilAttributes,
        Self::EvilConditions,
        Self::EvilIssuer,
        Self::EvilStatus,
        Self::TheSameId,
        Self::TheSignatureAgain,
        Self::Comment,
        Self::Instruction,
        Self::Text,
        Self::WhiteSpace,
    ];

    fn text(self, genuine: &str, signed: Signed) -> String {
        let evil = Forge::evil();
        let part = |name: &str| declared(element(&evil.assertion(), name));
        let signature = element(genuine, "Signature");
        match self {
            Self::EvilAssertion => evil.assertion(),
            Self::EvilAssertionWithTheSignature => {
                evil.assertion().replacen("</Issuer>", &format!("</Issuer>{signature}"), 1)
            }
            Self::EvilResponse => Forge { response_id: "_evil_response".into(), ..evil }.xml(),
            Self::EncryptedAssertion => {
                format!("<EncryptedAssertion xmlns=\"{SAML}\">{}</EncryptedAssertion>", evil.assertion())
            }
            Self::ForeignAssertion => evil.assertion().replace(SAML, "urn:oasis:names:tc:SAML:1.0:assertion"),
            Self::EvilSubject => part("Subject"),
            Self::EvilAttributes => part("AttributeStatement"),
            Self::EvilConditions => part("Conditions"),
            Self::EvilIssuer => format!("<Issuer xmlns=\"{SAML}\">http://evil.example</Issuer>"),
            Self::EvilStatus => format!(
                "<Status xmlns=\"{SAMLP}\"><StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\" /></Status>"
            ),
            Self::TheSameId => {
                let id = Forge::default();
                let id = if signed.assertion() { id.assertion_id } else { id.response_id };
                format!("<e xmlns=\"urn:e\" xml:id=\"{id}\" />")
            }
            Self::TheSignatureAgain => signature.to_owned(),
            Self::Comment => "<!-- administrator -->".into(),
            Self::Instruction => "<?administrator?>".into(),
            Self::Text => "administrator!".into(),
            Self::WhiteSpace => "\n ".into(),
        }
    }

    fn is_element(self) -> bool {
        !matches!(self, Self::Comment | Self::Instruction | Self::Text | Self::WhiteSpace)
    }

    fn holds_an_assertion(self) -> bool {
        matches!(self, Self::EvilAssertion | Self::EvilAssertionWithTheSignature | Self::EvilResponse)
    }
}

/// An element whose default namespace was declared outside it, on its own.
fn declared(element: &str) -> String {
    put(element, element.find([' ', '>']).unwrap(), &format!(" xmlns=\"{SAML}\""))
}

/// What the steps have to say, one after the other. `None`: nothing wrong.
fn expected(place: &Place, payload: Payload, signed: Signed) -> Option<SamlRefusal> {
    reading(place, payload)
        .or_else(|| verifying(place, payload, signed))
        .or_else(|| accepting(place, payload))
}

fn reading(place: &Place, payload: Payload) -> Option<SamlRefusal> {
    if place.path.is_empty() && (payload.is_element() || payload == Payload::Text) {
        return Some(NotXml);
    }
    match payload {
        Payload::EncryptedAssertion => Some(NotOneAssertion),
        payload if payload.holds_an_assertion() => Some(NotOneAssertion),
        _ => None,
    }
}

fn verifying(place: &Place, payload: Payload, signed: Signed) -> Option<SamlRefusal> {
    let in_assertion = place.is(&["Response", "Assertion"]);
    // The issuer whose keys are taken is read before anything is verified.
    if place.is(&["Response", "Assertion", "Issuer"]) || (in_assertion && payload == Payload::EvilIssuer) {
        return Some(UnknownIssuer);
    }
    let in_response = place.is(&["Response"]);
    if payload == Payload::TheSignatureAgain {
        let free = (in_response && !signed.response()) || (in_assertion && !signed.assertion());
        if !free {
            return Some(SignatureMisplaced);
        }
    }
    if payload == Payload::TheSameId {
        return Some(DuplicateId);
    }
    let response = signed.response().then_some("Response");
    let assertion = signed.assertion().then_some("Assertion");
    for owner in [response, assertion].into_iter().flatten() {
        if owner == "Assertion" && in_response && payload == Payload::TheSignatureAgain {
            // Where it stands it would sign the Response, and refers to the Assertion.
            return Some(ReferenceRefused);
        }
        match place.signature() {
            Some((parent, inside)) if parent == owner => {
                if let Some(refusal) = in_its_own_signature(inside, place.index, payload) {
                    return Some(refusal);
                }
            }
            _ if place.is_in(owner) && payload != Payload::Comment => return Some(DigestMismatch),
            _ => {}
        }
    }
    None
}

/// A signature has no room for anything, but for `KeyInfo`, which nobody reads.
fn in_its_own_signature(inside: &[String], index: usize, payload: Payload) -> Option<SamlRefusal> {
    let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
    match *inside.as_slice() {
        ["KeyInfo", ..] => None,
        [] | ["SignatureValue"] if payload == Payload::WhiteSpace => None,
        // Signed as SignedInfo is.
        _ if payload == Payload::WhiteSpace => Some(SignatureMismatch),
        ["SignedInfo", "Reference"] if index == 0 && payload.is_element() => Some(TransformRefused),
        ["SignedInfo", "Reference", "Transforms"] if index == 1 && payload.is_element() => {
            Some(TransformRefused)
        }
        _ => Some(SignatureMalformed),
    }
}

/// What is left to find where no signature covers the place.
fn accepting(place: &Place, payload: Payload) -> Option<SamlRefusal> {
    let innermost = place.path.last().map(String::as_str);
    // A second one of its children, or what is no child of it.
    if place.is(&["Response"]) && !matches!(payload, Payload::Comment | Payload::WhiteSpace) {
        return Some(Incomplete);
    }
    if place.is(&["Response", "Issuer"]) {
        return Some(IssuerMismatch);
    }
    let is_value =
        matches!(innermost, Some("NameID" | "Audience" | "AttributeValue" | "AuthnContextClassRef"));
    if is_value && payload == Payload::Comment {
        return Some(ValueNotText);
    }
    None
}

/// Whether the signed element is as it was: a careless verifier then believes it.
fn still_holds(place: &Place, payload: Payload, signed: Signed) -> bool {
    let outermost = if signed.response() { "Response" } else { "Assertion" };
    let covered = place.is_in(outermost) && place.signature().is_none_or(|(parent, _)| parent != outermost);
    let in_key_info =
        place.signature().is_some_and(|(_, inside)| inside.first().is_some_and(|n| n == "KeyInfo"));
    !place.path.is_empty()
        && payload != Payload::TheSameId
        && (in_key_info || place.signature().is_none())
        && (!covered || (payload == Payload::Comment && place.signature().is_none()))
}

fn document(forge: &Forge) -> String {
    two_tags(&forge.xml())
}

/// `<a></a>` for `<a />`, which is the same to whoever signs.
fn two_tags(xml: &str) -> String {
    let document = Document::parse(xml).unwrap();
    let mut out = xml.to_owned();
    let empty: Vec<_> =
        document.descendants().filter(|n| n.is_element() && xml[n.range()].ends_with(" />")).collect();
    for node in empty.into_iter().rev() {
        let end = node.range().end;
        let tag = &xml[node.range().start + 1..];
        let tag = &tag[..tag.find([' ', '>']).unwrap()];
        out.replace_range(end - 3..end, &format!("></{tag}>"));
    }
    out
}

fn put(xml: &str, at: usize, what: &str) -> String {
    [&xml[..at], what, &xml[at..]].concat()
}

/// Everything put everywhere into the genuine document.
pub fn inserted(corpus: &mut Corpus) {
    for signed in Signed::ALL {
        let genuine = document(&signed.forge(Forge::default()));
        for (number, place) in Place::all(&genuine).iter().enumerate() {
            for payload in Payload::ALL {
                let name = format!("wrapping/{payload:?} in {}, signed {signed:?}", place.label);
                let case = match expected(place, payload, signed) {
                    Some(refusal) => corpus.refuse(
                        name,
                        &put(&genuine, place.at, &payload.text(&genuine, signed)),
                        refusal,
                    ),
                    None => {
                        let forge = signed.forge(corpus.fresh());
                        let own = document(&forge);
                        let at = Place::all(&own)[number].at;
                        let xml = put(&own, at, &payload.text(&own, signed));
                        corpus.accept(name, &xml, Values::of(&forge))
                    }
                };
                case.live = still_holds(place, payload, signed);
            }
        }
    }
}

/// The genuine parts somewhere else in the genuine document.
pub fn moved(corpus: &mut Corpus) {
    for signed in Signed::ALL {
        for part in ["Signature", "Assertion"] {
            let forge = signed.forge(Forge::default());
            let genuine = document(&forge);
            // Of two signatures the first is the Response's.
            let text = element(&genuine, part).to_owned();
            let without = genuine.replacen(&text, "", 1);
            for (number, place) in Place::all(&without).iter().enumerate() {
                let name = format!("moved/{part} to {}, signed {signed:?}", place.label);
                let home = part == "Signature" && place.is(&["Response", "Assertion"]);
                let root = place.is(&["Response"]);
                let refusal = match (part, signed) {
                    _ if place.path.is_empty() => Some(NotXml),
                    ("Assertion", _) if !root => Some(NotOneAssertion),
                    // The order of children is the Response's to sign.
                    ("Assertion", Signed::Assertion) => None,
                    ("Assertion", _) => {
                        Some(DigestMismatch).filter(|_| put(&without, place.at, &text) != genuine)
                    }
                    _ if place.is(&["Response", "Assertion", "Issuer"]) => Some(UnknownIssuer),
                    (_, Signed::Assertion) if home => None,
                    (_, Signed::Assertion) if root => Some(ReferenceRefused),
                    (_, Signed::Response | Signed::Both) if root => None,
                    (_, Signed::Response) if home => Some(ReferenceRefused),
                    _ => Some(SignatureMisplaced),
                };
                match refusal {
                    Some(refusal) => {
                        let case = corpus.refuse(name, &put(&without, place.at, &text), refusal);
                        let holds = part == "Signature" || signed.assertion();
                        case.live = holds && !place.path.is_empty();
                    }
                    None => {
                        let forge = signed.forge(corpus.fresh());
                        let own = document(&forge);
                        let text = element(&own, part).to_owned();
                        let without = own.replacen(&text, "", 1);
                        let at = Place::all(&without)[number].at;
                        corpus.accept(name, &put(&without, at, &text), Values::of(&forge));
                    }
                }
            }
        }
    }
}

/// The genuine parts everywhere in the evil document: evil around them, first and last.
pub fn around(corpus: &mut Corpus) {
    let evil = Forge { response_id: "_evil_response".into(), ..Forge::evil() };
    for signed in [Signed::Assertion, Signed::Response] {
        let genuine = document(&signed.forge(Forge::default()));
        let part = if signed.response() { "Response" } else { "Assertion" };
        let whole = element(&genuine, part).to_owned();
        let (stripped, signature) = (without_signature(&whole), element(&whole, "Signature").to_owned());
        let object = |text: &str| {
            signature.replacen("</ds:Signature>", &format!("<ds:Object>{text}</ds:Object></ds:Signature>"), 1)
        };
        // The evil one carries the signature where a genuine one would.
        let carrying = |signature: &str| {
            let evil = document(&evil);
            match signed.response() {
                true => evil.replacen("</Issuer>", &format!("</Issuer>{signature}"), 1),
                false => {
                    let at = evil.rfind("</Issuer>").unwrap() + "</Issuer>".len();
                    put(&evil, at, signature)
                }
            }
        };
        let ways = [
            ("genuine one with its signature", document(&evil), whole.clone()),
            ("genuine one, its signature on the evil one", carrying(&signature), stripped.clone()),
            ("genuine one in its signature's Object", document(&evil), object(&stripped)),
        ];
        for (way, skeleton, text) in ways {
            for place in Place::all(&skeleton) {
                let name = format!("around/{way}, in evil {}, signed {signed:?}", place.label);
                let outside = place.path.is_empty();
                let refusal = if outside { NotXml } else { NotOneAssertion };
                corpus.refuse(name, &put(&skeleton, place.at, &text), refusal).live =
                    !outside && !place.breaks_the_signature();
            }
        }
        let object_of_the_evil_one = carrying(&object(&stripped));
        let name = format!("around/signature on the evil one, genuine one in its Object, signed {signed:?}");
        corpus.refuse(name, &object_of_the_evil_one, NotOneAssertion).live = true;
    }
}
