//! `profiles`: our part of `~/.aws/config`, and nothing else of it.

use crate::person::Computer;
use crate::stand_in::READER;
use proptest::prelude::*;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

fn config(computer: &Computer) -> PathBuf {
    let directory = computer.home.path().join(".aws");
    std::fs::create_dir_all(&directory).unwrap();
    directory.join("config")
}

#[test]
fn our_part_is_written_and_taken_away() {
    let computer = Computer::signed_in();
    let path = config(&computer);
    let before = "[default]\r\nregion = a\n\n[profile x]\nregion = b"; // without a line break
    std::fs::write(&path, before).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();

    let shown = computer.succeeds(&["profiles"]);
    assert!(shown.contains("[profile 123456789012-Reader]\n"), "{shown}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);

    computer.succeeds(&["profiles", "--write"]);
    let once = std::fs::read_to_string(&path).unwrap();
    assert!(once.starts_with(before) && once.contains(&shown), "{once}");
    assert!(once.contains("region = eu-central-1\n"), "{once}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    computer.succeeds(&["profiles", "--write"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), once);

    // One more, by name: the first stays.
    let named = "prod=arn:aws:iam::123456789012:role/Production";
    computer.succeeds(&["profiles", "--write", "--role", named, "--region", "us-east-1"]);
    let twice = std::fs::read_to_string(&path).unwrap();
    assert!(twice.contains("[profile prod]") && twice.contains("[profile 123456789012-Reader]"), "{twice}");
    computer.succeeds(&["profiles", "--write"]);
    assert!(std::fs::read_to_string(&path).unwrap().contains("[profile prod]"));

    computer.succeeds(&["profiles", "--remove"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert!(computer.succeeds(&["profiles", "--remove"]).contains("nothing of ours"));
}

#[test]
fn a_file_that_was_not_there_is_not_there_again() {
    let computer = Computer::signed_in();
    let path = config(&computer);
    computer.succeeds(&["profiles", "--write"]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    computer.succeeds(&["profiles", "--remove"]);
    assert!(!path.exists());
}

/// A link stays where it is when another version lies behind it.
#[test]
fn a_program_that_was_called_by_a_link_is_named_by_it() {
    let computer = Computer::signed_in();
    let link = computer.home.path().join("bin/vestibule");
    std::fs::create_dir(link.parent().unwrap()).unwrap();
    symlink(env!("CARGO_BIN_EXE_vestibule"), &link).unwrap();
    let along_path = format!("{}:{}", link.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let expected = format!("credential_process = \"{}\" credentials", link.display());
    for (program, path) in [(link.to_str().unwrap(), "/usr/bin"), ("vestibule", &along_path)] {
        let mut command = std::process::Command::new("/usr/bin/env");
        computer.at_home(&mut command);
        let output = command.env("PATH", path).args([program, "profiles"]).output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(&expected), "{program}: {shown}");
    }
}

/// `aws configure` on Windows writes the whole file anew, with line breaks of its own.
#[test]
fn line_breaks_of_another_tool_do_not_hide_a_role() {
    let computer = Computer::signed_in();
    let path = config(&computer);
    computer.succeeds(&["profiles", "--write", "--role", &format!("own={READER}")]);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    computer.succeeds(&["profiles", "--write"]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("[profile own]") && !text.contains("-Reader]"), "{text}");
    computer.succeeds(&["profiles", "--remove"]);
    assert!(!path.exists());
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let computer = Computer::signed_in();
    let (path, target) = (config(&computer), computer.home.path().join("dotfiles"));
    symlink(&target, &path).unwrap();
    computer.fails(&["profiles", "--write"], 11, "nothing was changed");
    assert!(!target.exists());
    std::fs::write(&target, "# mine\n").unwrap();
    computer.succeeds(&["profiles", "--write"]);
    assert!(path.symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&target).unwrap().starts_with("# mine\n"));
    computer.succeeds(&["profiles", "--remove"]);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "# mine\n");
}

#[test]
fn what_cannot_be_judged_is_refused_and_kept() {
    let computer = Computer::signed_in();
    let path = config(&computer);
    let name = "[profile 123456789012-Reader]\nregion = a\n";
    for (content, words) in [
        (&b"\xff\xfe"[..], "not UTF-8"),
        (b"region = a\n", "line 1"),
        (b"[default\n", "line 1"),
        (b"[default]\nnonsense\n", "line 2"),
        (name.as_bytes(), "exists already"),
        (b"# <<< vestibule: end\n", "one pair"),
    ] {
        std::fs::write(&path, content).unwrap();
        computer.fails(&["profiles", "--write"], 11, words);
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::write(path.with_file_name("credentials"), "[123456789012-Reader]\naws_access_key_id = a\n")
        .unwrap();
    computer.fails(&["profiles", "--write"], 11, "exists already");
    std::fs::remove_file(path.with_file_name("credentials")).unwrap();
    std::fs::create_dir(&path).unwrap();
    computer.fails(&["profiles", "--write"], 11, "directory");
    let other = Computer::new();
    other.fails(&["profiles", "--server", &other.service.url], 8, "sign in first");
    other.fails(&["profiles", "--role", &format!("a]={READER}")], 2, "letters");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn undoing_restores_every_byte(lines in prop::collection::vec("(\\[[a-z]{3}\\]|[a-z]{1,3} ?[=:] ?\\PC{0,6}|#\\PC{0,9}|)\r?\n", 0..6), end in "(# x|)") {
        thread_local!(static COMPUTER: Computer = Computer::signed_in());
        COMPUTER.with(|computer| {
            let path = config(computer);
            let text = format!("[top]\n{}{end}", lines.concat());
            std::fs::write(&path, &text).unwrap();
            let (code, _, said) = computer.run(&["profiles", "--write"]);
            if code == 0 {
                assert!(std::fs::read_to_string(&path).unwrap().starts_with(&text));
                computer.succeeds(&["profiles", "--remove"]);
            } else {
                assert_eq!(code, 11, "{said}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        });
    }
}
