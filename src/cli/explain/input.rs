//! The response as an operator gets hold of it, brought into the form in which
//! the service would have got it.

use crate::http::{Error, form};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The content of FILE.
pub(super) struct Input {
    /// The recognized form, in words.
    pub(super) form: &'static str,
    /// The fields of the form, or why the service would not have found them.
    pub(super) posted: Result<Posted, Error>,
}

/// The form's fields.
pub(super) struct Posted {
    pub(super) saml_response: Zeroizing<String>,
    pub(super) relay_state: Option<Zeroizing<String>>,
}

const FIELDS: [&str; 2] = ["SAMLResponse=", "RelayState="];

impl Input {
    /// `relay_state` from the command line takes precedence over the form's.
    pub(super) fn read(file: &[u8], relay_state: Option<&str>) -> Self {
        let mut input = Self::recognized(file);
        if let (Ok(posted), Some(text)) = (&mut input.posted, relay_state) {
            posted.relay_state = Some(Zeroizing::new(text.to_owned()));
        }
        input
    }

    fn recognized(file: &[u8]) -> Self {
        let alone = |form, saml_response| Self {
            form,
            posted: Ok(Posted { saml_response: Zeroizing::new(saml_response), relay_state: None }),
        };
        let Ok(text) = std::str::from_utf8(file) else {
            return alone(
                "bytes that are no UTF-8, as if they had been posted in base64",
                STANDARD.encode(file),
            );
        };
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.starts_with('<') {
            return alone("XML, as if it had been posted in base64", STANDARD.encode(file));
        }
        if FIELDS.iter().any(|field| trimmed.contains(field)) {
            return Self::form(trimmed);
        }
        if trimmed.contains('%') {
            return match form::decode(trimmed.as_bytes()) {
                Ok(field) => alone("the field in base64, percent-encoded", field.as_str().to_owned()),
                Err(form::Malformed) => {
                    Self { form: "a percent-encoded field", posted: Err(Error::FormMalformed) }
                }
            };
        }
        alone("the field in base64", trimmed.to_owned())
    }

    /// The form, be it alone or in a copied command line or note.
    fn form(text: &str) -> Self {
        let start = FIELDS.iter().filter_map(|field| text.find(field)).min().unwrap_or_default();
        let form = text.get(start..).unwrap_or_default();
        let form = form.split(['\'', '"']).next().unwrap_or_default().trim_end();
        // A browser escapes `+`, `/` and `=`, of which no response has none.
        let (name, fields) = if form.contains('%') {
            ("a form", form::fields(form.as_bytes()).collect::<Result<Vec<_>, _>>())
        } else {
            let plain = form.split('&').filter_map(|pair| pair.split_once('='));
            let owned = |(name, value): (&str, &str)| (name.to_owned(), Zeroizing::new(value.to_owned()));
            ("a form whose escapes are resolved", Ok(plain.map(owned).collect()))
        };
        let posted = fields.map_err(|form::Malformed| Error::FormMalformed).and_then(Posted::of);
        Self { form: name, posted }
    }
}

impl Posted {
    fn of(fields: Vec<form::Field>) -> Result<Self, Error> {
        let (saml_response, relay_state) = form::login(fields.into_iter().map(Ok))?;
        // A form without the field is judged as the service does, and not left open.
        Ok(Self { saml_response, relay_state: Some(relay_state.unwrap_or_default()) })
    }
}
