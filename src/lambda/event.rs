//! Events of API Gateway, function URLs and Application Load Balancers, read into requests.
//!
//! A client decides what is in most of an event, and API Gateway forwards much that our own
//! listener would not let through. So no reading fails for what a client can send: what
//! cannot be part of a request makes it [`Unreadable`], and the router refuses it as it
//! refuses everything else. Only an event that is no HTTP request is an error.

use super::target::{encoded_query, plain_query, route_path, target};
use crate::http::{GatewayCaller, Peer, Unreadable, last_hop};
use axum::body::Body;
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The payload format of an event, which its answer has too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// A REST API's proxy integration; format 1.0 of an HTTP API.
    Rest,
    /// Format 2.0 of an HTTP API; a function URL.
    Http,
    /// An Application Load Balancer's target group.
    LoadBalancer {
        /// Whether the target group has them switched on.
        multi_value_headers: bool,
    },
}

/// The event is no HTTP request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the function's Handler is http, which answers requests of API Gateway, function URLs and \
     Application Load Balancers, and this is {0}"
)]
pub(super) struct NotHttp(String);

/// The request that an event is about.
///
/// # Errors
/// [`NotHttp`].
pub(super) fn read(event: Value, base_path: &str) -> Result<(Payload, Request), NotHttp> {
    let payload = payload(&event)?;
    let said = match payload {
        Payload::Rest => RestEvent::deserialize(event).map(|event| event.said(base_path)),
        Payload::Http => HttpEvent::deserialize(event).map(|event| event.said(base_path)),
        Payload::LoadBalancer { .. } => {
            LoadBalancerEvent::deserialize(event).map(|event| event.said(base_path))
        }
    };
    Ok((payload, said.unwrap_or_default().request()))
}

/// Fields that only what stands in front writes tell the formats apart.
fn payload(event: &Value) -> Result<Payload, NotHttp> {
    let has = |pointer| event.pointer(pointer).is_some();
    // Else like a request of the API that asks its authorizer.
    if has("/methodArn") || has("/routeArn") || has("/authorizationToken") {
        return Err(NotHttp("an event for an authorizer, a function of its own".to_owned()));
    }
    if has("/requestContext/elb") {
        let multi_value_headers = event.get("multiValueHeaders").is_some_and(Value::is_object);
        return Ok(Payload::LoadBalancer { multi_value_headers });
    }
    if has("/rawPath") || has("/requestContext/http") {
        return Ok(Payload::Http);
    }
    if has("/httpMethod") || has("/resource") || has("/requestContext/httpMethod") {
        return Ok(Payload::Rest);
    }
    Err(NotHttp(description(event)))
}

/// What an event is that is no request, by the names that its source has given it.
fn description(event: &Value) -> String {
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str).map(short);
    if let Some(source) = text("/Records/0/eventSource").or_else(|| text("/Records/0/EventSource")) {
        return format!("an event of {source}");
    }
    if let Some(source) = text("/source") {
        return format!("an event of {source}, {}", text("/detail-type").unwrap_or_default());
    }
    if event.pointer("/requestContext/connectionId").is_some() {
        return "an event of a WebSocket API".to_owned();
    }
    if event.pointer("/requestContext/serviceNetworkArn").is_some() {
        return "an event of VPC Lattice".to_owned();
    }
    match event {
        Value::Object(fields) if fields.is_empty() => "an empty object".to_owned(),
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().take(8).map(|name| short(name)).collect();
            format!("an object with {}", names.join(", "))
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a single value".to_owned(),
    }
}

/// For a log: quoted, and no longer than a name.
fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

/// Names and single values; what is `null` is not there.
type Single = BTreeMap<String, Option<String>>;
/// Names and lists of values.
type Lists = BTreeMap<String, Option<Vec<Option<String>>>>;
type Pairs = Vec<(String, String)>;

