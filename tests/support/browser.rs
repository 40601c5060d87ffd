//! The person's browser, as much of it as a SAML login needs: cookies,
//! redirects, forms. No script runs in it.

use std::time::Duration;
use ureq::http::{HeaderMap, Response};

/// A browser with its cookies.
pub struct Browser {
    agent: ureq::Agent,
}

impl Browser {
    /// A fresh one that nobody has signed in with.
    pub fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into() }
    }

    /// Goes to `url` and follows redirects to where they end.
    pub fn open(&self, url: &str) -> Page {
        let mut page = self.get(url, &[]);
        for _ in 0..10 {
            let Some(location) = page.location() else { return page };
            page = self.get(&location, &[]);
        }
        panic!("redirected without end: {}", page.url)
    }

    /// One GET with these headers; redirects are not followed.
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Page {
        let request =
            headers.iter().fold(self.agent.get(url), |request, (name, value)| request.header(*name, *value));
        Page::read(url, request.call().unwrap())
    }

    /// Sends a form; redirects are not followed.
    pub fn submit(&self, form: &Form) -> Page {
        self.submit_with(form, &[])
    }

    /// [`Browser::submit`], with these headers.
    pub fn submit_with(&self, form: &Form, headers: &[(&str, &str)]) -> Page {
        let request = self.agent.post(&form.action);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Page::read(&form.action, request.send_form(fields).unwrap())
    }
}

/// An answer.
pub struct Page {
    /// Where it came from.
    pub url: String,
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub body: String,
}

impl Page {
    fn read(url: &str, mut answer: Response<ureq::Body>) -> Self {
        Self {
            url: url.to_owned(),
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.body_mut().read_to_string().unwrap(),
        }
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<String> {
        let location = self.headers.get("location")?.to_str().unwrap();
        (300..400).contains(&self.status).then(|| resolve(&self.url, location))
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{} answered {}: {error}\n{}", self.url, self.status, self.body))
    }

    /// The page's first form, as the identity provider filled it in.
    pub fn form(&self) -> Form {
        self.form_after("<form")
    }

    /// The form that goes to this path.
    pub fn form_to(&self, path: &str) -> Form {
        self.form_after(&format!("<form action=\"{path}\""))
    }

    fn form_after(&self, start: &str) -> Form {
        let at = self.body.find(start).unwrap_or_else(|| panic!("no {start}: {}", self.body));
        let rest = &self.body[at + "<form".len()..];
        let (form, _) = rest.split_once("</form>").unwrap();
        let fields = form
            .split("<input")
            .skip(1)
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        Form { action: resolve(&self.url, &attribute(form, "action").unwrap()), fields: fields.collect() }
    }
}

/// A form on its way.
#[derive(Clone)]
pub struct Form {
    /// Where it is sent.
    pub action: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Fills in a field that is there.
    pub fn fill(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(field, _)| field == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The value of an attribute of the tag at the start of `html`.
fn attribute(html: &str, name: &str) -> Option<String> {
    let (tag, _) = html.split_once('>')?;
    ['"', '\''].into_iter().find_map(|quote| {
        let (_, rest) = tag.split_once(&format!(" {name}={quote}"))?;
        rest.split_once(quote).map(|(value, _)| unescape(value))
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';').unwrap_or_else(|| panic!("a bare & in {text}"));
        let code = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).unwrap()).unwrap();
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => match (number.strip_prefix("#x"), number.strip_prefix('#')) {
                (Some(digits), _) => code(digits, 16),
                (None, Some(digits)) => code(digits, 10),
                (None, None) => panic!("what is &{number};?"),
            },
        });
        rest = after;
    }
    out + rest
}

/// `reference` as seen from `base` (RFC 3986 section 5.2, what of it occurs here).
fn resolve(base: &str, reference: &str) -> String {
    let path_start = base.find("://").map_or(0, |at| at + 3);
    let origin_end = base[path_start..].find('/').map_or(base.len(), |at| at + path_start);
    match reference {
        absolute if absolute.contains("://") => absolute.to_owned(),
        rooted if rooted.starts_with('/') => format!("{}{rooted}", &base[..origin_end]),
        query if query.starts_with('?') => {
            let path_end = base.find(['?', '#']).unwrap_or(base.len());
            format!("{}{query}", &base[..path_end])
        }
        // The page itself.
        "#" => base.split('#').next().unwrap().to_owned(),
        other => panic!("an unexpected kind of reference: {other}"),
    }
}
