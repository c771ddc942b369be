//! The Docker engine and the Compose that this user's commands reach. In: what the shell finds. Out: commands for them.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::check::Trouble;
use super::process::{self, Said};

/// How long a question may take.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// What a compose file may see of the environment, beside what every program does: where the engine is.
const KEPT: &[&str] =
    &["XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"];

/// An engine that answers.
pub(super) struct Docker {
    program: PathBuf,
    /// Version of the engine.
    pub version: String,
}

impl Docker {
    /// Asks the engine.
    ///
    /// # Errors
    /// There is no client, or no engine answers.
    pub(super) fn find() -> Result<Docker, Trouble> {
        let program = process::need("docker", "docker.io or docker-cli")?;
        let mut docker = Docker { program, version: String::new() };
        let said = docker.ask(["version", "--format", "{{.Server.Version}}"])?;
        if !said.well() {
            let missing = format!("no Docker engine answers: {}", said.all());
            return Err(Trouble::missing(missing, "start one, or let DOCKER_HOST name its socket"));
        }
        said.out.trim().clone_into(&mut docker.version);
        Ok(docker)
    }

    /// A command of its client.
    pub(super) fn command<Word: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = Word>) -> Command {
        let mut command = bare(&self.program);
        command.args(words);
        command
    }

    /// Runs a short one.
    ///
    /// # Errors
    /// It does not start or end, or somebody asked to stop.
    pub(super) fn ask<Word: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = Word>) -> Result<Said, Trouble> {
        process::run(&mut self.command(words), LIMIT)
    }

    /// Fails if the engine is on another machine, which does not see the folder that a proof mounts.
    ///
    /// # Errors
    /// It is.
    pub(super) fn is_here(&self) -> Result<(), Trouble> {
        let said = self.ask(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])?;
        let host = said.out.trim();
        if said.well() && host.starts_with("unix://") {
            return Ok(());
        }
        let missing =
            format!("the engine is reached by `{host}`, and only one on this machine sees the files to mount");
        Err(Trouble::missing(missing, "let DOCKER_HOST name a socket of this machine, as unix:///var/run/docker.sock"))
    }

    /// Compose, as a command of the client or a program of its own.
    ///
    /// # Errors
    /// There is none of version 2 or later.
    pub(super) fn compose(&self) -> Result<Compose, Trouble> {
        let plugin = Some(vec![self.program.clone().into_os_string(), "compose".into()]);
        let own = process::find("docker-compose").map(|program| vec![program.into_os_string()]);
        for words in [plugin, own].into_iter().flatten() {
            let mut compose = Compose { words, version: String::new() };
            let said = process::run(compose.command().args(["version", "--short"]), LIMIT)?;
            let version = said.out.trim().trim_start_matches('v');
            if said.well() && version.split('.').next().and_then(|major| major.parse().ok()) >= Some(2) {
                version.clone_into(&mut compose.version);
                return Ok(compose);
            }
        }
        Err(Trouble::missing(
            "no Docker Compose of version 2 or later",
            "install docker-compose-plugin of docker.com, docker-compose of Debian 13 or docker-compose-v2 of Ubuntu",
        ))
    }
}

/// A Compose of version 2 or later.
pub(super) struct Compose {
    words: Vec<OsString>,
    /// Its version.
    pub version: String,
}

impl Compose {
    /// A command of it, without arguments.
    pub(super) fn command(&self) -> Command {
        let (program, words) =
            self.words.split_first().map_or((OsStr::new(""), [].as_slice()), |(first, rest)| (first.as_os_str(), rest));
        let mut command = bare(program);
        command.args(words);
        command
    }
}

/// A command with what [`KEPT`] names and no more of the environment.
fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = process::command(program);
    process::keep(&mut command, KEPT);
    command
}

/// The first two numbers of a version.
pub(super) fn line(version: &str) -> (u32, u32) {
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
