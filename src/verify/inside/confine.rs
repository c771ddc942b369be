//! What a proof inside namespaces can reach. In: the folder of the proof. Out: a root in which the host's programs are
//! read-only and nothing else of the host is, and commands for files of a tree, which anybody may have edited: they get
//! no rights but those that are named, and no variables of ours.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::folder::Folder;
use crate::verify::check::Trouble;
use crate::verify::process;

/// What runs as a container's user would: the user `redis` of the images.
const REDIS: u32 = 999;
/// The script that makes the root.
const SCRIPT: &str = include_str!("confine.sh");

/// Leaves the host behind, but for its programs; for a proof inside namespaces, before anything of a tree runs. Only
/// `lab` can be written; `more` are folders with programs, beside those of PATH.
///
/// # Errors
/// The system lets nobody mount, with its reason.
pub fn confine(lab: &Path, more: &[PathBuf]) -> Result<(), Trouble> {
    let path = process::path();
    let folders = std::env::split_paths(&path).chain(more.iter().cloned());
    // A path with `..` in it could lead out of the new root while that is made.
    let plain = |folder: &PathBuf| {
        folder.is_absolute() && folder.components().all(|part| !matches!(part, std::path::Component::ParentDir))
    };
    let kept = folders.filter(plain).filter(|folder| !SYSTEM.iter().any(|part| folder.starts_with(part)));
    let unshare = stand_in(&process::need("unshare", "util-linux")?);
    Folder::create(&lab.join(SHIMS))
        .and_then(|shims| shims.stage("unshare", unshare.as_bytes(), 0o755, false)?.commit())
        .map_err(Trouble::Failed)?;
    let mut command = process::command("sh");
    command.args(["-euc", SCRIPT, "confine"]).arg(lab).args(kept).current_dir("/");
    let said = process::run(&mut command, Duration::from_secs(20))?;
    if said.well() {
        return Ok(());
    }
    Err(Trouble::missing(
        format!("no root of its own: {}", said.told()),
        "run it as root, or on a kernel that lets this user mount in a namespace of its own",
    ))
}

/// Folders that the script takes over anyway, or that are never taken over.
const SYSTEM: [&str; 12] =
    ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix", "/gnu", "/proc", "/sys"];

/// The user that files of a tree run as, if this one may become somebody else: root may, and who is root of a user
/// namespace of its own is nobody else there.
pub fn user() -> Option<u32> {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let holds = |line: &str| {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse::<u64>().ok());
        let (Some(first), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&u64::from(REDIS))
    };
    (rustix::process::geteuid().is_root() && map.lines().any(holds)).then_some(REDIS)
}

/// Words before a program that starts it without rights: none to gain by any file, none but `rights`, and of `user`.
/// Whoever starts it takes it along when it ends.
///
/// # Errors
/// There is no `setpriv`: nothing of a tree runs with our rights.
pub fn without_rights(rights: &str, user: Option<u32>) -> Result<Vec<OsString>, Trouble> {
    let mut words: Vec<OsString> = vec![process::need("setpriv", "util-linux")?.into()];
    words.extend(["--pdeathsig", "KILL", "--no-new-privs", "--inh-caps=-all"].map(OsString::from));
    // Only root has a set of rights to leave.
    if rustix::process::geteuid().is_root() {
        words.push(format!("--bounding-set=-all{rights}").into());
    }
    if let Some(user) = user {
        words
            .extend(["--reuid", &user.to_string(), "--regid", &user.to_string(), "--clear-groups"].map(OsString::from));
    }
    words.push("--".into());
    Ok(words)
}

/// Where it lies, below the folder of the proof.
const SHIMS: &str = "shims";
/// A stand-in for the `unshare` that scripts try rules with: these rights do not make namespaces, a user namespace does.
fn stand_in(unshare: &Path) -> String {
    format!("#!/bin/sh\nexec {} --user --map-root-user \"$@\"\n", crate::encode::shell(&unshare.display().to_string()))
}

/// A script of a tree that sets up this namespace's network: root there, with the rights over its network. It could make
/// mounts writable again by the right to mount, which it gets only where user namespaces are forbidden and it cannot try
/// its rules otherwise.
///
/// # Errors
/// There is no `setpriv`, or nothing can be written.
pub fn network_script(script: &Path) -> Result<Command, Trouble> {
    let unshare = process::need("unshare", "util-linux")?;
    let mut trial = process::command(unshare);
    let nests = process::run(trial.args(["--user", "--map-root-user", "true"]), Duration::from_secs(10))?.well();
    // Who maps root into a user namespace needs `setfcap` (Linux 5.12); what a file gives is refused to it anyway.
    let rights = if nests { ",+net_admin,+net_raw,+setfcap" } else { ",+net_admin,+net_raw,+sys_admin" };
    let mut words = without_rights(rights, None)?.into_iter();
    let mut command = process::command(words.next().unwrap_or_default());
    if nests {
        // The folder of the proof that started this one.
        let mut path = std::env::temp_dir().join(SHIMS).into_os_string();
        path.push(":");
        path.push(process::path());
        command.env("PATH", path);
    }
    command.args(words).arg(script);
    Ok(command)
}
