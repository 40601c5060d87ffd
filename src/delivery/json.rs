//! JSON that is wiped, and instants in it.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

/// The capacity holds the secrets and everything beside them: a buffer that grows
/// leaves copies of its content behind.
pub(super) fn to_wiped_json(document: &impl Serialize, secret_chars: usize) -> Zeroizing<Vec<u8>> {
    let mut json = Zeroizing::new(Vec::with_capacity(8 * 1024 + 2 * secret_chars));
    // Only a map with other than text keys or a failing writer could fail; there is neither.
    serde_json::to_writer(&mut *json, document).unwrap_or_default();
    json
}

/// `2026-11-23T06:00:00Z`, as AWS's tools write it: in whole seconds.
pub fn rfc3339(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_in_whole_seconds() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_795_417_200_999_999_999).unwrap();
        assert_eq!(rfc3339(at), "2026-11-23T07:00:00Z");
    }
}
