//! How a command ends that did not do what it was asked: a code of the table in
//! `docs/SHELL.md`, and one sentence that says what to do.

/// The exit codes. 2 is also clap's, for arguments that it refuses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// What no other code names: the system refused something that it never should.
    Failed = 1,
    /// An argument is wrong.
    Usage = 2,
    /// The service refused: the sentence is its own.
    Refused = 3,
    /// The sign-in was cancelled, closed, interrupted or not answered in time.
    NotCompleted = 4,
    /// The service cannot be reached.
    Unreachable = 5,
    /// The service speaks another version, or is none of ours.
    Incompatible = 6,
    /// The clocks are more than five minutes apart.
    Clock = 7,
    /// Nothing usable is cached, and `--no-login` forbids a sign-in.
    NothingCached = 8,
    /// The system's keyring refused.
    Keyring = 9,
    /// A file or a directory cannot be read or written.
    Disk = 10,
    /// AWS's configuration file is not such that a part of it can be ours.
    AwsConfig = 11,
    /// No server is known, or `shell.toml` has a fault (sysexits.h's EX_CONFIG).
    Configuration = 78,
    /// `exec`: the command cannot be run.
    NotExecutable = 126,
    /// `exec`: the command does not exist.
    NotFound = 127,
}

impl Exit {
    const ALL: [Self; 14] = [
        Self::Failed,
        Self::Usage,
        Self::Refused,
        Self::NotCompleted,
        Self::Unreachable,
        Self::Incompatible,
        Self::Clock,
        Self::NothingCached,
        Self::Keyring,
        Self::Disk,
        Self::AwsConfig,
        Self::Configuration,
        Self::NotExecutable,
        Self::NotFound,
    ];

    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The reverse, for a failure that another process noted.
    pub(super) fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }
}

/// Why a command ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) sentence: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into() }
    }

    /// A file or directory that the system refuses.
    pub(super) fn disk(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(
            Exit::Disk,
            format!("{}: {error}; see that the directory is yours and has room", path.display()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    const TABLE: &str = include_str!("../../docs/SHELL.md");

    #[test]
    fn every_code_is_distinct_and_in_the_table() {
        let codes: std::collections::BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes.len(), Exit::ALL.len());
        for exit in Exit::ALL {
            assert!(TABLE.contains(&format!("\n| {} | ", exit.code())), "{exit:?} is not in docs/SHELL.md");
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
        assert_eq!(Exit::from_code(200), Exit::Failed);
    }
}
