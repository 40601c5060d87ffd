//! `GET /users`, signed by AWS's own signer for Rust.

use super::support::forge;
use super::support::test_service::Answer;
use super::{ORIGIN, Vestibule, request, settings};
use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::Body;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use vestibule::broker::ports::{Caller, CallerDirectory};

type Headers = Vec<(String, String)>;

const ACCESS_KEY_ID: &str = "ASIAFAKEWORLD";
const SECRET_ACCESS_KEY: &str = "secret-access-key-canary";
const SESSION_TOKEN: &str = "session-token-canary";

/// Knows one caller, whose credentials are constants: so are signatures made elsewhere.
struct OneCaller {
    ping_allowed: bool,
}

#[async_trait]
impl CallerDirectory for OneCaller {
    async fn caller(&self, access_key_id: &str, session_token: &str, _now: OffsetDateTime) -> Option<Caller> {
        (access_key_id == ACCESS_KEY_ID && session_token == SESSION_TOKEN).then(|| Caller {
            secret_access_key: SECRET_ACCESS_KEY.into(),
            assumed_role_arn: "arn:aws:sts::123456789012:assumed-role/ADFS-Production/alice@example.com"
                .into(),
            ping_allowed: self.ping_allowed,
        })
    }
}

fn vestibule(ping_allowed: bool) -> Vestibule {
    Vestibule::new().serving(settings(), Some(Arc::new(OneCaller { ping_allowed })))
}

/// What to sign, and the signer's credentials.
struct Signing {
    region: &'static str,
    service: &'static str,
    secret: &'static str,
    token: Option<&'static str>,
    checksum_header: bool,
    late: Duration,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            region: "eu-central-1",
            service: "execute-api",
            secret: SECRET_ACCESS_KEY,
            token: Some(SESSION_TOKEN),
            checksum_header: false,
            late: Duration::ZERO,
        }
    }
}

impl Signing {
    fn sign(&self, path: &str, headers: &[(&str, &str)]) -> Headers {
        let identity =
            Credentials::new(ACCESS_KEY_ID, self.secret, self.token.map(str::to_owned), None, "test").into();
        let mut settings = SigningSettings::default();
        if self.checksum_header {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time((forge::now() + self.late).into())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let url = format!("https://vestibule.example.com{path}");
        let mut all = vec![("host", "vestibule.example.com")];
        all.extend_from_slice(headers);
        let signable =
            SignableRequest::new("GET", url, all.iter().copied(), SignableBody::Bytes(b"")).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let signed = instructions.headers().map(|(n, v)| (n.to_owned(), v.to_owned()));
        all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).chain(signed).collect()
    }
}

async fn send(vestibule: &Vestibule, path: &str, headers: &Headers) -> Answer {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    vestibule.get(path, &headers).await
}

