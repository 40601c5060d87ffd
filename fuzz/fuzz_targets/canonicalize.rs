//! Canonical text is its own canonical form, whatever the document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roxmltree::Document;
use vestibule::saml::canonicalize;
use vestibule_fuzz::within;

fn canonical(xml: &str, prefixes: &[&str]) -> Option<Vec<u8>> {
    let document = Document::parse(xml).ok()?;
    let mut out = Vec::new();
    canonicalize(document.root_element(), None, prefixes, &mut out).ok()?;
    Some(out)
}

fuzz_target!(|xml: &str| {
    // As `ResponseMessage` does; depth and nodes are capped there, before the parser.
    let xml = xml.replace("\r\n", "\n").replace('\r', "\n");
    let prefixes = ["a", "xs", "#default"];
    within(xml.len(), 400, 64 * 1024, || {
        for prefixes in [&prefixes[..], &[]] {
            let Some(once) = canonical(&xml, prefixes) else { return };
            let once = String::from_utf8(once).expect("UTF-8");
            assert_eq!(canonical(&once, prefixes).as_deref(), Some(once.as_bytes()));
        }
    });
});
