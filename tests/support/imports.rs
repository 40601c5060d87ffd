//! Which file of the library imports which item, read from its sources.
//!
//! A module whose file has modules below it is a door: `x/mod.rs`, or `x.rs`
//! beside `x/`. What macros and attributes generate is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Sources by their path below `src/`.
pub type Sources = BTreeMap<PathBuf, String>;

/// Modules by name, `crate::saml::accept`.
pub struct Crate(BTreeMap<String, Module>);

#[derive(Default)]
struct Module {
    file: String,
    uses: Vec<Use>,
    /// The paths in code outside `use`, single names too.
    paths: Vec<Vec<String>>,
}

struct Use {
    path: Vec<String>,
    /// What it is called in this module; `*` for everything.
    name: String,
    is_public: bool,
}

/// What breaks the rules inside layers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The arrows of files that import each other.
    pub circles: BTreeSet<String>,
    /// Items imported through a door above and not from their own file; and globs.
    pub doors: BTreeSet<String>,
    /// File and item, where a door above the file defines the item.
    pub upward: BTreeSet<(String, String)>,
}

/// The code of a source that ships: no comments, no literals, nothing of `#[cfg(test)]`.
pub fn shipped(source: &str) -> String {
    let mut code = String::new();
    let whole = without_text(source);
    let mut rest = whole.as_str();
    while let Some((before, from)) = rest.split_once("#[cfg(test)]") {
        code += before;
        rest = &from[item_length(from)..];
    }
    code + rest
}

/// Comments and literals become spaces: braces and paths in them are no code.
fn without_text(source: &str) -> String {
    let mut code = String::new();
    let mut rest = source;
    while let Some(at) = rest.find(['/', '"', '\'']) {
        code += &rest[..at];
        rest = &rest[at..];
        let length = match &rest.as_bytes()[..2.min(rest.len())] {
            b"//" => rest.find('\n'),
            b"/*" => rest.find("*/").map(|end| end + 2),
            [b'"', ..] => string_length(&code, rest),
            [b'\'', b'\\'] => rest[3..].find('\'').map(|end| end + 4),
            // A quote without a second one after the next character begins a lifetime.
            [b'\'', ..] => rest.char_indices().nth(2).map(|(end, c)| if c == '\'' { end + 1 } else { 0 }),
            _ => Some(0),
        };
        let length = length.unwrap_or(rest.len());
        code.push(if length == 0 { rest.as_bytes()[0].into() } else { ' ' });
        rest = &rest[length.max(1)..];
    }
    code + rest
}

fn string_length(before: &str, literal: &str) -> Option<usize> {
    let without_hashes = before.trim_end_matches('#');
    if without_hashes.ends_with('r') {
        let end = format!("\"{}", &before[without_hashes.len()..]);
        return literal[1..].find(&end).map(|at| at + 1 + end.len());
    }
    let mut escaped = false;
    let end = literal[1..].find(|c| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    });
    end.map(|at| at + 2)
}

/// How long the item at the beginning is, its other attributes included.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth < 0 || (depth == 0 && matches!(c, ';' | '}')) {
            return at + usize::from(depth == 0);
        }
    }
    code.len()
}

fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            _ => word,
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

impl Module {
    fn read(file: &Path, source: &str) -> Self {
        let code = shipped(source);
        let tokens = tokens(&code);
        let mut module = Self { file: file.display().to_string(), ..Self::default() };
        let mut rest = tokens.as_slice();
        let mut before = ["", ""];
        // For each open brace: whether a module in this file begins with it.
        let mut braces = Vec::new();
        while let [token, tail @ ..] = rest {
            rest = tail;
            let modules = braces.iter().filter(|is_module| **is_module).count();
            match *token {
                "{" => braces.push(before[0] == "mod"),
                "}" => drop(braces.pop()),
                // `use<'a>` is a bound.
                "use" if rest.first() != Some(&"<") => {
                    let mut leaves = Vec::new();
                    use_tree(&mut rest, &[], &mut leaves);
                    let is_public = matches!(before[1], "pub" | ")");
                    module.uses.extend(leaves.into_iter().map(|(path, name)| Use {
                        path: in_file(&path, modules),
                        name,
                        is_public,
                    }));
                }
                name if is_name(name) && !matches!(before[1], "." | "::") => {
                    let mut path = vec![name];
                    while let ["::", next, tail @ ..] = rest
                        && is_name(next)
                    {
                        path.push(next);
                        rest = tail;
                    }
                    module.paths.push(in_file(&path, modules));
                }
                _ => {}
            }
            before = [before[1], token];
        }
        module
    }
}

/// The paths of one branch of a `use`, and what each is called.
fn use_tree<'t>(rest: &mut &[&'t str], prefix: &[&'t str], leaves: &mut Vec<(Vec<&'t str>, String)>) {
    let mut path = prefix.to_vec();
    while let [name, "::", tail @ ..] = *rest {
        path.push(name);
        *rest = tail;
    }
    let Some((last, tail)) = rest.split_first() else { return };
    *rest = tail;
    match *last {
        "{" => {
            while !matches!(rest.first(), Some(&"}") | None) {
                use_tree(rest, &path, leaves);
                *rest = rest.strip_prefix(&[","]).unwrap_or(rest);
            }
            *rest = rest.get(1..).unwrap_or_default();
        }
        "*" => leaves.push((path, "*".to_owned())),
        last => {
            path.extend((last != "self" || path.is_empty()).then_some(last));
            let mut name = path[path.len() - 1];
            if let ["as", alias, tail @ ..] = *rest {
                name = alias;
                *rest = tail;
            }
            leaves.push((path, name.to_owned()));
        }
    }
}

