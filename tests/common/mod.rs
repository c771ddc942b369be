//! What the integration tests share: a room of their own to run the program in, what a run gave back, what a
//! folder looks like, and the second readers that judge the result. Nothing is skipped: a tool that is
//! missing fails the test and says what to install.

#![allow(dead_code, unreachable_pub, reason = "every test binary compiles this module and uses a part of it")]
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::string_slice,
    clippy::missing_panics_doc,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    clippy::unused_self,
    reason = "a test may fail"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// The program under test.
pub const REDISGEN: &str = env!("CARGO_BIN_EXE_redisgen");

/// A production profile that nothing but info findings are raised against.
pub const PROD: &str = "version: 1\nname: demo\nenvironment: production\n";
/// A development profile without users: no secrets at all.
pub const DEV: &str = "version: 1\nname: demo\nenvironment: development\n";
/// Client certificates too.
pub const MUTUAL: &str = "version: 1\nname: demo\nenvironment: production\ntls: { mode: mutual }\n";

/// What a run gave back.
#[derive(Debug)]
pub struct Out {
    /// Exit code; none if a signal ended the process.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Out {
    /// Of any program.
    pub fn from(output: std::process::Output) -> Out {
        Out {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The same, if it ended with this code and without a panic.
    #[track_caller]
    pub fn ended(self, code: i32) -> Out {
        self.no_panic();
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.head(&self.stdout), self.head(&self.stderr));
        self
    }

    /// A panic is neither a finding nor an error message.
    #[track_caller]
    pub fn no_panic(&self) {
        let both = [&self.stdout, &self.stderr];
        assert!(
            !both.iter().any(|text| text.contains("panicked at") || text.contains("RUST_BACKTRACE")),
            "{}",
            self.stderr
        );
    }

    /// Findings are many at times; a failing test shows the start of them.
    fn head<'text>(&self, text: &'text str) -> &'text str {
        text.char_indices().nth(3000).map_or(text, |(end, _)| &text[..end])
    }

    /// The findings of `--format json`.
    #[track_caller]
    pub fn findings(&self) -> Vec<Value> {
        let document: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.stdout, self.stderr));
        document["findings"].as_array().expect("a list of findings").clone()
    }

    /// Their rule ids.
    #[track_caller]
    pub fn rules(&self) -> Vec<String> {
        self.findings().iter().map(|finding| finding["rule"].as_str().expect("a rule id").to_owned()).collect()
    }
}

/// CPU time and memory of one run.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time in seconds.
    pub cpu: f64,
    /// Peak resident memory in MiB; the floor is the interpreter that measures, about 10 MiB.
    pub memory: f64,
}

/// A folder of its own for one test, removed at its end.
pub struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    /// An empty one.
    pub fn new() -> Room {
        Room { folder: tempfile::Builder::new().prefix("redisgen-test-").tempdir().expect("a temporary folder") }
    }

    /// An empty one in this folder.
    pub fn below(folder: &str) -> Room {
        Room {
            folder: tempfile::Builder::new().prefix("redisgen-test-").tempdir_in(folder).expect("a temporary folder"),
        }
    }

    /// One with this `p.yaml`.
    pub fn with(profile: &str) -> Room {
        let room = Room::new();
        room.file("p.yaml", profile);
        room
    }

    /// One with this `p.yaml`, built into `deploy`.
    #[track_caller]
    pub fn built(profile: &str) -> Room {
        let room = Room::with(profile);
        room.run(["build", "p.yaml"]).ended(0);
        room
    }

    /// Path of something in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders on the way.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, content).expect("written");
        path
    }

    /// Reads a file as text.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Sets a mode.
    pub fn chmod(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).expect("chmod");
    }

    /// The permission bits.
    #[track_caller]
    pub fn mode(&self, name: &str) -> u32 {
        std::fs::symlink_metadata(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}")).mode() & 0o7777
    }

    /// The program, ready to run here.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(REDISGEN);
        // What a developer's shell sets must not decide what the tests see.
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_remove("CLICOLOR_FORCE")
            .env_remove("NO_COLOR");
        command
    }

    /// Runs the program.
    #[track_caller]
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Out {
        let out = Out::from(self.command(arguments).output().expect("the program starts"));
        out.no_panic();
        out
    }

    /// Runs the program with this on its standard input.
    #[track_caller]
    pub fn run_with_input<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>, input: &str) -> Out {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("read");
        Out::from(child.wait_with_output().expect("ends"))
    }

    /// Runs a shell script in which `$REDISGEN` is the program.
    #[track_caller]
    pub fn shell(&self, script: &str) -> Out {
        Out::from(
            Command::new("sh")
                .args(["-c", script])
                .env("REDISGEN", REDISGEN)
                .current_dir(self.folder.path())
                .output()
                .expect("sh"),
        )
    }

    /// Runs the program and measures it: the kernel's own account of the process, read by `wait4`.
    #[track_caller]
    pub fn measure(&self, arguments: &[&str]) -> (Out, Usage) {
        const SCRIPT: &str = "
import os, sys
streams = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for path in sys.argv[1:3]]
moves = [(os.POSIX_SPAWN_DUP2, stream, number) for number, stream in enumerate(streams, 1)]
child = os.posix_spawn(sys.argv[3], sys.argv[3:], os.environ, file_actions=moves)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
";
        let streams = tempfile::tempdir().expect("a temporary folder");
        let (out, err) = (streams.path().join("out"), streams.path().join("err"));
        let mut command = python();
        command
            .args(["-c", SCRIPT])
            .arg(&out)
            .arg(&err)
            .arg(REDISGEN)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        let report = text_of(&mut command);
        let numbers: Vec<f64> = report.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let [code, cpu, kibibytes] = numbers[..] else { panic!("{report}") };
        let lossy = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).expect("the stream")).into_owned();
        let result = Out { code: Some(code as i32), stdout: lossy(&out), stderr: lossy(&err) };
        result.no_panic();
        (result, Usage { cpu, memory: kibibytes / 1024.0 })
    }

    /// Everything in the room, or below a folder of it.
    pub fn tree(&self, below: &str) -> Tree {
        tree(&self.path(below))
    }
}

