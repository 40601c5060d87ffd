//! The command line of a `credential_process`, as AWS's tools take it apart.
//!
//! On Unix: `shlex` (botocore, the CLI) or `sh -c` (Go, JavaScript, Rust). On Windows: the rules of
//! Microsoft's C runtime (botocore, the CLI) or `cmd.exe /C` (Go, Java, JavaScript, Rust, .NET).
//! What `cmd.exe` makes of quotes depends on how a tool hands them on: Go's SDK cannot start a
//! quoted path with spaces (aws-sdk-go-v2, issue 3208). So there is none where none is needed.

/// The line; `None` if some tool would start something else, or nothing. `arguments` have
/// neither spaces inside nor anything that a shell reads.
pub(super) fn line(program: &str, arguments: &str, on_windows: bool) -> Option<String> {
    let program = if on_windows { of_windows(program) } else { of_unix(program) };
    Some(format!("{} {arguments}", program?))
}

/// Behind a space, `#` and `;` begin a comment for the SDK for Rust, whatever quotes there are.
fn of_unix(program: &str) -> Option<String> {
    (!program.contains(['"', '\\', '\n', '\r', '$', '`', '#', ';'])).then(|| format!("\"{program}\""))
}

fn of_windows(program: &str) -> Option<String> {
    // The tools read the file in the code page of the computer: beyond ASCII each sees another path.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || r"\/:._-~+".contains(c);
    if program.chars().all(is_plain) {
        return Some(program.to_owned());
    }
    let is_quotable = |c: char| is_plain(c) || " ()@,".contains(c);
    program.chars().all(is_quotable).then(|| format!("\"{program}\""))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn on_unix_the_program_is_quoted() {
        let of = |program| line(program, "a --b c", false);
        assert_eq!(of("/opt/my tools/vestibule").unwrap(), r#""/opt/my tools/vestibule" a --b c"#);
        assert_eq!(of("/opt/é'/vestibule").unwrap(), r#""/opt/é'/vestibule" a --b c"#);
        for program in ["/a\"b", "/a\\b", "/a\nb", "/a$b", "/a`b", "/a #b", "/a ;b"] {
            assert_eq!(of(program), None, "{program}");
        }
    }

    #[test]
    fn on_windows_only_what_must_be_is_quoted() {
        let of = |program| line(program, "a --b c", true);
        for (program, expected) in [
            (r"C:\Tools\vestibule.exe", r"C:\Tools\vestibule.exe a --b c"),
            (r"\\server\share\vestibule.exe", r"\\server\share\vestibule.exe a --b c"),
            (r"C:\Progra~1\vestibule.exe", r"C:\Progra~1\vestibule.exe a --b c"),
            (r"C:\Program Files\n\vestibule.exe", r#""C:\Program Files\n\vestibule.exe" a --b c"#),
            (r"C:\Program Files (x86)\vestibule.exe", r#""C:\Program Files (x86)\vestibule.exe" a --b c"#),
        ] {
            assert_eq!(of(program).as_deref(), Some(expected));
        }
        for program in [
            r"C:\a%b\vestibule.exe",
            r"C:\a&b\vestibule.exe",
            r"C:\a^b\vestibule.exe",
            r"C:\Users\Jürgen\vestibule.exe",
            r"\\?\C:\vestibule.exe",
            "C:\\a\"b",
            "C:\\a\nb",
        ] {
            assert_eq!(of(program), None, "{program}");
        }
    }
}
