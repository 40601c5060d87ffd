//! What a request of ours has sealed into its `ID`: for who receives its answer.

use super::ids::SupportId;
use crate::roles::Use;
use crate::saml::{AskedAuthn, ShortDigest};
use secrecy::SecretSlice;
use time::OffsetDateTime;

/// What the seal of a request's `ID` says: the moment in seconds since 1970 (8 bytes,
/// big-endian), then the start's reference (9). Where there is more, a byte says what: whether a
/// new sign-in is asked for, what it is for, whether it is sealed to the RelayState's key, and
/// whether the digest of the page that began follows (8); then the digests of the contexts that are asked for beside what is configured (8 each).
#[derive(Debug, PartialEq)]
pub(super) struct Sent {
    pub(super) issued_at: OffsetDateTime,
    /// None in requests of versions before references travelled.
    pub(super) reference: Option<SupportId>,
    pub(super) asked: AskedAuthn,
    /// None for the built-in page.
    pub(super) page: Option<ShortDigest>,
    pub(super) for_use: Use,
    pub(super) is_sealed: bool,
}

const FORCE_AUTHN: u8 = 1;
const OTHER_PAGE: u8 = 2;
const FOR_CONSOLE: u8 = 4;
const SEALED: u8 = 8;
const FOR_SHELL: u8 = 16;
const ALL: u8 = FORCE_AUTHN | OTHER_PAGE | FOR_CONSOLE | SEALED | FOR_SHELL;

/// `7K3F-9QTZ`
const REFERENCE_BYTES: usize = 9;

