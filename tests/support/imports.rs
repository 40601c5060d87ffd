//! Which file of the crate names which item, read from its sources with `syn`.
//!
//! Arguments of macros and attributes are tokens to `syn`: their paths are found, but
//! what a `use` among them renames is not. Not seen: what macros and derives generate,
//! names inside string literals (`"{NAME}"`, `with = "path"`), and macros that
//! `#[macro_use]` brings. `#[cfg(test)]` is skipped on modules, imports, functions and
//! `impl` blocks; elsewhere it counts as code that ships.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree, Visibility};

/// Sources by their path below `src/`.
pub type Sources = BTreeMap<PathBuf, String>;

/// Modules by name, `crate::saml::accept`; `crate::main` is the binary.
pub struct Crate(BTreeMap<String, Module>);

#[derive(Default)]
struct Module {
    file: String,
    uses: Vec<Use>,
    /// The paths in code outside `use`, single names too.
    paths: BTreeSet<String>,
    /// How many modules inside the file the visitor is in.
    depth: usize,
}

struct Use {
    path: String,
    /// What it is called in this module; `*` for everything.
    name: String,
    is_public: bool,
}

/// A path in a file, written from the crate's root: `crate::saml::Identity`,
/// `std::fs::read`. A `pub use` of another module is not followed.
pub struct Import<'c> {
    pub file: &'c str,
    pub module: &'c str,
    pub path: String,
    is_glob: bool,
    is_public: bool,
}

/// What breaks the rules inside layers.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The arrows of files that import each other.
    pub circles: BTreeSet<String>,
    /// Items imported through a parent module and not from their own file; and globs.
    pub reexports: BTreeSet<String>,
    /// File and item, where a parent module of the file defines the item.
    pub upward: BTreeSet<(String, String)>,
}

/// Whether the file is in the product: not `tests.rs`, `testing.rs`, or below `tests/`.
pub fn ships(path: &Path) -> bool {
    !path.with_extension("").iter().any(|part| part == "tests" || part == "testing")
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|name| name == "test")
    })
}

macro_rules! skip_tests {
    ($($visit:ident($node:ident))*) => { $(
        fn $visit(&mut self, node: &'ast syn::$node) {
            if !is_test(&node.attrs) {
                visit::$visit(self, node);
            }
        }
    )* };
}

impl<'ast> Visit<'ast> for Module {
    skip_tests! { visit_item_fn(ItemFn) visit_item_impl(ItemImpl) visit_impl_item_fn(ImplItemFn) }

    fn visit_item_mod(&mut self, node: &'ast ItemMod) {
        if !is_test(&node.attrs) {
            self.depth += 1;
            visit::visit_item_mod(self, node);
            self.depth -= 1;
        }
    }

