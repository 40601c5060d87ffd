//! `delivery.binding = "sealed"`, and `[shell]`.

use super::*;
use crate::broker::{Binding, Shell};

fn with(section: &str) -> String {
    format!("{LEAST}{section}")
}

#[test]
fn sealed_logins_begin_here_alone() {
    let text = with("[delivery]\nbinding = \"sealed\"\n");
    let text = text.replacen("[[saml.idp]]", "[[saml.idp]]\nsign_on_url = \"https://adfs.example.com/x\"", 1);
    let config = Files::new().loads(&text);
    assert_eq!(config.broker.binding, Binding::Sealed);
    let providers = config.broker.providers.current();
    assert!(providers.iter().all(|provider| !provider.idp_initiated));
    assert!(config.sign_on.iter().all(|sign_on| sign_on.sign_on_url.is_none()));
}

/// Its metadata has no place for requests, so nobody could sign in.
#[test]
fn a_provider_that_takes_no_requests_cannot_be_sealed_for() {
    let files = Files::new();
    let metadata = std::fs::read_to_string(files.path("adfs.xml")).unwrap();
    let start = metadata.find("<SingleSignOnService").unwrap();
    let end = metadata.find("</IDPSSODescriptor>").unwrap();
    files.write("adfs.xml", &format!("{}{}", &metadata[..start], &metadata[end..]));
    let warns = |text: &str| {
        let config = files.loads(text);
        config.warnings.iter().any(|warning| warning.contains("nobody can sign in by it"))
    };
    assert!(!warns(LEAST));
    assert!(warns(&with("[delivery]\nbinding = \"sealed\"\n")));
}

#[test]
fn programs_get_nothing_unless_it_is_switched_on() {
    for text in [LEAST.to_owned(), with("[shell]\nother_device = true\n")] {
        assert_eq!(Files::new().loads(&text).broker.shell, None);
    }
    let config = Files::new().loads(&with("[shell]\nenabled = true\n"));
    assert_eq!(config.broker.shell, Some(Shell { other_device: false }));
    assert!(!config.warnings.iter().any(|warning| warning.contains("other_device")));
    let config = Files::new().loads(&with("[shell]\nenabled = true\nother_device = true\n"));
    assert_eq!(config.broker.shell, Some(Shell { other_device: true }));
    assert!(config.warnings.iter().any(|warning| warning.contains("pasting a text")));
}

#[test]
fn each_wrong_shell_has_its_sentence() {
    let elsewhere = "redirect_url = \"https://app.example.com/\"\n[[saml.idp]]";
    for (text, expected) in [
        (with("[shell]\nenabled = true\n[delivery]\nbinding = \"plain\"\n"), "pages of the 2017 sample"),
        (with("[shell]\nenabled = true\n").replacen("[[saml.idp]]", elsewhere, 1), "server.choose is false"),
        (with("[shell]\nenabled = true\ndevices = 1\n"), "unknown key"),
        (with("[shell]\nenabled = 1\n"), "expected true or false"),
    ] {
        let faults = Files::new().faults(&text, &[]);
        assert!(faults.len() == 1 && faults[0].contains(expected), "{text}\n{faults:?}");
    }
}
