//! The whole configuration: all tables, finished.

use super::accounts::{Accounts, accounts};
use super::assume_role::StsOperation;
use super::backend::{Keys, Store, Sts, backends};
use super::console::{ConsoleFederation, console};
use super::delivery::{JwtIn, delivery};
use super::idp::SignOn;
use super::log::{Log, log};
use super::metadata::{Fetched, Metadata};
use super::page::pages;
use super::pin::RulesHold;
use super::read::reading::Reading;
use super::read::section::Section;
use super::role_map::role_maps;
use super::rule::rules;
use super::rule_test::{TestedRule, can_be_asked};
use super::saml::saml;
use super::saml_keys::Certificates;
use super::server::{Server, server};
use super::shell::shell;
use super::ssm::ssm;
use crate::broker::{BrokerSettings, TicketSettings};
use crate::roles::{Effect, Rule, Rules};

/// A finished configuration.
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[log]`
    pub log: Log,
    /// Where identity providers' metadata comes from.
    pub metadata: Metadata,
    /// `[[saml.idp]]`: what pages need of them.
    pub sign_on: Vec<SignOn>,
    /// Those of the service's own SAML keys, for its metadata.
    pub certificates: Certificates,
    /// `[saml]`, `[[saml.idp]]`, `[[rule]]`, `[delivery]`: what the use cases need.
    pub broker: BrokerSettings,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `delivery.jwt_in`
    pub jwt_in: JwtIn,
    /// `[sts]`
    pub sts: Sts,
    /// `[store]`
    pub store: Store,
    /// `[keys]`
    pub keys: Keys,
    /// `[console]`, where it is enabled.
    pub console: Option<ConsoleFederation>,
    /// Things that work but that the operator should know.
    pub warnings: Vec<String>,
}

/// What a pass makes of the tables.
pub(super) struct Assembled {
    /// `None` only if there is a fault, or a value that was not fetched.
    pub(super) config: Option<Config>,
    /// The rules and how their tests went; `None` if they cannot be asked.
    pub(super) rules: Option<(Rules, Vec<TestedRule>)>,
}

impl Assembled {
    /// Reads every table, so that the faults of all are found.
    pub(super) fn read(reading: &Reading<'_>, fetched: &Fetched) -> Self {
        let mut rules = None;
        let config = Config::read(reading, fetched, &mut rules);
        Self { config, rules }
    }
}

impl Config {
    fn read(
        reading: &Reading<'_>,
        fetched: &Fetched,
        tested: &mut Option<(Rules, Vec<TestedRule>)>,
    ) -> Option<Self> {
        let top = Section::top(reading);
        ssm(&top.section("ssm"));
        let server = server(&top.section("server"));
        let log = log(&top.section("log"));
        let delivery = delivery(&top.section("delivery"));
        // Without it there is no configuration, and what is made of it is dropped.
        let public_url = server.as_ref().map_or("", |server| &server.public_url);
        let accounts = accounts(&top.section("accounts"));
        let saml = saml(&top.section("saml"), fetched, public_url, &accounts, delivery.binding);
        let maps = role_maps(&top, &saml, &accounts);
        let saml = saml.with_maps(maps);
        let pages = pages(&top, server.as_ref(), &delivery);
        let (rules, tests) = rules(&top, &saml, &pages);
        let rules = Rules::new(rules, saml.provider_arns.clone())
            .with_maps(saml.maps())
            .with_authn_contexts(saml.authn_contexts.clone());
        if can_be_asked(reading) {
            let results = tests.into_iter().map(|test| test.run(&rules)).collect();
            *tested = Some((rules.clone(), results));
        }
        let (sts, store, keys) = backends(&top, &saml);
        if let Some(Sts::Aws { regions, .. }) = &sts {
            saml.must_be_in_partition_of(&top, regions);
        }

        if matches!(sts, Some(Sts::Aws { operation: StsOperation::AssumeRoleWithSaml, .. })) {
            saml.must_select_as_sts_does(&top);
        }

        let shell = shell(&top.section("shell"), server.as_ref(), &delivery);
        let (destinations, console) = console(&top.section("console"), sts.as_ref(), &delivery, public_url);

        let server = server?;
        if matches!(sts, Some(Sts::Local { .. })) && !server.is_on_loopback() {
            reading.warn(
                "sts.kind = \"local\": people who sign in at server.public_url get credentials that this \
                 service makes up, and AWS knows nothing of them; \"aws\" asks STS",
            );
        }
        let tickets =
            TicketSettings { issuer: server.public_url.clone(), lifetime: delivery.ticket_lifetime };
        let broker = BrokerSettings {
            providers: saml.providers?.into(),
            service: saml.service,
            signing_key: saml.signing_key,
            limits: saml.limits,
            rules,
            pages,
            console: destinations,
            shell,
            binding: delivery.binding,
            tickets,
            session_lifetime: delivery.session_lifetime,
        };
        Some(Self {
            server,
            log,
            metadata: saml.metadata,
            sign_on: saml.sign_on,
            certificates: saml.certificates,
            broker,
            accounts,
            jwt_in: delivery.jwt_in,
            sts: sts?,
            store: store?,
            keys: keys?,
            console,
            warnings: Vec::new(),
        })
    }

    /// Whether a rule refuses, scopes down or asks for a reason, and people can get around
    /// it. That a rule is shorter than the role's maximum it shares with every other one.
    pub fn limits_are_advisory(&self) -> bool {
        let limits = |rule: &Rule| match &rule.outcome {
            Effect::Refuse { .. } => true,
            Effect::Grant { session_policy, policy_arns, ask_reason, .. } => {
                session_policy.is_some() || !policy_arns.is_empty() || ask_reason.is_some()
            }
        };
        self.sts.rules_hold() == RulesHold::Advisory && self.broker.rules.iter().any(limits)
    }
}
