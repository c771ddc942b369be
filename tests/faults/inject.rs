//! Failures at chosen system calls, by `strace`: the program that runs is the one that is shipped, untouched. A run without
//! failures lists the calls; each of them may then fail, or be the moment at which the process is killed.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Out, REDISGEN, Room, Tree};

/// What the program asks of a file system, and random numbers. Names with `?` are not known on every machine.
const CALLS: &str = "?open,openat,read,write,fsync,fdatasync,?rename,renameat,renameat2,?chmod,fchmod,fchmodat,fchownat,\
    ?mkdir,mkdirat,?unlink,unlinkat,?link,linkat,flock,getrandom,?newfstatat,?fstatat64,getdents64";

/// A call of a run.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its place among the calls of that name.
    nth: usize,
    /// The file below the room that it is about, under its final name; empty if it is about none.
    pub path: String,
    /// True if a library does it, which was given what it needs a moment before.
    pub library: bool,
    /// True if it changes what is on disk.
    pub changes: bool,
    /// The error that it may return, and how people read it.
    error: (&'static str, &'static str),
    /// As `strace` showed it.
    pub text: String,
}

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails.
    Error,
    /// It fails, and all that follow.
    Errors,
    /// The process is killed in its place.
    Kill,
}

impl Call {
    /// How the error's cause reads.
    pub fn cause(&self) -> &'static str {
        self.error.1
    }
}

/// Umask 000: what is closed to others is so because we say so.
fn strace(room: &Room, options: &[String], arguments: &[&str]) -> Out {
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 000; exec strace \"$@\"", "sh", "-f", "-qq", "-y"])
        .args(options)
        .arg(REDISGEN)
        .args(arguments)
        .current_dir(room.path(""));
    let out = Out::from(command.output().expect("sh"));
    assert!(!out.stderr.contains("strace: not found"), "strace is missing: install it; this test needs it");
    assert!(!out.stderr.contains("ptrace"), "strace cannot work here: {}", out.stderr);
    out.no_panic();
    out
}

