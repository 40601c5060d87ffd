//! `[[page]]`: pages beside the built-in one.

use super::delivery::Delivery;
use super::read::section::Section;
use super::read::values::{self, WebUrl};
use super::server::Server;
use crate::broker::{Binding, Page, Pages};
use crate::roles::BUILT_IN_PAGE;

/// All of them, without those that are faulty. `server`: `None` if it is faulty.
pub(super) fn pages(top: &Section<'_>, server: Option<&Server>, delivery: &Delivery) -> Pages {
    let sections = top.sections("page");
    let mut pages: Vec<Page> = Vec::new();
    for section in &sections {
        if delivery.binding == Binding::Plain {
            section
                .fault("pages of the 2017 sample (delivery.binding = \"plain\") cannot say which one begins");
        }
        let name = section.required_at("name", values::idp_name);
        let url = section.required_at("redirect_url", WebUrl::parse);
        let (Some(name), Some(url)) = (name, url) else { continue };
        if name.value == BUILT_IN_PAGE {
            section.reading().fault(&name.at, "is the name of the page of [server]");
        }
        if pages.iter().any(|page| page.name == name.value) {
            section.reading().fault(&name.at, "is the name of an earlier page too");
        }
        let origin = url.value.origin.clone();
        let is_taken = pages.iter().any(|page| page.origin == origin)
            || server.is_some_and(|server| server.has_page_on(&origin));
        if is_taken {
            let message = format!(
                "{origin} is another page's too: browsers keep pages apart by origin, so one would get what is \
                 the other's"
            );
            section.reading().fault(&url.at, message);
        }
        let choose = section.boolean("choose", false);
        pages.push(Page { name: name.value, redirect_url: url.value.into_text(), origin, choose });
    }
    let built_in = match (server, delivery.binding) {
        (Some(server), Binding::Challenge | Binding::Sealed) => server.choose_at.clone(),
        (Some(_), Binding::Plain) | (None, _) => Vec::new(),
    };
    let built_in_at = server.map(Server::page_origins).unwrap_or_default();
    Pages::new(pages).built_in_at(built_in_at).choosing_at(built_in)
}
