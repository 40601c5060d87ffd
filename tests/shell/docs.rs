//! The lines of docs/SHELL.md, run one after the other as a reader runs them.

use crate::person::Computer;
use crate::support::computer::outcome;

const NOTE: &str = "```sh by:tests/shell/docs.rs";

#[test]
fn every_line_of_the_documentation_works() {
    let computer = Computer::new();
    let text = include_str!("../../docs/SHELL.md");
    let mut commands = Vec::new();
    for block in text.split(NOTE).skip(1) {
        for line in block.lines().skip(1).take_while(|line| *line != "```") {
            let (program, arguments) = line.split_once(' ').unwrap();
            assert_eq!(program, "vestibule", "{line}");
            let line = arguments.replace("https://vestibule.example.com", &computer.service.url);
            // There is no AWS here; tests/shell/tools.rs asks for credentials as its tools do.
            let line = line.replace("aws sts get-caller-identity", "true");
            let words: Vec<&str> = line.split(' ').collect();
            let (code, _, said) = outcome(&computer.command(&words).output().unwrap());
            assert_eq!(code, 0, "{line}: {said}");
            commands.push(words[0].to_owned());
        }
    }
    assert_eq!(commands, ["login", "exec", "profiles", "profiles", "completions"]);
    let config = std::fs::read_to_string(computer.home.path().join(".aws/config")).unwrap();
    assert!(config.contains("[profile production]"), "{config}");
}
