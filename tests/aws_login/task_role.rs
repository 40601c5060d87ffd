//! What gives a container on ECS its role's credentials, and renews them.

use crate::cloud::SECRET;
use crate::support::process::free_port;
use crate::support::wire::{Reply, WireServer};
use serde_json::json;
use std::sync::{Arc, Mutex};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// So little that the SDK asks for others before the next call.
const LEFT: Duration = Duration::seconds(5);

pub struct TaskRole {
    /// For `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub url: String,
    access_key_id: Arc<Mutex<String>>,
    _server: WireServer,
}

impl TaskRole {
    /// Gives this one, with [`SECRET`].
    pub fn start(access_key_id: &str) -> Self {
        let port = free_port();
        let access_key_id = Arc::new(Mutex::new(access_key_id.to_owned()));
        let given = Arc::clone(&access_key_id);
        let server = WireServer::start(port, move |_| {
            let key = given.lock().unwrap().clone();
            let expiration = (OffsetDateTime::now_utc() + LEFT).format(&Rfc3339).unwrap();
            let credentials = json!({
                "AccessKeyId": key, "SecretAccessKey": SECRET, "Token": format!("token of {key}"),
                "Expiration": expiration, "RoleArn": "arn:aws:iam::123456789012:role/Vestibule",
            });
            Some(Reply::new(200, "application/json", credentials.to_string()))
        });
        let url = format!("http://127.0.0.1:{port}/credentials");
        Self { url, access_key_id, _server: server }
    }

    /// From now on it gives this one.
    pub fn renew(&self, access_key_id: &str) {
        access_key_id.clone_into(&mut self.access_key_id.lock().unwrap());
    }
}
