//! The real binary, with a configuration and files of its own in a temporary directory.

use super::browser::Browser;
use super::process::{Process, free_port, remove_configuration};
use std::io::PipeWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// Where the local token service says it is.
pub const REGION: &str = "eu-central-1";

/// The sections that most tests share: everything embedded, under the test's own
/// directory. A test appends the `[saml]` part and the rules.
pub const EMBEDDED: &str = r#"
[server]
listen = "@LISTEN@"
admin_listen = "@ADMIN@"
public_url = "@URL@"
redirect_url = "@URL@/"
allowed_origins = ["@URL@"]

[sts]
kind = "local"
path = "@DIR@/sts-key"
region = "@REGION@"

[store]
kind = "embedded"
path = "@DIR@/vestibule.db"

[keys]
kind = "local"
path = "@DIR@/keys"
"#;

/// The forge's identity provider and a rule for those of its people who may work in
/// production. Its metadata is [`ADFS_METADATA`], in `idp.xml`.
pub const ADFS: &str = r#"
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "@DIR@/idp.xml"

[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
duration = "1h"
"#;

pub const ADFS_METADATA: &str = include_str!("../../fixtures/FederationMetadata.xml");

/// What a server needs before it starts.
pub struct Setup {
    config: String,
    dir: TempDir,
    env: Vec<(String, String)>,
    through: Vec<String>,
    binary: PathBuf,
    output: Option<PipeWriter>,
    port: u16,
    admin_port: u16,
}

impl Setup {
    /// Writes its output into this pipe and not into `server.log`.
    pub fn output(self, output: PipeWriter) -> Self {
        Self { output: Some(output), ..self }
    }

    /// Puts a file beside the configuration: `@DIR@/name` there.
    pub fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.dir.path().join(name), content).unwrap();
        self
    }

    /// Where it will be, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets a variable for the first start only: what [`Server::restart`] starts has it not.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has another program start it each time, such as one that takes rights away:
    /// these words come before the binary's name. `@DIR@` is replaced.
    pub fn through(mut self, words: &[&str]) -> Self {
        let dir = self.dir.path().to_str().unwrap();
        self.through = words.iter().map(|word| word.replace("@DIR@", dir)).collect();
        self
    }

    /// Starts this binary, of another commit for example, and not the one that was built
    /// with the test.
    pub fn binary(self, path: &Path) -> Self {
        Self { binary: path.to_owned(), ..self }
    }

    /// Starts the binary and waits until it is ready.
    pub fn start(self) -> Server {
        let Self { config, dir, env, through, binary, output, port, admin_port } = self;
        let address = format!("127.0.0.1:{port}");
        let admin_address = format!("127.0.0.1:{admin_port}");
        let base_url = format!("http://{address}");
        let admin_url = format!("http://{admin_address}");
        let config = config
            .replace("@LISTEN@", &address)
            .replace("@ADMIN@", &admin_address)
            .replace("@URL@", &base_url)
            .replace("@REGION@", REGION)
            .replace("@DIR@", dir.path().to_str().unwrap());
        std::fs::write(dir.path().join("vestibule.toml"), config).unwrap();
        let mut server = Server { base_url, admin_url, dir, through, binary, process: None };
        server.run(&env, output);
        server
    }
}

/// A running server; killed on drop.
pub struct Server {
    // First, so that it has ended when its directory is removed.
    process: Option<Process>,
    /// The public listener, without a slash at the end.
    pub base_url: String,
    /// The listener of health, readiness and metrics.
    pub admin_url: String,
    /// Its files: `vestibule.toml`, `vestibule.db`, `keys`, `server.log`, and those of the test.
    pub dir: TempDir,
    through: Vec<String>,
    binary: PathBuf,
}

impl Server {
    /// A server that is not started yet. `@LISTEN@`, `@ADMIN@`, `@URL@`, `@DIR@` and
    /// `@REGION@` in `config` are replaced at its start; [`EMBEDDED`] uses them all.
    pub fn setup(config: &str) -> Setup {
        Setup {
            config: config.to_owned(),
            dir: TempDir::with_prefix("vestibule-").unwrap(),
            env: Vec::new(),
            through: Vec::new(),
            binary: env!("CARGO_BIN_EXE_vestibule").into(),
            output: None,
            port: free_port(),
            admin_port: free_port(),
        }
    }

    /// Starts with `config` alone: see [`Server::setup`].
    pub fn start(config: &str) -> Self {
        Self::setup(config).start()
    }

    /// An address on the public listener.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// A file of this server.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// All that it ever wrote to stdout and stderr, across restarts.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.path("server.log")).unwrap()
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// `kill -9`; nothing is flushed or tidied up.
    pub fn kill(&mut self) {
        self.process.take().expect("the server runs").kill();
    }

    /// `kill -TERM`, and waits for the graceful stop.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.take().expect("the server runs").terminate()
    }

    /// What `/metrics` says of this one, without a label or with all of them.
    pub fn metric(&self, name: &str) -> u64 {
        let text = Browser::new().get(&format!("{}/metrics", self.admin_url), &[]).body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
    }

    /// `kill -HUP`: the configuration is read again.
    pub fn hang_up(&self) {
        self.process.as_ref().expect("the server runs").signal("-HUP");
    }

    /// Waits until it ends by itself, as a server told to crash does.
    pub fn wait_end(&mut self) -> ExitStatus {
        self.process.take().expect("the server runs").wait_end()
    }

    /// Starts again on the same files and ports, killing what still runs.
    pub fn restart(&mut self) {
        // Dropped, it is killed and has ended.
        self.process = None;
        self.run(&[], None);
    }

    fn run(&mut self, env: &[(String, String)], output: Option<PipeWriter>) {
        let binary = self.binary.to_str().unwrap();
        let mut words = self.through.iter().map(String::as_str).chain([binary]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg("serve").arg("--config").arg(self.path("vestibule.toml"));
        command.current_dir(self.dir.path());
        remove_configuration(&mut command);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let log: &Path = &self.path("server.log");
        let mut process = match output {
            Some(output) => {
                Process::spawn_into(command, log, output.try_clone().unwrap().into(), output.into())
            }
            None => Process::spawn(command, log),
        };
        process.wait_ready(&format!("{}/readyz", self.admin_url));
        self.process = Some(process);
    }
}
