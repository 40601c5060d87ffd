//! Whole configurations: what loads, what is refused, and how it is said.

mod accounts;
mod aws;
mod console;
mod default_file;
mod environment;
mod faults;
mod keys;
mod loads;
mod metadata;
mod pages;
mod parameters;
mod role_maps;
mod rule_tests;
mod sealed;

use super::read::file::File;
use super::*;
use crate::broker;
use crate::roles::{ProviderArn, Rules};
use base64::Engine;
use std::path::Path;

/// The least that loads, but for its metadata.
const LEAST: &str = r#"
[server]
public_url = "https://vestibule.example.com"
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "METADATA"
[sts]
kind = "local"
[store]
kind = "embedded"
[keys]
kind = "local"
"#;

const IDP: &str = "http://adfs.example.com/adfs/services/trust";

/// A directory with the metadata of an identity provider.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write("adfs.xml", &metadata(IDP));
        files
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, text: &str, env: &[(&str, &str)]) -> Result<Config, Faults> {
        self.draft(text, env).finish()
    }

    fn draft(&self, text: &str, env: &[(&str, &str)]) -> Draft {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let text = text.replace("METADATA", &self.path("adfs.xml"));
        Draft::of(File::new(Path::new("config/vestibule.toml"), &text), env)
    }

    /// As read, with the metadata of this document at every URL.
    fn fetched(&self, text: &str, env: &[(&str, &str)], document: &str) -> Result<Config, Faults> {
        let draft = self.draft(text, env);
        let sources = draft.metadata().sources.into_iter();
        let urls = sources.filter(|source| matches!(source.place, MetadataPlace::Url(_)));
        let given = urls.map(|source| {
            let read = source.read(document.as_bytes(), None).map_err(|why| why.to_string());
            (source.key, read)
        });
        let given = given.collect();
        draft.with_metadata(given, Vec::new()).finish()
    }

    /// A file with a certificate in PEM.
    fn certificate(&self, name: &str) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(certificate.der());
        self.write(name, &format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
    }

    fn loads(&self, text: &str) -> Config {
        self.read(text, &[]).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn faults(&self, text: &str, env: &[(&str, &str)]) -> Vec<String> {
        match self.read(text, env) {
            Ok(_) => Vec::new(),
            Err(Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        }
    }
}

fn metadata(entity_id: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let certificate = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}">
        <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
        <X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
        <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        Location="https://adfs.example.com/adfs/ls/"/></IDPSSODescriptor></EntityDescriptor>"#
    )
}

/// Everything of a configuration that a file can set, to compare two.
fn shown(config: &Config) -> String {
    let broker = &config.broker;
    let providers = broker.providers.current();
    let idps: Vec<_> = providers
        .iter()
        .map(|p| {
            let asked = (&p.requested_authn, p.sign_requests, &p.name_id_format);
            let names = (&p.name, &p.entity_id, p.keys.len(), &p.audiences);
            (names, p.idp_initiated, &p.in_response_to_literals, asked)
        })
        .collect();
    format!(
        "{:?}",
        (
            (
                &config.server,
                &config.log,
                &config.sign_on,
                config.jwt_in,
                &config.sts,
                &config.store,
                &config.keys,
                &config.console
            ),
            (&broker.service, &broker.limits, &broker.rules, broker.binding, &broker.tickets),
            (broker.session_lifetime, broker.shell, idps, &config.accounts, &config.warnings),
        )
    )
}
