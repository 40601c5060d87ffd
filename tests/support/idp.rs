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
#[derive(Clone, Copy)]
pub enum Sign {
    /// The assertion, as AD FS does by default.
    Assertion,
    /// The response that holds it.
    Response,
    /// One inside the other.
    Both,
}

/// Its signature's algorithm.
#[derive(Clone, Copy)]
pub enum Algorithm {
    /// RSA with SHA-256.
    RsaSha256,
    /// RSA with SHA-512.
    RsaSha512,
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
    pub fn start(sign: Sign, algorithm: Algorithm) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let web = root.join("target/simplesamlphp/usr/share/simplesamlphp/www");
        assert!(web.join("saml2/idp/SSOService.php").is_file(), "{MISSING}");
        assert!(Command::new("php").arg("-v").output().is_ok(), "{MISSING}");

        let dir = TempDir::with_prefix("vestibule-idp-").unwrap();
        for directory in ["sessions", "tmp"] {
            std::fs::create_dir(dir.path().join(directory)).unwrap();
        }
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        write_pem(&dir.path().join("idp.key"), "PRIVATE KEY", &key.serialize_der());
        write_pem(&dir.path().join("idp.crt"), "CERTIFICATE", certificate.der());

        let address = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{address}");
        // It ends with this thread, even when that is killed and can drop nothing.
        let mut php = Command::new("setpriv");
        php.args(["--pdeathsig", "KILL", "php"]);
        // `-n` would lose the modules; a developer's php.ini may show errors inside pages.
        php.args(["-d", "display_errors=0", "-S", &address, "-t"]).arg(web);
        php.env("SIMPLESAMLPHP_CONFIG_DIR", root.join("tests/idp/simplesamlphp/config"));
        php.env("IDP_DIR", dir.path()).env("IDP_URL", &url);
        php.env(
            "IDP_SIGN",
            match sign {
                Sign::Assertion => "assertion",
                Sign::Response => "response",
                Sign::Both => "assertion response",
            },
        );
        php.env(
            "IDP_SIGNATURE_ALGORITHM",
            match algorithm {
                Algorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                Algorithm::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            },
        );
        let process = Process::start(php, &dir.path().join("php.log"), &metadata_url(&url));
        Self { url, dir, _process: process }
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

fn write_pem(path: &Path, label: &str, der: &[u8]) {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"));
    std::fs::write(path, pem).unwrap();
}
