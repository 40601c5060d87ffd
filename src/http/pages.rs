//! The page: `static/`, embedded in the binary.

use aws_lc_rs::digest;
use axum::body::{Body, Bytes};
use axum::response::Response;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};

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
    asset("/formats.js", "text/javascript; charset=utf-8", include_bytes!("../../static/formats.js")),
    asset("/words.js", "text/javascript; charset=utf-8", include_bytes!("../../static/words.js")),
    asset("/words.json", "application/json", include_bytes!("../../static/words.json")),
    asset("/post.js", "text/javascript; charset=utf-8", include_bytes!("../../static/post.js")),
    asset("/favicon.svg", "image/svg+xml", include_bytes!("../../static/favicon.svg")),
];

impl Asset {
    fn etag(&self) -> Option<HeaderValue> {
        let hash = digest::digest(&digest::SHA256, self.bytes);
        HeaderValue::try_from(format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash))).ok()
    }
}

/// The file, or 304 if the client has it. Clients revalidate each time (`no-cache`),
/// so a new version takes effect at once.
pub(super) async fn serve(asset: &'static Asset, headers: HeaderMap) -> Response {
    let etag = asset.etag();
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || etag.as_ref().is_some_and(|etag| tag.as_bytes() == etag.as_bytes())
    });
    let body = if known { Body::empty() } else { Body::from(Bytes::from_static(asset.bytes)) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    }
    response
}
