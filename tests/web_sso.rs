//! The Web Browser SSO profile with two real identity providers, SimpleSAMLphp and
//! saml-idp: both ways to begin, all that they can sign and encrypt, and both at
//! once. What one login gives in the end is `tests/real_idp.rs`'s.

mod support;

use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;
use support::browser::{Browser, Form};
use support::idp::{Idp, Keys, Options, Sign, key_pair};
use support::saml_idp::{self, SamlIdp};
use support::server::{EMBEDDED, Server, Setup};
use support::waiting::{WaitingPage, assert_refused, assert_taken, start_link};

const SP: &str = "urn:amazon:webservices";

const OURS: &str = r#"
[saml]
entity_id = "urn:amazon:webservices"
audience = "urn:amazon:webservices"
signing_key = "@DIR@/signing.pem"
decryption_keys = ["@DIR@/new.pem", "@DIR@/old.pem"]
"#;

const SSP: &str = r#"
[[saml.idp]]
name = "SSP"
provider_arn = "arn:aws:iam::123456789012:saml-provider/SSP"
metadata = "@DIR@/idp.xml"
"#;

const OTHER: &str = r#"
[[saml.idp]]
name = "Other"
provider_arn = "arn:aws:iam::123456789012:saml-provider/Other"
metadata = "@DIR@/other.xml"
"#;

