//! saml-idp (npm) on loopback: a second real identity provider. It asks for no
//! password and believes whatever its form says.

use super::browser::{Browser, Form};
use super::idp::key_pair;
use super::process::{Process, free_port};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Its entity id.
pub const ISSUER: &str = "urn:example:saml-idp";

/// How it answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The response too, not only the assertion.
    pub sign_response: bool,
    /// For the certificate that it was given.
    pub encrypt: bool,
}

/// A running one; killed on drop.
pub struct SamlIdp {
    // First, so that it has ended when its directory is removed.
    process: Option<Process>,
    dir: TempDir,
    port: u16,
}

impl SamlIdp {
    /// Keys and an address, but nobody there yet.
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("vestibule-saml-idp-").unwrap();
        let (key, certificate) = key_pair();
        std::fs::write(dir.path().join("idp.key"), key).unwrap();
        std::fs::write(dir.path().join("idp.crt"), certificate).unwrap();
        Self { process: None, dir, port: free_port() }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its metadata. Its own document is only there when it runs, and it wants our
    /// address to start: this is what it serves (a test compares).
    pub fn metadata(&self) -> String {
        let certificate = std::fs::read_to_string(self.dir.path().join("idp.crt")).unwrap();
        let certificate: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
        let services: String = ["HTTP-Redirect", "HTTP-POST"]
            .map(|binding| {
                format!(
                    "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" \
                     Location=\"{}/saml/sso\"/>",
                    self.url()
                )
            })
            .concat();
        format!(
            "<EntityDescriptor entityID=\"{ISSUER}\" xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">\
             <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
             <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>\
             {services}</IDPSSODescriptor></EntityDescriptor>"
        )
    }

    /// What it serves as its metadata while it runs.
    pub fn served_metadata(&self) -> String {
        Browser::new().open(&format!("{}/metadata", self.url())).body
    }

    /// Starts it for a service provider: its ACS, its audience, the certificate to
    /// encrypt for; `person` is who signs in (NameID, and attributes by their URI).
    pub fn start(
        &mut self,
        acs_url: &str,
        audience: &str,
        encryption: Option<&str>,
        person: &serde_json::Value,
        options: Options,
    ) {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/idp/saml-idp");
        let program = home.join("node_modules/saml-idp/bin/run.js");
        assert!(program.is_file(), "saml-idp is not here. Run `tests/run` (or `tests/install-idp` alone).");
        self.process = None;
        let file = |name: &str| self.dir.path().join(name);
        // It ends with this thread, even when that is killed and can drop nothing.
        let mut node = Command::new("setpriv");
        node.args(["--pdeathsig", "KILL", "node"]).arg(program);
        node.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--issuer", ISSUER]);
        node.arg("--cert").arg(file("idp.crt")).arg("--key").arg(file("idp.key"));
        node.args(["--acsUrl", acs_url, "--audience", audience]);
        node.arg("--configFile").arg(home.join("people.js")).env("PERSON", person.to_string());
        node.arg(format!("--signResponse={}", options.sign_response));
        if let Some(certificate) = encryption.filter(|_| options.encrypt) {
            std::fs::write(file("sp.crt"), certificate).unwrap();
            let mut openssl = Command::new("openssl");
            openssl.args(["x509", "-pubkey", "-noout", "-in"]).arg(file("sp.crt"));
            std::fs::write(file("sp.pub"), openssl.output().unwrap().stdout).unwrap();
            node.arg("--encryptAssertion");
            node.arg("--encryptionCert").arg(file("sp.crt")).arg("--encryptionPublicKey").arg(file("sp.pub"));
        }
        let ready = format!("{}/metadata", self.url());
        self.process = Some(Process::start(node, &file("node.log"), &ready));
    }

    /// Goes to `link`, signs in there, and returns the form with the response.
    pub fn response(&self, browser: &Browser, link: &str) -> Form {
        let page = browser.open(link);
        assert_eq!(page.status, 200, "{}", page.body);
        let sign_in = page.form_to("/signin");
        browser.submit(&sign_in).form()
    }
}
