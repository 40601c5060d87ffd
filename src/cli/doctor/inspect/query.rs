//! STS and IAM by AWS's query protocol. The SDK's IAM client would be the
//! largest dependency of all, for four read-only questions; this is a form,
//! a signature by the SDK's own signer, and the SDK's own connections.

use super::error::{InspectError, innermost};
use crate::adapters::aws::Sdk;
use crate::broker::ports::Clock;
use aws_config::SdkConfig;
use aws_sdk_sts::config::ProvideCredentials;
use aws_sdk_sts::config::http::HttpRequest;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use http_body_util::{BodyExt, Limited};
use std::collections::BTreeSet;
use std::time::Duration;
use time::format_description::well_known::Rfc2822;
use time::{Duration as Span, OffsetDateTime};

/// One question; also how long a dead service keeps an operator waiting.
const TIMEOUT: Duration = Duration::from_secs(5);

/// IAM's copy of a federation's metadata may be large (API reference: 10 million characters).
const MAX_ANSWER_BYTES: usize = 12_000_000;

/// STS in one region, or IAM in one partition.
pub(crate) struct QueryService<'a> {
    clock: &'a dyn Clock,
    config: SdkConfig,
    endpoint: String,
    name: &'static str,
    region: String,
    version: &'static str,
}

/// An answer: a success, or one of AWS's errors.
pub(crate) struct Answer {
    /// How far the service's clock is ahead of ours, to the second.
    pub(crate) ahead: Option<Span>,
    body: Result<String, InspectError>,
}

impl<'a> QueryService<'a> {
    /// STS; `partition` is the region's.
    pub(crate) async fn sts(
        sdk: &Sdk,
        clock: &'a dyn Clock,
        region: &str,
        endpoint: Option<&str>,
        partition: &str,
    ) -> Self {
        let standard = format!("https://sts.{region}.{}", domain(partition));
        let config = sdk.at(region, None).await;
        let endpoint = endpoint.map(str::to_owned).unwrap_or_else(|| elsewhere(&config, "STS", standard));
        Self { clock, config, endpoint, name: "sts", region: region.to_owned(), version: "2011-06-15" }
    }

    /// IAM, which every partition has in one place (AWS General Reference, IAM endpoints).
    pub(crate) async fn iam(sdk: &Sdk, clock: &'a dyn Clock, partition: &str) -> Self {
        let (region, host) = match partition {
            "aws-us-gov" => ("us-gov-west-1", "iam.us-gov.amazonaws.com"),
            "aws-cn" => ("cn-north-1", "iam.cn-north-1.amazonaws.com.cn"),
            _ => ("us-east-1", "iam.amazonaws.com"),
        };
        let config = sdk.at(region, None).await;
        let endpoint = elsewhere(&config, "IAM", format!("https://{host}"));
        Self { clock, config, endpoint, name: "iam", region: region.to_owned(), version: "2010-05-08" }
    }

    /// Its URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks; signed if there are credentials, else unsigned.
    ///
    /// # Errors
    /// Why no answer came at all: a sentence's end.
    pub(crate) async fn ask(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Answer, String> {
        tokio::time::timeout(TIMEOUT, self.exchange(action, parameters, self.clock.now()))
            .await
            .unwrap_or_else(|_| Err(format!("nothing in {} s", TIMEOUT.as_secs())))
    }

    async fn exchange(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        now: OffsetDateTime,
    ) -> Result<Answer, String> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", self.version)
            .extend_pairs(parameters)
            .finish();
        let uri = format!("{}/", self.endpoint.trim_end_matches('/'));
        let signature = self.signature(&uri, &form, now).await?;

        let mut request = HttpRequest::new(form.into());
        let malformed = |e: &dyn std::fmt::Display| format!("{uri} is no address: {e}");
        request.set_method("POST").map_err(|e| malformed(&e))?;
        request.set_uri(uri.as_str()).map_err(|e| malformed(&e))?;
        let headers = request.headers_mut();
        headers.insert("content-type", CONTENT_TYPE);
        for (name, value) in signature {
            headers.try_insert(name, value).map_err(|e| malformed(&e))?;
        }
        let connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .proxy_config(ProxyConfig::from_env())
            .build();
        let response = connector.call(request).await.map_err(|e| innermost(&e))?;

        let status = response.status().as_u16();
        let date = response.headers().get("date").map(|date| date.replace("GMT", "+0000"));
        let ahead = date.and_then(|date| OffsetDateTime::parse(&date, &Rfc2822).ok()).map(|date| {
            // Theirs has no fraction; half a second is the least error in the mean.
            date + Span::milliseconds(500) - now
        });
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = match status {
            200 => Ok(text),
            500.. => Err(InspectError::NoAnswer(format!("status {status}"))),
            _ => {
                let code = first(&text, "Code").unwrap_or_else(|| format!("status {status}"));
                Err(InspectError::of(&code, &first(&text, "Message").unwrap_or_default()))
            }
        };
        Ok(Answer { ahead, body })
    }

