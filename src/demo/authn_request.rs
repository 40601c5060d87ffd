//! The request of a login that starts at the application (core 3.4.1), by the HTTP-Redirect
//! binding (bindings 3.4.4).

use super::relay_state::Mistake;
use base64::{Engine, engine::general_purpose::STANDARD};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use roxmltree::{Document, Node};

/// Inflated. The service's own have some hundred bytes.
const MAX_BYTES: usize = 16 * 1024;

/// What an answer needs of it. Who asks is known here, and so is where the answer goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) relay_state: String,
}

/// Reads the address that the browser was sent to.
pub(super) fn asked(query: Option<&str>, relying_party_id: &str) -> Result<Asked, Mistake> {
    let parameter = |name: &str| {
        let mut values = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        values.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let request = parameter("SAMLRequest").ok_or(Mistake::NoRequest)?;
    let (id, issuer) = read(&request).ok_or(Mistake::NoRequest)?;
    if issuer != relying_party_id {
        return Err(Mistake::UnknownRelyingParty);
    }
    Ok(Asked { id, relay_state: parameter("RelayState").ok_or(Mistake::NoRelayState)? })
}

/// The ID and the Issuer.
fn read(request: &str) -> Option<(String, String)> {
    let deflated = STANDARD.decode(request).ok()?;
    let xml = String::from_utf8(decompress_to_vec_with_limit(&deflated, MAX_BYTES).ok()?).ok()?;
    let document = Document::parse(&xml).ok()?;
    let root = document.root_element();
    let issuer = root.children().find(|child| child.tag_name().name() == "Issuer")?;
    (root.tag_name().name() == "AuthnRequest").then_some(())?;
    Some((root.attribute("ID")?.to_owned(), Node::text(&issuer)?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec;

    const ID: &str = "urn:amazon:webservices";

    fn query(xml: &str, rest: &str) -> String {
        let request = STANDARD.encode(compress_to_vec(xml.as_bytes(), 6));
        let encoded: String = form_urlencoded::byte_serialize(request.as_bytes()).collect();
        format!("SAMLRequest={encoded}{rest}")
    }

    fn request(issuer: &str) -> String {
        format!(
            r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</Issuer></samlp:AuthnRequest>"#
        )
    }

    #[test]
    fn a_request_is_read() {
        let of = |query: &str| asked(Some(query), ID);
        let expected = Asked { id: "_1".into(), relay_state: "a##b".into() };
        assert_eq!(of(&query(&request(ID), "&RelayState=a%23%23b")), Ok(expected));
    }

    #[test]
    fn mistakes_are_told_apart() {
        let of = |query: &str| asked(Some(query), ID).unwrap_err();
        assert_eq!(asked(None, ID), Err(Mistake::NoRequest));
        assert_eq!(of("SAMLRequest=x&RelayState=a"), Mistake::NoRequest);
        assert_eq!(of(&query(&" ".repeat(MAX_BYTES + 1), "&RelayState=a")), Mistake::NoRequest);
        assert_eq!(of(&query("<a ID='_1'><Issuer>x</Issuer></a>", "&RelayState=a")), Mistake::NoRequest);
        assert_eq!(of(&query(&request("urn:other"), "&RelayState=a")), Mistake::UnknownRelyingParty);
        assert_eq!(of(&query(&request(ID), "")), Mistake::NoRelayState);
    }
}
