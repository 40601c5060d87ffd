//! `[accounts]`: the AWS accounts by their ids, with the names that people know them by.

use super::read::section::Section;
use super::read::values;
use crate::roles::is_account;
use std::collections::BTreeMap;

/// `[accounts]`: names by account id.
pub type Accounts = BTreeMap<String, String>;

pub(super) fn accounts(section: &Section<'_>) -> Accounts {
    let mut accounts = Accounts::new();
    for id in section.names(&[""]) {
        let name = section.optional(&id, values::line(64));
        if is_account(&id) {
            accounts.extend(name.map(|name| (id, name)));
        } else {
            section.fault_at_key(&id, "an account id has 12 digits, without hyphens");
        }
    }
    accounts
}
