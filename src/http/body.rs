//! Reads a body: never more than the route's cap, never longer than the timeout.

use super::error::Error;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use std::time::Duration;
use zeroize::Zeroizing;

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/json";

/// The headers, and the whole body, which must be of this one type and not compressed.
pub(super) async fn of_type(
    request: Request,
    media_type: &str,
    cap: usize,
    timeout: Duration,
) -> Result<(HeaderMap, Zeroizing<Vec<u8>>), Error> {
    let (head, body) = request.into_parts();
    is_plain(&head.headers, media_type)?;
    Ok((head.headers, read(body, cap, timeout).await?))
}

fn is_plain(headers: &HeaderMap, media_type: &str) -> Result<(), Error> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return Err(Error::ContentType) };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case(media_type) {
        return Err(Error::ContentType);
    }
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::ContentEncoding);
    }
    Ok(())
}

/// The whole body, wiped on drop: it may hold an assertion or a ticket.
pub(super) async fn read(body: Body, cap: usize, timeout: Duration) -> Result<Zeroizing<Vec<u8>>, Error> {
    tokio::time::timeout(timeout, read_all(body, cap)).await.unwrap_or(Err(Error::BodyTimeout))
}

async fn read_all(mut body: Body, cap: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    // A declared length is refused before the first byte, and saves growing,
    // which would leave copies behind.
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > cap {
        return Err(Error::BodyTooLarge);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(declared));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::BodyIncomplete)?.into_data() else { continue };
        if bytes.len() + data.len() > cap {
            return Err(Error::BodyTooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    // A body that ends with its connection looks complete.
    if bytes.len() < declared {
        return Err(Error::BodyIncomplete);
    }
    Ok(bytes)
}
