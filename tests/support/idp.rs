//! SimpleSAMLphp on loopback: a real identity provider for one test.
//!
//! Its settings are in `tests/idp/simplesamlphp/`; they read the variables set here.

use super::browser::{Browser, Form, Page};
use super::process::{Process, free_port};
use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MISSING: &str = "SimpleSAMLphp is not here. Run `tests/run`: it installs what the tests need (or `tests/install-idp` alone).";

/// What the identity provider signs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sign {
    /// The assertion, as AD FS does by default.
    Assertion,
    /// The response that holds it.
    Response,
    /// One inside the other.
    Both,
}

/// How it does what it does. Changed while it runs, the next response is another.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What it signs.
    pub sign: Sign,
    /// By what: `rsa-sha256` and the like.
    pub algorithm: &'static str,
    /// Whether it encrypts the assertion for the key in our metadata.
    pub encrypt: bool,
    /// Whether it encrypts the NameID.
    pub encrypt_name_id: bool,
    /// Whether requests must be signed, by the key in our metadata.
    pub wants_signed: bool,
    /// Whether it takes requests by HTTP-POST only.
    pub post_only: bool,
    /// Whose keys sign: the first, or the second (with both in its metadata meanwhile).
    pub keys: Keys,
}

/// A rollover, stage by stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keys {
    /// The first alone.
    First,
    /// The first signs, the second is announced.
    FirstAndNext,
    /// The second signs, the first is still listed.
    SecondAndFormer,
    /// The second alone.
    Second,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sign: Sign::Assertion,
            algorithm: "rsa-sha256",
            encrypt: false,
            encrypt_name_id: false,
            wants_signed: false,
            post_only: false,
            keys: Keys::First,
        }
    }
}

impl Options {
    /// In SimpleSAMLphp's own words.
    fn json(&self) -> serde_json::Value {
        let namespace = if self.algorithm == "rsa-sha1" { "2000/09/xmldsig" } else { "2001/04/xmldsig-more" };
        let binding = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:bindings:{name}");
        let mut idp = serde_json::json!({
            "redirect.validate": self.wants_signed,
            "validate.authnrequest": self.wants_signed,
            "SingleSignOnServiceBinding":
                if self.post_only { vec![binding("HTTP-POST")] } else { vec![binding("HTTP-Redirect"), binding("HTTP-POST")] },
        });
        let (own, other) = match self.keys {
            Keys::First => ("idp", None),
            Keys::FirstAndNext => ("idp", Some("next")),
            Keys::SecondAndFormer => ("next", Some("idp")),
            Keys::Second => ("next", None),
        };
        idp["privatekey"] = format!("{own}.key").into();
        idp["certificate"] = format!("{own}.crt").into();
        if let Some(other) = other {
            idp["new_privatekey"] = format!("{other}.key").into();
            idp["new_certificate"] = format!("{other}.crt").into();
        }
        serde_json::json!({
            "idp": idp,
            "sp": {
                "saml20.sign.assertion": self.sign != Sign::Response,
                "saml20.sign.response": self.sign != Sign::Assertion,
                "signature.algorithm": format!("http://www.w3.org/{namespace}#{}", self.algorithm),
                "assertion.encryption": self.encrypt,
                "nameid.encryption": self.encrypt_name_id,
            },
        })
    }
}

/// A running identity provider; killed on drop.
pub struct Idp {
    // First, so that it has ended when its directory is removed.
    _process: Process,
    dir: TempDir,
    /// Its address, without a slash at the end.
    pub url: String,
}

impl Idp {
    /// Starts one with keys of its own that trusts nobody yet.
    pub fn start(options: &Options) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let web = root.join("target/simplesamlphp/usr/share/simplesamlphp/www");
        assert!(web.join("saml2/idp/SSOService.php").is_file(), "{MISSING}");
        assert!(Command::new("php").arg("-v").output().is_ok(), "{MISSING}");

        let dir = TempDir::with_prefix("vestibule-idp-").unwrap();
        for directory in ["sessions", "tmp"] {
            std::fs::create_dir(dir.path().join(directory)).unwrap();
        }
        for name in ["idp", "next"] {
            let (key, certificate) = key_pair();
            std::fs::write(dir.path().join(format!("{name}.key")), key).unwrap();
            std::fs::write(dir.path().join(format!("{name}.crt")), certificate).unwrap();
        }
        std::fs::write(dir.path().join("options.json"), options.json().to_string()).unwrap();

        let address = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{address}");
        // It ends with this thread, even when that is killed and can drop nothing.
        let mut php = Command::new("setpriv");
        php.args(["--pdeathsig", "KILL", "php"]);
        // `-n` would lose the modules; a developer's php.ini may show errors inside pages.
        php.args(["-d", "display_errors=0", "-S", &address, "-t"]).arg(web);
        php.env("SIMPLESAMLPHP_CONFIG_DIR", root.join("tests/idp/simplesamlphp/config"));
        php.env("IDP_DIR", dir.path()).env("IDP_URL", &url);
        let process = Process::start(php, &dir.path().join("php.log"), &metadata_url(&url));
        Self { url, dir, _process: process }
    }

    /// Changes how it does things.
    pub fn set(&self, options: &Options) {
        // At once: a request may be reading it.
        let (new, file) = (self.dir.path().join("options.new"), self.dir.path().join("options.json"));
        std::fs::write(&new, options.json().to_string()).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// Where its metadata is.
    pub fn metadata_url(&self) -> String {
        metadata_url(&self.url)
    }

    /// Its metadata, as its administrator would send it.
    pub fn metadata(&self) -> String {
        Browser::new().open(&metadata_url(&self.url)).body
    }

    /// What its administrator does with a service provider's metadata.
    pub fn trust(&self, sp_metadata: &str) {
        std::fs::write(self.dir.path().join("sp.xml"), sp_metadata).unwrap();
    }

    /// The link that starts a login here.
    pub fn sign_on_link(&self, sp_entity_id: &str, relay_state: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("spentityid", sp_entity_id)
            .append_pair("RelayState", relay_state)
            .finish();
        format!("{}/saml2/idp/SSOService.php?{query}", self.url)
    }

    /// Follows the link, signs in as `name`, and returns what the identity provider answers.
    pub fn sign_in(&self, browser: &Browser, link: &str, name: &str, password: &str) -> Page {
        let login = browser.open(link);
        assert_eq!(login.status, 200, "{}", login.body);
        browser.submit(&login.form().fill("username", name).fill("password", password))
    }

    /// The form that carries the response to the service provider.
    pub fn response(&self, browser: &Browser, link: &str, name: &str) -> Form {
        // Each person's password is the name.
        let form = self.sign_in(browser, link, name, name).form();
        assert!(form.value("SAMLResponse").is_some(), "{name} could not sign in: {:?}", form.action);
        form
    }
}

fn metadata_url(url: &str) -> String {
    format!("{url}/saml2/idp/metadata.php")
}

/// An RSA key and its certificate, each in PEM.
pub fn key_pair() -> (String, String) {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    (pem("PRIVATE KEY", &key.serialize_der()), pem("CERTIFICATE", certificate.der()))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