/// What API Gateway's format 1.0 and a load balancer have in common, but for `C`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProxyEvent<C> {
    http_method: Option<String>,
    path: Option<String>,
    headers: Option<Single>,
    multi_value_headers: Option<Lists>,
    query_string_parameters: Option<Single>,
    multi_value_query_string_parameters: Option<Lists>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Option<C>,
}

type RestEvent = ProxyEvent<RestContext>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RestContext {
    domain_name: Option<String>,
    protocol: Option<String>,
    identity: Option<RestIdentity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestIdentity {
    source_ip: Option<String>,
    user_arn: Option<String>,
}

/// It says nothing of who asks: neither an address, nor a caller, since it checks no signature.
type LoadBalancerEvent = ProxyEvent<IgnoredAny>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<Single>,
    cookies: Option<Vec<Option<String>>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    request_context: Option<HttpContext>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    stage: Option<String>,
    domain_name: Option<String>,
    http: Option<HttpDescription>,
    authorizer: Option<HttpAuthorizer>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct HttpDescription {
    method: Option<String>,
    protocol: Option<String>,
    source_ip: Option<String>,
}

#[derive(Deserialize)]
struct HttpAuthorizer {
    iam: Option<Iam>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Iam {
    user_arn: Option<String>,
}

impl RestEvent {
    fn said(self, base_path: &str) -> Said {
        let context = self.request_context.unwrap_or_default();
        let query = pairs(self.multi_value_query_string_parameters, self.query_string_parameters);
        let path = self.path.as_deref().map(|path| route_path(path, None, base_path));
        let (source_ip, user_arn) = context.identity.map(|i| (i.source_ip, i.user_arn)).unwrap_or_default();
        Said {
            target: path.and_then(|path| target(path, Some(&encoded_query(&query)))),
            method: self.http_method,
            version: version(context.protocol.as_deref()),
            headers: with_host(pairs(self.multi_value_headers, self.headers), context.domain_name),
            body: body(self.body, self.is_base64_encoded),
            peer: PeerIn::Context(source_ip),
            caller: user_arn,
        }
    }
}

impl LoadBalancerEvent {
    fn said(self, base_path: &str) -> Said {
        let query = pairs(self.multi_value_query_string_parameters, self.query_string_parameters);
        let path = self.path.as_deref().map(|path| route_path(path, None, base_path));
        Said {
            target: path.and_then(|path| target(path, Some(&plain_query(&query)))),
            method: self.http_method,
            // It says no version. Requests without a host come from itself (health checks), and from
            // clients of HTTP/1.0; it refuses those of HTTP/1.1.
            version: Version::HTTP_10,
            headers: pairs(self.multi_value_headers, self.headers),
            body: body(self.body, self.is_base64_encoded),
            peer: PeerIn::ForwardedFor,
            caller: None,
        }
    }
}

impl HttpEvent {
    fn said(self, base_path: &str) -> Said {
        let context = self.request_context.unwrap_or_default();
        let http = context.http.unwrap_or_default();
        let path = self.raw_path.as_deref();
        // The only format that has the stage in the path.
        let path = path.map(|path| route_path(path, context.stage.as_deref(), base_path));
        // Repeated headers come joined by commas. No host has one, so these were several.
        let unjoined = |(name, value): (String, String)| -> Pairs {
            match name.eq_ignore_ascii_case("host") {
                true => value.split(',').map(|host| (name.clone(), host.trim().to_owned())).collect(),
                false => vec![(name, value)],
            }
        };
        let mut headers: Pairs = pairs(None, self.headers).into_iter().flat_map(unjoined).collect();
        let cookies: Vec<_> = self.cookies.into_iter().flatten().flatten().collect();
        if !cookies.is_empty() {
            headers.push(("cookie".to_owned(), cookies.join("; ")));
        }
        Said {
            target: path.and_then(|path| target(path, self.raw_query_string.as_deref())),
            method: http.method,
            version: version(http.protocol.as_deref()),
            headers: with_host(headers, context.domain_name),
            body: body(self.body, self.is_base64_encoded),
            peer: PeerIn::Context(http.source_ip),
            caller: context.authorizer.and_then(|authorizer| authorizer.iam?.user_arn),
        }
    }
}

/// The lists, which have every value, or what there is instead.
fn pairs(lists: Option<Lists>, single: Option<Single>) -> Pairs {
    let lists = lists.filter(|lists| !lists.is_empty()).map(|lists| {
        let values = |(name, values): (String, Option<Vec<Option<String>>>)| {
            values.into_iter().flatten().flatten().map(move |value| (name.clone(), value))
        };
        lists.into_iter().flat_map(values).collect()
    });
    let single = || single.into_iter().flatten().filter_map(|(name, value)| Some((name, value?)));
    lists.unwrap_or_else(|| single().collect())
}

/// API Gateway's own name stands in for a host that the event does not have (its console's
/// test has no headers).
fn with_host(mut headers: Pairs, domain_name: Option<String>) -> Pairs {
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        headers.extend(domain_name.map(|name| ("host".to_owned(), name)));
    }
    headers
}

fn version(protocol: Option<&str>) -> Version {
    if protocol == Some("HTTP/1.0") { Version::HTTP_10 } else { Version::HTTP_11 }
}

/// `None`: it claims to be base64, and is not.
fn body(body: Option<String>, is_base64_encoded: Option<bool>) -> Option<Vec<u8>> {
    let body = body.unwrap_or_default();
    if is_base64_encoded == Some(true) { STANDARD.decode(body).ok() } else { Some(body.into_bytes()) }
}

/// What an event says of a request. `None` where that cannot be part of one.
#[derive(Default)]
struct Said {
    method: Option<String>,
    target: Option<Uri>,
    version: Version,
    headers: Pairs,
    body: Option<Vec<u8>>,
    peer: PeerIn,
    caller: Option<String>,
}

/// Where an event names the peer of the gateway's connection. Other addresses count only
/// as far as `server.trusted_proxies` says.
enum PeerIn {
    /// Beside the request.
    Context(Option<String>),
    /// In the last hop of `X-Forwarded-For`, which the load balancer has appended.
    ForwardedFor,
}

impl Default for PeerIn {
    fn default() -> Self {
        Self::Context(None)
    }
}

impl Said {
    fn request(self) -> Request {
        let mut request = Request::default();
        // A path of no route, until there is one.
        *request.uri_mut() = Uri::from_static("*");
        *request.version_mut() = self.version;
        let method = self.method.and_then(|method| method.parse().ok());
        let parts = [
            method.map(|method| *request.method_mut() = method),
            self.target.map(|target| *request.uri_mut() = target),
            self.body.map(|body| *request.body_mut() = Body::from(body)),
            append(request.headers_mut(), &self.headers),
        ];
        let peer: Option<IpAddr> = match self.peer {
            PeerIn::Context(address) => address.and_then(|address| address.parse().ok()),
            PeerIn::ForwardedFor => last_hop(request.headers()),
        };
        let extensions = request.extensions_mut();
        if parts.contains(&None) {
            extensions.insert(Unreadable);
        }
        if let Some(ip) = peer {
            extensions.insert(Peer(SocketAddr::new(ip, 0)));
        }
        // An empty one is nobody's.
        if let Some(arn) = self.caller.filter(|arn| arn.starts_with("arn:")) {
            extensions.insert(GatewayCaller(arn));
        }
        request
    }
}

/// `None`: not all of them are headers, or they are more than a map takes (32,768).
fn append(headers: &mut HeaderMap, pairs: &Pairs) -> Option<()> {
    let mut all = Some(());
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = HeaderValue::from_bytes(value.as_bytes()).ok();
        all = all
            .and(name.zip(value).and_then(|(name, value)| headers.try_append(name, value).ok()).map(|_| ()));
    }
    all
}

#[cfg(test)]
mod tests;