const RULE: &str = r#"
[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
duration = "1h"
"#;

/// A server with keys of its own; and the certificate that it wants to be encrypted for.
fn server(providers: &str) -> (Setup, String) {
    let with_certificate = || {
        let (key, certificate) = key_pair();
        (format!("{key}{certificate}"), certificate)
    };
    let (newest, certificate) = with_certificate();
    let setup = Server::setup(&format!("{EMBEDDED}{OURS}{providers}{RULE}"));
    let setup = setup.file("signing.pem", &with_certificate().0).file("new.pem", &newest);
    (setup.file("old.pem", &with_certificate().0), certificate)
}

/// SimpleSAMLphp and a server, each with the other's metadata.
fn with_ssp(options: &Options, more: &str) -> (Idp, Server) {
    let idp = Idp::start(options);
    let server = server(&format!("{SSP}{more}")).0.file("idp.xml", &idp.metadata()).start();
    let metadata = Browser::new().open(&server.url("/saml/metadata"));
    idp.trust(&metadata.body);
    (idp, server)
}

#[test]
fn every_way_to_sign_and_encrypt_from_both_ends() {
    let (idp, server) = with_ssp(&Options::default(), "");
    let mut number = 0;
    for starts_here in [true, false] {
        for sign in [Sign::Assertion, Sign::Response, Sign::Both] {
            for (encrypt, encrypt_name_id) in [(false, false), (true, false), (false, true), (true, true)] {
                let algorithm = ["rsa-sha256", "rsa-sha384", "rsa-sha512"][number % 3];
                let options = Options { sign, algorithm, encrypt, encrypt_name_id, ..Options::default() };
                idp.set(&options);
                number += 1;
                let (browser, page) = (Browser::new(), WaitingPage::new(&format!("n{number}")));
                let link = if starts_here {
                    start_link(&server, "SSP", &page)
                } else {
                    idp.sign_on_link(SP, &page.relay_state())
                };
                let form = idp.response(&browser, &link, "alice");
                assert_eq!(form.value("RelayState"), Some(page.relay_state().as_str()));
                if encrypt && sign == Sign::Response {
                    // The only signature is over the ciphertext: what is inside is nobody's.
                    assert_refused(&browser, &form, 403, "assertion_not_decryptable");
                } else {
                    let answer = browser.submit(&form);
                    assert_eq!(answer.status, 302, "{options:?}: {}", answer.body);
                    assert_taken(&browser, &server, &page, &answer, "Production");
                }
            }
        }
    }
    assert_eq!(number, 24);
    // NameIDs were read, encrypted or not, and none was logged.
    assert!(!server.log_text().contains("alice"));
}

/// A new decryption key, while the identity provider still knows the old one.
#[test]
fn a_decryption_key_is_replaced_without_a_failed_login() {
    let encrypt = Options { encrypt: true, ..Options::default() };
    let (idp, mut server) = with_ssp(&encrypt, "");
    let keys = |server: &Server, keys: &str| {
        let file = server.path("vestibule.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        let before = config.lines().find(|line| line.starts_with("decryption_keys")).unwrap();
        let names: Vec<String> = keys
            .split_whitespace()
            .map(|name| format!("{:?}", server.path(&format!("{name}.pem"))))
            .collect();
        let after = format!("decryption_keys = [{}]", names.join(", "));
        std::fs::write(&file, config.replace(before, &after)).unwrap();
    };
    let metadata = |server: &Server| Browser::new().open(&server.url("/saml/metadata")).body;
    let mut number = 0;
    let mut sign_in = |server: &Server| {
        number += 1;
        let (browser, page) = (Browser::new(), WaitingPage::new(&format!("n{number}")));
        let form = idp.response(&browser, &start_link(server, "SSP", &page), "alice");
        browser.submit_with(&form, &[("Accept", "application/json")])
    };
    keys(&server, "old");
    server.restart();
    let old_metadata = metadata(&server);
    idp.trust(&old_metadata);
    assert_eq!(sign_in(&server).status, 302);
    // The new key first: our metadata shows it, and the identity provider has not looked yet.
    keys(&server, "new old");
    server.restart();
    let new_metadata = metadata(&server);
    assert_ne!(new_metadata, old_metadata);
    assert_eq!(sign_in(&server).status, 302);
    // It has looked.
    idp.trust(&new_metadata);
    assert_eq!(sign_in(&server).status, 302);
    keys(&server, "new");
    server.restart();
    assert_eq!(metadata(&server), new_metadata);
    assert_eq!(sign_in(&server).status, 302);
    // What is encrypted for the old key is for nobody now.
    idp.trust(&old_metadata);
    let refused = sign_in(&server);
    assert_eq!((refused.status, &refused.json()["error"]), (403, &"assertion_not_decryptable".into()));
}

/// SimpleSAMLphp announces a second key, signs with it, and drops the first, while
/// people sign in all the while; and once more without announcing anything.
#[test]
fn signing_keys_roll_over_while_people_sign_in() {
    let idp = Idp::start(&Options::default());
    let url = format!(
        "[[saml.idp]]\nname = \"SSP\"\nprovider_arn = \"arn:aws:iam::123456789012:saml-provider/SSP\"\n\
         metadata = {:?}\n",
        idp.metadata_url()
    );
    // Hundreds of people, from one address.
    let embedded = EMBEDDED.replacen("[sts]", "max_posts_per_minute = 1000000\n\n[sts]", 1);
    let config = format!("{embedded}[saml]\nmetadata_refresh = \"1s\"\n{url}{RULE}");
    let server = Server::start(&config);
    idp.trust(&Browser::new().open(&server.url("/saml/metadata")).body);

    let done = AtomicBool::new(false);
    let logins = std::thread::scope(|scope| {
        let people: Vec<_> = (0..2)
            .map(|person| {
                let (idp, server, done) = (&idp, &server, &done);
                scope.spawn(move || {
                    let mut logins = 0;
                    while !done.load(Ordering::Relaxed) {
                        let (browser, page) =
                            (Browser::new(), WaitingPage::new(&format!("p{person}-{logins}")));
                        let form = idp.response(&browser, &start_link(server, "SSP", &page), "alice");
                        assert_taken(&browser, server, &page, &browser.submit(&form), "Production");
                        logins += 1;
                    }
                    logins
                })
            })
            .collect();
        for keys in [Keys::FirstAndNext, Keys::SecondAndFormer, Keys::Second] {
            idp.set(&Options { keys, ..Options::default() });
            // Two refreshes, with their jitter.
            sleep(Duration::from_secs(3));
        }
        // Back to the first, at once: who knows only the second asks out of turn.
        idp.set(&Options::default());
        sleep(Duration::from_secs(3));
        done.store(true, Ordering::Relaxed);
        people.into_iter().map(|person| person.join().unwrap()).sum::<u32>()
    });
    println!("{logins} logins");
    assert!(logins >= 8, "{logins} logins");
    let changes = server.log_text().matches("keys have changed").count();
    assert!(changes >= 3, "{changes} changes of keys in the log");
}

#[test]
fn sha_1_is_refused_whoever_signs_with_it() {
    let (idp, server) = with_ssp(&Options { algorithm: "rsa-sha1", ..Options::default() }, "");
    let (browser, page) = (Browser::new(), WaitingPage::new("sha1"));
    let form = idp.response(&browser, &start_link(&server, "SSP", &page), "alice");
    assert_refused(&browser, &form, 403, "signature_algorithm");
}

#[test]
fn requests_are_signed_where_its_metadata_wants_it_and_by_either_binding() {
    for post_only in [false, true] {
        let options = Options { wants_signed: true, post_only, ..Options::default() };
        let (idp, server) = with_ssp(&options, "");
        let (browser, page) = (Browser::new(), WaitingPage::new("signed"));
        let link = start_link(&server, "SSP", &page);
        let first = browser.get(&link, &[]);
        let sent = if post_only {
            assert_eq!(first.status, 200);
            let form = first.form();
            assert!(form.action.starts_with(&idp.url), "{}", form.action);
            form
        } else {
            let url = first.location().unwrap();
            assert!(url.contains("&SigAlg=") && url.contains("&Signature="), "{url}");
            Form { action: url, fields: Vec::new() }
        };
        let go = |form: &Form| {
            let mut answer = if post_only { browser.submit(form) } else { browser.open(&form.action) };
            for _ in 0..5 {
                let Some(location) = answer.location() else { break };
                answer = browser.open(&location);
            }
            answer
        };
        // What the browser changed on the way is not answered.
        let changed = if post_only {
            let xml = String::from_utf8(decode(sent.value("SAMLRequest").unwrap())).unwrap();
            let forged = xml.replace("Version=\"2.0\"", "Version=\"2.0\" ForceAuthn=\"true\"");
            sent.clone().fill("SAMLRequest", &encode(forged.as_bytes()))
        } else {
            Form { action: sent.action.replace("&RelayState=", "&RelayState=x"), fields: Vec::new() }
        };
        let refused = go(&changed);
        assert!(!refused.body.contains("name=\"password\""), "{}", refused.body);

        let login = go(&sent);
        let answer = browser.submit(&login.form().fill("username", "alice").fill("password", "alice"));
        assert_taken(&browser, &server, &page, &browser.submit(&answer.form()), "Production");
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_person_is_asked_again_where_that_is_demanded() {
    for force in [true, false] {
        let (idp, server) = with_ssp(&Options::default(), &format!("force_authn = {force}"));
        let browser = Browser::new();
        let first = WaitingPage::new("first");
        let form = idp.response(&browser, &start_link(&server, "SSP", &first), "alice");
        assert_taken(&browser, &server, &first, &browser.submit(&form), "Production");
        // Signed in there now; is that enough?
        let second = WaitingPage::new("second");
        let page = browser.open(&start_link(&server, "SSP", &second));
        assert_eq!(page.body.contains("name=\"password\""), force, "{}", page.body);
    }
}

#[test]
fn a_request_is_answered_once_by_a_real_identity_provider_too() {
    let (idp, server) = with_ssp(&Options::default(), "idp_initiated = false");
    let (browser, page) = (Browser::new(), WaitingPage::new("once"));
    let location = browser.get(&start_link(&server, "SSP", &page), &[]).location().unwrap();
    let first = idp.response(&browser, &location, "alice");
    // The same request again: signed in already, so it answers at once, with another assertion.
    let second = browser.open(&location).form();
    assert_ne!(first.value("SAMLResponse"), second.value("SAMLResponse"));
    let answer = browser.submit(&first);
    assert_refused(&browser, &second, 409, "request_answered");
    assert_taken(&browser, &server, &page, &answer, "Production");
    // And without a request there is no login.
    let unsolicited = browser.open(&idp.sign_on_link(SP, &WaitingPage::new("other").relay_state())).form();
    assert_refused(&browser, &unsolicited, 403, "idp_initiated_off");
}

/// Who signs in at saml-idp, with a role of this SAML provider.
fn person(provider: &str) -> serde_json::Value {
    json!({
        "userName": "saml.jackson@example.com",
        "nameIdFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "https://aws.amazon.com/SAML/Attributes/Role":
            format!("arn:aws:iam::123456789012:saml-provider/{provider},arn:aws:iam::123456789012:role/Other-Production"),
        "https://aws.amazon.com/SAML/Attributes/RoleSessionName": "saml.jackson@example.com",
    })
}

#[test]
fn saml_idp_signs_and_encrypts_and_is_believed_from_both_ends() {
    let mut idp = SamlIdp::new();
    let (setup, certificate) = server(OTHER);
    let server = setup.file("other.xml", &idp.metadata()).start();
    for (sign_response, encrypt) in [(false, false), (true, false), (false, true), (true, true)] {
        let options = saml_idp::Options { sign_response, encrypt };
        idp.start(&server.url("/saml"), SP, Some(&certificate), &person("Other"), options);
        let browser = Browser::new();
        let page = WaitingPage::new("here");
        let form = idp.response(&browser, &start_link(&server, "Other", &page));
        assert_eq!(form.value("RelayState"), Some(page.relay_state().as_str()));
        assert_taken(&browser, &server, &page, &browser.submit(&form), "Other-Production");

        let page = WaitingPage::new("there");
        let form = idp.response(&browser, &idp.url());
        let form = form.fill("RelayState", &page.relay_state());
        assert_taken(&browser, &server, &page, &browser.submit(&form), "Other-Production");
    }
    // The metadata that this test gave is its own, as far as it matters.
    let (given, served) = (idp.metadata(), idp.served_metadata());
    let read = |xml: &str| vestibule::saml::IdpMetadata::parse(xml.as_bytes(), None).unwrap();
    let (given, served) = (read(&given), read(&served));
    assert_eq!(given.entity_id, served.entity_id);
    assert_eq!(given.signing_keys[0].fingerprint(), served.signing_keys[0].fingerprint());
}

/// Two identity providers at once: nothing of one is good for the other.
#[test]
fn no_key_role_or_request_of_one_is_usable_through_the_other() {
    let ssp = Idp::start(&Options::default());
    let mut other = SamlIdp::new();
    let (setup, _) = server(&format!("{SSP}{OTHER}"));
    let server = setup.file("idp.xml", &ssp.metadata()).file("other.xml", &other.metadata()).start();
    ssp.trust(&Browser::new().open(&server.url("/saml/metadata")).body);
    let options = saml_idp::Options::default();

    // Both work.
    other.start(&server.url("/saml"), SP, None, &person("Other"), options);
    let (browser, page) = (Browser::new(), WaitingPage::new("ssp"));
    let form = ssp.response(&browser, &start_link(&server, "SSP", &page), "alice");
    assert_taken(&browser, &server, &page, &browser.submit(&form), "Production");
    let page = WaitingPage::new("other");
    let form = other.response(&browser, &start_link(&server, "Other", &page));
    assert_taken(&browser, &server, &page, &browser.submit(&form), "Other-Production");

    // A request made for one, carried to the other.
    let page = WaitingPage::new("carried");
    let location = browser.get(&start_link(&server, "SSP", &page), &[]).location().unwrap();
    let query = location.split_once('?').unwrap().1;
    let form = other.response(&browser, &format!("{}/saml/sso?{query}", other.url()));
    assert_refused(&browser, &form, 403, "unknown_request");

    // A role of the other's SAML provider, asserted by this one.
    other.start(&server.url("/saml"), SP, None, &person("SSP"), options);
    let page = WaitingPage::new("role");
    let form = other.response(&browser, &start_link(&server, "Other", &page));
    assert_refused(&browser, &form, 403, "no_usable_role");

    // One that says it is the other, with its own key.
    let page = WaitingPage::new("key");
    let form = other.response(&browser, &start_link(&server, "Other", &page));
    let xml = String::from_utf8(decode(form.value("SAMLResponse").unwrap())).unwrap();
    let posing = xml.replace(saml_idp::ISSUER, &ssp.metadata_url());
    assert_refused(
        &browser,
        &form.fill("SAMLResponse", &encode(posing.as_bytes())),
        403,
        "signature_mismatch",
    );
}
