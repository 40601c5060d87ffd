//! `vestibule profiles`: our part of `~/.aws/config`.

use super::aws_config::{Parts, Profile, sections};
use super::cache::Entry;
use super::context::Context;
use super::credential_process::line;
use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::files::{self, Held};
use super::names::{is_role, region, role_arn};
use super::output::{write, write_json};
use super::platform::{Access, is_own};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    /// Write our part of ~/.aws/config (or AWS_CONFIG_FILE); without it, show what would be written
    #[arg(long, conflicts_with = "remove")]
    write: bool,
    /// Remove our part: the file is as it was before
    #[arg(long)]
    remove: bool,
    /// A profile of this name for this role; again for more. What is cached has one anyway
    #[arg(long, value_name = "NAME=ARN", value_parser = named_role, conflicts_with = "remove")]
    role: Vec<(String, String)>,
    /// The region of the profiles; else the service's own
    #[arg(long, value_name = "REGION", value_parser = region, conflicts_with = "remove")]
    region: Option<String>,
    /// The service's address; else VESTIBULE_SERVER, else the one that is remembered
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Say which profiles there are as JSON
    #[arg(long, conflicts_with_all = ["write", "remove"])]
    json: bool,
}

fn named_role(text: &str) -> Result<(String, String), String> {
    let (name, arn) = text.split_once('=').ok_or("write it as NAME=ARN")?;
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_.@+-".contains(c);
    if name.is_empty() || name == "default" || !name.chars().all(is_safe) {
        return Err("a name has letters, digits and _ . @ + - (and is not `default`)".to_owned());
    }
    Ok((name.to_owned(), role_arn(arn)?))
}

/// # Errors
///
/// The file is not such that a part of it can be ours, or nothing is known to write.
pub(super) fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let path = context.environment.aws_config()?;
    let _held = Held::take(&context.cache.directory)?;
    let file = File::read(&path)?;
    let parts = Parts::of(&file.text).map_err(|what| refused(&path, &what))?;
    if options.remove {
        if parts.ours.is_none() {
            return write(b"nothing of ours is there\n");
        }
        file.put(parts.without().as_deref())?;
        return write(format!("removed from {}\n", path.display()).as_bytes());
    }
    let others = parts.others().map_err(|what| refused(&path, &what))?;
    let (profiles, kept) = profiles(context, options, parts.ours.unwrap_or_default())?;
    if options.json {
        return write_json(&profiles.iter().map(told).collect());
    }
    let credentials = File::read(&context.environment.aws_credentials()?)?;
    // What is not readable there is not ours to judge; its names are what matters.
    let more = sections(&credentials.text).unwrap_or_default();
    for (file, sections) in [(&path, &others), (&credentials.path, &more)] {
        let mut taken =
            profiles.iter().filter(|profile| sections.iter().any(|section| section.name == profile.name));
        if let Some(profile) = taken.next() {
            let what = format!("a profile {:?} that is not ours exists already", profile.name);
            let way = "rename it, or give ours another name by --role NAME=ARN";
            return Err(Failure::new(Exit::AwsConfig, format!("{}: {what}; {way}", file.display())));
        }
    }
    let content: String = profiles.iter().map(Profile::text).collect::<String>() + &kept;
    if !options.write {
        context.progress(&format!("{} would get this; --write writes it", path.display()));
        return write(content.as_bytes());
    }
    file.put(Some(&parts.with(&content, file.exists)))?;
    let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
    write(format!("written to {}: {}\n", path.display(), names.join(", ")).as_bytes())
}

fn told(profile: &Profile) -> serde_json::Value {
    json!({
        "name": profile.name,
        "credential_process": profile.credential_process,
        "region": profile.region,
    })
}

/// This program as it was called. Behind a link there may be another version tomorrow, at another
/// path, and the link is what stays.
fn own_program(environment: &Environment) -> Result<PathBuf, Failure> {
    let program = std::env::current_exe().map_err(|e| Failure::disk(Path::new("/proc/self/exe"), &e))?;
    let Some(called) = std::env::args_os().next().map(PathBuf::from) else { return Ok(program) };
    let path = environment.get("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = if called.components().count() > 1 {
        std::path::absolute(&called).into_iter().collect()
    } else {
        std::env::split_paths(path).map(|directory| directory.join(&called)).collect()
    };
    let is_this = |place: &PathBuf| {
        place.is_absolute()
            && place.canonicalize().ok().is_some_and(|found| Some(found) == program.canonicalize().ok())
    };
    Ok(places.into_iter().find(is_this).unwrap_or(program))
}

