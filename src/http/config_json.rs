//! `/config.json`: what a page must know to begin a login.

use super::settings::HttpSettings;
use crate::broker::{Binding, BrokerSettings};
use crate::config::{JwtIn, SignOn};
use serde_json::{Value, json};

/// What a page must know to begin a login. Nothing in it is a secret.
pub(super) fn config_json(settings: &HttpSettings, broker: &BrokerSettings, ping: bool) -> String {
    let providers = settings.sign_on.iter().map(|idp| {
        json!({
            "name": idp.name,
            "label": idp.label,
            "idp_initiated": idp.sign_on_url.is_some(),
            "sp_initiated": takes_requests(broker, idp),
            "sign_on_url": idp.sign_on_url,
            "relying_party_id": idp.relying_party_id,
        })
    });
    json!({
        "version": settings.version,
        "public_url": settings.public_url,
        "acs_url": format!("{}/saml", settings.public_url),
        "region": settings.ping_url.as_deref().and_then(gateway_region).unwrap_or(&settings.region),
        "binding": match broker.binding {
            Binding::Challenge => "challenge",
            Binding::Sealed => "sealed",
            Binding::Plain => "plain",
        },
        "jwt_in": match settings.jwt_in {
            JwtIn::Fragment => "fragment",
            JwtIn::Query => "query",
        },
        "console": broker.console.is_some(),
        "shell": broker.shell.is_some(),
        "local_credentials": settings.local_credentials,
        "rules": settings.rules_hold.as_str(),
        "ping": ping,
        "ping_url": settings.ping_url,
        "contact": settings.contact,
        "pages": broker.pages.iter().map(|page| json!({ "name": page.name, "origin": page.origin })).collect::<Vec<Value>>(),
        "identity_providers": providers.collect::<Vec<Value>>(),
    })
    .to_string()
}

/// Whether `GET /saml/login` sends people to it.
fn takes_requests(broker: &BrokerSettings, idp: &SignOn) -> bool {
    broker.providers.current().by_name(&idp.name).is_some_and(|provider| provider.takes_requests())
}

/// Whether a page can begin a login at it, as `canStart` of `vestibule.js` reads the above.
pub fn can_start(broker: &BrokerSettings, idp: &SignOn) -> bool {
    idp.sign_on_url.is_some() || takes_requests(broker, idp)
}

/// The region in `https://ID.execute-api.REGION.amazonaws.com/STAGE`. A gateway under
/// a custom domain is in the region of everything else.
fn gateway_region(ping_url: &str) -> Option<&str> {
    let (_, rest) = ping_url.split_once(".execute-api.")?;
    rest.split_once(".amazonaws.com").map(|(region, _)| region)
}
