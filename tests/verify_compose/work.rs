//! What the tests share: running the program on a tree, and reading what it says of each check.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

/// How each check of a proof ended, `level/id` by word.
pub struct Proof {
    pub code: Option<i32>,
    pub states: BTreeMap<String, String>,
    pub text: String,
}

impl Proof {
    pub fn of(output: &Output) -> Proof {
        let text = both(output);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        let checks = document["profiles"][0]["checks"].as_array().expect("checks");
        let word = |check: &Value, key: &str| check[key].as_str().expect("a word").to_owned();
        let states = checks
            .iter()
            .map(|check| (format!("{}/{}", word(check, "level"), word(check, "id")), word(check, "state")))
            .collect();
        Proof { code: output.status.code(), states, text }
    }

    pub fn with(&self, state: &str) -> Vec<&str> {
        self.states.iter().filter(|(_, found)| *found == state).map(|(id, _)| id.as_str()).collect()
    }

    /// Exactly these checks failed, and the program says so.
    #[track_caller]
    pub fn fails(&self, ids: &[&str]) {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        assert_eq!(self.with("failed"), ids, "{}", self.text);
        assert_eq!(self.code, Some(1), "{}", self.text);
    }

    /// Everything held.
    #[track_caller]
    pub fn holds(&self) {
        assert_eq!(self.with("failed"), [""; 0], "{}", self.text);
        assert_eq!(self.with("not-run"), [""; 0], "{}", self.text);
        assert_eq!(self.code, Some(0), "{}", self.text);
    }
}

/// The test's engine as the program finds it: a socket, and Compose as a plugin of the client.
pub struct Docker<'test> {
    pub engine: &'test Engine,
    settings: TempDir,
}

impl<'test> Docker<'test> {
    pub fn new(engine: &'test Engine) -> Docker<'test> {
        let compose = stdout(&good("compose.sh --fetch", run(harness("compose.sh").arg("--fetch"))));
        let settings = tempfile::tempdir().expect("a temporary folder");
        for folder in ["plugin/cli-plugins", "none", "path"] {
            std::fs::create_dir_all(settings.path().join(folder)).expect("folder");
        }
        for place in ["plugin/cli-plugins", "path"] {
            let link = settings.path().join(place).join("docker-compose");
            std::os::unix::fs::symlink(&compose, link).expect("a link");
        }
        Docker { engine, settings }
    }

    /// `redisgen verify` on a tree, with temporary files in a folder that must be empty at the end.
    pub fn command(&self, deployment: &Deployment, words: &[&str]) -> Command {
        let temporary = temporary(deployment);
        std::fs::create_dir_all(&temporary).expect("folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        command
            .args(["verify", "--deny", "error", "--format", "json"])
            .arg(deployment.folder.path().join(format!("{}.yaml", deployment.name)))
            .args(words)
            .env("DOCKER_HOST", format!("unix://{}/docker.sock", self.engine.folder.path().display()))
            .env("DOCKER_CONFIG", self.settings.path().join("plugin"))
            .env("TMPDIR", temporary);
        command
    }

    /// Compose as a program of its own, as in Debian 13.
    pub fn with_compose_on_path(&self, command: &mut Command) {
        let path = std::env::var("PATH").expect("PATH");
        command
            .env("DOCKER_CONFIG", self.settings.path().join("none"))
            .env("PATH", format!("{}:{path}", self.settings.path().join("path").display()));
    }

    /// Level compose on the tree as it lies there.
    #[track_caller]
    pub fn proof(&self, deployment: &Deployment) -> Proof {
        let out = deployment.out().display().to_string();
        let proof = Proof::of(&run(
            &mut self.command(deployment, &["--require", "compose", "--level", "compose", "--dir", &out])
        ));
        left_nothing(deployment);
        proof
    }

    /// Nothing with this in its name is in the engine.
    #[track_caller]
    pub fn nothing_is_left(&self, name: &str) {
        let filter = format!("name=redisgen-verify-{name}");
        for list in [["ps", "--all"], ["volume", "ls"], ["network", "ls"]] {
            let said =
                stdout(&good("list", self.engine.docker(&[&list[..], &["--quiet", "--filter", &filter]].concat())));
            assert_eq!(said, "", "{list:?}");
        }
    }
}

pub fn temporary(deployment: &Deployment) -> PathBuf {
    deployment.folder.path().join("temporary")
}

#[track_caller]
pub fn left_nothing(deployment: &Deployment) {
    let left: Vec<_> = std::fs::read_dir(temporary(deployment)).expect("folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Replaces in a file of the tree what must be there.
#[track_caller]
pub fn edit(deployment: &Deployment, file: &str, changes: &[(&str, &str)]) {
    let mut text = deployment.read(file);
    for (from, to) in changes {
        text = replace(&text, from, to);
    }
    std::fs::write(deployment.path(file), text).expect("written");
}

/// A minimal fixture, for the server that is in the image.
pub fn minimal(name: &str) -> String {
    format!("{}engine: {{ kind: redis, version: \"{VERSION}\" }}\n", Deployment::fixture(name))
}
