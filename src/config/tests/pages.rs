//! `[[page]]`: which pages there are, and what rules may say of them.

use super::*;

const WIKI: &str = "[[page]]\nname = \"wiki\"\nredirect_url = \"https://Wiki.example.com:443/aws\"\n";

fn faults(more: &str) -> Vec<String> {
    let faults = Files::new().faults(&format!("{LEAST}{more}"), &[]);
    faults.iter().map(|fault| fault.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn a_page_has_a_name_and_an_origin_of_its_own() {
    let config = Files::new().loads(&format!("{LEAST}{WIKI}"));
    let page = config.broker.pages.by_name("wiki").unwrap();
    assert_eq!(
        (&*page.redirect_url, &*page.origin),
        ("https://wiki.example.com/aws", "https://wiki.example.com")
    );
    assert_eq!(config.broker.pages.by_origin("https://wiki.example.com"), Some(page));
    assert!(Files::new().loads(LEAST).broker.pages.iter().next().is_none());
}

#[test]
fn each_wrong_page_has_its_sentence() {
    let of = |from: &str, to: &str| {
        let page = WIKI.replace(from, to);
        assert_ne!(page, WIKI);
        faults(&page)
    };
    for (from, to, expected) in [
        ("name = \"wiki\"\n", "", "page[0].name: is missing"),
        ("\"wiki\"", "\"a wiki\"", "page[0].name: expected"),
        ("\"wiki\"", "\"built-in\"", "page[0].name: is the name of the page of [server]"),
        ("redirect_url = ", "url = ", "page[0].redirect_url: is missing"),
        ("https://Wiki", "http://Wiki", "page[0].redirect_url: expected https"),
        ("/aws", "/aws#x", "page[0].redirect_url: expected a URL without a fragment"),
        (
            "Wiki.example.com:443",
            "vestibule.example.com",
            "page[0].redirect_url: https://vestibule.example.com is",
        ),
    ] {
        let said = of(from, to);
        assert!(said.iter().any(|fault| fault.starts_with(expected)), "{to}\n{expected}\n{said:#?}");
    }
    let twice = faults(&format!("{WIKI}{WIKI}"));
    assert_eq!(twice.len(), 2, "{twice:#?}");
    assert_eq!(twice[0], "page[1].name: is the name of an earlier page too");
    assert!(twice[1].starts_with("page[1].redirect_url: https://wiki.example.com is another page's too"));
}

/// Pages are of use because rules can differ; a script error is what it costs if they do not.
#[test]
fn pages_without_a_rule_for_one_are_warned_of() {
    let warned = |more: &str| {
        let config = Files::new().loads(&format!("{LEAST}{more}"));
        config.warnings.iter().any(|warning| warning.starts_with("no rule has when.page"))
    };
    let of = |when: &str| format!("[[rule]]\nname = \"r\"\n{when}\n");
    assert!(warned(&format!("{WIKI}{}", of("when.role_name = { contains = \"Prod\" }"))));
    assert!(!warned(&format!("{WIKI}{}", of("when.page = { equals = \"built-in\" }"))));
    assert!(warned(WIKI), "the rule that is there without any");
    assert!(!warned(&of("when.role_name = { contains = \"Prod\" }")));
}

/// Two pages of one origin would be one: browsers keep nothing of theirs apart.
#[test]
fn attack_a_page_on_an_origin_of_the_built_in_page() {
    for server in
        ["allowed_origins = [\"https://wiki.example.com\"]", "redirect_url = \"https://wiki.example.com/\""]
    {
        let text = LEAST.replace("[server]\n", &format!("[server]\n{server}\n"));
        let said = Files::new().faults(&format!("{text}{WIKI}"), &[]);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains("page[0].redirect_url: https://wiki.example.com is another page's too"));
    }
}

#[test]
fn pages_of_the_2017_sample_cannot_say_who_they_are() {
    let said = faults(&format!("{WIKI}[delivery]\nbinding = \"plain\"\n"));
    assert!(said[0].starts_with("page[0]: pages of the 2017 sample"), "{said:#?}");
}

#[test]
fn rules_and_their_tests_name_pages_that_there_are() {
    let rule = |when: &str, test: &str| {
        faults(&format!(
            "{WIKI}[[rule]]\nname = \"r\"\n{when}\n[[rule.test]]\nname_id = \"anna\"\n{test}\n\
             roles = [\"arn:aws:iam::123456789012:role/Prod\"]\n"
        ))
    };
    let gets = "gets = \"arn:aws:iam::123456789012:role/Prod\"";
    let at_wiki = "when.page = { equals = \"wiki\" }";
    assert_eq!(rule(at_wiki, &format!("page = \"wiki\"\n{gets}")), Vec::<String>::new());
    for (when, test) in [
        (at_wiki, "refused = \"role_not_allowed\"".to_owned()),
        (at_wiki, "page = \"built-in\"\nrefused = \"role_not_allowed\"".to_owned()),
        ("when.page = { any_of = [\"built-in\", \"x\"] }", gets.to_owned()),
        ("when.page = { prefix = \"wi\" }", format!("page = \"wiki\"\n{gets}")),
    ] {
        assert_eq!(rule(when, &test), Vec::<String>::new(), "{when} {test}");
    }
    let said = rule("when.page = { equals = \"Wiki\" }", gets);
    assert!(said[0].starts_with("rule[0].when.page: no [[page]] meets this"), "{said:#?}");
    let said = rule(at_wiki, &format!("page = \"other\"\n{gets}"));
    assert!(said[0].starts_with("rule[0].test[0].page: no [[page]] has this name"), "{said:#?}");
}