/// The calls of a run that succeeds, from the first one whose text holds `from` on.
pub fn calls(room: &Room, arguments: &[&str], from: &str) -> Vec<Call> {
    let trace = Room::new();
    let file = trace.path("trace").display().to_string();
    let options = ["-s", "0", "-e", &format!("trace={CALLS}"), "-o", &file].map(str::to_owned);
    strace(room, &options, arguments).ended(0);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut found = Vec::new();
    let mut begun = false;
    for line in trace.read("trace").lines() {
        let text = line.split_once(' ').expect("a process").1.trim_start();
        let Some((name, rest)) = text.split_once('(') else { continue };
        let nth = counts.entry(name.to_owned()).or_default();
        *nth += 1;
        begun |= text.contains(from);
        // The profile is read again to be judged: another phase.
        if begun && text.starts_with("openat(AT_FDCWD") && text.contains("\"p.yaml\"") {
            break;
        }
        // A message to a person is no file. A request for no bytes only asks whether there is the call.
        let other = (name == "write" || name == "read") && !rest.contains(&room.path("").display().to_string())
            || name == "getrandom" && rest.starts_with("\"\", 0");
        if begun && !other {
            found.push(Call {
                nth: *nth,
                path: path(room, name, rest),
                library: name == "getrandom" && rest.contains("..., 32, 0)"),
                changes: changes(name, rest),
                error: error(name, rest),
                name: name.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    assert!(begun, "no call is about {from}");
    found
}

/// The path that a call is about, from `strace -y`: `openat(3</room/deploy>, "redis", …)` or `fsync(4</room/deploy/redis>)`.
fn path(room: &Room, name: &str, rest: &str) -> String {
    let arguments = rest.rsplit_once(") = ").map_or(rest, |(arguments, _)| arguments);
    let arguments: Vec<&str> = arguments.split(", ").collect();
    let (folder, file) = match name {
        "getrandom" => return String::new(),
        "open" | "mkdir" | "unlink" | "chmod" => ("", arguments[0]),
        // Of two names, the one that it makes.
        "rename" | "link" => ("", arguments[1]),
        "renameat" | "renameat2" | "linkat" => (arguments[2], arguments[3]),
        "openat" | "mkdirat" | "unlinkat" | "fchmodat" | "fchownat" | "newfstatat" | "fstatat64" => {
            (arguments[0], arguments[1])
        }
        _ => (arguments[0], ""),
    };
    let folder = folder.split_once('<').map_or("", |(_, folder)| folder.trim_end_matches('>'));
    let folder = folder.strip_prefix(&*room.path("").to_string_lossy()).unwrap_or("");
    let file = match file.trim_matches('"') {
        "." => "",
        file => file,
    };
    final_name(format!("{folder}/{file}").trim_matches('/'))
}

/// A path without what makes its name a temporary one.
fn final_name(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let plain =
        name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")).and_then(|name| name.rsplit_once('.'));
    match plain {
        Some((name, _)) if folder.is_empty() => name.to_owned(),
        Some((name, _)) => format!("{folder}/{name}"),
        None => path.to_owned(),
    }
}

fn changes(name: &str, rest: &str) -> bool {
    match name {
        "open" | "openat" => rest.contains("O_CREAT"),
        "read" | "fsync" | "fdatasync" | "flock" | "getrandom" | "newfstatat" | "fstatat64" | "getdents64" => false,
        _ => true,
    }
}

/// The likeliest failure of each call.
fn error(name: &str, rest: &str) -> (&'static str, &'static str) {
    match name {
        "openat" if rest.contains("O_CREAT") => ("ENOSPC", "No space left on device"),
        "write" | "mkdir" | "mkdirat" | "link" | "linkat" => ("ENOSPC", "No space left on device"),
        "open" | "openat" | "unlink" | "unlinkat" => ("EACCES", "Permission denied"),
        "chmod" | "fchmod" | "fchmodat" | "fchownat" => ("EPERM", "Operation not permitted"),
        "flock" => ("ENOLCK", "No locks available"),
        _ => ("EIO", "Input/output error"),
    }
}

/// Runs the program with this fault. A process that was killed has no exit code.
pub fn run(room: &Room, arguments: &[&str], call: &Call, fault: Fault) -> Out {
    let Call { name, nth, error: (error, _), .. } = call;
    let (what, more) = match fault {
        Fault::Error => (format!("error={error}"), ""),
        Fault::Errors => (format!("error={error}"), "+"),
        Fault::Kill => ("signal=KILL".to_owned(), ""),
    };
    // Stopping at that call alone is faster, but sends no signals.
    let quick = (fault != Fault::Kill).then(|| "--seccomp-bpf".to_owned());
    let options =
        ["-o", "/dev/null", "-e", &format!("trace={name}"), "-e", &format!("inject={name}:{what}:when={nth}{more}")];
    let options: Vec<String> = quick.into_iter().chain(options.map(str::to_owned)).collect();
    strace(room, &options, arguments)
}

/// A room whose files are memory: syncing costs nothing there.
pub fn room(before: &Tree) -> Room {
    let room = Room::below("/dev/shm");
    for (path, entry) in before {
        let to = room.path(path);
        match entry.kind {
            'd' => std::fs::create_dir(&to).expect("folder"),
            'f' => std::fs::write(&to, &entry.bytes).expect("written"),
            kind => panic!("{path}: {kind}"),
        }
    }
    // From the inside out, since a folder may be closed.
    for (path, entry) in before.iter().rev() {
        room.chmod(path, entry.mode);
    }
    room
}

/// Does this for each of them, on all processors.
pub fn each<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // All that fail are told, not the first alone.
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(one))).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert!(failed == 0, "{failed} of {} failed", all.len());
}
