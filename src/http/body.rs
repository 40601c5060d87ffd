//! Reads a body: never more than the route's cap, never longer than the timeout.

use super::error::Error;
use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use std::time::Duration;
use zeroize::Zeroizing;

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
