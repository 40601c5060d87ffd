//! `~/.aws/config` as text: which profiles it has, and the part between our marks.
//!
//! Read as AWS's tools read it (Python's configparser), and never written anew: what is outside
//! of the marks is kept byte for byte.

const BEGIN: &str =
    "# >>> vestibule: written by `vestibule profiles --write`; do not edit up to the end mark";
const END: &str = "# <<< vestibule: end";
/// Behind [`BEGIN`]: the line break before it is ours too.
const NEWLINE_IS_OURS: &str = " (with the line break before)";
/// Behind [`BEGIN`]: there was no file.
const FILE_IS_OURS: &str = " (with the file)";

/// What makes a profile one that gives credentials.
const CREDENTIALS: [&str; 7] = [
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_",
    "web_identity_token_file",
];

/// A profile that refers to a role of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) credential_process: String,
    pub(super) region: Option<String>,
}

impl Profile {
    pub(super) fn text(&self) -> String {
        let region = self.region.as_ref().map_or_else(String::new, |region| format!("region = {region}\n"));
        format!("[profile {}]\ncredential_process = {}\n{region}", self.name, self.credential_process)
    }
}

/// A section, with its own lines.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// `default`, or what stands behind `profile` or alone.
    pub(super) name: String,
    pub(super) text: &'a str,
}

impl Section<'_> {
    /// Whether AWS's tools would take credentials from it.
    pub(super) fn has_credentials(&self) -> bool {
        self.text.lines().skip(1).any(|line| CREDENTIALS.iter().any(|key| line.starts_with(key)))
    }
}

/// The file, cut at the marks.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    before: &'a str,
    /// What is between the marks; `None` without marks.
    pub(super) ours: Option<&'a str>,
    after: &'a str,
    newline_is_ours: bool,
    file_is_ours: bool,
}

impl<'a> Parts<'a> {
    /// # Errors
    ///
    /// The marks are not a pair.
    pub(super) fn of(text: &'a str) -> Result<Self, String> {
        let (mut begins, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let next = at + line.len();
            let trimmed = line.trim_end();
            if trimmed.starts_with(BEGIN) {
                begins.push((at, next, trimmed));
            } else if trimmed == END {
                ends.push((at, next));
            }
            at = next;
        }
        let (start, ours, end, mark) = match (begins.as_slice(), ends.as_slice()) {
            ([], []) => {
                let nothing =
                    Self { before: text, ours: None, after: "", newline_is_ours: false, file_is_ours: false };
                return Ok(nothing);
            }
            ([(start, from, mark)], [(to, end)]) if from <= to => (*start, *from..*to, *end, *mark),
            _ => return Err("the marks around our part are not one pair".to_owned()),
        };
        let before = text.get(..start).unwrap_or_default();
        let newline_is_ours = mark.ends_with(NEWLINE_IS_OURS);
        let without_newline = if newline_is_ours { before.strip_suffix('\n') } else { None };
        Ok(Self {
            before: without_newline.unwrap_or(before),
            ours: text.get(ours),
            after: text.get(end..).unwrap_or_default(),
            newline_is_ours: without_newline.is_some(),
            file_is_ours: mark.ends_with(FILE_IS_OURS),
        })
    }

    /// The file without our part; `None`: without the file, as it was.
    pub(super) fn without(&self) -> Option<String> {
        if self.ours.is_some() && self.file_is_ours && self.before.is_empty() && self.after.is_empty() {
            return None;
        }
        // Two lines that others wrote must not become one.
        let newline = if self.newline_is_ours && !self.after.is_empty() { "\n" } else { "" };
        Some(format!("{}{newline}{}", self.before, self.after))
    }

    /// The file with this as our part: where it was, or at the end. `exists`: whether there is a
    /// file.
    pub(super) fn with(&self, content: &str, exists: bool) -> String {
        let is_first = self.ours.is_none();
        let newline_is_ours = if is_first {
            !self.before.is_empty() && !self.before.ends_with('\n')
        } else {
            self.newline_is_ours
        };
        let file_is_ours = if is_first { !exists } else { self.file_is_ours };
        let (newline, of_ours) = match (newline_is_ours, file_is_ours) {
            (true, _) => ("\n", NEWLINE_IS_OURS),
            (false, true) => ("", FILE_IS_OURS),
            (false, false) => ("", ""),
        };
        format!("{}{newline}{BEGIN}{of_ours}\n{content}{END}\n{}", self.before, self.after)
    }