    async fn signature(
        &self,
        uri: &str,
        form: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<(String, String)>, String> {
        let Some(provider) = self.config.credentials_provider() else { return Ok(Vec::new()) };
        // Without credentials the question is worth asking all the same: STS's refusal has its clock.
        let Ok(credentials) = provider.provide_credentials().await else { return Ok(Vec::new()) };
        let identity = credentials.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time(now.into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| e.to_string())?;
        let host = uri.split('/').nth(2).unwrap_or_default();
        let headers = [("host", host), ("content-type", CONTENT_TYPE)];
        let request =
            SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(form.as_bytes()))
                .map_err(|e| e.to_string())?;
        let (instructions, _) = sign(request, &parameters.into()).map_err(|e| e.to_string())?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";

impl Answer {
    /// The text of the first element of this name.
    ///
    /// # Errors
    /// [`InspectError`]: the service refused.
    pub(crate) fn text(&self, element: &str) -> Result<String, InspectError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        first(body, element)
            .ok_or_else(|| InspectError::NoAnswer(format!("there is no {element} in the answer")))
    }

    /// The texts of two elements of every `member` that has both.
    ///
    /// # Errors
    /// [`InspectError`]: the service refused.
    pub(crate) fn members(&self, one: &str, other: &str) -> Result<Vec<(String, String)>, InspectError> {
        let document = self.document()?;
        let child = |member: roxmltree::Node<'_, '_>, name: &str| {
            let mut children = member.children();
            Some(children.find(|each| each.tag_name().name() == name)?.text()?.to_owned())
        };
        let members = document.descendants().filter(|each| each.tag_name().name() == "member");
        Ok(members.filter_map(|member| Some((child(member, one)?, child(member, other)?))).collect())
    }

    /// What is in all lists of this name, each once.
    ///
    /// # Errors
    /// [`InspectError`]: the service refused.
    pub(crate) fn listed(&self, list: &str) -> Result<BTreeSet<String>, InspectError> {
        let document = self.document()?;
        let lists = document.descendants().filter(|each| each.tag_name().name() == list);
        let members =
            lists.flat_map(|list| list.children()).filter(|each| each.tag_name().name() == "member");
        Ok(members.filter_map(|member| member.text()).map(str::to_owned).collect())
    }

    fn document(&self) -> Result<roxmltree::Document<'_>, InspectError> {
        let body = self.body.as_ref().map_err(Clone::clone)?;
        roxmltree::Document::parse(body)
            .map_err(|_| InspectError::NoAnswer("the answer is no XML".to_owned()))
    }
}

/// `assumed-role` ARNs name the role without its path: the role's name, for `GetRole`.
pub(crate) fn describe_role_arn(caller: &str) -> Option<&str> {
    caller.split_once(":assumed-role/")?.1.split('/').next()
}

fn first(xml: &str, element: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let found = document.descendants().find(|each| each.tag_name().name() == element)?;
    Some(found.text().unwrap_or_default().to_owned())
}

fn domain(partition: &str) -> &'static str {
    if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// The SDK's own order: the service's variable, the variable for all, AWS.
pub(crate) fn elsewhere(config: &SdkConfig, service: &str, standard: String) -> String {
    std::env::var(format!("AWS_ENDPOINT_URL_{service}"))
        .ok()
        .filter(|url| !url.is_empty())
        .or_else(|| config.endpoint_url().map(str::to_owned))
        .unwrap_or(standard)
}
