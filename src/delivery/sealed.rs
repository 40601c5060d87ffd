//! What only who waits can open.

use super::json::to_wiped_json;
use serde::Serialize;
use zeroize::Zeroizing;

#[derive(Serialize)]
struct Document<'a> {
    jwe: &'a str,
}

/// `{"jwe":…}`: in compact serialization, with the document of `credential_process` inside.
pub fn json(jwe: &str) -> Zeroizing<Vec<u8>> {
    to_wiped_json(&Document { jwe }, jwe.len())
}
