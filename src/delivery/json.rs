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

/// `2026-11-23T06:00:00Z`, as AWS's tools write it.
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