    /// The sections that are not ours.
    ///
    /// # Errors
    ///
    /// A line, by its number in the rest of the file, that AWS's tools would refuse.
    pub(super) fn others(&self) -> Result<Vec<Section<'a>>, String> {
        let mut all = sections(self.before)?;
        all.extend(sections_after(self.after, all.is_empty() && self.ours.is_none())?);
        Ok(all)
    }
}

/// The sections of a text.
///
/// # Errors
///
/// A line that AWS's tools would refuse.
pub(super) fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    sections_after(text, true)
}

/// `at_top`: whether a key before the first section would belong to none.
fn sections_after(text: &str, at_top: bool) -> Result<Vec<Section<'_>>, String> {
    // A byte order mark is refused by the tools too.
    let (mut found, mut at): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let mut may_continue = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let fault = |what: &str| Err(format!("line {}: {what}", index + 1));
        let trimmed = line.trim();
        if trimmed.contains('\0') {
            return fault("a zero byte");
        }
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) && may_continue {
            continue;
        }
        if let Some(rest) = trimmed.strip_prefix('[') {
            let Some((name, _)) = rest.split_once(']') else { return fault("a section without its end") };
            found.push((section_name(name), start));
            may_continue = false;
        } else if at_top && found.is_empty() {
            return fault("neither a section nor a comment");
        } else if trimmed.contains(['=', ':']) {
            may_continue = true;
        } else {
            return fault("neither a key with a value nor a section");
        }
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, start)| *start).chain([text.len()]).collect();
    let sections = found
        .into_iter()
        .zip(ends)
        .map(|((name, start), end)| Section { name, text: text.get(start..end).unwrap_or_default() });
    Ok(sections.collect())
}

fn section_name(header: &str) -> String {
    let header = header.trim();
    let name = header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(header);
    name.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROFILE: &str = "[profile a]\ncredential_process = b\n";

    fn with(text: &str, content: &str) -> String {
        Parts::of(text).unwrap().with(content, true)
    }

    fn without(text: &str) -> Option<String> {
        Parts::of(text).unwrap().without()
    }

    proptest! {
        #[test]
        fn undoing_restores_every_byte(text in "([a-z\\[\\]#= é\r\n\t]|# >>>|# <<< vestibule|\\PC){0,40}") {
            let once = with(&text, PROFILE);
            prop_assert_eq!(without(&once), Some(text.clone()));
            let twice = with(&once, "[profile b]\n");
            prop_assert_eq!(without(&twice), Some(text));
            prop_assert_eq!(with(&twice, PROFILE), once);
        }

        #[test]
        fn what_is_written_around_our_part_stays(before in "[a-z\n]{0,9}", after in "[a-z\n]{1,9}") {
            let written = with(&before, PROFILE) + &after;
            let again = with(&written, "[profile b]\n");
            prop_assert!(again.starts_with(&before) && again.ends_with(&after));
            let rest = without(&again).unwrap();
            let newline = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
            prop_assert_eq!(rest, before + newline + &after);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            let _ = sections(&text);
        }
    }

    #[test]
    fn a_file_that_is_ours_goes() {
        let made = Parts::of("").unwrap().with(PROFILE, false);
        assert_eq!(without(&made), None);
        assert_eq!(without(&(made + "[default]\n")), Some("[default]\n".to_owned()));
        assert_eq!(without(&with("", PROFILE)), Some(String::new()));
    }

    #[test]
    fn marks_that_are_no_pair_are_refused() {
        let part = with("", PROFILE);
        for text in
            [format!("{part}{part}"), part.replace(END, "#"), format!("{END}\n{}", part.replace(END, "#"))]
        {
            assert!(Parts::of(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_those_that_the_tools_see() {
        let text = "# x\n[default]\nregion = a\n\n[profile  two]\ns3 =\n  max = 1\nrole_arn = x\n[profile \"a b\"]\n[sso-session s]\r\nsso_region=a\r\n";
        let found = sections(text).unwrap();
        let names: Vec<&str> = found.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, ["default", "two", "a b", "sso-session s"]);
        let with: Vec<bool> = found.iter().map(Section::has_credentials).collect();
        assert_eq!(with, [false, true, false, true]);
    }

    #[test]
    fn what_the_tools_refuse_is_refused() {
        for text in ["region = a\n", "[a\n", "[a]\nword\n", "[a]\nb=\0\n", "  x\n"] {
            assert!(sections(text).is_err(), "{text:?}");
        }
    }
}
