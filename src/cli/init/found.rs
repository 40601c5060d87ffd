//! What the identity provider's metadata says.

use crate::saml::IdpMetadata;
use time::OffsetDateTime;

pub(super) struct Found {
    pub(super) metadata: IdpMetadata,
    /// For IAM, which takes the document itself.
    pub(super) document: Vec<u8>,
    /// When it was looked at.
    pub(super) now: OffsetDateTime,
}

impl Found {
    /// The certificates that have ended, if any: it works, and is a sign of an old document.
    pub(super) fn ended_certificates(&self) -> Vec<String> {
        let keys = self.metadata.signing_keys.iter();
        let ended = keys.filter_map(|key| Some((key, key.not_after().filter(|end| *end <= self.now)?)));
        ended
            .map(|(key, end)| {
                let print = key.fingerprint().get(..16).unwrap_or_default();
                format!(
                    "the signing certificate {print}… ended on {}. It is believed while the metadata has it; \
                     is this the metadata that the identity provider publishes now?",
                    end.date()
                )
            })
            .collect()
    }

    /// AD FS's own sign-on page, if this is an AD FS: beside its endpoint.
    pub(super) fn adfs_page(&self) -> Option<String> {
        let mut services = self.metadata.sign_on_services.iter();
        services.find_map(|service| {
            let at = service.location.strip_suffix('/').unwrap_or(&service.location);
            Some(format!("{}/adfs/ls/IdpInitiatedSignOn.aspx", at.strip_suffix("/adfs/ls")?))
        })
    }
}
