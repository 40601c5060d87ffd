//! What can be in front of the function: how each forwards a request, and what it takes
//! for an answer.

use crate::support::cloud::rest;
use crate::{balancer, http};
use Front::{Balancer, BalancerWithLists, FunctionUrl, HttpApi, Rest};
use serde_json::{Value, json};

/// What is in front of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    Rest,
    HttpApi,
    FunctionUrl,
    Balancer,
    BalancerWithLists,
}

pub const FRONTS: [Front; 5] = [Rest, HttpApi, FunctionUrl, Balancer, BalancerWithLists];

impl Front {
    pub fn event(self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
        match self {
            Rest => rest(method, path, headers, body),
            HttpApi => http("prod", method, path, headers, body),
            FunctionUrl => http("$default", method, path, headers, body),
            Balancer => balancer(false, method, path, headers, body),
            BalancerWithLists => balancer(true, method, path, headers, body),
        }
    }

    /// As the front gives it: decoded by a REST API, cut at `&` and `=` by that and by a
    /// load balancer, whole by the others.
    pub fn set_query(self, event: &mut Value, query: &str) {
        let (name, value) = query.split_once('=').unwrap_or((query, ""));
        match self {
            Rest => {
                event["queryStringParameters"] = json!({ name: value });
                event["multiValueQueryStringParameters"] = json!({ name: [value] });
            }
            HttpApi | FunctionUrl => event["rawQueryString"] = json!(query),
            Balancer => event["queryStringParameters"] = json!({ name: value }),
            BalancerWithLists => event["multiValueQueryStringParameters"] = json!({ name: [value] }),
        }
    }

    /// Several, each as the front gives it: decoded by a REST API, as the client wrote it by the others.
    pub fn set_queries(self, event: &mut Value, pairs: &[(&str, &str)]) {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let written = |name: &str, value: &str| (encoded(name), encoded(value));
        let pairs = pairs.iter().map(|&(name, value)| match self {
            Rest => (name.to_owned(), value.to_owned()),
            HttpApi | FunctionUrl | Balancer | BalancerWithLists => written(name, value),
        });
        let pairs: Vec<(String, String)> = pairs.collect();
        let single: serde_json::Map<_, _> = pairs.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
        let lists: serde_json::Map<_, _> = pairs.iter().map(|(n, v)| (n.clone(), json!([v]))).collect();
        match self {
            Rest => {
                event["queryStringParameters"] = single.into();
                event["multiValueQueryStringParameters"] = lists.into();
            }
            HttpApi | FunctionUrl => {
                let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                event["rawQueryString"] = json!(query.join("&"));
            }
            Balancer => event["queryStringParameters"] = single.into(),
            BalancerWithLists => event["multiValueQueryStringParameters"] = lists.into(),
        }
    }

    /// From where the front has the request.
    pub fn set_client(self, event: &mut Value, address: &str) {
        match self {
            Rest => event["requestContext"]["identity"]["sourceIp"] = json!(address),
            HttpApi | FunctionUrl => event["requestContext"]["http"]["sourceIp"] = json!(address),
            Balancer | BalancerWithLists => self.set_header(event, "X-Forwarded-For", address),
        }
    }

    pub fn set_header(self, event: &mut Value, name: &str, value: &str) {
        match self {
            Rest => {
                event["headers"][name] = json!(value);
                event["multiValueHeaders"][name] = json!([value]);
            }
            HttpApi | FunctionUrl | Balancer => event["headers"][name.to_lowercase()] = json!(value),
            BalancerWithLists => event["multiValueHeaders"][name.to_lowercase()] = json!([value]),
        }
    }

    /// Whether the answer is one in this front's payload format.
    pub fn is_answered_by(self, answer: &Value) -> bool {
        let Some(fields) = answer.as_object() else { return false };
        let has = |name: &str| fields.contains_key(name);
        let strings =
            |headers: &Value| headers.as_object().is_some_and(|all| all.values().all(Value::is_string));
        let lists = |headers: &Value| {
            let is_list =
                |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
            headers.as_object().is_some_and(|all| all.values().all(is_list))
        };
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        let description = answer["statusDescription"].as_str().unwrap_or_default();
        let of_front = match self {
            Rest => !has("headers") && lists(&answer["multiValueHeaders"]) && !has("cookies"),
            HttpApi | FunctionUrl => {
                strings(&answer["headers"]) && !has("multiValueHeaders") && answer["cookies"].is_array()
            }
            Balancer => strings(&answer["headers"]) && !has("multiValueHeaders"),
            BalancerWithLists => !has("headers") && lists(&answer["multiValueHeaders"]),
        };
        let described = match self {
            Rest | HttpApi | FunctionUrl => !has("statusDescription"),
            Balancer | BalancerWithLists => description.starts_with(&format!("{status} ")),
        };
        of_front && described && answer["body"].is_string() && answer["isBase64Encoded"] == false
    }
}