#[tokio::test]
async fn a_signed_ping_succeeds_and_names_the_caller() {
    let vestibule = vestibule(true);
    let headers = Signing::default().sign("/users", &[("user-agent", "Mozilla/5.0 (page)")]);
    let answer = send(&vestibule, "/users", &headers).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json();
    assert_eq!(json["status"], "Success");
    assert_eq!(json["agent"], "Mozilla/5.0 (page)");
    assert_eq!(json["arn"], "arn:aws:sts::123456789012:assumed-role/ADFS-Production/alice@example.com");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn queries_and_odd_white_space_are_canonicalized_as_aws_does() {
    let vestibule = vestibule(true);
    for path in
        ["/users?b=2&a=1", "/users?a=%C3%A4&a=A&a=%2F~", "/users?empty=&bare", "/users?q=one+two%20three"]
    {
        let headers = Signing::default().sign(path, &[]);
        assert_eq!(send(&vestibule, path, &headers).await.status, 200, "{path}");
    }
    let odd = [("x-odd", "  a   b  c "), ("x-twice", "1"), ("x-twice", "2")];
    let headers = Signing::default().sign("/users", &odd);
    assert_eq!(send(&vestibule, "/users", &headers).await.status, 200);
    let headers = Signing { checksum_header: true, ..Signing::default() }.sign("/users", &[]);
    assert!(headers.iter().any(|(name, _)| name == "x-amz-content-sha256"));
    assert_eq!(send(&vestibule, "/users", &headers).await.status, 200);
}

#[tokio::test]
async fn a_change_anywhere_breaks_the_signature() {
    let vestibule = vestibule(true);
    let good = Signing::default().sign("/users?a=1", &[("x-mine", "yes")]);
    assert_eq!(send(&vestibule, "/users?a=1", &good).await.status, 200);

    for path in ["/users?a=2", "/users", "/users?a=1&b=1", "/users?a=%31x", "/users?a=%"] {
        send(&vestibule, path, &good).await.refused(403, "ping_signature_invalid");
    }
    let change = |name: &str, edit: &dyn Fn(&str) -> String| {
        let mut headers = good.clone();
        let value = &mut headers.iter_mut().find(|(n, _)| n == name).unwrap().1;
        *value = edit(value);
        headers
    };
    let auth = |from: &'static str, to: &'static str| {
        change("authorization", &move |v: &str| {
            assert!(v.contains(from), "{v}");
            v.replace(from, to)
        })
    };
    let changed = [
        change("x-mine", &|_| "no".into()),
        change("host", &|_| "evil.example.com".into()),
        change("x-amz-date", &|_| "20261123T090001Z".into()),
        change("x-amz-date", &|_| "20261123T0900".into()),
        change("x-amz-date", &|_| "20261199T090000Z".into()),
        change("x-amz-security-token", &|v| format!("{v}x")),
        change("authorization", &|v| {
            let end = if v.ends_with('0') { "1" } else { "0" };
            format!("{}{end}", &v[..v.len() - 1])
        }),
        change("authorization", &|v| v.to_uppercase().replace("CREDENTIAL", "Credential")),
        change("authorization", &|v| format!("{v}, Signature=00")),
        auth("Credential=ASIA", "Credential=AKIA"),
        auth("/20261123/", "/20261122/"),
        auth("eu-central-1", "us-east-1"),
        auth("execute-api", "s3"),
        auth("aws4_request", "aws4_request/x"),
        auth("aws4_request", "aws5_request"),
        auth("SignedHeaders=host;", "SignedHeaders="),
        auth(";x-amz-date", ""),
        auth(";x-amz-security-token", ""),
        auth(";x-mine", ""),
        auth("host;", "host;host;"),
        auth("host;", "Host;"),
        auth(";x-mine", ";x-mine;x-not-there"),
    ];
    for headers in &changed {
        send(&vestibule, "/users?a=1", headers).await.refused(403, "ping_signature_invalid");
    }
    let mut twice = good.clone();
    twice.push(("authorization".into(), "AWS4-HMAC-SHA256 x".into()));
    send(&vestibule, "/users?a=1", &twice).await.refused(403, "ping_signature_invalid");
    let mut hidden = good.clone();
    hidden.push(("x-mine".into(), "no".into()));
    send(&vestibule, "/users?a=1", &hidden).await.refused(403, "ping_signature_invalid");
    let mut other_hash = good.clone();
    other_hash.push(("x-amz-content-sha256".into(), "UNSIGNED-PAYLOAD".into()));
    send(&vestibule, "/users?a=1", &other_hash).await.refused(403, "ping_signature_invalid");
    let borrowed: Vec<(&str, &str)> = good.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let with_body = request("GET", "/users?a=1", &borrowed, Body::from("body"));
    vestibule.ask(with_body).await.refused(403, "ping_signature_invalid");
}

#[tokio::test]
async fn only_our_region_service_and_these_credentials_sign() {
    let vestibule = vestibule(true);
    for wrong in [
        Signing { region: "us-east-1", ..Signing::default() },
        Signing { service: "s3", ..Signing::default() },
        Signing { secret: "another secret", ..Signing::default() },
        Signing { token: Some("another token"), ..Signing::default() },
        Signing { token: None, ..Signing::default() },
    ] {
        let headers = wrong.sign("/users", &[]);
        send(&vestibule, "/users", &headers).await.refused(403, "ping_signature_invalid");
    }
}

#[tokio::test]
async fn a_signature_lives_five_minutes() {
    let vestibule = vestibule(true);
    for (late, status) in [(300, 200), (301, 403), (-300, 200), (-301, 403)] {
        let headers = Signing { late: Duration::seconds(late), ..Signing::default() }.sign("/users", &[]);
        let answer = send(&vestibule, "/users", &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{late}");
        if status == 403 {
            answer.refused(403, "ping_signature_expired");
        }
    }
}

#[tokio::test]
async fn an_unsigned_ping_is_refused() {
    let vestibule = vestibule(true);
    vestibule.get("/users", &[]).await.refused(403, "ping_not_signed");
    let answer = vestibule.get("/users", &[("authorization", "Bearer x"), ("origin", ORIGIN)]).await;
    answer.refused(403, "ping_not_signed");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    for authorization in
        ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256Credential=,,,"]
    {
        let answer = vestibule.get("/users", &[("authorization", authorization)]).await;
        answer.refused(403, "ping_signature_invalid");
    }
}

#[tokio::test]
async fn a_session_policy_can_forbid_the_ping() {
    let vestibule = vestibule(false);
    let headers = Signing::default().sign("/users", &[]);
    send(&vestibule, "/users", &headers).await.refused(403, "ping_not_allowed");
    // A caller that cannot sign does not learn it.
    let headers = Signing { secret: "another", ..Signing::default() }.sign("/users", &[]);
    send(&vestibule, "/users", &headers).await.refused(403, "ping_signature_invalid");
}

#[tokio::test]
async fn where_nobody_could_check_there_is_no_ping() {
    let vestibule = Vestibule::new().serving(settings(), None);
    vestibule.get("/users", &[]).await.refused(404, "not_found");
    assert_eq!(vestibule.get("/config.json", &[]).await.json()["ping"], false);
}

#[tokio::test]
async fn the_agent_sent_back_is_short_and_printable() {
    let vestibule = vestibule(true);
    let long = "x".repeat(4_000);
    let headers = Signing::default().sign("/users", &[("user-agent", &long)]);
    let json = send(&vestibule, "/users", &headers).await.json();
    assert_eq!(json["agent"].as_str().unwrap().len(), 256);
}

/// What `static/vestibule.js` made of these credentials at 06:00
/// (WebCrypto; the browser tests let it sign anew).
#[tokio::test]
async fn a_ping_signed_by_the_page_succeeds() {
    let vestibule = vestibule(true);
    vestibule.service.clock.advance(-Duration::hours(3));
    let authorization = "AWS4-HMAC-SHA256 \
        Credential=ASIAFAKEWORLD/20261123/eu-central-1/execute-api/aws4_request, \
        SignedHeaders=host;x-amz-date;x-amz-security-token, \
        Signature=55312eabbea558ff152c6bd71438a572abe44510e3e7d224227076cc21aa4c77";
    let headers = [
        ("host", "vestibule.example.com"),
        ("authorization", authorization),
        ("x-amz-date", "20261123T060000Z"),
        ("x-amz-security-token", SESSION_TOKEN),
    ];
    assert_eq!(vestibule.get("/users", &headers).await.status, 200);
}

/// Signs by hand, so that the signature is right for what it says, and what it
/// says can be wrong.
fn signed_by_hand(scope_date: &str, scope_end: &str, signed_headers: &str) -> Headers {
    use aws_lc_rs::{digest, hmac};
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sha256 = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    let headers: Headers = [
        ("host", "vestibule.example.com"),
        ("x-amz-date", "20261123T090000Z"),
        ("x-amz-security-token", SESSION_TOKEN),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let value = |name: &str| &headers.iter().find(|h| h.0 == name.to_lowercase()).unwrap().1;
    let lines: String = signed_headers.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
    let canonical = format!("GET\n/users\n\n{lines}\n{signed_headers}\n{}", sha256(""));
    let scope = format!("{scope_date}/eu-central-1/execute-api/{scope_end}");
    let to_sign = format!("AWS4-HMAC-SHA256\n20261123T090000Z\n{scope}\n{}", sha256(&canonical));
    let mut key = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
    for part in [scope_date, "eu-central-1", "execute-api", "aws4_request", &to_sign] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes());
        key = tag.as_ref().to_vec();
    }
    let credential = format!("{ACCESS_KEY_ID}/{scope}");
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed_headers}, Signature={}",
        hex(&key)
    );
    headers.into_iter().chain([("authorization".to_owned(), authorization)]).collect()
}

#[tokio::test]
async fn a_right_signature_of_a_wrong_claim_is_refused() {
    let vestibule = vestibule(true);
    let names = "host;x-amz-date;x-amz-security-token";
    let good = signed_by_hand("20261123", "aws4_request", names);
    assert_eq!(send(&vestibule, "/users", &good).await.status, 200);
    for wrong in [
        signed_by_hand("20261122", "aws4_request", names),
        signed_by_hand("", "aws4_request", names),
        signed_by_hand("20261123", "aws4_request/", names),
        signed_by_hand("20261123", "aws5_request", names),
        signed_by_hand("20261123", "aws4_request", "x-amz-date;host;x-amz-security-token"),
        signed_by_hand("20261123", "aws4_request", "host;host;x-amz-date;x-amz-security-token"),
        signed_by_hand("20261123", "aws4_request", "Host;x-amz-date;x-amz-security-token"),
        signed_by_hand("20261123", "aws4_request", "host;x-amz-date"),
        signed_by_hand("20261123", "aws4_request", "host;x-amz-security-token"),
        signed_by_hand("20261123", "aws4_request", "x-amz-date;x-amz-security-token"),
    ] {
        send(&vestibule, "/users", &wrong).await.refused(403, "ping_signature_invalid");
    }
}
