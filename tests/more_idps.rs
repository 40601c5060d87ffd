//! Real identity providers beside SimpleSAMLphp and saml-idp: LemonLDAP::NG, whose SAML
//! is Lasso's, and those made with samlify and @boxyhq/saml20. Each reads our metadata
//! and we read its; both ways to begin; in the end credentials that work.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::browser::{Browser, Form};
use support::idp::key_pair;
use support::other_idp::{Kind, OtherIdp};
use support::server::{EMBEDDED, Server};
use support::sigv4;
use support::waiting::{WaitingPage, assert_refused, assert_taken, start_link};

/// All of them sign people in with a role of this SAML provider.
const CONFIG: &str = r#"
[saml]
signing_key = "@DIR@/signing.pem"
decryption_keys = ["@DIR@/decryption.pem"]

[[saml.idp]]
name = "Other"
provider_arn = "arn:aws:iam::123456789012:saml-provider/Other"
metadata = "@DIR@/idp.xml"
@MORE@

[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
duration = "1h"
"#;

/// An identity provider and a server, each with the other's metadata; `more` is said of
/// the identity provider.
fn start(kind: Kind, settings: &[(&str, &str)], more: &str) -> (OtherIdp, Server) {
    let mut idp = OtherIdp::start(kind, settings);
    let mut setup = Server::setup(&format!("{EMBEDDED}{}", CONFIG.replace("@MORE@", more)));
    for file in ["signing.pem", "decryption.pem"] {
        let (key, certificate) = key_pair();
        setup = setup.file(file, &format!("{key}{certificate}"));
    }
    let server = setup.file("idp.xml", &idp.metadata()).start();
    let metadata = Browser::new().open(&server.url("/saml/metadata"));
    assert_eq!(metadata.status, 200, "{}", metadata.body);
    idp.trust(&metadata.body);
    (idp, server)
}

/// Where a login starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum From {
    Here,
    There,
}

fn link(idp: &OtherIdp, server: &Server, from: From, page: &WaitingPage) -> String {
    match from {
        From::Here => start_link(server, "Other", page),
        From::There => idp.sign_on_link(&page.relay_state()),
    }
}

/// A login of `name` in a new browser, and a request signed with its credentials.
/// Returns the browser.
fn login_and_use(idp: &OtherIdp, server: &Server, from: From, name: &str, mail: &str) -> Browser {
    let (browser, page) = (Browser::new(), WaitingPage::new(&format!("{name}-{from:?}")));
    let form = idp.response(&browser, &link(idp, server, from, &page), name);
    assert_eq!(form.action, server.url("/saml"), "the address comes from our metadata");
    assert_eq!(form.value("RelayState"), Some(page.relay_state().as_str()));
    let taken = assert_taken(&browser, server, &page, &browser.submit(&form), "Production");
    assert_eq!(taken["user"], mail);

    let ping = sigv4::get(&browser, &server.url("/users"), &sigv4::credentials(&taken));
    assert_eq!((ping.status, &ping.json()["status"]), (200, &"Success".into()), "{}", ping.body);
    browser
}

/// Whoever has no role in production, and who changes that on the way.
fn assert_not_promoted(idp: &OtherIdp, server: &Server, name: &str) {
    for from in [From::Here, From::There] {
        let (browser, page) = (Browser::new(), WaitingPage::new(&format!("{name}-{from:?}")));
        let form = idp.response(&browser, &link(idp, server, from, &page), name);
        let promoted = changed(&form, "role/Development", "role/Production");
        assert_refused(&browser, &promoted, 403, "digest_mismatch");
        assert_refused(&browser, &form, 403, "role_not_allowed");
    }
}

fn response_xml(form: &Form) -> String {
    String::from_utf8(STANDARD.decode(form.value("SAMLResponse").unwrap()).unwrap()).unwrap()
}

fn changed(form: &Form, from: &str, to: &str) -> Form {
    let xml = response_xml(form);
    let changed = xml.replace(from, to);
    assert_ne!(changed, xml);
    form.clone().fill("SAMLResponse", &STANDARD.encode(changed))
}

/// LemonLDAP::NG has Lasso make a name for the person, which that refuses unless the
/// request has a NameIDPolicy: at the first login with a persistent name, which it
/// remembers, and at each with the address, as by default.
#[test]
fn lemonldap_first_and_later_logins_of_several_people() {
    for format in ["email", "persistent"] {
        let (idp, server) = start(Kind::LemonLdap, &[("NAME_ID_FORMAT", format)], "");
        let mail = |name: &str| format!("{name}@badwolf.org");
        for (name, first, later) in [("dwho", From::Here, From::There), ("rtyler", From::There, From::Here)] {
            login_and_use(&idp, &server, first, name, &mail(name));
            let browser = login_and_use(&idp, &server, later, name, &mail(name));
            // Signed in there, no password is asked for.
            let page = WaitingPage::new(&format!("{name}-again"));
            let form = browser.open(&start_link(&server, "Other", &page)).form();
            assert!(response_xml(&form).contains(format), "{}", response_xml(&form));
            assert_taken(&browser, &server, &page, &browser.submit(&form), "Production");
        }
        assert_not_promoted(&idp, &server, "msmith");
        assert!(!server.log_text().contains("badwolf"));
    }
}

