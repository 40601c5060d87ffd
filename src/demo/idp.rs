//! A small look-alike of AD FS: a sign-on page without passwords, responses as
//! AD FS makes them, keys made at start. For demonstrations and tests.

use super::authn_request::asked;
use super::metadata::Federation;
use super::pages;
use super::people::{COMPANY, Person};
use super::relay_state::{Mistake, relay_state};
use super::relying_party::RelyingParty;
use super::sign::{DemoKey, SigningError};
use super::token::{Flaw, Token};
use crate::broker::ports::{Clock, SecureRandom};
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// An identity provider that is not configured.
const OTHER_ISSUER: &str = "http://adfs.elsewhere.example/adfs/services/trust";

/// The look-alike.
pub struct DemoIdp {
    base_url: String,
    entity_id: String,
    relying_party: RelyingParty,
    signer: DemoKey,
    /// For metadata, and for [`Flaw::OtherKey`].
    encryption: DemoKey,
    metadata: String,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
}

impl DemoIdp {
    /// Makes its keys and metadata. `base_url` is how browsers reach it:
    /// scheme and host.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn generate(
        base_url: &str,
        relying_party: RelyingParty,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, SigningError> {
        let base_url = base_url.trim_end_matches('/').to_owned();
        let host = base_url.split_once("://").map_or(base_url.as_str(), |(_, host)| host);
        // http, also where AD FS itself is reached by https: it is a name.
        let entity_id = format!("http://{host}/adfs/services/trust");
        let signer = DemoKey::generate(&format!("ADFS Signing - {host}"))?;
        let encryption = DemoKey::generate(&format!("ADFS Encryption - {host}"))?;
        let metadata = Federation {
            id: &new_id(random.as_ref()),
            entity_id: &entity_id,
            display_name: COMPANY,
            passive_url: &format!("{base_url}/adfs/ls/"),
            signing: &signer,
            encryption: &encryption,
        }
        .write()?;
        Ok(Self { base_url, entity_id, relying_party, signer, encryption, metadata, clock, random })
    }

    /// The issuer of its assertions.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Its FederationMetadata.xml.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The page for IdP-initiated sign-on.
    pub fn sign_on_url(&self) -> String {
        format!("{}/adfs/ls/IdpInitiatedSignOn.aspx", self.base_url)
    }

    /// The value of `SAMLResponse` for this person, in answer to the request of this ID, if to one.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn respond(
        &self,
        person: &Person,
        now: OffsetDateTime,
        flaw: Flaw,
        in_response_to: Option<&str>,
    ) -> Result<String, SigningError> {
        let assertion_id = new_id(self.random.as_ref());
        let unsigned = Token {
            issuer: if flaw == Flaw::OtherIssuer { OTHER_ISSUER } else { &self.entity_id },
            person,
            to: &self.relying_party,
            at: if flaw == Flaw::Expired { now - Duration::hours(2) } else { now },
            flaw,
            in_response_to,
            response_id: &new_id(self.random.as_ref()),
            assertion_id: &assertion_id,
        }
        .write()?;
        let response = match flaw {
            Flaw::Unsigned => unsigned,
            Flaw::OtherKey => self.encryption.sign(&unsigned, &assertion_id)?,
            Flaw::Tampered => {
                self.signer.sign(&unsigned, &assertion_id)?.replace(":role/ADFS-", ":role/ADFS-Production-")
            }
            Flaw::None | Flaw::Expired | Flaw::OtherAudience | Flaw::OtherIssuer => {
                self.signer.sign(&unsigned, &assertion_id)?
            }
        };
        Ok(STANDARD.encode(response))
    }

    /// Its pages.
    pub fn router(self) -> Router {
        Arc::new(self).pages()
    }

    /// Its pages, where it is shared.
    pub(super) fn pages(self: Arc<Self>) -> Router {
        Router::new()
            .route("/adfs/ls/", get(asked_to_sign_on).post(signed_on_as_asked))
            .route("/adfs/ls/{page}", get(sign_on).post(signed_on))
            .route("/FederationMetadata/2007-06/FederationMetadata.xml", get(metadata))
            .route("/adfs/portal/style.css", get(stylesheet))
            .route("/adfs/portal/submit.js", get(script))
            .route("/favicon.ico", get(icon))
            .fallback(elsewhere)
            .with_state(self)
    }

    /// The application that it knows.
    pub(super) fn relying_party(&self) -> &RelyingParty {
        &self.relying_party
    }

    /// This person's response, now, to no request.
    pub(super) fn respond_now(&self, person: &Person, flaw: Flaw) -> Result<String, SigningError> {
        self.respond(person, self.clock.now(), flaw, None)
    }

    /// Answers for whom the form names, at the application.
    fn answer(&self, form: &str, relay_state: &str, in_response_to: Option<&str>) -> Response {
        let person = form_urlencoded::parse(form.as_bytes())
            .find(|(key, _)| key == "person")
            .and_then(|(_, account)| Person::by_account(&account));
        let Some(person) = person else { return self.mistaken(Mistake::NoSuchPerson) };
        match self.respond(person, self.clock.now(), Flaw::None, in_response_to) {
            Ok(response) => self.post_to_application("You are signed in.", &response, relay_state),
            Err(error) => self.broken(&error),
        }
    }

    /// A page, with a policy that lets its form go to the application, its
    /// script ask us, and nothing else happen. (Browsers apply `form-action` to
    /// redirects too, and the application's answer leads to where people find it.)
    pub(super) fn page(&self, status: StatusCode, html: String) -> Response {
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self' {} {}",
            origin(&self.relying_party.acs_url),
            origin(&self.relying_party.home_url),
        );
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // An application address that is no header value allows no form at all.
        let policy =
            HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }

    /// The page that posts a response from the person's browser.
    pub(super) fn post_to_application(&self, sentence: &str, response: &str, relay_state: &str) -> Response {
        let html = pages::post_to_application(sentence, &self.relying_party, response, relay_state);
        self.page(StatusCode::OK, html)
    }

    /// The look-alike itself failed.
    pub(super) fn broken(&self, error: &dyn std::fmt::Display) -> Response {
        tracing::error!(%error, "the demo's identity provider could not answer");
        self.page(StatusCode::INTERNAL_SERVER_ERROR, pages::broken())
    }

    fn mistaken(&self, mistake: Mistake) -> Response {
        self.page(StatusCode::BAD_REQUEST, pages::mistaken(mistake, &self.relying_party))
    }
}

