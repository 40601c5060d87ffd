//! File descriptors: a connection needs one, and so do calls of AWS, the database and
//! its journal. Where connections have taken all of them, a login whose assertion is
//! already used up finds none for STS.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is not for connections of the public listener: the database, its journal and
/// temporary looks at files, 64 connections of the admin listener, and the connections
/// to AWS.
pub(crate) const RESERVED: u64 = 192;

/// The soft limit, raised to the hard one where that is allowed. systemd's and Docker's
/// default is 1,024 soft, because of programs that still use `select`. `None`: no limit.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // A filter of system calls may forbid it.
        Err(_) => current,
    }
}

/// How many connections fit beside everything else.
pub(crate) fn connections_that_fit(max_connections: usize, descriptors: Option<u64>) -> usize {
    let Some(descriptors) = descriptors else { return max_connections };
    let fit = descriptors.saturating_sub(RESERVED).max(descriptors / 2);
    max_connections.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_never_take_the_last_descriptors() {
        for (max, descriptors, fit) in [
            (1_024, None, 1_024),
            (1_024, Some(65_536), 1_024),
            (1_024, Some(1_024), 832),
            (1_024, Some(256), 128),
            (10, Some(256), 10),
            (10, Some(0), 1),
        ] {
            assert_eq!(connections_that_fit(max, descriptors), fit, "{max} {descriptors:?}");
        }
    }
}
