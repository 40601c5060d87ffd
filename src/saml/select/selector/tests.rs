use super::*;
use proptest::prelude::*;
use roxmltree::Document;

const ASSERTION: &str = r#"<w xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><a:Assertion
    xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"><a:Attribute Name="groups" e:Name="x" xmlns:e="urn:e">
    <a:AttributeValue>one</a:AttributeValue><a:AttributeValue> two<![CDATA[ <2>]]>&#10;</a:AttributeValue>
    <a:AttributeValue/><a:AttributeValue xsi:nil="true"> </a:AttributeValue></a:Attribute>
    <a:Attribute Name="it's" Kind="k"><a:AttributeValue>three<!-- --></a:AttributeValue></a:Attribute>
    <e:Other xmlns:e="urn:e"><e:Value>four</e:Value></e:Other><none><Value>five</Value></none>
    </a:Assertion><a:Attribute xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion"/></w>"#;

fn values(selector: &str) -> Result<Vec<String>, SamlRefusal> {
    let document = Document::parse(ASSERTION).unwrap();
    let assertion = document.root_element().first_element_child().unwrap();
    let selector = Selector::compile(selector).unwrap();
    selector.values(Source::of(assertion)).map(|values| values.into_iter().map(str::to_owned).collect())
}

#[test]
fn values_are_found() {
    for (selector, expected) in [
        ("@ID", &["_1"][..]),
        ("Attribute/@Name", &["groups", "it's"]),
        ("Attribute[@Name='groups']/AttributeValue", &["one", " two <2>\n"]),
        ("Attribute[@Name=\"it's\"][@Kind='k']/@Kind", &["k"]),
        ("Attribute[@Name='groups'][@Kind='k']/AttributeValue", &[]),
        ("Attribute[@{urn:e}Name='x']/@{urn:e}Name", &["x"]),
        ("{urn:e}Other/{urn:e}Value", &["four"]),
        ("{}none/{}Value", &["five"]),
        ("*/{urn:e}Value", &["four"]),
        ("none", &[]),
        ("Assertion", &[]),
        ("Attribute/Attribute", &[]),
    ] {
        assert_eq!(values(selector).unwrap(), expected, "{selector}");
    }
    assert_eq!(values("Attribute[@Kind='k']/AttributeValue"), Err(SamlRefusal::ValueNotText));
    assert_eq!(values("Attribute"), Err(SamlRefusal::ValueNotText));
}

/// `KeyInfo` is not signed, and not read.
#[test]
fn the_signature_holds_no_values() {
    let xml = "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'>\
               <ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><ds:KeyInfo>\
               <AttributeValue>evil</AttributeValue></ds:KeyInfo></ds:Signature><a><b>\
               <AttributeValue>good</AttributeValue></b></a></Assertion>";
    let document = Document::parse(xml).unwrap();
    let selector = Selector::compile("*/*/AttributeValue").unwrap();
    assert_eq!(selector.values(Source::of(document.root_element())), Ok(vec!["good"]));
    let dsig = "{http://www.w3.org/2000/09/xmldsig#}";
    let selector = Selector::compile(&format!("{dsig}Signature/{dsig}KeyInfo/AttributeValue")).unwrap();
    assert_eq!(selector.values(Source::of(document.root_element())), Ok(vec![]));
}

#[test]
fn errors_tell_their_place() {
    for (selector, position, message) in [
        ("", 1, "expected a name"),
        ("/Subject", 1, "without `/`"),
        ("Subject//NameID", 9, "`//`"),
        ("Subject/", 9, "expected a name"),
        ("../Subject", 1, "`..`"),
        ("Subject/..", 9, "`..`"),
        ("saml:Subject", 5, "prefixes"),
        ("Subject/text()", 13, "functions"),
        ("Sübject/@x/y", 11, "last step"),
        ("A[1]", 3, "expected `@`"),
        ("A[@x]", 5, "expected `=`"),
        ("A[@x=y]", 6, "quoted"),
        ("A[@x='y]", 7, "closing quote"),
        ("A[@x='y'", 9, "expected `]`"),
        ("A [@x='y']", 2, "expected `/`"),
        ("{urn:x", 2, "`}`"),
        ("A/A/A/A/A/A/A/A/A/A/A/A/A/A/A/A/A", 34, "16 steps"),
    ] {
        let error = Selector::compile(selector).unwrap_err();
        assert_eq!(error.position, position, "{selector}: {error}");
        assert!(error.message.contains(message), "{selector}: {error}");
    }
    assert!(Selector::compile(&"A".repeat(2_048)).is_ok());
    assert!(Selector::compile(&"A".repeat(2_049)).is_err());
}

proptest! {
    #[test]
    fn never_panics(any in any::<String>(), near in "[A{}@\\[\\]='\"/:*.x(é]{0,24}") {
        let _ = (Selector::compile(&any), Selector::compile(&near));
    }

    #[test]
    fn what_is_written_compiles_to_the_same(
        selector in "(\\{[^}]{0,5}\\})?[A-Za-zé_][A-Za-z0-9é_.-]{0,5}(\\[@x='[^']{0,5}'\\]){0,2}(/(\\*|[A-Z]{1,3}(\\[@y=\"[^\"]{0,5}\"\\])?)){0,4}(/@[a-zß]{1,3})?"
    ) {
        let compiled = Selector::compile(&selector).unwrap();
        prop_assert_eq!(Selector::compile(&compiled.to_string()).unwrap(), compiled);
    }
}
