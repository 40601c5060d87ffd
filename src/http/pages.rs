//! The page: `static/`, embedded in the binary.

use super::context::Context;
use aws_lc_rs::digest;
use axum::body::{Body, Bytes};
use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use miniz_oxide::deflate::compress_to_vec_zlib;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One file of `static/`.
pub(super) struct Asset {
    pub(super) path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Whether pages of the configured origins may import it.
    pub(super) shared: bool,
}

const fn asset(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { path, content_type, bytes, shared: false }
}

pub(super) static ASSETS: &[Asset] = &[
    asset("/", "text/html; charset=utf-8", include_bytes!("../../static/index.html")),
    asset("/style.css", "text/css; charset=utf-8", include_bytes!("../../static/style.css")),
    Asset {
        shared: true,
        ..asset(
            "/vestibule.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/vestibule.js"),
        )
    },
    asset("/page.js", "text/javascript; charset=utf-8", include_bytes!("../../static/page.js")),
    asset("/chooser.js", "text/javascript; charset=utf-8", include_bytes!("../../static/chooser.js")),
    asset("/rows.js", "text/javascript; charset=utf-8", include_bytes!("../../static/rows.js")),
    asset("/errand.js", "text/javascript; charset=utf-8", include_bytes!("../../static/errand.js")),
    asset("/shell.js", "text/javascript; charset=utf-8", include_bytes!("../../static/shell.js")),
    asset("/cards.js", "text/javascript; charset=utf-8", include_bytes!("../../static/cards.js")),
    asset("/failures.js", "text/javascript; charset=utf-8", include_bytes!("../../static/failures.js")),
    asset("/document.js", "text/javascript; charset=utf-8", include_bytes!("../../static/document.js")),
    asset("/formats.js", "text/javascript; charset=utf-8", include_bytes!("../../static/formats.js")),
    asset("/words.js", "text/javascript; charset=utf-8", include_bytes!("../../static/words.js")),
    asset("/words.json", "application/json", include_bytes!("../../static/words.json")),
    asset("/post.js", "text/javascript; charset=utf-8", include_bytes!("../../static/post.js")),
    asset("/favicon.svg", "image/svg+xml", include_bytes!("../../static/favicon.svg")),
];

/// How hard a file is compressed, of 10: once for each, at its first request.
const COMPRESSION_LEVEL: u8 = 9;

impl Asset {
    /// The `deflate` coding (RFC 9110 section 8.4.1.2).
    fn deflated(&self) -> Bytes {
        static ALL: OnceLock<BTreeMap<&'static str, Bytes>> = OnceLock::new();
        let all = ALL.get_or_init(|| {
            let deflated = |asset: &Asset| compress_to_vec_zlib(asset.bytes, COMPRESSION_LEVEL).into();
            ASSETS.iter().map(|asset| (asset.path, deflated(asset))).collect()
        });
        all.get(self.path).cloned().unwrap_or_default()
    }

    /// Of the file, or of its coding: those are different representations.
    fn etag(&self, is_deflated: bool) -> Option<HeaderValue> {
        let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.bytes));
        let coding = if is_deflated { "-deflate" } else { "" };
        HeaderValue::try_from(format!("\"{hash}{coding}\"")).ok()
    }
}

/// Whether the client takes `deflate`: it names it, and without a weight of zero.
fn takes_deflate(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("deflate"));
        let is_refused = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| !weight.bytes().any(|b| (b'1'..=b'9').contains(&b)))
        };
        is_named && !parts.any(is_refused)
    })
}

/// The file, or 304 if the client has it. Clients revalidate each time (`no-cache`),
/// so a new version takes effect at once. Over our own listener it is compressed: what a
/// gateway does with a body that is no text is its own matter.
pub(super) async fn serve(asset: &'static Asset, context: Context, headers: HeaderMap) -> Response {
    let is_deflated = context.connection.is_some() && takes_deflate(&headers);
    let etag = asset.etag(is_deflated);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || etag.as_ref().is_some_and(|etag| tag.as_bytes() == etag.as_bytes())
    });
    let body = if known {
        Body::empty()
    } else {
        Body::from(if is_deflated { asset.deflated() } else { Bytes::from_static(asset.bytes) })
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        if is_deflated {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("deflate"));
        }
    }
    response
}
