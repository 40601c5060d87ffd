//! The language of refusals, by `Accept-Language`.

use super::{Answer, Vestibule, request};
use axum::body::Body;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PAGE: (&str, &str) = ("accept", "text/html");
const JSON: (&str, &str) = ("accept", "application/json");

async fn refused(vestibule: &Vestibule, accept: (&str, &str), languages: &[&str]) -> Answer {
    let mut headers = vec![FORM, accept];
    headers.extend(languages.iter().map(|range| ("accept-language", *range)));
    vestibule.ask(request("POST", "/saml", &headers, Body::from("SAMLResponse=a"))).await
}

#[tokio::test]
async fn a_refusal_is_in_the_language_that_is_asked_for() {
    let vestibule = Vestibule::new();
    for (languages, tag, title, to_do, back) in [
        (
            "de-AT,de;q=0.9,en;q=0.5",
            "de",
            "Bitte beginnen Sie auf der Seite",
            "Gehen Sie zurück zu der Seite, auf der Sie begonnen haben",
            "Zurück zur Anmeldeseite",
        ),
        (
            "fr-CH, de;q=0.7",
            "fr",
            "Veuillez commencer par la page",
            "Revenez à la page où vous avez commencé",
            "Retour à la page de connexion",
        ),
        (
            "fr;q=0",
            "en",
            "Please begin at the page",
            "Go back to the page where you began",
            "Back to the sign-in page",
        ),
    ] {
        let page = refused(&vestibule, PAGE, &[languages]).await;
        assert_eq!(page.status, 400);
        assert_eq!(page.header("content-language"), tag);
        assert!(page.headers.get_all("vary").iter().any(|value| value == "accept-language"));
        for part in [format!("<html lang=\"{tag}\">"), format!("<h1>{title}</h1>"), to_do.into(), back.into()]
        {
            assert!(page.body.contains(&part), "{part} is not in: {}", page.body);
        }
        // Never translated.
        assert!(page.body.contains("relay_state_missing"));
        assert!(page.body.contains("Help desk &lt;help@example.com&gt;"));
        assert!(page.body.contains(page.header("x-request-id")));

        let json = refused(&vestibule, JSON, &[languages]).await;
        json.refused(400, "relay_state_missing");
        assert_eq!(json.header("content-language"), tag);
        let document: serde_json::Value = serde_json::from_str(&json.body).unwrap();
        assert!(document["message"].as_str().unwrap().contains(to_do), "{document}");
    }
}

/// Every text node of a page, so that a word that nobody translated is seen.
fn texts(html: &str) -> Vec<&str> {
    html.split('<')
        .filter_map(|part| Some(part.split_once('>')?.1.trim()))
        .filter(|t| !t.is_empty())
        .collect()
}

#[tokio::test]
async fn no_word_of_a_page_is_left_in_english() {
    let settings = vestibule::http::HttpSettings { contact: None, ..super::settings() };
    let vestibule = Vestibule::with(vestibule::broker::Binding::Challenge, settings);
    let english = refused(&vestibule, PAGE, &[]).await;
    for language in ["de", "fr"] {
        let other = refused(&vestibule, PAGE, &[language]).await;
        let (theirs, ours) = (texts(&other.body), texts(&english.body));
        assert_eq!(theirs.len(), ours.len());
        for (other_text, text) in theirs.iter().zip(ours) {
            let stays = ["Vestibule", "relay_state_missing"].contains(&text);
            assert_eq!(*other_text == text, stays, "{language}: {text}");
        }
    }
}

#[tokio::test]
async fn whatever_accept_language_says_the_answer_is_the_refusal() {
    let vestibule = Vestibule::new();
    let long = "de-AT;q=0.1,".repeat(100_000);
    let (dashes, commas) = ("-".repeat(60_000), ",;q=".repeat(60_000));
    for hostile in [
        &["fr;q=0"] as &[&str],
        &["<script>alert(1)</script>"],
        &["../../etc/passwd", "de\u{fc}"],
        &[&dashes],
        &[&commas],
        &["*;q=NaN", "", "q=1", "de;q=1e999", "fr;q=-0"],
    ] {
        let answer = refused(&vestibule, JSON, hostile).await;
        answer.refused(400, "relay_state_missing");
        assert_eq!(answer.header("content-language"), "en");
        assert!(!answer.body.contains("script") && !answer.body.contains("passwd"));
    }
    assert_eq!(refused(&vestibule, PAGE, &[&long]).await.header("content-language"), "de");
    // Of several headers, as of one.
    assert_eq!(refused(&vestibule, PAGE, &["de;q=0.5", "fr"]).await.header("content-language"), "fr");
}

#[tokio::test]
async fn only_what_is_written_in_a_language_says_so() {
    let vestibule = Vestibule::new();
    for path in ["/config.json", "/style.css", "/saml/metadata"] {
        let answer = vestibule.get(path, &[("accept-language", "de")]).await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key("content-language"), "{path}");
    }
    // CORS has its own.
    let headers = [("origin", super::ORIGIN), ("accept-language", "de")];
    let answer = vestibule.get("/saml", &headers).await;
    answer.refused(401, "ticket_missing");
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert!(vary.iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"origin")), "{vary:?}");
    assert!(vary.iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"accept-language")), "{vary:?}");
}

/// API Gateway's word.
#[tokio::test]
async fn unauthorized_stays_unauthorized() {
    let vestibule = Vestibule::new();
    let headers = [("content-type", "application/json"), ("accept-language", "de")];
    let answer = vestibule.ask(request("POST", "/authorizer", &headers, Body::from("{}"))).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("Unauthorized") && !answer.headers.contains_key("content-language"));
}
