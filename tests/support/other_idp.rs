//! Other identity providers on loopback, one real one for one test: LemonLDAP::NG from
//! Debian's packages, and those that a few lines make of npm's libraries.
//!
//! Their settings and those lines are in `tests/idp/`; they read the variables set here.

use super::browser::{Browser, Form, Page};
use super::idp::key_pair;
use super::process::{Process, free_port};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MISSING: &str = "is not here. Run `tests/run` (or `tests/install-idp` alone).";

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// LemonLDAP::NG, whose SAML is Lasso's.
    LemonLdap,
    /// samlify.
    Samlify,
    /// @boxyhq/saml20.
    Boxyhq,
}

impl Kind {
    /// Its directory in `tests/idp/`.
    const fn name(self) -> &'static str {
        match self {
            Self::LemonLdap => "lemonldap",
            Self::Samlify => "samlify",
            Self::Boxyhq => "boxyhq",
        }
    }

    fn command(self, port: u16) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let home = root.join("tests/idp").join(self.name());
        // It ends with this thread, even when that is killed and can drop nothing.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if self == Self::LemonLdap {
            let packages = root.join("target/lemonldap");
            assert!(packages.is_dir(), "LemonLDAP::NG {MISSING}");
            command.arg("plackup").arg("-I").arg(packages.join("usr/share/perl5"));
            command.args(["--server", "HTTP::Server::PSGI", "--no-default-middleware"]);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
            command.arg(home.join("portal.psgi")).env("LEMONLDAP", packages);
        } else {
            assert!(home.join("node_modules").is_dir(), "{} {MISSING}", self.name());
            command.arg("node").arg(home.join("idp.js"));
        }
        command
    }
}

/// A running one; killed on drop.
pub struct OtherIdp {
    // First, so that it has ended when its directory is removed.
    process: Option<Process>,
    dir: TempDir,
    kind: Kind,
    port: u16,
    settings: Vec<(String, String)>,
}

impl OtherIdp {
    /// Starts one with a key of its own that trusts nobody yet. What its `settings` mean
    /// is in its directory.
    pub fn start(kind: Kind, settings: &[(&str, &str)]) -> Self {
        let dir = TempDir::with_prefix("vestibule-other-idp-").unwrap();
        let (key, certificate) = key_pair();
        std::fs::write(dir.path().join("idp.key"), key).unwrap();
        std::fs::write(dir.path().join("idp.crt"), certificate).unwrap();
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut idp = Self { process: None, dir, kind, port: free_port(), settings };
        idp.run();
        idp
    }

    fn run(&mut self) {
        // Dropped, it is killed and has ended.
        self.process = None;
        let mut command = self.kind.command(self.port);
        command.env("IDP_DIR", self.dir.path()).env("IDP_URL", self.url());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let log = self.dir.path().join(format!("{}.log", self.kind.name()));
        self.process = Some(Process::start(command, &log, &self.metadata_url()));
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn metadata_url(&self) -> String {
        let path = if self.kind == Kind::LemonLdap { "/saml/metadata" } else { "/metadata" };
        self.url() + path
    }

    /// Its metadata, as its administrator would send it.
    pub fn metadata(&self) -> String {
        Browser::new().open(&self.metadata_url()).body
    }

    /// What its administrator does with a service provider's metadata.
    pub fn trust(&mut self, sp_metadata: &str) {
        std::fs::write(self.dir.path().join("sp.xml"), sp_metadata).unwrap();
        if self.kind == Kind::LemonLdap {
            self.run();
        }
    }

    /// What it has written.
    pub fn log_text(&self) -> String {
        self.process.as_ref().unwrap().log_text()
    }

    /// The link that starts a login here.
    pub fn sign_on_link(&self, relay_state: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("RelayState", relay_state);
        let path = if self.kind == Kind::LemonLdap {
            query.append_pair("IDPInitiated", "1").append_pair("spConfKey", "vestibule");
            "/saml/singleSignOn"
        } else {
            "/sso"
        };
        format!("{}{path}?{}", self.url(), query.finish())
    }

    /// What Lasso would say, as this identity provider, of a request in this query.
    pub fn lasso_says(&self, query: &str) -> String {
        std::fs::write(self.dir.path().join("idp.xml"), self.metadata()).unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/idp/lasso/judge.pl");
        let mut perl = Command::new("perl");
        let output = perl.arg(program).arg(query).env("IDP_DIR", self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Follows the link, or sends on a request by form, signs in as `name`, and returns
    /// what the identity provider answers.
    pub fn sign_in(&self, browser: &Browser, link: &str, name: &str, password: &str) -> Page {
        let mut page = browser.open(link);
        if !page.url.starts_with(&self.url()) {
            page = browser.submit(&page.form());
        }
        assert_eq!(page.status, 200, "{}", page.body);
        browser.submit(&page.form().fill("user", name).fill("password", password))
    }

    /// The form that carries the response to the service provider.
    pub fn response(&self, browser: &Browser, link: &str, name: &str) -> Form {
        // Each person's password is the name.
        let page = self.sign_in(browser, link, name, name);
        assert!(page.body.contains("SAMLResponse"), "{name} could not sign in ({})", page.status);
        page.form()
    }
}
