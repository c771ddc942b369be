//! A project of Compose that goes, however the proof ends: on success, on failure, on interrupts and on panics.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::verify::check::{Outcome, Trouble};
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
        crate::random(&mut random).map_err(Trouble::Failed)?;
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
        let logs = match self.container(service) {
            Ok(id) => self.docker.ask(["logs", "--tail", "5", &id])?.all(),
            Err(_) => String::new(),
        };
        Trouble::failed(format!("{} {}", last(&said.err, 2), last(&logs, 5)))
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

    /// Removes it as a person would.
    ///
    /// # Errors
    /// What is left then.
    pub(super) fn down(&mut self) -> Outcome {
        let said = self.run(&["down", "--volumes", "--timeout", "5", "--remove-orphans"])?;
        let left: Vec<String> = KINDS.iter().map(|kind| self.left(kind)).collect::<Result<Vec<_>, _>>()?.concat();
        if !said.well() || !left.is_empty() {
            return Trouble::failed(format!("{} {}", left.join(", "), last(&said.err, 2)));
        }
        self.gone = true;
        Ok(String::new())
    }

    /// What of a kind bears its name.
    fn left(&self, kind: &Kind) -> Result<Vec<String>, Trouble> {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let mut command = self.docker.command(kind.list);
        let said = process::clean(command.args(["--quiet", "--filter", &label]), LIMIT)?;
        if said.well() { Ok(said.out.lines().map(str::to_owned).collect()) } else { Trouble::failed(said.told()) }
    }

    /// Removes all that bears its name, whatever became of the file. Nobody's signal cuts this short.
    fn sweep(&self) -> Result<(), Trouble> {
        let mut clean_rounds = 0;
        for _ in 0..10 {
            let mut found = false;
            for kind in KINDS {
                let left = self.left(kind)?;
                if !left.is_empty() {
                    found = true;
                    // What is still in use goes in the next round.
                    process::clean(self.docker.command(kind.remove).args(&left), LONG)?;
                }
            }
            clean_rounds = if found { 0 } else { clean_rounds + 1 };
            // What the engine was still making when its client was ended appears a moment later.
            if clean_rounds == 2 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        Trouble::failed(format!("the engine keeps something of project {}", self.name))
    }
}

/// What a project has, in the order in which it can be removed.
const KINDS: &[Kind] = &[
    Kind { list: &["ps", "--all"], remove: &["rm", "--force", "--volumes"] },
    Kind { list: &["volume", "ls"], remove: &["volume", "rm", "--force"] },
    Kind { list: &["network", "ls"], remove: &["network", "rm"] },
];

struct Kind {
    list: &'static [&'static str],
    remove: &'static [&'static str],
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if !self.gone
            && let Err(trouble) = self.sweep()
        {
            crate::console::err(&format!("not removed: {trouble:?}\n"));
        }
    }
}

/// The last lines of a text.
pub(super) fn last(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join(" ")
}
