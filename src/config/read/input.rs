//! The inputs of a configuration: the file, the environment over it, and the
//! parameters that either refers to.

use super::file::File;
use super::names::{child_path, is_ours, variable_of};
use super::parameter::{Parameters, Reference};
use super::values;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};

/// The sources of a configuration, before any key is read.
pub(crate) struct Input {
    pub(crate) file: File,
    /// Those that begin with `VESTIBULE_`.
    pub(crate) variables: BTreeMap<String, String>,
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`, if it is a region.
    pub(crate) standard_region: Option<String>,
    /// `ssm.prefix`
    pub(crate) prefix: Option<String>,
    /// What is known of the parameters that are referred to.
    pub(crate) parameters: Parameters,
}

impl Input {
    pub(crate) fn new(file: File, env: impl Iterator<Item = (String, String)>) -> Self {
        let mut variables: BTreeMap<String, String> = env.collect();
        let standard_region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|name| variables.get(*name).filter(|region| values::region(region).is_ok()).cloned());
        variables.retain(|name, _| is_ours(name));
        Self { file, variables, standard_region, prefix: None, parameters: Parameters::new() }
    }

    /// Every parameter that the file and the environment over it refer to, by its whole name.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        let mut add = |text: &str| {
            let name = Reference::of(text).map(|reference| reference.name(self.prefix.as_deref()));
            names.extend(name.and_then(Result::ok));
        };
        let (root, _) = DeTable::parse_recoverable(self.file.text());
        each_text_of_table(root.get_ref(), "", &mut |path, text| {
            if !self.variables.contains_key(&variable_of(path)) {
                add(text);
            }
        });
        for text in self.variables.values() {
            add(text);
            if let Ok(list) = DeValue::parse(text) {
                each_text(list.get_ref(), "", &mut |_, text| add(text));
            }
        }
        names.into_iter().collect()
    }
}

fn each_text(value: &DeValue<'_>, path: &str, visit: &mut dyn FnMut(&str, &str)) {
    if let Some(text) = value.as_str() {
        visit(path, text);
    } else if let Some(table) = value.as_table() {
        each_text_of_table(table, path, visit);
    } else {
        for (i, item) in value.as_array().into_iter().flatten().enumerate() {
            // The items of a list of texts come from the list's own variable.
            let path = if item.get_ref().is_table() { format!("{path}[{i}]") } else { path.to_owned() };
            each_text(item.get_ref(), &path, visit);
        }
    }
}

fn each_text_of_table(table: &DeTable<'_>, path: &str, visit: &mut dyn FnMut(&str, &str)) {
    for (name, value) in table {
        each_text(value.get_ref(), &child_path(path, name.get_ref()), visit);
    }
}
