//! A role that is refused for want of a stronger or newer sign-in, and the sign-in by which
//! it can be had: what is offered, what can be asked for, and what the answer is held to.

use super::support::forge::{self, Forge};
use super::support::test_service::{Answer, Page, TestService, assertion, http_settings};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::Request;
use roxmltree::Document;
use std::sync::Arc;
use tempfile::TempDir;
use time::Duration;
use vestibule::broker::{Binding, BrokerSettings};
use vestibule::http::App;
use vestibule::roles::{Condition, Effect, Field, Matcher, ProviderArn, Rule, Rules};
use vestibule::saml::{
    Comparison, IdentityProvider, IdentityProviders, RequestedAuthn, RequestedAuthnContext,
};

const MFA: &str = "http://schemas.microsoft.com/claims/multipleauthn";
const SMARTCARD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";
const WINDOWS: &str = "urn:federation:authentication:windows";
const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const SENTENCE: &str = "Ask the help desk for <b>production</b>.";

fn production(name: &str, conditions: Vec<Condition>) -> Rule {
    let of_role =
        Condition { field: Field::RoleName, matchers: vec![Matcher::Contains("Production".into())] };
    Rule {
        name: name.into(),
        conditions: [of_role].into_iter().chain(conditions).collect(),
        outcome: Effect::Grant {
            role: None,
            duration: Duration::HOUR,
            session_policy: None,
            policy_arns: Vec::new(),
            ask_reason: None,
        },
    }
}

fn mfa() -> Condition {
    Condition {
        field: Field::AuthnContext,
        matchers: vec![Matcher::AnyOf(vec![MFA.into(), SMARTCARD.into()])],
    }
}

fn fresh() -> Condition {
    Condition { field: Field::AuthnAge, matchers: vec![Matcher::AtMost(Duration::minutes(15))] }
}

fn everybody_else() -> Rule {
    Rule { name: "rest".into(), conditions: vec![], outcome: Effect::Refuse { message: SENTENCE.into() } }
}

fn rules(rules: Vec<Rule>) -> Rules {
    let provider = ProviderArn::parse("arn:aws:iam::123456789012:saml-provider/ADFS").unwrap();
    Rules::new(rules, [("ADFS".to_owned(), [provider].into())].into())
}

fn service(rule_set: Vec<Rule>, change: impl FnOnce(&mut BrokerSettings)) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        settings.rules = rules(rule_set);
        change(settings);
    });
    (service, dir)
}

fn of(provider: IdentityProvider) -> impl FnOnce(&mut BrokerSettings) {
    |settings| settings.providers = IdentityProviders::new(vec![provider]).unwrap().into()
}

/// Configured so that requests ask for these contexts.
fn asking(
    comparison: Comparison,
    contexts: &[&str],
    mut provider: IdentityProvider,
) -> impl FnOnce(&mut BrokerSettings) {
    let class_refs = contexts.iter().map(|context| (*context).to_owned()).collect();
    let context = RequestedAuthnContext { comparison, class_refs };
    provider.requested_authn.authn_context = Some(context.clone());
    |settings| {
        let contexts = [("ADFS".to_owned(), context)].into();
        settings.rules = settings.rules.clone().with_authn_contexts(contexts);
        of(provider)(settings);
    }
}

/// The same post, as a browser makes it.
async fn page_of(service: &TestService, response: &Forge, language: &str) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(response.xml()))
        .append_pair("RelayState", &Page::new(1).relay_state())
        .finish();
    let request = Request::post("/saml")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", BROWSER)
        .header("accept-language", language);
    service.send(request.body(Body::from(form)).unwrap()).await
}

/// `GET /saml/login` with these fields beside RelayState.
async fn login(service: &TestService, page: &Page, more: &[(&str, &str)]) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("RelayState", &page.relay_state()).extend_pairs(more);
    let target = format!("/saml/login?{}", query.finish());
    service.send(Request::get(target).header("accept", "application/json").body(Body::empty()).unwrap()).await
}

