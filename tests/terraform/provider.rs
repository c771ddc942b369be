//! The process that serves schemas, and terraform run against it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::common::Room;

/// Where the harness and the schemas are.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terraform");

/// The ends of the provider ranges that the modules state.
pub const ENDS: [&str; 2] = ["oldest", "newest"];

/// A running `provider.py`.
pub struct Provider {
    child: Child,
    input: Option<ChildStdin>,
    reattach: String,
    room: Room,
}

impl Provider {
    /// Starts one with the schemas of an end.
    #[track_caller]
    pub fn start(end: &str) -> Provider {
        let room = Room::new();
        // Debian's own interpreter, which has the packages.
        let mut child = Command::new("/usr/bin/python3")
            .arg(format!("{HERE}/provider.py"))
            .arg(format!("{HERE}/schemas/{end}.json"))
            .arg(room.path("log"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("/usr/bin/python3 does not start: install python3; this test needs it");
        let input = child.stdin.take();
        let mut reattach = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut reattach).expect("a line");
        assert!(
            reattach.starts_with('{'),
            "provider.py does not serve: install python3-grpcio, python3-msgpack, python3-protobuf, protobuf-compiler"
        );
        Provider { child, input, reattach, room }
    }

    /// What tells terraform of it, in `TF_REATTACH_PROVIDERS`.
    #[allow(dead_code, reason = "other tests use it")]
    pub fn reattach(&self) -> &str {
        self.reattach.trim()
    }

    /// Configurations of this type that were applied.
    pub fn applied(&self, kind: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.room.path("log")).unwrap_or_default();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["type"] == kind).map(|mut line| line["config"].take()).collect()
    }

    /// Runs terraform in a folder.
    pub fn terraform(&self, folder: &Path, arguments: &[&str]) -> Run {
        run(terraform(folder).args(arguments).env("TF_REATTACH_PROVIDERS", self.reattach.trim()), None)
    }

    /// Terraform's console: what an expression is there.
    #[track_caller]
    pub fn console(&self, folder: &Path, expression: &str) -> String {
        let mut command = terraform(folder);
        command.arg("console").env("TF_REATTACH_PROVIDERS", self.reattach.trim());
        run(&mut command, Some(expression)).fine().out.trim().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// What a run of terraform gave.
pub struct Run {
    pub good: bool,
    /// Both streams.
    pub out: String,
    what: String,
}

impl Run {
    /// The same, if it succeeded.
    #[track_caller]
    pub fn fine(self) -> Run {
        assert!(self.good, "{}:\n{}", self.what, self.out);
        self
    }

    /// It failed and said this.
    #[track_caller]
    pub fn refused(self, reason: &str) {
        assert!(!self.good, "{} succeeded:\n{}", self.what, self.out);
        let words = |text: &str| text.split(|sign: char| sign.is_whitespace() || sign == '│').collect::<String>();
        assert!(words(&self.out).contains(&words(reason)), "{} does not say {reason:?}:\n{}", self.what, self.out);
    }
}

/// terraform without what a developer's environment sets, and without network.
pub fn terraform(folder: &Path) -> Command {
    let mut command = Command::new("terraform");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TF_") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_IN_AUTOMATION", "1")
        .env("TF_CLI_ARGS", "-no-color")
        .env("TF_CLI_CONFIG_FILE", "/dev/null");
    command
}

/// Runs a prepared terraform.
#[track_caller]
pub fn run(command: &mut Command, input: Option<&str>) -> Run {
    let what = format!("{:?}", command.get_args().collect::<Vec<_>>());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("terraform does not start: put terraform 1.11 or later on PATH; this test needs it");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.unwrap_or_default().as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let both = [output.stdout, output.stderr].concat();
    Run { good: output.status.success(), out: String::from_utf8_lossy(&both).into_owned(), what }
}

/// Builds a profile without secrets and gives the folders of its modules, by name.
#[track_caller]
pub fn built(room: &Room, profile: &Path) -> Vec<(String, PathBuf)> {
    let profile = profile.to_str().expect("UTF-8");
    room.run(["build", profile, "--no-secrets", "--deny", "error", "--out", "deploy"]).ended(0);
    let Ok(entries) = std::fs::read_dir(room.path("deploy/terraform")) else { return Vec::new() };
    let mut modules: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.expect("entry").path())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path))
        .collect();
    modules.sort();
    modules
}

/// The same from the text of a profile, each module initialised.
#[track_caller]
pub fn ready(provider: &Provider, profile: &str) -> (Room, Vec<(String, PathBuf)>) {
    let room = Room::with(profile);
    let modules = built(&room, &room.path("p.yaml"));
    for (_, folder) in &modules {
        provider.terraform(folder, &["init", "-input=false"]).fine();
    }
    (room, modules)
}
