//! How a refusal is shown: an HTML page, or JSON.

use super::error::{Error, Refusal};
use super::frame::{
    BACK, HELP_DESK, REASON, REFERENCE, SIGN_IN_ANEW, SIGN_IN_STRONGER, WHOM_TO_ASK, escape, frame,
};
use super::language::Language;
use crate::broker::{StepUp, SupportId};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A handler's refusal on its way to the envelope, which shows it.
#[derive(Clone)]
pub(super) struct Refused(pub(super) Error);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.row().status.into_response();
        response.extensions_mut().insert(Refused(self));
        response
    }
}

/// The format of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A page, for a person in a browser.
    Html,
    /// For a page's script or a command line.
    Json,
}

/// What a page needs besides the refusal.
pub(super) struct Help<'a> {
    pub(super) reference: &'a SupportId,
    pub(super) contact: Option<&'a str>,
    pub(super) start_page: &'a str,
    /// Where the sign-in begins that the refusal offers.
    pub(super) sign_in_again: Option<&'a str>,
    pub(super) language: Language,
}

/// The refusal in this format.
pub(super) fn show(error: &Error, format: Format, help: &Help<'_>) -> Response {
    let row = error.row();
    let (content_type, body) = match format {
        Format::Html => ("text/html; charset=utf-8", page(error, help)),
        Format::Json => ("application/json", json(error, help)),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = row.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if row.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Error::MethodNotAllowed { allow } = error {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

#[derive(Serialize)]
struct Document<'a> {
    error: &'a str,
    message: String,
    reference: &'a str,
    /// What the person is to be asked before the same take is made with a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<&'a str>,
    /// If present, nothing was consumed, and asking again can succeed. The header says
    /// the same, but scripts of other origins and behind gateways do not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// A sign-in by which the rules would grant a role: what `GET /saml/login` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in_again: Option<SignInAgain<'a>>,
    /// The address at which that sign-in begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in_at: Option<&'a str>,
}

#[derive(Serialize)]
struct SignInAgain<'a> {
    idp: &'a str,
    authn_context: &'a [String],
    force_authn: bool,
}

fn json(error: &Error, help: &Help<'_>) -> String {
    document(error, help).to_string()
}

/// The refusal for programs.
pub(super) fn document(error: &Error, help: &Help<'_>) -> serde_json::Value {
    let (row, language) = (error.row(), help.language);
    let sentences = [Some(language.say(row.happened)), error.operator_says(), Some(language.say(row.to_do))];
    let message: Vec<&str> = sentences.into_iter().flatten().filter(|s| !s.is_empty()).collect();
    let document = Document {
        error: row.code,
        message: message.join(" "),
        reference: help.reference.as_str(),
        ask: error.ask(),
        retry_after: error.retry_after(),
        sign_in_again: error.step_up().map(|StepUp { idp, authn_context, force_authn }| SignInAgain {
            idp,
            authn_context,
            force_authn: *force_authn,
        }),
        sign_in_at: help.sign_in_again,
    };
    // Strings, a number and a list always serialize.
    serde_json::to_value(&document).unwrap_or_default()
}

fn page(error: &Error, help: &Help<'_>) -> String {
    let (row, say) = (error.row(), |text| help.language.say(text));
    let paragraph = |class: &str, text: &str| match text {
        "" => String::new(),
        text => format!("<p{class}>{}</p>\n", escape(text)),
    };
    let start_page = escape(help.start_page);
    let sign_in_again = error.step_up().zip(help.sign_in_again).map(|(step_up, address)| {
        let by_age_alone = step_up.authn_context.is_empty();
        let words = if by_age_alone { SIGN_IN_ANEW } else { SIGN_IN_STRONGER };
        format!("<a class=\"button\" href=\"{}\">{}</a>\n", escape(address), escape(say(words)))
    });
    let content = format!(
        r#"<p class="lead">{happened}</p>
{operator_says}{to_do}<p class="actions">{sign_in_again}<a class="button{plain}" href="{start_page}">{back}</a></p>
<dl class="help">
<div><dt>{whom_to_ask}</dt><dd>{contact}</dd></div>
<div><dt>{reference_word}</dt><dd class="reference">{reference}</dd></div>
<div><dt>{reason}</dt><dd><code>{code}</code></dd></div>
</dl>
"#,
        happened = escape(say(row.happened)),
        operator_says = paragraph(r#" class="operator-says""#, error.operator_says().unwrap_or_default()),
        to_do = paragraph("", say(row.to_do)),
        sign_in_again = sign_in_again.as_deref().unwrap_or_default(),
        plain = if sign_in_again.is_some() { " plain" } else { "" },
        back = escape(say(BACK)),
        whom_to_ask = escape(say(WHOM_TO_ASK)),
        reference_word = escape(say(REFERENCE)),
        reason = escape(say(REASON)),
        code = row.code,
        contact = escape(help.contact.unwrap_or(say(HELP_DESK))),
        reference = escape(help.reference.as_str()),
    );
    frame(help.language, row.title, help.start_page, "", &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{LoginError, RoleRefusal};

    fn refused_by_rule(format: Format) -> String {
        let error = Error::Login(LoginError::Role(RoleRefusal::Rule {
            message: "Ask <b>the help desk</b> & \"others\".".into(),
            step_up: None,
        }));
        let help = Help {
            reference: &SupportId::from_stored("7K3F-9QTZ".into()),
            contact: Some("<script>alert(1)</script> help@example.com"),
            start_page: "https://app.example.com/?a=1&b=\"><script>",
            sign_in_again: None,
            language: Language::English,
        };
        match format {
            Format::Html => page(&error, &help),
            Format::Json => json(&error, &help),
        }
    }

    #[test]
    fn nothing_configured_can_write_html_into_a_refusal_page() {
        let html = refused_by_rule(Format::Html);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("Ask &lt;b&gt;the help desk&lt;/b&gt; &amp; &quot;others&quot;."));
        assert!(html.contains("7K3F-9QTZ"));
    }

    #[test]
    fn json_carries_the_operators_words_as_they_are() {
        let json: serde_json::Value = serde_json::from_str(&refused_by_rule(Format::Json)).unwrap();
        assert_eq!(json["error"], "role_refused");
        assert_eq!(json["reference"], "7K3F-9QTZ");
        assert!(json["message"].as_str().unwrap().contains("Ask <b>the help desk</b>"));
    }
}
