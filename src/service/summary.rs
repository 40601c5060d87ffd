//! What the log says at the start: what this process is, for whom, and by what.

use crate::broker::Binding;
use crate::config::{
    Config, Keys, MetadataPlace, MetadataSource, RulesHold, Signing, Store, Sts, StsOperation,
};

/// The configuration in a line: names and places of the configuration's own, no secret,
/// no query of a URL.
pub(crate) struct Summary {
    public_url: String,
    acs_url: String,
    entity_id: String,
    /// `NAME=PLACE`, the place being a file or a URL.
    providers: String,
    rules: usize,
    sts: &'static str,
    sts_regions: String,
    rules_hold: RulesHold,
    store: &'static str,
    /// The file, or the tables.
    store_at: String,
    store_region: Option<String>,
    keys: &'static str,
    /// The file, or the KMS key.
    keys_at: String,
    /// The federation endpoint; None where the console is off.
    console: Option<String>,
    binding: &'static str,
    log_level: tracing::Level,
    worthless: bool,
    limits_are_advisory: bool,
}

impl Summary {
    pub(crate) fn of(config: &Config) -> Self {
        let (sts, sts_regions) = match &config.sts {
            Sts::Local { region, .. } => ("local", region.clone()),
            Sts::Aws { regions, operation, .. } => {
                let kind = match operation {
                    StsOperation::AssumeRoleWithSaml => "aws",
                    StsOperation::AssumeRole(_) => "assume-role",
                };
                (kind, regions.join(","))
            }
        };
        let (store, store_at, store_region) = match &config.store {
            Store::Embedded { path } => ("embedded", path.display().to_string(), None),
            Store::DynamoDb(dynamodb) => {
                let tables = [
                    &*dynamodb.sessions_table,
                    &dynamodb.claims_table,
                    &dynamodb.users_table,
                    &dynamodb.audit_table,
                ];
                ("dynamodb", tables.join(","), Some(dynamodb.region.clone()))
            }
        };
        let (keys, keys_at) = match &config.keys {
            Keys::Local { path } => ("local", path.display().to_string()),
            Keys::Kms(kms) => {
                let kind = match kms.signing {
                    Signing::DataKey => "kms",
                    Signing::KmsAsymmetric { .. } => "kms-asymmetric",
                    Signing::KmsHmac { .. } => "kms-hmac",
                };
                (kind, kms.key_id.clone())
            }
        };
        let providers: Vec<String> = config.metadata.sources.iter().map(provider).collect();
        Self {
            acs_url: config.broker.service.acs_url.clone(),
            entity_id: config.broker.service.entity_id.clone(),
            providers: providers.join(","),
            rules: config.broker.rules.iter().count(),
            sts,
            sts_regions,
            rules_hold: config.sts.rules_hold(),
            store,
            store_at,
            store_region,
            keys,
            keys_at,
            console: config.console.as_ref().and_then(|console| console.address(console.partition())),
            binding: match config.broker.binding {
                Binding::Challenge => "challenge",
                Binding::Sealed => "sealed",
                Binding::Plain => "plain",
            },
            log_level: config.log.level,
            limits_are_advisory: config.limits_are_advisory(),
            worthless: sts == "local" && !config.server.is_on_loopback(),
            public_url: config.server.public_url.clone(),
        }
    }

    /// `what`: `serving`, or `started` where the gateway listens.
    pub(crate) fn log(&self, what: &'static str, listen: Option<&str>) {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            listen,
            public_url = self.public_url,
            acs_url = self.acs_url,
            entity_id = self.entity_id,
            providers = self.providers,
            rules = self.rules,
            sts = self.sts,
            sts_regions = self.sts_regions,
            rules_hold = self.rules_hold.as_str(),
            store = self.store,
            store_at = self.store_at,
            store_region = self.store_region,
            keys = self.keys,
            keys_at = self.keys_at,
            console = self.console,
            binding = self.binding,
            log_level = self.log_level.as_str(),
            "{what}"
        );
        if self.worthless {
            tracing::warn!(
                public_url = self.public_url,
                "sts.kind is \"local\": people are given credentials that AWS does not know"
            );
        }
        if self.limits_are_advisory {
            tracing::warn!(
                "rules are advisory: whoever posts their own SAML response to STS has the role without them, unless its \
                 trust policy demands where we call from (sts.source_ips, sts.source_vpces)"
            );
        }
    }
}

/// What an identity provider is called, and where its metadata is from.
fn provider(source: &MetadataSource) -> String {
    let place = match &source.place {
        MetadataPlace::File(path) => path.display().to_string(),
        // A query can hold a token.
        MetadataPlace::Url(url) => url.split('?').next().unwrap_or_default().to_owned(),
    };
    format!("{}={place}", source.idp)
}
