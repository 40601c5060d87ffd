//! The configuration: one TOML file, the environment over it, all faults at once.
//!
//! `config/vestibule.toml` documents every option. The file is read key by key
//! (`section.rs`) into this finished, typed [`Config`]; nothing behind this room
//! parses text. Paths in the file are relative to the working directory.
//!
//! A new option is one line in the file of its table (`server.rs`, `saml.rs`,
//! `rule.rs`, `backend.rs`) and its description in `config/vestibule.toml`; a
//! test fails until both are there.

mod backend;
mod metadata;
mod read;
mod rule;
mod saml;
mod saml_keys;
mod server;
mod settled;
#[cfg(test)]
mod tests;

pub use metadata::{FetchedMetadata, Metadata, MetadataPlace, MetadataSource};
pub use read::fault::{Fault, Faults, Place};
pub use read::parameter::{ParameterError, ParameterSource, Parameters};
pub use settled::{
    Certificates, DynamoDb, JwtIn, Keys, Kms, Log, Network, Server, SignOn, Signing, Store, Sts,
};

use crate::broker;
use crate::roles::Rules;
use crate::saml::{Limits, ServiceProvider};
use read::reader::Reader;
use read::tree::Node;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A finished configuration.
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[log]`
    pub log: Log,
    /// Where identity providers' metadata comes from.
    pub metadata: Metadata,
    /// `[[saml.idp]]`, what pages need of them.
    pub sign_on: Vec<SignOn>,
    /// Of our own SAML keys, for our metadata.
    pub certificates: Certificates,
    /// `[saml]`, `[[saml.idp]]`, `[[rule]]`, `[delivery]`: what the use cases need.
    pub broker: broker::BrokerSettings,
    /// `delivery.jwt_in`
    pub jwt_in: JwtIn,
    /// `[sts]`
    pub sts: Sts,
    /// `[store]`
    pub store: Store,
    /// `[keys]`
    pub keys: Keys,
    /// Things that work but that the operator should know.
    pub warnings: Vec<String>,
}

/// The most bytes of a configuration file: an honest one has some ten thousand.
const MAX_CONFIG_BYTES: u64 = 1 << 18;

impl Config {
    /// Reads the file and, over it, the environment's `VESTIBULE_…` variables.
    /// References to the Parameter Store are faults: with them, it takes a [`Draft`].
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, not only the first thing.
    pub fn load(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        Draft::read(path, env)?.finish()
    }

    #[cfg(test)]
    fn read(
        path: &Arc<Path>,
        text: &str,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Faults> {
        Draft::of(path, text, env).finish()
    }

    /// Reads every table before it gives up on any.
    fn assemble(reader: &Reader) -> Option<Self> {
        let top = reader.top();
        read::parameter::ssm(&top.section("ssm"));
        let server = server::server(&top.section("server"));
        let log = server::log(&top.section("log"));
        let delivery = server::delivery(&top.section("delivery"));
        let saml = saml::saml(&top.section("saml"));
        let rules = rule::rules(&top, &saml);
        let (sts, store, keys) = backend::backends(&top);
        if let Some(Sts::Aws { regions, .. }) = &sts {
            saml.in_partition_of(&top, regions);
        }

        let server = server?;
        let service = ServiceProvider {
            entity_id: saml.entity_id,
            acs_url: format!("{}/saml", server.public_url),
            audiences: saml.audiences,
            clock_skew: saml.clock_skew,
            decryption_keys: saml.keys.decryption,
            max_assertion_age: saml.max_assertion_age,
            max_assertion_lifetime: saml.max_assertion_lifetime,
            request_lifetime: saml.request_lifetime,
        };
        let limits = Limits { max_response_chars: saml.max_response_chars, ..Limits::default() };
        let tickets =
            broker::TicketSettings { issuer: server.public_url.clone(), lifetime: delivery.ticket_lifetime };
        let broker = broker::BrokerSettings {
            providers: saml.providers?.into(),
            service,
            signing_key: saml.keys.signing,
            limits,
            rules: Rules::new(rules, saml.provider_arns),
            binding: delivery.binding,
            tickets,
            session_lifetime: delivery.session_lifetime,
        };
        let (sign_on, jwt_in) = (saml.sign_on, delivery.jwt_in);
        let certificates = Certificates {
            signing: saml.keys.signing_certificates,
            encryption: saml.keys.encryption_certificates,
        };
        Some(Self {
            server,
            log,
            metadata: saml.metadata,
            sign_on,
            certificates,
            broker,
            jwt_in,
            sts: sts?,
            store: store?,
            keys: keys?,
            warnings: Vec::new(),
        })
    }
}

/// A configuration that was read, before the values that it refers to are known.
pub struct Draft {
    reader: Reader,
    wanted: BTreeSet<String>,
    region: Option<String>,
}

/// What can be said of a configuration without asking anybody.
pub struct Checked {
    /// The configuration; `None` where a value that it needs is not known.
    pub config: Option<Config>,
    /// Things that work but that the operator should know.
    pub warnings: Vec<String>,
    /// What was not checked: the keys, and the parameters behind them.
    pub unknown: Vec<(String, String)>,
    /// Metadata that was not fetched: the keys, and the URLs.
    pub unfetched: Vec<(String, String)>,
}

impl Draft {
    /// Reads the file and, over it, the environment's `VESTIBULE_…` variables.
    ///
    /// # Errors
    /// [`Faults`], if there is nothing that could be read.
    pub fn read(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        let shared: Arc<Path> = path.into();
        let whole_file = |message| {
            let place = Place::File { path: shared.clone(), line: 1, column: 1 };
            Faults(vec![Fault { place, key: String::new(), message }])
        };
        let bytes =
            read_file(path, MAX_CONFIG_BYTES).map_err(|e| whole_file(format!("cannot be read: {e}")))?;
        let text = String::from_utf8(bytes).map_err(|_| whole_file("is not UTF-8 text".to_owned()))?;
        Ok(Self::of(&shared, &text, env))
    }

    fn of(path: &Arc<Path>, text: &str, env: impl Iterator<Item = (String, String)>) -> Self {
        let (root, syntax) = Node::parse(path, text);
        let mut reader = Reader::new(root, syntax, env);
        let ssm = read::parameter::ssm(&reader.top().section("ssm"));
        let region = ssm.region.or_else(|| backend::home(&reader.top()));
        reader.set_prefix(ssm.prefix);
        let wanted = read::parameter::wanted(&reader);
        Self { reader, wanted, region }
    }

    /// The parameters that it refers to, by their whole names.
    pub fn wanted(&self) -> Vec<String> {
        self.wanted.iter().cloned().collect()
    }

    /// The region of the Parameter Store that they are in, as far as it is said.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Puts what was fetched behind the references.
    #[must_use]
    pub fn with(mut self, parameters: Parameters) -> Self {
        self.reader.set_parameters(parameters);
        self
    }

    /// Where metadata comes from, as far as it is known.
    pub fn metadata(&self) -> Metadata {
        saml::metadata(&self.reader.top().section("saml"))
    }

    /// Puts in what URLs of metadata gave, and what the operator should know of that.
    #[must_use]
    pub fn with_metadata(mut self, metadata: FetchedMetadata, warnings: Vec<String>) -> Self {
        self.reader.set_metadata(metadata);
        warnings.into_iter().for_each(|warning| self.reader.warn(warning));
        self
    }

    /// For who needs no identity provider: metadata at URLs is not missed, and
    /// where some of it is not there, nobody's is.
    #[must_use]
    pub fn without_metadata(mut self) -> Self {
        self.reader.miss_no_metadata();
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, not only the first thing.
    pub fn finish(self) -> Result<Config, Faults> {
        let config = Config::assemble(&self.reader);
        for (at, name) in self.reader.unknown() {
            self.reader.fault(&at, format!("stands in the Parameter Store ({name}), which was not asked"));
        }
        for (at, url) in self.reader.unfetched() {
            self.reader.fault(&at, format!("stands at {url}, which was not asked"));
        }
        let (faults, warnings) = self.reader.finish();
        match config {
            Some(config) if faults.is_empty() => Ok(Config { warnings, ..config }),
            Some(_) | None => Err(Faults(faults)),
        }
    }

    /// What can be said without the values that are not known.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong whatever those values are.
    pub fn check(self) -> Result<Checked, Faults> {
        let config = Config::assemble(&self.reader);
        let unknown: Vec<_> = self.reader.unknown().into_iter().map(|(at, name)| (at.key, name)).collect();
        let unfetched: Vec<_> = self.reader.unfetched().into_iter().map(|(at, url)| (at.key, url)).collect();
        let (faults, warnings) = self.reader.finish();
        if !faults.is_empty() || (config.is_none() && unknown.is_empty() && unfetched.is_empty()) {
            return Err(Faults(faults));
        }
        let config = config.map(|config| Config { warnings: warnings.clone(), ..config });
        Ok(Checked { config, warnings, unknown, unfetched })
    }
}

/// Reads a regular file of at most `max` bytes: not a pipe, which would wait for ever.
fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let open = || -> std::io::Result<_> {
        // Looked at before it is opened, since opening a pipe waits as well.
        let is_file = std::fs::metadata(path)?.is_file();
        let mut bytes = Vec::new();
        if is_file {
            std::fs::File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
        }
        Ok((is_file, bytes))
    };
    match open() {
        Err(error) => Err(error.to_string()),
        Ok((false, _)) => Err("it is not a regular file".to_owned()),
        Ok((true, bytes)) if bytes.len() as u64 > max => Err(format!("it is longer than {max} bytes")),
        Ok((true, bytes)) => Ok(bytes),
    }
}