impl Sent {
    pub(super) fn to_plaintext(&self) -> SecretSlice<u8> {
        let mut bytes = self.issued_at.unix_timestamp().to_be_bytes().to_vec();
        bytes.extend(self.reference.iter().flat_map(|reference| reference.as_str().bytes()));
        let flags = [
            (self.asked.force_authn, FORCE_AUTHN),
            (self.page.is_some(), OTHER_PAGE),
            (self.for_use == Use::Console, FOR_CONSOLE),
            (self.is_sealed, SEALED),
            (self.for_use == Use::Shell, FOR_SHELL),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        if flags != 0 || !self.asked.class_refs.is_empty() {
            bytes.push(flags);
            bytes.extend(self.page.iter().flat_map(|page| page.0));
            bytes.extend(self.asked.class_refs.iter().flat_map(|digest| digest.0));
        }
        bytes.into()
    }

    /// `None` for what no version writes: then nobody knows what was asked.
    pub(super) fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let (moment, rest) = bytes.split_first_chunk::<8>()?;
        let issued_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*moment)).ok()?;
        let least = Self {
            issued_at,
            reference: None,
            asked: AskedAuthn::default(),
            page: None,
            for_use: Use::default(),
            is_sealed: false,
        };
        if rest.is_empty() {
            return Some(least);
        }
        let (reference, asked) = rest.split_first_chunk::<REFERENCE_BYTES>()?;
        let reference = Some(SupportId::parse(std::str::from_utf8(reference).ok()?)?);
        let Some((flags, rest)) = asked.split_first() else {
            return Some(Self { reference, ..least });
        };
        let for_use = match flags & (FOR_CONSOLE | FOR_SHELL) {
            0 => Use::default(),
            FOR_CONSOLE => Use::Console,
            FOR_SHELL => Use::Shell,
            _ => return None,
        };
        if flags & !ALL != 0 {
            return None;
        }
        let (page, digests) = if flags & OTHER_PAGE == 0 {
            (None, rest)
        } else {
            let (page, digests) = rest.split_first_chunk()?;
            (Some(ShortDigest(*page)), digests)
        };
        let (digests, []) = digests.as_chunks() else { return None };
        let class_refs = digests.iter().copied().map(ShortDigest).collect();
        let asked = AskedAuthn { force_authn: flags & FORCE_AUTHN != 0, class_refs };
        Some(Self { issued_at, reference, asked, page, for_use, is_sealed: flags & SEALED != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const MOMENT: [u8; 8] = 1_764_000_000_i64.to_be_bytes();

    fn sent(reference: Option<&str>, force_authn: bool, contexts: &[&str]) -> Sent {
        Sent {
            issued_at: OffsetDateTime::from_unix_timestamp(1_764_000_000).unwrap(),
            reference: reference.map(|text| SupportId::parse(text).unwrap()),
            asked: AskedAuthn {
                force_authn,
                class_refs: contexts.iter().map(|context| ShortDigest::of(context)).collect(),
            },
            page: None,
            for_use: Use::default(),
            is_sealed: false,
        }
    }

    #[test]
    fn seals_of_earlier_versions_are_still_read() {
        assert_eq!(Sent::from_plaintext(&MOMENT), Some(sent(None, false, &[])));
        // A request that asks for nothing more is sealed as before, too.
        let before = [&MOMENT[..], b"7K3F-9QTZ"].concat();
        assert_eq!(Sent::from_plaintext(&before), Some(sent(Some("7K3F-9QTZ"), false, &[])));
        assert_eq!(sent(Some("7K3F-9QTZ"), false, &[]).to_plaintext().expose_secret(), &before[..]);
    }

    #[test]
    fn what_was_asked_comes_back_as_it_was() {
        for (force_authn, contexts) in
            [(true, &[][..]), (false, &["urn:mfa"]), (true, &["urn:mfa", "urn:smartcard"])]
        {
            let sent = sent(Some("7K3F-9QTZ"), force_authn, contexts);
            let plaintext = sent.to_plaintext();
            assert_eq!(plaintext.expose_secret().len(), 8 + 9 + 1 + 8 * contexts.len());
            assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
        }
    }

    #[test]
    fn the_page_that_began_comes_back() {
        for (force_authn, contexts) in [(false, &[][..]), (true, &[]), (true, &["urn:mfa"])] {
            let page = Some(ShortDigest(*b"wiki\0\x01\x02\x03"));
            let sent = Sent { page, ..sent(Some("7K3F-9QTZ"), force_authn, contexts) };
            let plaintext = sent.to_plaintext();
            assert_eq!(plaintext.expose_secret().len(), 8 + 9 + 1 + 8 + 8 * contexts.len());
            for length in 18..26 {
                assert_eq!(Sent::from_plaintext(&plaintext.expose_secret()[..length]), None, "{length}");
            }
            assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
        }
    }

    #[test]
    fn what_it_is_for_comes_back() {
        for (force_authn, page, contexts) in [
            (false, None, &[][..]),
            (true, None, &["urn:mfa"]),
            (false, Some(ShortDigest(*b"wiki\0\x01\x02\x03")), &["urn:mfa"]),
        ] {
            let before = Sent { page, ..sent(Some("7K3F-9QTZ"), force_authn, contexts) };
            let length = before.to_plaintext().expose_secret().len().max(18);
            for (for_use, is_sealed) in
                [(Use::Console, false), (Use::Shell, false), (Use::Shell, true), (Use::Page, true)]
            {
                let asked = before.asked.clone();
                let sent = Sent { for_use, is_sealed, asked, reference: before.reference.clone(), ..before };
                let plaintext = sent.to_plaintext();
                assert_eq!(plaintext.expose_secret().len(), length);
                assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
            }
        }
    }

    #[test]
    fn a_seal_that_no_version_writes_is_no_request_of_ours() {
        let whole = sent(Some("7K3F-9QTZ"), true, &["urn:mfa"]).to_plaintext();
        let whole = whole.expose_secret();
        for length in (0..whole.len()).filter(|length| ![8, 17, 18].contains(length)) {
            assert_eq!(Sent::from_plaintext(&whole[..length]), None, "{length}");
        }
        assert_eq!(Sent::from_plaintext(&[&MOMENT[..], b"7K3F 9QTZ"].concat()), None);
        for flags in [FOR_CONSOLE | FOR_SHELL, 32, 128] {
            assert_eq!(
                Sent::from_plaintext(&[&MOMENT[..], b"7K3F-9QTZ", &[flags]].concat()),
                None,
                "{flags}"
            );
        }
    }
}