    fn visit_item_use(&mut self, node: &'ast ItemUse) {
        if !is_test(&node.attrs) {
            self.add_uses(&node.tree, &[], !matches!(node.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.add_tokens(tokens.clone(), &[]);
    }
}

impl Module {
    fn read(file: &Path, source: &str) -> Self {
        let parsed = syn::parse_file(source).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut module = Self { file: file.display().to_string(), ..Self::default() };
        module.visit_file(&parsed);
        module
    }

    fn add_uses(&mut self, tree: &UseTree, prefix: &[String], is_public: bool) {
        let (last, name) = match tree {
            UseTree::Path(branch) => {
                let prefix = [prefix, &[branch.ident.to_string()]].concat();
                return self.add_uses(&branch.tree, &prefix, is_public);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_uses(tree, prefix, is_public));
            }
            UseTree::Name(leaf) => (leaf.ident.to_string(), leaf.ident.to_string()),
            UseTree::Rename(leaf) => (leaf.ident.to_string(), leaf.rename.to_string()),
            UseTree::Glob(_) => ("self".to_owned(), "*".to_owned()),
        };
        let path = if last == "self" { prefix.to_vec() } else { [prefix, &[last]].concat() };
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
        self.uses.push(Use { path: self.in_file(path), name, is_public });
    }

    /// The paths among tokens; a group after `::` has the rest of several.
    fn add_tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut colons = 0;
        for token in tokens {
            let is_colon = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
            let continues = colons == 2 && matches!(token, TokenTree::Ident(_) | TokenTree::Group(_));
            colons = if is_colon { colons + 1 } else { 0 };
            if !is_colon && !continues {
                self.add_path(std::mem::replace(&mut path, prefix.to_vec()));
            }
            match token {
                TokenTree::Ident(name) => path.push(name.to_string()),
                TokenTree::Group(group) if continues => self.add_tokens(group.stream(), &path),
                TokenTree::Group(group) => self.add_tokens(group.stream(), &[]),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: Vec<String>) {
        let path = self.in_file(path);
        self.paths.insert(path);
    }

    /// The path as seen from the file: the first `super`s only leave modules inside it.
    fn in_file(&self, path: Vec<String>) -> String {
        let supers = path.iter().take(self.depth).take_while(|name| *name == "super").count();
        path[supers..].join("::")
    }

    fn import(&self, name: &str) -> Option<&Use> {
        // `use time::{self, Duration}` binds `time` to itself: another crate.
        self.uses.iter().find(|u| u.name == name && u.path.split("::").next() != Some(name))
    }
}

/// Where a path of ours ends: a module, or an item of it.
type End = (String, Option<String>);

impl Crate {
    /// Reads the files that ship.
    pub fn read(sources: &Sources) -> Self {
        let modules = sources.iter().filter(|(path, _)| ships(path)).map(|(path, source)| {
            let mut name = vec!["crate".to_owned()];
            name.extend(path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()));
            name.pop_if(|last| matches!(last.as_str(), "mod" | "lib"));
            (name.join("::"), Module::read(path, source))
        });
        Self(modules.collect())
    }

    /// Every path in the crate, and where it is.
    pub fn imports(&self) -> impl Iterator<Item = Import<'_>> {
        self.0.iter().flat_map(move |(name, module)| {
            let uses = module.uses.iter().map(|u| (&u.path, u.name == "*", u.is_public));
            let paths = module.paths.iter().map(|path| (path, false, false));
            uses.chain(paths).map(move |(path, is_glob, is_public)| {
                let path = self.absolute(name, path);
                Import { file: &module.file, module: name, path, is_glob, is_public }
            })
        })
    }

    /// A path in `module`, from the root of its crate.
    fn absolute(&self, module: &str, path: &str) -> String {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        let start = match first {
            "" | "self" => module.to_owned(),
            "crate" | "vestibule" => "crate".to_owned(),
            "super" => module.rsplit_once("::").map_or("crate", |(parent, _)| parent).to_owned(),
            name if self.0.contains_key(&format!("{module}::{name}")) => format!("{module}::{name}"),
            name => match self.0.get(module).and_then(|module| module.import(name)) {
                Some(import) => self.absolute(module, &import.path),
                None => name.to_owned(),
            },
        };
        match rest {
            "" => start,
            rest if rest.split("::").next() == Some("super") => self.absolute(&start, rest),
            rest => format!("{start}::{rest}"),
        }
    }

    /// The module that an absolute path ends in, and the item of it. Notes the
    /// modules on the way that only import the item. `None`: another crate's.
    fn origin(&self, path: &str, through: &mut BTreeSet<(String, String)>) -> Option<End> {
        let mut names = path.split("::");
        let mut at = names.next().filter(|first| *first == "crate")?.to_owned();
        while let Some(name) = names.next() {
            let below = format!("{at}::{name}");
            if self.0.contains_key(&below) {
                at = below;
            } else if let Some(import) = self.0.get(&at).and_then(|module| module.import(name)) {
                through.insert((at.clone(), name.to_owned()));
                let path = names.fold(self.absolute(&at, &import.path), |path, name| path + "::" + name);
                return self.origin(&path, through);
            } else {
                return Some((at, Some(name.to_owned())));
            }
        }
        Some((at, None))
    }

    /// Circles, re-exports and imports upwards, inside each layer. An import upwards
    /// is judged by itself and is in no circle: a parent module names what is below
    /// it, so every such import would close one.
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        let mut arrows = Arrows::new();
        let parents: BTreeSet<&str> =
            self.0.keys().filter_map(|name| Some(name.rsplit_once("::")?.0)).collect();
        // The `pub use` of a parent module is a list for other modules, and no arrow.
        for import in self.imports().filter(|i| !(i.is_public && parents.contains(i.module))) {
            let Import { file, module: name, .. } = import;
            let mut through = BTreeSet::new();
            let end = self.origin(&import.path, &mut through);
            let module = end.as_ref().and_then(|(module, _)| self.0.get(module));
            let origin = module.map_or("another crate", |module| &module.file);
            for (parent, item) in through.iter().filter(|(parent, _)| part(name, parent).is_some()) {
                let parent = &self.0[parent].file;
                faults.reexports.insert(format!("{file} imports {item} through {parent}; it is in {origin}"));
            }
            match end {
                Some((module, None)) if import.is_glob && module != name => {
                    faults.reexports.insert(format!("{file} imports * of {origin}, and names no item"));
                }
                Some((module, Some(item))) if part(name, &module).is_some() => {
                    faults.upward.insert((file.to_owned(), item));
                }
                Some((module, Some(item)))
                    if module != name && part(&module, "crate") == part(name, "crate") =>
                {
                    arrows.entry(name).or_default().entry(module).or_default().insert(item);
                }
                // The import of a module is no arrow; the items named in it are.
                _ => {}
            }
        }
        faults.circles = arrows.keys().filter_map(|module| self.circle(module, &arrows)).collect();
        faults
    }

    /// The arrows of the modules that reach `module` and are reached from it, one a line.
    fn circle(&self, module: &str, arrows: &Arrows<'_>) -> Option<String> {
        let mut circle = reached(module, arrows);
        circle.retain(|other| reached(other, arrows).contains(module));
        let lines = circle.iter().flat_map(|from| {
            let to = arrows[from].iter().filter(|(to, _)| circle.contains(to.as_str()));
            to.map(|(to, items)| format!("{} -> {}: {items:?}", self.0[*from].file, self.0[to].file))
        });
        (!circle.is_empty()).then(|| lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Which module imports from which, and the items.
type Arrows<'m> = BTreeMap<&'m str, BTreeMap<String, BTreeSet<String>>>;

/// The first name of a path below a module: the part of the module that it is in.
pub fn part<'p>(path: &'p str, module: &str) -> Option<&'p str> {
    path.strip_prefix(module)?.strip_prefix("::")?.split("::").next()
}

fn reached<'m>(from: &'m str, arrows: &'m Arrows<'_>) -> BTreeSet<&'m str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        let to = arrows.get(module).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        next.extend(to.filter(|to| reached.insert(*to)));
    }
    reached
}
