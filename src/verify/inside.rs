//! In: a level that needs a network, mounts and processes of its own. Out: its records: the program starts itself again in
//! new namespaces, where it is root and can reach nothing else, and hands its records over line by line.

mod confine;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::{Record, Trouble};
use super::level::Level;
use super::process::{self, Process};
use super::{Bench, interrupt};
use crate::console;

pub use confine::{confine, network_script, user, without_rights};

/// What a proof inside says, one line each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// A check starts.
    Started {
        /// Its level.
        level: Level,
        /// What it proves.
        title: String,
    },
    /// A check ended.
    Record(Record),
    /// Programs that judged, with their versions.
    Judges(BTreeMap<String, String>),
}

impl Message {
    /// Says it.
    pub fn say(&self) {
        console::out(&format!("{}\n", serde_json::to_string(self).unwrap_or_default()));
    }
}

/// Where the kernel keeps the program that runs, whatever became of its file.
const ITSELF: &str = "/proc/self/exe";

/// Whose root the program is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Nobody's: it has no rights outside. Ours, where the system lets nobody be that.
    Nobody,
    /// Ours, for what refuses to run otherwise; nobody's, if we are not root.
    Ours,
}

/// Proves the bench's level on the lab's tree, inside.
///
/// # Errors
/// No namespaces can be made here, with the system's reason.
pub fn prove(bench: &mut Bench<'_>, root: Root) -> Result<(), Trouble> {
    let unshare = process::need("unshare", "util-linux")?;
    let wrapper = namespaces(&unshare, root)?;
    let profile =
        bench.lab.write("inside/profile.yaml", bench.lab.resolved.as_bytes(), 0o600).map_err(Trouble::Failed)?;
    let itself = std::fs::read_link(ITSELF).map_err(|error| Trouble::Failed(format!("{ITSELF}: {error}")))?;
    // `unshare` ends its child when it ends, but not itself when this program is killed.
    let mut command = process::command(&process::need("setpriv", "util-linux")?);
    command
        .args(["--pdeathsig", "KILL"])
        .arg(&unshare)
        .args(&wrapper)
        .arg(itself)
        .arg("verify")
        .arg(&profile)
        .arg("--dir")
        .arg(bench.lab.tree());
    command.args(["--inside", "--deny", "error", "--level", bench.level.word()]);
    command.args(["--as-of", &bench.now.date().to_string()]);
    if let Some(server) = &bench.options.server {
        // What does not exist is told inside.
        // Absolute, and no link is followed: Debian's redis-server is one, to a program that looks at its name.
        command.arg("--server").arg(std::path::absolute(server).unwrap_or_else(|_| server.clone()));
    }
    let complaint = tempfile::tempfile().map_err(|error| Trouble::Failed(error.to_string()))?;
    let stderr = complaint.try_clone().map_err(|error| Trouble::Failed(error.to_string()))?;
    command.env("TMPDIR", bench.lab.path()).current_dir("/").stdout(Stdio::piped()).stderr(stderr);
    follow(bench, Process::start(&mut command)?, complaint)
}

/// The words that make namespaces.
fn namespaces(unshare: &Path, root: Root) -> Result<Vec<&'static str>, Trouble> {
    const OWN: [&str; 8] = ["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let user: Vec<&str> = ["--user", "--map-root-user"].into_iter().chain(OWN).collect();
    let mut reason = String::new();
    let mut choices = [user, OWN.to_vec()];
    if root == Root::Ours && rustix::process::geteuid().is_root() {
        choices.reverse();
    }
    for words in choices {
        let said = process::run(process::command(unshare).args(&words).arg("true"), Duration::from_secs(10))?;
        if said.well() {
            return Ok(words);
        }
        reason = said.err;
    }
    Err(Trouble::missing(
        format!("this user may not make namespaces: {}", reason.trim()),
        "run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces)",
    ))
}

/// Hands over what the inner proof says, until it ends.
fn follow(bench: &mut Bench<'_>, mut process: Process, mut complaint: File) -> Result<(), Trouble> {
    let lines = process.lines();
    let mut ended = false;
    while !ended {
        match lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(Message::Started { level, title }) => bench.recorder.started(level, &title),
                Ok(Message::Record(record)) => bench.add(record),
                Ok(Message::Judges(judges)) => bench.add_judges(judges),
                Err(error) => {
                    return Trouble::failed(format!("the proof inside says what nobody understands: {error}"));
                }
            },
            Err(RecvTimeoutError::Timeout) if interrupt::asked() => return Err(Trouble::Interrupted),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => ended = true,
        }
    }
    match process.ended(Duration::from_secs(10))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            Trouble::failed(format!("the proof inside ended with {status}: {}", process::text(&mut complaint).trim()))
        }
        None => Trouble::failed("the proof inside does not end"),
    }
}

impl Process {
    /// The lines of its standard output, as they come.
    fn lines(&mut self) -> mpsc::Receiver<String> {
        let (sender, receiver) = mpsc::channel();
        if let Some(output) = self.output() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        receiver
    }
}
