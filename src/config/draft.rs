//! A configuration is read in two phases: a [`Draft`] names what must be fetched,
//! the caller fetches it, and the draft becomes a [`Config`].

use super::backend::home;
use super::metadata::{Fetched, FetchedMetadata, Metadata};
use super::read::fault::{At, Faults};
use super::read::file::File;
use super::read::input::Input;
use super::read::parameter::Parameters;
use super::read::reading::{Notes, Reading, Unfetched};
use super::read::section::Section;
use super::rule_test::TestedRule;
use super::saml;
use super::ssm::ssm;
use super::whole::{Assembled, Config};
use crate::roles::Rules;
use std::path::Path;

/// A configuration of which only the file and the environment are known.
pub struct Draft {
    input: Input,
    region: Option<String>,
    fetched: Fetched,
    warnings: Vec<String>,
}

/// The result of [`Draft::check`], for which nothing needs to be fetched.
pub struct Checked {
    /// The configuration; `None` if a value that it needs is not known.
    pub config: Option<Config>,
    /// Things that work but that the operator should know.
    pub warnings: Vec<String>,
    /// What was not checked: the keys, and the parameters behind them.
    pub unknown: Vec<(String, String)>,
    /// Metadata that was not fetched: the keys, and the URLs.
    pub unfetched: Vec<(String, String)>,
}

/// The result of [`Draft::check_rules`].
pub struct CheckedRules {
    /// The rules and how their tests went; `None` if a value that they need is not known.
    pub rules: Option<(Rules, Vec<TestedRule>)>,
    /// What was not checked: the keys, and the parameters behind them.
    pub unknown: Vec<(String, String)>,
}

impl Config {
    /// Reads the file and, over it, the environment's `VESTIBULE_…` variables.
    /// References to the Parameter Store are faults: they need a [`Draft`].
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, not only the first thing.
    pub fn load(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        Draft::read(path, env)?.finish()
    }
}

impl Draft {
    /// Reads the file and, over it, the environment's `VESTIBULE_…` variables.
    ///
    /// # Errors
    /// [`Faults`], if the file cannot be read.
    pub fn read(path: &Path, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        Ok(Self::of(File::open(path)?, env))
    }

    pub(super) fn of(file: File, env: impl Iterator<Item = (String, String)>) -> Self {
        let mut input = Input::new(file, env);
        let (prefix, region) = {
            let reading = Reading::new(&input);
            let top = Section::top(&reading);
            let ssm = ssm(&top.section("ssm"));
            (ssm.prefix, ssm.region.or_else(|| home(&top)))
        };
        input.prefix = prefix;
        Self { input, region, fetched: Fetched::default(), warnings: Vec::new() }
    }

    /// The parameters that it refers to, by their whole names.
    pub fn wanted(&self) -> Vec<String> {
        self.input.wanted()
    }

    /// The region of the Parameter Store that has them, if it is known.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Adds the parameters that were fetched.
    #[must_use]
    pub fn with(mut self, parameters: Parameters) -> Self {
        self.input.parameters = parameters;
        self
    }

    /// Where metadata comes from, as far as it is known.
    pub fn metadata(&self) -> Metadata {
        saml::metadata(&Section::top(&Reading::new(&self.input)).section("saml"))
    }

    /// Adds the metadata that URLs gave, and what the operator should know of that.
    #[must_use]
    pub fn with_metadata(mut self, metadata: FetchedMetadata, warnings: Vec<String>) -> Self {
        self.fetched.metadata = metadata;
        self.warnings.extend(warnings);
        self
    }

    /// For callers that need no identity provider: metadata at URLs may be absent.
    /// If one identity provider's is, the configuration has none at all.
    #[must_use]
    pub fn without_metadata(mut self) -> Self {
        self.fetched.may_be_absent = true;
        self
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, not only the first thing.
    pub fn finish(self) -> Result<Config, Faults> {
        let (Assembled { config, rules }, mut notes) = self.assemble();
        note_failures(&rules, &mut notes);
        for (at, what) in std::mem::take(&mut notes.unfetched) {
            let stands = match what {
                Unfetched::Parameter(name) => format!("in the Parameter Store ({name})"),
                Unfetched::Metadata(url) => format!("at {url}"),
            };
            notes.fault(&at, format!("stands {stands}, which was not asked"));
        }
        match config {
            Some(config) if notes.faults.is_empty() => Ok(Config { warnings: notes.warnings, ..config }),
            Some(_) | None => Err(notes.into_faults()),
        }
    }

    /// Checks what can be checked without the values that were not fetched.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, whatever the values that were not fetched are.
    pub fn check(self) -> Result<Checked, Faults> {
        let (Assembled { config, rules }, mut notes) = self.assemble();
        note_failures(&rules, &mut notes);
        if !notes.faults.is_empty() || (config.is_none() && notes.unfetched.is_empty()) {
            return Err(notes.into_faults());
        }
        let warnings = notes.warnings;
        let (mut unknown, mut unfetched) = (Vec::new(), Vec::new());
        for (at, what) in notes.unfetched {
            match what {
                Unfetched::Parameter(name) => unknown.push((at.key, name)),
                Unfetched::Metadata(url) => unfetched.push((at.key, url)),
            }
        }
        let config = config.map(|config| Config { warnings: warnings.clone(), ..config });
        Ok(Checked { config, warnings, unknown, unfetched })
    }

    /// The rules and how their tests went: a test that fails is a result here, and no fault.
    ///
    /// # Errors
    /// [`Faults`]: everything else that is wrong.
    pub fn check_rules(self) -> Result<CheckedRules, Faults> {
        let (Assembled { rules, .. }, notes) = self.assemble();
        if !notes.faults.is_empty() {
            return Err(notes.into_faults());
        }
        let parameter = |(at, what): (At, Unfetched)| match what {
            Unfetched::Parameter(name) => Some((at.key, name)),
            Unfetched::Metadata(_) => None,
        };
        Ok(CheckedRules { rules, unknown: notes.unfetched.into_iter().filter_map(parameter).collect() })
    }

    fn assemble(self) -> (Assembled, Notes) {
        let reading = Reading::new(&self.input);
        let assembled = Assembled::read(&reading, &self.fetched);
        let mut notes = reading.finish();
        notes.warnings.splice(0..0, self.warnings);
        (assembled, notes)
    }
}

/// A test that fails is a fault like any other.
fn note_failures(rules: &Option<(Rules, Vec<TestedRule>)>, notes: &mut Notes) {
    rules.iter().flat_map(|(_, tested)| tested).for_each(|test| test.note(notes));
}
