//! A run of `redisgen verify`, and what its JSON says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::deployment::Deployment;

/// The command, which reads nothing.
pub fn redisgen(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
    command.args(arguments).stdin(Stdio::null()).env_remove("REDISCLI_AUTH");
    command
}

/// What a run showed.
pub struct Proof {
    pub output: Output,
    pub document: Value,
}

impl Proof {
    /// Proves the deployment's tree at these levels.
    pub fn of(deployment: &Deployment, levels: &str, more: &[&str]) -> Proof {
        let mut command =
            redisgen(&["verify", "--deny", "error", "--format", "json", "--require", levels, "--level", levels]);
        command.arg(deployment.folder().join("profile.yaml")).arg("--dir").arg(deployment.out()).args(more);
        Proof::run(&mut command)
    }

    pub fn run(command: &mut Command) -> Proof {
        let output = command.output().expect("redisgen runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let document = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        Proof { output, document }
    }

    /// The checks, by `level/id`: state and what was seen.
    pub fn checks(&self) -> BTreeMap<String, (String, String)> {
        let checks = self.document["profiles"][0]["checks"].as_array().expect("checks");
        let word = |check: &Value, key: &str| check[key].as_str().expect("text").to_owned();
        let pair = |check: &Value| {
            (format!("{}/{}", word(check, "level"), word(check, "id")), (word(check, "state"), word(check, "seen")))
        };
        checks.iter().map(pair).collect()
    }

    /// Names of the checks in a state.
    pub fn in_state(&self, state: &str) -> Vec<String> {
        self.checks().into_iter().filter(|(_, (is, _))| is == state).map(|(name, _)| name).collect()
    }

    /// All held, at least so many.
    #[track_caller]
    pub fn holds(&self, at_least: usize) {
        assert_eq!(self.in_state("failed"), [""; 0], "{:#?}", self.checks());
        assert_eq!(self.in_state("not-run"), [""; 0], "{:#?}", self.checks());
        assert!(self.in_state("held").len() >= at_least, "{:#?}", self.checks());
        assert_eq!(self.output.status.code(), Some(0));
        assert_eq!(self.document["profiles"][0]["passed"], true);
    }

    /// These failed, and no others.
    #[track_caller]
    pub fn fails(&self, what: &str, expected: &[&str]) {
        assert_eq!(self.in_state("failed"), expected, "{what}: {:#?}", self.checks());
        assert_eq!(self.output.status.code(), Some(1), "{what}");
        assert_eq!(self.document["profiles"][0]["passed"], false, "{what}");
    }
}

/// Exchanges a part of a file, which must be there.
#[track_caller]
pub fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.contains(from), "{} has no {from:?}:\n{text}", path.display());
    std::fs::write(path, text.replace(from, to)).expect("edited");
}