/// The profiles to write, and those of our part that stay, as text.
fn profiles(context: &Context, options: &Options, ours: &str) -> Result<(Vec<Profile>, String), Failure> {
    let server = context.server(options.server.as_deref())?;
    let cached: Vec<Entry> =
        context.cache.entries()?.into_iter().filter(|entry| entry.server == server.as_str()).collect();
    let program = own_program(&context.environment)?;
    let any_region = cached.iter().find_map(|entry| entry.region.clone());
    let region = options.region.clone().or(any_region);
    let profile = |name: &str, role: &str| {
        let arguments = format!("credentials --server {server} --role {role}");
        let line = program.to_str().and_then(|program| line(program, &arguments, cfg!(windows)));
        let line = line.ok_or_else(|| {
            Failure::new(
                Exit::AwsConfig,
                "this program's path has characters that ~/.aws/config cannot carry; move it elsewhere",
            )
        })?;
        Ok(Profile { name: name.to_owned(), credential_process: line, region: region.clone() })
    };
    let mut profiles =
        options.role.iter().map(|(name, role)| profile(name, role)).collect::<Result<Vec<_>, _>>()?;
    let old = sections(ours).unwrap_or_default();
    let is_named = |name: &str| options.role.iter().any(|(named, _)| named == name);
    let stays: Vec<_> = old.iter().filter(|section| !is_named(&section.name)).collect();
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    for entry in cached.iter().filter(|entry| is_role(&entry.role) && is_account(&entry.account)) {
        let has_one = options.role.iter().any(|(_, role)| *role == entry.role);
        let name = name_of(entry);
        let has_other = stays.iter().any(|section| {
            let has_role = |line: &str| line.ends_with(&format!("--role {}", entry.role));
            section.name != name && section.text.lines().any(has_role)
        });
        if !has_one && !has_other {
            profiles.push(profile(&name, &entry.role)?);
        }
    }
    let is_new = |name: &str| profiles.iter().any(|profile| profile.name == name);
    let kept: String =
        stays.iter().filter(|section| !is_new(&section.name)).map(|section| section.text).collect();
    if profiles.is_empty() && kept.is_empty() {
        return Err(Failure::new(
            Exit::NothingCached,
            "no role is known; sign in first (`vestibule login`), or name one by --role NAME=ARN",
        ));
    }
    Ok((profiles, kept))
}

/// `123456789012-Reader`: the role's path is left out.
fn name_of(entry: &Entry) -> String {
    let role = entry.role.rsplit('/').next().unwrap_or_default();
    format!("{}-{role}", entry.account)
}

/// The file as it is now.
struct File {
    path: PathBuf,
    /// Where it really is, behind symbolic links.
    target: PathBuf,
    exists: bool,
    text: String,
    /// `None`: what is there is no file.
    access: Option<Access>,
}

impl File {
    fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable = |e: &std::io::Error| refused(path, &e.to_string());
        let Some(target) = files::target(path).map_err(|e| unreadable(&e))? else {
            let (path, target) = (path.to_owned(), path.to_owned());
            return Ok(Self {
                path,
                target,
                exists: false,
                text: String::new(),
                access: Some(Access::PRIVATE),
            });
        };
        let meta = fs::metadata(&target).map_err(|e| unreadable(&e))?;
        if !meta.is_file() {
            return Self::nothing_of(path, target, &meta);
        }
        let bytes = fs::read(&target).map_err(|e| unreadable(&e))?;
        let text = String::from_utf8(bytes).map_err(|_| refused(path, "it is not UTF-8"))?;
        Ok(Self { path: path.to_owned(), target, exists: true, text, access: Some(Access::of(&meta)) })
    }

    /// AWS's tools take what is no file, such as `/dev/null`, as empty. Nothing is written there.
    fn nothing_of(path: &Path, target: PathBuf, meta: &fs::Metadata) -> Result<Self, Failure> {
        if meta.is_dir() {
            return Err(refused(path, "it is a directory"));
        }
        Ok(Self { path: path.to_owned(), target, exists: false, text: String::new(), access: None })
    }

    /// Puts this in its place in one step; `None`: removes it.
    fn put(&self, text: Option<&str>) -> Result<(), Failure> {
        let failed = |e: std::io::Error| refused(&self.path, &e.to_string());
        let Some(access) = self.access else { return Err(refused(&self.path, "it is no file")) };
        if self.exists {
            if !is_own(&fs::metadata(&self.target).map_err(failed)?) {
                return Err(refused(&self.path, "it belongs to somebody else"));
            }
            if fs::read(&self.target).map_err(failed)? != self.text.as_bytes() {
                return Err(refused(&self.path, "it changed at this moment"));
            }
        }
        match text {
            None => fs::remove_file(&self.target).map_err(failed),
            Some(text) => {
                if let Some(directory) = self.target.parent().filter(|_| !self.exists) {
                    fs::create_dir_all(directory).map_err(failed)?;
                }
                files::replace(&self.target, text.as_bytes(), access).map_err(failed)
            }
        }
    }
}

fn refused(path: &Path, what: &str) -> Failure {
    Failure::new(
        Exit::AwsConfig,
        format!("{}: {what}; nothing was changed: correct it, then run this again", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::named_role;

    #[test]
    fn a_profile_is_named_so_that_nothing_else_is_written() {
        assert!(named_role("prod=arn:aws:iam::123456789012:role/a/B+c").is_ok());
        for text in [
            "prod",
            "=arn:aws:iam::123456789012:role/A",
            "default=arn:aws:iam::123456789012:role/A",
            "a]b=arn:aws:iam::123456789012:role/A",
            "a b=arn:aws:iam::123456789012:role/A",
            "a=arn:aws:iam::123456789012:role/A B",
            "a=arn:aws:iam::123456789012:role/A\n[x]",
            "a=arn:aws:iam::123456789012:user/A",
        ] {
            assert!(named_role(text).is_err(), "{text}");
        }
    }
}
