//! The variables of the process, and the directories that they name.

use super::exit::{Exit, Failure};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Names the person's own directory.
pub(super) const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
/// The variable that names where our directory with `shell.toml` lies; without it, where below
/// the person's own.
pub(super) const CONFIG: (&str, &str) = if cfg!(windows) {
    ("APPDATA", r"AppData\Roaming")
} else if cfg!(target_os = "macos") {
    ("XDG_CONFIG_HOME", "Library/Application Support")
} else {
    ("XDG_CONFIG_HOME", ".config")
};
/// The same of the cache. On Windows it follows nobody to another computer.
const CACHE: (&str, &str) = if cfg!(windows) {
    ("LOCALAPPDATA", r"AppData\Local")
} else if cfg!(target_os = "macos") {
    ("XDG_CACHE_HOME", "Library/Caches")
} else {
    ("XDG_CACHE_HOME", ".cache")
};

/// An empty variable counts as none, as XDG and AWS have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment(HashMap<String, String>);

impl Environment {
    pub(super) fn new(variables: impl Iterator<Item = (String, String)>) -> Self {
        // On Windows `Path` and `PATH` are one.
        let name = |name: String| if cfg!(windows) { name.to_ascii_uppercase() } else { name };
        let variables = variables.filter(|(_, value)| !value.is_empty());
        Self(variables.map(|(own, value)| (name(own), value)).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn directory(&self, name: &str) -> Option<&Path> {
        // A relative path is invalid, says the XDG base directory specification, and ignored.
        self.get(name).map(Path::new).filter(|path| path.is_absolute())
    }

    /// The person's own directory.
    pub(super) fn home(&self) -> Result<&Path, Failure> {
        self.directory(HOME).ok_or_else(|| {
            Failure::new(
                Exit::Disk,
                format!("{HOME} names no directory; set it to one that is yours, then run this again"),
            )
        })
    }

    /// Where `shell.toml` lies.
    pub(super) fn config_directory(&self) -> Result<PathBuf, Failure> {
        self.of_ours(CONFIG)
    }

    /// Where the cache lies.
    pub(super) fn cache_directory(&self) -> Result<PathBuf, Failure> {
        self.of_ours(CACHE)
    }

    fn of_ours(&self, (variable, below_home): (&str, &str)) -> Result<PathBuf, Failure> {
        let parent = match self.directory(variable) {
            Some(directory) => directory.to_owned(),
            None => self.home()?.join(below_home),
        };
        Ok(parent.join("vestibule"))
    }

    /// `~/.aws/config`, or where AWS's tools look instead.
    pub(super) fn aws_config(&self) -> Result<PathBuf, Failure> {
        self.aws_file("AWS_CONFIG_FILE", "config")
    }

    /// `~/.aws/credentials`, or where AWS's tools look instead.
    pub(super) fn aws_credentials(&self) -> Result<PathBuf, Failure> {
        self.aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    }

    fn aws_file(&self, variable: &str, name: &str) -> Result<PathBuf, Failure> {
        match self.get(variable) {
            Some(path) => {
                match path.strip_prefix("~/").or(path.strip_prefix(r"~\").filter(|_| cfg!(windows))) {
                    Some(below) => Ok(self.home()?.join(below)),
                    None => Ok(PathBuf::from(path)),
                }
            }
            None => Ok(self.home()?.join(".aws").join(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[cfg(unix)]
    #[test]
    fn directories_are_those_of_the_system_or_xdg() {
        let plain =
            environment(&[("HOME", "/home/ada"), ("XDG_CACHE_HOME", ""), ("XDG_CONFIG_HOME", "relative")]);
        if cfg!(target_os = "linux") {
            assert_eq!(plain.config_directory().unwrap(), Path::new("/home/ada/.config/vestibule"));
            assert_eq!(plain.cache_directory().unwrap(), Path::new("/home/ada/.cache/vestibule"));
        }
        assert_eq!(plain.aws_config().unwrap(), Path::new("/home/ada/.aws/config"));
        let set = environment(&[("XDG_CACHE_HOME", "/c"), ("AWS_CONFIG_FILE", "~/a"), ("HOME", "/h")]);
        assert_eq!(set.cache_directory().unwrap(), Path::new("/c/vestibule"));
        assert_eq!(set.aws_config().unwrap(), Path::new("/h/a"));
        assert_eq!(environment(&[]).cache_directory().unwrap_err().exit, Exit::Disk);
    }

    #[cfg(windows)]
    #[test]
    fn directories_are_those_of_the_profile() {
        let plain = environment(&[("UserProfile", r"C:\Users\ada"), ("XDG_CACHE_HOME", r"C:\x")]);
        let below = |path: &str| Path::new(r"C:\Users\ada").join(path);
        assert_eq!(plain.config_directory().unwrap(), below(r"AppData\Roaming\vestibule"));
        assert_eq!(plain.cache_directory().unwrap(), below(r"AppData\Local\vestibule"));
        assert_eq!(plain.aws_config().unwrap(), below(r".aws\config"));
        let set = environment(&[
            ("AppData", r"D:\a"),
            ("AWS_CONFIG_FILE", r"~\a"),
            ("UserProfile", r"C:\Users\ada"),
        ]);
        assert_eq!(set.config_directory().unwrap(), Path::new(r"D:\a\vestibule"));
        assert_eq!(set.aws_config().unwrap(), below("a"));
        assert_eq!(environment(&[]).cache_directory().unwrap_err().exit, Exit::Disk);
    }
}
