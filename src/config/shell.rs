//! `[shell]`: programs at a shell.

use super::delivery::Delivery;
use super::read::section::Section;
use super::server::Server;
use crate::broker::{Binding, Shell};

/// None where programs get nothing. `server`: `None` if it is faulty.
pub(super) fn shell(section: &Section<'_>, server: Option<&Server>, delivery: &Delivery) -> Option<Shell> {
    let is_enabled = section.boolean("enabled", false);
    let other_device = section.boolean("other_device", false);
    if !is_enabled {
        return None;
    }
    if delivery.binding == Binding::Plain {
        let message = "pages of the 2017 sample (delivery.binding = \"plain\") cannot ask a person to whom \
                       credentials go";
        section.fault_at_value("enabled", message);
    } else if server.is_some_and(|server| server.choose_at.is_empty()) {
        let message = "a person chooses at the page what a program gets, and server.choose is false for the \
                       page at server.redirect_url";
        section.fault_at_value("enabled", message);
    }
    if other_device {
        section.reading().warn(
            "shell.other_device = true: whoever can talk a person into pasting a text that the page shows gets \
             that person's credentials; the record has both addresses",
        );
    }
    Some(Shell { other_device })
}
