use super::*;
use proptest::prelude::*;
use roxmltree::Document;

fn canonical(xml: &str, name: &str, without: Option<&str>, prefixes: &[&str]) -> String {
    let document = Document::parse(xml).unwrap();
    let find = |name: &str| document.descendants().find(|n| n.tag_name().name() == name).unwrap();
    let mut out = Vec::new();
    canonicalize(find(name), without.map(|name| find(name).id()), prefixes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Exclusive C14N, section 2.2: the specification's own example.
#[test]
fn the_example_of_the_specification() {
    for outer in [
        r#"<n0:local xmlns:n0="http://foobar.org" xmlns:n3="ftp://example.org">{}</n0:local>"#,
        r#"<n2:pdu xmlns:n1="http://b.example" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain">{}</n2:pdu>"#,
    ] {
        let inner = r#"<n1:elem2 xmlns:n1="http://example.net" xml:lang="en">
  <n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2>"#;
        assert_eq!(
            canonical(&outer.replace("{}", inner), "elem2", None, &[]),
            "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\n  \
             <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>"
        );
    }
}

#[test]
fn the_default_namespace_can_be_listed() {
    let xml = "<a xmlns='urn:d' xmlns:p='urn:p'><p:b><p:c xmlns=''><e/></p:c></p:b></a>";
    assert_eq!(canonical(xml, "b", None, &[]), "<p:b xmlns:p=\"urn:p\"><p:c><e></e></p:c></p:b>");
    assert_eq!(
        canonical(xml, "b", None, &["#default"]),
        "<p:b xmlns=\"urn:d\" xmlns:p=\"urn:p\"><p:c xmlns=\"\"><e></e></p:c></p:b>"
    );
}

/// Canonical XML 1.0, 2.3: which characters are written as references, where.
#[test]
fn escapes_are_those_of_the_specification() {
    let xml =
        "<a b='&amp;&lt;>&quot;&#39;&#9;&#10;&#13;'>&amp;&lt;&gt;\"'&#9;&#10;&#13;<?p  <&>\"\t\n?><?q?></a>";
    assert_eq!(
        canonical(xml, "a", None, &[]),
        "<a b=\"&amp;&lt;>&quot;'&#x9;&#xA;&#xD;\">&amp;&lt;&gt;\"'\t\n&#xD;<?p <&>\"\t\n?><?q?></a>"
    );
}

/// A name's prefix may be as its local part, and a name begin as another one.
#[test]
fn names_are_written_whole() {
    for xml in [
        r#"<a:a xmlns:a="urn:a" a:a="1"><a:a></a:a></a:a>"#,
        r#"<a:ab xmlns:a="urn:a"><ab></ab><a:a></a:a></a:ab>"#,
        r#"<ab a="1" ab="2" abc="3"></ab>"#,
    ] {
        let name = Document::parse(xml).unwrap().root_element().tag_name().name().to_owned();
        assert_eq!(canonical(xml, &name, None, &[]), xml);
    }
}

/// Canonical XML 1.0, 2.2: by namespace first, those without one before all others.
#[test]
fn attributes_are_in_order_of_namespace_and_name() {
    let xml = r#"<r xmlns:x="urn:b" xmlns:y="urn:a" x:a="1" y:b="2" y:a="3" z="4" b="5"/>"#;
    let expected = r#"<r xmlns:x="urn:b" xmlns:y="urn:a" b="5" z="4" y:a="3" y:b="2" x:a="1"></r>"#;
    assert_eq!(canonical(xml, "r", None, &[]), expected);
}

#[test]
fn two_prefixes_of_one_namespace_stay_two() {
    let xml = "<b:a xmlns:a='urn:x' xmlns:b='urn:x' xmlns:c='urn:x' b:y='1' a:x='2'/>";
    assert_eq!(
        canonical(xml, "a", None, &[]),
        "<b:a xmlns:a=\"urn:x\" xmlns:b=\"urn:x\" a:x=\"2\" b:y=\"1\"></b:a>"
    );
}

#[test]
fn the_signature_is_left_out_wherever_it_stands() {
    assert_eq!(canonical("<a>1<s><b/>x</s>2</a>", "a", Some("s"), &[]), "<a>12</a>");
    assert_eq!(canonical("<a><s/></a>", "a", Some("s"), &[]), "<a></a>");
    assert_eq!(canonical("<r><a>1<s/></a><b/></r>", "a", Some("s"), &[]), "<a>1</a>");
}

#[test]
fn nothing_is_signed_as_nothing() {
    let document = Document::parse("<a xmlns:p='relative' p:b=''/>").unwrap();
    let mut out = Vec::new();
    assert_eq!(
        canonicalize(document.root_element(), None, &[], &mut out),
        Err(CanonicalizationError::RelativeNamespace)
    );
    assert_eq!(canonicalize(document.root(), None, &[], &mut out), Err(CanonicalizationError::NotAnElement));
}

#[test]
fn depth_costs_no_stack() {
    let xml = "<a>".repeat(100_000) + &"</a>".repeat(100_000);
    assert_eq!(canonical(&xml, "a", None, &[]), xml);
}

/// Well-formed documents, all of them with the same few names.
fn document() -> impl Strategy<Value = String> {
    let attributes = proptest::sample::subsequence(
        vec![" p:x='&#10;&lt;'", " x=\"'\"", " q:y='é'", " xmlns=''", " xmlns:p='urn:3'", " a='\t>&quot;'"],
        0..6,
    );
    let name = proptest::sample::select(vec!["e", "p:e", "q:f"]);
    let leaf =
        proptest::sample::select(vec!["t&amp;&#13;", "<!-- c -->", "<?p  d?>", "<![CDATA[<&]]>", "\n", "é"]);
    leaf.prop_map(str::to_owned).prop_recursive(6, 48, 6, move |inner| {
        (name.clone(), attributes.clone(), proptest::collection::vec(inner, 0..6)).prop_map(
            |(name, attributes, inner)| format!("<{name}{}>{}</{name}>", attributes.concat(), inner.concat()),
        )
    })
}

proptest! {
    #[test]
    fn canonical_text_is_its_own_canonical_form(inner in document()) {
        let xml = format!("<r xmlns='urn:1' xmlns:p='urn:2' xmlns:q='urn:2'>{inner}</r>");
        let once = canonical(&xml, "r", None, &["p"]);
        prop_assert_eq!(&canonical(&once, "r", None, &["p"]), &once);
    }
}