/// The path as seen from the file, where it stands so many modules deep in the file.
fn in_file(path: &[&str], modules: usize) -> Vec<String> {
    let supers = path.iter().take(modules).take_while(|name| **name == "super").count();
    path[supers..].iter().map(|name| (*name).to_owned()).collect()
}

/// Where a path of ours ends: a module, or an item of it.
type End = (String, Option<String>);

impl Crate {
    /// Test code is left out: what `shipped` cuts, `tests.rs`, `testing.rs`, and all of `tests/`.
    pub fn read(sources: &Sources) -> Self {
        let modules = sources.iter().filter_map(|(path, source)| {
            let mut name = vec!["crate".to_owned()];
            name.extend(path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()));
            name.pop_if(|last| matches!(last.as_str(), "mod" | "lib"));
            let is_ours = !name.iter().any(|part| matches!(part.as_str(), "tests" | "testing" | "main"));
            is_ours.then(|| (name.join("::"), Module::read(path, source)))
        });
        Self(modules.collect())
    }

    /// Follows a path in `from` to where its item is defined, and notes the
    /// modules on the way that only import it. `None`: not ours.
    fn follow(&self, from: &str, path: &[String], through: &mut BTreeSet<(String, String)>) -> Option<End> {
        let mut at = from.to_owned();
        for (done, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => at = "crate".to_owned(),
                "self" => {}
                "super" => at.truncate(at.rfind("::")?),
                name if self.0.contains_key(&format!("{at}::{name}")) => at = format!("{at}::{name}"),
                name => {
                    let uses = &self.0.get(&at)?.uses;
                    // `use time::{self, Duration}` binds `time` to itself: another crate.
                    let is_import =
                        |u: &&Use| u.name == name && u.path.first().is_none_or(|first| first != name);
                    let Some(import) = uses.iter().find(is_import) else {
                        return (done > 0).then(|| (at, Some(name.to_owned())));
                    };
                    if done > 0 {
                        through.insert((at.clone(), name.to_owned()));
                    }
                    return self.follow(&at, &[&import.path, &path[done + 1..]].concat(), through);
                }
            }
        }
        Some((at, None))
    }

    /// Circles, imports through doors and imports upwards, inside each layer.
    /// An import upwards is judged by itself and is in no circle: a door names
    /// what is below it, so every such import would close one.
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        let mut arrows = Arrows::new();
        for (name, Module { file, uses, paths }) in &self.0 {
            let is_door = self.0.keys().any(|other| is_below(other, name));
            // The `pub use` of a door is a list for other modules, and no arrow.
            let uses = uses.iter().filter(|u| !(is_door && u.is_public));
            let paths = paths.iter().map(|path| (path, false));
            for (path, is_glob) in uses.map(|u| (&u.path, u.name == "*")).chain(paths) {
                let mut through = BTreeSet::new();
                let end = self.follow(name, path, &mut through);
                let module = end.as_ref().and_then(|(module, _)| self.0.get(module));
                let origin = module.map_or("another crate", |module| &module.file);
                for (door, item) in through.iter().filter(|(door, _)| is_below(name, door)) {
                    let door = &self.0[door].file;
                    faults.doors.insert(format!("{file} imports {item} through {door}; it is in {origin}"));
                }
                match end {
                    Some((module, None)) if is_glob && module != *name => {
                        faults.doors.insert(format!("{file} imports * of {origin}, and names no item"));
                    }
                    Some((module, Some(item))) if is_below(name, &module) => {
                        faults.upward.insert((file.clone(), item));
                    }
                    Some((module, Some(item))) if module != *name && layer(&module) == layer(name) => {
                        arrows.entry(name).or_default().entry(module).or_default().insert(item);
                    }
                    // The import of a module is no arrow; the items named in it are.
                    _ => {}
                }
            }
        }
        faults.circles = circles(&arrows).iter().map(|circle| self.tell(circle, &arrows)).collect();
        faults
    }

    /// A circle's arrows, one a line, each with its items.
    fn tell(&self, circle: &BTreeSet<&str>, arrows: &Arrows<'_>) -> String {
        let lines =
            circle.iter().flat_map(|from| arrows[from].iter().map(move |(to, items)| (from, to, items)));
        let lines = lines
            .filter(|(_, to, _)| circle.contains(to.as_str()))
            .map(|(from, to, items)| format!("{} -> {}: {items:?}", self.0[*from].file, self.0[to].file));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Which module imports from which, and the items.
type Arrows<'m> = BTreeMap<&'m str, BTreeMap<String, BTreeSet<String>>>;

fn is_below(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
}

fn layer(module: &str) -> Option<&str> {
    module.split("::").nth(1)
}

/// The largest sets of modules each of which reaches all others.
fn circles<'m>(arrows: &'m Arrows<'_>) -> BTreeSet<BTreeSet<&'m str>> {
    let reached = |from| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            let to = arrows.get(module).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
            next.extend(to.filter(|to| reached.insert(*to)));
        }
        reached
    };
    let reach: BTreeMap<&str, _> = arrows.keys().map(|module| (*module, reached(module))).collect();
    let is_back = |from: &str, to: &str| reach.get(to).is_some_and(|back| back.contains(from));
    let circles = reach.iter().map(|(from, to)| to.iter().copied().filter(|to| is_back(from, to)).collect());
    circles.filter(|circle: &BTreeSet<&str>| !circle.is_empty()).collect()
}