/// What stands at one path.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// `f`ile, `d`irectory, `l`ink or `?`.
    pub kind: char,
    /// Permission bits.
    pub mode: u32,
    /// Content of a file, target of a link.
    pub bytes: Vec<u8>,
    /// Inode, so that a file that was replaced by an equal one shows.
    pub inode: u64,
    /// Last change in nanoseconds.
    pub modified: i128,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {:04o} {} bytes, inode {}", self.kind, self.mode, self.bytes.len(), self.inode)
    }
}

/// A folder's content by path.
pub type Tree = BTreeMap<String, Entry>;

/// Reads a folder; one that does not exist is empty.
pub fn tree(root: &Path) -> Tree {
    fn walk(folder: &Path, prefix: &str, found: &mut Tree) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.expect("entry").path();
            let name = format!("{prefix}{}", path.file_name().expect("a name").to_string_lossy());
            let metadata = std::fs::symlink_metadata(&path).expect("metadata");
            let (kind, bytes) = if metadata.is_symlink() {
                ('l', std::fs::read_link(&path).expect("target").to_string_lossy().into_owned().into_bytes())
            } else if metadata.is_dir() {
                ('d', Vec::new())
            } else if metadata.is_file() {
                ('f', std::fs::read(&path).expect("content"))
            } else {
                ('?', Vec::new())
            };
            let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
            found.insert(
                name.clone(),
                Entry { kind, mode: metadata.mode() & 0o7777, bytes, inode: metadata.ino(), modified },
            );
            if kind == 'd' {
                walk(&path, &format!("{name}/"), found);
            }
        }
    }
    let mut found = Tree::new();
    walk(root, "", &mut found);
    found
}

/// Kind, mode and content only: what two folders have in common if they hold the same.
pub fn content(tree: &Tree) -> BTreeMap<&str, (char, u32, &[u8])> {
    tree.iter().map(|(path, entry)| (path.as_str(), (entry.kind, entry.mode, entry.bytes.as_slice()))).collect()
}

/// The same without `secrets/`.
pub fn deterministic(tree: &Tree) -> BTreeMap<&str, (char, u32, &[u8])> {
    content(tree).into_iter().filter(|(path, _)| *path != "secrets" && !path.starts_with("secrets/")).collect()
}

/// Python 3, which measures processes and reads YAML 1.1.
pub fn python() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a helper that must succeed and gives its output.
#[track_caller]
pub fn text_of(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): install it; this test needs it"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Where PyYAML is: in the interpreter's own packages, else in a cache below the target folder.
static PYYAML: LazyLock<PathBuf> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-packages");
    let importable = || {
        python()
            .args(["-c", "import yaml"])
            .env("PYTHONPATH", &cache)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !importable() {
        eprintln!("PyYAML is not here: installing it into {}", cache.display());
        let installed =
            python().args(["-m", "pip", "install", "--quiet", "--target"]).arg(&cache).arg("PyYAML").output();
        let reason = installed
            .map_or_else(|error| error.to_string(), |output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(importable(), "PyYAML cannot be installed; run `python3 -m pip install PyYAML`: {reason}");
    }
    cache
});

/// Reads YAML documents with PyYAML, a YAML 1.1 reader; `folder` holds the files.
#[track_caller]
pub fn yaml_1_1(files: &[PathBuf]) -> Vec<Value> {
    const SCRIPT: &str = "
import json, sys, yaml
class Strict(yaml.SafeLoader):
    pass
def pairs(loader, node):
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if len(set(map(str, keys))) != len(keys):
        raise SystemExit('a key stands twice in ' + str(node.start_mark))
    return loader.construct_mapping(node, deep=True)
Strict.add_constructor('tag:yaml.org,2002:map', pairs)
# A date or a set would not be JSON, and json.dumps says so.
print(json.dumps([yaml.load(open(path, encoding='utf-8'), Strict) for path in sys.argv[1:]]))
";
    let text = text_of(python().env("PYTHONPATH", &*PYYAML).args(["-c", SCRIPT]).args(files));
    serde_json::from_str(&text).expect("JSON of Python")
}

/// Reads a YAML document with serde_yaml, a YAML 1.2 reader.
#[track_caller]
pub fn yaml_1_2(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// Fails if shellcheck or the shell itself has something to say about a script.
#[track_caller]
pub fn check_script(path: &Path) {
    text_of(Command::new("sh").arg("-n").arg(path));
    let output = Command::new("shellcheck").arg(path).output();
    let output = output.expect("shellcheck does not start: install it (package `shellcheck`); this test needs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A profile with so many users and sources.
pub fn large(count: usize) -> String {
    let mut text = format!("{PROD}network:\n  exposure: allowlist\n  allow:\n");
    for place in 0..count {
        text.push_str(&format!(
            "    - {{ source: 10.{}.{}.0/24, comment: \"site {place}\" }}\n",
            place / 256,
            place % 256
        ));
    }
    text.push_str("users:\n  - { name: admin, role: admin }\n");
    for place in 0..count {
        text.push_str(&format!("  - {{ name: app{place}, role: application, keys: [\"app{place}:*\"] }}\n"));
    }
    text
}
