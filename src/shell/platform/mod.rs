//! What a system is asked for, under one set of names: files of one person alone, the keyring, what
//! opens an address, signals and exit codes. Which file it comes from is known when this is
//! compiled, so this is the one list that files of its own layer import through.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::*;
#[cfg(windows)]
pub(super) use windows::*;
