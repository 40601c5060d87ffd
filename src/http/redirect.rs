//! The redirect to the page, with the ticket, or with the word that a login is to begin.

use super::error::Error;
use super::settings::SettingsError;
use crate::broker::{StepUp, Ticket, Use};
use crate::config::JwtIn;
use http::HeaderValue;
use zeroize::Zeroizing;

/// The page's URL, split where the ticket goes.
pub(super) struct Redirect {
    url: String,
    before: String,
    after: String,
    begin: String,
    choose: String,
}

impl Redirect {
    /// A ticket in the fragment replaces a fragment of the URL; one in the
    /// query joins its query.
    pub(super) fn new(url: &str, jwt_in: JwtIn) -> Result<Self, SettingsError> {
        HeaderValue::from_str(url)
            .map_err(|_| SettingsError { name: "redirect_url", value: url.to_owned() })?;
        let (base, fragment) = url.split_once('#').unwrap_or((url, ""));
        let (begin, choose) = (format!("{base}#sign-in="), format!("{base}#choice="));
        Ok(match jwt_in {
            JwtIn::Fragment => Self {
                url: url.to_owned(),
                before: format!("{base}#jwt="),
                after: String::new(),
                begin,
                choose,
            },
            JwtIn::Query => {
                let separator = if base.contains('?') { '&' } else { '?' };
                let after = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
                Self { url: url.to_owned(), before: format!("{base}{separator}jwt="), after, begin, choose }
            }
        })
    }

    /// As it is configured.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn to(&self, ticket: &Ticket) -> Result<HeaderValue, Error> {
        Self::secret([&self.before, ticket.expose(), &self.after])
    }

    /// Where the person chooses. Always in the fragment: no page of the 2017 sample does.
    pub(super) fn to_choose(&self, ticket: &Ticket) -> Result<HeaderValue, Error> {
        Self::secret([&self.choose, ticket.expose(), ""])
    }

    fn secret(parts: [&str; 3]) -> Result<HeaderValue, Error> {
        let location = Zeroizing::new(parts.concat());
        let mut location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
        location.set_sensitive(true);
        Ok(location)
    }

    /// Where a login at this identity provider begins by itself.
    pub(super) fn to_begin(&self, idp: &str) -> Result<HeaderValue, Error> {
        // Its name needs no escapes.
        HeaderValue::from_str(&[&self.begin, idp].concat()).map_err(|_| Error::Internal)
    }

    /// Where a login begins that asks for this sign-in, for the same use.
    pub(super) fn to_sign_in_again(&self, step_up: &StepUp, for_use: Use) -> String {
        let mut query = form_urlencoded::Serializer::new([&self.begin, &*step_up.idp].concat());
        for context in &step_up.authn_context {
            query.append_pair("authn_context", context);
        }
        if step_up.force_authn {
            query.append_pair("force_authn", "true");
        }
        if for_use != Use::default() {
            query.append_pair("use", for_use.as_str());
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str, jwt_in: JwtIn) -> String {
        let location = Redirect::new(url, jwt_in).unwrap().to(&Ticket::from_signed("a.b.c".into())).unwrap();
        location.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_ticket_stands_where_the_page_looks() {
        let page = "https://app.example.com/";
        assert_eq!(to(page, JwtIn::Fragment), "https://app.example.com/#jwt=a.b.c");
        assert_eq!(to("https://a.example/?x=1#old", JwtIn::Fragment), "https://a.example/?x=1#jwt=a.b.c");
        assert_eq!(to(page, JwtIn::Query), "https://app.example.com/?jwt=a.b.c");
        assert_eq!(to("https://a.example/?x=1#top", JwtIn::Query), "https://a.example/?x=1&jwt=a.b.c#top");
    }

    #[test]
    fn the_page_learns_how_to_sign_in_again() {
        let context = "http://schemas.microsoft.com/claims/multipleauthn".to_owned();
        let escaped = "http%3A%2F%2Fschemas.microsoft.com%2Fclaims%2Fmultipleauthn";
        for (authn_context, force_authn, more) in [
            (vec![context.clone()], false, format!("&authn_context={escaped}")),
            (vec![], true, "&force_authn=true".to_owned()),
            (
                vec!["urn:a&b=c#d".to_owned(), context],
                true,
                format!("&authn_context=urn%3Aa%26b%3Dc%23d&authn_context={escaped}&force_authn=true"),
            ),
        ] {
            let redirect = Redirect::new("https://a.example/?x=1#old", JwtIn::Fragment).unwrap();
            let step_up = StepUp { idp: "ADFS".to_owned(), authn_context, force_authn };
            let expected = format!("https://a.example/?x=1#sign-in=ADFS{more}");
            assert_eq!(redirect.to_sign_in_again(&step_up, Use::Page), expected);
            assert_eq!(redirect.to_sign_in_again(&step_up, Use::Console), format!("{expected}&use=console"));
        }
    }

    #[test]
    fn line_breaks_cannot_reach_the_location_header() {
        assert!(Redirect::new("https://a.example/\r\nSet-Cookie: a=b", JwtIn::Fragment).is_err());
        let redirect = Redirect::new("https://a.example/", JwtIn::Fragment).unwrap();
        let forged = Ticket::from_signed("a.b.c\r\nSet-Cookie: a=b".into());
        assert_eq!(redirect.to(&forged), Err(Error::Internal));
    }
}
