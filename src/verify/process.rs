//! Programs that a proof starts: each in a process group of its own, bounded in time, and ended with the proof.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::check::Trouble;
use super::interrupt;

/// Longest output that is read of a program.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A program on PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&path()).map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// Where programs are: administrators' ones, as nft, are not on everybody's PATH.
pub fn path() -> OsString {
    #[expect(clippy::disallowed_methods, reason = "programs are found where the shell finds them")]
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(if path.is_empty() { "" } else { ":" });
    path.push("/usr/local/sbin:/usr/sbin:/sbin");
    path
}

/// True if a file can be started.
pub fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// A program on PATH, or what to say of a missing one; `package` is what Debian calls its package.
///
/// # Errors
/// It is missing.
pub fn need(name: &str, package: &str) -> Result<PathBuf, Trouble> {
    find(name).ok_or_else(|| {
        Trouble::missing(
            format!("no `{name}` on PATH"),
            format!("install {package}, as the package is called in Debian"),
        )
    })
}

/// What programs see of the environment beside PATH: where files are, and nothing that could be carried away.
const KEPT: &[&str] = &["HOME", "TMPDIR"];

/// A program that reads nothing, speaks English, and gets of the environment what `KEPT` names and no more.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_clear().env("LC_ALL", "C").env("PATH", path()).process_group(0);
    keep(&mut command, KEPT);
    command
}

/// Hands these variables over, where they are set.
pub fn keep(command: &mut Command, names: &[&str]) {
    for name in names {
        #[expect(clippy::disallowed_methods, reason = "programs are found where the user's own commands find them")]
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// How a program ended, and what it said.
#[derive(Clone, Debug)]
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Said {
    /// True if it ended with 0.
    pub fn well(&self) -> bool {
        self.status.success()
    }

    /// Both outputs.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// How it ended and what it said, for people.
    pub fn told(&self) -> String {
        format!("{}: {}", self.status, self.all().trim())
    }
}

/// Runs a program to its end.
///
/// # Errors
/// It does not start, takes longer than `limit`, or somebody asked to stop; it is ended then.
pub fn run(command: &mut Command, limit: Duration) -> Result<Said, Trouble> {
    run_while(command, limit, |process| process.ended(limit))
}

/// Runs a program that cleans up: it comes to its end though somebody asked to stop.
///
/// # Errors
/// It does not start, or takes longer than `limit`; it is ended then.
pub fn clean(command: &mut Command, limit: Duration) -> Result<Said, Trouble> {
    run_while(command, limit, |process| {
        let start = std::time::Instant::now();
        loop {
            match process.status()? {
                None if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
                status => return Ok(status),
            }
        }
    })
}

fn run_while(
    command: &mut Command,
    limit: Duration,
    ended: impl FnOnce(&mut Process) -> Result<Option<ExitStatus>, Trouble>,
) -> Result<Said, Trouble> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| Trouble::Failed(format!("{name}: {error}"));
    // Files instead of pipes: a program that writes much is never kept waiting.
    let (mut out, mut err) = (tempfile::tempfile().map_err(failed)?, tempfile::tempfile().map_err(failed)?);
    command.stdout(out.try_clone().map_err(failed)?).stderr(err.try_clone().map_err(failed)?);
    let mut process = Process::start(command)?;
    match ended(&mut process)? {
        Some(status) => Ok(Said { status, out: text(&mut out), err: text(&mut err) }),
        None => Trouble::failed(format!(
            "{name} did not end within {} s: {}{}",
            limit.as_secs(),
            text(&mut out),
            text(&mut err)
        )),
    }
}

/// All that was written to a file, from its start.
pub fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read was not said.
    let _lost = file.rewind().and_then(|()| file.take(LONGEST).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program that runs; its whole group is ended with it.
pub struct Process {
    child: Child,
    grace: Duration,
}

impl Process {
    /// Starts a program made by [`command`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start(command: &mut Command) -> Result<Process, Trouble> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| Trouble::Failed(format!("{name} does not start: {error}")))?;
        Ok(Process { child, grace: Duration::from_secs(2) })
    }

    /// How long it may take to end after SIGTERM, before it is killed.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Process {
        self.grace = grace;
        self
    }

    /// Its process id, which is that of its group too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, if that is a pipe and nobody took it yet.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended, or none while it runs.
    ///
    /// # Errors
    /// The system's.
    pub fn status(&mut self) -> Result<Option<ExitStatus>, Trouble> {
        self.child.try_wait().map_err(|error| Trouble::Failed(error.to_string()))
    }

    /// Waits for its end; none if it still runs after `limit`.
    ///
    /// # Errors
    /// Somebody asked to stop.
    pub fn ended(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Trouble> {
        interrupt::wait(limit, || self.status())
    }

    /// Sends a signal to the program itself.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // It may have ended meanwhile.
            let _gone = rustix::process::kill_process(pid, signal);
        }
    }

    fn signal_all(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            let _gone = rustix::process::kill_process_group(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal_all(Signal::TERM);
        let start = std::time::Instant::now();
        while start.elapsed() < self.grace {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal_all(Signal::KILL);
        let _ended = self.child.wait();
    }
}