/// IIS does not mind case.
fn is_sign_on_page(page: &str) -> bool {
    page.eq_ignore_ascii_case("IdpInitiatedSignOn.aspx")
}

async fn sign_on(
    State(idp): State<Arc<DemoIdp>>,
    Path(page): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    if !is_sign_on_page(&page) {
        return elsewhere(State(idp)).await;
    }
    match relay_state(query.as_deref(), &idp.relying_party.id) {
        // The form goes to this very address, so the RelayState stays in it.
        Ok(_) => idp.page(StatusCode::OK, pages::sign_on()),
        Err(mistake) => idp.mistaken(mistake),
    }
}

async fn signed_on(
    State(idp): State<Arc<DemoIdp>>,
    Path(page): Path<String>,
    RawQuery(query): RawQuery,
    form: String,
) -> Response {
    if !is_sign_on_page(&page) {
        return elsewhere(State(idp)).await;
    }
    match relay_state(query.as_deref(), &idp.relying_party.id) {
        Ok(relay_state) => idp.answer(&form, &relay_state, None),
        Err(mistake) => idp.mistaken(mistake),
    }
}

/// A login that starts at the application: it sends a request.
async fn asked_to_sign_on(State(idp): State<Arc<DemoIdp>>, RawQuery(query): RawQuery) -> Response {
    match asked(query.as_deref(), &idp.relying_party.id) {
        Ok(_) => idp.page(StatusCode::OK, pages::sign_on()),
        Err(mistake) => idp.mistaken(mistake),
    }
}

async fn signed_on_as_asked(
    State(idp): State<Arc<DemoIdp>>,
    RawQuery(query): RawQuery,
    form: String,
) -> Response {
    match asked(query.as_deref(), &idp.relying_party.id) {
        Ok(asked) => idp.answer(&form, &asked.relay_state, Some(&asked.id)),
        Err(mistake) => idp.mistaken(mistake),
    }
}

async fn metadata(State(idp): State<Arc<DemoIdp>>) -> impl IntoResponse {
    (content_type("application/samlmetadata+xml"), idp.metadata.clone())
}

async fn stylesheet() -> impl IntoResponse {
    (content_type("text/css; charset=utf-8"), include_str!("assets/style.css"))
}

async fn script() -> impl IntoResponse {
    (content_type("text/javascript; charset=utf-8"), include_str!("assets/submit.js"))
}

/// Browsers ask for one by themselves. AD FS has none either.
async fn icon() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) async fn elsewhere(State(idp): State<Arc<DemoIdp>>) -> Response {
    idp.page(StatusCode::NOT_FOUND, pages::elsewhere(&idp.relying_party))
}

pub(super) const fn content_type(value: &'static str) -> [(HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, value)]
}

/// Scheme and authority of an absolute URL.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(authority..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or(url)
}

/// An xs:ID in AD FS's form: an underscore and a random UUID.
fn new_id(random: &dyn SecureRandom) -> String {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    let mut id = String::from("_");
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_end_before_the_path() {
        assert_eq!(origin("http://127.0.0.1:8080/saml"), "http://127.0.0.1:8080");
        assert_eq!(origin("https://vestibule.example.com"), "https://vestibule.example.com");
    }
}