/// Lasso by itself refuses a person's first login without `AllowCreate`.
#[test]
fn lasso_may_make_a_name_for_a_person_whatever_the_request_asks_for() {
    let persistent = "name_id_format = \"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\"";
    for more in ["", persistent] {
        let (idp, server) = start(Kind::Boxyhq, &[], more);
        let page = WaitingPage::new("lasso");
        let location = Browser::new().get(&start_link(&server, "Other", &page), &[]).location().unwrap();
        let query = location.split_once('?').unwrap().1;
        assert_eq!(idp.lasso_says(query), "yes", "{more}");
        let changed = query.replace("&RelayState=", "&RelayState=x");
        assert_eq!(idp.lasso_says(&changed), "102 Invalid signature.");
    }
}

/// Its metadata wants requests signed, and it looks.
#[test]
fn lemonldap_does_not_answer_a_request_that_was_changed_on_the_way() {
    let (idp, server) = start(Kind::LemonLdap, &[], "");
    let (browser, page) = (Browser::new(), WaitingPage::new("changed"));
    let location = browser.get(&start_link(&server, "Other", &page), &[]).location().unwrap();
    let changed = location.replace("&RelayState=", "&RelayState=x");
    assert_ne!(changed, location);
    let answer = idp.sign_in(&browser, &changed, "dwho", "dwho");
    assert!(!answer.body.contains("SAMLResponse"), "{}", answer.body);
    assert!(idp.log_text().contains("Could not verify signature"), "{}", idp.log_text());
    let answer = idp.sign_in(&Browser::new(), &location, "dwho", "a guess");
    assert!(!answer.body.contains("SAMLResponse"), "{}", answer.body);
    idp.response(&Browser::new(), &location, "dwho");
}

#[test]
fn samlify_is_believed_from_both_ends() {
    for (binding, sign) in [("redirect", "assertion"), ("post", "both")] {
        let settings = [("BINDING", binding), ("SIGN", sign)];
        let (idp, server) = start(Kind::Samlify, &settings, "in_response_to = [\"\"]");
        for from in [From::Here, From::There] {
            login_and_use(&idp, &server, from, "alice", "alice@example.test");
        }
        assert_not_promoted(&idp, &server, "bob");
    }
}

/// Nothing is no request, but only an identity provider of which that is known may say so.
#[test]
fn an_empty_in_response_to_is_refused_where_it_is_not_listed() {
    let settings = [("BINDING", "redirect"), ("SIGN", "assertion")];
    let (idp, server) = start(Kind::Samlify, &settings, "");
    let (browser, page) = (Browser::new(), WaitingPage::new("empty"));
    let form = idp.response(&browser, &idp.sign_on_link(&page.relay_state()), "alice");
    assert!(response_xml(&form).contains("InResponseTo=\"\""));
    assert_refused(&browser, &form, 403, "unknown_request");
    login_and_use(&idp, &server, From::Here, "alice", "alice@example.test");
}

/// As samlify is before its user writes a template: it says who, and not that they signed in.
#[test]
fn a_person_who_is_not_said_to_have_signed_in_is_refused() {
    let settings = [("BINDING", "redirect"), ("SIGN", "both"), ("WITHOUT_AUTHN", "1")];
    let (idp, server) = start(Kind::Samlify, &settings, "");
    let (browser, page) = (Browser::new(), WaitingPage::new("who"));
    let form = idp.response(&browser, &start_link(&server, "Other", &page), "alice");
    assert_refused(&browser, &form, 403, "no_authn_statement");
}

#[test]
fn boxyhq_is_believed_from_both_ends() {
    // What was posted it believes by the certificate in it, if it is one of our metadata.
    for binding in ["redirect", "post"] {
        let (idp, server) = start(Kind::Boxyhq, &[("BINDING", binding)], "");
        for from in [From::Here, From::There] {
            login_and_use(&idp, &server, from, "alice", "alice@example.test");
        }
        assert_not_promoted(&idp, &server, "bob");
    }
}

#[test]
fn assertions_may_be_encrypted_for_the_key_in_our_metadata() {
    for (kind, name, mail) in
        [(Kind::LemonLdap, "dwho", "dwho@badwolf.org"), (Kind::Samlify, "alice", "alice@example.test")]
    {
        let settings = [("BINDING", "redirect"), ("SIGN", "both"), ("ENCRYPT", "1")];
        let (idp, server) = start(kind, &settings, "in_response_to = [\"\"]");
        for from in [From::Here, From::There] {
            login_and_use(&idp, &server, from, name, mail);
        }
        let form = idp.response(&Browser::new(), &idp.sign_on_link("any"), name);
        let xml = response_xml(&form);
        assert!(xml.contains("EncryptedAssertion") && !xml.contains(mail), "{xml}");
    }
}