fn id(request: &str) -> String {
    request.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What the request asks for: ForceAuthn, and Comparison and contexts.
fn asked(xml: &str) -> (bool, Option<(String, Vec<String>)>) {
    let document = Document::parse(xml).unwrap();
    let named = |name: &'static str| document.descendants().filter(move |n| n.tag_name().name() == name);
    let contexts = named("AuthnContextClassRef").map(|node| node.text().unwrap().to_owned()).collect();
    let context = named("RequestedAuthnContext").next();
    (
        document.root_element().attribute("ForceAuthn") == Some("true"),
        context.map(|node| (node.attribute("Comparison").unwrap().to_owned(), contexts)),
    )
}

fn exactly(contexts: &[&str]) -> Option<(String, Vec<String>)> {
    Some(("exact".to_owned(), contexts.iter().map(|context| (*context).to_owned()).collect()))
}

#[tokio::test]
async fn programs_are_told_which_sign_in_would_give_the_role() {
    for (rule_set, code, contexts, force_authn) in [
        (
            vec![production("mfa", vec![mfa()])],
            "insufficient_user_authentication",
            vec![MFA, SMARTCARD],
            false,
        ),
        (vec![production("mfa", vec![mfa()]), everybody_else()], "role_refused", vec![MFA, SMARTCARD], false),
    ] {
        let (service, _dir) = service(rule_set, |_| {});
        let answer = service.post(&assertion(1), &Page::new(1)).await;
        answer.refused(403, code);
        let offer = &answer.json()["sign_in_again"];
        let expected =
            serde_json::json!({"idp": "ADFS", "authn_context": contexts, "force_authn": force_authn});
        assert_eq!(*offer, expected);
        assert_eq!(service.history().await, [format!("login.refused {code}")]);
    }
    // No sign-in would help.
    let (service, _dir) = service(vec![everybody_else(), production("mfa", vec![mfa()])], |_| {});
    let answer = service.post(&assertion(1), &Page::new(1)).await;
    answer.refused(403, "role_refused");
    assert!(answer.json().get("sign_in_again").is_none());
}

#[tokio::test]
async fn people_have_a_button_that_leads_to_the_page() {
    let (service, _dir) = service(vec![production("mfa", vec![mfa()]), everybody_else()], |_| {});
    for (language, words) in [
        ("en", "Sign in again with stronger authentication"),
        ("de", "Mit stärkerer Authentifizierung erneut anmelden"),
        ("fr", "Se reconnecter avec une authentification plus forte"),
    ] {
        let answer = page_of(&service, &assertion(1), language).await;
        assert_eq!(answer.status, 403);
        let button = format!(
            "<a class=\"button\" href=\"https://app.example.com/#sign-in=ADFS\
             &amp;authn_context=http%3A%2F%2Fschemas.microsoft.com%2Fclaims%2Fmultipleauthn\
             &amp;authn_context=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Aac%3Aclasses%3ASmartcard\">{words}</a>"
        );
        assert!(answer.body.contains(&button), "{}", answer.body);
        assert!(answer.body.contains("Ask the help desk for &lt;b&gt;production&lt;/b&gt;."));
        assert!(answer.body.contains("<a class=\"button plain\" href=\"https://app.example.com/\">"));
        // No value of the person's.
        assert!(!answer.body.contains(WINDOWS) && !answer.body.contains("paula"));
    }
}

#[tokio::test]
async fn a_sign_in_that_is_too_old_has_other_words() {
    let (service, _dir) = service(vec![production("fresh", vec![fresh()])], |_| {});
    let old = Forge { edit: signed_in_at_eight, ..assertion(1) };
    let answer = page_of(&service, &old, "en").await;
    let button = "href=\"https://app.example.com/#sign-in=ADFS&amp;force_authn=true\">Sign in again now</a>";
    assert!(answer.body.contains(button), "{}", answer.body);
    assert!(answer.body.contains("insufficient_user_authentication"));
}

/// An hour before everything else.
fn signed_in_at_eight(xml: String) -> String {
    forge::replace(&xml, "AuthnInstant=\"2026-11-23T09:", "AuthnInstant=\"2026-11-23T08:")
}

#[tokio::test]
async fn nothing_is_offered_where_nobody_can_be_asked() {
    let silent = IdentityProvider { sign_on_services: Vec::new(), ..forge::adfs() };
    let (silent, _dir) = service(vec![production("mfa", vec![mfa()])], of(silent));
    let answer = silent.post(&assertion(1), &Page::new(1)).await;
    answer.refused(403, "insufficient_user_authentication");
    assert!(answer.json().get("sign_in_again").is_none());
    assert!(!page_of(&silent, &assertion(2), "en").await.body.contains("sign-in="));

    // A page of the 2017 sample cannot begin, and a program can.
    let rule_set = vec![production("mfa", vec![mfa()])];
    let (plain, _dir) = service(rule_set, |settings| settings.binding = Binding::Plain);
    let plain = TestService {
        app: Arc::new(App::new(plain.broker.clone(), None, http_settings()).unwrap()),
        ..plain
    };
    assert!(!page_of(&plain, &assertion(1), "en").await.body.contains("sign-in="));
    assert!(plain.post(&assertion(2), &Page::new(1)).await.json()["sign_in_again"].is_object());
}

#[tokio::test]
async fn the_request_asks_for_what_the_page_passes_on() {
    let (service, _dir) = service(vec![production("mfa", vec![mfa(), fresh()])], |_| {});
    for (more, expected, length) in [
        (&[][..], (false, None), 84),
        (&[("force_authn", "true")], (true, None), 85),
        (&[("force_authn", "false")], (false, None), 84),
        (&[("idp", "ADFS"), ("authn_context", MFA)], (false, exactly(&[MFA])), 96),
        (
            &[("authn_context", SMARTCARD), ("authn_context", MFA), ("force_authn", "true")],
            (true, exactly(&[SMARTCARD, MFA])),
            107,
        ),
    ] {
        let answer = login(&service, &Page::new(1), more).await;
        let xml = answer.authn_request();
        assert_eq!(asked(&xml), expected, "{xml}");
        // docs/SAML.md: some identity providers limit it.
        assert_eq!(id(&xml).len(), length);
        assert!(answer.header("location").len() < 1_300);
    }
    assert!(service.audit().await.is_empty());
}

/// What is configured stays, unless the page passes on what a rule asks for.
#[tokio::test]
async fn what_is_asked_is_joined_to_what_is_configured() {
    let requested_authn = RequestedAuthn { force_authn: true, authn_context: None };
    let demanding = IdentityProvider { requested_authn, ..forge::adfs() };
    let (service, _dir) =
        service(vec![production("mfa", vec![mfa()])], asking(Comparison::Minimum, &[WINDOWS], demanding));
    let minimum = Some(("minimum".to_owned(), vec![WINDOWS.to_owned()]));
    for (more, expected) in [
        (&[][..], (true, minimum.clone())),
        (&[("force_authn", "false")], (true, minimum)),
        (&[("authn_context", MFA)], (true, exactly(&[MFA]))),
    ] {
        let xml = login(&service, &Page::new(1), more).await.authn_request();
        assert_eq!(asked(&xml), expected);
    }
}

#[tokio::test]
async fn attack_asking_for_a_context_that_is_not_configured() {
    let password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
    let many: Vec<String> = (0..9).map(|number| format!("urn:{number}")).collect();
    let own: Vec<&str> = many.iter().map(String::as_str).chain([WINDOWS]).collect();
    let (service, _dir) =
        service(vec![production("mfa", vec![mfa()])], asking(Comparison::Minimum, &own, forge::adfs()));
    // More than fits into an ID, though each alone may be asked for.
    let many: Vec<(&str, &str)> = many.iter().map(|context| ("authn_context", context.as_str())).collect();
    login(&service, &Page::new(1), &many[1..]).await.authn_request();
    for (more, status, code) in [
        (&[("authn_context", password)][..], 400, "authn_context_unknown"),
        (&[("authn_context", MFA), ("authn_context", password)], 400, "authn_context_unknown"),
        (&[("authn_context", "")], 400, "authn_context_unknown"),
        (&[("authn_context", "<saml:AuthnContextClassRef>")], 400, "authn_context_unknown"),
        (&many, 400, "authn_context_unknown"),
        (&[("force_authn", "1")], 400, "authn_context_unknown"),
        (&[("force_authn", "")], 400, "authn_context_unknown"),
        (&[("force_authn", "true"), ("force_authn", "true")], 400, "duplicate_field"),
        (&[("authn_context", MFA), ("authn_context", MFA)], 400, "duplicate_field"),
        (&[("idp", "Okta"), ("authn_context", MFA)], 404, "idp_unknown"),
    ] {
        let answer = login(&service, &Page::new(1), more).await;
        answer.refused(status, code);
        assert!(!answer.headers.contains_key("location"), "{more:?}");
    }
    // The identity provider's own is no secret, and as good as a rule's.
    login(&service, &Page::new(1), &[("authn_context", WINDOWS)]).await.authn_request();
}

/// Everybody has to sign in by a second factor, which one rule does not know of.
#[tokio::test]
async fn attack_asking_for_a_weaker_sign_in_than_is_configured() {
    let windows = Condition { field: Field::AuthnContext, matchers: vec![Matcher::Equals(WINDOWS.into())] };
    let rule_set = vec![production("windows", vec![windows]), production("production", vec![])];
    let (service, _dir) = service(rule_set, asking(Comparison::Exact, &[MFA], forge::adfs()));
    let page = Page::new(1);
    login(&service, &page, &[("authn_context", WINDOWS)]).await.refused(400, "authn_context_unknown");
    let request = id(&login(&service, &page, &[("authn_context", MFA)]).await.authn_request());
    let weaker = Forge { in_response_to: Some(request.clone()), ..assertion(1) };
    service.post(&weaker, &page).await.refused(403, "other_authn_context");
    let mfa = Forge { in_response_to: Some(request), authn_context: MFA.into(), ..assertion(2) };
    service.post(&mfa, &page).await.ticket();
}

/// The browser carries an unsigned request, and can take out of it what it likes.
#[tokio::test]
async fn attack_answering_a_forced_sign_in_with_an_old_one() {
    let (service, _dir) = service(vec![production("production", vec![])], |_| {});
    let page = Page::new(1);
    let forced = id(&login(&service, &page, &[("force_authn", "true")]).await.authn_request());
    let old = Forge { in_response_to: Some(forced.clone()), edit: signed_in_at_eight, ..assertion(1) };
    service.post(&old, &page).await.refused(403, "not_reauthenticated");
    let anew = Forge { in_response_to: Some(forced), ..assertion(2) };
    service.post(&anew, &page).await.ticket();

    // Nobody is held to what was not asked.
    let page = Page::new(2);
    let ordinary = id(&login(&service, &page, &[]).await.authn_request());
    let old = Forge { in_response_to: Some(ordinary), edit: signed_in_at_eight, ..assertion(3) };
    service.post(&old, &page).await.ticket();
}

/// Another rule would give the role: what was asked is asked.
#[tokio::test]
async fn attack_answering_a_step_up_by_another_context() {
    let rule_set = vec![production("mfa", vec![mfa()]), production("production", vec![])];
    let (service, _dir) = service(rule_set, |_| {});
    let page = Page::new(1);
    let request = id(&login(&service, &page, &[("authn_context", MFA)]).await.authn_request());
    for context in [WINDOWS, SMARTCARD, ""] {
        let other =
            Forge { in_response_to: Some(request.clone()), authn_context: context.into(), ..assertion(1) };
        service.post(&other, &page).await.refused(403, "other_authn_context");
    }
    let mfa = Forge { in_response_to: Some(request), authn_context: MFA.into(), ..assertion(2) };
    service.post(&mfa, &page).await.ticket();
}

/// Whoever makes the request weaker has another request, and no answer to it is one of ours.
#[tokio::test]
async fn attack_changing_what_the_request_s_id_says() {
    let (service, _dir) = service(vec![production("production", vec![])], |_| {});
    let page = Page::new(1);
    let forced = id(&login(&service, &page, &[("force_authn", "true")]).await.authn_request());
    let ordinary = id(&login(&service, &page, &[]).await.authn_request());
    // As long as one that asks for nothing.
    let cut: String = forced.chars().take(ordinary.len()).collect();
    let flipped = forced.replacen(&forced[60..61], if &forced[60..61] == "A" { "B" } else { "A" }, 1);
    for (number, changed) in (1..).zip([cut, flipped]) {
        let answer = Forge { in_response_to: Some(changed), edit: signed_in_at_eight, ..assertion(number) };
        service.post(&answer, &page).await.refused(403, "unknown_request");
    }
}

/// From the refusal to the role, as the page and an honest identity provider do it.
#[tokio::test]
async fn the_offer_leads_to_the_role() {
    let (service, _dir) = service(vec![production("mfa", vec![mfa(), fresh()]), everybody_else()], |_| {});
    let page = Page::new(1);
    let old = Forge { edit: signed_in_at_eight, ..assertion(1) };
    let offer = service.post(&old, &page).await.json()["sign_in_again"].clone();
    let context = offer["authn_context"][0].as_str().unwrap();
    assert_eq!((context, offer["force_authn"].as_bool()), (MFA, Some(true)));
    let more = [("idp", offer["idp"].as_str().unwrap()), ("authn_context", context), ("force_authn", "true")];
    let page = Page::new(2);
    let request = id(&login(&service, &page, &more).await.authn_request());
    let answer = Forge { in_response_to: Some(request), authn_context: context.into(), ..assertion(2) };
    let ticket = service.post(&answer, &page).await.ticket();
    assert_eq!(service.take(&ticket, &page).await.status, 200);
}

/// Core 3.2.2.2: the identity provider says that it cannot.
#[tokio::test]
async fn who_cannot_sign_in_so_is_told() {
    let (service, _dir) = service(vec![production("mfa", vec![mfa()])], |_| {});
    let failure = |xml: String| {
        let from = xml.find("<Assertion").unwrap();
        let to = xml.find("</Assertion>").unwrap() + "</Assertion>".len();
        let below = "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext\"/>";
        let status = format!("status:Responder\">{below}</samlp:StatusCode>");
        format!("{}{}", &xml[..from], &xml[to..]).replace("status:Success\" />", &status)
    };
    let answer = service.post_xml(&failure(assertion(1).not_signed().xml()), &Page::new(1)).await;
    answer.refused(403, "no_authn_context");
}
