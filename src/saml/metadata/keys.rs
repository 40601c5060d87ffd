//! The signing keys in an identity provider's metadata (metadata 2.4.1.1), and why
//! others of them cannot be used.

use crate::saml::dsig::key::{KeyError, VerificationKey};
use crate::saml::xml::names::{DSIG, METADATA};
use crate::saml::xml::nodes;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roxmltree::Node;

/// The longest key or certificate that is decoded, in characters of base64.
const MAX_KEY_CHARS: usize = 1 << 16;
/// The most keys that a message names.
const MAX_NAMED: usize = 5;
/// The lines around a certificate in PEM (RFC 7468, 2).
const ARMOUR: [&str; 2] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];

/// The keys of an entity that may sign, and what is wrong with the others.
#[derive(Default)]
pub(super) struct SigningKeys {
    pub(super) usable: Vec<VerificationKey>,
    unusable: Vec<String>,
    for_encryption: usize,
}

impl SigningKeys {
    /// Of its roles as an identity provider.
    pub(super) fn of<'a, 'i: 'a>(roles: impl Iterator<Item = Node<'a, 'i>>) -> Self {
        let mut keys = Self::default();
        for (index, descriptor) in
            roles.flat_map(|r| nodes::children(r, METADATA, "KeyDescriptor")).enumerate()
        {
            match nodes::attribute(descriptor, "use") {
                // Without `use` it is for both.
                None | Some("signing") => keys.take(index + 1, descriptor),
                Some("encryption") => keys.for_encryption += 1,
                Some(_) => keys.cannot_be_used(index + 1, "its use is neither signing nor encryption"),
            }
        }
        keys
    }

    fn take(&mut self, number: usize, descriptor: Node<'_, '_>) {
        match key(descriptor) {
            Ok(key) if self.usable.iter().any(|known| known.fingerprint() == key.fingerprint()) => {}
            Ok(key) => self.usable.push(key),
            Err(why) => self.cannot_be_used(number, &why),
        }
    }

    fn cannot_be_used(&mut self, number: usize, why: &str) {
        self.unusable.push(format!("KeyDescriptor {number}: {why}"));
    }

    /// Why there is none that can be used, for the operator.
    pub(super) fn why_none(&self) -> String {
        let mut why: Vec<String> = self.unusable.iter().take(MAX_NAMED).cloned().collect();
        match self.unusable.len().saturating_sub(MAX_NAMED) {
            0 => {}
            more => why.push(format!("and {more} more")),
        }
        match (why.is_empty(), self.for_encryption) {
            (false, _) => why.join("; "),
            (true, 0) => "it has no KeyDescriptor".to_owned(),
            (true, _) => "its KeyDescriptors are for encryption only".to_owned(),
        }
    }
}

/// The one key of a KeyDescriptor. Several certificates are a chain: the first is the
/// key's, and those that vouch for it sign nothing here.
fn key(descriptor: Node<'_, '_>) -> Result<VerificationKey, String> {
    let info = nodes::children(descriptor, DSIG, "KeyInfo").next().ok_or("it has no KeyInfo")?;
    let certificate = nodes::children(info, DSIG, "X509Data")
        .flat_map(|data| nodes::children(data, DSIG, "X509Certificate"))
        .next();
    if let Some(certificate) = certificate {
        let der = base64(certificate).ok_or("its X509Certificate is not base64")?;
        return VerificationKey::from_certificate(&der).map_err(|why| said(&why));
    }
    let value = nodes::children(info, DSIG, "KeyValue").next();
    let rsa = value.and_then(|value| nodes::children(value, DSIG, "RSAKeyValue").next());
    let rsa = rsa.ok_or("it has neither an X509Certificate nor an RSAKeyValue")?;
    let number = |name| {
        let element = nodes::at_most_one(rsa, DSIG, name).ok().flatten();
        element.and_then(base64).ok_or_else(|| format!("its RSAKeyValue has no {name} in base64"))
    };
    VerificationKey::from_rsa(&number("Modulus")?, &number("Exponent")?).map_err(|why| said(&why))
}

fn said(why: &KeyError) -> String {
    format!("its key cannot be used: {why}")
}

/// People paste certificates: any white space, padding or not, armour or not.
fn base64(element: Node<'_, '_>) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let text = nodes::pure_text(element).filter(|text| text.len() <= MAX_KEY_CHARS)?;
    let text = ARMOUR.iter().fold(text.to_owned(), |text, line| text.replacen(line, "", 1));
    engine.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}
