use super::*;
use proptest::prelude::*;
use roxmltree::Document;

fn refusal(text: &str) -> Option<SamlRefusal> {
    scan(text, &Limits::default()).err()
}

#[test]
fn honest_documents_pass() {
    for text in [
        "<a/>",
        "<?xml version='1.0' encoding='UTF-8'?>\n<a b = \"c>d\" e='\"'>x<!-- <b> --><![CDATA[<!DOCTYPE]]>\
         <?p <q>?></a>",
        "<a b='&#65;&#x10ffff;&amp;#'>&#x41;<![CDATA[&#xD800;]]><!-- &#xD800; --></a>",
        "<a xmlns='urn:a' xmlns:b='urn:b'><b:c xmlns=''/></a >",
    ] {
        assert_eq!(refusal(text), None, "{text}");
    }
}

#[test]
fn document_types_are_refused_wherever_they_stand() {
    for text in ["<!DOCTYPE a><a/>", "<a><!DOCTYPE b></a>", "<?xml version='1.0'?><!doctype a><a/>", "<!D"] {
        assert_eq!(refusal(text), Some(SamlRefusal::Doctype), "{text}");
    }
}

#[test]
fn caps_hold() {
    let deep = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
    assert_eq!(refusal(&deep(64)), None);
    assert_eq!(refusal(&deep(65)), Some(SamlRefusal::TooComplex(Cap::Depth)));
    assert_eq!(refusal(&"<a>".repeat(100_000)), Some(SamlRefusal::TooComplex(Cap::Depth)));

    let wide = |n: usize| format!("<a{}/>", (0..n).map(|i| format!(" a{i}=''")).collect::<String>());
    assert_eq!(refusal(&wide(64)), None);
    assert_eq!(refusal(&wide(65)), Some(SamlRefusal::TooComplex(Cap::Attributes)));

    let many = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n));
    assert_eq!(refusal(&many(19_999)), None);
    assert_eq!(refusal(&many(20_000)), Some(SamlRefusal::TooComplex(Cap::Nodes)));

    let declared = |n: usize| format!("<a>{}</a>", "<b xmlns='urn:b'/>".repeat(n));
    assert_eq!(refusal(&declared(1_024)), None);
    assert_eq!(refusal(&declared(1_025)), Some(SamlRefusal::TooComplex(Cap::Namespaces)));
}

#[test]
fn namespaces_in_the_worst_places_are_too_many() {
    let eight = |i: usize| (0..60).map(|j| format!(" xmlns:p{i}x{j}='urn:x'")).collect::<String>();
    let nested = (0..8).map(|i| format!("<a{}>", eight(i))).collect::<String>();
    let text = nested + &"<b xmlns='urn:b'/>".repeat(500) + &"</a>".repeat(8);
    assert_eq!(refusal(&text), Some(SamlRefusal::TooComplex(Cap::Namespaces)));
}

/// 50 declarations: 2,500 steps to copy them, 50 for each name that is looked
/// up, their own 50 and the element's among them; 50 for each child.
#[test]
fn steps_of_resolution_are_counted_one_by_one() {
    let declared = (0..50).map(|i| format!(" xmlns:p{i}='urn:x'")).collect::<String>();
    let children = |n: usize| format!("<a{declared}>{}</a>", "<b/>".repeat(n));
    let most = (MAX_RESOLUTION_STEPS - 50 * 50 - 50 * 51) / 50;
    assert_eq!(refusal(&children(most)), None);
    assert_eq!(refusal(&children(most + 1)), Some(SamlRefusal::TooComplex(Cap::Namespaces)));
}

#[test]
fn absolute_uris_begin_with_a_scheme() {
    for absolute in ["urn:a", "a:", "A+b-1.c:x", "http://a/b"] {
        assert!(is_absolute_uri(absolute), "{absolute}");
    }
    for relative in ["", "a", ":a", "1a:b", "a b:c", "./x:y", "é:a"] {
        assert!(!is_absolute_uri(relative), "{relative}");
    }
}

#[test]
fn what_the_parser_lets_pass_is_refused() {
    for text in [
        "<a xmlns='urn:a' xmlns='urn:b'/>",
        "<a xmlns:p=''/>",
        "<a><?xml version='1.0'?></a>",
        "<a><?XML\tx?></a>",
        "<a xmlns:xmlns='urn:a'/>",
        "<a>&#xD800;</a>",
        "<a>x&#65;&#x110000;</a>",
        "<a b='&#xdfff;'/>",
    ] {
        assert_eq!(refusal(text), Some(SamlRefusal::NotXml), "{text}");
    }
    assert_eq!(refusal("<a xmlns:p='relative'/>"), Some(SamlRefusal::NotCanonicalizable));
    assert_eq!(refusal("<a><b xmlns='./x:y'/></a>"), Some(SamlRefusal::NotCanonicalizable));
}

/// Pieces that documents are made of, and that confuse scanners.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("<a>".to_owned()),
        Just("</a>".to_owned()),
        Just("<a/>".to_owned()),
        Just("<a b='>' c=\"'\">".to_owned()),
        Just("<p:a xmlns:p='urn:p' p:b = '/>'\n/>".to_owned()),
        Just("<a xmlns='urn:d'>".to_owned()),
        Just("<!-- <a> -->".to_owned()),
        Just("<!---->".to_owned()),
        Just("<![CDATA[<a>]]>".to_owned()),
        Just("<![CDATA[]]>".to_owned()),
        Just("<?p <a> ?>".to_owned()),
        Just("<?p?>".to_owned()),
        Just("]]>".to_owned()),
        Just("-->".to_owned()),
        Just("'".to_owned()),
        Just("&amp;\r\n".to_owned()),
        "[ a<>/?!='\"-]{0,4}",
    ]
}

proptest! {
    #[test]
    fn never_counts_less_than_the_parser(pieces in proptest::collection::vec(piece(), 0..24)) {
        let inner = pieces.concat();
        let declared = format!("<?xml\tversion='1.0'?><r>{inner}</r>");
        for text in [format!("<r>{inner}</r>"), declared, inner] {
            let scanned = scan(&text, &Limits::default());
            if let Ok(document) = Document::parse(&text) {
                if let Ok(counts) = scanned {
                    let nodes = document.descendants().count() - 1;
                    let depth = document.descendants().filter(|n| n.is_element())
                        .map(|n| n.ancestors().filter(|a| a.is_element()).count()).max().unwrap();
                    prop_assert!(counts.nodes as usize >= nodes);
                    prop_assert!(counts.depth >= depth);
                } else {
                    prop_assert_eq!(scanned.err(), None, "{}", text);
                }
            }
        }
    }

    #[test]
    fn never_panics(text in any::<String>()) {
        let _ = scan(&text, &Limits::default());
    }
}
