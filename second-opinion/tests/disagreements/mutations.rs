//! Documents that nobody thought of: those of the corpus, changed at random
//! from a fixed seed, so that a failure can be looked at again.

use roxmltree::{Document, Node};

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const TOKENS: [&str; 40] = [
    "<!---->",
    "<!-- x -->",
    "<?x?>",
    "<x/>",
    "<x>",
    "</x>",
    "<![CDATA[x]]>",
    "<![CDATA[]]>",
    "&amp;",
    "&#65;",
    "&#13;",
    "&#10;",
    "&x;",
    "&#0;",
    "\r\n",
    "\r",
    "\n",
    "\t",
    " ",
    "x",
    "'",
    "\"",
    "<",
    ">",
    "&",
    "]]>",
    "é",
    "\u{a0}",
    "\u{2028}",
    "=",
    "/",
    "\u{feff}",
    "😀",
    "<!DOCTYPE x>",
    "<?xml version=\"1.0\"?>",
    ":",
    "#",
    "\u{1}",
    "\u{fffd}",
    "<x xmlns=\"\"/>",
];
const ATTRIBUTES: [&str; 20] = [
    " x=\"\"",
    " ID=\"_x\"",
    " Id=\"_x\"",
    " xml:id=\"_x\"",
    " xml:space=\"preserve\"",
    " xml:lang=\"de\"",
    " xml:base=\"http://x\"",
    " xmlns:x=\"urn:x\"",
    " xmlns:x=\"urn:x\" x:x=\"\"",
    " xmlns:ds=\"urn:x\"",
    " xmlns:samlp=\"urn:x\"",
    " xmlns=\"urn:x\"",
    " xmlns=\"\"",
    " xmlns:x=\"\"",
    " xmlns:x=\"relative\"",
    " xmlns:xml=\"urn:x\"",
    " xmlns:xmlns=\"urn:x\"",
    " x=\"a&#10;b\"",
    " x='\"'",
    " x=\"a\nb\tc\"",
];
const REPLACEMENTS: [(&str, &str); 22] = [
    ("ds:", "x:"),
    ("ds:", ""),
    ("samlp:", "x:"),
    ("xmlns:ds", "xmlns:x"),
    ("\" />", "\"/>"),
    (" />", "></x>"),
    ("\"", "'"),
    ("><", ">\n<"),
    ("><", "> <"),
    ("assertion", "Assertion"),
    ("SAML:2.0", "SAML:1.1"),
    ("xml-exc-c14n#", "xml-exc-c14n#WithComments"),
    ("2001/10/xml-exc-c14n#", "TR/2001/REC-xml-c14n-20010315"),
    ("rsa-sha256", "rsa-sha1"),
    ("xmlenc#sha256", "xmlenc#sha512"),
    ("enveloped-signature", "base64"),
    ("URI=\"#", "URI=\"#x"),
    ("ID=\"", "Id=\""),
    ("2026-11-23", "2026-11-24"),
    ("paula", "administrator"),
    ("</AttributeValue>", "<!---->x</AttributeValue>"),
    ("=</", "</"),
];

/// One document out of another, one to three changes away.
pub fn mutated(random: &mut Random, xml: &str, other: &str) -> String {
    let mut xml = xml.to_owned();
    for _ in 0..=random.below(3) {
        xml = once(random, &xml, other);
    }
    xml
}

fn once(random: &mut Random, xml: &str, other: &str) -> String {
    let at = boundary(random, xml);
    match random.below(12) {
        0 => insert(xml, at, random.pick(&TOKENS)),
        1 => {
            let end = (at + 1 + random.below(3)).min(xml.len());
            let end = (end..=xml.len()).find(|end| xml.is_char_boundary(*end)).unwrap();
            [&xml[..at], random.pick(&TOKENS), &xml[end..]].concat()
        }
        2 => {
            let end = boundary(random, xml);
            let (from, to) = (at.min(end), at.max(end).min(at.min(end) + 40));
            let to = (to..=xml.len()).find(|to| xml.is_char_boundary(*to)).unwrap();
            [&xml[..from], &xml[to..]].concat()
        }
        3 => {
            let (from, to) = random.pick(&REPLACEMENTS);
            let places: Vec<usize> = xml.match_indices(from).map(|(at, _)| at).collect();
            if places.is_empty() {
                return xml.to_owned();
            }
            if random.below(2) == 0 {
                return xml.replace(from, to);
            }
            let at = random.pick(&places);
            [&xml[..at], to, &xml[at + from.len()..]].concat()
        }
        4..=5 => {
            let tags: Vec<usize> = xml.match_indices('>').map(|(at, _)| at).collect();
            if tags.is_empty() {
                return xml.to_owned();
            }
            let mut at = random.pick(&tags);
            if xml[..at].ends_with('/') {
                at -= 1;
            }
            insert(xml, at, random.pick(&ATTRIBUTES))
        }
        _ => elements(random, xml, other),
    }
}

/// An element deleted, doubled, moved, or brought from the other document.
fn elements(random: &mut Random, xml: &str, other: &str) -> String {
    let Some(ranges) = ranges(xml) else { return xml.to_owned() };
    let one = random.pick(&ranges);
    let text = &xml[one.clone()];
    let place = random.pick(&ranges);
    let place = match random.below(3) {
        0 => place.start,
        1 => place.end,
        _ => place.start + xml[place.clone()].find('>').map_or(0, |at| at + 1),
    };
    match random.below(4) {
        0 => [&xml[..one.start], &xml[one.end..]].concat(),
        1 => insert(xml, place, text),
        2 => {
            let moved = insert(xml, place, text);
            if place <= one.start {
                let (from, to) = (one.start + text.len(), one.end + text.len());
                [&moved[..from], &moved[to..]].concat()
            } else if place >= one.end {
                [&moved[..one.start], &moved[one.end..]].concat()
            } else {
                moved
            }
        }
        _ => match self::ranges(other) {
            Some(theirs) => insert(xml, place, &other[random.pick(&theirs)]),
            None => insert(xml, place, "<x/>"),
        },
    }
}

fn ranges(xml: &str) -> Option<Vec<std::ops::Range<usize>>> {
    let document = Document::parse(xml).ok()?;
    let ranges: Vec<_> = document.descendants().filter(Node::is_element).map(|node| node.range()).collect();
    (!ranges.is_empty()).then_some(ranges)
}

fn boundary(random: &mut Random, xml: &str) -> usize {
    let at = random.below(xml.len() + 1);
    (at..=xml.len()).find(|at| xml.is_char_boundary(*at)).unwrap()
}

fn insert(xml: &str, at: usize, what: &str) -> String {
    [&xml[..at], what, &xml[at..]].concat()
}
