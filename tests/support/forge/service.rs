//! The service's side: what it is configured with, its whole validation, and a
//! verifier that makes the mistakes.

use super::encrypting::decryption_keys;
use super::signing::{canonical, parse};
use super::{ACS, AUDIENCE, DSIG, Hash, ISSUER, now, p256, p384, rsa};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use time::{Duration, OffsetDateTime};
use vestibule::saml::{
    Expected, HTTP_REDIRECT, Identity, IdentityProvider, IdentityProviders, Limits, RequestedAuthn,
    ResponseMessage, SamlRefusal, Selectors, ServiceProvider, SignOnService, Validity, canonicalize,
};

/// What the service is configured with: all three keys, the EC ones first.
pub fn adfs() -> IdentityProvider {
    IdentityProvider {
        name: "ADFS".into(),
        entity_id: ISSUER.into(),
        keys: vec![p256().verification(), p384().verification(), rsa().verification()],
        audiences: Vec::new(),
        idp_initiated: true,
        in_response_to_literals: vec!["IdP_Initiated_Login".into()],
        requested_authn: RequestedAuthn::default(),
        validity: Validity::default(),
        sign_on_services: vec![SignOnService {
            binding: HTTP_REDIRECT.into(),
            location: "https://adfs.example.com/adfs/ls/".into(),
        }],
        sign_requests: false,
        name_id_format: None,
        selectors: Selectors::default(),
    }
}

pub fn providers() -> IdentityProviders {
    IdentityProviders::new(vec![adfs()]).expect("one with keys")
}

pub fn service() -> ServiceProvider {
    ServiceProvider {
        entity_id: AUDIENCE.into(),
        acs_url: ACS.into(),
        audiences: vec![AUDIENCE.into()],
        clock_skew: Duration::seconds(60),
        decryption_keys: decryption_keys(),
        max_assertion_age: None,
        max_assertion_lifetime: None,
        request_lifetime: Duration::minutes(10),
    }
}

/// The whole validation, from the form field.
pub fn accept_field(
    field: &str,
    limits: &Limits,
    providers: &IdentityProviders,
    now: OffsetDateTime,
) -> Result<Identity, SamlRefusal> {
    let service = service();
    let message = ResponseMessage::decode(field, limits, None)?.decrypt(&service.decryption_keys)?;
    let verified = message.parse()?.find_issuer(providers)?.verify()?;
    verified.accept(&service, Expected::Unsolicited, now).map_err(|refused| refused.refusal)
}

/// The same for a document posted now.
pub fn judge(xml: &str) -> Result<Identity, SamlRefusal> {
    accept_field(&STANDARD.encode(xml), &Limits::default(), &providers(), now())
}

/// A verifier with the mistakes that the attacks are made for: any signature,
/// anywhere, over any element that has its `ID`. What it accepts, an attacker
/// has really carried a genuine signature into.
pub fn careless_verifier_accepts(xml: &str) -> bool {
    let document = parse(xml);
    document.descendants().filter(|n| n.has_tag_name((DSIG, "Signature"))).any(|signature| {
        let find = |name: &str| signature.descendants().find(|n| n.has_tag_name((DSIG, name)));
        let text = |name: &str| find(name).and_then(|n| n.text()).unwrap_or_default();
        let id =
            find("Reference").and_then(|n| n.attribute("URI")).unwrap_or_default().trim_start_matches('#');
        let Some(target) = document.descendants().find(|n| n.attribute("ID") == Some(id)) else {
            return false;
        };
        let method = find("SignatureMethod").and_then(|n| n.attribute("Algorithm")).unwrap_or_default();
        let (hash, algorithm) = match method.ends_with("sha1") {
            true => (Hash::Sha1, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
            false => (Hash::Sha256, &RSA_PKCS1_2048_8192_SHA256),
        };
        let mut bytes = Vec::new();
        canonicalize(target, Some(signature.id()), &[], &mut bytes).is_ok()
            && hash.of(&bytes) == text("DigestValue")
            && find("SignedInfo").is_some_and(|info| {
                let value = STANDARD.decode(text("SignatureValue")).unwrap_or_default();
                UnparsedPublicKey::new(algorithm, rsa().public())
                    .verify(&canonical(info, &[]), &value)
                    .is_ok()
            })
    })
}
