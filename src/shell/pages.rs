//! The little pages that the browser shows at the end, in the page's own style: no script, and
//! nothing fetched.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What became of the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The shell has the credentials.
    Done,
    /// The person cancelled at the page.
    Cancelled,
    /// The shell says what went wrong.
    Failed,
    /// The request is none that the shell waits for.
    NotExpected,
}

impl Shown {
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Done | Self::Cancelled | Self::Failed => 200,
            Self::NotExpected => 400,
        }
    }
}

struct Words {
    tag: &'static str,
    done: [&'static str; 2],
    cancelled: [&'static str; 2],
    failed: [&'static str; 2],
    not_expected: [&'static str; 2],
}

const ENGLISH: Words = Words {
    tag: "en",
    done: ["You are signed in", "Your terminal has the credentials. You can close this tab."],
    cancelled: ["Cancelled", "Nothing was handed over. You can close this tab."],
    failed: ["It did not work", "Your terminal says why, and what to do. You can close this tab."],
    not_expected: [
        "Not expected",
        "Your terminal waits for another sign-in, or for none. You can close this tab.",
    ],
};

const GERMAN: Words = Words {
    tag: "de",
    done: ["Sie sind angemeldet", "Ihr Terminal hat die Zugangsdaten. Sie können diesen Tab schließen."],
    cancelled: ["Abgebrochen", "Es wurde nichts übergeben. Sie können diesen Tab schließen."],
    failed: [
        "Es hat nicht geklappt",
        "Ihr Terminal sagt, warum, und was zu tun ist. Sie können diesen Tab schließen.",
    ],
    not_expected: [
        "Nicht erwartet",
        "Ihr Terminal wartet auf eine andere Anmeldung oder auf keine. Sie können diesen Tab schließen.",
    ],
};

const FRENCH: Words = Words {
    tag: "fr",
    done: ["Vous êtes connecté", "Votre terminal a reçu les identifiants. Vous pouvez fermer cet onglet."],
    cancelled: ["Annulé", "Rien n’a été transmis. Vous pouvez fermer cet onglet."],
    failed: [
        "Cela n’a pas fonctionné",
        "Votre terminal indique pourquoi, et que faire. Vous pouvez fermer cet onglet.",
    ],
    not_expected: [
        "Inattendu",
        "Votre terminal attend une autre connexion, ou n’en attend aucune. Vous pouvez fermer cet onglet.",
    ],
};

/// The page, in the first of the browser's languages that there is.
pub(super) fn page(shown: Shown, accept_language: Option<&str>) -> String {
    let words = words(accept_language.unwrap_or_default());
    let [title, text] = match shown {
        Shown::Done => words.done,
        Shown::Cancelled => words.cancelled,
        Shown::Failed => words.failed,
        Shown::NotExpected => words.not_expected,
    };
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Vestibule</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header><span>{MARK}Vestibule</span></header>\n<main>\n\
         <h1>{title}</h1>\n<p class=\"lead\">{text}</p>\n</main>\n</body>\n</html>\n",
        words.tag
    )
}

/// The page's, and a mark that is no link: there is nothing here to go back to.
const STYLE: &str = concat!(
    include_str!("../../static/style.css"),
    "html { min-height: 100vh; }\n\
     header span { display: inline-flex; align-items: center; gap: 0.65rem; font-size: 1.15rem; font-weight: 600; }\n\
     header svg { width: 32px; height: 32px; }\n"
);
const MARK: &str = include_str!("../../static/favicon.svg");

/// What the page may do: have this style.
pub(super) fn policy() -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn words(accept_language: &str) -> &'static Words {
    let tags = accept_language.split(',').filter_map(|range| range.split([';', '-']).next());
    let known = tags.filter_map(|tag| {
        [&ENGLISH, &GERMAN, &FRENCH].into_iter().find(|words| words.tag.eq_ignore_ascii_case(tag.trim()))
    });
    known.take(1).last().unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_the_browsers_language() {
        for (header, word) in [
            (None, "signed in"),
            (Some("de-AT,de;q=0.9,en;q=0.8"), "angemeldet"),
            (Some("it, fr-CH;q=0.9"), "connecté"),
            (Some("ja"), "signed in"),
        ] {
            assert!(page(Shown::Done, header).contains(word), "{header:?}");
        }
        let all = [Shown::Done, Shown::Cancelled, Shown::Failed, Shown::NotExpected];
        let pages: std::collections::BTreeSet<String> = all.map(|shown| page(shown, None)).into();
        assert_eq!(pages.len(), 4);
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_allows() {
        let page = page(Shown::Done, None);
        let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        assert!(policy().contains(&format!("'sha256-{hash}'")));
        assert!(!page.contains("<script") && !page.contains("url(") && !page.contains("@import"));
    }
}
