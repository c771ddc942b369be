//! A project of Compose that goes, however the proof ends: on success, on failure, on interrupts and on panics.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::verify::check::Trouble;
use crate::verify::docker::{Compose, Docker, LIMIT};
use crate::verify::process::{self, Said};

/// How long a start or a stop may take.
pub(super) const LONG: Duration = Duration::from_mins(3);

/// Containers, networks and volumes of one random name.
pub(super) struct Project<'run> {
    docker: &'run Docker,
    compose: &'run Compose,
    /// Its name.
    pub(super) name: String,
    file: PathBuf,
    gone: bool,
}

impl<'run> Project<'run> {
    /// A name that nobody has.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn name() -> Result<String, Trouble> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|error| Trouble::Failed(error.to_string()))?;
        Ok(format!("redisgen-verify-{}", crate::hex(&random)))
    }

    /// Nothing is started yet; from now on all that bears the name is removed at the end.
    pub(super) fn new(docker: &'run Docker, compose: &'run Compose, name: String, file: &Path) -> Project<'run> {
        Project { docker, compose, name, file: file.to_owned(), gone: false }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.compose.command();
        command.args(["--project-name", &self.name, "--file"]).arg(&self.file).args(words);
        command
    }

    /// Runs Compose on it.
    ///
    /// # Errors
    /// It does not start or end, or somebody asked to stop.
    pub(super) fn run(&self, words: &[&str]) -> Result<Said, Trouble> {
        process::run(&mut self.command(words), LONG)
    }

    /// Starts a service and waits until it is healthy.
    ///
    /// # Errors
    /// It is not, with what it last said.
    pub(super) fn up(&self, service: &str) -> Result<(), Trouble> {
        let up = ["up", "--detach", "--pull", "never", "--wait", "--wait-timeout", "90", service];
        let said = self.run(&up)?;
        if said.well() {
            return Ok(());
        }
        let logs = self.run(&["logs", "--no-log-prefix", "--tail", "5", service])?;
        Trouble::failed(format!("{} {}", last(&said.err, 2), last(&logs.all(), 5)))
    }

    /// The container of a service, stopped or not.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn container(&self, service: &str) -> Result<String, Trouble> {
        let said = self.run(&["ps", "--all", "--quiet", service])?;
        match said.out.lines().next() {
            Some(id) if said.well() => Ok(id.to_owned()),
            _ => Trouble::failed(format!("no container of `{service}`: {}", said.told())),
        }
    }

    /// Removes it. Nobody's signal cuts this short.
    ///
    /// # Errors
    /// What is left.
    pub(super) fn remove(&mut self) -> Result<(), Trouble> {
        let mut left = String::new();
        // What the engine was still making when its client was ended appears a moment later.
        for _ in 0..4 {
            let down = ["down", "--volumes", "--timeout", "5", "--remove-orphans"];
            let said = process::clean(&mut self.command(&down), LONG)?;
            left = self.left()?;
            if said.well() && left.is_empty() {
                self.gone = true;
                return Ok(());
            }
            left = format!("{left} {}", last(&said.err, 2));
            std::thread::sleep(Duration::from_millis(300));
        }
        Trouble::failed(format!("project {}: {left}", self.name))
    }

    /// What bears its name.
    fn left(&self) -> Result<String, Trouble> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let mut left = Vec::new();
        for words in [["ps", "--all"], ["volume", "ls"], ["network", "ls"]] {
            let mut command = self.docker.command(words);
            let said = process::clean(command.args(["--quiet", "--filter", &label]), LIMIT)?;
            if !said.well() {
                return Trouble::failed(said.told());
            }
            left.extend(said.out.lines().map(|id| format!("{} {id}", words[0])));
        }
        Ok(left.join(", "))
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if !self.gone
            && let Err(Trouble::Failed(reason)) = self.remove()
        {
            crate::console::err(&format!("not removed: {reason}\n"));
        }
    }
}

/// The last lines of a text.
pub(super) fn last(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join(" ")
}
